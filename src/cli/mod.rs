//! Arguments as typed. One file a command turns them into what is meant.

mod catalogue;
mod check;
mod doctor;
mod explain;
mod log;
mod man;
mod outbox;
mod output;
mod patterns;
mod replay;
mod state;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::model::alert::Lang;
use crate::model::finding::Severity;

/// Ran.
pub const EXIT_OK: u8 = 0;
/// Ran, and found what it was told to fail on; or found a fault.
pub const EXIT_FOUND: u8 = 1;
/// Usage, configuration or I/O error.
pub const EXIT_ERROR: u8 = 2;

/// Follows the logs of a Filecoin sealing box, recognises known failures and tells you what to do.
#[derive(Debug, Parser)]
#[command(name = "sealtail", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,

    /// Say more on stderr; twice for every detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Watch(WatchArgs),
    Replay(ReplayArgs),
    Check(CheckArgs),
    Doctor(DoctorArgs),
    Explain(ExplainArgs),
    Patterns(PatternsArgs),
    Outbox(OutboxArgs),
    State(state::StateArgs),
    /// Print shell completions
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// Follow logs until SIGTERM or SIGINT and send alerts
///
/// Without PATH everything stands in the configuration, and SIGHUP reads it again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealtail watch --config /etc/sealtail/sealtail.toml
  sealtail watch /var/log/venus-worker/*.log --slack \"$SLACK_URL\"
  sealtail watch worker.log --from-start --json | jq .title")]
struct WatchArgs {
    /// Files, folders or globs to follow, instead of a configuration
    #[arg(value_name = "PATH|GLOB", conflicts_with = "config")]
    paths: Vec<PathBuf>,

    /// The configuration; the usual places are looked at without it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Send alerts to this webhook, as CloudEvents; repeatable
    #[arg(long, value_name = "URL", requires = "paths")]
    webhook: Vec<String>,

    /// Send alerts to this incoming webhook of Slack; repeatable
    #[arg(long, value_name = "URL", requires = "paths")]
    slack: Vec<String>,

    /// Keep positions and what waits to be sent here
    #[arg(long, value_name = "DIR", requires = "paths")]
    state_dir: Option<PathBuf>,

    /// End with status 2 if the state is damaged, instead of moving it aside and taking positions from
    /// the last export
    #[arg(long)]
    strict_state: bool,

    /// Start although the state is on a network file system (NFS, SMB, 9P, Ceph, ...), where locks and
    /// what is on the disk are promises of a server
    #[arg(long)]
    allow_network_state: bool,

    /// Read files from their first line on, not only what is written from now on
    #[arg(long, requires = "paths")]
    from_start: bool,

    /// Look for the causes of alerts in this folder instead of /: the box as a container sees it;
    /// `worker_config` in [vars] is then inside it
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    #[command(flatten)]
    packs: PackArgs,

    /// Print every alert as one JSON line
    #[arg(long)]
    json: bool,

    /// Language of alerts; a configuration says it itself
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Lang,
}

/// Read logs that are already written and print what is found
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealtail replay /var/log/venus-worker
  sealtail replay --since 2d --fail-on error 'logs/*.log' old.log.gz
  sealtail replay --alerts /var/log/venus-worker /var/log/kern.log
  journalctl -u damocles-worker | sealtail replay --json - | jq .signature")]
struct ReplayArgs {
    /// Files, folders (with all that is in them), globs, or - for standard input; .gz, .zst, .xz
    /// and .bz2 are decompressed
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Print one JSON object a line: the findings, then a summary
    #[arg(long, conflicts_with = "summary")]
    json: bool,

    /// Print only the table of what was found
    #[arg(long)]
    summary: bool,

    /// Write a report to FILE: one page to look at in a browser and to send on, secrets taken out (- for
    /// standard output); of the findings only the table is printed
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Print the alerts that `watch` would have sent, in the order of their times
    #[arg(long)]
    alerts: bool,

    /// Only records written at or after this: RFC 3339, or 2h, 3d ago; a record without time has
    /// that of the one before it, and stays where there is none
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only records written before this: RFC 3339, or 2h, 3d ago
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Only signatures whose id matches; repeatable
    #[arg(long, value_name = "GLOB")]
    signature: Vec<String>,

    #[command(flatten)]
    packs: PackArgs,

    /// Threads to read with
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,

    /// End with status 1 if a finding is at least this grave
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Severity>,

    /// Language of titles and actions
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Lang,
}

/// Check configuration and packs: every page compiled, every sample run
#[derive(Debug, Args)]
struct CheckArgs {
    /// The configuration; the usual places are looked at without it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    packs: PackArgs,

    /// Send a marked test alert to each sink and report what becomes of it
    #[arg(long)]
    send_test: bool,

    /// Print which sinks would get the alerts of this signature; repeatable
    #[arg(long, value_name = "GLOB", conflicts_with = "send_test")]
    route: Vec<String>,
}

/// Look for the misconfigurations that stop a sealing box before a log line says so
///
/// Without arguments it looks at this box and at its running workers. It only reads. Severity and
/// advice of each check stand on its page: `sealtail explain doctor/...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealtail doctor
  sealtail doctor --worker-config /etc/venus-worker/config.toml --fail-on error
  sealtail doctor --root bundle/ --worker-config /etc/venus-worker/config.toml --lang zh")]
struct DoctorArgs {
    /// A configuration of a worker, instead of those of running workers; repeatable
    #[arg(long, value_name = "FILE")]
    worker_config: Vec<PathBuf>,

    /// A worker's binary, instead of those of running workers; repeatable
    #[arg(long, value_name = "FILE")]
    worker_bin: Vec<PathBuf>,

    /// Examine the files of another box, collected in this folder; absolute paths are then inside it
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Where the worker is built, instead of the current folder
    #[arg(long, value_name = "DIR")]
    build_dir: Option<PathBuf>,

    /// The configuration of sealtail, whose sources are looked at; the usual places without it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print one JSON object a line: the findings, what was not checked, then a summary
    #[arg(long)]
    json: bool,

    /// End with status 1 if a finding is at least this grave
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Severity>,

    /// Language of the report
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Lang,

    #[command(flatten)]
    packs: PackArgs,
}

/// Print the page of a signature; or say why a line fires, or does not
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealtail explain venus-cluster/once-poisoned --lang zh
  sealtail explain --line 'Too many open files (os error 24)'
  tail -n 20 worker.log | sealtail explain --line -")]
struct ExplainArgs {
    /// The signature, such as venus-cluster/once-poisoned
    #[arg(value_name = "ID", required_unless_present = "line", conflicts_with = "line")]
    id: Option<String>,

    /// For each signature near a match in TEXT (- for standard input): why it fires or does not
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    line: Option<String>,

    /// Language of the page
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Lang,

    /// Print the page itself: its patterns and samples, too
    #[arg(long, conflicts_with = "line")]
    source: bool,

    #[command(flatten)]
    known: KnownArgs,
}

/// List the catalogue
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealtail patterns --severity critical
  sealtail patterns --component wdpost --lang zh
  sealtail patterns --pack kernel --json | jq -r .id")]
struct PatternsArgs {
    /// Only this pack; repeatable
    #[arg(long, value_name = "PACK")]
    pack: Vec<String>,

    /// Only what is at least this grave
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<Severity>,

    /// Only what concerns this component, such as worker, c2 or storage; repeatable
    #[arg(long, value_name = "WORD")]
    component: Vec<String>,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,

    /// Language of the titles
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Lang,

    #[command(flatten)]
    known: KnownArgs,
}

/// List the messages that receivers refused for good; send them again, or drop them
///
/// They are kept in the state as dead letters, at most 64 MiB of them. These commands open the state
/// themselves, so `sealtail watch` has to be stopped first.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  sealtail outbox list --state-dir /var/lib/sealtail
  sealtail outbox retry --sink slack
  sealtail outbox drop 9f86d081884c7d659a2feaa0c55ad015"
)]
struct OutboxArgs {
    #[command(subcommand)]
    task: OutboxTask,

    #[command(flatten)]
    state: state::StateOptions,
}

#[derive(Debug, Subcommand)]
enum OutboxTask {
    /// Print how much waits for each sink, and every dead letter
    List {
        /// Print one JSON object a line: the sinks, then the dead letters
        #[arg(long)]
        json: bool,
    },
    /// Put dead letters back in the outbox, in their old order and with their old ids
    Retry(Selection),
    /// Delete dead letters
    Drop(Selection),
}

/// Dead letters, by exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Selection {
    /// These, by the ids that `sealtail outbox list` shows
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    /// Those of one sink
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,

    /// Every one
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
struct PackArgs {
    /// A folder of signature packs besides the built-in ones; repeatable
    #[arg(long, value_name = "DIR")]
    packs: Vec<PathBuf>,
}

/// What the catalogue of a command that only shows it is made of.
#[derive(Debug, Args)]
struct KnownArgs {
    #[command(flatten)]
    packs: PackArgs,

    /// Configuration whose packs and [vars] are used [default: the usual locations]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.color.choose();
    log::to_stderr(cli.verbose);
    let outcome = match cli.command {
        Command::Watch(args) => watch::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Check(args) => check::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Patterns(args) => patterns::run(args),
        Command::Outbox(args) => outbox::run(args),
        Command::State(args) => state::run(args),
        Command::Completions { shell } => completions(shell),
        Command::Man => man::run(),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::from(EXIT_OK),
        Err(error) => {
            log::say(format_args!("{error:#}"));
            ExitCode::from(EXIT_ERROR)
        }
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sealtail", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(EXIT_OK)
}

impl Color {
    /// Makes it the choice of every stream from now on.
    fn choose(self) {
        let choice = match self {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// The reader of our output went away: no fault of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
