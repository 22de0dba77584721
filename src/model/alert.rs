//! An alert: what a human is sent. Owns its JSON, version 1.

mod cause;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::cause::{Cause, Confirmed, Follower, FollowerFinding, PossibleCause};
use crate::model::finding::Severity;
use crate::model::record::Fields;

/// One message about findings of one signature and group, on one host and source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Names the alert: the same for signature, group, host and source, across restarts.
    pub fingerprint: String,
    /// Whether it goes on.
    pub status: Status,
    /// 1 for the first message of this alert, then 2, 3…
    pub sequence: u64,
    /// Id of the signature.
    pub signature: String,
    /// Title of its page, in `lang`.
    pub title: String,
    /// Severity of the signature, or of a follower that is graver.
    pub severity: Severity,
    /// The box.
    pub host: String,
    /// The `[[source]]` it was read by.
    pub source: String,
    /// The file of the newest finding.
    pub path: String,
    /// Time of the first finding, RFC 3339.
    pub first_seen: String,
    /// Time of the newest finding, RFC 3339.
    pub last_seen: String,
    /// Findings so far.
    pub count: u64,
    /// Findings since the message before.
    pub new: u64,
    /// The values of `group_by` that all its findings share.
    pub group: Fields,
    /// Fields of the newest finding.
    pub fields: Fields,
    /// Text of the newest record.
    pub record: String,
    /// Its line, counted from 1.
    pub line: u64,
    /// Its offset in bytes.
    pub offset: u64,
    /// Lines around it.
    pub context: Context,
    /// What it means, Markdown.
    pub meaning: String,
    /// What to do, first things first.
    pub action: Vec<Action>,
    /// The numbers that the page gives to the steps of `action`, where these are not 1, 2, 3 and so on: steps were left
    /// out, or one has two commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub action_numbers: Vec<usize>,
    /// Steps that hold for other releases than those that run here, as the log shows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_releases: Vec<Action>,
    /// Where to read on.
    pub links: Vec<Link>,
    /// Other signatures whose findings this one explains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<Follower>,
    /// The alert that explains this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_by: Option<Cause>,
    /// Alerts that came before it in a time in which they could explain it. Nothing else says that they do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub possible_causes: Vec<PossibleCause>,
    /// It resolved because nothing came for `quiet_seconds`, not because the log says that it is over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub quiet: bool,
    /// For how long nothing came, where it is `quiet`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub quiet_seconds: u64,
    /// What the doctor sees on the box that is a cause of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirmed>,
    /// Language of title, meaning and action.
    pub lang: Lang,
}

// Serde asks by reference.
fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Whether an alert goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Findings keep coming.
    Firing,
    /// What it tells of is over, or nothing more came: see [`Alert::quiet`].
    Resolved,
}

impl Alert {
    /// The steps of `action`, each with its number on the page; `None` where it is a part of the step before it.
    pub fn steps(&self) -> impl Iterator<Item = (Option<usize>, &Action)> {
        let number = |index: usize| self.action_numbers.get(index).copied().unwrap_or(index + 1);
        self.action.iter().enumerate().map(move |(index, action)| {
            let is_part = index > 0 && number(index) == number(index - 1);
            ((!is_part).then(|| number(index)), action)
        })
    }
}

impl Status {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Status::Firing => "firing",
            Status::Resolved => "resolved",
        }
    }
}

/// Physical lines around a record, cleaned like the record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Lines before it, oldest first.
    pub before: Vec<String>,
    /// Lines after it that had been written when it was found.
    pub after: Vec<String>,
}

/// One step of what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The step, Markdown.
    pub text: String,
    /// A command for it, placeholders filled.
    pub command: Option<String>,
    /// Placeholders that stayed `<name>`.
    pub unfilled: Vec<String>,
    /// The command changes or deletes something.
    pub caution: bool,
}

/// A document about a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it is.
    pub title: String,
    /// Where it is.
    pub url: String,
}

/// Alerts that came too fast to be told one by one.
///
/// Nothing is dropped: [`Digest::add`] keeps the counts exact, whatever it is fed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// One line an alert, in the order of their first messages.
    pub alerts: Vec<DigestLine>,
    /// Findings told by this digest: the sum of `new`.
    pub findings: u64,
}

