//! What a build of the worker would read, and whether it turns debug information on.
//!
//! Cargo takes the flags of the compiler from one place only: the environment before
//! `target.<triple>` before `build`. A profile's setting is taken from the environment, then from the
//! nearest configuration file that has it, then from the manifest. Flags come last on the command
//! line of the compiler, so they win over the profile.

use toml::de::{DeTable, DeValue};

use super::facts::{Build, TextFile};
use crate::base::diagnostic::{Excerpt, Text};

/// What turns debug information on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The variable or key.
    pub name: String,
    /// What it says.
    pub value: String,
    /// The file and its line; `None` for a variable of the environment.
    pub file: Option<(String, Excerpt)>,
}

/// The setting that wins, if it turns debug information on.
pub(super) fn debug_setting(build: &Build) -> Option<Setting> {
    let flags = flags(build);
    match flags.iter().rev().find_map(|(setting, flags)| Some((setting, debug_of_flags(flags)?))) {
        Some((setting, true)) => Some(setting.clone()),
        Some((_, false)) => None,
        None => profile(build),
    }
}

type Flags = (Setting, Vec<String>);

/// The flags in force, from the weakest file.
fn flags(build: &Build) -> Vec<Flags> {
    let words = |text: &str, separator: char| -> Vec<String> {
        text.split(separator).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let variable = |name: &str, separator: char| {
        let value = build.environ.get(name)?;
        let shown = value.replace('\u{1f}', " ");
        Some((Setting { name: name.to_owned(), value: shown, file: None }, words(value, separator)))
    };
    if let Some(set) = variable("CARGO_ENCODED_RUSTFLAGS", '\u{1f}').or_else(|| variable("RUSTFLAGS", ' ')) {
        return vec![set];
    }
    let of_target = |name: &&String| name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS");
    let mut targets = in_files(build, &|table| {
        let targets =
            table.get("target").and_then(|target| target.get_ref().as_table()).into_iter().flatten();
        targets
            .filter_map(|(name, target)| {
                Some((
                    format!("target.{}.rustflags", name.get_ref()),
                    target.get_ref().as_table()?.get("rustflags")?,
                ))
            })
            .collect()
    });
    targets.extend(build.environ.keys().filter(of_target).filter_map(|name| variable(name, ' ')));
    if !targets.is_empty() {
        return targets;
    }
    if let Some(set) = variable("CARGO_BUILD_RUSTFLAGS", ' ') {
        return vec![set];
    }
    in_files(build, &|table| {
        let flags = table.get("build").and_then(|build| build.get_ref().as_table()?.get("rustflags"));
        flags.map(|flags| ("build.rustflags".to_owned(), flags)).into_iter().collect()
    })
}

type Value<'t> = toml::Spanned<DeValue<'t>>;

/// The lists of flags that `find` finds in the files, from the weakest file.
fn in_files(
    build: &Build,
    find: &dyn for<'a, 't> Fn(&'a DeTable<'t>) -> Vec<(String, &'a Value<'t>)>,
) -> Vec<Flags> {
    let mut found = Vec::new();
    for file in build.configs.iter().rev() {
        let (table, _) = DeTable::parse_recoverable(&file.text);
        for (name, value) in find(table.get_ref()) {
            let words: Vec<String> = match value.get_ref() {
                DeValue::String(words) => words.split_whitespace().map(str::to_owned).collect(),
                DeValue::Array(words) => {
                    words.iter().filter_map(|word| Some(word.get_ref().as_str()?.to_owned())).collect()
                }
                _ => continue,
            };
            found.push((setting(file, name, value), words));
        }
    }
    found
}

fn setting(file: &TextFile, name: String, value: &Value<'_>) -> Setting {
    let excerpt = Text::new(&file.path, &file.text).excerpt(value.span());
    let shown = file.text.get(value.span()).unwrap_or_default().replace('\n', " ");
    Setting { name, value: shown, file: Some((file.path.clone(), excerpt)) }
}

/// Whether the last flag about it turns debug information on; `None` where there is none.
fn debug_of_flags(flags: &[String]) -> Option<bool> {
    let mut on = None;
    let mut words = flags.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let option = match word {
            "-g" => {
                on = Some(true);
                continue;
            }
            "-C" | "--codegen" => words.next().unwrap_or_default(),
            word => word.strip_prefix("-C").or_else(|| word.strip_prefix("--codegen=")).unwrap_or_default(),
        };
        if option == "debuginfo" {
            on = Some(true);
        } else if let Some(level) = option.strip_prefix("debuginfo=") {
            on = Some(!matches!(level, "0" | "none"));
        }
    }
    on
}

