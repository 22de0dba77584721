//! Open alerts as they are shown.

use serde::{Deserialize, Serialize};

use crate::correlate::Notice;
use crate::correlate::command::Vars;
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
}

impl Shown {
    /// An alert that these sinks take.
    pub fn new(alert: Alert, sinks: Vec<String>) -> Shown {
        Shown { kind: Kind::OpenAlert, alert, sinks }
    }
}

/// Tells a line from those of other lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "open-alert")]
    OpenAlert,
}

/// These alerts, the gravest and then the newest first, with what the catalogue says of them in `lang`; and how many of
/// them there is no room for.
pub(crate) fn shown(
    mut open: Vec<(Notice, Vec<String>)>,
    catalogue: &Catalogue,
    vars: &Vars,
    lang: Lang,
) -> (Vec<Shown>, usize) {
    open.sort_by(|(one, _), (other, _)| {
        let rank = |notice: &Notice| (notice.severity(), notice.last_at());
        rank(other).cmp(&rank(one)).then_with(|| one.fingerprint.cmp(&other.fingerprint))
    });
    let (mut alerts, mut bytes) = (Vec::new(), 0);
    for (notice, sinks) in &open {
        let alert = notice.render(catalogue, lang, vars);
        let context = alert.context.before.iter().chain(&alert.context.after).map(String::len).sum::<usize>();
        bytes += alert.record.len() + alert.meaning.len() + context;
        if bytes > BYTES_MAX {
            break;
        }
        alerts.push(Shown::new(alert, sinks.clone()));
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
