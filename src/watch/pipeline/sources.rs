//! Self-alerts about sources that name no file, or are silent.
//!
//! One is reported while it lasts, more often than quiet resolves it, and ends when the source names a file or is heard
//! again. What was told by an earlier run goes on until the opposite is known.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Pipeline;
use crate::base::duration;
use crate::correlate::Correlator;
use crate::source::contract::Source;
use crate::telemetry::meter::SourceState;
use crate::telemetry::self_alert::{Kind, SelfAlert};

/// What is wrong with a whole file or source is reported this often at most.
pub(super) const REPORT_EVERY: Duration = Duration::from_secs(60);
/// The field that names the source, as the pages group by it.
const NAME: &str = "name";

/// What lasts: the kind and the source, and when it was last reported by this run.
#[derive(Debug, Default)]
pub(super) struct Ongoing(BTreeMap<(Kind, String), Option<Instant>>);

impl Ongoing {
    /// What the open alerts tell of.
    pub fn of(correlator: &Correlator) -> Ongoing {
        let kinds = [Kind::SourceNoFile, Kind::SourceSilent].into_iter();
        let told = kinds.flat_map(|kind| {
            let names = correlator.groups_of(kind.page()).filter_map(|group| group.get(NAME));
            names.map(move |name| ((kind, name.clone()), None))
        });
        Ongoing(told.collect())
    }

    /// Takes how things are `now`; what is to be reported, and whether that begins.
    fn see(&mut self, states: &[SourceState], every: Duration, now: Instant) -> Vec<(SelfAlert, bool)> {
        let mut reports = Vec::new();
        let gone = |(kind, name): &(Kind, String)| {
            let text = format!("source `{name}` is no longer followed");
            (SelfAlert::new(*kind, text).with(NAME, name).resolved(), false)
        };
        self.0.retain(|key, _| {
            let is_followed = states.iter().any(|state| state.name == key.1);
            if !is_followed {
                reports.push(gone(key));
            }
            is_followed
        });
        for state in states {
            reports.extend(self.judge(Kind::SourceNoFile, state, state.is_missing(), every, now));
            reports.extend(self.judge(Kind::SourceSilent, state, state.is_silent(), every, now));
        }
        reports
    }

    fn judge(
        &mut self,
        kind: Kind,
        state: &SourceState,
        verdict: Option<bool>,
        every: Duration,
        now: Instant,
    ) -> Option<(SelfAlert, bool)> {
        let key = (kind, state.name.clone());
        let self_alert = |text: String| SelfAlert::new(kind, text).with(NAME, &state.name);
        let known = self.0.get(&key).copied();
        if verdict == Some(false) {
            self.0.remove(&key)?;
            return Some((self_alert(over(kind, state)).resolved(), false));
        }
        let is_due = match known {
            None => verdict == Some(true),
            Some(reported) => reported.is_none_or(|at| now >= at + every),
        };
        is_due.then(|| {
            self.0.insert(key, Some(now));
            (self_alert(lasts(kind, state)), known.is_none())
        })
    }
}

fn lasts(kind: Kind, state: &SourceState) -> String {
    let SourceState { name, patience, .. } = state;
    match kind {
        Kind::SourceNoFile => format!("source `{name}` has named no file for {}", state.fileless_words()),
        _ if state.silent_for.is_none() => {
            format!("nothing of source `{name}` was read since the start, and it was silent before")
        }
        _ => {
            let (silent, patience) = (state.silent_words(), duration::show(*patience));
            format!(
                "nothing of source `{name}` was read for {silent}; it was never silent for longer than {patience}"
            )
        }
    }
}

fn over(kind: Kind, state: &SourceState) -> String {
    let name = &state.name;
    match kind {
        Kind::SourceNoFile => format!("source `{name}` names a file"),
        _ => format!("source `{name}` is heard again"),
    }
}

impl<S: Source> Pipeline<S> {
    /// Reports sources that name no file or are silent, and those that no longer do or are.
    pub(super) fn watch_sources(&mut self, now: Instant) {
        let states = self.telemetry.meter().source_states(now);
        let every = REPORT_EVERY.min(self.setup.policy.resolve_after / 2);
        for (self_alert, begins) in self.self_monitor.sources.see(&states, every, now) {
            if begins {
                tracing::warn!("{}", self_alert.text);
            } else if self_alert.resolved {
                tracing::info!("{}", self_alert.text);
            }
            self.telemetry.report(self_alert);
        }
    }
}
