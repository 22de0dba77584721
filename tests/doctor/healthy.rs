//! A whole box that is as it should be, and every way in which one thing of it may not be.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use sealtail::doctor::collect::{self, Request};
use sealtail::doctor::{self, CHECKS};
use tempfile::TempDir;

use crate::bundle::put;
use crate::program::{run, text};

const GIB: u64 = 1 << 30;
const CONFIG: &str = "etc/worker.toml";
const LOG: &str = "var/log/worker/worker.log";

/// Two GPUs, two PC1 on whole L3 groups of their node, PC2 and C2 that share each GPU under a lock.
pub const WORKER: &str = r#"[sector_manager]
rpc_client.addr = "/ip4/10.0.7.5/tcp/1789"

[sealing]
allowed_sizes = ["32GiB"]

[[sealing_thread]]
location = "/mnt/nvme/a"
[[sealing_thread]]
location = "/mnt/nvme/b"

[[attached]]
location = "/mnt/persist"

[processors.limitation.concurrent]
pc2 = 2
c2 = 2

[processors.limitation.staggered]
pc1 = "5min"

[processors.ext_locks]
gpu0 = 1
gpu1 = 1

[processors.static_tree_d]
32GiB = "/var/tmp/tree-d.dat"

[[processors.pc1]]
numa_preferred = 0
cgroup.cpuset = "0-7"
concurrent = 2

[[processors.pc1]]
numa_preferred = 1
cgroup.cpuset = "8-15"
concurrent = 2

[[processors.pc2]]
locks = ["gpu0"]
envs = { CUDA_VISIBLE_DEVICES = "0" }

[[processors.pc2]]
locks = ["gpu1"]
envs = { CUDA_VISIBLE_DEVICES = "1" }

[[processors.c2]]
locks = ["gpu0"]
envs = { CUDA_VISIBLE_DEVICES = "0", TMPDIR = "/var/tmp/gpu0" }

[[processors.c2]]
locks = ["gpu1"]
envs = { CUDA_VISIBLE_DEVICES = "1", TMPDIR = "/var/tmp/gpu1" }
"#;

const ENVIRON: &str = "FIL_PROOFS_USE_MULTICORE_SDR=1\0FIL_PROOFS_USE_GPU_COLUMN_BUILDER=1\0FIL_PROOFS_USE_GPU_TREE_BUILDER=1\0";
const UNIT: &str = "etc/systemd/system/damocles-worker.service";
const MANAGER: &str = "etc/systemd/system/damocles-manager.service";
const EXEC: &str = "[Service]\nExecStart=/usr/bin/damocles-manager daemon run\n";
const ROTATE: &str = "etc/logrotate.d/worker";

/// A section header of an ELF file: name, kind, offset, bytes.
fn section(name: u32, kind: u32, offset: u64, bytes: u64) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(name.to_le_bytes());
    header.extend(kind.to_le_bytes());
    header.extend([0; 16]);
    header.extend(offset.to_le_bytes());
    header.extend(bytes.to_le_bytes());
    header.extend([0; 24]);
    header
}

/// An ELF file with code and so many bytes of debug information.
pub fn elf(code: u64, debug: u64) -> Vec<u8> {
    let names = b"\0.text\0.debug_info\0.shstrtab\0";
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend(3u16.to_le_bytes());
    file.extend(62u16.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend([0; 16]);
    file.extend(64u64.to_le_bytes());
    file.extend([0; 4]);
    for word in [64u16, 0, 0, 64, 4, 3] {
        file.extend(word.to_le_bytes());
    }
    let data = 64 + 4 * 64;
    file.extend(section(0, 0, 0, 0));
    // A section without bits (8) where a file holds debug information alone.
    file.extend(section(1, if code == 0 { 8 } else { 1 }, data, code.max(16)));
    file.extend(section(7, 1, data + code, debug));
    file.extend(section(19, 3, data + code + debug, names.len() as u64));
    file.resize((data + code + debug) as usize, 0);
    file.extend(names);
    file
}

/// A verifying key of two points, and parameters whose lists are empty.
fn proof_files(root: &Path) {
    let mut key = vec![0; 864];
    key.extend(2u32.to_be_bytes());
    key.extend([0; 192]);
    let folder = root.join("var/tmp/filecoin-proof-parameters");
    fs::create_dir_all(&folder).unwrap();
    let name = "v28-stacked-proof-of-replication-merkletree-poseidon_hasher-8-8-0-sha256_hasher-82a3";
    fs::write(folder.join(format!("{name}.vk")), &key).unwrap();
    key.extend([0; 20]);
    fs::write(folder.join(format!("{name}.params")), key).unwrap();
    sized(root, "var/tmp/filecoin-parents/v28-sdr-parent-21981246c370.cache", 56 * GIB);
    sized(root, "var/tmp/tree-d.dat", 64 * GIB - 32);
}

/// A file of that size that takes no room.
pub fn sized(root: &Path, path: &str, bytes: u64) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().set_len(bytes).unwrap();
}