/// The profile's setting that wins, if it turns debug information on and nothing strips it.
fn profile(build: &Build) -> Option<Setting> {
    let strip = strongest(build, "CARGO_PROFILE_RELEASE_STRIP", "strip");
    if strip.is_some_and(|strip| !matches!(bare(&strip.value), "false" | "none")) {
        return None;
    }
    let debug = strongest(build, "CARGO_PROFILE_RELEASE_DEBUG", "debug")?;
    (!matches!(bare(&debug.value), "false" | "0" | "none")).then_some(debug)
}

fn bare(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

fn strongest(build: &Build, variable: &str, key: &str) -> Option<Setting> {
    if let Some(value) = build.environ.get(variable) {
        return Some(Setting { name: variable.to_owned(), value: value.clone(), file: None });
    }
    build.configs.iter().chain(&build.manifest).find_map(|file| {
        let (table, _) = DeTable::parse_recoverable(&file.text);
        let release = table.get_ref().get("profile")?.get_ref().as_table()?.get("release")?;
        let value = release.get_ref().as_table()?.get(key)?;
        Some(setting(file, format!("profile.release.{key}"), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(environ: &[(&str, &str)], configs: &[&str], manifest: &str) -> Build {
        let file = |(index, text): (usize, &&str)| TextFile {
            path: format!("{index}.toml"),
            text: (*text).to_owned(),
        };
        Build {
            environ: environ.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            configs: configs.iter().enumerate().map(file).collect(),
            manifest: Some(TextFile { path: "Cargo.toml".to_owned(), text: manifest.to_owned() }),
        }
    }

    #[test]
    fn the_setting_that_wins_is_named() {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str, Option<&'a str>);
        let flags = "[build]\nrustflags = [\"-C\", \"target-cpu=native\", \"-g\"]\n";
        let cases: [Case<'_>; 16] = [
            (&[], &[], "", None),
            (&[("RUSTFLAGS", "-C target-cpu=native -g")], &[], "", Some("RUSTFLAGS")),
            (&[("RUSTFLAGS", "-C target-cpu=native")], &[flags], "", None),
            (&[("RUSTFLAGS", "-Cdebuginfo=0")], &[], "[profile.release]\ndebug = 2\n", None),
            (&[("RUSTFLAGS", "-g -C debuginfo=0")], &[], "", None),
            (&[("RUSTFLAGS", "--codegen=debuginfo=line-tables-only")], &[], "", Some("RUSTFLAGS")),
            (
                &[("CARGO_ENCODED_RUSTFLAGS", "-C\u{1f}debuginfo=2"), ("RUSTFLAGS", "")],
                &[],
                "",
                Some("CARGO_ENCODED_RUSTFLAGS"),
            ),
            (&[("CARGO_BUILD_RUSTFLAGS", "-g"), ("RUSTFLAGS", "-Copt-level=3")], &[], "", None),
            (&[("CARGO_BUILD_RUSTFLAGS", "-Copt-level=3")], &[flags], "", None),
            (&[], &["", flags], "", Some("build.rustflags")),
            (
                &[],
                &["[target.x86_64-unknown-linux-gnu]\nrustflags = \"-g\"\n"],
                "",
                Some("target.x86_64-unknown-linux-gnu.rustflags"),
            ),
            (&[], &["[profile.release]\ndebug = false\n"], "[profile.release]\ndebug = true\n", None),
            (&[], &[], "[profile.release]\ndebug = \"limited\"\n", Some("profile.release.debug")),
            (&[], &[], "[profile.release]\ndebug = 1\nstrip = \"debuginfo\"\n", None),
            (&[("CARGO_PROFILE_RELEASE_DEBUG", "true")], &[], "", Some("CARGO_PROFILE_RELEASE_DEBUG")),
            (&[], &["not toml ="], "[profile.dev]\ndebug = true\n", None),
        ];
        for (environ, configs, manifest, expected) in cases {
            let found = debug_setting(&build(environ, configs, manifest));
            assert_eq!(found.as_ref().map(|setting| &*setting.name), expected, "{environ:?} {configs:?}");
        }
    }
}
