//! `sealtail check`: configuration and packs, without starting anything.

use std::fs;

use tempfile::TempDir;

use crate::program::{PAGE, Ran, run, text};
use crate::receiver::{Answer, Receiver};

/// Checks a folder with this page in it.
fn check(page: &str) -> (TempDir, Ran) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("site")).unwrap();
    fs::write(folder.path().join("site/flux.md"), page).unwrap();
    let ran = run(&["check", "--packs", &text(folder.path())]);
    (folder, ran)
}

#[test]
fn a_sound_pack() {
    let (_folder, ran) = check(PAGE);
    assert_eq!((ran.status, &*ran.stderr), (0, ""));
}

#[test]
fn what_an_anchor_costs_is_no_fault() {
    let (_folder, ran) = check(&PAGE.replace("anchors  = [", "anchors  = [\"poll finished\", "));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for part in ["note[common-anchor]", "% of a healthy log", "site/flux.md:5:13"] {
        assert!(ran.stderr.contains(part), "{part:?} is not in\n{}", ran.stderr);
    }
}

#[test]
fn a_command_that_may_do_harm_is_warned_of() {
    let step = |info: &str, command: &str| format!("1. Look:\n\n   ```{info}\n   {command}\n   ```\n");
    for (info, command, parts) in [
        ("sh", "rm -rf /var/tmp/flux", ["warning[no-caution]", "site/flux.md:"]),
        (
            "sh",
            "damocles-manager util sealer sektors list",
            ["warning[unknown-command]", "did you mean `sectors`?"],
        ),
        ("sh", "ls /a; ls /b", ["warning[sequence]", "join them with `&&`"]),
        ("sh caution", "systemctl edit damocles-worker", ["warning[waits]", "site/flux.md:"]),
    ] {
        let (_folder, ran) = check(&PAGE.replace("1. Fill it.\n", &step(info, command)));
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "{part:?} is not in\n{}", ran.stderr);
        }
    }
    let (_folder, ran) = check(&PAGE.replace("1. Fill it.\n", &step("sh", "ls -l /var/tmp/flux")));
    assert_eq!((ran.status, &*ran.stderr), (0, ""));
}

#[test]
fn every_fault_has_its_place() {
    let broken = PAGE.replace("severity = \"error\"", "severity = \"grave\"").replace("anchors ", "anchor ");
    let (_folder, ran) = check(&broken);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    for part in ["site/flux.md:4:12", "`grave`", "site/flux.md:5:1", "did you mean `anchors`?"] {
        assert!(ran.stderr.contains(part), "{part:?} is not in\n{}", ran.stderr);
    }
}

#[test]
fn a_sample_that_does_not_do_what_it_says() {
    let (_folder, ran) = check(&PAGE.replace("the flux capacitor is full", "the flux capacitor is empty"));
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("site/flux.md:22:1"), "{}", ran.stderr);
    let (_folder, ran) =
        check(&PAGE.replace("site::flux: the flux capacitor is empty", "site::flux: the capacitor"));
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("site/flux.md:16:1"), "{}", ran.stderr);
}

#[test]
fn a_folder_that_is_not_there() {
    let ran = run(&["check", "--packs", "/nonexistent/packs"]);
    assert_ne!(ran.status, 0);
    assert!(ran.stderr.contains("/nonexistent/packs"), "{}", ran.stderr);
}

#[test]
fn faults_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealtail.toml");
    fs::write(&path, "hots = \"seal-07\"\n").unwrap();
    let ran = run(&["check", "--config", &text(&path)]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    for part in ["sealtail.toml:1:1", "did you mean `host`?"] {
        assert!(ran.stderr.contains(part), "{part:?} is not in\n{}", ran.stderr);
    }
}