pub fn a_box() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, CONFIG, WORKER);
    put(root, "nvidia-smi.txt", "GPU 0: RTX 3080 (UUID: GPU-a)\nGPU 1: RTX 3080 (UUID: GPU-b)\n");
    for cpu in 0..16 {
        let (first, folder) = (cpu / 4 * 4, format!("sys/devices/system/cpu/cpu{cpu}"));
        put(root, &format!("{folder}/cache/index3/level"), "3\n");
        put(root, &format!("{folder}/cache/index3/type"), "Unified\n");
        put(root, &format!("{folder}/cache/index3/shared_cpu_list"), &format!("{first}-{}\n", first + 3));
        put(root, &format!("{folder}/topology/core_cpus_list"), &format!("{cpu}\n"));
    }
    put(root, "sys/devices/system/node/node0/cpulist", "0-7\n");
    put(root, "sys/devices/system/node/node1/cpulist", "8-15\n");
    put(root, "proc/sys/fs/nr_open", "1048576\n");
    put(root, "proc/mounts", "/dev/nvme0n1 / ext4 rw,relatime 0 0\n");
    put(root, "proc/77/cmdline", "/usr/bin/damocles-worker\0daemon\0-c\0/etc/worker.toml\0");
    put(root, "proc/77/environ", ENVIRON);
    put(
        root,
        "proc/77/limits",
        "Max open files            1048576              1048576              files\n",
    );
    put(root, "proc/77/cgroup", "0::/system.slice/damocles-worker.service\n");
    put(root, "proc/77/fdinfo/2", "pos:\t0\nflags:\t0102001\n");
    fs::create_dir_all(root.join("proc/77/fd")).unwrap();
    symlink("/var/log/worker/worker.log", root.join("proc/77/fd/2")).unwrap();
    symlink("/usr/bin/damocles-worker", root.join("proc/77/exe")).unwrap();
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    fs::write(root.join("usr/bin/damocles-worker"), elf(64, 0)).unwrap();
    proof_files(root);
    put(
        root,
        UNIT,
        "[Service]\nExecStart=/usr/bin/damocles-worker daemon -c /etc/worker.toml\nLimitNOFILE=1048576\n",
    );
    put(root, "etc/security/limits.conf", "# nothing of note\nroot soft nofile 1048576\n");
    put(root, LOG, "a line\n");
    put(
        root,
        "etc/sealtail/sealtail.toml",
        "[[source]]\nname = \"worker\"\npaths = [\"/var/log/worker/*.log\"]\n",
    );
    put(
        root,
        ROTATE,
        "/var/log/worker/*.log {\n  weekly\n  postrotate\n    systemctl restart damocles-worker\n  endscript\n}\n",
    );
    put(root, "src/Cargo.toml", "[package]\nname = \"worker\"\n");
    folder
}

/// What was found on the box, and what could not be looked at.
pub fn examine(root: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let request = Request {
        root: Some(root.to_owned()),
        build_dir: Some("/src".into()),
        sealtail_config: Some("/etc/sealtail/sealtail.toml".into()),
        ..Request::default()
    };
    let report = doctor::examine(&collect::collect(&request).unwrap());
    let name = |check: &str| check.replace("doctor/", "");
    let unchecked = report.unchecked.iter().map(|unchecked| name(unchecked.check));
    (report.findings.iter().map(|finding| name(finding.check)).collect(), unchecked.collect())
}

#[test]
fn a_healthy_box_has_no_finding_and_everything_was_looked_at() {
    let folder = a_box();
    let (found, unchecked) = examine(folder.path());
    assert_eq!(found, BTreeSet::new());
    // How full a disk is, and which files have holes, no bundle tells.
    assert_eq!(unchecked, BTreeSet::from(["disk-state".to_owned(), "parent-cache-damaged".to_owned()]));
}

