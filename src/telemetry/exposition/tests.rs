//! What is shown is what was counted, in a form that can be read.

use std::collections::BTreeSet;

use super::*;
use crate::model::record::{self, LevelCounts};
use crate::telemetry::meter::{Kept, Level};

/// The lines of one metric.
fn of<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    text.lines().filter(is_it).collect()
}

/// What [`a_bad_day`] comes to.
const BAD_DAY: &str = r#"
sealtail_build_info{version="VERSION"} 1
sealtail_healthy 0
sealtail_ready 0
sealtail_state_failing 1
sealtail_reading_still_seconds 2
sealtail_source_files{source="manager"} 4
sealtail_source_files{source="worker"} 4
sealtail_source_open_files{source="manager"} 2
sealtail_source_open_files{source="worker"} 2
sealtail_source_lag_bytes{source="manager"} 0
sealtail_source_lag_bytes{source="worker"} 9
sealtail_source_lag_seconds{source="manager"} 2
sealtail_source_lag_seconds{source="worker"} 10
sealtail_read_bytes_total 4096
sealtail_read_lines_total 40
sealtail_records_total{source="worker",level="TRACE"} 0
sealtail_records_total{source="worker",level="DEBUG"} 0
sealtail_records_total{source="worker",level="INFO"} 31
sealtail_records_total{source="worker",level="WARN"} 0
sealtail_records_total{source="worker",level="ERROR"} 2
sealtail_records_total{source="worker",level="FATAL"} 0
sealtail_records_total{source="worker",level="none"} 3
sealtail_cut_lines_total 1
sealtail_gaps_total 2
sealtail_lost_bytes_total 99
sealtail_findings_total 7
sealtail_alert_messages_total 3
sealtail_open_alerts 5
sealtail_silences 0
sealtail_held_back_messages_total 0
sealtail_sink_messages_total{sink="gone",outcome="delivered"} 1
sealtail_sink_messages_total{sink="gone",outcome="refused"} 0
sealtail_sink_messages_total{sink="ops",outcome="delivered"} 11
sealtail_sink_messages_total{sink="ops",outcome="refused"} 13
sealtail_sink_retries_total{sink="gone"} 0
sealtail_sink_retries_total{sink="ops"} 12
sealtail_sink_failing{sink="ops"} 0
sealtail_sink_parked{sink="ops"} 1
sealtail_outbox_messages{sink="ops"} 21
sealtail_dead_letters{sink="ops"} 14
sealtail_complaints_total{page="sealtail/sink-parked"} 1
sealtail_state_refused_commits_total 5
sealtail_configurations_total{outcome="taken"} 1
sealtail_configurations_total{outcome="refused"} 2
sealtail_heartbeats_total{outcome="delivered"} 6
sealtail_heartbeats_total{outcome="failed"} 8
sealtail_heartbeats_total{outcome="held"} 16
process_cpu_seconds_total 1.5
process_resident_memory_bytes 1048576
process_open_fds 17
process_start_time_seconds 1700000000
"#;

/// A box on a bad day, two seconds after the last measurement.
fn a_bad_day() -> String {
    let (meter, health, start) = (Meter::default(), Health::default(), Instant::now());
    let at = |second| start + Duration::from_secs(second);
    for (count, number) in
        [(&meter.bytes, 4096), (&meter.lines, 40), (&meter.gaps, 2), (&meter.lost_bytes, 99)]
    {
        count.add(number);
    }
    for (count, number) in
        [(&meter.findings, 7), (&meter.alerts, 3), (&meter.cut_lines, 1), (&meter.reloads, 1)]
    {
        count.add(number);
    }
    let mut records = LevelCounts::default();
    for (level, count) in [(Some(record::Level::Info), 31), (Some(record::Level::Error), 2), (None, 3)] {
        records.add(level, count);
    }
    meter.count_records("worker", &records);
    meter.open_alerts.set(5);
    meter.reloads_refused.add(2);
    meter.commits_refused.add(5);
    meter.heartbeats.add(6);
    meter.heartbeats_failed.add(8);
    meter.heartbeats_held.add(16);
    meter.count_self_alert("sealtail/sink-parked");
    let ops = meter.sink("ops");
    ops.delivered.add(11);
    ops.retried.add(12);
    ops.refused.add(13);
    ops.parked.set(true);
    meter.sink("gone").delivered.add(1);
    meter.see_outbox([("ops".to_owned(), Kept { waiting: 21, dead: 14 })].into());
    let level = |unread| Level { files: 4, open: 2, unread };
    meter.see_sources([("worker".to_owned(), level(0)), ("manager".to_owned(), level(0))].into(), at(0));
    meter.see_sources([("worker".to_owned(), level(9)), ("manager".to_owned(), level(0))].into(), at(8));
    health.progress(at(8));
    health.set_writable(Err("disk full".to_owned()));
    let process = Process {
        cpu: Some(Duration::from_millis(1500)),
        resident: Some(1 << 20),
        descriptors: Some(17),
        descriptors_max: None,
        started: Some(Duration::from_secs(1_700_000_000)),
    };
    render(&meter, &health, &process, at(10))
}

#[test]
fn what_was_counted_is_shown() {
    let text = a_bad_day();
    let numbers: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let expected = BAD_DAY.replace("VERSION", env!("CARGO_PKG_VERSION"));
    assert_eq!(numbers, expected.trim().lines().collect::<Vec<_>>());
}

#[test]
fn every_line_is_of_the_format() {
    let text = a_bad_day();
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let mut current = "";
    for (number, line) in text.lines().enumerate() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            current = rest.split(' ').next().unwrap();
            let next = text.lines().nth(number + 1).unwrap();
            assert!(next.starts_with(&format!("# TYPE {current} ")), "{next}");
        } else if !line.starts_with("# TYPE ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(name.split('{').next(), Some(current), "{line}");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
        }
    }
    assert!(text.ends_with('\n'));
    let mut names = BTreeSet::new();
    for Family { name, kind, help, .. } in FAMILIES {
        assert!(names.insert(name) && is_name(name), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert!(help.ends_with('.') && !help.contains(['\n', '\\']), "{name}: {help}");
    }
}

#[test]
fn a_name_cannot_leave_its_label() {
    let meter = Meter::default();
    let name = "a\"} 1\nsealtail_fake{x=\"\\".to_owned();
    meter.see_outbox([(name, Kept::default())].into());
    let text = render(&meter, &Health::default(), &Process::default(), Instant::now());
    let [line] = of(&text, "sealtail_outbox_messages")[..] else { panic!("{text}") };
    assert_eq!(line, r#"sealtail_outbox_messages{sink="a\"} 1\nsealtail_fake{x=\"\\"} 0"#);
    assert_eq!(of(&text, "sealtail_fake"), [""; 0]);
}

/// The rows of the table in `docs/metrics.md`, and what is shown: the same, in the same order.
#[test]
fn the_documentation_has_every_metric_and_no_other() {
    let documentation = include_str!("../../../docs/metrics.md");
    let rows = documentation.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`').split('{').next()?;
        Some((name, cells.next()?))
    });
    let shown = FAMILIES.iter().map(|family| (family.name, family.kind.word()));
    assert_eq!(rows.collect::<Vec<_>>(), shown.collect::<Vec<_>>());
}
