//! Files that were compressed before they were read to their end.
//!
//! What was followed may be compressed while nobody looks. Its text is proved as that of a plain file is: by its head
//! and by the bytes before the offset.

use std::path::Path;
use std::time::Instant;

use super::Tail;
use super::archives::Archives;
use super::generation::{Filled, Generation, Place};
use super::mark;
use super::packed::Packed;
use super::scan::Look;
use super::trouble::Trouble;
use crate::model::position::{self, FilePlace, Identity, Position, Progress, Seen};

impl Tail {
    /// Reads a generation that is in no plain file on from an archive; whether one may hold it.
    pub(super) fn unpack(&mut self, id: u64, search: Archives, now: Instant) -> bool {
        let is_known = |one: &&mut Generation| one.is_proved() || one.identity().is_of_an_archive();
        let Some(generation) = self.registry.get_mut(id).filter(is_known) else { return false };
        generation.packed = Packed::next(search, &generation.identity().head, now);
        self.prove(id, now);
        self.registry.get(id).is_some_and(|generation| generation.packed.is_some())
    }

    /// Whether it is not known yet if an archive holds what it seems to: what is newer waits for that.
    pub(super) fn is_proving(&self) -> bool {
        let mut packed = self.registry.values().filter_map(|generation| generation.packed.as_ref());
        packed.any(|packed| !packed.is_proved && !packed.search.has_waited())
    }

    /// Passes over what was read, and compares the last of it; goes on to the next archive where that differs.
    fn prove(&mut self, id: u64, now: Instant) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        let (memory, identity, offset) =
            (generation.last_bytes(), generation.identity(), generation.read_offset());
        let tail = if memory.is_empty() { identity.tail } else { mark::mark(&memory) };
        while let Some(mut packed) = generation.packed.take() {
            if packed.text.is_some() {
                match packed.pass(offset, &tail, &mut self.scratch) {
                    Ok(None) => return generation.packed = Some(packed),
                    Ok(Some(true)) => {
                        packed.is_proved = true;
                        self.unpacked.extend(packed.search.path().map(Path::to_owned));
                        if memory.is_empty() {
                            generation.recall(&packed.last);
                        }
                        return generation.packed = Some(packed);
                    }
                    Ok(Some(false)) => {}
                    Err(_) => packed.search.put_back(now),
                }
            }
            generation.packed = Packed::next(packed.search, &identity.head, now);
            if generation.packed.as_ref().is_some_and(|packed| packed.text.is_none()) {
                return generation.back_off(now);
            }
        }
    }

    /// Reads on in an archive.
    pub(super) fn fill_packed(&mut self, id: u64, now: Instant) -> Filled {
        let state = |tail: &Tail| {
            let packed = tail.registry.get(id)?.packed.as_ref()?;
            Some((packed.is_proved, packed.search.is_loss, packed.search.is_broken))
        };
        let before = state(self);
        if before.is_some_and(|(is_proved, ..)| !is_proved) {
            self.prove(id, now);
            if state(self).is_some() {
                return Filled::Bytes(0);
            }
        }
        let (_, is_loss, is_broken) = before.unwrap_or_default();
        let Some(generation) = self.registry.get_mut(id) else { return Filled::Bytes(0) };
        let Some(packed) = &mut generation.packed else {
            // No archive held it, or the one that did is damaged from here on.
            generation.finish(if is_broken { Place::Nowhere } else { generation.place.clone() });
            if is_loss {
                generation.drop_last_line();
                self.tell_gap(id);
            }
            return Filled::Bytes(0);
        };
        // What is newer is to be known before this is done with: the next sweep sees to it.
        let read = if packed.search.is_newest { None } else { Some(packed.read(&mut self.scratch)) };
        match read {
            None => generation.back_off(now),
            // Its end. An archive does not grow: it is done with.
            Some(Ok(0)) => generation.finish(Place::Nowhere),
            Some(Ok(length)) => {
                generation.grow(&self.scratch[..length], now);
                return Filled::Bytes(length);
            }
            // Damaged, or still being written.
            Some(Err(_)) => {
                (packed.search.is_loss, packed.search.is_broken) = (true, true);
                (packed.is_proved, packed.text) = (false, None);
                packed.search.put_back(now);
                generation.back_off(now);
            }
        }
        Filled::Bytes(0)
    }

    /// Begins to read what was rotated after the newest generation known, and not known itself: what is compressed, and
    /// what is not.
    pub(super) fn begin_later(&mut self, look: &mut Look, now: Instant) {
        let newest = |one: &Generation| {
            one.packed.as_ref().is_some_and(|packed| packed.search.is_newest && packed.is_proved)
        };
        let ids: Vec<u64> = self.registry.iter().filter(|(_, one)| newest(one)).map(|(&id, _)| id).collect();
        for id in ids {
            let Some(generation) = self.registry.get_mut(id) else { continue };
            let Some(packed) = &mut generation.packed else { continue };
            let later = packed.search.later(&generation.path, &self.unpacked, now);
            let Some(later) = later else { continue };
            packed.search.is_newest = false;
            generation.retry = None;
            // The time of the archive may be that of the compression.
            let since = generation.stat.modified;
            let (source, path) = (generation.source.clone(), generation.path.clone());
            for (archive, text) in later {
                self.unpacked.insert(archive.path.clone());
                let Some((text, head)) = text else {
                    self.reports.add(Trouble::Gap { path: archive.path, offset: 0, bytes: None });
                    continue;
                };
                let position = Position {
                    source: source.clone(),
                    path: path.to_string_lossy().into_owned(),
                    place: position::Place::File(FilePlace {
                        identity: Identity::of_head(mark::mark(&head)),
                        seen: Seen { unread: head.len() as u64, modified: since },
                    }),
                    progress: Progress::default(),
                };
                let Some(mut generation) = Generation::known(position, now) else { continue };
                let mut all = Packed::new(Archives::of(Some(archive)), Some(text));
                all.is_proved = true;
                generation.packed = Some(all);
                generation.give_up_search();
                self.registry.add(generation);
            }
            let source = self.source_index(&source).unwrap_or(0);
            self.add_between(id, source, |stat| stat.modified >= since, look);
        }
    }
}
