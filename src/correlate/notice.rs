//! What is told of an alert, as the message it becomes.

use std::time::Duration;

use jiff::Timestamp;

use super::command::{self, Steps, Values, Vars};
use super::open::{Followed, OpenAlert};
use super::silence::Silence;
use crate::model::alert::{Action, Alert, Cause, Follower, Lang, PossibleCause, Status};
use crate::model::finding::Severity;
use crate::model::record::Fields;
use crate::signature::{Catalogue, Runbook};

/// Something to tell about an alert, in no language yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Names the alert.
    pub fingerprint: String,
    pub(super) status: Status,
    pub(super) new: u64,
    /// It resolved because nothing came for so long, not because its log says so.
    pub(super) quiet: Option<Duration>,
    pub(super) alert: OpenAlert,
}

impl Notice {
    /// The next message of `alert`.
    pub(super) fn of(
        alert: &mut OpenAlert,
        fingerprint: String,
        status: Status,
        quiet: Option<Duration>,
        now: Timestamp,
    ) -> Notice {
        let new = alert.tell(now);
        Notice { fingerprint, status, new, quiet, alert: alert.clone() }
    }

    /// The message that `alert` would be now, which changes nothing.
    pub(super) fn shown(alert: &OpenAlert, fingerprint: &str) -> Notice {
        let (fingerprint, new) = (fingerprint.to_owned(), alert.untold());
        Notice { fingerprint, status: Status::Firing, new, quiet: None, alert: alert.clone() }
    }

    /// Id of the signature.
    pub fn signature(&self) -> &str {
        &self.alert.signature
    }

    /// Severity of the signature.
    pub fn severity(&self) -> Severity {
        self.alert.severity
    }

    /// Which of the alert's messages this is, from 1 on.
    pub fn sequence(&self) -> u64 {
        self.alert.sequence
    }

    /// When the first finding of the alert was seen, as it is shown: an alert that opens again counts its messages anew.
    pub fn first_seen(&self) -> &str {
        &self.alert.first_seen
    }

    /// Whether a silence is about it.
    pub fn is_silenced_by(&self, silence: &Silence) -> bool {
        let OpenAlert { signature, severity, source, group, .. } = &self.alert;
        silence.takes(signature, *severity, source, group)
    }

    /// When its newest finding arrived, by the steady clock.
    pub fn last_at(&self) -> Timestamp {
        self.alert.last_at
    }

    /// The `[[source]]` of the alert.
    pub fn source(&self) -> &str {
        &self.alert.source
    }

    /// The values that all its findings share for the fields it is grouped by.
    pub fn group(&self) -> &Fields {
        &self.alert.group
    }

    /// The message in `lang`, with what the catalogue knows and the operator's `vars` filled in.
    pub fn render(&self, catalogue: &Catalogue, lang: Lang, vars: &Vars) -> Alert {
        let OpenAlert { signature, severity, host, source, group, newest, .. } = &self.alert;
        let known = catalogue.get(signature);
        let gone;
        let runbook = match known {
            Some(known) => known.runbook(lang),
            None => {
                gone = withdrawn(signature, lang);
                &gone
            }
        };
        let values = Values {
            fields: &newest.fields,
            host: Some(host),
            source: Some(source),
            path: &newest.path,
            names: &newest.names,
            vars,
            signature: known.map(|known| &**known),
        };
        let Steps { action, other_releases } = command::steps(runbook, &values, lang);
        let (numbers, action): (Vec<usize>, Vec<Action>) =
            action.into_iter().map(|step| (step.number, step.action)).unzip();
        Alert {
            fingerprint: self.fingerprint.clone(),
            status: self.status,
            sequence: self.alert.sequence,
            signature: signature.clone(),
            title: runbook.title.clone(),
            severity: *severity,
            host: host.clone(),
            source: source.clone(),
            path: newest.path.clone(),
            first_seen: self.alert.first_seen.clone(),
            last_seen: newest.seen.clone(),
            count: self.alert.count,
            new: self.new,
            group: group.clone(),
            fields: newest.fields.clone(),
            record: newest.record.clone(),
            line: newest.line,
            offset: newest.offset,
            context: newest.context.clone(),
            meaning: runbook.meaning.clone(),
            action,
            // What goes without saying is not said.
            action_numbers: if numbers.iter().copied().eq(1..=numbers.len()) { Vec::new() } else { numbers },
            other_releases: other_releases.into_iter().map(|step| step.action).collect(),
            links: runbook.links.clone(),
            followers: followers(&self.alert, catalogue, lang),
            explained_by: self.alert.explained_by.clone(),
            possible_causes: possible_causes(&self.alert, catalogue, lang),
            quiet: self.quiet.is_some(),
            quiet_seconds: self.quiet.map_or(0, |quiet| quiet.as_secs()),
            confirmed: Vec::new(),
            lang,
        }
    }
}

fn title(id: &str, catalogue: &Catalogue, lang: Lang) -> String {
    catalogue.get(id).map_or_else(|| id.to_owned(), |known| known.runbook(lang).title.clone())
}

fn followers(alert: &OpenAlert, catalogue: &Catalogue, lang: Lang) -> Vec<Follower> {
    let follower = |(id, followed): (&String, &Followed)| {
        let mut earlier = followed.newest.clone();
        let newest = earlier.pop();
        earlier.reverse();
        Follower {
            signature: id.clone(),
            title: title(id, catalogue, lang),
            count: followed.count,
            newest,
            earlier,
        }
    };
    alert.followers.iter().map(follower).collect()
}

fn possible_causes(alert: &OpenAlert, catalogue: &Catalogue, lang: Lang) -> Vec<PossibleCause> {
    let possible = |Cause { signature, fingerprint }: &Cause| PossibleCause {
        signature: signature.clone(),
        title: title(signature, catalogue, lang),
        fingerprint: fingerprint.clone(),
    };
    alert.possible_causes.iter().map(possible).collect()
}

/// Stands in for the runbook of a signature that has left the catalogue while its alert was open.
fn withdrawn(signature: &str, lang: Lang) -> Runbook {
    let meaning = match lang {
        Lang::En => "This signature is no longer in the catalogue.",
        Lang::Zh => "该特征已不在目录中。",
    };
    Runbook { title: signature.to_owned(), meaning: meaning.to_owned(), ..Runbook::default() }
}
