//! What a receiver got, read as CloudEvents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use serde_json::Value;

use crate::program::PATIENCE;
use crate::receiver::{Answer, Got, Receiver};

/// One request with an alert in it.
pub struct Event {
    pub got: Got,
    pub id: String,
    /// The alert.
    pub data: Value,
}

impl Event {
    fn read(got: Got) -> Event {
        let body = got.json();
        let id = body["id"].as_str().expect("an id").to_owned();
        Event { id, data: body["data"].clone(), got }
    }

    /// The `child_pid` its findings share; 0 where there is none.
    pub fn pid(&self) -> u64 {
        self.data["group"]["child_pid"].as_str().map_or(0, |pid| pid.parse().unwrap())
    }

    pub fn is_firing(&self) -> bool {
        self.data["status"] == "firing"
    }

    pub fn number(&self, key: &str) -> u64 {
        self.data[key].as_u64().unwrap()
    }

    pub fn text(&self, key: &str) -> &str {
        self.data[key].as_str().unwrap()
    }
}

/// A receiver whose requests are read as they come.
pub struct Inbox {
    receiver: Receiver,
    events: Mutex<Vec<Event>>,
}

impl Inbox {
    pub fn start(answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static) -> Inbox {
        Inbox { receiver: Receiver::start(answer), events: Mutex::default() }
    }

    pub fn url(&self) -> String {
        self.receiver.url("/hook")
    }

    /// Everything so far.
    pub fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.look(Instant::now())
    }

    /// Waits until what came is enough; all of it.
    pub fn until(&self, what: &str, enough: impl Fn(&[Event]) -> bool) -> MutexGuard<'_, Vec<Event>> {
        self.until_none(|events| if enough(events) { None } else { Some(what) })
    }

    /// Waits until nothing is `missing`, for as long as something comes; everything so far.
    fn until_none<M: Debug>(&self, missing: impl Fn(&[Event]) -> Option<M>) -> MutexGuard<'_, Vec<Event>> {
        let mut events = self.events();
        while missing(&events).is_some() {
            let count = events.len();
            drop(events);
            events = self.look(Instant::now() + PATIENCE);
            if events.len() == count {
                // A request is here before its answer is known, so what was missing may be no longer.
                let missing = missing(&events);
                assert!(missing.is_none(), "missing after {count} requests: {missing:?}");
            }
        }
        events
    }

    /// Waits until `told` names all these pids; everything so far.
    pub fn until_all(
        &self,
        pids: Range<u64>,
        told: impl Fn(&[Event]) -> BTreeSet<u64>,
    ) -> MutexGuard<'_, Vec<Event>> {
        self.until_none(|events| {
            let told = told(events);
            let missing: Vec<u64> = pids.clone().filter(|pid| !told.contains(pid)).collect();
            (!missing.is_empty()).then_some(missing)
        })
    }

    /// Waits until an alert with this pid has come; all so far.
    pub fn until_pid(&self, pid: u64) -> MutexGuard<'_, Vec<Event>> {
        self.until(&format!("pid {pid}"), |events| events.iter().any(|event| event.pid() == pid))
    }

    fn look(&self, deadline: Instant) -> MutexGuard<'_, Vec<Event>> {
        let mut events = self.events.lock().unwrap();
        let new = self.receiver.after(events.len(), deadline);
        events.extend(new.into_iter().map(Event::read));
        events
    }
}

/// The pids of all alerts.
pub fn pids(events: &[Event]) -> BTreeSet<u64> {
    events.iter().map(Event::pid).collect()
}

/// The pids in the order of their messages.
pub fn pids_in_order(events: &[Event]) -> Vec<u64> {
    events.iter().map(Event::pid).collect()
}

/// How often a pid was found in all, by the counts of alerts that have resolved.
pub fn found(events: &[Event]) -> BTreeMap<u64, u64> {
    let mut found = BTreeMap::new();
    for event in events.iter().filter(|event| !event.is_firing()) {
        *found.entry(event.pid()).or_default() += event.number("count");
    }
    found
}