#[test]
fn a_test_alert_to_every_sink() {
    let receiver = Receiver::start(|got, _| Answer::status(if got.path == "/well" { 204 } else { 500 }));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealtail.toml");
    let sinks = ["well", "ill"].map(|name| {
        format!("[[sink.webhook]]\nname = \"{name}\"\nurl = \"{}\"\n", receiver.url(&format!("/{name}")))
    });
    fs::write(&path, sinks.concat()).unwrap();
    let ran = run(&["check", "--config", &text(&path), "--send-test"]);
    assert_ne!(ran.status, 0);
    assert!(ran.stdout.contains("sink well: delivered"), "{}", ran.stdout);
    assert!(ran.stdout.contains("sink ill: failed: status 500"), "{}", ran.stdout);
    for got in receiver.wait_for(2) {
        assert_eq!(got.json()["data"]["signature"], "sealtail/test");
        assert_eq!(got.json()["data"]["sequence"], 1);
    }
}

#[test]
fn who_would_get_an_alert_is_printed_and_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sealtail.toml");
    let sink = |name: &str, more: &str| {
        format!("[[sink.webhook]]\nname = \"{name}\"\nurl = \"https://example.org/\"\n{more}")
    };
    let sinks = [
        sink("all", ""),
        sink("pager", "min_severity = \"critical\"\nsources = [\"worker\"]\ngroup = [\"miner=f01*\"]\n"),
        sink("chain", "signatures = [\"chain/*\"]\n"),
    ];
    fs::write(&config, sinks.concat()).unwrap();
    let config = text(&config);
    let route = |globs: &[&str]| {
        let asked = globs.iter().flat_map(|glob| ["--route", glob]);
        run(&["check", "--config", &config].into_iter().chain(asked).collect::<Vec<_>>())
    };
    let ran = route(&["venus-cluster/ext-unmarshal-response", "venus-cluster/too-many-*"]);
    assert_eq!(
        (ran.status, &*ran.stdout),
        (
            0,
            "error     venus-cluster/ext-unmarshal-response  all\n\
             critical  venus-cluster/too-many-open-files  all, pager (where sources = [\"worker\"], \
             group = [\"miner=f01*\"])\n"
        )
    );
    let ran = route(&["venus-cluster/ext-unmarshall-response"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("did you mean `venus-cluster/ext-unmarshal-response`?"), "{}", ran.stderr);
}

/// `check` with a configuration of this text, and what it printed.
fn check_configuration(text_of: impl Fn(&std::path::Path) -> String) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    fs::write(folder.path().join("logs/worker.log"), "").unwrap();
    let config = folder.path().join("sealtail.toml");
    fs::write(&config, text_of(folder.path())).unwrap();
    run(&["check", "--config", &text(&config)])
}

#[test]
fn the_file_that_was_read_is_named_and_what_it_names_is_counted() {
    let ran = check_configuration(|folder| {
        let folder = folder.display();
        format!("state_dir = '{folder}/state'\n[[source]]\nname = 'w'\npaths = ['{folder}/logs/*.log']\n")
    });
    assert_eq!((ran.status, &*ran.stderr), (0, ""));
    let first = ran.stdout.lines().next().unwrap();
    assert!(first.ends_with("/sealtail.toml: 1 source, 1 file, 0 sinks, no fault"), "{first}");
}

#[test]
fn a_world_that_is_not_as_the_configuration_has_it_is_a_fault() {
    let ran = check_configuration(|folder| {
        let folder = folder.display();
        format!(
            "state_dir = '{folder}/state'\nvars.dump_dirr = '/x'\n[[source]]\nname = 'w'\npaths = ['{folder}/nowhere/*.log']\n"
        )
    });
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for part in [
        "warning: source `w` matches no file yet: ",
        "hint: there is no ",
        "no page uses `dump_dirr`",
        "did you mean `dump_dir`?",
    ] {
        assert!(ran.stderr.contains(part), "{part:?} is not in\n{}", ran.stderr);
    }
    let ran = check_configuration(|folder| format!("state_dir = '{}/state'\n", folder.display()));
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("fault: the configuration has no [[source]]"), "{}", ran.stderr);
    assert!(ran.stdout.contains("0 sources, 0 files, 0 sinks, 1 fault"), "{}", ran.stdout);
}

#[test]
fn without_a_configuration_there_is_nothing_to_check() {
    let ran = run(&["check"]);
    assert_eq!(ran.status, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("no configuration was found"), "{}", ran.stderr);
}
