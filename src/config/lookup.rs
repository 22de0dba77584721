//! Where the configuration is looked for.

use std::path::{Path, PathBuf};

/// The configuration to read: `option` (`--config`), `$SEALTAIL_CONFIG`,
/// `$XDG_CONFIG_HOME/sealtail/sealtail.toml`, `/etc/sealtail/sealtail.toml`.
///
/// The first two are taken as they are, so that a wrong path is reported and not ignored; of the
/// others the first for which `exists` says so. `None` where there is none.
pub fn find(
    option: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
    exists: &dyn Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(named) = option.map(Path::to_owned).or_else(|| set("SEALTAIL_CONFIG")) {
        return Some(named);
    }
    // The XDG specification has relative paths ignored.
    let user = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let user = user.or_else(|| set("HOME").map(|home| home.join(".config")));
    let folders = user.into_iter().chain([PathBuf::from("/etc")]);
    folders.map(|folder| folder.join("sealtail/sealtail.toml")).find(|path| exists(path))
}

/// Where the state is kept if the configuration does not say: `$STATE_DIRECTORY` (set by systemd),
/// else `$XDG_STATE_HOME/sealtail`, else `~/.local/state/sealtail`.
///
/// # Errors
///
/// A sentence, where not even a home folder is known.
pub fn state_dir(env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, String> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(folders) = set("STATE_DIRECTORY") {
        // systemd joins several with a colon; the first is ours.
        return Ok(folders.split(':').next().unwrap_or(&folders).into());
    }
    let user = set("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let user = user.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    user.map(|folder| folder.join("sealtail"))
        .ok_or_else(|| "no state directory: set `state_dir`, or --state-dir".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_has_a_place() {
        type Set = &'static [(&'static str, &'static str)];
        let cases: [(Set, Option<&str>); 5] = [
            (&[("STATE_DIRECTORY", "/var/lib/sealtail:/x"), ("HOME", "/root")], Some("/var/lib/sealtail")),
            (&[("XDG_STATE_HOME", "/state"), ("HOME", "/root")], Some("/state/sealtail")),
            (&[("XDG_STATE_HOME", "state"), ("HOME", "/root")], Some("/root/.local/state/sealtail")),
            (&[("HOME", "/root")], Some("/root/.local/state/sealtail")),
            (&[], None),
        ];
        for (set, expected) in cases {
            let env = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(state_dir(&env).ok(), expected.map(PathBuf::from), "{set:?}");
        }
    }

    #[test]
    fn the_first_of_the_places_wins() {
        type Case = (Option<&'static str>, &'static [(&'static str, &'static str)], &'static [&'static str]);
        let cases: [(Case, Option<&str>); 8] = [
            ((Some("x.toml"), &[("SEALTAIL_CONFIG", "/e")], &[]), Some("x.toml")),
            ((None, &[("SEALTAIL_CONFIG", "/e")], &[]), Some("/e")),
            (
                (None, &[("SEALTAIL_CONFIG", ""), ("XDG_CONFIG_HOME", "/x")], &["/x/sealtail/sealtail.toml"]),
                Some("/x/sealtail/sealtail.toml"),
            ),
            (
                (None, &[("HOME", "/home/me")], &["/home/me/.config/sealtail/sealtail.toml"]),
                Some("/home/me/.config/sealtail/sealtail.toml"),
            ),
            (
                (
                    None,
                    &[("HOME", "/h"), ("XDG_CONFIG_HOME", "rel")],
                    &["rel/sealtail/sealtail.toml", "/h/.config/sealtail/sealtail.toml"],
                ),
                Some("/h/.config/sealtail/sealtail.toml"),
            ),
            (
                (None, &[("HOME", "/h")], &["/etc/sealtail/sealtail.toml"]),
                Some("/etc/sealtail/sealtail.toml"),
            ),
            ((None, &[], &["/etc/sealtail/sealtail.toml"]), Some("/etc/sealtail/sealtail.toml")),
            ((None, &[("HOME", "/h")], &[]), None),
        ];
        for ((option, env, files), expected) in cases {
            let env =
                |name: &str| env.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            let exists = |path: &Path| files.iter().any(|file| path == Path::new(file));
            let found = find(option.map(Path::new), &env, &exists);
            assert_eq!(found.as_deref(), expected.map(Path::new));
        }
    }
}
