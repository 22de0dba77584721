//! Reads the facts of a box from a root folder: `/`, or a bundle of files collected elsewhere.
//!
//! Reading is all it does. Every path is resolved inside the root, links and all; only regular files
//! are opened, and so much of them is read and no more. What cannot be read becomes a fact that is
//! not known, with the reason.

mod cargo;
mod cpu;
mod devices;
mod disks;
mod elf;
mod logs;
mod process;
mod proofs;
mod root;
mod units;

use std::path::{Path, PathBuf};

use self::process::Running;
use self::root::Root;
use super::facts::{Build, ConfigFile, Environ, Facts, Known};
use super::words::Words;

/// A worker's configuration is a few KiB.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Files of the kernel and of `/etc` that are read line by line.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// What to look at.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The root folder; `None`: this box.
    pub root: Option<PathBuf>,
    /// Configurations of workers; none: those of running workers.
    pub configs: Vec<PathBuf>,
    /// Binaries of workers; none: those of running workers.
    pub binaries: Vec<PathBuf>,
    /// Where the worker is built; `None`: the current folder of this box.
    pub build_dir: Option<PathBuf>,
    /// `sealtail.toml`.
    pub sealtail_config: Option<PathBuf>,
    /// The environment of the shell.
    pub environ: Environ,
    /// The current folder.
    pub here: PathBuf,
    /// Only what tells of the worker's configuration: no binaries, builds or logs.
    pub only_worker: bool,
}

/// Collects the facts.
///
/// # Errors
///
/// The root is no folder that can be read.
pub fn collect(request: &Request) -> std::io::Result<Facts> {
    let root = Root::new(request.root.as_deref().unwrap_or(Path::new("/")))?;
    let running = process::running(&root);
    let configs = configs(&root, request, &running);
    let (proofs, proof_paths) = proofs::collect(&root, &configs);
    let mut facts = Facts {
        topology: cpu::topology(&root),
        gpus: devices::gpus(&root),
        processes: running
            .as_ref()
            .map(|all| all.iter().map(|one| one.process.clone()).collect())
            .map_err(Clone::clone),
        nr_open: units::nr_open(&root),
        units: units::units(&root),
        login_limits: units::login_limits(&root),
        disks: disks::disks(&root, &proof_paths),
        proofs,
        configs,
        ..Facts::default()
    };
    if !request.only_worker {
        facts.binaries = elf::binaries(&root, request, &running);
        facts.build = build(&root, request);
        facts.sources = logs::sources(&root, request, &running);
        facts.rotations = logs::rotations(&root);
    }
    Ok(facts)
}

/// The configurations that are named, or those that running workers were started with.
fn configs(root: &Root, request: &Request, running: &Known<Vec<Running>>) -> Vec<ConfigFile> {
    let workers = || running.iter().flatten().filter(|one| one.is_worker());
    let mut found: Vec<ConfigFile> = Vec::new();
    for path in &request.configs {
        let (root, inside) = root.named(path, request);
        let runs_with = |one: &&Running| one.config.as_deref() == Some(&*inside);
        let daemon = workers().find(runs_with).or_else(|| {
            // A file that no running worker was started with may still be meant for the only one.
            let mut all = workers();
            all.next().filter(|_| all.next().is_none())
        });
        let environ =
            daemon.map_or_else(|| Err(no_daemon(&path.display().to_string())), |one| one.environ.clone());
        found.push(ConfigFile {
            path: path.display().to_string(),
            text: root.text(&inside, CONFIG_BYTES_MAX),
            environ,
            program: daemon.map(|one| one.process.program.clone()),
        });
    }
    if request.configs.is_empty() {
        for worker in workers() {
            let Some(path) = &worker.config else { continue };
            let shown = path.display().to_string();
            if found.iter().all(|file| file.path != shown) {
                found.push(ConfigFile {
                    text: root.text(path, CONFIG_BYTES_MAX),
                    environ: worker.environ.clone(),
                    program: Some(worker.process.program.clone()),
                    path: shown,
                });
            }
        }
    }
    found
}

fn no_daemon(path: &str) -> Words {
    Words::new(
        format!("no worker runs with {path}, so the environment its children inherit is not known"),
        format!("没有 worker 使用 {path} 运行，子进程继承的环境变量未知"),
    )
}

fn build(root: &Root, request: &Request) -> Known<Build> {
    let dir = match (&request.build_dir, root.is_live()) {
        (Some(dir), _) => dir.clone(),
        (None, true) => request.here.clone(),
        (None, false) => {
            return Err(Words::new(
                "no build folder is known: name it with --build-dir",
                "没有指定构建目录：请用 --build-dir 指定",
            ));
        }
    };
    let (root, dir) = root.named(&dir, request);
    // The shell of this box says nothing of a build on another.
    let environ = if root.is_live() { request.environ.clone() } else { Environ::new() };
    Ok(cargo::build(&root, &dir, environ))
}
