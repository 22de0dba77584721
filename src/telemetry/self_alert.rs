//! What sealtail has to say of itself: bytes that are lost, a sink that takes nothing, a state that
//! cannot be written.
//!
//! Whoever notices such a thing logs it and leaves a [`Complaint`] at the [`Desk`]. The reading side
//! takes them from there through the same correlation, outbox and sinks as what it finds in logs, so
//! they are grouped, counted, repeated and resolved like any alert. Each kind has its page,
//! `patterns/sealtail/<name>.md`; `disable = ["sealtail/*"]` leaves the log and the counters.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::record::Fields;
use crate::telemetry::health::Pulse;
use crate::telemetry::meter::Meter;

/// Complaints that wait at most; more of them than that say nothing new.
const WAITING_MAX: usize = 1_000;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ailment {
    /// Bytes of a log were gone before they could be read.
    BytesLost,
    /// A log cannot be read for now.
    FileUnreadable,
    /// A log is in an encoding that is not read.
    FileUtf16,
    /// A log has lines whose time lies ahead.
    ClockSkew,
    /// The system allows no more watches.
    WatchLimit,
    /// A sink takes nothing until somebody repairs it.
    SinkParked,
    /// A sink cannot be reached for some minutes.
    SinkFailing,
    /// A message was refused for good.
    DeadLetter,
    /// The state cannot be written.
    StateUnwritable,
    /// The state was damaged and begun anew.
    StateDamaged,
    /// A configuration was refused, and the old one goes on.
    ReloadRefused,
    /// A part of sealtail broke and was begun again.
    PartRestarted,
}

impl Ailment {
    /// Every kind.
    pub const ALL: [Ailment; 12] = [
        Ailment::BytesLost,
        Ailment::FileUnreadable,
        Ailment::FileUtf16,
        Ailment::ClockSkew,
        Ailment::WatchLimit,
        Ailment::SinkParked,
        Ailment::SinkFailing,
        Ailment::DeadLetter,
        Ailment::StateUnwritable,
        Ailment::StateDamaged,
        Ailment::ReloadRefused,
        Ailment::PartRestarted,
    ];

    /// The id of its page.
    pub fn page(self) -> &'static str {
        match self {
            Ailment::BytesLost => "sealtail/bytes-lost",
            Ailment::FileUnreadable => "sealtail/file-unreadable",
            Ailment::FileUtf16 => "sealtail/file-utf-16",
            Ailment::ClockSkew => "sealtail/clock-skew",
            Ailment::WatchLimit => "sealtail/watch-limit",
            Ailment::SinkParked => "sealtail/sink-parked",
            Ailment::SinkFailing => "sealtail/sink-failing",
            Ailment::DeadLetter => "sealtail/dead-letter",
            Ailment::StateUnwritable => "sealtail/state-unwritable",
            Ailment::StateDamaged => "sealtail/state-damaged",
            Ailment::ReloadRefused => "sealtail/reload-refused",
            Ailment::PartRestarted => "sealtail/part-restarted",
        }
    }
}

/// One thing that is wrong, or that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What kind of thing.
    pub ailment: Ailment,
    /// What tells it from others of its kind, and what is known of it.
    pub fields: Fields,
    /// The file it is about; may be empty.
    pub path: String,
    /// One line that says what happened.
    pub text: String,
    /// It is over.
    pub over: bool,
}

impl Complaint {
    /// Something is wrong.
    pub fn new(ailment: Ailment, text: impl Into<String>) -> Complaint {
        Complaint { ailment, fields: Fields::new(), path: String::new(), text: text.into(), over: false }
    }

    /// The same, with a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Complaint {
        self.fields.insert(name.to_owned(), value.to_string());
        self
    }

    /// The same, of the file at `path`.
    #[must_use]
    pub fn at(mut self, path: impl fmt::Display) -> Complaint {
        self.path = path.to_string();
        let path = self.path.clone();
        self.with("path", path)
    }

    /// It is over.
    #[must_use]
    pub fn over(mut self) -> Complaint {
        self.over = true;
        self
    }
}

/// Where complaints are left and taken. Cheap to clone; all clones are one desk.
#[derive(Debug, Clone, Default)]
pub struct Desk(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    meter: Arc<Meter>,
    pulse: Pulse,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Complaint>,
    ring: Option<Box<dyn Fn() + Send>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// Leaves a complaint, and counts it.
    pub fn post(&self, complaint: Complaint) {
        if !complaint.over {
            self.meter().complain(complaint.ailment.page());
        }
        let mut state = self.state();
        if state.waiting.len() >= WAITING_MAX {
            state.waiting.pop_front();
        }
        state.waiting.push_back(complaint);
        if let Some(ring) = &state.ring {
            ring();
        }
    }

    /// Takes all that was left, the oldest first.
    pub fn take(&self) -> Vec<Complaint> {
        self.state().waiting.drain(..).collect()
    }

    /// What is called from now on when something is left.
    pub fn on_post(&self, ring: impl Fn() + Send + 'static) {
        self.state().ring = Some(Box::new(ring));
    }

    /// What sealtail counts.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.0.meter
    }

    /// Whether sealtail is well.
    pub fn pulse(&self) -> &Pulse {
        &self.0.pulse
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A complaint is there or it is not: no panic leaves half of one.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::model::alert::Lang;
    use crate::signature::{Catalogue, builtin};

    #[test]
    fn every_kind_has_its_page() {
        let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
        for ailment in Ailment::ALL {
            let page = catalogue.get(ailment.page());
            assert!(
                page.is_some_and(|page| page.pages.runbooks().contains_key(&Lang::Zh)),
                "{}",
                ailment.page()
            );
        }
        let pages = catalogue.signatures().iter().filter(|page| page.id.starts_with("sealtail/"));
        assert_eq!(pages.count(), Ailment::ALL.len(), "a page that nothing complains with");
    }

    #[test]
    fn what_is_left_is_taken_once_in_order_and_counted() {
        let desk = Desk::default();
        let rung = Arc::new(AtomicU32::new(0));
        let ringing = rung.clone();
        desk.on_post(move || {
            ringing.fetch_add(1, Ordering::Relaxed);
        });
        let parked = Complaint::new(Ailment::SinkParked, "parked").with("sink", "ops");
        desk.clone().post(parked.clone());
        desk.post(parked.clone().over());
        assert_eq!(desk.take(), [parked.clone(), parked.over()]);
        assert_eq!((desk.take(), rung.load(Ordering::Relaxed)), (vec![], 2));
        assert_eq!(desk.meter().complaints(), [("sealtail/sink-parked", 1)]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let desk = Desk::default();
        for number in 0..WAITING_MAX + 5 {
            desk.post(Complaint::new(Ailment::DeadLetter, number.to_string()));
        }
        let waiting = desk.take();
        assert_eq!((waiting.len(), &*waiting[0].text), (WAITING_MAX, "5"));
        assert_eq!(desk.meter().complaints(), [("sealtail/dead-letter", WAITING_MAX as u64 + 5)]);
    }
}
