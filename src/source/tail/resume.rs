//! Finding files again after a restart, and telling new files from copies of known ones.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::archives::Archives;
use super::generation::{Generation, Gone, Place};
use super::judge::{Doubt, Verdict};
use super::mark;
use super::names;
use super::scan::{self, Found, LISTINGS_MAX, Look, Stat};
use super::{Copy, ROTATE_QUIET, Start, Tail, UNDECIDED_OPEN_MAX, Undecided};
use crate::model::position::Progress;

/// A file that is renamed more often while it is being opened is left to the next sweep.
const RENAMES_MAX: usize = 4;

/// How the search for a known file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Search {
    Bound,
    /// A file that may be the one cannot be opened.
    Denied,
    Nothing,
}

impl Tail {
    /// Looks for the files of the last run, first by inode number, then by content alone, among what
    /// the sources name and the siblings that rotation made.
    pub(super) fn resume(&mut self, look: &mut Look, now: Instant) {
        let unsearched =
            |generation: &Generation| matches!(generation.place, Place::Gone(Gone { searched: false, .. }));
        // The newest first: what was followed anew, because it had lost its end for a while, may fit
        // an older position, too.
        let ids = self.registry.iter().rev().filter(|(_, generation)| unsearched(generation));
        // One that is known by its inode number alone takes what the others leave: the number may
        // have been given to a copy of another.
        let (proved, vague): (Vec<_>, Vec<_>) = ids.partition(|(_, generation)| generation.is_proved());
        let known = [proved, vague].map(|some| some.into_iter().map(|(&id, _)| id).collect::<Vec<_>>());
        for known in known.into_iter().filter(|known| !known.is_empty()) {
            let mut ids = known;
            ids.retain(|&id| self.search(id, true, look, now) != Search::Bound);
            ids.retain(|&id| !self.is_dropped(id, look));
            for id in self.nowhere(ids, look, now) {
                self.give_up(id, look, now);
            }
            // What was found again may be what a new file is a copy of.
            self.registry.index_paths();
        }
    }

    /// Those of `ids` that are nowhere. Names that move while they are looked at hide files, so nothing is nowhere
    /// before a folder has stood still; what does not is left to the next sweep.
    fn nowhere(&mut self, mut ids: Vec<u64>, look: &mut Look, now: Instant) -> Vec<u64> {
        for _ in 0..LISTINGS_MAX {
            ids.retain(|&id| self.search(id, false, look, now) == Search::Nothing);
            let generations = ids.iter().filter_map(|&id| self.registry.get(id));
            let folders: BTreeSet<PathBuf> =
                generations.filter_map(|generation| Some(generation.path.parent()?.to_owned())).collect();
            let moved: Vec<bool> = folders.iter().map(|folder| look.relist(folder)).collect();
            if !moved.contains(&true) {
                return ids;
            }
        }
        Vec::new()
    }

    /// Whether a known file is where it was and nobody wants it any more. Its position stays, for
    /// the case that somebody does again.
    fn is_dropped(&mut self, id: u64, look: &Look) -> bool {
        let Some(generation) = self.registry.get(id) else { return false };
        let Place::Gone(gone) = &generation.place else { return false };
        let stays = scan::stat(&generation.path).is_ok_and(|stat| stat.inode == gone.identity.inode);
        let source = self.source_index(&generation.source);
        let dropped = |source: usize| look.is_dropped(&self.sources[source], source, &generation.path);
        if !stays || !source.is_none_or(dropped) {
            return false;
        }
        if source.is_some_and(|source| look.is_missing(source)) {
            // A link may be on its way to another file: the next sweep can tell.
            return true;
        }
        if let Some(Generation { place: Place::Gone(gone), .. }) = self.registry.get_mut(id) {
            gone.searched = true;
        }
        true
    }

