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
pub fn pack(folder: &Path) -> String {
    let pack = folder.join("packs/site");
    fs::create_dir_all(&pack).unwrap();
    let cause = "anchors = [\"the disk burns\"]\n\
                 [[explains]]\nsignatures = [\"site/effect\"]\nscope = \"host\"\nby = [\"box\"]\n\
                 [[explains]]\nsignatures = [\"site/state\"]\nscope = \"process\"\n";
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

/// Signature, status (`quiet` where nothing more came), time of the newest finding, count, followers.
fn said(alerts: &[Value]) -> Vec<String> {
    let shown = |alert: &Value| {
        let word = |key: &str| alert[key].as_str().unwrap().to_owned();
        let followers = alert["followers"].as_array().map_or(0, |followers| followers.len());
        format!(
            "{} {} {} {} +{followers}",
            word("signature"),
            if alert["quiet"] == true { "quiet".to_owned() } else { word("status") },
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
            format!("{id} quiet 14:00:02 2 +0"),
            format!("{id} firing 14:16:40 1 +0"),
            format!("{id} quiet 14:16:40 1 +0"),
        ]
    );
    told.iter().for_each(keeps_the_schema);
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
            "site/cause quiet 14:00:10 1 +1",
            "site/effect quiet 14:02:00 1 +0",
        ]
    );
    let follower = &told[2]["followers"][0];
    assert_eq!((&follower["line"], &follower["count"]), (&1.into(), &1.into()));
    assert!(follower["path"].as_str().unwrap().ends_with("a.log"));
    assert!(follower["record"].as_str().unwrap().contains("sealing broke"));
    told.iter().for_each(keeps_the_schema);
}

/// Time alone silences nobody.
#[test]
fn another_thread_is_told_and_names_the_possible_cause() {
    let of = |thread: &str, line: String| line.replace("ThreadId(07)", &format!("ThreadId({thread})"));
    let cause = worker_line(0, "ERROR", "the disk burns");
    let paused = |second| worker_line(second, "ERROR", "thread is paused");
    for (thread, expected, possible) in [
        ("07", vec!["site/cause firing 14:00:00 1 +0", "site/cause quiet 14:00:00 1 +1"], 0),
        ("08", vec!["site/cause firing 14:00:00 1 +0", "site/state firing 14:00:02 1 +0"], 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = cause.clone() + &of(thread, paused(2)) + &worker_line(30, "INFO", "thread goes on");
        let told = alerts(folder.path(), &[("a.log", log)]);
        assert_eq!(said(&told)[..2], expected, "thread {thread}");
        let named = told[1]["possible_causes"].as_array();
        assert_eq!(named.map_or(0, Vec::len), possible);
        for cause in named.into_iter().flatten() {
            assert_eq!(cause["signature"], "site/cause");
            assert_eq!(cause["title"], "the disk burns");
            assert_eq!(cause["fingerprint"], told[0]["fingerprint"]);
        }
        told.iter().for_each(keeps_the_schema);
    }
}

/// A thread says every minute that it waits, and after a hundred it goes on.
#[test]
fn a_cause_is_over_when_the_thread_that_it_stopped_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = worker_line(0, "ERROR", "the disk burns");
    for minute in 0..100 {
        log += &worker_line(2 + 60 * minute, "ERROR", "thread is paused");
    }
    log += &worker_line(6_000, "INFO", "thread goes on");
    log += &failure(9_000, 1);
    let told = alerts(folder.path(), &[("a.log", log)]);
    assert_eq!(
        said(&told[..3]),
        [
            "site/cause firing 14:00:00 1 +0",
            "site/cause firing 14:00:00 1 +1",
            "site/cause resolved 14:00:00 1 +1",
        ]
    );
    assert_eq!(told[2]["followers"][0]["count"], 100);
}

fn keeps_the_schema(alert: &Value) {
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/schemas/alert.v1.schema.json")).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("alert.json", schema).unwrap();
    let index = compiler.compile("alert.json", &mut schemas).unwrap();
    schemas.validate(alert, index).unwrap();
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
    for part in ["enable_dump --child_pid=7", "quiet for 15 min", "1 finding in 1 file"] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

/// A page with a step for newer releases and one for older ones.
fn page_of_two_releases(folder: &Path) -> String {
    let pack = folder.join("packs/site");
    fs::create_dir_all(&pack).unwrap();
    let page =
        page("anchors = [\"the disk burns\"]\n", "the disk burns", "the disk is burnt, it burns no more", "");
    let steps = "1. Look:\n\n   ```sh since=damocles-v0.9\n   ls new\n   ```\n\n2. Look:\n\n   ```sh until=damocles-v0.8\n   ls old\n   ```\n\n\
                 3. Look:\n\n   ```sh\n   ls both\n   ```";
    fs::write(pack.join("cause.md"), page.replace("1. Look.", steps)).unwrap();
    text(&folder.join("packs"))
}

/// What the alert says to do, and what it sets aside.
fn steps_for(lines: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let packs = page_of_two_releases(folder.path());
    let log = folder.path().join("a.log");
    fs::write(&log, lines.concat()).unwrap();
    let alerts = run(&["replay", "--alerts", "--json", "--packs", &packs, &text(&log)]).json();
    let commands = |key: &str| -> String {
        let steps = alerts[0][key].as_array().cloned().unwrap_or_default();
        steps
            .iter()
            .map(|step| step["command"].as_str().unwrap().trim_start_matches("ls ").to_owned() + " ")
            .collect()
    };
    let shown = run(&["replay", "--alerts", "--packs", &packs, &text(&log)]).stdout;
    let steps = shown
        .lines()
        .filter(|line| line.contains(". Look"))
        .map(|line| line.trim().split('.').next().unwrap());
    (format!("{}{}", commands("action"), steps.collect::<String>()), commands("other_releases"))
}

#[test]
fn steps_of_other_releases_are_set_aside_where_the_log_shows_the_release() {
    let started = |version: &str| {
        format!(
            "2023-11-20T01:22:41.106+0800\tINFO\tdep\tdep/sealer_constructor.go:463\tstore constructed\t\
             {{\"type\": \"embed-fs\", \"ver\": \"{version}\", \"instance\": \"store-1\"}}\n"
        )
    };
    let quiet = worker_line(1, "INFO", "all is well").replace("venus", "site").repeat(200);
    let failed = worker_line(2, "ERROR", "the disk burns");
    let unnamed = failed.replace("venus_worker", "site").replace("damocles_worker", "site");
    for (lines, action, other) in [
        (vec![unnamed.as_str()], "new old both 123", ""),
        (vec![&started("v0.9.2-prod-1a2b3c"), &quiet, &unnamed], "new both 13", "old "),
        (vec![&started("v0.8.4-prod-1a2b3c"), &quiet, &unnamed], "old both 23", "new "),
        (vec![&started("v0.8.4"), &started("v0.10.0"), &unnamed], "new both 13", "old "),
        (vec![&unnamed, &started("v0.8.4")], "new old both 123", ""),
        (
            vec!["2023-08-02T04:05:59+08:00  INFO ThreadId(02) venus_worker::run: start\n", &unnamed],
            "old both 23",
            "new ",
        ),
    ] {
        assert_eq!(steps_for(&lines), (action.to_owned(), other.to_owned()), "{lines:?}");
    }
}