/// What a digest tells of one alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestLine {
    /// Names the alert.
    pub fingerprint: String,
    /// Id of the signature.
    pub signature: String,
    /// Severity of the signature.
    pub severity: Severity,
    /// Whether it went on at its last message.
    pub status: Status,
    /// Findings so far, as of its last message.
    pub count: u64,
    /// Findings told by this digest.
    pub new: u64,
    /// The values of `group_by` that all its findings share.
    pub group: Fields,
}

impl Digest {
    /// Adds a message; messages of one alert are to come in their order.
    pub fn add(&mut self, alert: &Alert) {
        self.findings += alert.new;
        match self.alerts.iter_mut().find(|line| line.fingerprint == alert.fingerprint) {
            Some(line) => {
                line.status = alert.status;
                line.severity = alert.severity;
                line.count = alert.count;
                line.new += alert.new;
            }
            None => self.alerts.push(DigestLine {
                fingerprint: alert.fingerprint.clone(),
                signature: alert.signature.clone(),
                severity: alert.severity,
                status: alert.status,
                count: alert.count,
                new: alert.new,
                group: alert.group.clone(),
            }),
        }
    }

    /// Adds all that `other` tells, with one line a signature, so that it cannot grow without end.
    ///
    /// Such a line has the signature as its fingerprint and no group. It is as grave as the gravest
    /// of its alerts and goes on if one of them does. Its `count` is its `new`: what was told of
    /// these alerts before, no two messages add up to.
    pub fn add_by_signature(&mut self, other: &Digest) {
        self.findings += other.findings;
        for line in &other.alerts {
            let known = self.alerts.iter_mut().find(|known| known.fingerprint == line.signature);
            let Some(known) = known else {
                self.alerts.push(DigestLine {
                    fingerprint: line.signature.clone(),
                    count: line.new,
                    group: Fields::new(),
                    ..line.clone()
                });
                continue;
            };
            known.new += line.new;
            known.count = known.new;
            known.severity = known.severity.max(line.severity);
            if line.status == Status::Firing {
                known.status = Status::Firing;
            }
        }
    }
}

/// What one delivery tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Message {
    /// One alert.
    Alert(Box<Alert>),
    /// Several alerts in short.
    Digest {
        /// The box they happened on.
        host: String,
        /// Language of the alerts.
        lang: Lang,
        /// The alerts.
        digest: Digest,
    },
}

/// A message on its way to one sink. It reads the same on every attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// Names the delivery; the same on every retry and after a crash.
    pub id: String,
    /// When it was put in the outbox, RFC 3339.
    pub created: String,
    /// What it tells.
    pub message: Message,
}

