//! `sealtail silence` and `sealtail ack`.

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::environment;
use super::state::StateOptions;
use crate::base::duration;
use crate::correlate::Silence;
use crate::model::finding::Severity;
use crate::watch::control::Request;

/// Hold messages of some alerts back for a while
///
/// Findings go on being counted. What still fires when a silence ends is told once, with its count; that
/// an alert is over is always told to those who were told of it. While `sealtail watch` runs it is asked
/// through its control socket; otherwise the state is changed for the next one.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  sealtail silence add 'gpu/*' --for 2h --comment 'card is being replaced'
  sealtail silence add --group 'sector=s-t01000-*' --until 2026-11-30T18:00:00+08:00
  sealtail silence list
  sealtail silence end 5f0c1d2e"
)]
pub(super) struct SilenceArgs {
    #[command(subcommand)]
    task: SilenceTask,

    #[command(flatten)]
    state: StateOptions,
}

#[derive(Debug, Subcommand)]
enum SilenceTask {
    /// Add a silence; an alert has to match all that is given
    Add(AddArgs),
    /// Print the silences that have not ended
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// End a silence
    End {
        /// Its id, or the beginning that it alone has
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Signatures; alerts about sealtail itself (sealtail/...) only by their whole id
    #[arg(value_name = "GLOB", required_unless_present_any = ["group", "source"])]
    signature: Option<String>,

    /// A value that the findings of the alert share, such as sector=17; repeatable
    #[arg(long, value_name = "NAME=GLOB")]
    group: Vec<String>,

    /// Sources
    #[arg(long, value_name = "GLOB")]
    source: Option<String>,

    /// Only alerts of at least this severity
    #[arg(long, value_name = "SEVERITY")]
    at_least: Option<Severity>,

    /// Only alerts of at most this severity
    #[arg(long, value_name = "SEVERITY")]
    at_most: Option<Severity>,

    /// How long it lasts, such as 2h
    #[arg(
        long = "for",
        value_name = "DURATION",
        required_unless_present = "until",
        conflicts_with = "until"
    )]
    lasts: Option<String>,

    /// When it ends, RFC 3339
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,

    /// Who silences [default: the user]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

/// Say that somebody is on an alert: it is not repeated until it ends, gets graver, or 24 h are over
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealtail ack 5f0c1d2e
  sealtail ack 5f0c1d2e --who ann")]
pub(super) struct AckArgs {
    /// The fingerprint, or the beginning that no other open alert has
    #[arg(value_name = "ID")]
    id: String,

    /// Who is on it [default: the user]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,

    #[command(flatten)]
    state: StateOptions,
}

pub(super) fn run(args: SilenceArgs) -> Result<u8> {
    args.state.print(match args.task {
        SilenceTask::Add(add) => Request::Silence(silence(add)?),
        SilenceTask::List { json } => Request::Silences { json },
        SilenceTask::End { id } => Request::EndSilence { id },
    })
}

pub(super) fn ack(args: AckArgs) -> Result<u8> {
    args.state.print(Request::Ack { id: args.id, who: who(args.who) })
}

fn silence(args: AddArgs) -> Result<Silence> {
    let until = match (args.lasts, args.until) {
        (Some(lasts), _) => {
            let lasts = duration::parse(&lasts).map_err(|why| anyhow!("--for: {why}"))?;
            Timestamp::now().checked_add(lasts).context("--for is too long")?
        }
        (None, Some(until)) => until
            .parse()
            .with_context(|| format!("--until: `{until}` is no time; RFC 3339 has a zone, such as Z"))?,
        // The arguments require one of them.
        (None, None) => bail!("a silence needs --for or --until"),
    };
    let AddArgs { signature, group, source, at_least, at_most, comment, .. } = args;
    Ok(Silence { until, signature, group, source, at_least, at_most, comment, who: who(args.who) })
}

/// Who asks, as far as the environment says so.
fn who(named: Option<String>) -> String {
    let user = || ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(environment);
    named.or_else(user).unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}
