//! What a configuration names, as the user who runs `check` meets it: files, folders, signatures, variables.
//!
//! Nothing is changed and nothing is made.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::base::diagnostic::did_you_mean;
use crate::base::text::clean;
use crate::config::{self, Config};
use crate::signature::Catalogue;
use crate::source::tail::{Settings, follows};

/// One thing that is not as the configuration has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// `watch` would not start, or would not read what it is to read.
    pub fault: bool,
    /// What is wrong, and with what.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    fn fault(text: String, hint: impl Into<Option<String>>) -> Problem {
        Problem { fault: true, text, hint: hint.into() }
    }

    fn warning(text: String, hint: impl Into<Option<String>>) -> Problem {
        Problem { fault: false, ..Problem::fault(text, hint) }
    }
}

impl Problem {
    /// Writes it to standard error.
    pub fn print(&self) {
        let kind = if self.fault { "fault" } else { "warning" };
        anstream::eprintln!("{kind}: {}", clean(&self.text));
        if let Some(hint) = &self.hint {
            anstream::eprintln!("hint: {}", clean(hint));
        }
    }
}

/// Everything that is wrong, sources first, and how many files the sources name. `ids` are those of all pages, disabled
/// ones among them.
pub(super) fn look(
    config: &Config,
    catalogue: &Catalogue,
    ids: &[String],
    env: &dyn Fn(&str) -> Option<String>,
) -> (Vec<Problem>, usize) {
    let mut problems = Vec::new();
    if config.sources.is_empty() {
        let hint = "add one: [[source]] with name and paths".to_owned();
        problems
            .push(Problem::fault("the configuration has no [[source]]: nothing is watched".to_owned(), hint));
    }
    // The sources that name each file.
    let mut files: BTreeMap<PathBuf, Vec<&str>> = BTreeMap::new();
    for source in &config.sources {
        let found = list(source, &mut problems);
        for file in found {
            files.entry(file).or_default().push(&source.name);
        }
    }
    for (file, sources) in &files {
        if let Err(error) = File::open(file) {
            let text = format!("source `{}`: cannot read {}: {error}", sources[0], file.display());
            problems.push(Problem::fault(text, readable(error.kind())));
        }
        if let [first, second, ..] = sources[..] {
            let text = format!("{} is named by the sources `{first}` and `{second}`", file.display());
            let hint =
                "a file is read once, for one of them: leave it out of the other with `exclude`".to_owned();
            problems.push(Problem::warning(text, hint));
        }
    }
    problems.extend(state(config, env));
    problems.extend(names(config, catalogue, ids));
    (problems, files.len())
}

/// The files that a source names.
fn list(source: &Settings, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for pattern in &source.paths {
        // The configuration was checked: it is a glob.
        let Ok(paths) = glob::glob(pattern) else { continue };
        for path in paths {
            match path {
                Ok(path) if path.is_file() && follows(source, &path) => files.push(path),
                Ok(_) => {}
                Err(error) => {
                    let (path, error) = (error.path().display().to_string(), error.error());
                    let text = format!("source `{}`: cannot list {path}: {error}", source.name);
                    problems.push(Problem::fault(text, readable(error.kind())));
                }
            }
        }
    }
    files.sort();
    files.dedup();
    if files.is_empty() {
        let text = format!("source `{}` matches no file yet: {}", source.name, source.paths.join(", "));
        let hint = source.paths.iter().find_map(|path| missing_folder(path));
        problems.push(Problem::warning(text, hint));
    }
    files
}

/// The first folder of a pattern that is not there.
fn missing_folder(pattern: &str) -> Option<String> {
    let fixed = pattern.split(['*', '?', '[']).next().unwrap_or_default();
    let folder = Path::new(fixed.rsplit_once('/').map_or("/", |(folder, _)| folder));
    let missing = folder.ancestors().take_while(|folder| !folder.exists()).last()?;
    Some(format!("there is no {}", missing.display()))
}

fn readable(kind: ErrorKind) -> Option<String> {
    let hint = "give the user of the service the right to read it: a group that may, or an ACL";
    (kind == ErrorKind::PermissionDenied).then(|| hint.to_owned())
}

/// Whether the state can be written: where it is not there yet, the folder in which it will be made.
fn state(config: &Config, env: &dyn Fn(&str) -> Option<String>) -> Option<Problem> {
    let state = match config.state_dir.clone().map_or_else(|| config::state_dir(env), Ok) {
        Ok(state) => state,
        Err(why) => return Some(Problem::fault(why, None)),
    };
    let there = state.ancestors().find(|folder| folder.symlink_metadata().is_ok())?;
    if there == state && !there.is_dir() {
        return Some(Problem::fault(format!("state_dir: {} is not a folder", state.display()), None));
    }
    let error = access(there, Access::WRITE_OK | Access::EXEC_OK).err()?;
    let text = format!("state_dir: cannot write to {}: {error}", there.display());
    Some(Problem::fault(text, format!("the user that runs `watch` has to own {}", state.display())))
}

