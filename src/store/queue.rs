//! What waits for one sink, and in which order it may go. No bodies, no clock, no disk.
//!
//! The queue is derived from the outbox when the store opens and follows it after every commit;
//! it is never stored itself, so the two cannot disagree. It holds about 100 bytes a row, whatever
//! the row carries: that is what keeps a backlog of 10⁵ rows flat in memory.
//!
//! Order: the rows of one alert form a *lane*, and only the first of a lane may go; lanes pass each
//! other freely. A digest stands in every lane at once: it passes nothing, and nothing passes it.

use std::collections::{BTreeMap, BTreeSet};

/// The lane of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Stands in every lane at once.
    Digest,
    /// One alert, by a hash of its fingerprint. Two alerts on one hash only wait for each other.
    Alert(u64),
}

/// What the queue knows of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// Whom it must not overtake.
    pub lane: Lane,
    /// Attempts made.
    pub attempts: u32,
    /// Not to be sent before; Unix time in ms.
    pub next_at: i64,
    /// Length of its letter.
    pub bytes: usize,
}

impl Slot {
    /// One that has not been attempted.
    pub fn new(lane: Lane, bytes: usize) -> Slot {
        Slot { lane, attempts: 0, next_at: 0, bytes }
    }
}

/// The rows that wait for one sink.
#[derive(Debug, Default)]
pub(super) struct Queue {
    rows: BTreeMap<u64, Slot>,
    lanes: BTreeSet<(Lane, u64)>,
    /// The first row of every lane, by the time it may go.
    heads: BTreeSet<(i64, u64)>,
    /// Length of all letters.
    bytes: usize,
    /// The row that was handed out last, as long as nobody has said what became of it.
    taken: Option<u64>,
}

impl Queue {
    /// The row that may go next, and when.
    pub fn first(&self) -> Option<(u64, Slot)> {
        let (&oldest, &slot) = self.rows.first_key_value()?;
        if slot.lane == Lane::Digest {
            return Some((oldest, slot));
        }
        let barrier = self.head(Lane::Digest).map_or(u64::MAX, |(seq, _)| seq);
        // Where there is a digest, few rows stand behind it: it was made of those that did.
        let &(_, seq) = self.heads.iter().find(|&&(_, seq)| seq < barrier)?;
        self.rows.get(&seq).map(|&slot| (seq, slot))
    }

    /// Takes note that `seq` is handed out: until it is put anew or removed, it may be on its way.
    pub fn take(&mut self, seq: u64) {
        self.taken = Some(seq);
    }

    /// Takes note that nothing is on its way.
    pub fn give_back(&mut self) {
        self.taken = None;
    }

    /// Rows of which nothing is on its way, oldest first.
    pub fn resting(&self) -> impl Iterator<Item = (u64, Slot)> {
        self.rows().filter(|(seq, _)| Some(*seq) != self.taken)
    }

    /// Length of the letters of all rows.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rows waiting.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Every row, oldest first.
    pub fn rows(&self) -> impl Iterator<Item = (u64, Slot)> {
        self.rows.iter().map(|(&seq, &slot)| (seq, slot))
    }

    /// Puts in a row, or puts it anew.
    pub fn put(&mut self, seq: u64, slot: Slot) {
        self.remove(seq);
        if let Some((head, head_slot)) = self.head(slot.lane) {
            if head > seq {
                self.heads.remove(&(head_slot.next_at, head));
                self.heads.insert((slot.next_at, seq));
            }
        } else {
            self.heads.insert((slot.next_at, seq));
        }
        self.lanes.insert((slot.lane, seq));
        self.rows.insert(seq, slot);
        self.bytes += slot.bytes;
    }

    /// Puts a row off.
    pub fn postpone(&mut self, seq: u64, attempts: u32, next_at: i64) {
        if let Some(&slot) = self.rows.get(&seq) {
            self.put(seq, Slot { attempts, next_at, ..slot });
        }
    }

