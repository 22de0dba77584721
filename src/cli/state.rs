//! `sealtail state`, and the state that a command is about.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::catalogue::Faults;
use super::{EXIT_OK, environment, output};
use crate::config::{self, Config};
use crate::store::{Store, Terms};
use crate::watch::control::{self, Reply, Request};

/// Show how far each file has been read; read files again, or skip them
///
/// While `sealtail watch` runs it is asked through its control socket; otherwise the state is opened.
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
    /// Without --yes it only prints what it would do. At the start, all lines of a file are read again:
    /// their findings are alerts again, or count in those that are open. At the end, unread lines are
    /// never read. A file that is missing, or whose content is not what was read, is left unchanged.
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
    pub config: Option<PathBuf>,

    /// Folder of the state
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl StateOptions {
    /// Asks the watch that is at work on the state, or `otherwise` the state itself.
    pub(super) fn ask(
        &self,
        request: Request,
        otherwise: impl FnOnce(Store, Request) -> Result<Reply>,
    ) -> Result<Reply> {
        let directory = self.directory()?;
        match control::ask(&directory, &request)? {
            Some(reply) => Ok(reply),
            None => otherwise(open(&directory)?, request),
        }
    }

    /// Prints the answer to a request that is about the state alone.
    pub(super) fn print(&self, request: Request) -> Result<u8> {
        let reply = self.ask(request, |store, request| Ok(control::answer(&store, request, false)?))?;
        let Reply::Text(text) = reply else {
            bail!(
                "the running `sealtail watch` sent an answer that this version does not know\nhint: restart it, it may be of another version"
            )
        };
        let mut out = output::coloured(false);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(EXIT_OK)
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

/// Opens a state that is there: looking must not make one.
fn open(directory: &Path) -> Result<Store> {
    if !Store::exists(directory) {
        bail!(
            "there is no state in {}\nhint: name its folder with --state-dir, or the configuration with --config",
            directory.display()
        );
    }
    // Looking must not move a damaged one either; where it lies is for `sealtail watch` to judge.
    let terms = Terms { strict: true, network: true };
    let opened = Store::open_on(terms, directory, Timestamp::now()).map_err(|error| {
        let hint = if error.is_locked() {
            "\nhint: it does not listen on its control socket: try again, or stop `sealtail watch` first"
        } else {
            ""
        };
        anyhow!("{error}{hint}")
    })?;
    Ok(opened.store)
}

pub(super) fn run(args: StateArgs) -> Result<u8> {
    args.state.print(match args.task {
        StateTask::List { json } => Request::Positions { json },
        StateTask::Reset { path, to, yes } => {
            let to = match to {
                Place::Start => control::Place::Start,
                Place::End => control::Place::End,
            };
            Request::Reset { path, to, yes }
        }
    })
}
