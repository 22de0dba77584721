//! Files that have been active of late, watched by linemux.

use std::collections::BTreeSet;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use linemux::MuxedEvents;
use tokio::sync::mpsc;
use tokio::task::coop::unconstrained;

use super::{Marks, io_limit};

/// How long the queue of linemux may go without an end: some MiB come in that time.
pub(super) const BUSY_MAX: Duration = Duration::from_millis(250);
/// How long it is done without then.
const REST: Duration = Duration::from_secs(5);

/// Has files watched by linemux, whose own queue has no bound: when events came faster than they were taken in for
/// `busy_max`, the queue is let go, and another begun after a rest. Their folders are watched all the time.
pub(super) async fn watch(marks: Arc<Marks>, mut queue: mpsc::Receiver<PathBuf>, busy_max: Duration) {
    let mut files = BTreeSet::new();
    while is_outrun(&marks, &mut files, &mut queue, busy_max).await {
        marks.set(|state| state.dirty.mark_all());
        tokio::time::sleep(REST).await;
    }
}

/// Hands `files` and those of `queue` to linemux and takes in its events at once, until more come than that; or until
/// nobody hands over any more, or nothing can be watched.
async fn is_outrun(
    marks: &Marks,
    files: &mut BTreeSet<PathBuf>,
    queue: &mut mpsc::Receiver<PathBuf>,
    busy_max: Duration,
) -> bool {
    let mut events = match MuxedEvents::new() {
        Ok(events) => events,
        Err(error) => {
            marks.fail("files", &error, io_limit(&error));
            return false;
        }
    };
    // Without a file, linemux has no next event to wait for.
    let mut watching = false;
    for file in files.iter() {
        watching |= watch_file(marks, &mut events, file).await;
    }
    let mut busy_since: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            file = queue.recv() => {
                let Some(file) = file else { return false };
                watching |= watch_file(marks, &mut events, &file).await;
                files.insert(file);
            }
            // Unconstrained, or the runtime would say now and then that there is none.
            event = unconstrained(events.next_event()), if watching => {
                match event {
                    // Reading our own files is no news.
                    Ok(Some(event)) if event.kind.is_access() => {}
                    Ok(Some(event)) if event.paths.is_empty() => {
                        // An overflow names no path; so does an event on a file that is let go.
                        if event.need_rescan() {
                            marks.set(|state| state.dirty.mark_all());
                        }
                    }
                    Ok(Some(event)) => marks.set(|state| {
                        event.paths.into_iter().for_each(|path| state.dirty.mark(path));
                    }),
                    Ok(None) => watching = false,
                    Err(error) => marks.fail("files", &error, io_limit(&error)),
                }
                match busy_since {
                    None => busy_since = Some(Instant::now()),
                    Some(since) if since.elapsed() > busy_max => return true,
                    Some(_) => {}
                }
            }
            // There is no event left.
            () = ready(()), if busy_since.is_some() => busy_since = None,
        }
    }
}

/// Whether there is something to wait for now.
async fn watch_file(marks: &Marks, events: &mut MuxedEvents, file: &Path) -> bool {
    match events.add_file(file).await {
        Ok(_) => return true,
        // Deleted meanwhile, folder and all: its own end.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => marks.fail(&file.display().to_string(), &error, io_limit(&error)),
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::thread;

    use super::super::Dirty;
    use super::*;

    /// Whoever may not be busy for any time is outrun by two events at once, and not by one.
    #[test]
    fn one_that_is_outrun_says_so_and_goes_on_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("worker.log");
        let mut file = fs::File::create(&path).unwrap();
        let (marks, (files, queue)) = (Arc::new(Marks::default()), mpsc::channel(1));
        files.try_send(path.clone()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.spawn(watch(Arc::clone(&marks), queue, Duration::ZERO));
        let mut write_until = |writes: usize, is: &dyn Fn(&Dirty) -> bool| {
            let deadline = Instant::now() + Duration::from_secs(60);
            while !is(&std::mem::take(&mut marks.state().dirty)) {
                assert!(Instant::now() < deadline, "never after {writes} writes at once");
                (0..writes).for_each(|_| file.write_all(b"\n").unwrap());
                thread::sleep(Duration::from_millis(1));
            }
        };
        write_until(1_000, &|dirty| dirty.all);
        write_until(1, &|dirty| dirty.paths.contains(&path));
        write_until(1_000, &|dirty| dirty.all);
    }
}
