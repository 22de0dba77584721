//! The metrics: one entry each.

use std::time::Duration;

use super::{Family, Kind, Sample, Seen};
use crate::model::record::LevelCounts;
use crate::telemetry::meter::{Count, Flag, Kept, Level, SinkCounts};

/// Every metric, in the order in which they are shown.
pub const FAMILIES: &[Family] = &[
    // How it is.
    gauge("sealtail_build_info", "Always 1; the label says which version runs.", |_| {
        vec![labelled("version", env!("CARGO_PKG_VERSION"), 1.0)]
    }),
    gauge(
        "sealtail_healthy",
        "1 while reading makes progress and the state can be written, as /healthz.",
        |seen| one(truth(seen.health.healthy(seen.now).is_ok())),
    ),
    gauge("sealtail_ready", "1 once the first scan of the files is complete, as /readyz.", |seen| {
        one(truth(seen.health.ready().is_ok()))
    }),
    gauge("sealtail_state_failing", "1 while the state cannot be written; reading is paused then.", |seen| {
        one(truth(!seen.health.is_writable()))
    }),
    gauge("sealtail_reading_still_seconds", "Time since reading last made progress.", |seen| {
        one(seconds(seen.health.stalled_for(seen.now)))
    }),
    // What is followed.
    gauge("sealtail_source_files", "Followed files, by source.", |seen| {
        by_source(seen, |level, _| level.files as f64)
    }),
    gauge("sealtail_source_open_files", "Followed files that are open, by source.", |seen| {
        by_source(seen, |level, _| level.open as f64)
    }),
    gauge("sealtail_source_lag_bytes", "Bytes in files that have not been read, by source.", |seen| {
        by_source(seen, |level, _| level.unread as f64)
    }),
    gauge(
        "sealtail_source_lag_seconds",
        "Time since everything in the files was last read, by source.",
        |seen| by_source(seen, |_, lag| seconds(lag)),
    ),
    // What was read and found.
    counter("sealtail_read_bytes_total", "Bytes that were read.", |seen| count(&seen.meter.bytes)),
    counter("sealtail_read_lines_total", "Whole lines that were read.", |seen| count(&seen.meter.lines)),
    counter("sealtail_records_total", "Records that were read to their end, by source and level.", |seen| {
        seen.meter.records().iter().flat_map(|(source, counts)| by_level(source, counts)).collect()
    }),
    counter(
        "sealtail_cut_lines_total",
        "Lines longer than the limit, of which only the beginning is searched.",
        |seen| count(&seen.meter.cut_lines),
    ),
    counter(
        "sealtail_gaps_total",
        "Times that bytes of a log were lost before they could be read.",
        |seen| count(&seen.meter.gaps),
    ),
    counter("sealtail_lost_bytes_total", "Bytes that were lost, where their number is known.", |seen| {
        count(&seen.meter.lost_bytes)
    }),
    counter("sealtail_findings_total", "Signatures that matched a record.", |seen| {
        count(&seen.meter.findings)
    }),
    counter("sealtail_alert_messages_total", "Messages of alerts, counted once for all sinks.", |seen| {
        count(&seen.meter.alerts)
    }),
    gauge("sealtail_open_alerts", "Alerts that were sent and have not resolved.", |seen| {
        one(seen.meter.open_alerts.get() as f64)
    }),
    gauge("sealtail_silences", "Silences that have not ended.", |seen| one(seen.meter.silences.get() as f64)),
    counter(
        "sealtail_held_back_messages_total",
        "Messages of alerts that a silence or an acknowledgement held back.",
        |seen| count(&seen.meter.held_back),
    ),
    // What was sent.
    counter(
        "sealtail_sink_messages_total",
        "Outbox messages that were accepted or refused for good, by sink and outcome.",
        |seen| {
            by_sink(seen, |sink, counts| {
                let outcomes = [("delivered", &counts.delivered), ("refused", &counts.refused)];
                outcomes.map(|(outcome, count)| Sample {
                    labels: vec![("sink", sink.to_owned()), ("outcome", outcome.to_owned())],
                    value: count.get() as f64,
                })
            })
        },
    ),
    counter("sealtail_sink_retries_total", "Attempts that failed and are repeated, by sink.", |seen| {
        by_sink(seen, |sink, counts| [labelled("sink", sink, counts.retried.get() as f64)])
    }),
    gauge(
        "sealtail_sink_failing",
        "1 while the last attempt failed and will be repeated, by sink.",
        |seen| by_kept_sink(seen, |_, counts| flag(&counts.failing)),
    ),
    gauge(
        "sealtail_sink_parked",
        "1 while the sink is parked: it accepts nothing until it is repaired, by sink.",
        |seen| by_kept_sink(seen, |_, counts| flag(&counts.parked)),
    ),
    gauge("sealtail_outbox_messages", "Outbox messages that wait to be sent, by sink.", |seen| {
        by_kept_sink(seen, |kept, _| kept.waiting as f64)
    }),
    gauge(
        "sealtail_dead_letters",
        "Outbox messages that were refused for good and are kept, by sink.",
        |seen| by_kept_sink(seen, |kept, _| kept.dead as f64),
    ),
    // What went wrong with sealtail itself.
    counter("sealtail_complaints_total", "Self-alerts, by page.", |seen| {
        let self_alerts = seen.meter.self_alerts().into_iter();
        self_alerts.map(|(page, count)| labelled("page", page, count as f64)).collect()
    }),
    counter(
        "sealtail_state_refused_commits_total",
        "Commits that could not be written to the state.",
        |seen| count(&seen.meter.commits_refused),
    ),
    counter(
        "sealtail_configurations_total",
        "Configurations that were loaded or refused, by outcome.",
        |seen| outcomes([("taken", &seen.meter.reloads), ("refused", &seen.meter.reloads_refused)]),
    ),
    counter("sealtail_heartbeats_total", "Heartbeats that were due, by outcome.", |seen| {
        let meter = seen.meter;
        outcomes([
            ("delivered", &meter.heartbeats),
            ("failed", &meter.heartbeats_failed),
            ("held", &meter.heartbeats_held),
        ])
    }),
    // The names that other programs have for these, too.
    counter("process_cpu_seconds_total", "Time on a CPU.", |seen| {
        seen.process.cpu.map_or_else(Vec::new, |cpu| one(seconds(cpu)))
    }),
    gauge("process_resident_memory_bytes", "Memory in RAM.", |seen| known(seen.process.resident)),
    gauge("process_open_fds", "Open files and sockets.", |seen| known(seen.process.descriptors)),
    gauge("process_max_fds", "Open files and sockets that there may be.", |seen| {
        known(seen.process.descriptors_max)
    }),
    gauge("process_start_time_seconds", "When the process was started, since 1970.", |seen| {
        seen.process.started.map_or_else(Vec::new, |started| one(seconds(started)))
    }),
];

