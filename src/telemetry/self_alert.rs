//! A self-alert: an alert about sealtail itself, such as lost bytes, a parked sink or a state that cannot be written.
//!
//! A part that notices such a thing logs it and reports it to [`Telemetry`](crate::telemetry::Telemetry). The reading
//! side takes it through the same correlation, outbox and sinks as a finding in a log, so it is grouped, counted,
//! repeated and resolved like any alert. Each kind has its page, `patterns/sealtail/<name>.md`;
//! `disable = ["sealtail/*"]` turns the alerts off, and leaves the log lines and the counters.

use std::fmt;

use crate::model::record::Fields;

/// What is wrong: each kind is one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Bytes of a log were gone before they could be read.
    BytesLost,
    /// A log cannot be read for now.
    FileUnreadable,
    /// A log is in an encoding that is not read.
    FileUtf16,
    /// A source names no file.
    SourceNoFile,
    /// A source has been silent for longer than ever before.
    SourceSilent,
    /// A log has lines whose time lies ahead.
    ClockSkew,
    /// The system allows no more watches.
    WatchLimit,
    /// A sink accepts nothing until somebody repairs it.
    SinkParked,
    /// A sink has failed for some minutes.
    SinkFailing,
    /// A message was refused for good.
    DeadLetter,
    /// The state cannot be written.
    StateUnwritable,
    /// The state was damaged and was created again.
    StateDamaged,
    /// A configuration was rejected, and the running one stays in use.
    ReloadRefused,
    /// A part of sealtail panicked and was restarted.
    PartRestarted,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 14] = [
        Kind::BytesLost,
        Kind::FileUnreadable,
        Kind::FileUtf16,
        Kind::SourceNoFile,
        Kind::SourceSilent,
        Kind::ClockSkew,
        Kind::WatchLimit,
        Kind::SinkParked,
        Kind::SinkFailing,
        Kind::DeadLetter,
        Kind::StateUnwritable,
        Kind::StateDamaged,
        Kind::ReloadRefused,
        Kind::PartRestarted,
    ];

    /// The id of its page.
    pub fn page(self) -> &'static str {
        match self {
            Kind::BytesLost => "sealtail/bytes-lost",
            Kind::FileUnreadable => "sealtail/file-unreadable",
            Kind::FileUtf16 => "sealtail/file-utf-16",
            Kind::SourceNoFile => "sealtail/source-no-file",
            Kind::SourceSilent => "sealtail/source-silent",
            Kind::ClockSkew => "sealtail/clock-skew",
            Kind::WatchLimit => "sealtail/watch-limit",
            Kind::SinkParked => "sealtail/sink-parked",
            Kind::SinkFailing => "sealtail/sink-failing",
            Kind::DeadLetter => "sealtail/dead-letter",
            Kind::StateUnwritable => "sealtail/state-unwritable",
            Kind::StateDamaged => "sealtail/state-damaged",
            Kind::ReloadRefused => "sealtail/reload-refused",
            Kind::PartRestarted => "sealtail/part-restarted",
        }
    }
}

/// One self-alert: something is wrong, or no longer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfAlert {
    /// What is wrong.
    pub kind: Kind,
    /// The fields that group it, and details.
    pub fields: Fields,
    /// The file it is about; may be empty.
    pub path: String,
    /// One line that says what happened.
    pub text: String,
    /// It resolves the alert of this kind and these fields.
    pub resolved: bool,
}

impl SelfAlert {
    /// Something is wrong.
    pub fn new(kind: Kind, text: impl Into<String>) -> SelfAlert {
        SelfAlert { kind, fields: Fields::new(), path: String::new(), text: text.into(), resolved: false }
    }

    /// The same, with a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> SelfAlert {
        self.fields.insert(name.to_owned(), value.to_string());
        self
    }

    /// The same, of the file at `path`.
    #[must_use]
    pub fn at(mut self, path: impl fmt::Display) -> SelfAlert {
        self.path = path.to_string();
        let path = self.path.clone();
        self.with("path", path)
    }

    /// The same, as resolved.
    #[must_use]
    pub fn resolved(mut self) -> SelfAlert {
        self.resolved = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::Lang;
    use crate::signature::{Catalogue, builtin};

    #[test]
    fn every_kind_has_its_page() {
        let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
        for kind in Kind::ALL {
            let page = catalogue.get(kind.page());
            assert!(
                page.is_some_and(|page| page.pages.runbooks().contains_key(&Lang::Zh)),
                "{}",
                kind.page()
            );
        }
        let pages = catalogue.signatures().iter().filter(|page| page.id.starts_with("sealtail/"));
        assert_eq!(pages.count(), Kind::ALL.len(), "a page without a kind");
    }
}
