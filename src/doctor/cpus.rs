//! Lists of processors as the kernel writes them: `0-3,8,16-30:2/4`.

use std::collections::BTreeSet;

/// No kernel knows a processor beyond this; a list that names one is wrong, and long.
const CPU_MAX: u32 = 65_535;

/// A set of processors, or of nodes.
pub type Cpus = BTreeSet<u32>;

/// Reads a list; an empty one is an empty set.
///
/// # Errors
///
/// The part that cannot be read.
pub fn parse(list: &str) -> Result<Cpus, String> {
    let mut cpus = Cpus::new();
    for part in list.trim().split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let bad = || part.to_owned();
        let (range, stride) =
            part.split_once(':').map_or((part, None), |(range, stride)| (range, Some(stride)));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (number(first).ok_or_else(bad)?, number(last).ok_or_else(bad)?);
        let (used, of) = match stride {
            None => (1, 1),
            Some(stride) => {
                let (used, of) = stride.split_once('/').ok_or_else(bad)?;
                (number(used).ok_or_else(bad)?, number(of).ok_or_else(bad)?)
            }
        };
        if first > last || of == 0 || used > of {
            return Err(bad());
        }
        cpus.extend((first..=last).filter(|cpu| (cpu - first) % of < used));
    }
    Ok(cpus)
}

fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&number| plain && number <= CPU_MAX)
}

/// Writes a set as short as it goes: `0-3,8`.
pub fn shown(cpus: &Cpus) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => parts.push((cpu, cpu)),
        }
    }
    let part = |(first, last): (u32, u32)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}-{last}"),
    };
    parts.into_iter().map(part).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_kernel_reads_them() {
        for (list, read) in [
            ("0-3,8", Some("0-3,8")),
            (" 2,5,8 \n", Some("2,5,8")),
            ("0-11:1/4", Some("0,4,8")),
            ("0-7:2/4", Some("0-1,4-5")),
            ("3,1,2,2", Some("1-3")),
            ("", Some("")),
            ("0-3,", Some("0-3")),
            ("7-4", None),
            ("0-", None),
            ("a", None),
            ("-1", None),
            ("+1", None),
            ("0-4294967295", None),
            ("0-3:1/0", None),
            ("0-3:x", None),
        ] {
            assert_eq!(parse(list).ok().map(|cpus| shown(&cpus)).as_deref(), read, "{list}");
        }
    }
}
