//! The files of a worker, and what may become of its lines: the plain account against which the
//! follower is held.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::source::tail::ROTATE_QUIET;

/// Rotated files that are kept, where they are numbered.
const KEPT: usize = 4;

/// The first bytes of a line, by which it differs from all others.
const HALF_MIN: usize = 27;

/// How the log is followed and rotated.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// The source names the rotated files, too.
    pub all_named: bool,
    /// Rotated files are numbered and shift, or else dated.
    pub numbered: bool,
    /// The log is a link that leads to the newest file.
    pub linked: bool,
}

/// What is known of a line.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pub bytes: u64,
    /// All of it was written, in one file.
    pub whole: bool,
    /// It was in no file any more that a follower could know of, before it was safe.
    pub at_risk: bool,
    /// The follower knew by the size of the file that it was there when it was destroyed, …
    seen: bool,
    /// … and has looked again before it forgot that.
    pub missed: bool,
    /// Once more, because its file came back shorter after a power cut.
    pub again: u64,
}

/// A file, also after it was renamed or deleted.
#[derive(Debug, Default)]
struct Held {
    /// `None` once it is deleted.
    name: Option<String>,
    lines: Vec<u64>,
    /// The follower has looked at it since it started.
    seen: bool,
    /// Lines of it that the follower knows to be there, and that it has read.
    seen_lines: usize,
    read_lines: usize,
    /// It was rotated away before anybody could know of it.
    orphan: bool,
    /// Its content is that of another, by `cp`.
    copy: bool,
    /// It no longer holds what the store knows it by.
    shortened: bool,
    /// When something was written to it last.
    written: u64,
    /// It has been quiet for so long that the follower has let go of it.
    closed: bool,
}

pub struct World {
    pub folder: tempfile::TempDir,
    habits: Habits,
    files: Vec<Held>,
    /// The file written to, and the one a writer has stayed on.
    current: Option<(usize, File)>,
    lagging: Option<(usize, File)>,
    /// The rest of a line that was begun, its number and its file.
    rest: Option<(String, u64, usize)>,
    rotations: usize,
    pub lines: BTreeMap<u64, Line>,
    /// A file has lost what was in it, was deleted while nobody looked, or was copied before anything
    /// of it was read: then a loss may be told that is none.
    pub doubtful: bool,
    /// A file was cut to nothing, and the store does not know yet.
    unnoticed: bool,
    /// Seconds that have passed.
    pub clock: u64,
}

/// The text of a line, and where it must not be cut in two.
fn text(number: u64) -> (String, usize, usize) {
    // Of different lengths, so that sizes tell files apart as well as they do in life.
    let long = if number.is_multiple_of(31) { 30_000 } else { 0 };
    let padding = " and cold".repeat(7 + number as usize % 11 + long);
    let before = format!("2022-06-24T14:33:24.{number:06}+08:00 ERROR ThreadId(42) site::flux: ");
    let what = format!("tank {number}: the flux capacitor is empty");
    let (from, to) = (before.len(), before.len() + what.len());
    (before + &what + &padding + "\n", from, to)
}

