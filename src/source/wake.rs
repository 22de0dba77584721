//! When to look again: wake-ups from the kernel, boiled down to a set of paths.
//!
//! Two watchers mark paths: notify one watch a folder, for files that appear and move, and linemux
//! those files that have been active of late. Events carry no news beyond the path: they are taken in
//! as fast as they come and cost one entry a path, however many there are. Whatever may have been
//! missed (an overflow, an error, more paths than the set holds) sets the `all` mark instead.
//!
//! A watcher that fails costs latency, not lines: the caller sweeps all the same.

mod files;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::tail::Watched;

/// Paths that are told apart; with more, everything is dirty.
const PATHS_MAX: usize = 4096;
/// Files waiting to be handed to linemux.
const QUEUE_LEN: usize = 1024;

/// What changed since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    /// Anything may have changed: only a sweep can tell.
    pub all: bool,
    /// These paths have changed.
    pub paths: HashSet<PathBuf>,
}

impl Dirty {
    fn is_empty(&self) -> bool {
        !self.all && self.paths.is_empty()
    }

    fn mark(&mut self, path: PathBuf) {
        if self.all {
            return;
        }
        self.paths.insert(path);
        if self.paths.len() > PATHS_MAX {
            self.mark_all();
        }
    }

    fn mark_all(&mut self) {
        self.all = true;
        self.paths = HashSet::new();
    }
}

/// Marks that watchers set and the follower takes.
#[derive(Debug, Default)]
struct Marks {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    dirty: Dirty,
    rung: bool,
    warning: Option<String>,
    warned: bool,
}

impl Marks {
    fn state(&self) -> MutexGuard<'_, State> {
        // Marks cannot be left half set: a panic elsewhere is no reason to stop following.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, set: impl FnOnce(&mut State)) {
        set(&mut self.state());
        self.changed.notify_all();
    }

    /// Notes that watching fails; the first time is told, all times everything is dirty.
    fn fail(&self, what: &str, error: &dyn std::fmt::Display, limit: Option<Limit>) {
        self.set(|state| {
            state.dirty.mark_all();
            if state.warned {
                return;
            }
            state.warned = true;
            let hint = limit.map(|limit| format!("; hint: {}", limit.hint())).unwrap_or_default();
            state.warning = Some(format!("cannot watch {what}: {error}; polling goes on{hint}"));
        });
    }
}

/// Wakes whoever waits in [`Wake::wait`], from any thread.
#[derive(Debug, Clone)]
pub struct Bell(Arc<Marks>);

impl Bell {
    /// Ends the current wait, or the next one.
    pub fn ring(&self) {
        self.0.set(|state| state.rung = true);
    }
}

/// Watches folders and files, and wakes whoever waits.
#[derive(Debug)]
pub struct Wake {
    marks: Arc<Marks>,
    folders: Option<RecommendedWatcher>,
    watched: Watched,
    files: mpsc::Sender<PathBuf>,
    task: JoinHandle<()>,
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wake {
    /// Starts watching nothing. A watcher that cannot be had is a warning, not an error.
    pub fn new(runtime: &Handle) -> Wake {
        let marks = Arc::new(Marks::default());
        let for_folders = Arc::clone(&marks);
        let folders = notify::recommended_watcher(move |event| take_folder_event(&for_folders, event));
        let folders = folders.map_err(|error| marks.fail("folders", &error, limit(&error))).ok();
        let (files, queue) = mpsc::channel(QUEUE_LEN);
        let task = runtime.spawn(files::watch(Arc::clone(&marks), queue, files::BUSY_MAX));
        Wake { marks, folders, watched: Watched::default(), files, task }
    }

    /// Watches these folders and files. What has been watched before goes on at no cost; folders that
    /// are not named any more are let go.
    pub fn follow(&mut self, wanted: Watched) {
        let gone: Vec<PathBuf> = self.watched.folders.difference(&wanted.folders).cloned().collect();
        for folder in gone {
            self.watched.folders.remove(&folder);
            if let Some(watcher) = &mut self.folders {
                // It is gone itself, as likely as not.
                let _ = watcher.unwatch(or_here(&folder));
            }
        }
        let new: Vec<PathBuf> = wanted.folders.difference(&self.watched.folders).cloned().collect();
        for folder in new.into_iter().filter(|folder| or_here(folder).is_dir()) {
            self.watch_folder(folder);
        }
        let mut files = BTreeSet::new();
        for file in wanted.files {
            // A full queue leaves the file to its folder's watch, and to the next call.
            if self.watched.files.contains(&file) || self.files.try_send(file.clone()).is_ok() {
                files.insert(file);
            }
        }
        self.watched.files = files;
    }

    fn watch_folder(&mut self, folder: PathBuf) {
        let Some(watcher) = &mut self.folders else { return };
        match watcher.watch(or_here(&folder), RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.folders.insert(folder);
                // Whatever happened before the watch began has made no mark.
                self.marks.set(|state| state.dirty.mark_all());
            }
            Err(error) => self.marks.fail(&folder.display().to_string(), &error, limit(&error)),
        }
    }

