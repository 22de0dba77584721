//! `sealtail completions` and `sealtail man`.

use crate::program::run;

#[test]
fn every_shell_knows_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&["completions", shell]);
        assert_eq!((ran.status, &*ran.stderr), (0, ""));
        for command in ["watch", "replay", "check", "explain", "patterns"] {
            assert!(ran.stdout.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(run(&["completions", "tcl"]).status, 2);
}

#[test]
fn a_manual_page() {
    let ran = run(&["man"]);
    assert_eq!((ran.status, &*ran.stderr), (0, ""));
    assert!(ran.stdout.contains(".TH sealtail 1"), "{}", ran.stdout);
    assert!(ran.stdout.contains(".SH NAME"));
    for told in ["SEALTAIL WATCH", "SEALTAIL REPLAY", r"\-\-fail\-on", r"\-\-send\-test"] {
        assert!(ran.stdout.contains(told), "{told}");
    }
    assert!(!ran.stdout.contains("(1)"), "there is no other page");
}
