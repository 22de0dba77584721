//! The names the programs of the cluster go by: they were renamed between releases, and a remedy
//! must name the one that runs here.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::record::Names;

/// A program that was renamed, as it is looked for.
struct Program {
    /// What stands in every spelling. Most lines name nothing, and one search is cheaper than four.
    within: Finder<'static>,
    /// Each spelling, and the name it tells.
    spellings: Vec<(Finder<'static>, &'static str)>,
}

static WORKER: LazyLock<Program> = LazyLock::new(|| {
    Program::new(
        "worker",
        &[
            ("venus_worker::", "venus-worker"),
            ("venus-worker", "venus-worker"),
            ("damocles_worker::", "damocles-worker"),
            ("damocles-worker", "damocles-worker"),
        ],
    )
});

static MANAGER: LazyLock<Program> = LazyLock::new(|| {
    let names = ["venus-sector-manager", "damocles-manager"];
    Program::new("manager", &names.map(|name| (name, name)))
});

/// The worker's name, `venus-worker` or `damocles-worker`, as `text` mentions it first.
pub fn worker(text: &[u8]) -> Option<&'static str> {
    WORKER.first(text)
}

/// The manager's name, `venus-sector-manager` or `damocles-manager`, as `text` mentions it first.
pub fn manager(text: &[u8]) -> Option<&'static str> {
    MANAGER.first(text)
}

/// Both names, as far as `text` mentions them; `None` if it mentions neither.
pub fn both(text: impl AsRef<[u8]>) -> Option<Names> {
    let text = text.as_ref();
    let names = Names { worker: worker(text).map(str::to_owned), manager: manager(text).map(str::to_owned) };
    (names != Names::default()).then_some(names)
}

impl Program {
    fn new(within: &'static str, spellings: &[(&'static str, &'static str)]) -> Program {
        let spellings = spellings.iter().map(|&(spelling, name)| (Finder::new(spelling), name)).collect();
        Program { within: Finder::new(within), spellings }
    }

    /// The name that `text` mentions first.
    fn first(&self, text: &[u8]) -> Option<&'static str> {
        self.within.find(text)?;
        let found = self.spellings.iter().filter_map(|(spelling, name)| Some((spelling.find(text)?, *name)));
        found.min().map(|(_, name)| name)
    }
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
            assert_eq!(worker(text.as_bytes()), name, "{text}");
        }
        assert_eq!(manager(b"exec venus-sector-manager"), Some("venus-sector-manager"));
        assert_eq!(manager(b"damocles-manager/pkg/run.go"), Some("damocles-manager"));
        assert_eq!(manager(b"manager"), None);
    }
}
