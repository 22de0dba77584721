//! What speaks for a file to be new, known or a copy: gathered here, by opening and reading files, and judged in
//! `judge`.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;

use super::Tail;
use super::generation::{Generation, Place};
use super::judge::{Evidence, Fit, Longer, Verdict, judge};
use super::mark;
use super::names;
use super::scan::{Found, Look, Stat};

impl Tail {
    /// What a file is that may be new; `gone` are the generations that are in no file.
    pub(super) fn judge_new(&mut self, found: &Found, file: &File, gone: &[u64], look: &Look) -> Verdict {
        let mut fits = Vec::new();
        for &id in gone.iter().filter(|&&id| self.may_be_in(id, found)) {
            let Ok(Some(fit)) = self.fit(id, found, file) else { continue };
            fits.push((id, fit));
            if fit == Fit::Proved {
                break;
            }
        }
        let is_known = matches!(fits.first(), Some((_, Fit::Proved)));
        let starts = if is_known { None } else { self.starts(found, file, look) };
        judge(&Evidence { size: found.stat.size, fits, starts, ..Evidence::default() })
    }

    /// Whether a file is where the one of a generation was, or has its number.
    fn may_be_in(&self, id: u64, found: &Found) -> bool {
        let Some(generation) = self.registry.get(id) else { return false };
        let Place::Gone(gone) = &generation.place else { return false };
        generation.path.parent() == found.path.parent() || gone.identity.inode == found.stat.inode
    }

    /// Whether a file is the one of a generation that has none.
    pub(super) fn is_file_of(&mut self, id: u64, found: &Found, file: &File) -> io::Result<bool> {
        let Some(fit) = self.fit(id, found, file)? else { return Ok(false) };
        let starts = if fit == Fit::ByNumber { self.original_of(found, file) } else { None };
        let evidence =
            Evidence { size: found.stat.size, fits: vec![(id, fit)], starts, ..Evidence::default() };
        Ok(judge(&evidence) == Verdict::Same(id))
    }

    /// Whether a sibling that no source names holds nothing but the start of a known generation.
    pub(super) fn is_backup(&mut self, found: &Found) -> bool {
        let Ok(file) = self.open_path(&found.path) else { return false };
        if !file.metadata().is_ok_and(|meta| Stat::of(&meta).key() == found.stat.key()) {
            return false;
        }
        let starts = self.relative_of(found, &file);
        let evidence = Evidence { size: found.stat.size, is_unnamed: true, starts, ..Evidence::default() };
        judge(&evidence) != Verdict::New
    }

    /// Whether a file at a rotated name holds what was read of another generation than `id`: the inode number of a
    /// deleted file has been given to a copy.
    pub(super) fn is_copy_of_another(&self, id: u64, at: &Path, file: &File, size: u64) -> bool {
        let mut others = self.registry.iter().filter(|&(&other, original)| {
            other != id
                && at.parent() == original.path.parent()
                && names::is_rotated(&names::name_of(&original.path), &names::name_of(at))
        });
        let read_of = others.find(|(_, original)| original.is_in(file, size).unwrap_or(false));
        let read_of = read_of.map(|(&other, _)| other);
        matches!(judge(&Evidence { size, read_of, ..Evidence::default() }), Verdict::CopyOf(_))
    }

    /// Whether the file of a generation that was empty to its end holds what was read of another:
    /// nothing in it can tell.
    pub(super) fn holds_a_copy(&mut self, id: u64) -> bool {
        if !self.open(id).unwrap_or(false) {
            return false;
        }
        let (Some(file), Some(generation)) = (self.descriptors.get(id), self.registry.get(id)) else {
            return false;
        };
        let at = generation.at().unwrap_or(&generation.path).to_owned();
        let (size, file) = (generation.stat.size, file.try_clone());
        file.is_ok_and(|file| self.is_copy_of_another(id, &at, &file, size))
    }

