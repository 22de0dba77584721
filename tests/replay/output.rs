//! What a person and a program are shown.

use std::fs;
use std::process::Stdio;

use crate::program::{failure, healthy, run, run_with_input, sealtail, text};

#[test]
fn a_finding_says_what_it_is_and_what_to_do() {
    let log = [healthy(1), failure(2, 4242), failure(3, 77)].concat();
    let shown = run_with_input(&["replay", "-", "--findings"], log.as_bytes()).stdout;
    for part in [
        "error    venus-cluster/ext-unmarshal-response  -:2\n",
        "failed to unmarshal response string: 'x'. child_pid=4242",
        "$ venus-worker worker --config=<worker_config> enable_dump --child_pid=4242 --dump_dir=<dump_dir>\n",
        "2 findings in 1 file: 3 lines",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    assert_eq!(shown.matches("enable_dump").count(), 1, "what to do is said once a signature");
    assert!(!shown.contains('\x1b'));
}

#[test]
fn chinese_is_an_option() {
    let shown = run_with_input(&["replay", "-", "--lang", "zh"], failure(1, 1).as_bytes()).stdout;
    assert!(shown.contains("外部"), "{shown}");
}

#[test]
fn a_summary_shows_the_table_alone() {
    let shown = run_with_input(&["replay", "-", "--summary"], failure(1, 1).as_bytes()).stdout;
    assert_eq!(shown.lines().count(), 3, "{shown}");
}

#[test]
fn colour_is_a_choice() {
    let log = failure(1, 1);
    for (arguments, coloured) in
        [(vec!["--color", "always"], true), (vec!["--color", "never"], false), (vec![], false)]
    {
        let arguments = [vec!["replay", "-"], arguments].concat();
        assert_eq!(run_with_input(&arguments, log.as_bytes()).stdout.contains("\x1b["), coloured);
    }
}

/// What a hostile log says must not drive the terminal of who reads the report, nor a file name.
#[test]
fn escapes_of_a_log_do_not_reach_the_terminal() {
    let hostile = "'\x1b]8;;http://evil\x07click\x1b[2J\x1b[38;5;196m\u{9b}2J\u{202e}'";
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{1b}]0;title\u{7}\u{202e}\u{9b}2J\nERROR.log";
    fs::write(folder.path().join(name), failure(1, 1).replace("'x'", hostile)).unwrap();
    fs::write(folder.path().join(format!("{name}.gz")), b"\x1f\x8b\x08 cut").unwrap();
    let folder = text(folder.path());
    // Colours of our own are told from those of the log: none of ours has so many numbers.
    let colours = [&["--color", "always"][..], &["--color", "never"]];
    let outputs = [&["--alerts"][..], &["--json"], &["--findings"], &["--findings", "--color", "always"]];
    for arguments in colours.iter().chain(&outputs) {
        let ran = run(&[&["replay", &folder], *arguments].concat());
        let shown = ran.stdout + &ran.stderr;
        let alien = shown.contains(['\x07', '\u{9b}', '\u{202e}']);
        let driven = ["\x1b]", "\x1b[2J", "\x1b[38"].iter().any(|escape| shown.contains(escape));
        assert!(!alien && !driven, "{arguments:?}: {shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("ERROR")), "{arguments:?}: {shown:?}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = sealtail()
        .args(["replay", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // The program may be gone before it has read everything.
    std::io::Write::write_all(&mut stdin, failure(1, 1).repeat(10_000).as_bytes()).ok();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn every_line_follows_the_schema() {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/finding.v1.schema.json");
    let schema = compiler.compile(schema, &mut schemas).unwrap();
    let log = [
        healthy(1),
        failure(2, 4242),
        "thread 'x' panicked at 'Once instance has previously been poisoned', a.rs:1:2\n".into(),
    ];
    let lines = run_with_input(&["replay", "-", "--json"], log.concat().as_bytes()).json();
    assert_eq!(lines.len(), 4, "two pages know the panic");
    for line in lines {
        if let Err(error) = schemas.validate(&line, schema) {
            panic!("{line}\n{error}");
        }
    }
}