/// A language that pages and alerts are written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Lang {
    /// Every language.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Zh];

    /// The name in options, file names and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }

    /// The word for a severity.
    pub fn severity(self, severity: Severity) -> &'static str {
        match (self, severity) {
            (Lang::En, severity) => severity.name(),
            (Lang::Zh, Severity::Info) => "信息",
            (Lang::Zh, Severity::Warning) => "警告",
            (Lang::Zh, Severity::Error) => "错误",
            (Lang::Zh, Severity::Critical) => "严重",
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Lang {
    type Err = String;

    fn from_str(text: &str) -> Result<Lang, String> {
        Lang::ALL
            .into_iter()
            .find(|lang| lang.name() == text)
            .ok_or_else(|| format!("unknown language `{text}`: en or zh"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An alert with every field set, for the tests of the rooms that send it.
    pub(crate) fn sample() -> Alert {
        Alert {
            fingerprint: "5f0c1d2e3a4b5968".to_owned(),
            status: Status::Firing,
            sequence: 1,
            signature: "venus-cluster/ext-unmarshal-response".to_owned(),
            title: "External processor returned a malformed response".to_owned(),
            severity: Severity::Error,
            host: "seal-07".to_owned(),
            source: "worker".to_owned(),
            path: "/var/log/venus-worker/worker.log".to_owned(),
            first_seen: "2022-06-24T14:33:24.000000001+08:00".to_owned(),
            last_seen: "2022-06-24T14:35:01.5+08:00".to_owned(),
            count: 3,
            new: 3,
            group: [("child_pid".to_owned(), "12345".to_owned())].into(),
            fields: [("child_pid".to_owned(), "12345".to_owned())].into(),
            record: "ERROR failed to unmarshal response string: 'a < b && `c`'. child_pid=12345".to_owned(),
            line: 3,
            offset: 210,
            context: Context { before: vec!["before".to_owned()], after: vec!["after".to_owned()] },
            meaning: "The **processor** wrote something that is not JSON to `stdout`.".to_owned(),
            action: vec![
                Action {
                    text: "Have the output written to a file:".to_owned(),
                    command: Some(
                        "venus-worker worker enable_dump --child_pid=12345 --dump_dir=<dump_dir>".to_owned(),
                    ),
                    unfilled: vec!["dump_dir".to_owned()],
                    caution: false,
                },
                Action {
                    text: "Restart the child, see [the guide](https://example.org/guide).".to_owned(),
                    command: Some("kill 12345".to_owned()),
                    unfilled: vec![],
                    caution: true,
                },
            ],
            action_numbers: Vec::new(),
            other_releases: Vec::new(),
            links: vec![Link { title: "Q&A".to_owned(), url: "https://example.org/qa?a=1&b=2".to_owned() }],
            followers: vec![Follower {
                signature: "venus-cluster/worker-sealing-failed-permanent".to_owned(),
                title: "A sector <failed> for good".to_owned(),
                count: 2,
                newest: Some(FollowerFinding {
                    path: "/var/log/venus-worker/worker.log".to_owned(),
                    line: 5,
                    fields: [("thread".to_owned(), "4".to_owned())].into(),
                    record: "ERROR sealing failed".to_owned(),
                }),
                earlier: vec![],
            }],
            explained_by: Some(Cause {
                signature: "kernel/oom-killer".to_owned(),
                fingerprint: "0011223344556677".to_owned(),
            }),
            possible_causes: vec![],
            quiet: false,
            quiet_seconds: 0,
            confirmed: vec![Confirmed {
                check: "doctor/cpuset-l3".to_owned(),
                text: "the cpuset `0-6` takes 4 and 3 cores of 2 L3 groups (config.toml:41)".to_owned(),
            }],
            lang: Lang::En,
        }
    }

    #[test]
    fn a_digest_counts_exactly() {
        let mut digest = Digest::default();
        let mut alert = sample();
        digest.add(&alert);
        digest.add(&Alert { fingerprint: "other".to_owned(), count: 7, new: 5, ..sample() });
        (alert.sequence, alert.count, alert.new, alert.status) = (2, 10, 7, Status::Resolved);
        digest.add(&alert);
        let told: Vec<_> = digest.alerts.iter().map(|line| (line.count, line.new, line.status)).collect();
        assert_eq!(told, [(10, 10, Status::Resolved), (7, 5, Status::Firing)]);
        assert_eq!(digest.findings, 15);
    }

    #[test]
    fn a_digest_by_signature_counts_exactly_too() {
        let line = |fingerprint: &str, signature: &str, severity, status, new| DigestLine {
            fingerprint: fingerprint.to_owned(),
            signature: signature.to_owned(),
            severity,
            status,
            count: 100 + new,
            new,
            group: [("pid".to_owned(), fingerprint.to_owned())].into(),
        };
        use Severity::{Critical, Error};
        use Status::{Firing, Resolved};
        let fine = Digest {
            alerts: vec![
                line("a", "x/one", Error, Resolved, 3),
                line("b", "x/two", Error, Resolved, 4),
                line("c", "x/one", Critical, Firing, 5),
            ],
            findings: 12,
        };
        let mut digest = Digest::default();
        digest.add_by_signature(&fine);
        // What was added up before can be added again.
        let before = digest.clone();
        digest.add_by_signature(&before);
        let told = |line: &DigestLine| {
            assert!(line.group.is_empty() && line.fingerprint == line.signature);
            (line.signature.clone(), line.severity, line.status, line.count, line.new)
        };
        assert_eq!(
            digest.alerts.iter().map(told).collect::<Vec<_>>(),
            [("x/one".to_owned(), Critical, Firing, 16, 16), ("x/two".to_owned(), Error, Resolved, 8, 8)]
        );
        assert_eq!(digest.findings, 24);
    }

    #[test]
    fn a_letter_survives_its_json() {
        let digest =
            Message::Digest { host: "seal-07".to_owned(), lang: Lang::Zh, digest: Digest::default() };
        for message in [Message::Alert(Box::new(sample())), digest] {
            let letter =
                OutboxMessage { id: "1".to_owned(), created: "2022-06-24T06:35:02Z".to_owned(), message };
            let json = serde_json::to_vec(&letter).unwrap();
            assert_eq!(serde_json::from_slice::<OutboxMessage>(&json).unwrap(), letter);
        }
    }
}
