//! Whom a record is about: a thread, a sector, a miner.

use crate::model::record::Fields;

/// Characters that a thread's name may have.
const NAME_CHARS_MAX: usize = 40;

/// What kind of thing a record may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Thread,
    Sector,
    Miner,
}

/// One thing that a record is about.
pub(crate) type Subject = (Kind, String);

/// What a record with these fields is about.
pub(super) fn of(fields: &Fields, record: &str) -> Vec<Subject> {
    let thread = module(record).or_else(|| fields.get("thread").map(String::as_str));
    // Of a thread without a name Rust says `<unnamed>`.
    let is_name =
        |name: &&str| (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.starts_with('<');
    let thread = thread.filter(is_name);
    let number = |name: &str| fields.get(name).map(String::as_str).filter(|value| is_number(value));
    let miner = fields.get("miner").map(|miner| miner.strip_prefix(['f', 't']).unwrap_or(miner));
    let miner = miner.map(|miner| miner.trim_start_matches('0')).filter(|miner| is_number(miner));
    let named = path_of_sector(record).map(str::to_owned);
    let sector = match (miner, number("sector")) {
        (Some(miner), Some(sector)) => Some(format!("s-t0{miner}-{sector}")),
        (None, Some(sector)) => Some(named.unwrap_or_else(|| sector.to_owned())),
        (_, None) => named,
    };
    let thread = thread.map(|name| (Kind::Thread, name.to_owned()));
    let sector = sector.map(|name| (Kind::Sector, name));
    let miner = miner.map(|name| (Kind::Miner, name.to_owned()));
    thread.into_iter().chain(sector).chain(miner).collect()
}

/// The name in `module{name="worker-4"}`, a span of the worker's threads.
fn module(record: &str) -> Option<&str> {
    let line = record.lines().next()?;
    let (_, rest) = line.split_once("module{name=")?;
    let rest = rest.strip_prefix('"')?;
    Some(rest.split_once('"')?.0)
}

/// A sector as folders are called for it: `s-t01000-17`.
fn path_of_sector(record: &str) -> Option<&str> {
    record.match_indices("s-t0").find_map(|(start, _)| {
        let name = &record[start..];
        let end = name[4..].find(|c: char| !c.is_ascii_digit() && c != '-').map_or(name.len(), |end| end + 4);
        let (miner, sector) = name[4..end].split_once('-')?;
        (is_number(miner) && is_number(sector)).then_some(&name[..end])
    })
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_whom_it_is_about() {
        let fields = |pairs: &[(&str, &str)]| -> Fields {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        for (pairs, record, expected) in [
            (&[][..], "nothing", vec![]),
            (&[("thread", "4")], "module{name=\"worker-4\"}: x", vec![(Kind::Thread, "worker-4")]),
            (&[("thread", "<unnamed>")], "x", vec![]),
            (&[("thread", "4")], "x", vec![(Kind::Thread, "4")]),
            (
                &[("miner", "t01000"), ("sector", "17")],
                "x",
                vec![(Kind::Sector, "s-t01000-17"), (Kind::Miner, "1000")],
            ),
            (&[("sector", "17")], "x", vec![(Kind::Sector, "17")]),
            (&[], "open /mnt/s-t01000-412/p_aux: x", vec![(Kind::Sector, "s-t01000-412")]),
            (&[], "s-t0x s-t01000- s-t01-2错", vec![(Kind::Sector, "s-t01-2")]),
        ] {
            let found = of(&fields(pairs), record);
            let found: Vec<(Kind, &str)> = found.iter().map(|(kind, name)| (*kind, name.as_str())).collect();
            assert_eq!(found, expected, "{record}");
        }
    }
}
