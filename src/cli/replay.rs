//! `sealtail replay`.

mod args;
mod html_file;
mod moment;

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) use self::args::ReplayArgs;
use self::html_file::HtmlFile;
use super::{EXIT_ERROR, EXIT_FOUND, EXIT_OK, catalogue, host_name, log, output};
use crate::base::text::clean_line;
use crate::correlate::Policy;
use crate::correlate::command::Vars;
use crate::deliver::sink::Stdout;
use crate::detect::{Detector, Occurrence};
use crate::model::finding::Summary;
use crate::replay::report::{self, HtmlReport, Report, Totals, write_levels};
use crate::replay::{ByLevel, Event, Failures, History, Levels, Replay};
use crate::signature::Catalogue;
use crate::source::archive;

/// Lines before and after a record that an alert carries, as `watch` does by default.
const CONTEXT_LINES: usize = 5;

pub(super) fn run(args: ReplayArgs) -> Result<u8> {
    let now = Timestamp::now();
    let zone = args.tz.as_deref().map(moment::zone).transpose()?;
    let days = zone.clone().unwrap_or_else(TimeZone::system);
    let since = args.since.as_deref().map(|text| moment::read(text, now, &days)).transpose()?;
    let until = args.until.as_deref().map(|text| moment::read(text, now, &days)).transpose()?;
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        bail!("--since must be before --until");
    }
    let catalogue = catalogue::load_only(&args.packs.packs, &patterns(&args.signature)?)?;
    if args.levels && args.alerts && args.json {
        bail!("--levels has no place in the alerts of --json\nhint: leave out --alerts, or --json");
    }
    if catalogue.signatures().is_empty() {
        bail!("no signature matches {}\nhint: `sealtail patterns` lists them", args.signature.join(" "));
    }
    let html = args.html.as_deref().map(HtmlFile::open).transpose()?;
    if html.as_ref().is_some_and(HtmlFile::is_stdout)
        && (args.json || args.summary || args.alerts || args.levels)
    {
        bail!(
            "`--html -` cannot be combined with --json, --summary, --alerts or --levels: all write to standard output\nhint: name a file for the report"
        );
    }
    // Findings alone name no release.
    let detector = match args.alerts || args.html.is_some() {
        true => Detector::with_releases(catalogue, TimeZone::system())?,
        false => Detector::new(catalogue, TimeZone::system())?,
    };
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, |count| count.get()),
        |threads| threads.get(),
    );
    let mut inputs = archive::list(&args.paths);
    html.iter().for_each(|html| html.leave_out(&mut inputs));
    let mut replay = Replay::new(&detector, inputs);
    (replay.threads, replay.since, replay.until) = (threads, since, until);
    replay.for_alerts = args.alerts.then_some(CONTEXT_LINES);
    // Every other output is made of failures, or holds a report that is.
    replay.for_failures = args.html.is_some() || is_report(&args);
    let mut output = Output::new(&args, &detector, replay.bytes_stored());
    output.history = args.alerts.then(|| History::new(now));
    output.failures = replay.for_failures.then(|| Failures::new(&detector, now, zone.clone()));
    (output.totals.zone, output.now) = (zone, now);
    let summary = match args.levels {
        true => with_levels(&replay, &mut output)?,
        false => replay.run(|event| output.tell(event))?,
    };
    output.bar.finish_and_clear();
    let gravest = output.totals.gravest();
    output.end(&summary, html)?;

    let failed = args.fail_on.is_some_and(|severity| gravest >= Some(severity));
    Ok(match (summary.unreadable.is_empty(), failed) {
        (false, _) => EXIT_ERROR,
        (true, true) => EXIT_FOUND,
        (true, false) => EXIT_OK,
    })
}

/// Replays, and counts the records by level too.
fn with_levels(replay: &Replay<'_>, output: &mut Output<'_>) -> io::Result<Summary> {
    let by_level = ByLevel { since: replay.since, until: replay.until };
    let mut levels = Levels::new(by_level);
    let mut summary = replay.run_observed(&by_level, |event| match event {
        Event::Observed(path, _, records) => {
            levels.add(path, &records);
            Ok(())
        }
        event => output.tell(event),
    })?;
    summary.levels = Some(levels.into_counts());
    Ok(summary)
}

/// Where findings go, and the progress bar they must not disturb.
struct Output<'a> {
    args: &'a ReplayArgs,
    out: BufWriter<StdoutLock<'static>>,
    report: Report<'a>,
    totals: Totals,
    /// Findings become failures once all are there.
    failures: Option<Failures<'a>>,
    now: Timestamp,
    /// Findings become alerts once all are there.
    history: Option<History>,
    catalogue: &'a Catalogue,
    bar: ProgressBar,
    /// Bar and findings share a terminal.
    shared: bool,
    /// What is found in a pipe is told at once.
    piped: bool,
}

