//! Metrics in the text format of Prometheus (0.0.4).
//!
//! A metric is one entry of [`FAMILIES`]; `docs/metrics.md` has one row for each, and a test holds
//! the two together. Labels are names that the operator gave, pages and fixed words: never a path of
//! a log, an address or a secret.

mod families;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

pub use self::families::FAMILIES;
use crate::telemetry::health::Health;
use crate::telemetry::meter::Meter;

/// The `Content-Type` of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One metric.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// How its number moves.
    pub kind: Kind,
    /// Its meaning, in one line.
    pub help: &'static str,
    read: fn(&Seen<'_>) -> Vec<Sample>,
}

/// How a number moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only up.
    Counter,
    /// Up and down.
    Gauge,
}

impl Kind {
    /// Its word in the format.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        }
    }
}

/// Resource usage of the process; a value that the system does not give is left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Process {
    /// Time on a CPU.
    pub cpu: Option<Duration>,
    /// Memory in RAM, in bytes.
    pub resident: Option<u64>,
    /// Open files and sockets, …
    pub descriptors: Option<u64>,
    /// … and how many there may be.
    pub descriptors_max: Option<u64>,
    /// When it was started, since 1970.
    pub started: Option<Duration>,
}

/// What metrics are read from.
struct Seen<'a> {
    meter: &'a Meter,
    health: &'a Health,
    process: &'a Process,
    now: Instant,
}

/// A number, and the labels that tell it from others of its metric.
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

/// Every metric as it is `now`.
pub fn render(meter: &Meter, health: &Health, process: &Process, now: Instant) -> String {
    let seen = Seen { meter, health, process, now };
    let mut text = String::new();
    for family in FAMILIES {
        let Family { name, kind, help, read } = family;
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", kind.word());
        for sample in read(&seen) {
            let labels = labels(&sample.labels);
            let _ = writeln!(text, "{name}{labels} {}", sample.value);
        }
    }
    text
}

fn labels(labels: &[(&str, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let shown: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", shown.join(","))
}

#[cfg(test)]
mod tests;
