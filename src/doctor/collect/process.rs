//! Running programs of the cluster, from `/proc`.

use std::path::{Path, PathBuf};

use super::root::Root;
use crate::doctor::facts::{Environ, Known, OpenFiles, Process};
use crate::doctor::words::Words;

/// The daemons whose logs and limits matter.
pub(super) const PROGRAMS: [&str; 5] =
    ["damocles-worker", "venus-worker", "vc-worker", "damocles-manager", "venus-sector-manager"];
/// More of a command line is not looked at.
const COMMAND_BYTES_MAX: u64 = 64 << 10;
/// An environment is at most so long.
const ENVIRON_BYTES_MAX: u64 = 1 << 20;

/// A running program, with what is of interest to the rest of the collection.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub process: Process,
    pub environ: Known<Environ>,
    /// The worker's configuration, inside the root.
    pub config: Option<PathBuf>,
}

impl Running {
    pub fn is_worker(&self) -> bool {
        self.process.program.ends_with("-worker")
    }
}

pub(super) fn running(root: &Root) -> Known<Vec<Running>> {
    let unknown = || Words::new("the processes are not known: there is no /proc", "进程未知：没有 /proc");
    let names = root.list(Path::new("/proc")).map_err(|_| unknown())?;
    let pids = names.iter().filter_map(|name| name.parse().ok());
    let mut found: Vec<Running> = pids.filter_map(|pid| program(root, pid)).collect();
    found.sort_by_key(|running| running.process.pid);
    Ok(found)
}

fn program(root: &Root, pid: u32) -> Option<Running> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let (command, _) = root.head(&folder.join("cmdline"), COMMAND_BYTES_MAX).ok()?;
    let words: Vec<String> =
        command.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let program = words.first()?.rsplit('/').next()?.to_owned();
    // The children of a worker have its name too; only the daemon has a configuration.
    if !PROGRAMS.contains(&&*program) || !words.iter().any(|word| word == "daemon") {
        return None;
    }
    let environ = environ(root, &folder);
    let config = option(&words).or_else(|| environ.as_ref().ok()?.get("DAMOCLES_WORKER_CONFIG").cloned());
    let inside = |config: String| {
        let path = PathBuf::from(config);
        if path.is_absolute() { Some(path) } else { Some(root.link(&folder.join("cwd")).ok()?.join(path)) }
    };
    Some(Running {
        config: config.and_then(inside),
        environ,
        process: Process { pid, program, open_files: open_files(root, &folder), unit: unit(root, &folder) },
    })
}

/// The value of `--config` or `-c`.
fn option(words: &[String]) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--config" || word == "-c" {
            return words.next().cloned();
        }
        if let Some(value) = word.strip_prefix("--config=") {
            return Some(value.to_owned());
        }
    }
    None
}

fn environ(root: &Root, folder: &Path) -> Known<Environ> {
    let path = folder.join("environ");
    let (bytes, _) =
        root.head(&path, ENVIRON_BYTES_MAX).map_err(|error| super::root::unreadable(&path, &error))?;
    let pair = |pair: &[u8]| {
        let pair = String::from_utf8_lossy(pair);
        pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    Ok(bytes.split(|&byte| byte == 0).filter_map(pair).collect())
}

fn open_files(root: &Root, folder: &Path) -> Known<OpenFiles> {
    let path = folder.join("limits");
    let text = root.text(&path, 64 << 10)?;
    let limit = |text: &str| if text == "unlimited" { Some(None) } else { text.parse().ok().map(Some) };
    let read = || {
        let rest = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        let mut words = rest.split_whitespace();
        Some(OpenFiles { soft: limit(words.next()?)?, hard: limit(words.next()?)? })
    };
    let shown = path.display();
    read().ok_or_else(|| {
        Words::new(format!("{shown} has no limit of open files"), format!("{shown} 中没有打开文件数的限制"))
    })
}

/// The unit of systemd that the process belongs to.
fn unit(root: &Root, folder: &Path) -> Option<String> {
    let text = root.word(&folder.join("cgroup"))?;
    let of_line = |line: &str| line.rsplit('/').find(|part| part.ends_with(".service")).map(str::to_owned);
    text.lines().find_map(of_line)
}
