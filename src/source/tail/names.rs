//! The names that rotation gives.

use std::path::Path;

/// Names that end so hold what has been followed already, compressed.
const COMPRESSED: [&str; 8] = [".gz", ".zst", ".xz", ".bz2", ".lz4", ".Z", ".zip", ".tgz"];

/// Whether `name` is what rotation calls an older generation of the file `base`: `worker.log.1`,
/// `worker.log-20260823`, `worker-2026-08-23.log`, `worker.log.old` of `worker.log`.
pub(super) fn is_rotated(base: &str, name: &str) -> bool {
    if let Some(rest) = name.strip_prefix(base) {
        return rest.starts_with(['.', '-', '_', '~']);
    }
    let Some((stem, extension)) = base.rsplit_once('.') else { return false };
    let middle = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension)?.strip_suffix('.'));
    // A number or a date: `worker-b.log` is another worker.
    middle.is_some_and(|middle| {
        middle.starts_with(['.', '-', '_']) && middle[1..].starts_with(|first: char| first.is_ascii_digit())
    })
}

/// Whether `name` is certain to be an older generation of `base`: `worker.log.err` may be a log of its own.
pub(super) fn is_generation(base: &str, name: &str) -> bool {
    let rest = name.strip_prefix(base).and_then(|rest| rest.get(1..));
    let is_number = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    is_rotated(base, name) && rest.is_none_or(|rest| matches!(rest, "" | "old") || is_number(rest))
}

/// The names of which `name` may be a rotated one, after [`is_rotated`].
pub(super) fn bases(name: &str) -> Vec<String> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let cuts = name.match_indices(['.', '-', '_', '~']).map(|(at, _)| &name[..at]);
    let mut bases = Vec::new();
    for stem in cuts.filter(|stem| !stem.is_empty()) {
        bases.push(stem.to_owned());
        bases.extend(extension.map(|extension| format!("{stem}.{extension}")));
    }
    bases.retain(|base| is_rotated(base, name));
    bases
}

/// Sorts names of one moment from the oldest file to the newest: `.2`, `.1`, dates from the first to the last, plain
/// names.
pub(super) fn age(name: &str) -> (i64, String) {
    const INDEX_DIGITS_MAX: usize = 3;
    if let Some(date) = date(name) {
        return (0, date);
    }
    let digits = name.len() - name.trim_end_matches(|last: char| last.is_ascii_digit()).len();
    let index = match name[name.len() - digits..].parse::<i64>() {
        Ok(index) if digits <= INDEX_DIGITS_MAX => -index,
        _ if name.contains(|any: char| any.is_ascii_digit()) => 0,
        _ => 1,
    };
    (index, String::new())
}

/// Whether a name is that of a later file than another, where both have a number or a date.
pub(super) fn is_later(name: &str, other: &str) -> Option<bool> {
    let (this, other) = (age(name), age(other));
    let numbers = this.0 < 0 && other.0 < 0;
    let dates = !this.1.is_empty() && !other.1.is_empty();
    (numbers || dates).then(|| this > other)
}

/// The digits of a date in a name, from its year on: so they sort. A date that begins with its day does not.
fn date(name: &str) -> Option<String> {
    let starts = name.match_indices("20").map(|(at, _)| name.split_at(at));
    let mut starts = starts.filter(|(before, _)| !before.ends_with(|last: char| last.is_ascii_digit()));
    starts.find_map(|(_, date)| {
        let digits: String = date.chars().filter(char::is_ascii_digit).collect();
        let month = digits.get(4..6)?.parse::<u8>().ok()?;
        ((1..=12).contains(&month) && digits.len() >= 8).then_some(digits)
    })
}

/// The last part of a path, for comparison of names.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn is_compressed(path: &Path) -> bool {
    plain_name(&name_of(path)).is_some()
}

/// The name of a compressed file before it was.
pub(super) fn plain_name(name: &str) -> Option<&str> {
    COMPRESSED.iter().find_map(|ending| name.strip_suffix(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_older_generations() {
        for (base, name, rotated) in [
            ("worker.log", "worker.log.1", true),
            ("worker.log", "worker.log-20260823", true),
            ("worker.log", "worker.log.old", true),
            ("worker.log", "worker.log~", true),
            ("worker.log", "worker-20260823.log", true),
            ("worker.log", "worker-2026-08-23T10-00-00.000.log", true),
            ("worker.log", "worker.1.log", true),
            ("worker", "worker.1", true),
            ("worker.log", "worker.log", false),
            ("worker.log", "worker-b.log", false),
            ("worker.log", "workers.log", false),
            ("worker.log", "worker.log2", false),
            ("worker.log.1", "worker.log", false),
            ("worker.log", "worker.", false),
            ("wörker.log", "wörker-1.log", true),
        ] {
            assert_eq!(is_rotated(base, name), rotated, "{name} of {base}");
            assert_eq!(bases(name).iter().any(|found| found == base), rotated, "{name} of {base}");
        }
    }

    #[test]
    fn a_log_of_its_own_is_no_generation() {
        for (name, generation) in [
            ("worker.log.1", true),
            ("worker.log-20260823", true),
            ("worker.log.old", true),
            ("worker.log~", true),
            ("worker-20260823.log", true),
            ("worker.log.err", false),
            ("worker.log-b", false),
            ("worker.log_metrics.1", false),
            ("worker.log", false),
        ] {
            assert_eq!(is_generation("worker.log", name), generation, "{name}");
        }
    }

    #[test]
    fn names_of_one_moment_are_sorted_by_age() {
        for oldest_first in [
            ["w.log.12", "w.log.2", "w.log.1", "w-20260823.log", "w.log"],
            ["w.log.2", "w.log-2026-07-31", "w.log-2026-08-01", "w.log-2026-08-02", "w.log"],
        ] {
            assert!(oldest_first.is_sorted_by_key(|name| age(name)), "{oldest_first:?}");
        }
    }

    #[test]
    fn a_name_tells_the_order_by_its_number_or_date() {
        for (name, other, is_later_than) in [
            ("w.log.1", "w.log.2", Some(true)),
            ("w.log.10", "w.log.9", Some(false)),
            ("w.log-20260801", "w.log-20260731", Some(true)),
            ("w.log-2026-08-01", "w.log-2026-08-31", Some(false)),
            ("w-2026-08-23T11-00-00.000.log", "w-2026-08-23T10-59-59.999.log", Some(true)),
            ("w20.log-2026080123", "w20.log-2026080122", Some(true)),
            // Its day comes first, or there is none.
            ("w.log-20122026", "w.log-20012027", None),
            ("w.log-01092026", "w.log-31082026", None),
            ("w.log.old", "w.log.1", None),
            ("w.log.1", "w.log-20260823", None),
        ] {
            assert_eq!(is_later(name, other), is_later_than, "{name} after {other}");
        }
    }
}
