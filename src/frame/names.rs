//! The names the programs of the cluster go by: they were renamed between releases, and a remedy
//! must name the one that runs here.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::model::record::Names;
use crate::model::release::Release;

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
            ("vc-worker", "vc-worker"),
            ("damocles_worker::", "damocles-worker"),
            ("damocles-worker", "damocles-worker"),
        ],
    )
});

static MANAGER: LazyLock<Program> = LazyLock::new(|| {
    let names = ["venus-sector-manager", "damocles-manager"];
    Program::new("manager", &names.map(|name| (name, name)))
});

/// The worker's name, `venus-worker`, `damocles-worker` or `vc-worker`, as `text` mentions it first.
pub fn worker(text: &[u8]) -> Option<&'static str> {
    WORKER.first(text)
}

/// The manager's name, `venus-sector-manager` or `damocles-manager`, as `text` mentions it first.
pub fn manager(text: &[u8]) -> Option<&'static str> {
    MANAGER.first(text)
}

/// What stands in the lines that say the release of a program.
pub const RELEASE_ANCHORS: [&str; 1] = ["store constructed"];

/// The release of the manager, where `text` is the line with which it opens a store of its own at its start, since
/// v0.4: the version of such a store is the manager's.
pub fn release(text: &str) -> Option<Release> {
    static OPENED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(RELEASE_ANCHORS[0]));
    static OF_ITS_OWN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"embed-fs\""));
    static VERSION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"ver\":"));
    OPENED.find(text.as_bytes())?;
    OF_ITS_OWN.find(text.as_bytes())?;
    let behind = VERSION.find(text.as_bytes())? + VERSION.needle().len();
    let version = text[behind..].trim_start_matches(' ').strip_prefix('"')?;
    Release::at_start(version).map(|(release, _)| release)
}

/// Both names, as far as `text` mentions them; `None` if it mentions neither.
pub fn both(text: impl AsRef<[u8]>) -> Option<Names> {
    let text = text.as_ref();
    let (worker, manager) = (worker(text).map(str::to_owned), manager(text).map(str::to_owned));
    let names = Names { worker, manager, release: None };
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
    fn a_manager_says_its_release_when_it_opens_a_store() {
        for (text, shown) in [
            (
                "2023-11-20T01:22:41.106+0800\tINFO\tdep\tdep/sealer_constructor.go:463\tstore constructed\t{\"type\": \"embed-fs\", \"ver\": \"v0.9.1-prod-1a2b3c\", \"instance\": \"store-1\"}",
                Some("v0.9.1"),
            ),
            (
                r#"{"level":"info","msg":"embed store constructed","type":"embed-fs","ver":"v0.4.0-x"}"#,
                Some("v0.4.0"),
            ),
            (r#"store constructed {"type": "plugin-fs", "ver": "v1.2.3"}"#, None),
            (r#"store constructed {"type": "embed-fs", "ver": "main"}"#, None),
            (r#"{"type": "embed-fs", "ver": "v0.9.1"}"#, None),
        ] {
            assert_eq!(release(text).map(|release| release.to_string()).as_deref(), shown, "{text}");
        }
    }

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
