//! When which file is looked at again.

use std::collections::BTreeSet;
use std::time::Instant;

use super::Settings;
use super::generation::Generation;
use super::registry::Registry;

#[derive(Debug)]
pub(super) struct Schedule {
    /// When a source that is polled is looked at again.
    poll_at: Vec<Option<Instant>>,
    /// The only ones that may have something to do before the next sweep: nearly all of thousands of
    /// files are quiet. `None` is any of them.
    restless: Option<BTreeSet<u64>>,
}

impl Schedule {
    /// Of so many sources.
    pub(super) fn new(sources: usize) -> Schedule {
        Schedule { poll_at: vec![None; sources], restless: None }
    }

    /// Which of the sources are to be looked at now.
    pub(super) fn sources_due(&mut self, sources: &[Settings], now: Instant) -> Vec<bool> {
        let due = |(source, poll_at): (&Settings, &mut Option<Instant>)| {
            let is_due = poll_at.is_none_or(|at| at <= now);
            if is_due {
                *poll_at = source.poll.map(|poll| now + poll);
            }
            is_due
        };
        sources.iter().zip(&mut self.poll_at).map(due).collect()
    }

    /// Takes note that a generation may have something to do.
    pub(super) fn stir(&mut self, id: u64) {
        if let Some(restless) = &mut self.restless {
            restless.insert(id);
        }
    }

    /// Takes note that any of them may.
    pub(super) fn stir_all(&mut self) {
        self.restless = None;
    }

    /// Only those that wait for something have anything to do until they are stirred.
    pub(super) fn rest(&mut self, registry: &Registry, now: Instant) {
        let restless = registry.iter().filter(|(_, generation)| generation.deadline(now).is_some());
        self.restless = Some(restless.map(|(&id, _)| id).collect());
    }

    /// Those that have something to do now, older generations first.
    pub(super) fn ready(&self, registry: &Registry, now: Instant) -> Vec<u64> {
        let is_due = |one: &Generation| one.is_due(now) || registry.has_waited(one);
        self.restless(registry).filter(|(_, generation)| is_due(generation)).map(|(id, _)| id).collect()
    }

    /// When the next one has something to do.
    pub(super) fn next_deadline(&self, registry: &Registry, now: Instant) -> Option<Instant> {
        let due = |one: &Generation| if registry.has_waited(one) { Some(now) } else { one.deadline(now) };
        self.restless(registry).filter_map(|(_, generation)| due(generation)).min()
    }

    /// Those that may have something to do, older generations first.
    fn restless<'a>(&'a self, registry: &'a Registry) -> impl Iterator<Item = (u64, &'a Generation)> {
        let any = match &self.restless {
            Some(_) => None,
            None => Some(registry.iter().map(|(&id, generation)| (id, generation))),
        };
        let some = self.restless.iter().flatten();
        let some = some.filter_map(|&id| Some((id, registry.get(id)?)));
        any.into_iter().flatten().chain(some)
    }
}