    /// Tries the files that may hold what a position was taken from.
    fn search(&mut self, id: u64, by_inode: bool, look: &mut Look, now: Instant) -> Search {
        let mut search = Search::Nothing;
        for found in self.candidates(id, by_inode, look) {
            if self.registry.is_known(&found.stat.key()) {
                continue;
            }
            let opened = self.open_path(&found.path);
            match opened.and_then(|file| self.try_bind(id, &found, file, look, now)) {
                Ok(true) => return Search::Bound,
                Ok(false) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    search = Search::Denied;
                    self.reports.blame(found.path, &error);
                }
            }
        }
        if self.registry.get(id).is_some_and(|generation| look.denied.contains(&generation.path)) {
            search = Search::Denied;
        }
        search
    }

    /// The files that may hold it, the likeliest first.
    fn candidates(&self, id: u64, by_inode: bool, look: &mut Look) -> Vec<Found> {
        let Some(generation) = self.registry.get(id) else { return Vec::new() };
        let Place::Gone(gone) = &generation.place else { return Vec::new() };
        let (path, number) = (&generation.path, gone.identity.inode);
        if by_inode {
            return look.by_inode(number).cloned().collect();
        }
        let near = look.found.iter().filter(|found| found.path.parent() == path.parent());
        let mut candidates: Vec<Found> = near.cloned().collect();
        if let Some(source) = self.source_index(&generation.source) {
            let base = names::name_of(path);
            let siblings =
                look.beside(path, source, |name, inode| inode == number || names::is_rotated(&base, name));
            candidates.extend(siblings);
        }
        // A file that was copied has a twin: its own path is the better one.
        candidates.sort_by_key(|found| (found.stat.inode != number, found.path != *path));
        candidates
    }

    /// Ties a generation to a file if the file proves to hold it.
    fn try_bind(
        &mut self,
        id: u64,
        found: &Found,
        file: File,
        look: &mut Look,
        now: Instant,
    ) -> io::Result<bool> {
        let stat = Stat::of(&file.metadata()?);
        if stat.key() != found.stat.key() {
            return Ok(false);
        }
        let found = Found { stat, ..found.clone() };
        if !self.is_file_of(id, &found, &file)? {
            return Ok(false);
        }
        self.rebind(id, &found, file, look, now)?;
        Ok(true)
    }

    /// Ties a generation to a file that holds it.
    fn rebind(
        &mut self,
        id: u64,
        found: &Found,
        file: File,
        look: &mut Look,
        now: Instant,
    ) -> io::Result<()> {
        let stat = found.stat;
        let Some(generation) = self.registry.get_mut(id) else { return Ok(()) };
        let settings = &self.sources[found.source];
        generation.bind(&file, found.path.clone(), stat, now)?;
        generation.source.clone_from(&settings.name);
        generation.hold = settings.hold;
        // It may have been renamed since.
        generation.away = look.by_key(stat.key()).is_none_or(|named| named.path != found.path);
        if !generation.away {
            generation.path.clone_from(&found.path);
            generation.shown = found.path.to_string_lossy().into_owned();
        }
        let away = generation.away;
        self.registry.bind(id, stat.key());
        self.descriptors.insert(id, file);
        self.reports.calm(&found.path);
        if away {
            // Its writer may have lagged behind, then it is the newer one, but born before; and a copy
            // that was made of it is born late, but was never written to again.
            let is_later = |other: &Stat| {
                let born_later = other.born.zip(stat.born).is_some_and(|(other, this)| other >= this);
                other.modified >= stat.modified
                    || (born_later && stat.born.is_some_and(|born| other.modified >= born))
            };
            self.add_between(id, found.source, is_later, look);
        }
        Ok(())
    }

    /// Nothing holds what was read. Bytes are lost that were seen and not read; and if it was what stood at its path
    /// when the last run ended, some may have been written to it since.
    fn give_up(&mut self, id: u64, look: &mut Look, now: Instant) {
        let Some(generation) = self.registry.get_mut(id) else { return };
        let Place::Gone(gone) = &mut generation.place else { return };
        gone.searched = true;
        let (path, unread) = (generation.path.clone(), generation.unread());
        let newer = self.registry.range(id + 1..).any(|(_, other)| other.path == path);
        let name = names::name_of(&path);
        let rotated = names::bases(&name).iter().any(|base| {
            let base = path.with_file_name(base);
            look.by_path(&base).is_some() || self.registry.values().any(|other| other.path == base)
        });
        let is_loss = unread.is_some() || !(newer || rotated);
        if !self.is_archived(id, is_loss, look, now) && is_loss {
            self.tell_gap(id);
        }
    }

    /// Whether an archive may hold it, from which it is read on then.
    fn is_archived(&mut self, id: u64, is_loss: bool, look: &mut Look, now: Instant) -> bool {
        let Some(generation) = self.registry.get_mut(id) else { return false };
        let path = generation.path.clone();
        let Some(source) = self.sources.iter().position(|source| scan::names(source, &path)) else {
            return false;
        };
        let name = names::name_of(&path);
        generation.source.clone_from(&self.sources[source].name);
        let is_newer = |other: &Generation| {
            let same = other.path == path || names::is_rotated(&names::name_of(&other.path), &name);
            same && other.path.parent() == path.parent()
        };
        let is_newest = !self.registry.range(id + 1..).any(|(_, other)| is_newer(other));
        let mut archives = Archives::beside(&path, &self.sources[source], look);
        (archives.is_newest, archives.is_loss) = (is_newest, is_loss);
        self.unpack(id, archives, now)
    }

    /// Takes in the files that are new, the oldest first.
    pub(super) fn discover(&mut self, look: &mut Look, now: Instant) {
        self.bridge(look);
        self.look_at_undecided(look, now);
        for found in std::mem::take(&mut look.between) {
            if !self.is_backup(&found) {
                look.add(found);
            }
        }
        let unknown = look.found.iter().filter(|found| !self.registry.is_known(&found.stat.key()));
        let mut unknown: Vec<Found> = unknown.cloned().collect();
        // The clock of a file system is coarse: names tell what it does not.
        unknown.sort_by_cached_key(|found| {
            (found.stat.modified, names::age(&names::name_of(&found.path)), found.path.clone())
        });
        let gone = |generation: &Generation| matches!(generation.place, Place::Gone(_));
        let gone = self.registry.iter().filter(|(_, generation)| gone(generation));
        let gone: Vec<u64> = gone.map(|(&id, _)| id).collect();
        for mut found in unknown {
            let known_copy = self.copies.get(&found.stat.key());
            let is_empty = found.stat.size == 0 && found.base.is_none();
            if known_copy.is_some_and(|copy| copy.stat.version() == found.stat.version())
                || (is_empty && self.undecided.contains_key(&found.stat.key()))
            {
                continue;
            }
            match self.open_found(&mut found) {
                Ok(Some(file)) => self.admit(found, file, &gone, look, now),
                Ok(None) => self.admit_deleted(found, &gone, look, now),
                Err(error) => self.reports.blame(found.path, &error),
            }
        }
        // Not before another look at them, however long ago the last one was.
        self.undecided.retain(|key, one| {
            !self.registry.is_known(key) && now.saturating_duration_since(one.since) < ROTATE_QUIET
        });
        self.undecided_open.retain(|key| self.undecided.contains_key(key));
    }

    /// Takes in what became of the files of which nobody could tell what they are.
    fn look_at_undecided(&mut self, look: &mut Look, now: Instant) {
        for (&key, one) in &mut self.undecided {
            if look.by_key(key).is_some() {
                one.since = now;
                continue;
            }
            if let Some(meta) = one.file.as_ref().and_then(|file| file.metadata().ok()) {
                one.found.stat = Stat::of(&meta);
            }
            look.between.push(one.found.clone());
        }
    }

    /// Decides what a file is that was kept open, for nobody could tell, and has no name any more.
    fn admit_deleted(&mut self, found: Found, gone: &[u64], look: &mut Look, now: Instant) {
        let key = found.stat.key();
        let file = self.undecided.get(&key).and_then(|one| one.file.as_ref()?.try_clone().ok());
        let Some(file) = file else { return };
        // The original may have been cut to nothing since.
        if self.is_copy_of_another(self.registry.next_id(), &found.path, &file, found.stat.size) {
            self.undecided.remove(&key);
            return;
        }
        self.admit(found, file, gone, look, now);
        if let Some(id) = self.registry.in_file(&key)
            && let Some(generation) = self.registry.get_mut(id)
        {
            generation.away = true;
            self.descriptors.pin(id, true);
        }
    }

    /// Opens a file, wherever it was renamed to since it was found. It may be seen for the last time
    /// here: the next sweep looks for what is newer than the newest file known.
    fn open_found(&mut self, found: &mut Found) -> io::Result<Option<File>> {
        let key = found.stat.key();
        for _ in 0..RENAMES_MAX {
            match self.open_path(&found.path) {
                Ok(file) if Stat::of(&file.metadata()?).key() == key => return Ok(Some(file)),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let siblings =
                Look::default().beside_at_rest(&found.path, found.source, |_, inode| inode == key.1);
            let Some(moved) = siblings.into_iter().find(|sibling| sibling.stat.key() == key) else {
                return Ok(None);
            };
            let before = std::mem::replace(&mut found.path, moved.path);
            found.base.get_or_insert(before);
        }
        Ok(None)
    }

    /// Looks for what came and went between a new file and the last one known under its path: a file
    /// may be rotated away after a sweep has seen it, and before it is opened.
    fn bridge(&mut self, look: &mut Look) {
        let unknown = look.found.iter().filter(|found| !self.registry.is_known(&found.stat.key()));
        let unknown: Vec<&Found> = unknown.collect();
        if unknown.is_empty() {
            return;
        }
        let here = self.registry.iter().filter(|(_, generation)| generation.key().is_some());
        // In the order of their ids: of one path the last stays.
        let last: HashMap<&Path, (u64, Stat)> =
            here.map(|(&id, generation)| (&*generation.path, (id, generation.stat))).collect();
        let last = unknown.iter().filter_map(|found| Some((*last.get(&*found.path)?, found.source)));
        for ((id, last), source) in last.collect::<Vec<_>>() {
            self.add_between(id, source, |stat| stat.modified >= last.modified, look);
        }
    }

    /// Decides what a new file is.
    fn admit(&mut self, mut found: Found, file: File, gone: &[u64], look: &mut Look, now: Instant) {
        let Ok(meta) = file.metadata() else { return };
        let stat = Stat::of(&meta);
        if stat.key() != found.stat.key() || !stat.regular {
            return;
        }
        found.stat = stat;
        match self.judge_new(&found, &file, gone, look) {
            Verdict::New => {}
            Verdict::Same(id) => {
                if let Err(error) = self.rebind(id, &found, file, look, now) {
                    self.reports.blame(found.path, &error);
                }
                return;
            }
            Verdict::CopyOf(of) => {
                self.undecided.remove(&stat.key());
                self.copies.insert(stat.key(), Copy { of, stat });
                return;
            }
            Verdict::Undecided(Doubt::Little) => return self.undecide(found, file, now),
            // The next sweep knows the file and what is a copy of it.
            Verdict::Undecided(Doubt::Unfollowed) => return,
        }
        self.copies.remove(&stat.key());
        let mut progress = Progress::default();
        if self.fresh && self.sources[found.source].start == Start::End {
            match last_line(&file, Progress::default(), &mut self.scratch) {
                Ok(last) => progress = last,
                Err(error) => return self.reports.blame(found.path, &error),
            }
        }
        self.create(&found, file, progress, now);
    }

    /// Keeps a file of which nobody can tell what it is.
    fn undecide(&mut self, found: Found, file: File, now: Instant) {
        let key = found.stat.key();
        if let Entry::Vacant(vacant) = self.undecided.entry(key) {
            vacant.insert(Undecided { found, file: Some(file), since: now });
            self.undecided_open.push_back(key);
        }
        while self.undecided_open.len() > UNDECIDED_OPEN_MAX {
            let earliest = self.undecided_open.pop_front().and_then(|key| self.undecided.get_mut(&key));
            earliest.into_iter().for_each(|one| one.file = None);
        }
    }

    /// Begins to follow a file. `None` if it cannot be read, which is told.
    pub(super) fn create(
        &mut self,
        found: &Found,
        file: File,
        progress: Progress,
        now: Instant,
    ) -> Option<u64> {
        let settings = &self.sources[found.source];
        let (name, hold) = (settings.name.clone(), settings.hold);
        // Those that are rotated later are looked for under the name that all of them had.
        let path = found.base.as_ref().unwrap_or(&found.path).clone();
        let mut generation = Generation::new(name, hold, path, progress, now);
        if let Err(error) = generation.bind(&file, found.path.clone(), found.stat, now) {
            self.reports.blame(found.path.clone(), &error);
            return None;
        }
        let id = self.registry.add(generation);
        self.descriptors.insert(id, file);
        self.reports.calm(&found.path);
        Some(id)
    }
}

/// Where the last line of a file starts that is not whole, or its end; `progress` is a place before it.
pub(super) fn last_line(file: &File, mut progress: Progress, scratch: &mut [u8]) -> io::Result<Progress> {
    let mut offset = progress.offset;
    loop {
        let length = mark::read_at(file, offset, scratch)?;
        for newline in memchr::memchr_iter(b'\n', &scratch[..length]) {
            progress.line += 1;
            progress.offset = offset + newline as u64 + 1;
        }
        offset += length as u64;
        if length < scratch.len() {
            return Ok(progress);
        }
    }
}
