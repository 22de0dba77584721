//! The sweep: what became of every file since the last one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::archives::Archives;
use super::generation::{Generation, Gone, Place, Stage};
use super::judge::Verdict;
use super::names;
use super::scan::{self, Found, LISTINGS_MAX, Look, Stat};
use super::trouble::Trouble;
use super::{RETENTION, ROTATE_QUIET, Tail};
use crate::model::position::Progress;

impl Tail {
    /// Looks at folders and files: what is new, what moved, what was truncated. Bounded by the number
    /// of files; waits for nothing. Returns each trouble once, for as long as it lasts.
    pub fn sweep(&mut self, now: Instant) -> Vec<Trouble> {
        self.schedule.stir_all();
        let due = self.schedule.sources_due(&self.sources, now);
        let mut look = Look::at(&self.sources, &due, self.own.keys());
        let ids: Vec<u64> = self.registry.iter().map(|(&id, _)| id).collect();
        for &id in &ids {
            self.retire(id);
        }
        for &id in &ids {
            self.locate(id, &mut look, &due, now);
        }
        self.release();
        self.registry.index_paths();
        self.resume(&mut look, now);
        if !self.is_proving() {
            self.begin_later(&mut look, now);
            self.discover(&mut look, now);
        }
        self.expire(now);
        self.registry.index_paths();
        self.fresh = false;
        self.schedule.rest(&self.registry, now);
        if !self.reports.is_calm() {
            look.listed().for_each(|folder| self.reports.calm(folder));
        }
        self.reports.take(look.troubles)
    }

    pub(super) fn source_index(&self, name: &str) -> Option<usize> {
        self.sources.iter().position(|source| source.name == name)
    }

