//! The words behind `sh` that say of a command what its reader has to know: `caution`, `secret`, `since=damocles-v0.9`.

use super::{Holds, Step};
use crate::model::release::{Release, Releases};

/// A word that is none of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub code: &'static str,
    pub message: String,
    pub hint: &'static str,
}

/// The step that they mark, without text and command, and what is wrong with them.
pub(super) fn read(words: &[&str]) -> (Step, Vec<Wrong>) {
    let mut step = Step::default();
    let mut wrong = Vec::new();
    for word in words {
        match (*word, word.split_once('=')) {
            ("caution", _) => step.caution = true,
            ("secret", _) => step.secret = true,
            (_, Some((key @ ("since" | "until"), value))) => match release(&step, key, value) {
                Ok(holds) => step.holds = Some(holds),
                Err(message) => wrong.push(Wrong {
                    code: "release",
                    message,
                    hint: "write `since=damocles-v0.9`, `until=lotus-v1.18`, or both of one program",
                }),
            },
            _ => wrong.push(Wrong {
                code: "command-block",
                message: format!("`{word}` is not a mark of a command"),
                hint: "known are `caution`, `secret`, `since=…` and `until=…`",
            }),
        }
    }
    (step, wrong)
}

/// What `since=damocles-v0.9` adds to what is known of the releases of a step.
fn release(step: &Step, key: &str, value: &str) -> Result<Holds, String> {
    let (of, release) = value
        .rsplit_once('-')
        .and_then(|(of, release)| Some((of, Release::parse(release.strip_prefix('v').map(|_| release)?)?)))
        .filter(|(of, _)| !of.is_empty())
        .ok_or_else(|| format!("`{value}` is not a release of a program"))?;
    let mut holds = step.holds.clone().unwrap_or(Holds { of: of.to_owned(), releases: Releases::default() });
    if holds.of != of {
        return Err(format!("a command is for releases of one program, not of {} and {of}", holds.of));
    }
    let end = if key == "since" { &mut holds.releases.since } else { &mut holds.releases.until };
    if end.replace(release).is_some() {
        return Err(format!("`{key}` is set twice"));
    }
    let Releases { since, until } = holds.releases;
    let (since, until) = (Releases { since, until: None }, Releases { since: None, until });
    if !since.overlap(&until) {
        return Err("`until` is before `since`".to_owned());
    }
    Ok(holds)
}
