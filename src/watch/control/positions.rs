//! How far each file has been read, and files that are to be read again or skipped.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::io;
use std::path::Path;

use anstyle::Style;
use glob::Pattern;
use jiff::Timestamp;
use serde::Serialize;

use super::request::{Place, Refused};
use crate::base::text::{self, counted, width};
use crate::model::position::Position;
use crate::source::tail::{AtRest, means};
use crate::store::{Commit, Durability, Store};

const DIM: Style = Style::new().dimmed();

fn files(store: &Store) -> Result<Vec<File>, Refused> {
    let mut files: Vec<File> = store.positions()?.into_iter().map(File::of).collect();
    // Of one path the oldest generation first.
    files.sort_by(|one, other| (&one.shown, one.number).cmp(&(&other.shown, other.number)));
    Ok(files)
}

/// The position in each file, and what is not read yet.
pub(super) fn list(store: &Store, json: bool) -> Result<String, Refused> {
    let files = files(store)?;
    let mut out = String::new();
    if json {
        for file in &files {
            out += &(serde_json::to_string(&Row::of(file))? + "\n");
        }
    } else {
        // Writing to a string cannot fail.
        let _ = table(&mut out, &files);
    }
    Ok(out)
}

/// Sets positions to the start or the end of their files. While a watch is `running`, it must be at rest.
pub(super) fn reset(
    store: &Store,
    globs: &[String],
    to: Place,
    yes: bool,
    running: bool,
) -> Result<String, Refused> {
    let chosen = choose(files(store)?, globs)?.into_iter();
    let steps: Vec<Step> = chosen.map(|file| Step::of(file, to)).collect::<Result<_, _>>()?;
    if yes {
        apply(store, &steps)?;
    }
    let end = match (yes, running) {
        (false, _) => "nothing was changed: repeat with --yes to apply",
        (true, false) => "when `sealtail watch` starts",
        (true, true) => "from now on",
    };
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = say(&mut out, &steps, to, yes, end);
    Ok(out)
}

/// A position and its file.
struct File {
    number: u64,
    position: Position,
    /// Where it is, or was when it was seen last.
    shown: String,
    at_rest: io::Result<Option<AtRest>>,
}

impl File {
    fn of((number, position): (u64, Position)) -> File {
        let at_rest = AtRest::find(&position);
        let path = match &at_rest {
            Ok(Some(file)) => file.path.to_string_lossy().into_owned(),
            _ => position.path.clone(),
        };
        File { number, position, shown: path, at_rest }
    }

    fn found(&self) -> Option<&AtRest> {
        self.at_rest.as_ref().ok()?.as_ref()
    }

    fn offset(&self) -> u64 {
        self.position.progress.offset
    }

    /// Why there is nothing to say of the file itself.
    fn missing(&self) -> Option<String> {
        match &self.at_rest {
            Ok(Some(_)) => None,
            Ok(None) => Some("not found".to_owned()),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// A line of `state list --json`.
#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    source: &'a str,
    path: &'a str,
    offset: u64,
    line: u64,
    /// `None` for a file that is not found.
    size: Option<u64>,
    unread: Option<u64>,
    written: Option<String>,
}

impl Row<'_> {
    fn of(file: &File) -> Row<'_> {
        let Position { source, progress, .. } = &file.position;
        let found = file.found();
        let size = found.map(|found| found.size);
        let written = found.and_then(|found| Timestamp::try_from(found.written?).ok());
        Row {
            kind: "position",
            source,
            path: &file.shown,
            offset: progress.offset,
            line: progress.line,
            size,
            unread: size.map(|size| size.saturating_sub(progress.offset)),
            written: written.map(|written| format!("{written:.0}")),
        }
    }
}