/// Signatures and variables that the configuration names and no page has.
fn names(config: &Config, catalogue: &Catalogue, ids: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let named =
        config.sinks.iter().map(|sink| (format!("sink `{}`, signatures", sink.name), &sink.route.signatures));
    for (place, patterns) in named.chain([("disable".to_owned(), &config.disable)]) {
        for pattern in patterns.iter().filter(|pattern| !ids.iter().any(|id| pattern.matches(id))) {
            let text = format!("{place}: no signature is called `{pattern}`");
            let hint = did_you_mean(pattern.as_str(), ids.iter().map(String::as_str));
            problems.push(Problem::warning(
                text,
                hint.unwrap_or_else(|| "`sealtail patterns` lists them".to_owned()),
            ));
        }
    }
    let vars: Vec<&str> =
        catalogue.signatures().iter().flat_map(|signature| &signature.vars).map(String::as_str).collect();
    // The release of a program chooses steps, and fills none.
    let unused =
        config.vars.keys().filter(|name| !vars.contains(&name.as_str()) && !name.ends_with("_version"));
    for name in unused {
        let hint = did_you_mean(name, vars.iter().copied());
        problems.push(Problem::warning(format!("[vars]: no page uses `{name}`"), hint));
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::signature::Catalogue;

    /// What is wrong with a configuration in `folder`, a line a problem, without its hints.
    fn problems(folder: &Path, text: &str) -> Vec<String> {
        let text = text.replace("HERE", folder.to_str().unwrap());
        let (config, faults) = Config::parse(&folder.join("sealtail.toml"), &text, &|_| None);
        let config = config.unwrap_or_else(|| panic!("{faults:?}"));
        let ids = ["site/a".to_owned(), "site/b".to_owned()];
        let (catalogue, _) = Catalogue::load(std::iter::empty(), &[]);
        let env = |name: &str| (name == "HOME").then(|| folder.display().to_string());
        let (problems, _) = look(&config, &catalogue, &ids, &env);
        let line = |problem: Problem| {
            let kind = if problem.fault { "fault" } else { "warning" };
            format!("{kind}: {}", problem.text).replace(folder.to_str().unwrap(), "HERE")
        };
        problems.into_iter().map(line).collect()
    }

    const SOURCE: &str = "[[source]]\nname = 'worker'\npaths = ['HERE/logs/*.log']\n";

    #[test]
    fn what_is_as_the_configuration_says_is_no_problem() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        fs::write(folder.path().join("logs/worker.log"), "").unwrap();
        let sink = "[[sink.webhook]]\nname = 'ops'\nurl = 'https://example.org'\nsignatures = ['site/*']\n";
        let whole = format!("disable = ['site/b']\nvars.damocles_version = 'v0.8.1'\n{SOURCE}{sink}");
        assert_eq!(problems(folder.path(), &whole), [""; 0]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        fs::write(folder.path().join("logs/old.log.gz"), "").unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let second = SOURCE.replace("worker", "again").replace("logs/*.log", "logs/*");
        let sink = "[[sink.webhook]]\nname = 'ops'\nurl = 'https://example.org'\nsignatures = ['sight/*']\n";
        for (text, expected) in [
            ("", &["fault: the configuration has no [[source]]: nothing is watched"][..]),
            (SOURCE, &["warning: source `worker` matches no file yet: HERE/logs/*.log"]),
            // What is packed is read when it is the rest of a file, and is no file to follow.
            (&second, &["warning: source `again` matches no file yet: HERE/logs/*"]),
            (
                &format!("state_dir = 'HERE/file'\n{SOURCE}"),
                &["", "fault: state_dir: HERE/file is not a folder"],
            ),
            (
                &format!("{SOURCE}{sink}"),
                &["", "warning: sink `ops`, signatures: no signature is called `sight/*`"],
            ),
            (
                &format!("disable = ['site/c']\n{SOURCE}"),
                &["", "warning: disable: no signature is called `site/c`"],
            ),
            (&format!("vars.disc = '/x'\n{SOURCE}"), &["", "warning: [vars]: no page uses `disc`"]),
        ] {
            let found = problems(folder.path(), text);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            let is_as_expected =
                |(found, expected): (&String, &&str)| expected.is_empty() || found == expected;
            assert!(found.iter().zip(expected).all(is_as_expected), "{found:?}");
        }
    }

    #[test]
    fn a_file_of_two_sources_is_named_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        fs::write(folder.path().join("logs/worker.log"), "").unwrap();
        let second = SOURCE.replace("worker", "again").replace("logs/*.log", "logs/*");
        assert_eq!(
            problems(folder.path(), &format!("{SOURCE}{second}")),
            ["warning: HERE/logs/worker.log is named by the sources `worker` and `again`"]
        );
    }

    /// Permissions bind nobody who may pass over them.
    #[test]
    fn what_may_not_be_read_or_written_is_a_fault() {
        if rustix::process::geteuid().is_root() {
            eprintln!("skipped: root may read everything");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        let log = folder.path().join("logs/worker.log");
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o000)).unwrap();
        let text = format!("state_dir = '/proc/sealtail'\n{SOURCE}");
        let found = problems(folder.path(), &text);
        assert!(
            found[0].starts_with("fault: source `worker`: cannot read HERE/logs/worker.log: "),
            "{found:?}"
        );
        assert!(found[1].starts_with("fault: state_dir: cannot write to /proc: "), "{found:?}");
    }
}
