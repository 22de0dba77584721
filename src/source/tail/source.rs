//! Files as a source. What only they have (own files, folders to wake on, sources that name nothing) is beside the
//! contract, for whoever makes a [`Tail`].

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

use super::{Tail, Trouble};
use crate::frame::End;
use crate::model::position::{Position, Progress};
use crate::source::contract::{Chunk, Source};
use crate::telemetry::meter::Level;

impl Source for Tail {
    type Trouble = Trouble;

    fn sweep(&mut self, now: Instant) -> Vec<Trouble> {
        self.sweep(now)
    }

    fn ready(&self, now: Instant) -> Vec<u64> {
        self.ready(now)
    }

    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.next_deadline(now)
    }

    fn read(&mut self, id: u64, now: Instant) -> io::Result<Chunk<'_>> {
        self.read(id, now)
    }

    fn at_hand(&self, id: u64, end: End) -> Option<Chunk<'_>> {
        self.at_hand(id, end)
    }

    fn settle(&mut self, id: u64, progress: Progress) {
        self.settle(id, progress);
    }

    fn changed(&mut self) -> Vec<(u64, Option<Position>)> {
        self.changed()
    }

    fn before(&self, id: u64, offset: u64, lines: usize) -> Vec<Vec<u8>> {
        self.before(id, offset, lines)
    }

    fn above(&self, id: u64) -> Vec<u8> {
        self.above(id)
    }

    fn levels(&self) -> BTreeMap<String, Level> {
        self.levels()
    }
}