    /// Unknown siblings that hold what was read of a generation whose file holds something else now, the newest first:
    /// in which it goes on, or which are copies. One that was empty when it was seen may have been deleted since, and is
    /// open still.
    pub(super) fn copies_of(&mut self, id: u64, path: &Path, source: usize) -> Vec<(Found, File, Verdict)> {
        let base = names::name_of(path);
        let mut siblings =
            Look::default().beside_at_rest(path, source, |name, _| names::is_rotated(&base, name));
        let held = self.undecided.values().filter(|one| one.file.is_some()).map(|one| &one.found);
        let is_beside = |held: &&Found| {
            held.path.parent() == path.parent() && names::is_rotated(&base, &names::name_of(&held.path))
        };
        siblings.extend(held.filter(is_beside).cloned());
        let mut keys = HashSet::new();
        siblings.retain(|found| {
            let key = found.stat.key();
            !self.registry.is_known(&key) && keys.insert(key)
        });
        siblings.sort_by_key(|found| std::cmp::Reverse(found.stat.modified));
        let mut copies = Vec::new();
        for mut found in siblings {
            let held =
                self.undecided.get(&found.stat.key()).and_then(|one| one.file.as_ref()?.try_clone().ok());
            let Some(file) = held.or_else(|| self.open_path(&found.path).ok()) else { continue };
            let Ok(meta) = file.metadata() else { continue };
            found.stat = Stat::of(&meta);
            let size = found.stat.size;
            let Some(generation) = self.registry.get(id) else { continue };
            if generation.is_in(&file, size).unwrap_or(false) {
                let fit = if size >= generation.read_offset() { Fit::Proved } else { Fit::Part };
                let verdict = judge(&Evidence { size, fits: vec![(id, fit)], ..Evidence::default() });
                copies.push((found, file, verdict));
            }
        }
        copies
    }

    /// How a file holds what was read of a generation that has none.
    fn fit(&self, id: u64, found: &Found, file: &File) -> io::Result<Option<Fit>> {
        let Some(generation) = self.registry.get(id) else { return Ok(None) };
        let Place::Gone(gone) = &generation.place else { return Ok(None) };
        let (identity, offset) = (&gone.identity, generation.progress.offset);
        if !mark::accepts(file, &found.stat, identity, offset)? {
            return Ok(None);
        }
        Ok(Some(if generation.is_proved() { Fit::Proved } else { Fit::ByNumber }))
    }

    /// What a file is the start of.
    fn starts(&mut self, found: &Found, file: &File, look: &Look) -> Option<Longer> {
        let followed = self.original_of(found, file);
        followed.or_else(|| self.is_of_a_new_file(found, file, look).then_some(Longer::New))
    }

    /// The live generation of which the file is a copy, whole or in the making.
    fn original_of(&mut self, found: &Found, file: &File) -> Option<Longer> {
        for base in names::bases(&names::name_of(&found.path)) {
            let Some(id) = self.registry.named(&found.path.with_file_name(base)) else { continue };
            if !self.open(id).unwrap_or(false) {
                continue;
            }
            let original = self.descriptors.get(id)?;
            if is_start_of(file, found.stat.size, original) {
                return Some(self.followed(id));
            }
        }
        None
    }

    /// The same among all generations that may have had its name before they were rotated, wherever they are now.
    fn relative_of(&mut self, found: &Found, file: &File) -> Option<Longer> {
        let name = names::name_of(&found.path);
        let related = |generation: &Generation| {
            generation.key().is_some()
                && generation.path.parent() == found.path.parent()
                && names::is_rotated(&names::name_of(&generation.path), &name)
        };
        let relatives = self.registry.iter().filter(|(_, generation)| related(generation));
        let relatives: Vec<u64> = relatives.map(|(&id, _)| id).collect();
        let mut relatives = relatives.into_iter();
        let original = relatives.find(|&id| {
            self.open(id).unwrap_or(false)
                && self.descriptors.get(id).is_some_and(|known| is_start_of(file, found.stat.size, known))
        })?;
        Some(self.followed(original))
    }

    fn followed(&self, id: u64) -> Longer {
        Longer::Followed { id, is_proved: self.registry.get(id).is_some_and(Generation::is_proved) }
    }

    /// Whether the file is a copy of one that is new, too, and not followed yet.
    fn is_of_a_new_file(&mut self, found: &Found, file: &File, look: &Look) -> bool {
        names::bases(&names::name_of(&found.path)).iter().any(|base| {
            let path = found.path.with_file_name(base);
            look.by_path(&path).is_some_and(|original| !self.registry.is_known(&original.stat.key()))
                && self.open_path(&path).is_ok_and(|original| is_start_of(file, found.stat.size, &original))
        })
    }
}

/// Whether `file`, of `size` bytes, is a copy of `original`, whole or in the making.
fn is_start_of(file: &File, size: u64, original: &File) -> bool {
    original.metadata().is_ok_and(|meta| meta.len() >= size)
        && mark::is_prefix(file, size, original).unwrap_or(false)
}
