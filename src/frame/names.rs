//! The names the programs of the cluster go by: they were renamed between releases, and a remedy
//! must name the one that runs here.

use memchr::memmem;

use crate::record::Names;

const WORKERS: [(&str, &str); 4] = [
    ("venus_worker::", "venus-worker"),
    ("venus-worker", "venus-worker"),
    ("damocles_worker::", "damocles-worker"),
    ("damocles-worker", "damocles-worker"),
];

const MANAGERS: [(&str, &str); 2] =
    [("venus-sector-manager", "venus-sector-manager"), ("damocles-manager", "damocles-manager")];

/// What stands in every spelling.
const IN_WORKERS: &str = "worker";
const IN_MANAGERS: &str = "manager";

/// The worker's name, `venus-worker` or `damocles-worker`, as `text` mentions it first.
pub fn worker(text: &str) -> Option<&'static str> {
    first(text, IN_WORKERS, &WORKERS)
}

/// The manager's name, `venus-sector-manager` or `damocles-manager`, as `text` mentions it first.
pub fn manager(text: &str) -> Option<&'static str> {
    first(text, IN_MANAGERS, &MANAGERS)
}

/// Both names, as far as `text` mentions them; `None` if it mentions neither.
pub fn both(text: &str) -> Option<Names> {
    let names = Names { worker: worker(text).map(str::to_owned), manager: manager(text).map(str::to_owned) };
    (names != Names::default()).then_some(names)
}

fn first(text: &str, within: &str, names: &[(&str, &'static str)]) -> Option<&'static str> {
    // Most lines name nothing, and one search is cheaper than four.
    memmem::find(text.as_bytes(), within.as_bytes())?;
    let found = names.iter().filter_map(|&(spelling, name)| Some((text.find(spelling)?, name)));
    found.min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mention_decides() {
        for (text, name) in [
            ("INFO venus_worker::sealing: text", Some("venus-worker")),
            ("damocles_worker::watchdog: start", Some("damocles-worker")),
            ("/usr/bin/damocles-worker daemon, was venus-worker", Some("damocles-worker")),
            ("venus-worker, now damocles_worker::x", Some("venus-worker")),
            ("venus worker", None),
            ("", None),
        ] {
            assert_eq!(worker(text), name, "{text}");
        }
        assert_eq!(manager("exec venus-sector-manager"), Some("venus-sector-manager"));
        assert_eq!(manager("damocles-manager/pkg/run.go"), Some("damocles-manager"));
        assert_eq!(manager("manager"), None);
    }
}