type Change = fn(&Path);

/// The configuration with one part put in place of another.
fn config(root: &Path, old: &str, new: &str) {
    edit(root, CONFIG, old, new);
}

fn edit(root: &Path, path: &str, old: &str, new: &str) {
    let before = fs::read_to_string(root.join(path)).unwrap();
    assert!(before.contains(old), "{old:?} is not in {path}");
    put(root, path, &before.replacen(old, new, 1));
}

const PARAMS: &str = "var/tmp/filecoin-proof-parameters/v28-stacked-proof-of-replication-merkletree-poseidon_hasher-8-8-0-sha256_hasher-82a3.params";

/// What is changed on the healthy box, and exactly what the doctor then finds.
const CHANGES: &[(Change, &[&str])] = &[
    (|root| config(root, "\"/mnt/persist\"", "/mnt/persist"), &["config-invalid"]),
    (|root| config(root, "concurrent = 2", "concurrent = \"2\""), &["config-invalid"]),
    (|root| config(root, "allowed_sizes", "max_retires = 3\nallowed_sizes"), &["key-unknown"]),
    (|root| config(root, "c2 = 2", "c2 = 2\npc3 = 1"), &["key-unknown"]),
    (|root| config(root, "{ CUDA", "{ RUST_LOGS = \"info\", CUDA"), &["env-misspelt"]),
    (|root| config(root, "DEVICES = \"1\"", "DEVICES = \"0\""), &["gpu-unlocked"]),
    (
        |root| {
            config(
                root,
                "[[processors.c2]]\nlocks = [\"gpu1\"]\nenvs = { CUDA_VISIBLE_DEVICES = \"1\", TMPDIR = \"/var/tmp/gpu1\" }\n",
                "",
            );
            config(root, "DEVICES = \"1\"", "DEVICES = \"0\"");
        },
        &["gpu-index-shared", "gpu-unlocked", "lock-single-stage"],
    ),
    (|root| put(root, "nvidia-smi.txt", "GPU 0: A\nGPU 1: B\nGPU 2: C\n"), &["gpu-idle"]),
    (|root| put(root, "nvidia-smi.txt", "GPU 0: RTX 3080\n"), &["gpu-out-of-range"]),
    (|root| config(root, "DEVICES = \"1\"", "DEVICES = \"1,0\""), &["gpu-list", "gpu-unlocked"]),
    (
        |root| {
            config(root, "locks = [\"gpu1\"]\nenvs = { CUDA_VISIBLE_DEVICES = \"1\" }", "locks = [\"gpu1\"]")
        },
        &["gpu-unpinned"],
    ),
    (
        |root| {
            config(root, "locks = [\"gpu1\"]\nenvs = { CUDA_VISIBLE_DEVICES = \"1\" }", "locks = [\"gpu1\"]");
            put(root, "proc/77/environ", &format!("{ENVIRON}CUDA_VISIBLE_DEVICES=1\0"));
        },
        &["gpu-inherited"],
    ),
    (|root| config(root, "\"0\", TMPDIR", "\"0\", BELLMAN_NO_GPU = \"1\", TMPDIR"), &["gpu-disabled"]),
    (|root| config(root, "{ CUDA", "{ BELLMAN_NO_GPU = \"1\", CUDA"), &[]),
    (|root| config(root, "/var/tmp/gpu1", "/var/tmp/gpu0"), &["gpu-lock-file"]),
    (
        |root| {
            config(root, "/var/tmp/gpu1", "/var/tmp/gpu0");
            put(root, "proc/77/environ", &format!("{ENVIRON}BELLPERSON_GPUS_PER_LOCK=1\0"));
        },
        &[],
    ),
    (
        |root| {
            config(root, "[sector_manager]", "[remote_store]\nlocation = \"/mnt\"\n[sector_manager]");
        },
        &["key-unknown"],
    ),
    (
        |root| {
            config(root, "[sector_manager]", "[remote_store]\nlocation = \"/mnt\"\n[sector_manager]");
            put(root, "proc/77/cmdline", "/usr/bin/vc-worker\0daemon\0-c\0/etc/worker.toml\0");
        },
        &[],
    ),
    (|root| put(root, "proc/77/environ", "FIL_PROOFS_USE_MULTICORE_SDR=1\0"), &["gpu-builder-off"]),
    (
        |root| {
            let c2 = WORKER.find("[[processors.c2]]").unwrap();
            put(root, CONFIG, &WORKER[..c2]);
        },
        &["stage-in-process", "lock-single-stage"],
    ),
    (|root| config(root, "gpu1 = 1", "gpu1 = 1\ndisk2 = 2"), &["lock-unused", "lock-value"]),
    (|root| config(root, "[\"gpu1\"]", "[\"gpu1\", \"disk\"]"), &["lock-undeclared"]),
    (|root| config(root, "gpu1 = 1", "gpu1 = 1\nspare = 1"), &["lock-unused"]),
    (
        |root| {
            config(
                root,
                "[[processors.pc1]]",
                "[[processors.tree_d]]\nlocks = [\"tree\"]\n[[processors.pc1]]",
            )
        },
        &["lock-undeclared"],
    ),
    (
        |root| {
            config(root, "gpu1 = 1", "gpu1 = 1\ntree = 1");
            config(
                root,
                "[[processors.pc1]]",
                "[[processors.tree_d]]\nlocks = [\"tree\"]\n[[processors.pc1]]",
            );
        },
        &["lock-single-stage"],
    ),
    (
        |root| {
            config(root, "[[processors.c2]]\nlocks", "[[processors.c2]]\nbin = \"/usr/bin/gpuproxy\"\nlocks")
        },
        &["lock-remote"],
    ),
    (
        |root| {
            config(root, "[\"gpu0\"]", "[\"gpu0\", \"gpu1\"]");
            config(root, "[\"gpu1\"]", "[\"gpu1\", \"gpu0\"]");
        },
        &["lock-order"],
    ),
    (|root| config(root, "[\"gpu1\"]", "[\"gpu1\", \"gpu1\"]"), &["lock-order"]),
    (|root| config(root, "gpu1 = 1", "gpu1 = 0"), &["limit-zero", "gpu-unlocked"]),
    (|root| config(root, "concurrent = 2", "concurrent = 0"), &["limit-zero"]),
    (|root| config(root, "pc2 = 2", "pc2 = 1"), &["limit-below-processors"]),
    (
        |root| config(root, "[processors.ext_locks]", "[processors.limit]\npc1 = 4\n[processors.ext_locks]"),
        &["limit-shadowed"],
    ),
    (|root| config(root, "\"5min\"", "\"4h\"\npc2 = \"10ms\""), &["stagger"]),
    (|root| config(root, "[[sealing_thread]]\nlocation = \"/mnt/nvme/b\"\n", ""), &["threads-few"]),
    (
        |root| {
            config(root, "pc2 = 2", "pc2 = 9");
            config(root, "locks = [\"gpu0\"]", "concurrent = 1\nlocks = [\"gpu0\"]");
            config(root, "locks = [\"gpu1\"]", "concurrent = 1\nlocks = [\"gpu1\"]");
        },
        &["stage-queue"],
    ),
    (|root| config(root, "\"0-7\"", "\"0-7,x\""), &["cpuset-invalid"]),
    (|root| config(root, "\"8-15\"", "\"8-23\""), &["cpuset-invalid"]),
    (|root| config(root, "\"0-7\"", "\"0-6\""), &["cpuset-l3"]),
    (|root| config(root, "\"0-7\"", "\"0-5\""), &["cpuset-l3"]),
    (|root| config(root, "numa_preferred = 0", "numa_preferred = 1"), &["cpuset-numa"]),
    (|root| config(root, "numa_preferred = 0", "numa_preferred = 4"), &["numa-absent"]),
    (|root| config(root, "\"8-15\"", "\"4-15\""), &["cpuset-overlap", "cpuset-numa"]),
    (|root| config(root, "concurrent = 2", "concurrent = 3"), &["pc1-concurrent"]),
    (|root| fs::write(root.join("usr/bin/damocles-worker"), elf(64, 4096)).unwrap(), &["binary-debug-info"]),
    (
        |root| {
            let file = File::options().append(true).open(root.join("usr/bin/damocles-worker")).unwrap();
            file.set_len(300 << 20).unwrap();
        },
        &["binary-large"],
    ),
    (|root| fs::write(root.join("usr/bin/damocles-worker"), elf(0, 4096)).unwrap(), &["binary-large"]),
    (|root| put(root, "src/.cargo/config.toml", "[build]\nrustflags = [\"-g\"]\n"), &["build-debug-setting"]),
    (|root| put(root, "proc/77/limits", "Max open files   1024   4096   files\n"), &["nofile-low"]),
    (|root| put(root, MANAGER, EXEC), &["nofile-low"]),
    (
        |root| {
            put(root, MANAGER, EXEC);
            put(root, "etc/systemd/system.conf", "[Manager]\nDefaultLimitNOFILE=1048576\n");
        },
        &[],
    ),
    (|root| put(root, MANAGER, &format!("{EXEC}LimitNOFILE=infinity\n")), &["nofile-unlimited"]),
    (
        |root| {
            put(root, MANAGER, &format!("{EXEC}LimitNOFILE=1024\n"));
            put(root, &format!("{MANAGER}.d/limits.conf"), "[Service]\nLimitNOFILE=2000000\n");
        },
        &["nofile-unlimited"],
    ),
    (|root| put(root, "etc/security/limits.d/90.conf", "* hard nofile unlimited\n"), &["nofile-unlimited"]),
    (|root| fs::remove_file(root.join(PARAMS)).unwrap(), &["param-missing"]),
    (|root| sized(root, PARAMS, 0), &["param-damaged"]),
    (
        |root| File::options().append(true).open(root.join(PARAMS)).unwrap().set_len(1_000).unwrap(),
        &["param-damaged"],
    ),
    (
        |root| sized(root, "var/tmp/filecoin-parents/v28-sdr-parent-21981246c370.cache", 55 * GIB),
        &["parent-cache-damaged"],
    ),
    (
        |root| {
            fs::remove_file(root.join("var/tmp/filecoin-parents/v28-sdr-parent-21981246c370.cache")).unwrap()
        },
        &["parent-cache-missing"],
    ),
    (|root| sized(root, "var/tmp/tree-d.dat", 32 * GIB), &["static-tree"]),
    (|root| put(root, "proc/mounts", "/dev/nvme0n1 / ext4 ro,relatime 0 0\n"), &["disk-state"]),
    (|root| fs::remove_file(root.join(LOG)).unwrap(), &["source-unreadable"]),
    (|root| put(root, "proc/mounts", "srv:/x / nfs4 rw 0 0\n"), &["source-network-fs"]),
    (|root| put(root, ROTATE, "/var/log/worker/*.log {\n  copytruncate\n}\n"), &["rotate-copytruncate"]),
    (|root| put(root, ROTATE, "/var/log/worker/*.log {\n  weekly\n}\n"), &["rotate-not-reopened"]),
    (
        |root| {
            put(root, ROTATE, "/var/log/worker/*.log {\n  copytruncate\n}\n");
            put(root, "proc/77/fdinfo/2", "pos:\t0\nflags:\t0100001\n");
        },
        &["rotate-copytruncate", "writer-no-append"],
    ),
];

