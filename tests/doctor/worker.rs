//! The worker's configuration.

use crate::bundle::{bundle, doctor, found};

/// What an example of the upstream Q&A meant for two GPUs; as it stands there it is no TOML.
pub const BROKEN: &str = r#"
[processors.limitation.concurrent]
pc2 = 2
c2 = 1

[processors.ext_locks]
gpu1 = 1
gpu2 = 2

[[processors.pc2]]
locks = ["gpu1"]
envs = { CUDA_VISIBLE_DEVICES = "0" }

[[processors.pc2]]
locks = ["gpu2"]
envs = { CUDA_VISIBLE_DEVICES = "0" }

[[processors.c2]]
bin = /usr/local/bin/gpuproxy
args = ["cluster_c2_plugin"]

[[sealing_thread]]
location = "/mnt/nvme1/a"
[[sealing_thread]]
location = "/mnt/nvme1/b"
[[sealing_thread]]
location = "/mnt/nvme1/c"
"#;

#[test]
fn an_example_that_is_no_toml_names_the_place_and_what_to_quote() {
    let folder = bundle(BROKEN);
    let ran = doctor(folder.path(), &[]);
    for part in ["doctor/config-invalid", "worker.toml:19:7", "\"/usr/local/bin/gpuproxy\""] {
        assert!(ran.stdout.contains(part), "{part:?} is not in\n{}", ran.stdout);
    }
}

#[test]
fn once_quoted_it_is_misunderstood_three_times_and_corrected_it_is_clean() {
    let quoted = BROKEN.replace("/usr/local/bin/gpuproxy", "\"/usr/local/bin/gpuproxy\"");
    let checks = found(&quoted);
    for check in ["gpu-index-shared", "lock-value", "lock-single-stage"] {
        assert!(checks.iter().any(|found| found == check), "{check} is not among {checks:?}");
    }
    let locks =
        &quoted[quoted.find("[processors.ext_locks]").unwrap()..quoted.find("[[processors.pc2]]").unwrap()];
    let mut corrected =
        quoted.replace(locks, "").replace("locks = [\"gpu1\"]\n", "").replace("locks = [\"gpu2\"]\n", "");
    let second = corrected.rfind("DEVICES = \"0\"").unwrap();
    corrected.replace_range(second..second + 13, "DEVICES = \"1\"");
    let left = found(&corrected);
    for check in ["gpu-index-shared", "lock-value", "lock-single-stage", "lock-undeclared", "lock-unused"] {
        assert!(!left.iter().any(|found| found == check), "{left:?}");
    }
}

#[test]
fn each_check_trips_on_its_configuration() {
    for (config, check) in [
        ("[[processors.pc1]]\ncgroup.cpuset = \"0-6\"", "cpuset-l3"),
        ("[[processors.pc1]]\ncgroup.cpuset = \"0-99\"", "cpuset-invalid"),
        ("[[processors.pc1]]\ncgroup.cpuset = \"zero\"", "cpuset-invalid"),
        ("[[processors.pc1]]\nnuma_preferred = 0\ncgroup.cpuset = \"8-11\"", "cpuset-numa"),
        ("[[processors.pc1]]\nnuma_preferred = 7", "numa-absent"),
        (
            "[[processors.pc1]]\ncgroup.cpuset = \"0-3\"\n[[processors.pc1]]\ncgroup.cpuset = \"0-7\"",
            "cpuset-overlap",
        ),
        ("[[processors.pc1]]\ncgroup_cpuset = \"0-3\"", "key-unknown"),
        ("[[processors.pc2]]\nnuma_prefered = 0", "key-unknown"),
        ("[[processors.pc2]]\nenvs = { CUDA_VISIBLE_DEVICE = \"0\" }", "env-misspelt"),
        ("[[processors.pc2]]\nenvs = { CUDA_VISIBLE_DEVICES = \"0,1\" }", "gpu-list"),
        ("[[processors.pc2]]\nlocks = [\"gpu\"]", "lock-undeclared"),
        ("[processors.ext_locks]\ngpu0 = 1", "lock-unused"),
        ("[processors.ext_locks]\ngpu0 = 0\n[[processors.pc2]]\nlocks = [\"gpu0\"]", "limit-zero"),
        (
            "[processors.ext_locks]\na = 1\nb = 1\n[[processors.pc2]]\nlocks = [\"a\", \"b\"]\n[[processors.c2]]\nlocks = [\"b\", \"a\"]",
            "lock-order",
        ),
        ("[processors.limitation.concurrent]\npc2 = 0", "limit-zero"),
        (
            "[processors.limitation.concurrent]\npc2 = 1\n[[processors.pc2]]\n[[processors.pc2]]",
            "limit-below-processors",
        ),
        (
            "[[processors.pc2]]\nenvs = { CUDA_VISIBLE_DEVICES = \"0\" }\n[[processors.c2]]\nenvs = { CUDA_VISIBLE_DEVICES = \"0\" }",
            "gpu-unlocked",
        ),
    ] {
        let checks = found(&format!("{config}\n"));
        assert!(checks.iter().any(|found| found == check), "{check} is not among {checks:?} of\n{config}");
    }
}

#[test]
fn a_sound_configuration_has_nothing_worse_than_a_remark() {
    let config = r#"
[worker]
name = "seal-07"

[sector_manager]
rpc_client.addr = "/ip4/10.0.7.5/tcp/1789"

[[sealing_thread]]
location = "/mnt/nvme1/a"
[[sealing_thread]]
location = "/mnt/nvme1/b"

[[attached]]
name = "persist1"
location = "/mnt/persist1"

[processors.ext_locks]
gpu0 = 1

[[processors.pc1]]
numa_preferred = 0
cgroup.cpuset = "0-7"
concurrent = 2
envs = { FIL_PROOFS_USE_MULTICORE_SDR = "1" }

[[processors.pc2]]
locks = ["gpu0"]
envs = { CUDA_VISIBLE_DEVICES = "0", FIL_PROOFS_USE_GPU_COLUMN_BUILDER = "1", FIL_PROOFS_USE_GPU_TREE_BUILDER = "1" }

[[processors.c2]]
locks = ["gpu0"]
envs = { CUDA_VISIBLE_DEVICES = "0" }
"#;
    let folder = bundle(config);
    let ran = doctor(folder.path(), &["--fail-on", "warning"]);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
}

#[test]
fn what_mends_it_is_shown_as_a_diff() {
    let folder = bundle("[processors.ext_locks]\ngpu0 = 1\n[[processors.pc2]]\nlocks = [\"gpu\"]\n");
    let shown = doctor(folder.path(), &[]).stdout;
    assert!(shown.contains("-locks = [\"gpu\"]\n") && shown.contains("+locks = [\"gpu0\"]\n"), "{shown}");
    assert!(shown.contains("worker.toml:4:10"), "{shown}");
    let chinese = doctor(folder.path(), &["--lang", "zh"]).stdout;
    assert!(chinese.contains("锁"), "{chinese}");
}

#[test]
fn every_check_has_its_page() {
    let lines = doctor(bundle("").path(), &["--json"]).json();
    let summary = lines.last().unwrap();
    let checks = ["fine", "not_checked"].into_iter().flat_map(|key| summary[key].as_array().unwrap());
    let checks: Vec<&str> = checks.map(|check| check.as_str().unwrap()).collect();
    assert!(checks.len() > 30, "{checks:?}");
    for check in checks {
        for lang in ["en", "zh"] {
            let ran = crate::program::run(&["explain", check, "--lang", lang]);
            assert!(ran.status == 0 && ran.stdout.contains(check), "{check}: {}", ran.stderr);
        }
    }
}
