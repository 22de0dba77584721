//! What the checks look at: facts of a box, collected or made up by a test.
//!
//! What could not be learnt is an `Err` that says why, so that no check takes it for "fine".

use std::collections::BTreeMap;

use super::topology::Topology;
use super::words::Words;

/// A fact, or why it is not known.
pub type Known<T> = Result<T, Words>;

/// The environment of a process.
pub type Environ = BTreeMap<String, String>;

/// Everything that is known of a box.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Configurations of workers.
    pub configs: Vec<ConfigFile>,
    /// Processors, caches and nodes.
    pub topology: Known<Topology>,
    /// The GPUs, in the order of their numbers.
    pub gpus: Known<Vec<String>>,
    /// Running programs of the cluster.
    pub processes: Known<Vec<Process>>,
    /// Binaries of workers.
    pub binaries: Known<Vec<Binary>>,
    /// What a build of the worker would read.
    pub build: Known<Build>,
    /// The most open files that the kernel grants a process.
    pub nr_open: Known<u64>,
    /// Units that start a program of the cluster.
    pub units: Known<Vec<Unit>>,
    /// What `pam_limits` says of open files.
    pub login_limits: Known<Vec<LoginLimit>>,
    /// Files that the proofs map.
    pub proofs: Vec<ProofFiles>,
    /// The disks that those files, and the worker's folders, stand on.
    pub disks: Known<Vec<Disk>>,
    /// The sources of `sealtail.toml`.
    pub sources: Known<Vec<LogSource>>,
    /// What logrotate does.
    pub rotations: Known<Vec<Rotation>>,
}

/// A configuration of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its path, as it is shown.
    pub path: String,
    /// What it says.
    pub text: Known<String>,
    /// The environment of the daemon that runs with it.
    pub environ: Known<Environ>,
    /// The program's name, where one runs with it.
    pub program: Option<String>,
}

/// A running program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name, `damocles-worker` or the like.
    pub program: String,
    /// How many files it may have open.
    pub open_files: Known<OpenFiles>,
    /// The systemd unit it runs in.
    pub unit: Option<String>,
}

/// A limit of open files; `None`: unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// What is in force.
    pub soft: Option<u64>,
    /// How far the process may raise it.
    pub hard: Option<u64>,
}

/// A binary and what its section headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// Its path, as it is shown.
    pub path: String,
    /// Bytes of the file.
    pub size: u64,
    /// Its sections.
    pub sections: Known<Sections>,
}

/// What is of interest in an ELF file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sections {
    /// Debug sections that hold something: name and bytes in the file.
    pub debug: Vec<(String, u64)>,
    /// Whether there is code: a file split off by `strip --only-keep-debug` has none.
    pub has_code: bool,
}

/// What a build would read, in the folder where it is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// The environment of the shell.
    pub environ: Environ,
    /// Cargo's configuration files, the one that wins first.
    pub configs: Vec<TextFile>,
    /// The manifest of the workspace.
    pub manifest: Option<TextFile>,
}

/// A file and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Its path, as it is shown.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// A systemd unit that starts a program of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name, `damocles-worker.service`.
    pub name: String,
    /// The unit's file.
    pub path: String,
    /// The last `LimitNOFILE=` of the file and its drop-ins, or what systemd is told for all units.
    pub open_files: Option<Setting>,
}

/// A value in a file that is not TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value.
    pub value: String,
    /// The file.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The whole line.
    pub text: String,
}

/// A `nofile` of `limits.conf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLimit {
    /// Whom it is for.
    pub domain: String,
    /// The value and its place.
    pub setting: Setting,
}

/// The files that the proofs of one configuration map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFiles {
    /// The configuration.
    pub config: String,
    /// The folder of parameters and verifying keys.
    pub parameters: Folder,
    /// The folder of parent caches.
    pub parents: Folder,
    /// The static trees that the configuration names.
    pub trees: Vec<(String, Known<Option<DataFile>>)>,
}

/// A folder and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its path, as it is shown.
    pub path: String,
    /// The environment that may name another folder is known.
    pub is_certain: bool,
    /// Its files; `None`: there is no such folder.
    pub files: Known<Option<Vec<DataFile>>>,
}

/// A file of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its name, or its path where it stands alone.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// How many bytes its own head says it has, where it has such a head.
    pub wanted: Option<u64>,
    /// How many of its bytes stand on the disk: fewer than it has, where it has holes.
    pub on_disk: Known<u64>,
}

/// A mounted file system that something of interest stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// What stands on it.
    pub path: String,
    /// Where it is mounted.
    pub mount: String,
    /// Its kind, `ext4`.
    pub kind: String,
    /// It cannot be written to.
    pub read_only: bool,
    /// Bytes and files in percent that are used, and free bytes.
    pub usage: Known<Usage>,
}

/// How full a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes used, in percent.
    pub bytes_percent: u8,
    /// Inodes used, in percent; 0 where the file system counts none.
    pub inodes_percent: u8,
    /// Bytes left.
    pub bytes_free: u64,
}

/// A `[[source]]` of `sealtail.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// Its name.
    pub name: String,
    /// Its patterns.
    pub patterns: Vec<String>,
    /// It has `poll`.
    pub polls: bool,
    /// The files that match.
    pub files: Known<Vec<LogFile>>,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Its path.
    pub path: String,
    /// Why it cannot be read, if so.
    pub unreadable: Option<String>,
    /// The kind of file system it stands on.
    pub kind: Known<String>,
    /// Programs of the cluster that have it open as standard output or error.
    pub writers: Vec<Writer>,
}

/// Who writes a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The process.
    pub pid: u32,
    /// Its name.
    pub program: String,
    /// It opened the file for appending.
    pub appends: bool,
}

/// A block of logrotate's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The patterns of the block.
    pub patterns: Vec<String>,
    /// Where it stands.
    pub setting: Setting,
    /// Copies the log and cuts it to nothing.
    pub copytruncate: bool,
    /// Runs a script afterwards, which may tell the program to open its log anew.
    pub has_script: bool,
}

impl Default for Facts {
    /// Nothing is known, and nothing was looked for.
    fn default() -> Facts {
        Facts {
            configs: Vec::new(),
            topology: not_looked(),
            gpus: not_looked(),
            processes: not_looked(),
            binaries: not_looked(),
            build: not_looked(),
            nr_open: not_looked(),
            units: not_looked(),
            login_limits: not_looked(),
            proofs: Vec::new(),
            disks: not_looked(),
            sources: not_looked(),
            rotations: not_looked(),
        }
    }
}

/// Nobody looked for it.
pub(super) fn not_looked<T>() -> Known<T> {
    Err(Words::new("it was not looked for", "未查找"))
}
