//! `sealtail completions` and `sealtail man`.

use crate::program::run;

#[test]
fn every_shell_knows_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&["completions", shell]);
        assert_eq!((ran.status, &*ran.stderr), (0, ""));
        let commands = ["watch", "replay", "check", "explain", "patterns"];
        // Values are completed, too.
        // fish is given none for an argument without a name.
        let id = if shell == "fish" { "zh" } else { "venus-cluster/once-poisoned" };
        for word in commands.into_iter().chain([id, "critical", "zh"]) {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
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
    for told in [
        "SEALTAIL_CONFIG",
        "Exit status",
        "SEALTAIL WATCH",
        "SEALTAIL REPLAY",
        r"\-\-fail\-on",
        r"\-\-send\-test",
    ] {
        assert!(ran.stdout.contains(told), "{told}");
    }
    assert!(!ran.stdout.contains("(1)"), "there is no other page");
}

#[test]
fn help_lists_values_and_what_is_around_the_program() {
    let help = run(&["replay", "--help"]).stdout;
    for part in ["values: info, warning, error, critical]", "[possible values: en, zh]"] {
        assert!(help.contains(part), "{part:?} is not in\n{help}");
    }
    let help = run(&["--help"]).stdout;
    for part in ["SEALTAIL_CONFIG", "/etc/sealtail/sealtail.toml", "Exit status:"] {
        assert!(help.contains(part), "{part:?} is not in\n{help}");
    }
    let refused = run(&["explain", "x/y", "--lang", "fr"]);
    assert!(
        refused.status == 2 && refused.stderr.contains("[possible values: en, zh]"),
        "{}",
        refused.stderr
    );
}

/// An option that would be passed over is refused.
#[test]
fn options_of_a_watch_without_configuration_are_refused_beside_one() {
    for option in [
        &["--state-dir", "/x"][..],
        &["--from-start"],
        &["--lang", "zh"],
        &["--webhook", "http://x"],
        &["--slack", "http://x"],
    ] {
        for before in [&["watch", "--config", "/nonexistent"][..], &["watch"]] {
            let ran = run(&[before, option].concat());
            assert_eq!(ran.status, 2);
            assert!(
                ran.stderr.contains("cannot be used with") || ran.stderr.contains("required arguments"),
                "{}",
                ran.stderr
            );
        }
    }
}