    /// Waits until something is marked, the bell rings or the time is over, and takes the marks.
    pub fn wait(&self, timeout: Duration) -> Dirty {
        let deadline = Instant::now() + timeout;
        let mut state = self.marks.state();
        while state.dirty.is_empty() && !state.rung {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.marks.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.rung = false;
        std::mem::take(&mut state.dirty)
    }

    /// What wakes the waiting thread from another.
    pub fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.marks))
    }

    /// Whether something cannot be watched, so that only sweeps find what happens there.
    pub fn is_deaf(&self) -> bool {
        self.marks.state().warned
    }

    /// Why something cannot be watched: the first reason, once.
    pub fn warning(&self) -> Option<String> {
        self.marks.state().warning.take()
    }
}

fn take_folder_event(marks: &Marks, event: notify::Result<notify::Event>) {
    match event {
        // Reading our own files is no news.
        Ok(event) if event.kind.is_access() => {}
        Ok(event) if event.need_rescan() || event.paths.is_empty() => {
            marks.set(|state| state.dirty.mark_all());
        }
        Ok(event) => marks.set(|state| {
            for path in event.paths {
                state.dirty.mark(as_given(path));
            }
        }),
        Err(error) => marks.fail("folders", &error, limit(&error)),
    }
}

/// What the system has no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// Watches of this user.
    Watches,
    /// inotify instances of this user, or open files of this process: the error is the same.
    Instances,
}

impl Limit {
    /// What to raise, and what it is now.
    fn hint(self) -> String {
        match self {
            Limit::Watches => raise("max_user_watches", "max_inotify_watches"),
            Limit::Instances => {
                let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
                let files = files.map_or_else(|| "unlimited".to_owned(), |files| files.to_string());
                let instances = raise("max_user_instances", "max_inotify_instances");
                format!("{instances} or LimitNOFILE= (now {files})")
            }
        }
    }
}

/// Names the setting that binds, with its present value. A container may have a limit of its own, below
/// that of the system.
fn raise(name: &str, own_name: &str) -> String {
    let value = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let system = value(&format!("/proc/sys/fs/inotify/{name}"));
    let own = value(&format!("/proc/sys/user/{own_name}"));
    match (system, own) {
        (Some(system), Some(own)) if own < system => format!("raise user.{own_name} (now {own})"),
        (Some(system), _) => format!("raise fs.inotify.{name} (now {system})"),
        (None, _) => format!("raise fs.inotify.{name}"),
    }
}

fn limit(error: &notify::Error) -> Option<Limit> {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => Some(Limit::Watches),
        notify::ErrorKind::Io(error) => io_limit(error),
        _ => None,
    }
}

