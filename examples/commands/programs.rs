//! Which programs are read, and where they stand in their repositories.

/// The day of the first release of venus-cluster: what is older is of no interest.
pub const SINCE: &str = "2021-08-27";

/// How a program is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Go,
    Rust,
}

/// A program.
#[derive(Debug)]
pub struct Program {
    /// As it is called today.
    pub name: &'static str,
    pub line: &'static str,
    pub language: Language,
    /// Last words of module paths, today's and former ones, by which its repository is known.
    pub modules: &'static [&'static str],
    /// Folders of its `main`, today's and former ones.
    pub folders: &'static [&'static str],
    /// What stands before the version in tags of its own.
    pub own_tags: Option<&'static str>,
}

const fn go(
    line: &'static str,
    name: &'static str,
    modules: &'static [&'static str],
    folders: &'static [&'static str],
) -> Program {
    Program { name, line, language: Language::Go, modules, folders, own_tags: None }
}

const fn rust(name: &'static str, folders: &'static [&'static str]) -> Program {
    Program { name, line: "damocles", language: Language::Rust, modules: DAMOCLES, folders, own_tags: None }
}

const DAMOCLES: &[&str] = &["damocles-manager", "venus-sector-manager", "venus-cluster"];

/// All programs, in the order of their names.
pub const PROGRAMS: &[Program] = &[
    go("curio", "curio", &["curio"], &["cmd/curio"]),
    go(
        "damocles",
        "damocles-manager",
        DAMOCLES,
        &["damocles-manager/cmd/damocles-manager", "venus-sector-manager/cmd/venus-sector-manager"],
    ),
    rust(
        "damocles-worker",
        &[
            "damocles-worker/src/bin/damocles-worker",
            "venus-worker/src/bin/venus-worker",
            "venus-worker/src/bin/vc-worker",
        ],
    ),
    rust(
        "damocles-worker-util",
        &[
            "damocles-worker-util/src/bin/damocles-worker-util",
            "venus-worker-util/src/bin/venus-worker-util",
            "venus-worker/src/bin/venus-worker-util",
        ],
    ),
    go("droplet", "droplet", &["droplet", "venus-market"], &["cmd/droplet", "cmd/venus-market"]),
    go(
        "droplet",
        "droplet-client",
        &["droplet", "venus-market"],
        &["cmd/droplet-client", "cmd/market-client"],
    ),
    go("lotus", "lotus", &["lotus"], &["cmd/lotus"]),
    Program {
        own_tags: Some("miner/"),
        ..go("lotus", "lotus-miner", &["lotus"], &["cmd/lotus-miner", "cmd/lotus-storage-miner"])
    },
    Program {
        own_tags: Some("miner/"),
        ..go("lotus", "lotus-worker", &["lotus"], &["cmd/lotus-worker", "cmd/lotus-seal-worker"])
    },
    go("sophon-auth", "sophon-auth", &["sophon-auth", "venus-auth"], &["cmd/server"]),
    go("sophon-co", "sophon-co", &["sophon-co", "chain-co"], &["cmd"]),
    go("sophon-gateway", "sophon-gateway", &["sophon-gateway", "venus-gateway"], &[""]),
    go("sophon-messager", "sophon-messager", &["sophon-messager", "venus-messager"], &[""]),
    go("sophon-miner", "sophon-miner", &["sophon-miner", "venus-miner"], &["cmd"]),
    go("venus", "venus", &["venus"], &[""]),
    go("venus-wallet", "venus-wallet", &["venus-wallet"], &["cmd/wallet"]),
];

/// A version, from `v1.2.3`.
pub type Version = (u32, u32, u32);

/// The version of a final release, from what follows the prefix of its tag.
pub fn version(name: &str) -> Option<Version> {
    let mut parts = name.strip_prefix('v')?.split('.').map(str::parse::<u32>);
    let version = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    parts.next().is_none().then_some(version)
}

/// A version as it is written.
pub fn written((major, minor, patch): Version) -> String {
    format!("v{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_releases() {
        for (name, expected) in [
            ("v1.2.3", Some((1, 2, 3))),
            ("v0.10.0", Some((0, 10, 0))),
            ("1.2.3", None),
            ("v1.2", None),
            ("v1.2.3.4", None),
            ("v1.2.3-rc1", None),
            ("v1.2.3-beta", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
        assert_eq!(written((1, 2, 3)), "v1.2.3");
    }

    #[test]
    fn programs_stand_in_order() {
        assert!(PROGRAMS.is_sorted_by_key(|program| program.name));
    }
}
