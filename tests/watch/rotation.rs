//! Whatever rotation does, every failing line is found once.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{PATIENCE, failure, healthy};
use crate::rig::{Log, Rig, stop, swap};

/// Lines come this often while a test waits for something.
const PACE: Duration = Duration::from_millis(20);

#[test]
fn renamed_while_its_writer_goes_on_for_a_second() {
    let rig = Rig::counting();
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    let mut pid = 2;
    for _ in 0..3 {
        log.fail(pid..pid + 20);
        pid += 20;
        let mut old = log.rotate();
        let (started, late) = (Instant::now(), pid);
        let told = || rig.inbox.events().iter().any(|event| event.pid() == late);
        // One writer has not noticed, the other has.
        while started.elapsed() < Duration::from_secs(1) || !told() {
            assert!(started.elapsed() < PATIENCE, "{late} was written after the rename and not found");
            old.write_all((failure(pid, pid) + &healthy(pid)).as_bytes()).unwrap();
            log.fail(pid + 1..pid + 2);
            pid += 2;
            thread::sleep(PACE);
        }
    }
    rig.assert_each_once(1..pid);
    stop(running);
}

#[test]
fn rotated_faster_than_it_is_read() {
    let rig = Rig::counting();
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    for round in 0..10 {
        log.fail(2 + round * 20..22 + round * 20);
        log.rotate();
    }
    log.fail(202..203);
    rig.assert_each_once(1..203);
    stop(running);
}

#[test]
fn copied_and_truncated() {
    let rig = Rig::counting();
    let mut log = rig.log("worker.log");
    log.fail(1..2);
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    for round in 0..4 {
        log.fail(2 + round * 40..32 + round * 40);
        log.copy_and_truncate();
        log.fail(32 + round * 40..42 + round * 40);
        drop(rig.inbox.until_pid(41 + round * 40));
    }
    rig.assert_each_once(1..162);
    stop(running);
}

#[test]
fn deleted_and_made_anew() {
    let rig = Rig::counting();
    let running = rig.watch();
    for round in 0..4 {
        let mut log = rig.log("worker.log");
        log.fail(1 + round * 40..2 + round * 40);
        drop(rig.inbox.until_pid(1 + round * 40));
        // It is open now, so what follows can be read even where it has no name.
        log.fail(2 + round * 40..31 + round * 40);
        fs::remove_file(&log.path).unwrap();
        log.fail(31 + round * 40..41 + round * 40);
    }
    rig.assert_each_once(1..161);
    stop(running);
}

#[test]
fn a_link_that_is_pointed_elsewhere() {
    let rig = Rig::counting();
    rig.configure(&(swap(&rig.settings(), "log/*.log", "current.log") + "[alert]\nresolve_after = \"1s\"\n"));
    let running = rig.watch();
    for round in 0..4 {
        let mut log = rig.log(&format!("{round}.log"));
        log.fail(1 + round * 40..21 + round * 40);
        symlink(&log.path, rig.path("next")).unwrap();
        fs::rename(rig.path("next"), rig.path("current.log")).unwrap();
        drop(rig.inbox.until_pid(1 + round * 40));
        log.fail(21 + round * 40..41 + round * 40);
    }
    rig.assert_each_once(1..161);
    stop(running);
}

#[test]
fn a_file_and_its_folder_that_appear_later() {
    let rig = Rig::counting();
    let settings = swap(&rig.settings(), "log/*.log", "log/*/worker-?.log");
    rig.configure(&(settings + "[alert]\nresolve_after = \"1s\"\n"));
    let running = rig.watch();
    running.wait_for_stderr("watching", 1);
    fs::create_dir(rig.path("log/a")).unwrap();
    Log::create(&rig.path("log/a/worker-1.log")).fail(1..21);
    drop(rig.inbox.until_pid(20));
    Log::create(&rig.path("log/a/worker-2.log")).fail(21..41);
    Log::create(&rig.path("log/a/other.log")).fail(1000..1001);
    rig.assert_each_once(1..41);
    stop(running);
}