    /// Finds the file of a generation again.
    pub(super) fn locate(&mut self, id: u64, look: &mut Look, due: &[bool], now: Instant) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        let Some(key) = generation.key() else { return };
        let index = self.sources.iter().position(|source| source.name == generation.source);
        if index.is_some_and(|index| !due[index]) {
            return;
        }
        if let Some(found) = look.by_key(key) {
            generation.away = false;
            if generation.at() != Some(&found.path) {
                generation.shown = found.path.to_string_lossy().into_owned();
                generation.place = Place::Here { at: found.path.clone(), key };
                self.registry.note(id);
            }
            self.descriptors.pin(id, false);
            let stat = found.stat;
            return self.note(id, stat, now);
        }
        self.follow_away(id, index.unwrap_or(0), look, now);
    }

    /// A file that no source names any more: renamed, deleted, or behind a link that now leads
    /// elsewhere.
    fn follow_away(&mut self, id: u64, source: usize, look: &mut Look, now: Instant) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        let Place::Here { at, key } = generation.place.clone() else { return };
        // Where no file has the name, the next one may come and be rotated away before it is seen.
        let is_vacant = generation.stage == Stage::Open && scan::stat(&generation.path).is_err();
        let newly = !std::mem::replace(&mut generation.away, true) || is_vacant;
        let since = generation.stat.modified;
        let seen = scan::stat(&at);
        let there = match &seen {
            Ok(stat) if stat.key() == key => Some((at.clone(), *stat)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return look.blame(at, error);
            }
            _ => self.moved_to(id, &at, source, look),
        };
        if let (Some((at, _)), Some(generation)) = (&there, self.registry.get_mut(id)) {
            generation.place = Place::Here { at: at.clone(), key };
        }
        if newly {
            self.add_between(id, source, |stat| stat.modified >= since, look);
        }
        if let Some((_, stat)) = there {
            self.descriptors.pin(id, false);
            return self.note(id, stat, now);
        }
        let held = self.descriptors.peek(id).and_then(|file| file.metadata().ok());
        match held {
            Some(meta) => {
                self.descriptors.pin(id, true);
                self.note(id, Stat::of(&meta), now);
            }
            None => match seen {
                // It may well be there: a disk or a server that fails can tell nothing.
                Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    look.blame(at, &error);
                }
                _ => self.lose(id, source, look, now),
            },
        }
    }

    /// Where the file of a generation is in the folder of `at`, in which it was. Names that move while they are looked
    /// at hide it: what would be lost with it is nowhere only once the folder has stood still.
    fn moved_to(&self, id: u64, at: &Path, source: usize, look: &mut Look) -> Option<(PathBuf, Stat)> {
        let generation = self.registry.get(id)?;
        let key = generation.key()?;
        let would_be_lost = generation.is_unread() && self.descriptors.peek(id).is_none();
        for _ in 0..LISTINGS_MAX {
            let beside = look.beside(at, source, |_, inode| inode == key.1);
            let found = beside.into_iter().find(|found| found.stat.key() == key);
            if found.is_some() || !would_be_lost || !at.parent().is_some_and(|folder| look.relist(folder)) {
                return found.map(|found| (found.path, found.stat));
            }
        }
        None
    }

    /// Adds the generations that came and were rotated away between two looks: siblings of which
    /// nothing is known and that are as new as `is_later` wants them.
    pub(super) fn add_between(
        &mut self,
        id: u64,
        source: usize,
        is_later: impl Fn(&Stat) -> bool,
        look: &mut Look,
    ) {
        let Some(generation) = self.registry.get(id) else { return };
        let path = generation.path.clone();
        let base = names::name_of(&path);
        for found in look.beside_at_rest(&path, source, |name, _| names::is_rotated(&base, name)) {
            if is_later(&found.stat) && !self.registry.is_known(&found.stat.key()) {
                look.between.push(Found { base: Some(path.clone()), ..found });
            }
        }
    }

    /// Takes in what `stat` says of the file of a generation.
    fn note(&mut self, id: u64, stat: Stat, now: Instant) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        // What is over and has a name again is another file with an old inode number.
        let was_over = generation.stage == Stage::Spent && !generation.away;
        if !generation.look(stat) || self.has_regrown(id) {
            return if was_over { self.forget(id) } else { self.turn_over(id, now) };
        }
        let Some(generation) = self.registry.get_mut(id) else { return };
        // What was there and not read yet is known to be lost if the next look finds another content, or none.
        if stat.size > generation.seen_size {
            generation.seen_size = stat.size;
            self.registry.note(id);
        }
        let Some(generation) = self.registry.get_mut(id) else { return };
        if generation.stage == Stage::Spent && generation.is_unread() {
            generation.wake(now);
            if generation.read_offset() == 0 && (was_over || self.holds_a_copy(id)) {
                return self.forget(id);
            }
        }
        let Some(generation) = self.registry.get_mut(id) else { return };
        if generation.stage != Stage::Open || !generation.away || generation.is_unread() {
            return;
        }
        let deleted = stat.links == 0;
        let over = if deleted { generation.drained } else { generation.quiet_for(now) >= ROTATE_QUIET };
        generation.drained = deleted;
        if over {
            self.end(id, deleted, now);
        }
    }

    /// Whether a file that has changed was truncated and has grown again, which its size does not show.
    /// It has to be known before new files are judged: one of them may be the copy.
    fn has_regrown(&mut self, id: u64) -> bool {
        let changed = self.registry.get(id).is_some_and(Generation::is_unread);
        if !changed || !self.open(id).unwrap_or(false) {
            return false;
        }
        let (Some(file), Some(generation)) = (self.descriptors.get(id), self.registry.get(id)) else {
            return false;
        };
        !generation.is_intact(file).unwrap_or(true)
    }

    /// A generation that was read to its end and to which nobody has written since.
    fn end(&mut self, id: u64, deleted: bool, now: Instant) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        let reachable = generation
            .at()
            .is_some_and(|at| scan::stat(at).is_ok_and(|stat| Some(stat.key()) == generation.key()));
        generation.stage = Stage::Over;
        self.descriptors.remove(id);
        if deleted {
            self.registry.leave(id, Place::Nowhere);
        } else if !reachable {
            let identity = generation.identity();
            self.registry.leave(id, Place::Gone(Gone { since: now, identity, searched: true }));
        }
    }

    /// A file that has vanished while it was closed.
    fn lose(&mut self, id: u64, source: usize, look: &mut Look, now: Instant) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        if generation.stage == Stage::Spent {
            return self.forget(id);
        }
        generation.seen_size = generation.seen_size.max(generation.stat.size);
        let is_loss = generation.unread().is_some();
        generation.stage = if is_loss { Stage::Open } else { Stage::Over };
        let (identity, path) = (generation.identity(), generation.path.clone());
        self.registry.leave(id, Place::Gone(Gone { since: now, identity, searched: true }));
        if !is_loss {
            return;
        }
        let archives = Archives::beside(&path, &self.sources[source], look);
        if !self.unpack(id, archives, now) {
            self.tell_gap(id);
            if let Some(generation) = self.registry.get_mut(id) {
                generation.stage = Stage::Over;
            }
        }
    }

    /// A file that no longer holds what was read from it: truncated, and perhaps grown again. What it
    /// held is over, or goes on in a copy; what it holds now is another generation.
    pub(super) fn turn_over(&mut self, id: u64, now: Instant) {
        let Some(generation) = self.registry.get(id) else { return };
        let Place::Here { at, key } = generation.place.clone() else { return };
        let (path, shown) = (generation.path.clone(), generation.shown.clone());
        let (away, stat) = (generation.away, generation.stat);
        self.schedule.stir_all();
        let source = self.source_index(&generation.source).unwrap_or(0);
        let file = match self.open(id) {
            Ok(true) => self.descriptors.remove(id),
            _ => return,
        };
        let Some(file) = file else { return };
        let copies = self.copies_of(id, &path, source);
        self.registry.leave(id, Place::Nowhere);
        self.copies.retain(|_, copy| copy.of != id);
        let mut continued = false;
        for (found, copy, verdict) in copies {
            if verdict == Verdict::Same(id) && !continued {
                continued = true;
                let Some(generation) = self.registry.get_mut(id) else { return };
                generation.place_at(found.path, found.stat);
                generation.wake(now);
                generation.away = true;
                self.registry.bind(id, found.stat.key());
                self.descriptors.insert(id, copy);
            } else {
                self.remember_copy(&found, &copy, now);
            }
        }
        if let Some(generation) = self.registry.get_mut(id).filter(|_| !continued) {
            generation.stage = Stage::Over;
            // The sizes seen before the truncation tell how much was waiting to be read.
            if generation.unread().is_some() {
                self.tell_gap(id);
            }
        }
        let stat = file.metadata().map_or(stat, |meta| Stat::of(&meta));
        debug_assert_eq!(stat.key(), key);
        if self.is_copy_of_another(id, &at, &file, stat.size) {
            return;
        }
        let found = Found { path: at, source, stat, base: None };
        if let Some(next) = self.create(&found, file, Progress::default(), now)
            && let Some(generation) = self.registry.get_mut(next)
        {
            generation.away = away;
            generation.path = path;
            generation.shown = shown;
        }
    }

    /// Remembers a copy of what has been read, so that it does not pass for a new file.
    fn remember_copy(&mut self, found: &Found, file: &std::fs::File, now: Instant) {
        let Ok(file) = file.try_clone() else { return };
        let progress = Progress { offset: found.stat.size, ..Progress::default() };
        if let Some(id) = self.create(found, file, progress, now)
            && let Some(generation) = self.registry.get_mut(id)
        {
            generation.away = true;
            generation.stage = Stage::Spent;
            generation.read = Some(found.stat);
        }
    }

    /// Tells what a generation lost, once: all that was seen in its file and not read.
    pub(super) fn tell_gap(&mut self, id: u64) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        let (path, offset, bytes) = (generation.path.clone(), generation.read_offset(), generation.unread());
        self.reports.add(Trouble::Gap { path, offset, bytes });
        generation.seen_size = offset;
        self.registry.note(id);
    }

    fn expire(&mut self, now: Instant) {
        let gone_for_good = |generation: &Generation| match &generation.place {
            Place::Gone(gone) => now.saturating_duration_since(gone.since) > RETENTION,
            _ => false,
        };
        let ids = self.registry.iter().filter(|(_, generation)| gone_for_good(generation));
        for id in ids.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.forget(id);
        }
        self.copies.retain(|_, copy| self.registry.get(copy.of).is_some());
    }
}
