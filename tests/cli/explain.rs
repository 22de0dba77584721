//! `sealtail explain`: the page of a signature, and why a line fires.

use crate::program::{failure, run, run_with_input};

#[test]
fn prints_the_page() {
    for (lang, parts) in
        [("en", ["# An external processor", "## Fires"]), ("zh", ["# 外部处理器", "## 处理"])]
    {
        let ran = run(&["explain", "venus-cluster/ext-unmarshal-response", "--lang", lang]);
        assert_eq!((ran.status, &*ran.stderr), (0, ""));
        for part in parts {
            assert!(ran.stdout.contains(part), "{part:?} is not in\n{}", ran.stdout);
        }
    }
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
