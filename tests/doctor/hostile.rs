//! Files that nobody wrote in good faith: whatever a box holds, the doctor ends with a report.

use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sealtail::doctor::collect::{self, Request};
use sealtail::doctor::facts::{ConfigFile, Environ, Facts};
use sealtail::doctor::report::write_text;
use sealtail::doctor::{self, Cpu, Topology};
use sealtail::model::alert::Lang;
use sealtail::signature::Catalogue;

use crate::bundle::put;
use crate::healthy::{WORKER, a_box, elf, examine, sized};

/// A box with the topology of a small machine and this configuration.
pub fn facts(config: &str) -> Facts {
    let cpu = |cpu: u32| (cpu, Cpu { core: cpu / 2 * 2, l2: None, l3: Some(cpu / 8 * 8), package: 0 });
    let topology = Topology { cpus: (0..32).map(cpu).collect(), nodes: [(0, (0..32).collect())].into() };
    let file = ConfigFile {
        path: "worker.toml".to_owned(),
        text: Ok(config.to_owned()),
        environ: Ok(Environ::new()),
        program: None,
    };
    Facts {
        configs: vec![file],
        topology: Ok(topology),
        gpus: Ok(vec!["a".into(), "b".into()]),
        ..Facts::default()
    }
}

fn report(config: &str) {
    let report = doctor::examine(&facts(config));
    for lang in Lang::ALL {
        write_text(&mut Vec::new(), &report, &Catalogue::default(), lang).unwrap();
    }
}

/// The configuration with stretches taken out and others put in.
pub fn mutated() -> impl Strategy<Value = String> {
    let junk = "([\\[\\]{}=\"'#,\\-\n\t 0-9é核]|gpu0|pc1|pc2|locks = |\"0-7\"|envs = |9999999999999|\\[\\[processors\\.c2\\]\\]\n){0,10}";
    let cut = (0..WORKER.len(), 0..60usize, junk);
    proptest::collection::vec(cut, 1..5).prop_map(|cuts| {
        let mut config = WORKER.to_owned();
        for (start, length, insert) in cuts {
            let start = config.floor_char_boundary(start);
            let end = config.floor_char_boundary(start + length).max(start);
            config.replace_range(start..end, &insert);
        }
        config
    })
}

proptest! {
    #[test]
    fn no_text_is_too_odd(config in "(?s).{0,300}") {
        report(&config);
    }

    #[test]
    fn no_change_of_a_configuration_is_too_odd(config in mutated()) {
        report(&config);
    }
}

#[test]
fn no_binary_is_too_odd() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        root: Some(folder.path().to_owned()),
        binaries: vec!["/worker".into()],
        ..Request::default()
    };
    let bytes = proptest::collection::vec(any::<u8>(), 1..12);
    let mut runner = TestRunner::deterministic();
    let run = runner.run(&(0..340usize, bytes, 1..700usize), |(at, bytes, length)| {
        let mut file = elf(64, 200);
        file[at..at + bytes.len()].copy_from_slice(&bytes);
        file.truncate(length);
        fs::write(folder.path().join("worker"), file).unwrap();
        doctor::examine(&collect::collect(&request).unwrap());
        Ok(())
    });
    run.unwrap();
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = a_box();
    for path in ["etc/worker.toml", "proc/mounts", "etc/security/limits.conf", "nvidia-smi.txt"] {
        sized(folder.path(), path, 1 << 40);
    }
    let (found, unchecked) = examine(folder.path());
    assert!(found.is_empty(), "{found:?}");
    for check in ["cpuset-l3", "disk-state", "nofile-unlimited"] {
        assert!(unchecked.contains(check), "{unchecked:?}");
    }
}

#[test]
fn links_lead_nowhere_else() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret.log", "outside\n");
    let folder = a_box();
    let root = folder.path();
    put(root, "etc/sealtail/sealtail.toml", "[[source]]\nname = \"all\"\npaths = [\"/logs/**/*.log\"]\n");
    fs::create_dir(root.join("logs")).unwrap();
    // Round in circles, to itself, and out of the root: by name, and upwards.
    symlink("/logs", root.join("logs/again")).unwrap();
    symlink("self.log", root.join("logs/self.log")).unwrap();
    symlink(outside.path().join("secret.log"), root.join("logs/absolute.log")).unwrap();
    let upwards = format!("{}{}", "../".repeat(40), outside.path().join("secret.log").display());
    symlink(upwards, root.join("logs/upwards.log")).unwrap();
    let (found, _) = examine(root);
    // Nothing is there to follow: what lies outside was not found.
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["source-unreadable"]);
}
