//! `sealtail alerts`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use anstyle::Style;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::catalogue::{self, Known};
use super::state::StateOptions;
use super::{EXIT_OK, KnownArgs, PackArgs, host_name, output};
use crate::base::text::{clean_line, counted, escape_json};
use crate::deliver::sink::Stdout;
use crate::model::alert::Lang;
use crate::signature::markdown::to_lines;
use crate::store::Store;
use crate::watch::control::{self, Facts, Reply, Request, Shown};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
/// Columns of the list.
const WIDTH: usize = 80;
/// Where the text of an alert begins: behind severity and age.
const INDENT: usize = 16;
/// Characters of a fingerprint that are shown, unless it takes more to tell it from others.
const ID_CHARS: usize = 8;

/// List the open alerts, or show the runbook of one
///
/// While `sealtail watch` runs it is asked through its control socket; otherwise the state is opened.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  sealtail alerts
  sealtail alerts --json | jq -r .alert.title
  sealtail alerts show 5f0c1d2e --lang zh"
)]
pub(super) struct AlertsArgs {
    #[command(subcommand)]
    task: Option<AlertsTask>,

    /// Print one JSON object per line: the `alert` as a webhook gets it, the `sinks` that take it,
    /// `silenced_until` and `acknowledged_by`
    #[arg(long, global = true)]
    json: bool,

    /// Language of titles and runbooks
    #[arg(long, global = true, value_name = "LANG", default_value = "en")]
    lang: Lang,

    #[command(flatten)]
    state: StateOptions,
}

#[derive(Debug, Subcommand)]
enum AlertsTask {
    /// Print every open alert, the gravest first [default]
    List,
    /// Print one alert with its runbook, as it is sent
    Show {
        /// The fingerprint, or its beginning if no other open alert begins so
        #[arg(value_name = "ID")]
        id: String,
    },
}

pub(super) fn run(args: AlertsArgs) -> Result<u8> {
    let request = Request::Alerts { lang: args.lang };
    let reply = args.state.ask(request, |store, _| at_rest(&args, &store))?;
    let Reply::Alerts { alerts, left_out } = reply else {
        bail!(
            "the running `sealtail watch` sent an answer that this version does not know\nhint: restart it, it may be of another version"
        )
    };
    let mut out = output::coloured(args.json);
    let chosen = match &args.task {
        Some(AlertsTask::Show { id }) => std::slice::from_ref(find(&alerts, id, left_out)?),
        _ => &alerts,
    };
    if args.json {
        for shown in chosen {
            writeln!(out, "{}", escape_json(serde_json::to_string(shown)?))?;
        }
    } else if let Some(AlertsTask::Show { .. }) = args.task {
        for shown in chosen {
            write!(out, "{}", Stdout { json: false }.alert(&shown.alert))?;
        }
    } else {
        write!(out, "{}", list(&alerts, left_out, Timestamp::now()))?;
    }
    out.flush()?;
    Ok(EXIT_OK)
}

/// The alerts that were open when the last watch ended, with what the configuration of now says of them.
fn at_rest(args: &AlertsArgs, store: &Store) -> Result<Reply> {
    let packs = PackArgs { packs: Vec::new() };
    let config = args.state.config.clone();
    let Known { catalogue, vars, sinks, host } = catalogue::of(&KnownArgs { packs, config })?;
    let host = host.unwrap_or_else(host_name);
    let facts = Facts { catalogue: &catalogue, vars: &vars, sinks: &sinks, host: &host };
    let correlator = control::at_rest(store)?;
    let (alerts, left_out) = control::open_alerts(&correlator, &facts, args.lang, Timestamp::now().into());
    Ok(Reply::Alerts { alerts, left_out })
}

/// The alert whose fingerprint is, or alone begins with, `id`.
fn find<'a>(alerts: &'a [Shown], id: &str, left_out: usize) -> Result<&'a Shown> {
    let begin: Vec<&Shown> = alerts.iter().filter(|shown| shown.alert.fingerprint.starts_with(id)).collect();
    match begin[..] {
        [one] if !id.is_empty() => Ok(one),
        [] if left_out > 0 => bail!(
            "`{id}` is not among the {} gravest open alerts, and {left_out} more were not sent\nhint: `sealtail alerts` lists the gravest",
            alerts.len()
        ),
        [] => bail!("there is no open alert `{id}`\nhint: `sealtail alerts` lists them"),
        _ => {
            let ids: Vec<&str> = begin.iter().take(5).map(|shown| &*shown.alert.fingerprint).collect();
            bail!("{} open alerts begin with `{id}`\nhint: {}", begin.len(), ids.join(", "))
        }
    }
}

/// The open alerts as people read them.
fn list(alerts: &[Shown], left_out: usize, now: Timestamp) -> String {
    if alerts.is_empty() {
        return "no open alerts\n".to_owned();
    }
    let ids = id_chars(alerts);
    let mut out = String::new();
    for shown in alerts {
        // Writing to a string cannot fail.
        let _ = entry(&mut out, shown, ids, now);
    }
    let total = counted(alerts.len() + left_out, "open alert");
    let more = if left_out > 0 { format!(", {left_out} of them not shown") } else { String::new() };
    out + &format!("{DIM}{total}{more}{DIM:#}\n")
}

