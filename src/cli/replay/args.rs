//! The arguments of `sealtail replay`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{PackArgs, languages, severities};
use crate::model::alert::Lang;
use crate::model::finding::Severity;

/// Read existing logs and print the failures
///
/// Each failure is printed once, the gravest first: when and where it was found, how often, which thread and sector it
/// concerns, and what follows from it. For standard input (`-`) a line is printed besides as soon as a failure is first
/// found at a place; a record is complete when the next one begins.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sealtail replay /var/log/venus-worker
  sealtail replay --since 2d --fail-on error 'logs/*.log' old.log.gz
  sealtail replay --since yesterday --until today --tz Asia/Shanghai /var/log/venus-worker
  sealtail replay --alerts /var/log/venus-worker /var/log/kern.log
  journalctl -u damocles-worker | sealtail replay --json - | jq .signature")]
pub(in crate::cli) struct ReplayArgs {
    /// Files, folders (recursively), globs, or - for standard input; .gz, .zst, .xz and .bz2 are
    /// decompressed
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,

    /// Print every finding, in the order of files and lines, then the summary table
    #[arg(long, conflicts_with_all = ["summary", "alerts", "json"])]
    pub(super) findings: bool,

    /// Print one JSON object per line: the findings, then a summary
    #[arg(long, conflicts_with = "summary")]
    pub(super) json: bool,

    /// Print only the summary table
    #[arg(long, conflicts_with = "alerts")]
    pub(super) summary: bool,

    /// Count the records of each level by file, after what was found
    #[arg(long)]
    pub(super) levels: bool,

    /// Write a report to FILE (- for standard output): one HTML page without secrets; only the summary
    /// table is printed besides
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// Print the alerts that `watch` would have sent, in the order of time
    #[arg(long)]
    pub(super) alerts: bool,

    /// Only records written at or after this: RFC 3339, the start of a day (2022-12-28, today, yesterday), or 2h,
    /// 3d ago; a record without a time counts with the time of the record before it, and is included if there is none
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,

    /// Only records written before this, as for --since
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,

    /// The zone of the times that are shown and of the days of --since and --until, such as UTC, +08:00 or
    /// Asia/Shanghai; without it times are shown as the log has them, and days are those of this box
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true, conflicts_with_all = ["json", "alerts"])]
    pub(super) tz: Option<String>,

    /// Only signatures whose id matches; repeatable
    #[arg(long, value_name = "GLOB")]
    pub(super) signature: Vec<String>,

    #[command(flatten)]
    pub(super) packs: PackArgs,

    /// Number of threads
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<std::num::NonZeroUsize>,

    /// Exit with status 1 if a finding has at least this severity
    #[arg(long, value_name = "SEVERITY", value_parser = severities())]
    pub(super) fail_on: Option<Severity>,

    /// Language of titles and actions
    #[arg(long, value_name = "LANG", default_value = "en", value_parser = languages())]
    pub(super) lang: Lang,
}
