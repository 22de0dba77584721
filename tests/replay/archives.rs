//! Compressed files are read like plain ones, whatever they are called.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::program::{Ran, failure, healthy, ran, run, run_with_input, text};

fn log() -> Vec<u8> {
    (0..5_000)
        .map(|n| if n % 1_000 == 500 { failure(n, n) } else { healthy(n) })
        .collect::<String>()
        .into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The findings without their path, and the summary's counts.
fn findings(arguments: &[&str]) -> Vec<serde_json::Value> {
    let mut lines = run(arguments).json();
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        line.remove("path");
        line.remove("seconds");
    }
    lines
}

#[test]
fn every_compression_gives_the_findings_of_the_plain_file() {
    let folder = tempfile::tempdir().unwrap();
    let log = log();
    let plain = folder.path().join("worker.log");
    fs::write(&plain, &log).unwrap();
    let expected = findings(&["replay", "--json", &text(&plain)]);
    assert_eq!(expected.len(), 6);
    let half = log.len() / 2;
    for (name, bytes) in [
        ("a.gz", gzip(&log)),
        ("two-members.gz", [gzip(&log[..half]), gzip(&log[half..])].concat()),
        ("b.zst", zstd::encode_all(&log[..], 1).unwrap()),
        ("c.xz", xz(&log)),
        ("d.bz2", bzip2(&log)),
        ("gzip-in-disguise.log", gzip(&log)),
        ("plain-in-disguise.gz", log.clone()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(findings(&["replay", "--json", &text(&path)]), expected, "{name}");
    }
    let piped = run_with_input(&["replay", "--json", "-"], &gzip(&log)).json();
    assert_eq!(piped.len(), expected.len());
    assert_eq!(piped[0]["path"], "-");
}

#[test]
fn a_damaged_archive_is_reported_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let packed = gzip(&log());
    fs::write(folder.path().join("a.gz"), &packed[..packed.len() / 2]).unwrap();
    fs::write(folder.path().join("b.log"), failure(1, 1)).unwrap();
    let ran = run(&["replay", "--json", &text(folder.path())]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("a.gz"), "{}", ran.stderr);
    let lines = ran.json();
    let summary = lines.last().unwrap();
    assert_eq!(summary["unreadable"], serde_json::json!([text(&folder.path().join("a.gz"))]));
    assert!(lines.iter().any(|line| line["path"] == text(&folder.path().join("b.log"))));
    assert!(lines.len() > 2, "what could be decompressed was searched");
}

#[test]
fn utf_16_is_read_as_the_text_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let log = String::from_utf8(log()).unwrap();
    let plain = folder.path().join("worker.log");
    fs::write(&plain, &log).unwrap();
    let expected = findings(&["replay", "--json", &text(&plain)]);
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    for (name, bytes) in [
        ("little.log", little(&log)),
        ("big.log", big(&log)),
        ("packed.gz", gzip(&little(&log))),
        ("plain.gz", gzip(log.as_bytes())),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(findings(&["replay", "--json", &text(&path)]), expected, "{name}");
    }
    // The mark moves what stands behind it by its own three bytes of UTF-8.
    let marked = run_with_input(&["replay", "--json", "-"], &little(&format!("\u{feff}{log}"))).json();
    let offset = |findings: &[serde_json::Value]| findings[0]["offset"].as_u64().unwrap();
    assert_eq!((marked.len(), offset(&marked)), (expected.len(), offset(&expected) + 3));
}

/// What one part of a bomb unpacks to, and how many parts a bomb has.
const PART_BYTES: usize = 16 << 20;
const PARTS: usize = 24;

/// Replays a file in so many KiB of address space.
fn replay_within(kib: u32, path: &Path) -> Ran {
    let script = format!("ulimit -v {kib} && exec \"$0\" replay --json --threads 1 \"$1\"");
    let mut shell = Command::new("sh");
    // One heap for all threads: the others reserve addresses that they never use.
    shell.env_clear().env("MALLOC_ARENA_MAX", "1");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_sealtail")]).arg(path);
    ran(shell.output().unwrap())
}

#[test]
fn a_bomb_takes_time_and_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let part = vec![b'x'; PART_BYTES];
    let end = format!("\n{}", failure(1, 1));
    for (name, parts, end) in [
        ("a.gz", gzip(&part).repeat(PARTS), gzip(end.as_bytes())),
        (
            "b.zst",
            zstd::encode_all(&part[..], 3).unwrap().repeat(PARTS),
            zstd::encode_all(end.as_bytes(), 3).unwrap(),
        ),
        ("c.xz", xz(&part).repeat(PARTS), xz(end.as_bytes())),
        ("d.bz2", bzip2(&part).repeat(PARTS), bzip2(end.as_bytes())),
    ] {
        let path = folder.path().join(name);
        let bomb = [parts, end].concat();
        assert!(bomb.len() * 500 < PART_BYTES * PARTS, "{name}: {} bytes", bomb.len());
        fs::write(&path, bomb).unwrap();
        // Half of what comes out.
        let ran = replay_within(PARTS as u32 * (PART_BYTES >> 11) as u32, &path);
        assert_eq!(ran.status, 0, "{name}: {}", ran.stderr);
        let lines = ran.json();
        assert_eq!(lines[0]["fields"]["child_pid"], "1", "{name}: what stands behind it is found");
        assert!(lines[1]["bytes"].as_u64().unwrap() > (PART_BYTES * PARTS) as u64, "{name}");
    }
    let nothing = replay_within(4 << 10, &folder.path().join("a.gz"));
    assert_ne!(nothing.status, 0, "the limit holds");
}

#[test]
fn what_is_packed_twice_is_unpacked_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.gz");
    fs::write(&path, gzip(&gzip(&log()))).unwrap();
    let lines = run(&["replay", "--json", &text(&path)]).json();
    assert_eq!(lines.len(), 1, "its bytes are searched as they are");
    assert_eq!(lines[0]["unreadable"], serde_json::json!([]));
}
