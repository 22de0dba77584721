//! A box in a folder, as `--root` reads it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ran, run, text};

/// Sixteen cores, four to an L3 cache, eight to a NUMA node; a worker configuration and nothing else.
pub fn bundle(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "worker.toml", config);
    let system = "sys/devices/system";
    put(root, &format!("{system}/cpu/online"), "0-15\n");
    for cpu in 0..16 {
        let (first, cache) = (cpu / 4 * 4, format!("{system}/cpu/cpu{cpu}/cache/index3"));
        put(root, &format!("{cache}/level"), "3\n");
        put(root, &format!("{cache}/shared_cpu_list"), &format!("{first}-{}\n", first + 3));
        put(root, &format!("{system}/cpu/cpu{cpu}/topology/core_cpus_list"), &format!("{cpu}\n"));
        put(root, &format!("{system}/cpu/cpu{cpu}/topology/physical_package_id"), "0\n");
    }
    put(root, &format!("{system}/node/node0/cpulist"), "0-7\n");
    put(root, &format!("{system}/node/node1/cpulist"), "8-15\n");
    folder
}

pub fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub fn doctor(root: &Path, options: &[&str]) -> Ran {
    let root = text(root);
    run(&[&["doctor", "--root", &root, "--worker-config", "/worker.toml"], options].concat())
}

/// The checks that found something in `config`, in the order of the report.
pub fn found(config: &str) -> Vec<String> {
    let folder = bundle(config);
    let ran = doctor(folder.path(), &["--json"]);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    let findings = ran.json().into_iter().filter(|line| line["kind"] == "finding");
    let mut checks: Vec<String> =
        findings.map(|finding| finding["check"].as_str().unwrap().replace("doctor/", "")).collect();
    checks.dedup();
    checks
}

#[test]
fn json_follows_its_schema() {
    let folder =
        bundle("[[processors.pc1]]\ncgroup.cpuset = \"0-6\"\n[[processors.pc2]]\nlocks = [\"gpu\"]\n");
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/schemas/doctor.v1.schema.json")).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("doctor.json", schema).unwrap();
    let index = compiler.compile("doctor.json", &mut schemas).unwrap();
    for lang in ["en", "zh"] {
        let lines = doctor(folder.path(), &["--json", "--lang", lang]).json();
        assert!(lines.len() > 3);
        for line in &lines {
            if let Err(error) = schemas.validate(line, index) {
                panic!("{line}\n{error}");
            }
        }
        assert_eq!(lines.last().unwrap()["kind"], "summary");
    }
}

#[test]
fn what_lacks_its_facts_is_not_called_fine() {
    let folder = bundle(
        "[[processors.pc1]]\ncgroup.cpuset = \"0-7\"\n[[processors.pc2]]\nenvs = { CUDA_VISIBLE_DEVICES = \"0\" }\n",
    );
    fs::remove_dir_all(folder.path().join("sys")).unwrap();
    let lines = doctor(folder.path(), &["--json"]).json();
    let unchecked = |check: &str| {
        lines.iter().any(|line| line["kind"] == "not_checked" && line["check"] == format!("doctor/{check}"))
    };
    for check in ["cpuset-l3", "gpu-idle", "binary-large", "nofile-low"] {
        assert!(unchecked(check), "{check}: {lines:#?}");
        let fine = lines.last().unwrap()["fine"].as_array().unwrap();
        assert!(!fine.iter().any(|fine| *fine == format!("doctor/{check}")));
    }
}

#[test]
fn status_follows_the_severity_that_was_asked_for() {
    let folder = bundle("[[processors.pc1]]\ncgroup.cpuset = \"0-6\"\n");
    for (severity, status) in [("critical", 0), ("error", 1), ("info", 1)] {
        assert_eq!(doctor(folder.path(), &["--fail-on", severity]).status, status, "{severity}");
    }
    let healthy = bundle("[worker]\nname = \"w\"\n");
    assert_eq!(doctor(healthy.path(), &["--fail-on", "error"]).status, 0);
    let missing = text(&folder.path().join("nowhere.toml"));
    let ran = run(&["doctor", "--worker-config", &missing]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("nowhere.toml"), "{}", ran.stderr);
}

#[test]
fn nothing_outside_the_root_is_read_and_nothing_hangs() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret.toml", "[[processors.pc2]]\nlocks = [\"outside-secret\"]\n");
    let folder = bundle("[worker]\nname = \"w\"\n");
    fs::remove_file(folder.path().join("worker.toml")).unwrap();
    symlink(outside.path().join("secret.toml"), folder.path().join("worker.toml")).unwrap();
    symlink("loop", folder.path().join("loop")).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    fs::create_dir_all(folder.path().join("proc/1")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("proc/1/cmdline"),
        rustix::fs::FileType::Fifo,
        mode,
        0,
    )
    .unwrap();
    let ran = doctor(folder.path(), &[]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert!(!ran.stdout.contains("outside-secret") && !ran.stderr.contains("outside-secret"));
}