const fn gauge(name: &'static str, help: &'static str, read: fn(&Seen<'_>) -> Vec<Sample>) -> Family {
    Family { name, kind: Kind::Gauge, help, read }
}

const fn counter(name: &'static str, help: &'static str, read: fn(&Seen<'_>) -> Vec<Sample>) -> Family {
    Family { name, kind: Kind::Counter, help, read }
}

fn one(value: f64) -> Vec<Sample> {
    vec![Sample { labels: Vec::new(), value }]
}

fn count(count: &Count) -> Vec<Sample> {
    one(count.get() as f64)
}

fn known(number: Option<u64>) -> Vec<Sample> {
    number.map_or_else(Vec::new, |number| one(number as f64))
}

fn labelled(label: &'static str, value: &str, number: f64) -> Sample {
    Sample { labels: vec![(label, value.to_owned())], value: number }
}

fn outcomes<const N: usize>(counts: [(&'static str, &Count); N]) -> Vec<Sample> {
    counts.map(|(outcome, count)| labelled("outcome", outcome, count.get() as f64)).into()
}

fn by_source(seen: &Seen<'_>, number: impl Fn(Level, Duration) -> f64) -> Vec<Sample> {
    let sources = seen.meter.sources(seen.now).into_iter();
    sources.map(|(name, level, lag)| labelled("source", &name, number(level, lag))).collect()
}

fn by_level(source: &str, counts: &LevelCounts) -> impl Iterator<Item = Sample> {
    counts.named().map(move |(level, count)| Sample {
        labels: vec![("source", source.to_owned()), ("level", level.to_owned())],
        value: count as f64,
    })
}

/// Of every sink there ever was: its counters go on.
fn by_sink<const N: usize>(
    seen: &Seen<'_>,
    samples: impl Fn(&str, &SinkCounts) -> [Sample; N],
) -> Vec<Sample> {
    seen.meter.sinks().iter().flat_map(|(name, counts)| samples(name, counts)).collect()
}

/// Of the sinks there are, and those for which something is kept.
fn by_kept_sink(seen: &Seen<'_>, number: impl Fn(Kept, &SinkCounts) -> f64) -> Vec<Sample> {
    let kept = seen.meter.outbox().into_iter();
    kept.map(|(sink, kept)| labelled("sink", &sink, number(kept, &seen.meter.sink(&sink)))).collect()
}

fn flag(flag: &Flag) -> f64 {
    truth(flag.get())
}

fn truth(so: bool) -> f64 {
    f64::from(u8::from(so))
}

/// In seconds, to the millisecond.
fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1_000.0
}
