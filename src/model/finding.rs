//! A finding: one signature matched one record. Owns the JSON of `replay --json`, version 1.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, Serialize};

use crate::base::text::escape_json;
use crate::model::record::{Fields, Identity, Level, LevelCounts, Place, Time};

/// How grave a signature is, from the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Count it, wake nobody.
    Info,
    /// Will fail, or is slow.
    Warning,
    /// One job failed.
    Error,
    /// Money or a machine is standing still.
    Critical,
}

impl Severity {
    /// Every severity, from the least grave.
    pub const ALL: [Severity; 4] = [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];

    /// The name in pages, options and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        }
    }

    /// Its colour on a terminal.
    pub fn style(self) -> Style {
        match self {
            Severity::Info => AnsiColor::Blue.on_default(),
            Severity::Warning => AnsiColor::Yellow.on_default(),
            Severity::Error => AnsiColor::Red.on_default(),
            Severity::Critical => AnsiColor::BrightWhite.on(AnsiColor::Red).bold(),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Severity, String> {
        Severity::ALL
            .into_iter()
            .find(|severity| severity.name() == text)
            .ok_or_else(|| format!("unknown severity `{text}`: info, warning, error or critical"))
    }
}

/// One signature matched one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Id of the signature, `<pack>/<name>`.
    pub signature: Arc<str>,
    /// Severity of the signature.
    pub severity: Severity,
    /// Where the record stands.
    pub place: Place,
    /// When the record was written, if it says so.
    pub time: Option<Time>,
    /// When the nearest record at or before this one was written: a panic has no time of its own.
    pub near: Option<Time>,
    /// Level of the record, if it has one.
    pub level: Option<Level>,
    /// Captures of the signature and fields of the record.
    pub fields: Fields,
    /// What it is about.
    pub identity: Identity,
    /// Text of the record.
    pub record: String,
}

impl Finding {
    /// The finding as an object of `replay --json`, found in `path`.
    pub fn to_json(&self, path: &str) -> String {
        let line = FindingLine {
            kind: "finding",
            signature: &self.signature,
            severity: self.severity,
            path,
            line: self.place.line,
            offset: self.place.offset,
            length: self.place.length,
            time: self.time,
            level: self.level,
            fields: &self.fields,
            record: &self.record,
        };
        json_line(&line)
    }
}

/// What a whole replay came to: the last line of `replay --json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Files read, archives and standard input among them.
    pub files: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
    /// Physical lines read.
    pub lines: u64,
    /// Findings reported.
    pub findings: u64,
    /// The same by signature, those without any left out.
    pub by_signature: BTreeMap<Arc<str>, u64>,
    /// Paths that could not be read, or not to their end.
    pub unreadable: Vec<String>,
    /// Wall-clock time it took.
    pub seconds: f64,
    /// Records by file and level, where somebody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<BTreeMap<String, LevelCounts>>,
}

impl Summary {
    /// The summary as an object of `replay --json`.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct SummaryLine<'a> {
            kind: &'static str,
            #[serde(flatten)]
            summary: &'a Summary,
        }
        json_line(&SummaryLine { kind: "summary", summary: self })
    }
}

#[derive(Serialize)]
struct FindingLine<'a> {
    kind: &'static str,
    signature: &'a str,
    severity: Severity,
    path: &'a str,
    line: u64,
    offset: u64,
    length: u64,
    time: Option<Time>,
    level: Option<Level>,
    fields: &'a Fields,
    record: &'a str,
}

fn json_line(value: &impl Serialize) -> String {
    // String keys and values that cannot fail: serialising them cannot either.
    escape_json(serde_json::to_string(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finding_of_the_contract() {
        let instant: jiff::Timestamp = "2022-06-24T14:33:24.000000001+08:00".parse().unwrap();
        let time = Time { instant, offset: jiff::tz::Offset::constant(8), digits: 9 };
        let finding = Finding {
            signature: "venus-cluster/ext-unmarshal-response".into(),
            severity: Severity::Error,
            place: Place { line: 3, offset: 210, length: 154 },
            time: Some(time),
            near: Some(time),
            level: Some(Level::Error),
            fields: [("child_pid".to_owned(), "12345".to_owned())].into(),
            identity: Identity::default(),
            record: "text".to_owned(),
        };
        assert_eq!(
            finding.to_json("a.log"),
            r#"{"kind":"finding","signature":"venus-cluster/ext-unmarshal-response","severity":"error","path":"a.log","line":3,"offset":210,"length":154,"time":"2022-06-24T14:33:24.000000001+08:00","level":"ERROR","fields":{"child_pid":"12345"},"record":"text"}"#
        );
    }

    #[test]
    fn severities_are_ordered_and_named() {
        assert!(Severity::Critical > Severity::Error && Severity::Warning > Severity::Info);
        for severity in Severity::ALL {
            assert_eq!(severity.name().parse(), Ok(severity));
        }
        assert!("fatal".parse::<Severity>().is_err());
    }
}