#[test]
fn each_change_trips_its_checks_and_no_other() {
    for (index, (change, expected)) in CHANGES.iter().enumerate() {
        let folder = a_box();
        change(folder.path());
        let (found, _) = examine(folder.path());
        let expected: BTreeSet<String> = expected.iter().map(|check| (*check).to_owned()).collect();
        assert_eq!(found, expected, "change {index}");
    }
}

#[test]
fn every_check_is_tripped_by_some_change() {
    let tripped: BTreeSet<String> =
        CHANGES.iter().flat_map(|(_, checks)| checks.iter().map(|check| format!("doctor/{check}"))).collect();
    let all: BTreeSet<String> = CHECKS.iter().map(|check| check.id.to_owned()).collect();
    assert_eq!(tripped, all);
}

#[test]
fn a_report_in_either_language_names_page_and_lines() {
    let folder = a_box();
    config(folder.path(), "\"0-7\"", "\"0-6\"");
    let root = text(folder.path());
    for (lang, parts) in [
        ("en", ["not checked", "takes 4 and 3 cores of 2 L3 groups", "+cgroup.cpuset = \"0-7\""]),
        ("zh", ["未检查", "4、3 个核", "+cgroup.cpuset = \"0-7\""]),
    ] {
        let ran = run(&["doctor", "--root", &root, "--lang", lang]);
        for part in parts.into_iter().chain(["sealtail explain doctor/cpuset-l3", "/etc/worker.toml:31:17"]) {
            assert!(ran.stdout.contains(part), "{part:?} is not in\n{}", ran.stdout);
        }
    }
}