impl World {
    pub fn new(habits: Habits) -> World {
        let mut world = World {
            folder: tempfile::tempdir().unwrap(),
            habits,
            files: Vec::new(),
            current: None,
            lagging: None,
            rest: None,
            rotations: 0,
            lines: BTreeMap::new(),
            doubtful: false,
            unnoticed: false,
            clock: 0,
        };
        world.create();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Begins a new file, unless there is one.
    pub fn create(&mut self) {
        if self.current.is_some() {
            return;
        }
        let index = self.files.len();
        let name = if self.habits.linked { format!("run-{index}.log") } else { "worker.log".to_owned() };
        let file = OpenOptions::new().append(true).create_new(true).open(self.path(&name)).unwrap();
        if self.habits.linked {
            std::os::unix::fs::symlink(&name, self.path("link")).unwrap();
            fs::rename(self.path("link"), self.path("worker.log")).unwrap();
        }
        self.files.push(Held { name: Some(name), ..Held::default() });
        self.current = Some((index, file));
    }

    /// Writes lines; the first write completes a half line.
    pub fn append(&mut self, lines: usize) {
        let Some((index, mut file)) = self.current.take() else { return };
        self.finish(index, &mut file);
        (0..lines).for_each(|_| self.write(index, &mut file));
        self.current = Some((index, file));
    }

    /// Lines of the writer that has stayed on the renamed file.
    pub fn lag(&mut self, lines: usize) {
        let Some((index, mut file)) = self.lagging.take() else { return self.append(lines) };
        self.finish(index, &mut file);
        (0..lines).for_each(|_| self.write(index, &mut file));
        self.lagging = Some((index, file));
    }

    fn write(&mut self, index: usize, file: &mut File) {
        let number = self.lines.len() as u64 + 1;
        let (text, ..) = text(number);
        file.write_all(text.as_bytes()).unwrap();
        let held = &mut self.files[index];
        held.lines.push(number);
        held.written = self.clock;
        let at_risk = held.name.is_none() || held.orphan;
        let line = Line { bytes: text.len() as u64, whole: true, at_risk, ..Line::default() };
        self.lines.insert(number, line);
    }

    /// The first part of a line: before what it says, or with it.
    pub fn half(&mut self, place: usize) {
        let Some((index, mut file)) = self.current.take() else { return };
        self.finish(index, &mut file);
        if self.rest.is_none() {
            let number = self.lines.len() as u64 + 1;
            let (mut half, from, to) = text(number);
            let cut = HALF_MIN + place % (half.len() - HALF_MIN - 1);
            let cut = if (from..to).contains(&cut) { to } else { cut };
            let rest = half.split_off(cut);
            file.write_all(half.as_bytes()).unwrap();
            self.files[index].lines.push(number);
            let bytes = (half.len() + rest.len()) as u64;
            self.lines.insert(number, Line { bytes, ..Line::default() });
            self.rest = Some((rest, number, index));
        }
        self.current = Some((index, file));
    }

    /// Completes the half line of this file.
    fn finish(&mut self, index: usize, file: &mut File) {
        let Some((rest, number, _)) = self.rest.take_if(|rest| rest.2 == index) else { return };
        file.write_all(rest.as_bytes()).unwrap();
        let held = &mut self.files[index];
        held.written = self.clock;
        let line = self.lines.get_mut(&number).unwrap();
        line.whole = held.lines.contains(&number);
        line.at_risk |= held.name.is_none() || held.orphan;
    }

    /// The follower has looked at the files, and perhaps read all that was in them.
    pub fn looked_at(&mut self, read: bool) {
        let half = self.rest.as_ref().map(|rest| rest.1);
        for held in &mut self.files {
            held.seen |= held.name.is_some() && !held.orphan;
            if held.seen {
                let quiet = Duration::from_secs(self.clock - held.written);
                held.closed = !self.habits.all_named && quiet >= ROTATE_QUIET;
                // A half line does not count: only its first bytes are known to be there.
                let is_half = half.is_some() && half == held.lines.last().copied();
                held.seen_lines = held.lines.len() - usize::from(is_half);
                held.read_lines = if read { held.lines.len() } else { held.read_lines };
            }
        }
        self.lines.values_mut().for_each(|line| line.missed |= line.seen);
    }

    /// What the follower has seen is in the store.
    pub fn noticed(&mut self) {
        self.unnoticed = false;
        self.files.iter_mut().filter(|held| held.seen).for_each(|held| held.shortened = false);
    }

    /// The follower has forgotten what it did not commit.
    pub fn forgotten(&mut self, committed: &BTreeSet<u64>) {
        self.doubtful |= self.unnoticed;
        for index in 0..self.files.len() {
            let held = &mut self.files[index];
            self.doubtful |= held.seen && held.name.is_none();
            (held.seen, held.seen_lines, held.read_lines) = (false, 0, 0);
            if held.name.is_none() {
                self.endanger(index, committed);
            }
        }
        self.find_orphans(committed);
        self.lines.values_mut().for_each(|line| line.seen = false);
    }

    /// The file is renamed, or the link leads on. Its writer stays; another begins a new file.
    pub fn rotate(&mut self, committed: &BTreeSet<u64>, anew: bool) {
        let Some((index, file)) = self.current.take() else { return };
        if !self.habits.linked {
            let name = self.rotated_name(committed);
            self.rename(index, name);
        }
        self.lagging = Some((index, file));
        if anew || self.habits.linked {
            self.create();
        }
        self.find_orphans(committed);
    }

    fn rename(&mut self, index: usize, to: String) {
        let name = self.files[index].name.take().unwrap();
        fs::rename(self.path(&name), self.path(&to)).unwrap();
        self.files[index].name = Some(to);
    }

    /// A free name for a rotated file; numbered ones make room.
    fn rotated_name(&mut self, committed: &BTreeSet<u64>) -> String {
        self.rotations += 1;
        if !self.habits.numbered || self.habits.linked {
            return format!("worker.log-{:08}", 20_260_000 + self.rotations);
        }
        for number in (1..=KEPT).rev() {
            let name = format!("worker.log.{number}");
            let Some(index) = self.files.iter().position(|held| held.name.as_deref() == Some(&name)) else {
                continue;
            };
            if number == KEPT {
                self.remove(index, committed);
            } else {
                self.rename(index, format!("worker.log.{}", number + 1));
            }
        }
        "worker.log.1".to_owned()
    }

    /// Copies the file and cuts it to nothing; `between` may happen in the middle.
    pub fn copy_truncate(&mut self, committed: &BTreeSet<u64>, mut between: impl FnMut(&mut World)) {
        let Some((index, file)) = self.current.take() else { return };
        let from = self.files[index].name.clone().unwrap();
        let name = if self.habits.linked { format!("{from}.1") } else { self.rotated_name(committed) };
        if fs::exists(self.path(&name)).unwrap() {
            self.current = Some((index, file));
            return;
        }
        fs::copy(self.path(&from), self.path(&name)).unwrap();
        let lines = self.files[index].lines.clone();
        let copied = lines.len();
        // What follows a half line will be in no file together with it.
        let split = self.rest.as_ref().filter(|rest| rest.2 == index).map(|rest| rest.1);
        let shortened = self.files[index].shortened;
        self.files.push(Held { name: Some(name), lines, copy: true, shortened, ..Held::default() });
        self.current = Some((index, file));
        between(self);
        let (index, file) = self.current.take().unwrap();
        file.set_len(0).unwrap();
        let proved = self.is_proved(index, committed);
        // The first line may have been a half one when it was read.
        self.doubtful |= self.files[index].read_lines <= 1;
        let known = self.habits.all_named || proved;
        let held = std::mem::take(&mut self.files[index].lines);
        for (place, number) in held.into_iter().enumerate() {
            let line = self.lines.get_mut(&number).unwrap();
            if !committed.contains(&number) && (!known || place >= copied || split == Some(number)) {
                line.at_risk = true;
            }
        }
        let copy = self.files.len() - 1;
        self.files[copy].orphan = !known;
        (self.files[index].seen_lines, self.files[index].read_lines) = (0, 0);
        self.current = Some((index, file));
    }

    /// Cuts the file to nothing, and writes so many lines, or more than it held.
    pub fn truncate(&mut self, committed: &BTreeSet<u64>, lines: usize, past: bool) {
        let Some((index, file)) = self.current.take() else { return };
        let size = file.metadata().unwrap().len();
        file.set_len(0).unwrap();
        self.endanger(index, committed);
        self.unnoticed = true;
        // Whether something came after it was last looked at, nobody can know any more.
        self.doubtful |= !self.files[index].seen;
        let held = &mut self.files[index];
        held.lines.clear();
        (held.seen_lines, held.read_lines) = (0, 0);
        self.rest = self.rest.take().filter(|rest| rest.2 != index);
        self.current = Some((index, file));
        self.append(lines);
        while past && self.current.as_ref().unwrap().1.metadata().unwrap().len() <= size {
            self.append(1);
        }
    }

    /// Deletes the file; its writer goes on, unseen.
    pub fn delete(&mut self, committed: &BTreeSet<u64>) {
        let Some((index, file)) = self.current.take() else { return };
        self.lagging = Some((index, file));
        self.remove(index, committed);
        if self.habits.linked {
            fs::remove_file(self.path("worker.log")).unwrap();
        }
        self.find_orphans(committed);
    }

    fn remove(&mut self, index: usize, committed: &BTreeSet<u64>) {
        let name = self.files[index].name.take().unwrap();
        fs::remove_file(self.path(&name)).unwrap();
        // Whether something came after it was last looked at, nobody can know any more.
        self.doubtful |= !self.files[index].seen;
        // Whoever has it open can still read it.
        let held = &self.files[index];
        if !held.seen || held.copy || held.closed {
            self.endanger(index, committed);
        }
        self.find_orphans(committed);
    }

    /// Compresses the newest rotated file.
    pub fn compress(&mut self, committed: &BTreeSet<u64>) {
        let current = self.current.as_ref().map(|current| current.0);
        let rotated = |index: &usize| Some(*index) != current && self.files[*index].name.is_some();
        let Some(index) = (0..self.files.len()).rev().find(rotated) else { return };
        let name = self.files[index].name.clone().unwrap();
        let archive = File::create(self.path(&format!("{name}.gz"))).unwrap();
        let mut archive = flate2::write::GzEncoder::new(archive, flate2::Compression::fast());
        archive.write_all(&fs::read(self.path(&name)).unwrap()).unwrap();
        archive.finish().unwrap();
        self.remove(index, committed);
        self.find_orphans(committed);
    }

    /// After a power cut the file has lost its last lines.
    pub fn shorten(&mut self, committed: &BTreeSet<u64>, lines: usize) {
        let Some((index, file)) = self.current.take() else { return };
        let size = file.metadata().unwrap().len();
        self.rest = self.rest.take().filter(|rest| rest.2 != index);
        let held = &mut self.files[index];
        held.shortened = true;
        self.doubtful = true;
        let lost = held.lines.split_off(held.lines.len().saturating_sub(lines));
        let bytes = |lines: &[u64]| lines.iter().map(|number| self.lines[number].bytes).sum::<u64>();
        let all_whole = held.lines.iter().chain(&lost).all(|number| self.lines[number].whole);
        let whole = all_whole && bytes(&held.lines) + bytes(&lost) == size;
        // Where half lines stand in between, their bytes are not known here.
        file.set_len(if whole { bytes(&held.lines) } else { 0 }).unwrap();
        let cleared = if whole { Vec::new() } else { std::mem::take(&mut held.lines) };
        for number in lost.into_iter().chain(cleared).filter(|number| !committed.contains(number)) {
            self.lines.get_mut(&number).unwrap().at_risk = true;
        }
        for number in &self.files[index].lines {
            self.lines.get_mut(number).unwrap().again += 1;
        }
        self.current = Some((index, file));
    }

    /// Lines that are not safe yet will not be found again for certain.
    fn endanger(&mut self, index: usize, committed: &BTreeSet<u64>) {
        let held = &self.files[index];
        for (place, number) in held.lines.iter().enumerate().filter(|(_, line)| !committed.contains(line)) {
            let line = self.lines.get_mut(number).unwrap();
            line.at_risk = true;
            // Of a file of which nothing was read, what it held before does not show.
            line.seen |=
                held.read_lines > 0 && !held.copy && (held.read_lines..held.seen_lines).contains(&place);
        }
    }

    /// Whether the store knows the file by what it holds.
    fn is_proved(&self, index: usize, committed: &BTreeSet<u64>) -> bool {
        let held = &self.files[index];
        let whole = |line: &u64| committed.contains(line) && self.lines[line].whole;
        !held.shortened && held.lines.iter().any(whole)
    }

    /// Files that were rotated away before anybody knew of them, and that nothing leads to.
    fn find_orphans(&mut self, committed: &BTreeSet<u64>) {
        if self.habits.all_named && !self.habits.linked {
            return;
        }
        let current = self.current.as_ref().map(|current| current.0);
        for index in 0..self.files.len() {
            let held = &self.files[index];
            let known = held.seen || self.is_proved(index, committed);
            if Some(index) == current || known || held.name.is_none() {
                continue;
            }
            let leads = |other: usize| {
                other != index && self.files[other].name.is_some() && self.is_proved(other, committed)
            };
            if self.habits.linked || !(0..self.files.len()).any(leads) {
                self.endanger(index, committed);
                self.files[index].orphan = true;
            }
        }
    }
}