fn io_limit(error: &std::io::Error) -> Option<Limit> {
    use rustix::io::Errno;
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC) => Some(Limit::Watches),
        Some(Errno::MFILE | Errno::NFILE) => Some(Limit::Instances),
        // linemux wraps the first as text.
        _ => error.to_string().contains("OS file watch limit").then_some(Limit::Watches),
    }
}

fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// Paths in the working folder come with a `./` that nobody wrote.
fn as_given(path: PathBuf) -> PathBuf {
    path.strip_prefix("./").map(Path::to_owned).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Far more than any wake-up takes.
    const LONG: Duration = Duration::from_secs(60);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()
    }

    fn watched(folders: &[&Path], files: &[&Path]) -> Watched {
        let set = |paths: &[&Path]| paths.iter().map(|path| path.to_path_buf()).collect();
        Watched { folders: set(folders), files: set(files) }
    }

    /// Takes marks until `path` is among them.
    fn wait_for(wake: &Wake, path: &Path) {
        loop {
            let dirty = wake.wait(LONG);
            assert!(!dirty.is_empty(), "nothing said that {} changed", path.display());
            if dirty.paths.contains(path) {
                return;
            }
        }
    }

    #[test]
    fn a_folder_tells_of_new_files_and_of_growth() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = runtime();
        let mut wake = Wake::new(runtime.handle());
        wake.follow(watched(&[folder.path()], &[]));
        assert!(wake.wait(LONG).all, "what came before the watch is unknown");
        let path = folder.path().join("worker.log");
        fs::write(&path, "one\n").unwrap();
        wait_for(&wake, &path);
        assert_eq!(wake.warning(), None);
    }

    #[test]
    fn a_file_tells_of_growth_through_linemux() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("worker.log");
        fs::write(&path, "one\n").unwrap();
        let runtime = runtime();
        let mut wake = Wake::new(runtime.handle());
        wake.follow(watched(&[], &[&path]));
        // The watch begins some time later: write until it is there.
        let deadline = Instant::now() + LONG;
        loop {
            fs::write(&path, "more\n").unwrap();
            if wake.wait(Duration::from_millis(10)).paths.contains(&path) {
                return;
            }
            assert!(Instant::now() < deadline, "linemux said nothing");
        }
    }

    #[test]
    fn the_bell_ends_a_wait_that_has_not_begun() {
        let runtime = runtime();
        let wake = Wake::new(runtime.handle());
        wake.bell().ring();
        assert_eq!(wake.wait(LONG), Dirty::default());
        assert_eq!(wake.wait(Duration::ZERO), Dirty::default());
    }

    #[test]
    fn marks_are_bounded() {
        let mut dirty = Dirty::default();
        for number in 0..PATHS_MAX {
            dirty.mark(PathBuf::from(number.to_string()));
            dirty.mark(PathBuf::from(number.to_string()));
        }
        assert_eq!((dirty.all, dirty.paths.len()), (false, PATHS_MAX));
        dirty.mark(PathBuf::from("one more"));
        assert_eq!((dirty.all, dirty.paths.len()), (true, 0));
    }

    #[test]
    fn an_overflow_makes_everything_dirty() {
        let marks = Marks::default();
        let rescan = notify::Event::new(notify::EventKind::Other).set_flag(notify::event::Flag::Rescan);
        take_folder_event(&marks, Ok(rescan));
        assert!(marks.state().dirty.all);
    }

    #[test]
    fn a_failure_is_told_once_and_names_the_limit() {
        let marks = Marks::default();
        for _ in 0..2 {
            take_folder_event(&marks, Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
        }
        let warning = marks.state().warning.take().unwrap();
        let now: u64 = warning.rsplit_once("(now ").unwrap().1.trim_end_matches(')').parse().unwrap();
        assert!(now > 0 && warning.contains("watches (now "), "{warning}");
        take_folder_event(&marks, Err(notify::Error::generic("again")));
        assert_eq!(marks.state().warning, None);
        assert!(marks.state().dirty.all);
    }
}
