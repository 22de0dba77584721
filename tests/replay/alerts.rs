//! `--alerts`: what `watch` would have sent, in the time of the log.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{failure, run, text, worker_line};

/// A page with this header and these samples.
fn page(header: &str, fires: &str, silent: &str, ends: &str) -> String {
    let ends = if ends.is_empty() { String::new() } else { format!("## Ends\n\n{}\n", sample(ends)) };
    format!(
        "# {fires}\n\n```toml\nseverity = \"error\"\n{header}```\n\nIt matters.\n\n## Action\n\n1. Look.\n\n\
         ## Fires\n\n{}\n## Silent\n\n{}\n{ends}## References\n\n- [x](https://example.org/x)\n",
        sample(fires),
        sample(silent)
    )
}

fn sample(message: &str) -> String {
    format!("```log\n{}```\n", worker_line(0, "ERROR", message))
}

/// A pack of a cause, its effect, and a state.
fn pack(folder: &Path) -> String {
    let pack = folder.join("packs/site");
    fs::create_dir_all(&pack).unwrap();
    let cause = "anchors = [\"the disk burns\"]\n\
                 [[explains]]\nsignatures = [\"site/effect\"]\nscope = \"host\"\n";
    let state = "anchors = [\"thread is paused\"]\n[until]\nliterals = [\"thread goes on\"]\n";
    for (name, page) in [
        ("cause", page(cause, "the disk burns", "the disk is burnt, it burns no more", "")),
        ("effect", page("anchors = [\"sealing broke\"]\n", "sealing broke", "sealing was broken", "")),
        ("state", page(state, "thread is paused", "no thread is pausing", "thread goes on")),
    ] {
        fs::write(pack.join(format!("{name}.md")), page).unwrap();
    }
    text(&folder.join("packs"))
}

fn alerts(folder: &Path, logs: &[(&str, String)]) -> Vec<Value> {
    let packs = pack(folder);
    let checked = run(&["check", "--packs", &packs]);
    assert_eq!(checked.status, 0, "{}{}", checked.stdout, checked.stderr);
    let mut arguments = vec!["replay", "--alerts", "--json", "--packs", &packs];
    let paths: Vec<String> = logs.iter().map(|(name, _)| text(&folder.join(name))).collect();
    for ((_, log), path) in logs.iter().zip(&paths) {
        fs::write(path, log).unwrap();
        arguments.push(path);
    }
    run(&arguments).json()
}

/// Signature, status, time of the newest finding, count, followers.
fn said(alerts: &[Value]) -> Vec<String> {
    let shown = |alert: &Value| {
        let word = |key: &str| alert[key].as_str().unwrap().to_owned();
        let followers = alert["followers"].as_array().map_or(0, |followers| followers.len());
        format!(
            "{} {} {} {} +{followers}",
            word("signature"),
            word("status"),
            &word("last_seen")[11..19],
            alert["count"]
        )
    };
    alerts.iter().map(shown).collect()
}

#[test]
fn they_open_and_resolve_as_the_log_went() {
    let folder = tempfile::tempdir().unwrap();
    let log = [failure(1, 7), failure(2, 7), failure(1_000, 7)].concat();
    let told = alerts(folder.path(), &[("a.log", log)]);
    let id = "venus-cluster/ext-unmarshal-response";
    assert_eq!(
        said(&told),
        [
            format!("{id} firing 14:00:01 1 +0"),
            format!("{id} resolved 14:00:02 2 +0"),
            format!("{id} firing 14:16:40 1 +0"),
            format!("{id} resolved 14:16:40 1 +0"),
        ]
    );
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/schemas/alert.v1.schema.json")).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("alert.json", schema).unwrap();
    let index = compiler.compile("alert.json", &mut schemas).unwrap();
    told.iter().for_each(|alert| schemas.validate(alert, index).unwrap());
}

#[test]
fn files_are_told_together_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let worker = worker_line(30, "ERROR", "sealing broke") + &worker_line(120, "ERROR", "sealing broke");
    let told =
        alerts(folder.path(), &[("a.log", worker), ("kern.log", worker_line(10, "ERROR", "the disk burns"))]);
    assert_eq!(
        said(&told),
        [
            "site/cause firing 14:00:10 1 +0",
            "site/effect firing 14:02:00 1 +0",
            "site/cause resolved 14:00:10 1 +1",
            "site/effect resolved 14:02:00 1 +0",
        ]
    );
}

#[test]
fn a_state_reminds_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let paused = worker_line(0, "ERROR", "thread is paused");
    let log = paused + &worker_line(5_000, "INFO", "thread goes on") + &failure(5_001, 1);
    let told = alerts(folder.path(), &[("a.log", log)]);
    assert_eq!(
        said(&told[..3]),
        [
            "site/state firing 14:00:00 1 +0",
            "site/state firing 14:00:00 1 +0",
            "site/state resolved 14:00:00 1 +0",
        ]
    );
}

#[test]
fn people_read_them_as_watch_prints_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    fs::write(&path, failure(1, 7)).unwrap();
    let shown = run(&["replay", "--alerts", &text(&path)]).stdout;
    for part in ["enable_dump --child_pid=7", "resolved", "1 finding in 1 file"] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}
