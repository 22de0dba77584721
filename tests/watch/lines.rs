//! Lines that are not whole, and lines that are no text.

use crate::inbox::{pids, pids_in_order};
use crate::program::{failure, healthy};
use crate::rig::{Rig, stop, swap};

#[test]
fn a_line_without_its_end_waits() {
    let rig = Rig::new();
    rig.configure(&swap(&rig.settings(), "50ms", "60s"));
    let mut log = rig.log("a.log");
    let line = failure(1, 1234);
    let (start, rest) = line.split_at(line.find("34").unwrap());
    log.write(start);
    let running = rig.watch();
    rig.log("b.log").fail(2..3);
    assert_eq!(pids(&rig.inbox.until_pid(2)), [2].into());
    log.write(rest);
    log.fail(3..4);
    let events = rig.inbox.until_pid(3);
    assert_eq!(pids_in_order(&events), [2, 1234, 3]);
    assert_eq!(events[1].text("record"), line.trim_end());
    drop(events);
    stop(running);
}

#[test]
fn a_line_without_its_end_is_told_once_it_is_quiet() {
    let rig = Rig::counting();
    let mut log = rig.log("worker.log");
    log.write(failure(1, 1).trim_end());
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    log.write(" and what follows\n");
    log.fail(2..3);
    rig.assert_each_once(1..3);
    stop(running);
}

#[test]
fn neighbours_of_anything_are_found() {
    let long = vec![b'a'; 5 << 20];
    let garbage: [&[u8]; 8] = [
        b"\xff\xfe\x80 not UTF-8\n",
        b"\0\0\0\0\0\0\0\0\n",
        b"\r\n\r\n\r\n",
        b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J\n",
        b"\n\n\n",
        b"{\"level\":\n",
        &[&long[..], b"\n"].concat(),
        // The newline is missing: the next line begins in the middle of this one.
        b"2022-06-24T14:00:01+08:00  INFO ThreadId(07) cut off by a full disk",
    ];
    let rig = Rig::counting();
    let mut log = rig.log("worker.log");
    let running = rig.watch();
    let mut pid = 1;
    for garbage in garbage {
        log.write(failure(pid, pid));
        log.write(garbage);
        log.write(healthy(pid));
        log.fail(pid + 1..pid + 2);
        pid += 2;
    }
    rig.assert_each_once(1..pid);
    stop(running);
}

#[test]
fn what_stands_inside_a_failing_line_does_not_hide_it() {
    let rig = Rig::counting();
    let mut log = rig.log("worker.log");
    let running = rig.watch();
    for (pid, inside) in
        (1..).zip([&b"'\xff\xfe'"[..], b"'\0'", b"'\x1b[31mx\x1b[0m'", b"'\xe9\x94\x99\xe8'"])
    {
        let line = failure(pid, pid).into_bytes();
        let at = line.windows(3).position(|part| part == b"'x'").unwrap();
        log.write([&line[..at], inside, &line[at + 3..]].concat());
    }
    log.write(failure(5, 5).replace('\n', "\r\n"));
    log.write(failure(6, 6).replace("ERROR", "\x1b[31mERROR\x1b[0m"));
    log.write(healthy(7));
    rig.assert_each_once(1..7);
    for event in rig.inbox.events().iter() {
        let record = event.text("record");
        assert!(
            !record.contains(['\x1b', '\r']) && record.ends_with(&format!("={}", event.pid())),
            "{record:?}"
        );
    }
    stop(running);
}
