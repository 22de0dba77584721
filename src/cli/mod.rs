//! Command line arguments. One file per command turns them into a setup.

mod alerts;
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
mod silence;
mod state;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::model::alert::Lang;
use crate::model::finding::Severity;
use crate::signature::builtin;

/// Ran.
pub const EXIT_OK: u8 = 0;
/// Ran, and found what it was asked to fail on, or an error in pages or configuration.
pub const EXIT_FOUND: u8 = 1;
/// Usage, configuration or I/O error.
pub const EXIT_ERROR: u8 = 2;

/// What `--help` and the manual say of everything around the program.
const OUTSIDE: &str = "\
Environment:
  SEALTAIL_CONFIG      the configuration, where --config does not name it
  XDG_CONFIG_HOME      its folder else: sealtail/sealtail.toml below it, or below ~/.config
  STATE_DIRECTORY      folder of the state, where the configuration names none (set by systemd)
  XDG_STATE_HOME       its folder else: sealtail below it, or below ~/.local/state
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY
                       proxies on the way to sinks
  NO_COLOR             no colours
  TZ                   the zone of times that name none

Files:
  /etc/sealtail/sealtail.toml
                       the configuration, where there is none of the user
  state.redb           in the folder of the state: positions, open alerts, what waits to be sent

Exit status:
  0  ran
  1  --fail-on was reached, or check found a fault
  2  usage, configuration or I/O error";

/// Follows the logs of a Filecoin sealing box, recognises known failures and tells you what to do.
#[derive(Debug, Parser)]
#[command(name = "sealtail", version, max_term_width = 100, after_long_help = OUTSIDE, after_help = "\
Environment, files and exit status: sealtail --help")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,

    /// Log more on stderr; twice for every detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Watch(WatchArgs),
    Replay(replay::ReplayArgs),
    Check(CheckArgs),
    Doctor(DoctorArgs),
    Explain(ExplainArgs),
    Patterns(PatternsArgs),
    Alerts(alerts::AlertsArgs),
    Silence(silence::SilenceArgs),
    Ack(silence::AckArgs),
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
/// Without PATH the configuration file is used, and SIGHUP reloads it.
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

    /// Configuration file [default: the usual locations]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Send alerts to this webhook, as CloudEvents; repeatable
    #[arg(long, value_name = "URL", requires = "paths", conflicts_with = "config")]
    webhook: Vec<String>,

    /// Send alerts to this incoming webhook of Slack; repeatable
    #[arg(long, value_name = "URL", requires = "paths", conflicts_with = "config")]
    slack: Vec<String>,

    /// Folder of the state: positions, open alerts and the outbox
    #[arg(long, value_name = "DIR", requires = "paths", conflicts_with = "config")]
    state_dir: Option<PathBuf>,

    /// Exit with status 2 if the state is damaged, instead of moving it aside and restoring positions
    /// from the last export
    #[arg(long)]
    strict_state: bool,

    /// Start even if the state is on a network file system (NFS, SMB, 9P, Ceph, ...), where locks and
    /// durable writes depend on the server
    #[arg(long)]
    allow_network_state: bool,

    /// Read files from their first line, not only lines written from now on
    #[arg(long, requires = "paths", conflicts_with = "config")]
    from_start: bool,

    /// Examine the causes of alerts below this folder instead of /, such as the mount of the box in a
    /// container; `worker_config` in [vars] is then relative to it
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    #[command(flatten)]
    packs: PackArgs,

    /// Print every alert as one JSON line
    #[arg(long)]
    json: bool,

    /// Language of alerts [default: en]; with a configuration its `lang` decides
    #[arg(long, value_name = "LANG", value_parser = languages(), requires = "paths", conflicts_with = "config")]
    lang: Option<Lang>,
}

/// Check the configuration and the packs: compile every page, run every sample
#[derive(Debug, Args)]
struct CheckArgs {
    /// Configuration file [default: the usual locations]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    packs: PackArgs,

    /// Send a marked test alert to each sink and report the result
    #[arg(long)]
    send_test: bool,

    /// Print which sinks would get the alerts of this signature; repeatable
    #[arg(long, value_name = "GLOB", conflicts_with = "send_test")]
    route: Vec<String>,
}

/// Check this box for misconfigurations that stop sealing before a log shows them
///
/// Without arguments it examines this box and its running workers, and changes nothing. The page of
/// each check has its severity and advice: `sealtail explain doctor/...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealtail doctor
  sealtail doctor --worker-config /etc/venus-worker/config.toml --fail-on error
  sealtail doctor --root bundle/ --worker-config /etc/venus-worker/config.toml --lang zh")]
