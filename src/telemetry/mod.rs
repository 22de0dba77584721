//! What sealtail reports of itself: counters, health and self-alerts, and the HTTP endpoint that shows them.

pub(crate) mod endpoint;
pub(crate) mod exposition;
#[cfg(test)]
pub(crate) mod fault;
pub(crate) mod health;
pub mod meter;
pub mod overview;
pub mod self_alert;
pub(crate) mod verdict;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::health::Health;
use self::meter::Meter;
use self::overview::Overview;
use self::self_alert::SelfAlert;

/// Self-alerts queued at most; beyond it the oldest is dropped.
const QUEUED_MAX: usize = 1_000;

/// The handle through which every part reports. Cheap to clone; all clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Telemetry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    queue: Mutex<Queue>,
    meter: Arc<Meter>,
    health: Health,
    overview: Overview,
    #[cfg(test)]
    faults: fault::Faults,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<SelfAlert>,
    on_report: Option<Box<dyn Fn() + Send>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

impl Telemetry {
    /// Queues a self-alert for the reading side, and counts it unless it only resolves an earlier one.
    pub fn report(&self, self_alert: SelfAlert) {
        if !self_alert.resolved {
            self.meter().count_self_alert(self_alert.kind.page());
        }
        let mut queue = self.queue();
        if queue.waiting.len() >= QUEUED_MAX {
            queue.waiting.pop_front();
        }
        queue.waiting.push_back(self_alert);
        if let Some(on_report) = &queue.on_report {
            on_report();
        }
    }

    /// Takes every queued self-alert, the oldest first.
    pub fn take_self_alerts(&self) -> Vec<SelfAlert> {
        self.queue().waiting.drain(..).collect()
    }

    /// Sets what is called whenever a self-alert is queued or the open alerts are asked for; it replaces an earlier callback.
    pub fn on_report(&self, callback: impl Fn() + Send + 'static) {
        self.queue().on_report = Some(Box::new(callback));
    }

    /// The counters and gauges.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.0.meter
    }

    /// Whether sealtail is healthy.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// The open alerts, as they were handed over last.
    pub fn overview(&self) -> &Overview {
        &self.0.overview
    }

    /// Asks the reading side for the open alerts.
    pub fn ask_overview(&self) {
        if !self.overview().ask() {
            return;
        }
        if let Some(on_report) = &self.queue().on_report {
            on_report();
        }
    }

    /// The panics that a test asks for.
    #[cfg(test)]
    pub(crate) fn faults(&self) -> &fault::Faults {
        &self.0.faults
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A self-alert is queued in one step: a panic leaves no half of one.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::self_alert::Kind;
    use super::*;

    #[test]
    fn self_alerts_are_taken_once_in_order_and_counted() {
        let telemetry = Telemetry::default();
        let called = Arc::new(AtomicU32::new(0));
        let calls = called.clone();
        telemetry.on_report(move || {
            calls.fetch_add(1, Ordering::Relaxed);
        });
        let parked = SelfAlert::new(Kind::SinkParked, "parked").with("sink", "ops");
        telemetry.clone().report(parked.clone());
        telemetry.report(parked.clone().resolved());
        assert_eq!(telemetry.take_self_alerts(), [parked.clone(), parked.resolved()]);
        assert_eq!((telemetry.take_self_alerts(), called.load(Ordering::Relaxed)), (vec![], 2));
        assert_eq!(telemetry.meter().self_alerts(), [("sealtail/sink-parked", 1)]);
    }

    #[test]
    fn the_queue_is_bounded_and_drops_the_oldest() {
        let telemetry = Telemetry::default();
        for number in 0..QUEUED_MAX + 5 {
            telemetry.report(SelfAlert::new(Kind::DeadLetter, number.to_string()));
        }
        let waiting = telemetry.take_self_alerts();
        assert_eq!((waiting.len(), &*waiting[0].text), (QUEUED_MAX, "5"));
        assert_eq!(telemetry.meter().self_alerts(), [("sealtail/dead-letter", QUEUED_MAX as u64 + 5)]);
    }
}
