//! Records of several lines are found whole.

use crate::program::{healthy, worker_line};
use crate::rig::{Rig, stop, swap};

#[test]
fn a_field_on_the_next_line_fills_the_command() {
    let rig = Rig::new();
    let settings = swap(&rig.settings(), "50ms", "60s");
    rig.configure(&format!(
        "{settings}[vars]\nworker_config = \"/etc/damocles-worker.toml\"\ndump_dir = \"/data/dump\"\n"
    ));
    let running = rig.watch();
    let mut log = rig.log("worker.log");
    log.write(worker_line(1, "INFO", "damocles_worker::run: started"));
    let message = "vc_processors::core::ext::producer: failed to unmarshal response string: '[c2-plugin]";
    log.write(worker_line(2, "ERROR", message));
    log.write("'. child_pid=48213\n");
    log.write(worker_line(3, "INFO", "damocles_worker::run: goes on"));
    let events = rig.inbox.until_pid(48213);
    let alert = &events[0].data;
    assert_eq!(alert["fields"]["child_pid"], "48213");
    assert_eq!(alert["fields"]["response"], "[c2-plugin]");
    assert_eq!(alert["line"], 2);
    assert!(events[0].text("record").ends_with("'[c2-plugin]\n'. child_pid=48213"));
    assert_eq!(
        alert["action"][0]["command"],
        "damocles-worker worker --config=/etc/damocles-worker.toml enable_dump --child_pid=48213 \
         --dump_dir=/data/dump"
    );
    assert_eq!(alert["action"][0]["unfilled"], serde_json::json!([]));
    drop(events);
    stop(running);
}

#[test]
fn both_forms_of_a_panic() {
    let rig = Rig::new();
    let settings = rig.settings();
    let (start, sinks) = settings.split_at(settings.find("[[sink").unwrap());
    let new_source = "[[source]]\nname = \"new\"\npaths = [\"new.log\"]\nstart = \"beginning\"\n\n";
    rig.configure(&[start, new_source, sinks].concat());
    let running = rig.watch();
    let mut old = rig.log("old.log");
    old.write(healthy(1));
    old.write(
        "thread '<unnamed>' panicked at 'Once instance has previously been poisoned', /rustc/0/once.rs:434:21\n\
         note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
    );
    let mut new = crate::rig::Log::create(&rig.path("new.log"));
    new.write("thread 'main' panicked at /rustc/0/once.rs:152:21:\n");
    new.write("LazyLock instance has previously been poisoned\n");
    let events = rig.inbox.until("two alerts", |events| events.len() == 2);
    for (source, thread, location, line) in
        [("worker", "<unnamed>", "/rustc/0/once.rs:434:21", 2), ("new", "main", "/rustc/0/once.rs:152:21", 1)]
    {
        let event = events.iter().find(|event| event.text("source") == source).unwrap();
        assert_eq!(event.text("signature"), "venus-cluster/once-poisoned");
        assert_eq!(event.data["fields"]["thread"], thread);
        assert_eq!(event.data["fields"]["location"], location);
        assert_eq!(event.number("line"), line);
    }
    drop(events);
    stop(running);
}

#[test]
fn one_that_a_rotation_cuts_in_two() {
    let rig = Rig::new();
    // So long that its first part is not looked at alone.
    rig.configure(&swap(&rig.settings(), "50ms", "60s"));
    let running = rig.watch();
    let mut log = rig.log("worker.log");
    // What is rotated away before it was ever seen is nobody's.
    log.fail(1..2);
    drop(rig.inbox.until_pid(1));
    let message = "vc_processors::core::ext::producer: failed to unmarshal response string: '[c2-plugin]";
    log.write(worker_line(1, "ERROR", message));
    log.rotate();
    log.write("'. child_pid=48213\n".to_owned() + &worker_line(2, "INFO", "damocles_worker::run: goes on"));
    let events = rig.inbox.until_pid(48213);
    assert!(events.last().unwrap().text("record").ends_with("'[c2-plugin]\n'. child_pid=48213"));
    drop(events);
    stop(running);
}
