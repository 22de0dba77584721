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

/// Sorts names of one moment from the oldest file to the newest: `.2`, `.1`, dates, plain names.
pub(super) fn age(name: &str) -> i64 {
    const INDEX_DIGITS_MAX: usize = 3;
    let digits = name.len() - name.trim_end_matches(|last: char| last.is_ascii_digit()).len();
    match name[name.len() - digits..].parse::<i64>() {
        Ok(index) if digits <= INDEX_DIGITS_MAX => -index,
        _ if name.contains(|any: char| any.is_ascii_digit()) => 0,
        _ => 1,
    }
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
    fn names_of_one_moment_are_sorted_by_age() {
        let oldest_first = ["w.log.12", "w.log.2", "w.log.1", "w-20260823.log", "w.log"];
        assert!(oldest_first.is_sorted_by_key(|name| age(name)));
    }
}