impl<'a> Output<'a> {
    fn new(args: &'a ReplayArgs, detector: &'a Detector, bytes: u64) -> Output<'a> {
        let shown = io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        let template = "{bar:40} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Output {
            args,
            out: output::plain(),
            report: Report::new(detector.catalogue(), args.lang, output::is_coloured()),
            totals: Totals::default(),
            failures: None,
            now: Timestamp::UNIX_EPOCH,
            history: None,
            catalogue: detector.catalogue(),
            bar,
            shared: shown && io::stdout().is_terminal(),
            piped: args.paths.iter().any(|path| path.as_os_str() == "-"),
        }
    }

    fn tell<O>(&mut self, event: Event<'_, O>) -> io::Result<()> {
        match event {
            Event::Finding(path, seen) => self.found(path, *seen),
            Event::Unreadable(path, error) => {
                let path = clean_line(path);
                self.bar.suspend(|| log::say(format_args!("cannot read {path}: {error}")));
                Ok(())
            }
            Event::Observed(..) => Ok(()),
            Event::Read(bytes) => {
                self.bar.inc(bytes);
                Ok(())
            }
        }
    }

    fn found(&mut self, path: &str, seen: Occurrence) -> io::Result<()> {
        if !seen.ends {
            self.totals.add(&seen.finding);
        }
        if let Some(history) = &mut self.history {
            if let Some(failures) = &mut self.failures {
                failures.add(path, seen.clone());
            }
            history.add(path, seen);
            return Ok(());
        }
        let (args, bar) = (self.args, self.bar.clone());
        let write = || -> io::Result<()> {
            if args.json && !seen.ends {
                writeln!(self.out, "{}", seen.finding.to_json(path))?;
            } else if args.findings && !seen.ends {
                self.report.finding(&mut self.out, path, &seen.finding, &seen.names)?;
            }
            if let Some(failures) = &mut self.failures {
                let finding = (self.piped && args.html.is_none()).then(|| seen.finding.clone());
                let is_new = failures.add(path, seen);
                if let Some(finding) = finding.filter(|_| is_new) {
                    let mut out = output::on(&mut self.out as &mut dyn Write, false);
                    report::announce(&mut out, path, &finding, self.catalogue, args.lang)?;
                }
            }
            if self.shared || self.piped { self.out.flush() } else { Ok(()) }
        };
        if self.shared { bar.suspend(write) } else { write() }
    }

    fn end(mut self, summary: &Summary, html: Option<HtmlFile>) -> Result<()> {
        let mut story = self.failures.take().map(|failures| failures.tell(Policy::default()));
        if let Some((story, file)) = story.as_mut().zip(html) {
            let (is_all, host) = (file.is_stdout(), host_name());
            let report = HtmlReport { story, lang: self.args.lang, host: &host, made: self.now };
            file.write(&report.render(summary))?;
            if is_all {
                return Ok(());
            }
        }
        let is_report = is_report(self.args);
        let told_as_alerts = self.history.is_some();
        let mut out = output::on(&mut self.out as &mut dyn Write, self.args.json);
        if let Some(history) = self.history.take() {
            let stdout = Stdout { json: self.args.json };
            history.tell(&host_name(), Policy::default(), |notice| {
                let alert = notice.render(self.catalogue, self.args.lang, &Vars::new());
                out.write_all(stdout.alert(&alert).as_bytes())
            })?;
        }
        if let Some(story) = story.filter(|_| is_report) {
            report::tell(&mut out, &story, self.args.lang)?;
            self.totals.line(&mut out, summary)?;
            if let Some(levels) = &summary.levels {
                write_levels(&mut out, levels)?;
            }
        } else if !self.args.json {
            self.totals.write(&mut out, summary)?;
            if let Some(levels) = &summary.levels {
                write_levels(&mut out, levels)?;
            }
        } else if !told_as_alerts {
            writeln!(out, "{}", summary.to_json())?;
        }
        out.flush()?;
        Ok(())
    }
}

/// Whether failures are what is printed.
fn is_report(args: &ReplayArgs) -> bool {
    !(args.json || args.summary || args.findings || args.alerts || args.html.is_some())
}

fn patterns(globs: &[String]) -> Result<Vec<glob::Pattern>> {
    let compile = |glob: &String| {
        glob::Pattern::new(glob).with_context(|| format!("`{glob}` is not a valid glob of signature ids"))
    };
    globs.iter().map(compile).collect()
}