/// How many characters of a fingerprint tell these alerts apart.
fn id_chars(alerts: &[Shown]) -> usize {
    let mut ids: Vec<&str> = alerts.iter().map(|shown| &*shown.alert.fingerprint).collect();
    ids.sort_unstable();
    let common = |pair: &[&str]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count();
    ids.windows(2).map(common).max().map_or(ID_CHARS, |common| ID_CHARS.max(common + 1))
}

/// Severity, age and title; below it the place, how often, and who was told.
fn entry(out: &mut String, shown: &Shown, id_chars: usize, now: Timestamp) -> std::fmt::Result {
    let alert = &shown.alert;
    let (style, word) = (alert.severity.style(), alert.severity.name());
    let age = alert.first_seen.parse().map_or_else(|_| "-".to_owned(), |first| age(first, now));
    let id: String = clean_line(&alert.fingerprint).chars().take(id_chars).collect();
    let columns = WIDTH - INDENT;
    let mut lines = to_lines(&clean_line(&alert.title), columns).into_iter();
    let title = lines.next().unwrap_or_default();
    writeln!(out, "{style}{word:<8}{style:#}  {age:>4}  {BOLD}{title}{BOLD:#}")?;
    for line in lines {
        writeln!(out, "{:INDENT$}{BOLD}{line}{BOLD:#}", "")?;
    }
    let mut place = clean_line(&alert.source);
    for (name, value) in &alert.group {
        let _ = write!(place, " {}={}", clean_line(name), clean_line(value));
    }
    let sinks = if shown.sinks.is_empty() { "no sink".to_owned() } else { shown.sinks.join(", ") };
    let count = usize::try_from(alert.count).unwrap_or(usize::MAX);
    let mut parts = vec![id, place, counted(count, "finding"), format!("to {sinks}")];
    parts.extend(shown.silenced_until.as_ref().map(|until| format!("silenced until {}", clean_line(until))));
    parts.extend(shown.acknowledged_by.as_ref().map(|who| format!("{} is on it", clean_line(who))));
    for line in to_lines(&parts.join(" · "), columns) {
        writeln!(out, "{:INDENT$}{DIM}{line}{DIM:#}", "")?;
    }
    Ok(())
}

/// The time since `first`, in its largest unit.
fn age(first: Timestamp, now: Timestamp) -> String {
    let seconds = Duration::try_from(now.duration_since(first)).unwrap_or_default().as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::tests::sample;

    fn shown(fingerprint: &str) -> Shown {
        let mut alert = sample();
        alert.fingerprint = fingerprint.to_owned();
        Shown::new(alert, vec!["ops".to_owned()])
    }

    #[test]
    fn a_list_has_all_of_an_alert_in_eighty_columns() {
        let mut long = shown("5f0c1d2e3a4b5968");
        long.alert.title = "A title that goes on and on and ".repeat(5);
        long.alert.group.insert("path".to_owned(), "/mnt/storage-17/sealed/ s-t01000-17".repeat(3));
        let now = "2022-06-24T14:45:24+08:00".parse().unwrap();
        let text = list(&[shown("5f0c1d2e3a4c0000"), long], 0, now);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(plain.lines().all(|line| line.chars().count() <= WIDTH), "{plain}");
        let mut lines = plain.lines();
        assert_eq!(lines.next().unwrap(), "error      11m  External processor returned a malformed response");
        assert_eq!(
            lines.next().unwrap().trim_start(),
            "5f0c1d2e3a4c · worker child_pid=12345 · 3 findings · to ops"
        );
        assert!(plain.contains("5f0c1d2e3a4b") && plain.ends_with("2 open alerts\n"), "{plain}");
    }

    #[test]
    fn an_alert_is_found_by_the_beginning_that_it_alone_has() {
        let alerts = [shown("5f0c1d2e3a4b5968"), shown("5f0c1d2e3a4c0000")];
        let found = |id| find(&alerts, id, 0).map(|shown| &*shown.alert.fingerprint);
        assert_eq!(found("5f0c1d2e3a4c").unwrap(), "5f0c1d2e3a4c0000");
        assert_eq!(found("5f0c1d2e3a4b5968").unwrap(), "5f0c1d2e3a4b5968");
        assert!(found("5f").unwrap_err().to_string().contains("2 open alerts begin with"));
        assert!(found("ff").unwrap_err().to_string().contains("there is no open alert"));
    }

    #[test]
    fn ages() {
        let first: Timestamp = "2022-06-24T00:00:00Z".parse().unwrap();
        for (seconds, shown) in [(-5, "0s"), (59, "59s"), (60, "1m"), (7_199, "1h"), (172_800, "2d")] {
            let now = Timestamp::from_second(first.as_second() + seconds).unwrap();
            assert_eq!(age(first, now), shown);
        }
    }
}
