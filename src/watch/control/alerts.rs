//! Open alerts as they are shown.

use serde::{Deserialize, Serialize};

use crate::correlate::command::Vars;
use crate::correlate::{Correlator, Moment, Notice};
use crate::deliver::sink::{Sink, Subject};
use crate::model::alert::{Alert, Lang};
use crate::signature::Catalogue;

/// Bytes of text that all alerts of a reply hold; the graver ones come first.
const BYTES_MAX: usize = 16 << 20;

/// An open alert: what a sink would be sent now, and what became of it. As JSON, a line of `alerts --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shown {
    kind: Kind,
    /// The alert, as a webhook gets it.
    pub alert: Alert,
    /// The sinks that take it.
    pub sinks: Vec<String>,
    /// Its messages are held back until then, RFC 3339.
    #[serde(default)]
    pub silenced_until: Option<String>,
    /// Who is on it.
    #[serde(default)]
    pub acknowledged_by: Option<String>,
}

/// Tells a line from those of other lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "open-alert")]
    OpenAlert,
}

impl Shown {
    /// An alert that these sinks take.
    pub fn new(alert: Alert, sinks: Vec<String>) -> Shown {
        Shown { kind: Kind::OpenAlert, alert, sinks, silenced_until: None, acknowledged_by: None }
    }
}

/// What is known beside the alerts.
pub(crate) struct Facts<'a> {
    pub catalogue: &'a Catalogue,
    pub vars: &'a Vars,
    pub sinks: &'a [Sink],
    pub host: &'a str,
}

/// The open alerts, the gravest and then the newest first, with what the catalogue says of them in `lang`; and how many of
/// them there is no room for.
pub(crate) fn open_alerts(
    correlator: &Correlator,
    facts: &Facts<'_>,
    lang: Lang,
    now: Moment,
) -> (Vec<Shown>, usize) {
    let mut open: Vec<Notice> = correlator.shown().collect();
    open.sort_by(|one, other| {
        let rank = |notice: &Notice| (notice.severity(), notice.last_at());
        rank(other).cmp(&rank(one)).then_with(|| one.fingerprint.cmp(&other.fingerprint))
    });
    let (mut alerts, mut bytes) = (Vec::new(), 0);
    for notice in &open {
        let alert = notice.render(facts.catalogue, lang, facts.vars);
        let context = alert.context.before.iter().chain(&alert.context.after).map(String::len).sum::<usize>();
        bytes += alert.record.len() + alert.meaning.len() + context;
        if bytes > BYTES_MAX {
            break;
        }
        let sinks = takers(facts.sinks, notice, facts.host).map(|sink| sink.name.clone());
        let (silenced, ack) = correlator.muting(&notice.fingerprint, now.steady);
        alerts.push(Shown {
            silenced_until: silenced.map(|until| now.shown(until)),
            acknowledged_by: ack.map(|ack| ack.who.clone()),
            ..Shown::new(alert, sinks.collect())
        });
    }
    let left_out = open.len() - alerts.len();
    (alerts, left_out)
}

/// The sinks among `sinks` that take the alert of a notice.
pub(crate) fn takers<'a>(
    sinks: &'a [Sink],
    notice: &'a Notice,
    host: &'a str,
) -> impl Iterator<Item = &'a Sink> {
    let subject = Subject {
        signature: notice.signature(),
        severity: notice.severity(),
        host,
        source: notice.source(),
        group: notice.group(),
    };
    sinks.iter().filter(move |sink| {
        // What is wrong with a sink is told by the others.
        let is_about =
            notice.signature().starts_with("sealtail/") && notice.group().get("sink") == Some(&sink.name);
        !is_about && sink.route.takes(&subject)
    })
}