    /// Takes out a row; the next of its lane steps forward.
    pub fn remove(&mut self, seq: u64) {
        let Some(slot) = self.rows.remove(&seq) else { return };
        self.lanes.remove(&(slot.lane, seq));
        self.bytes -= slot.bytes;
        self.taken = self.taken.filter(|taken| *taken != seq);
        if self.heads.remove(&(slot.next_at, seq))
            && let Some((head, head_slot)) = self.head(slot.lane)
        {
            self.heads.insert((head_slot.next_at, head));
        }
    }

    fn head(&self, lane: Lane) -> Option<(u64, Slot)> {
        let &(_, seq) = self.lanes.range((lane, 0)..=(lane, u64::MAX)).next()?;
        self.rows.get(&seq).map(|&slot| (seq, slot))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(lane: u64, next_at: i64) -> Slot {
        // Lane 0 is that of digests.
        let lane = if lane == 0 { Lane::Digest } else { Lane::Alert(lane) };
        Slot { lane, attempts: 0, next_at, bytes: 10 }
    }

    #[test]
    fn a_lane_keeps_its_order_and_lets_others_pass() {
        let mut queue = Queue::default();
        queue.put(1, slot(7, 0));
        queue.put(2, slot(7, 0));
        queue.put(3, slot(8, 0));
        assert_eq!(queue.first(), Some((1, slot(7, 0))));
        queue.put(1, slot(7, 500));
        assert_eq!(queue.first(), Some((3, slot(8, 0))));
        queue.remove(3);
        assert_eq!(queue.first(), Some((1, slot(7, 500))));
        queue.remove(1);
        assert_eq!(queue.first(), Some((2, slot(7, 0))));
    }

    #[test]
    fn nothing_passes_a_digest_and_it_passes_nothing() {
        let mut queue = Queue::default();
        queue.put(5, slot(0, 900));
        queue.put(6, slot(1, 0));
        assert_eq!(queue.first(), Some((5, slot(0, 900))));
        queue.put(3, slot(2, 950));
        queue.put(4, slot(3, 940));
        assert_eq!(queue.first(), Some((4, slot(3, 940))), "the digest waits for what is older");
        queue.remove(4);
        queue.remove(3);
        assert_eq!(queue.first(), Some((5, slot(0, 900))));
        queue.remove(5);
        assert_eq!(queue.first(), Some((6, slot(1, 0))));
    }

    #[test]
    fn what_is_on_its_way_does_not_rest() {
        let mut queue = Queue::default();
        (1..=3).for_each(|seq| queue.put(seq, slot(seq, 0)));
        let resting = |queue: &Queue| queue.resting().map(|(seq, _)| seq).collect::<Vec<_>>();
        queue.take(1);
        assert_eq!(resting(&queue), [2, 3]);
        queue.postpone(1, 1, 50);
        assert_eq!(resting(&queue), [1, 2, 3]);
        queue.take(2);
        queue.remove(2);
        assert_eq!((resting(&queue), queue.bytes()), (vec![1, 3], 20));
        queue.take(3);
        queue.give_back();
        assert_eq!(resting(&queue), [1, 3]);
    }

    proptest! {
        #[test]
        fn the_first_is_what_a_plain_search_finds(
            steps in prop::collection::vec((0u64..12, 0u64..4, 0i64..50, any::<bool>()), 0..60)
        ) {
            let mut queue = Queue::default();
            let mut model: BTreeMap<u64, Slot> = BTreeMap::new();
            for (seq, lane, next_at, put) in steps {
                if put {
                    queue.put(seq, slot(lane, next_at));
                    model.insert(seq, slot(lane, next_at));
                } else {
                    queue.remove(seq);
                    model.remove(&seq);
                }
                let expected = model
                    .iter()
                    .filter(|(seq, slot)| {
                        let alike = |other: &Slot| {
                            other.lane == slot.lane || [other.lane, slot.lane].contains(&Lane::Digest)
                        };
                        !model.range(..*seq).any(|(_, other)| alike(other))
                    })
                    .min_by_key(|(seq, slot)| (slot.next_at, **seq))
                    .map(|(&seq, &slot)| (seq, slot));
                prop_assert_eq!(queue.first(), expected);
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.bytes(), model.values().map(|slot| slot.bytes).sum::<usize>());
            }
        }
    }
}