struct DoctorArgs {
    /// Configuration file of a worker, instead of those of running workers; repeatable
    #[arg(long, value_name = "FILE")]
    worker_config: Vec<PathBuf>,

    /// Binary of a worker, instead of those of running workers; repeatable
    #[arg(long, value_name = "FILE")]
    worker_bin: Vec<PathBuf>,

    /// Examine the files of another box, collected in this folder; absolute paths are then inside it
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Folder where the worker is built, instead of the current folder
    #[arg(long, value_name = "DIR")]
    build_dir: Option<PathBuf>,

    /// Configuration file of sealtail, whose sources are checked [default: the usual locations]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print one JSON object per line: the findings, what was not checked, then a summary
    #[arg(long)]
    json: bool,

    /// Exit with status 1 if a finding has at least this severity
    #[arg(long, value_name = "SEVERITY", value_parser = severities())]
    fail_on: Option<Severity>,

    /// Language of the report
    #[arg(long, value_name = "LANG", default_value = "en", value_parser = languages())]
    lang: Lang,

    #[command(flatten)]
    packs: PackArgs,
}

/// Print the page of a signature, or explain why a line fires or does not
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

    /// Explain for each signature that (nearly) matches TEXT (- for standard input) why it fires or does
    /// not
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    line: Option<String>,

    /// Language of the page
    #[arg(long, value_name = "LANG", default_value = "en", value_parser = languages())]
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

    /// Only signatures of at least this severity
    #[arg(long, value_name = "SEVERITY", value_parser = severities())]
    severity: Option<Severity>,

    /// Only signatures of this component, such as worker, c2 or storage; repeatable
    #[arg(long, value_name = "WORD")]
    component: Vec<String>,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,

    /// Language of the titles
    #[arg(long, value_name = "LANG", default_value = "en", value_parser = languages())]
    lang: Lang,

    #[command(flatten)]
    known: KnownArgs,
}

/// List, resend or delete dead letters: messages that receivers refused for good
///
/// The state keeps at most 64 MiB of them. While `sealtail watch` runs it is asked through its control
/// socket; otherwise the state is opened.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  sealtail outbox list --state-dir /var/lib/sealtail
  sealtail outbox retry --sink slack
  sealtail outbox drop 9f86d081884c7d659a2feaa0c55ad015 --yes"
)]
struct OutboxArgs {
    #[command(subcommand)]
    task: OutboxTask,

    #[command(flatten)]
    state: state::StateOptions,
}

#[derive(Debug, Subcommand)]
enum OutboxTask {
    /// Print the number of waiting messages per sink, and every dead letter
    List {
        /// Print one JSON object per line: the sinks, then the dead letters
        #[arg(long)]
        json: bool,
    },
    /// Put dead letters back in the outbox, with the same order and ids
    Retry(Selection),
    /// Delete dead letters; without --yes it only prints what it would delete
    Drop {
        #[command(flatten)]
        selection: Selection,

        /// Delete them: nothing brings them back
        #[arg(long)]
        yes: bool,
    },
}

/// Dead letters, by exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Selection {
    /// Ids, as `sealtail outbox list` shows them
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    /// All dead letters of one sink
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,

    /// All dead letters
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
struct PackArgs {
    /// Folder of signature packs in addition to the built-in ones; repeatable
    #[arg(long, value_name = "DIR")]
    packs: Vec<PathBuf>,
}

/// The languages, which help and completions list.
fn languages() -> impl TypedValueParser<Value = Lang> {
    PossibleValuesParser::new(Lang::ALL.map(Lang::name)).try_map(|name| name.parse())
}

/// The severities, from the least grave.
fn severities() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::name)).try_map(|name| name.parse())
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
        Command::Alerts(args) => alerts::run(args),
        Command::Silence(args) => silence::run(args),
        Command::Ack(args) => silence::ack(args),
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
    let pages = builtin::pages().filter(|page| page.lang == Lang::En);
    // The program ends when they are printed.
    let ids: Vec<&'static str> = pages.map(|page| &*page.id().leak()).collect();
    // An operator's own pages are signatures, too: the program itself takes any.
    let mut program = Cli::command().mut_subcommand("explain", |explain| {
        explain.mut_arg("id", |id| id.value_parser(PossibleValuesParser::new(ids)))
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, "sealtail", &mut script);
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

/// Whether the reader of the output closed it, which is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
