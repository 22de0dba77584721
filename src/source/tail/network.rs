//! Sources whose files are on another host's disk: the kernel tells nothing of what is written there.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Settings, scan};

/// How often they are looked at, unless the operator has said it.
const POLL: Duration = Duration::from_secs(1);

/// Has every source looked at once a second that has a place on a network file system, unless it is polled already.
/// Returns a line for each: what was found, and what follows.
///
/// `network` names the file system of a path if it is such a one: `disk::network`. What is not there yet is
/// judged by the folder that it will be in.
pub fn poll_networks(
    sources: &mut [Settings],
    network: impl Fn(&Path) -> io::Result<Option<&'static str>>,
) -> Vec<String> {
    let mut told = Vec::new();
    for source in sources.iter_mut().filter(|source| source.poll.is_none()) {
        let places = source.paths.iter().flat_map(|pattern| scan::places_of(pattern));
        let nearest = |place: PathBuf| {
            let kind = place.ancestors().find_map(|path| network(path).ok())??;
            Some((place, kind))
        };
        if let Some((place, kind)) = places.into_iter().find_map(nearest) {
            source.poll = Some(POLL);
            told.push(format!(
                "source `{}`: {} is on {kind}, which tells of no changes made elsewhere; its files are looked at once a \
                 second",
                source.name,
                place.display()
            ));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tail::{Start, Tail};

    fn source(name: &str, paths: &[&str], poll: Option<Duration>) -> Settings {
        Settings {
            name: name.to_owned(),
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
            exclude: Vec::new(),
            start: Start::End,
            poll,
            hold: Duration::from_millis(500),
        }
    }

    /// `/mnt/nfs` is on NFS and has one folder, `worker`; all else that is there is on the disk of this host.
    fn disks(path: &Path) -> io::Result<Option<&'static str>> {
        match path.to_str() {
            Some("/mnt/nfs" | "/mnt/nfs/worker" | "/mnt/nfs/worker/worker.log") => Ok(Some("NFS")),
            Some("/" | "/mnt" | "/var" | "/var/log") => Ok(None),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    #[test]
    fn a_source_on_a_network_file_system_is_polled_and_told_once() {
        let minute = Some(Duration::from_secs(60));
        for (paths, before, after) in [
            (&["/mnt/nfs/worker/worker.log"][..], None, Some(POLL)),
            (&["/mnt/nfs/worker/*.log"], None, Some(POLL)),
            (&["/mnt/nfs/not/yet/*.log"], None, Some(POLL)),
            (&["/var/log/*.log", "/mnt/nfs/worker/*.log"], None, Some(POLL)),
            (&["/mnt/nfs/worker/*.log"], minute, minute),
            (&["/var/log/*.log"], None, None),
            (&["/var/log/nfs/worker.log"], None, None),
        ] {
            let mut sources = [source("worker", paths, before)];
            let told = poll_networks(&mut sources, disks);
            assert_eq!(sources[0].poll, after, "{paths:?}");
            assert_eq!(told.len(), usize::from(before != after), "{told:?}");
            assert!(
                told.iter().all(|line| line.contains("`worker`") && line.contains("/mnt/nfs")),
                "{told:?}"
            );
            assert!(poll_networks(&mut sources, disks).is_empty(), "told once");
        }
    }

    #[test]
    fn one_that_is_found_so_is_not_watched() {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join("*.log");
        let mut sources = vec![source("worker", &[pattern.to_str().unwrap()], None)];
        let watched = |sources: &[Settings]| {
            let now = std::time::Instant::now();
            Tail::new(sources.to_vec(), Vec::new(), true, 1, now).watched().folders.len()
        };
        assert_eq!(watched(&sources), 1);
        let told =
            poll_networks(
                &mut sources,
                |path| if path == folder.path() { Ok(Some("NFS")) } else { Ok(None) },
            );
        assert_eq!((watched(&sources), told.len()), (0, 1));
    }
}
