//! What is open, for those who look.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Correlator, Notice, OpenAlert};
use crate::model::alert::Status;
use crate::model::finding::Severity;

impl Correlator {
    /// The gravest of the alerts that were told and have not resolved, and of these the ones whose newest finding came
    /// last; `max` of them at most. Each is as its next message would be, and is not told by this.
    pub fn gravest(&self, max: usize) -> Vec<Notice> {
        let mut told: Vec<(&String, &OpenAlert)> =
            self.open.iter().filter(|(_, alert)| alert.sequence > 0).collect();
        fn order<'a>((id, alert): &(&'a String, &'a OpenAlert)) -> impl Ord + use<'a> {
            (Reverse(alert.severity), Reverse(alert.last_at), *id)
        }
        if told.len() > max {
            told.select_nth_unstable_by(max, |one, other| order(one).cmp(&order(other)));
            told.truncate(max);
        }
        told.sort_unstable_by(|one, other| order(one).cmp(&order(other)));
        let notice = |(fingerprint, alert): (&String, &OpenAlert)| Notice {
            fingerprint: fingerprint.clone(),
            status: Status::Firing,
            new: alert.count - alert.told,
            quiet: None,
            alert: alert.clone(),
        };
        told.into_iter().map(notice).collect()
    }

    /// How many alerts were told and have not resolved, by severity.
    pub fn told_by_severity(&self) -> BTreeMap<Severity, u64> {
        let mut counts = BTreeMap::new();
        for alert in self.open.values().filter(|alert| alert.sequence > 0) {
            *counts.entry(alert.severity).or_default() += 1;
        }
        counts
    }
}
