//! An alert carries what the doctor sees on the box that is a cause of it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{text, worker_line};
use crate::rig::{Rig, stop};
use crate::schema::Schema;

const CORES: &str = "thread '<unnamed>' panicked at 'assertion failed: `(left == right)`\n  left: `0`,\n right: `1`', /build/storage-proofs-porep-11.1.1/src/stacked/vanilla/cores.rs:151:5\n";
const POISONED: &str = "thread '<unnamed>' panicked at 'Once instance has previously been poisoned', library/std/src/sync/once.rs:434:21\n";

/// A page of a failure on a GPU, for an alert that idle and shared GPUs explain.
const GPU_PAGE: &str = "\
# The GPU gave up

```toml
severity   = \"error\"
components = [\"worker\"]
anchors    = [\"GPU Multiexp failed!\"]
```

The proof goes on with the CPU.

## Action

1. Look at the GPU.

## Fires

```log
2022-06-24T14:33:24.1+08:00 WARN ThreadId(42) bellperson::gpu::locks: GPU Multiexp failed! Falling back to CPU
```

## Silent

```log
2022-06-24T14:33:24.1+08:00 INFO ThreadId(42) bellperson::gpu::locks: GPU Multiexp is used
```

## References

- [Issue](https://example.org/issue)
";

/// Eight cores, four to an L3 cache and to a NUMA node, two GPUs, a daemon; and its configuration.
fn a_box(root: &Path, config: &str) {
    let put = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for cpu in 0..8 {
        let (first, folder) = (cpu / 4 * 4, format!("sys/devices/system/cpu/cpu{cpu}"));
        put(&format!("{folder}/cache/index3/level"), "3\n");
        put(&format!("{folder}/cache/index3/shared_cpu_list"), &format!("{first}-{}\n", first + 3));
        put(&format!("{folder}/topology/core_cpus_list"), &format!("{cpu}\n"));
    }
    put("sys/devices/system/node/node0/cpulist", "0-3\n");
    put("sys/devices/system/node/node1/cpulist", "4-7\n");
    put("nvidia-smi.txt", "GPU 0: RTX 3080 (UUID: GPU-1)\nGPU 1: RTX 3080 (UUID: GPU-2)\n");
    put("proc/77/cmdline", "damocles-worker\0daemon\0-c\0/etc/worker.toml\0");
    put("proc/77/environ", "FIL_PROOFS_USE_MULTICORE_SDR=1\0");
    put("proc/77/limits", "Max open files            1024                 4096                 files\n");
    put("etc/worker.toml", config);
}

/// What confirms the alert of `line` on a box with this configuration.
fn confirmed(config: &str, line: &str, lang: &str) -> Vec<(String, String)> {
    let rig = Rig::new();
    let root = rig.path("box");
    a_box(&root, config);
    fs::create_dir_all(rig.path("packs/site")).unwrap();
    fs::write(rig.path("packs/site/gpu-gave-up.md"), GPU_PAGE).unwrap();
    let vars = "[vars]\nworker_config = \"/etc/worker.toml\"\n\n[[source]]";
    let settings = rig.settings().replacen("[[source]]", vars, 1);
    rig.configure(&format!("lang = \"{lang}\"\npacks = [\"packs\"]\n{settings}"));
    let running = rig.watch_with(&["--root", &text(&root)]);
    rig.log("worker.log").write(line);
    let events = rig.inbox.until("an alert", |events| !events.is_empty());
    Schema::of("alert.v1").check(&events[0].data);
    let list = events[0].data["confirmed"].as_array().cloned().unwrap_or_default();
    drop(events);
    stop(running);
    let word = |cause: &Value, key: &str| cause[key].as_str().unwrap().to_owned();
    list.iter().map(|cause| (word(cause, "check"), word(cause, "text"))).collect()
}

#[test]
fn the_cause_stands_in_the_alert_with_its_place() {
    let pc1 = "\n\n[[processors.pc1]]\ncgroup.cpuset = \"0-6\"\n";
    let told = confirmed(pc1, CORES, "en");
    let text = "the cpuset `0-6` of processors.pc1 #1 takes 4 and 3 cores of 2 L3 groups: 7 cores cannot be shared out evenly, 1 left over: PC1 panics (/etc/worker.toml:4)";
    assert_eq!(told, [("doctor/cpuset-l3".to_owned(), text.to_owned())]);

    let told = confirmed(pc1, CORES, "zh");
    assert!(told[0].1.contains("4、3 个核") && told[0].1.ends_with("（/etc/worker.toml:4）"), "{told:?}");
}

#[test]
fn each_cause_that_the_doctor_can_see() {
    let gpu = worker_line(1, "WARN", "bellperson::gpu::locks: GPU Multiexp failed! Falling back to CPU");
    let files = worker_line(1, "ERROR", "damocles_worker::x: open /x: Too many open files (os error 24)");
    for (config, line, check, part) in [
        (
            "[[processors.pc1]]\nnuma_preferred = 1\ncgroup.cpuset = \"0-3\"\n",
            POISONED,
            "cpuset-numa",
            "NUMA node 1",
        ),
        ("", &files, "nofile-low", "1024 files open"),
        (
            "[[processors.pc2]]\nenvs = { CUDA_VISIBLE_DEVICES = \"0\" }\n[[processors.pc2]]\nenvs = { CUDA_VISIBLE_DEVICES = \"0\" }\n",
            &gpu,
            "gpu-index-shared",
            "GPU 1 stays idle",
        ),
    ] {
        let told = confirmed(config, line, "en");
        let check = format!("doctor/{check}");
        assert!(told.iter().any(|(id, text)| *id == check && text.contains(part)), "{check}: {told:?}");
    }
}

#[test]
fn without_a_cause_or_with_a_broken_box_the_alert_goes_out_as_it_is() {
    assert_eq!(confirmed("[[processors.pc1]]\ncgroup.cpuset = \"0-7\"\n", CORES, "en"), []);
    assert_eq!(confirmed("not = [toml\n", CORES, "en"), []);
    assert_eq!(
        confirmed(
            "",
            &worker_line(
                1,
                "ERROR",
                "vc_processors::core::ext::producer: failed to unmarshal response string: 'x'. child_pid=1"
            ),
            "en"
        ),
        []
    );
}
