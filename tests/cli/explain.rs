//! `sealtail explain`: the page of a signature, and why a line fires.

use crate::program::{PAGE, failure, ran, run, run_with_input, sealtail, text};

#[test]
fn prints_the_runbook_and_on_demand_its_page() {
    for (lang, parts, sources) in [
        (
            "en",
            [
                "error An external processor returned a malformed response",
                "  1. Have the child's",
                "fill in <",
            ],
            ["# An external processor", "## Fires"],
        ),
        ("zh", ["错误 外部处理器", "  1. ", "https://"], ["# 外部处理器", "## 处理"]),
    ] {
        let runbook = run(&["explain", "venus-cluster/ext-unmarshal-response", "--lang", lang]);
        assert_eq!((runbook.status, &*runbook.stderr), (0, ""));
        for part in parts {
            assert!(runbook.stdout.contains(part), "{part:?} is not in\n{}", runbook.stdout);
        }
        for part in ["```", "## ", "anchors"] {
            assert!(!runbook.stdout.contains(part), "{part:?} is in\n{}", runbook.stdout);
        }
        let page = run(&["explain", "venus-cluster/ext-unmarshal-response", "--lang", lang, "--source"]);
        for part in sources {
            assert!(page.stdout.contains(part), "{part:?} is not in\n{}", page.stdout);
        }
    }
}

/// Packs and `[vars]` of the configuration are known, and one with faults keeps nobody from reading a page.
#[test]
fn a_configuration_adds_its_pages_and_fills_commands() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("packs/site");
    std::fs::create_dir_all(&pack).unwrap();
    std::fs::write(pack.join("flux.md"), PAGE).unwrap();
    let config = folder.path().join("sealtail/sealtail.toml");
    std::fs::create_dir(folder.path().join("sealtail")).unwrap();
    let write = |text: &str| std::fs::write(&config, text).unwrap();
    let explain = |id: &str| {
        let mut command = sealtail();
        ran(command.args(["explain", id]).env("XDG_CONFIG_HOME", folder.path()).output().unwrap())
    };
    write("packs = ['../packs']\n[vars]\nworker_config = '/etc/w.toml'\n");
    let page = explain("venus-cluster/ext-unmarshal-response");
    assert!(page.stdout.contains("<worker> worker --config=/etc/w.toml list"), "{}", page.stdout);
    assert_eq!(explain("site/flux").status, 0);
    let named = run(&["explain", "site/flux", "--config", &text(&config)]);
    assert_eq!(named.status, 0, "{}", named.stderr);

    write("pakcs = 1\n");
    let page = explain("venus-cluster/ext-unmarshal-response");
    assert_eq!(page.status, 0);
    assert!(page.stderr.contains("`sealtail check` shows them"), "{}", page.stderr);
    assert_eq!(run(&["explain", "site/flux", "--config", &text(&config)]).status, 2);
}

#[test]
fn names_what_was_meant() {
    for id in ["venus-cluster/ext-unmarshall-response", "ext-unmarshal-response"] {
        let ran = run(&["explain", id]);
        assert_eq!(ran.status, 2);
        assert!(
            ran.stderr.contains("did you mean `venus-cluster/ext-unmarshal-response`?"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn says_why_a_line_fires_or_does_not() {
    let fires = failure(1, 4242);
    let quoted = fires.replace("ERROR", "DEBUG");
    let near = fires.replace("unmarshal response string", "unmarshal the response");
    for (line, parts) in [
        (&fires, &["fires   venus-cluster/ext-unmarshal-response (error)", "child_pid = 4242"][..]),
        (&quoted, &["silent  venus-cluster/ext-unmarshal-response", "DEBUG is not among `levels`"]),
        (
            &near,
            &["silent  venus-cluster/ext-unmarshal-response: near", "failed to unmarshal response string"],
        ),
        (&"all is well".to_owned(), &["no signature comes near it"]),
    ] {
        let by_argument = run(&["explain", "--line", line]);
        assert_eq!(by_argument.status, 0);
        for part in parts {
            assert!(by_argument.stdout.contains(part), "{part:?} is not in\n{}", by_argument.stdout);
        }
        let by_stdin = run_with_input(&["explain", "--line", "-"], line.as_bytes());
        assert_eq!(by_stdin.stdout, by_argument.stdout);
    }
}

#[test]
fn one_of_the_two_is_required() {
    assert_eq!(run(&["explain"]).status, 2);
    assert_eq!(run(&["explain", "a/b", "--line", "x"]).status, 2);
}
