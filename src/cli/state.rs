//! `sealtail state`, and the state that a command is about.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstyle::Style;
use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use glob::{Pattern, PatternError};
use jiff::Timestamp;
use serde::Serialize;

use super::catalogue::Faults;
use super::outbox::{counted, width};
use super::{EXIT_OK, environment, output};
use crate::base::text;
use crate::config::{self, Config};
use crate::model::position::Position;
use crate::source::tail::{AtRest, means};
use crate::store::{Commit, Durability, Store, Terms};

const DIM: Style = Style::new().dimmed();

/// Show how far each file has been read; read files again, or skip them
///
/// These commands open the state themselves, so stop `sealtail watch` first.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  sealtail state list --state-dir /var/lib/sealtail
  sealtail state reset --path '/var/log/venus-worker/*.log'
  sealtail state reset --path worker.log --to end --yes"
)]
pub(super) struct StateArgs {
    #[command(subcommand)]
    task: StateTask,

    #[command(flatten)]
    state: StateOptions,
}

#[derive(Debug, Subcommand)]
enum StateTask {
    /// Print the position in each file, its current size, and the number of unread bytes
    ///
    /// The last record of a file counts as unread until the next one begins.
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Set positions to the start or the end of their files
    ///
    /// Without --yes it only prints what it would do. At the start, all lines of a file are read again by
    /// the next `sealtail watch`: their findings are alerts again, or count in those that are open. At the
    /// end, unread lines are never read. A file that is missing, or whose content is not what was read, is
    /// left unchanged.
    Reset {
        /// Files to reset, by path or, without a slash, by name; repeatable
        ///
        /// If a file has exactly this name it is that file, even if the name is a glob.
        #[arg(long, value_name = "GLOB", required = true)]
        path: Vec<String>,

        /// Where reading continues
        #[arg(long, value_name = "PLACE", default_value = "start")]
        to: Place,

        /// Change the positions
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Place {
    /// At the first byte
    Start,
    /// After the last complete line
    End,
}

/// Says which state is meant.
#[derive(Debug, Args)]
pub(super) struct StateOptions {
    /// Configuration file that names the state [default: the usual locations]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "state_dir")]
    config: Option<PathBuf>,

    /// Folder of the state
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl StateOptions {
    /// Opens a state that is there: looking must not make one.
    pub(super) fn open(&self) -> Result<Store> {
        let directory = &self.directory()?;
        if !Store::exists(directory) {
            bail!(
                "there is no state in {}\nhint: name its folder with --state-dir, or the configuration with --config",
                directory.display()
            );
        }
        // Looking must not move a damaged one either; where it lies is for `sealtail watch` to judge.
        let terms = Terms { strict: true, network: true };
        let opened = Store::open_on(terms, directory, Timestamp::now()).map_err(|error| {
            let hint = if error.is_locked() { "\nhint: stop `sealtail watch` first" } else { "" };
            anyhow!("{error}{hint}")
        })?;
        Ok(opened.store)
    }

    /// The folder that is named, or the one that `sealtail watch` would use.
    fn directory(&self) -> Result<PathBuf> {
        if let Some(directory) = &self.state_dir {
            return Ok(directory.clone());
        }
        let found = config::find(self.config.as_deref(), &environment, &|path: &Path| path.exists());
        let configured = match found.map(|path| Config::load(&path, &environment)) {
            Some(Ok(config)) => config.state_dir,
            Some(Err(faults)) => bail!("{}\nhint: --state-dir DIR needs no configuration", Faults(faults)),
            None => None,
        };
        configured.map_or_else(|| config::state_dir(&environment), Ok).map_err(anyhow::Error::msg)
    }
}

pub(super) fn run(args: StateArgs) -> Result<u8> {
    let store = args.state.open()?;
    let mut files: Vec<File> = store.positions()?.into_iter().map(File::of).collect();
    // Of one path the oldest generation first.
    files.sort_by(|one, other| (&one.shown, one.number).cmp(&(&other.shown, other.number)));
    let mut out = output::coloured(false);
    match args.task {
        StateTask::List { json: true } => {
            for file in &files {
                writeln!(out, "{}", serde_json::to_string(&Row::of(file))?)?;
            }
        }
        StateTask::List { json: false } => list(&mut out, &files)?,
        StateTask::Reset { path, to, yes } => {
            let steps: Vec<Step> =
                choose(files, &path)?.into_iter().map(|file| Step::of(file, to)).collect::<Result<_>>()?;
            if yes {
                apply(&store, &steps)?;
            }
            say(&mut out, &steps, to, yes)?;
        }
    }
    out.flush()?;
    Ok(EXIT_OK)
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

fn list(out: &mut impl Write, files: &[File]) -> io::Result<()> {
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
fn choose(files: Vec<File>, globs: &[String]) -> Result<Vec<File>> {
    let mut chosen = BTreeSet::new();
    for glob in globs {
        // A file may be named like a glob: the file wins.
        let mut numbers = meant(&files, &Pattern::escape(glob))?;
        if numbers.is_empty() {
            numbers = meant(&files, glob)
                .with_context(|| format!("`{glob}` is neither a file nor a valid glob"))?;
        }
        if numbers.is_empty() {
            bail!("no position matches `{glob}`\nhint: `sealtail state list` shows them");
        }
        chosen.extend(numbers);
    }
    Ok(files.into_iter().filter(|file| chosen.contains(&file.number)).collect())
}

/// The numbers of the files that this glob means.
fn meant(files: &[File], glob: &str) -> Result<Vec<u64>, PatternError> {
    let glob = Pattern::new(glob)?;
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
    fn of(file: File, to: Place) -> Result<Step> {
        let Some(found) = file.found() else { return Ok(Step { file, change: None }) };
        let change = match to {
            Place::Start => (found.start(&file.position), file.offset()),
            Place::End => {
                let end = found.end(&file.position);
                let end = end.with_context(|| format!("cannot read {}", file.shown))?;
                let bytes = end.progress.offset - file.offset();
                (end, bytes)
            }
        };
        Ok(Step { file, change: Some(change) })
    }
}

/// Makes it so, in the state and in the export that stands for it should it be damaged.
fn apply(store: &Store, steps: &[Step]) -> Result<()> {
    let changes = steps.iter().filter_map(|step| Some((step.file.number, step.change.as_ref()?.0.clone())));
    let positions = changes.map(|(number, position)| (number, Some(position))).collect();
    let commit = Commit { positions, ..Commit::default() };
    let now = Timestamp::now();
    store.commit(&commit, Durability::Now, now)?;
    Ok(store.export(now)?)
}

/// Says what was done, or would be.
fn say(out: &mut impl Write, steps: &[Step], to: Place, yes: bool) -> io::Result<()> {
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
    let end =
        if yes { "when `sealtail watch` starts" } else { "nothing was changed: repeat with --yes to apply" };
    writeln!(out, "{}: {sum} bytes {done}; {end}", counted(count, "file"))
}