fn table(out: &mut String, files: &[File]) -> fmt::Result {
    if files.is_empty() {
        return writeln!(out, "no positions");
    }
    let sources = width(files.iter().map(|file| &file.position.source), "source");
    let written = "written";
    writeln!(
        out,
        "{DIM}{:<sources$}  {:>14}  {:>14}  {:>14}  {written:<20}  file{DIM:#}",
        "source", "offset", "size", "unread"
    )?;
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for file in files {
        let Row { source, path, offset, size, unread, written, .. } = Row::of(file);
        let (size, unread) = (number(size), number(unread));
        let written = written.as_deref().unwrap_or("-");
        let path = text::clean_line(path);
        let missing = file.missing().map(|why| format!(" ({why})")).unwrap_or_default();
        writeln!(
            out,
            "{source:<sources$}  {offset:>14}  {size:>14}  {unread:>14}  {written:<20}  {path}{missing}"
        )?;
    }
    Ok(())
}

/// The files that these globs mean.
fn choose(files: Vec<File>, globs: &[String]) -> Result<Vec<File>, Refused> {
    let mut chosen = BTreeSet::new();
    for glob in globs {
        // A file may be named like a glob: the file wins.
        let mut numbers = meant(&files, &Pattern::escape(glob))?;
        if numbers.is_empty() {
            numbers = meant(&files, glob)?;
        }
        if numbers.is_empty() {
            let why = format!("no position matches `{glob}`\nhint: `sealtail state list` shows them");
            return Err(Refused::new(why));
        }
        chosen.extend(numbers);
    }
    Ok(files.into_iter().filter(|file| chosen.contains(&file.number)).collect())
}

/// The numbers of the files that this glob means.
fn meant(files: &[File], glob: &str) -> Result<Vec<u64>, Refused> {
    let invalid = |error| Refused::new(format!("`{glob}` is neither a file nor a valid glob: {error}"));
    let glob = Pattern::new(glob).map_err(invalid)?;
    let files = files.iter().filter(|file| means(&glob, Path::new(&file.shown)));
    Ok(files.map(|file| file.number).collect())
}

/// What a reset does to a file.
struct Step {
    file: File,
    /// The position that it gets, and the bytes between that and the one it has. `None`: it keeps that.
    change: Option<(Position, u64)>,
}

impl Step {
    fn of(file: File, to: Place) -> Result<Step, Refused> {
        let Some(found) = file.found() else { return Ok(Step { file, change: None }) };
        let change = match to {
            Place::Start => (found.start(&file.position), file.offset()),
            Place::End => {
                let end = found.end(&file.position);
                let end =
                    end.map_err(|error| Refused::new(format!("cannot read {}: {error}", file.shown)))?;
                let bytes = end.progress.offset - file.offset();
                (end, bytes)
            }
        };
        Ok(Step { file, change: Some(change) })
    }
}

/// Makes it so, in the state and in the export that stands for it should it be damaged.
fn apply(store: &Store, steps: &[Step]) -> Result<(), Refused> {
    let changes = steps.iter().filter_map(|step| Some((step.file.number, step.change.as_ref()?.0.clone())));
    let positions = changes.map(|(number, position)| (number, Some(position))).collect();
    let commit = Commit { positions, ..Commit::default() };
    let now = Timestamp::now();
    store.commit(&commit, Durability::Now, now)?;
    Ok(store.export(now)?)
}

/// Says what was done, or would be.
fn say(out: &mut String, steps: &[Step], to: Place, yes: bool, end: &str) -> fmt::Result {
    let done = match (to, yes) {
        (Place::Start, true) => "are read again",
        (Place::Start, false) => "would be read again",
        (Place::End, true) => "are skipped",
        (Place::End, false) => "would be skipped",
    };
    let (mut count, mut sum) = (0, 0);
    for Step { file, change } in steps {
        let path = text::clean_line(&file.shown);
        match change {
            Some((_, bytes)) => {
                writeln!(out, "{path}: {bytes} bytes {done}")?;
                (count, sum) = (count + 1, sum + bytes);
            }
            None => writeln!(out, "{path}: {}, left unchanged", file.missing().unwrap_or_default())?,
        }
    }
    writeln!(out, "{}: {sum} bytes {done}; {end}", counted(count, "file"))
}
