//! The fuzz targets on a stable toolchain: bounded, and from seeds that are nearly right.
//!
//! `fuzz/README.md` tells how libFuzzer goes further from the same seeds.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, TestRunner};
use sealtail::signature::{Catalogue, builtin};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

mod edit;
mod rows;

/// Inputs of one target each; most of them fail early.
const CASES: u32 = 128;
/// Bytes of a seed: what breaks a reader shows in little.
const SEED_BYTES_MAX: usize = 8 * 1024;

/// A target and what it starts from.
struct Target {
    name: &'static str,
    run: fn(&[u8]),
    seeds: Vec<Vec<u8>>,
}

fn all() -> Vec<Target> {
    let target = |name, run, seeds| Target { name, run, seeds };
    vec![
        target("archive", targets::archive::run, archives()),
        target("config", targets::config::run, configurations()),
        target("line", targets::line::run, lines()),
        target("page", targets::page::run, pages()),
        target("reply", targets::reply::run, replies()),
        target("rows", targets::rows::run, rows::seeds()),
        target("scan", targets::scan::run, searches()),
        target("stream", targets::stream::run, logs()),
    ]
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> Vec<u8> {
    fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The start of a log in every format, some with a second stream behind the first.
fn archives() -> Vec<Vec<u8>> {
    let text = &read("examples/incident/manager.log")[..2_000];
    let gzip = || {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let bzip2 = || {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    xz.write_all(text).unwrap();
    let zstd = zstd::encode_all(text, 3).unwrap();
    vec![
        text.to_vec(),
        gzip(),
        [gzip(), gzip()].concat(),
        bzip2(),
        [bzip2(), bzip2()].concat(),
        xz.finish().unwrap(),
        zstd.clone(),
        [zstd.clone(), zstd].concat(),
    ]
}

/// Every key; and an address that must not be shown, with a fault beside it and where it is one.
fn configurations() -> Vec<Vec<u8>> {
    let secret = b"[[sink.slack]]\nname = \"chat\"\nurl = \"${URL}\"\nmin_severity = \"loud\"\n";
    let misplaced = b"lang = '${URL}'\n[[source]]\nname = 'a'\npaths = ['/a/[${URL}']\n[[sink.slack]]\nname = 'chat'\nurl_file = '${URL}'\n";
    vec![read("examples/sealtail.toml"), secret.to_vec(), misplaced.to_vec()]
}

fn lines() -> Vec<Vec<u8>> {
    let logs = ["examples/incident/worker.log", "examples/incident/manager.log"].map(read);
    let logs = logs.iter().flat_map(|log| log.split(|&byte| byte == b'\n').step_by(97));
    let shipped: [&[u8]; 5] = [
        b"Jun 24 14:33:24 seal-07 venus-worker[2201]: 2022-06-24T14:33:24.103+08:00 ERROR ThreadId(42) a: b",
        b"2022-06-24T06:33:24.000000001Z stderr F thread 'main' panicked at src/main.rs:1:2:",
        b"worker-1  | \x1b[2m2022-06-24T06:33:24Z\x1b[0m \x1b[31mERROR\x1b[0m x",
        br#"{"log":"\u001b[31mERROR\u001b[0m \"x\"\n","stream":"stderr","time":"2022-06-24T06:33:24.000000001Z"}"#,
        b"kern  :err   : [12345.678901] Out of memory: Killed process 7 (venus-worker)",
    ];
    logs.chain(shipped).map(<[u8]>::to_vec).collect()
}

fn pages() -> Vec<Vec<u8>> {
    let pages: Vec<_> =
        sealtail::signature::builtin::pages().map(|source| source.page.text.into_owned()).collect();
    let both = pages.chunks(2).map(|both| both.join("\0"));
    pages.iter().cloned().chain(both).map(String::into_bytes).collect()
}

/// Status, flags, `Retry-After`, host of `Location`, body.
fn replies() -> Vec<Vec<u8>> {
    let reply =
        |status: u16, flags: u8, rest: &str| [&status.to_be_bytes()[..], &[flags], rest.as_bytes()].concat();
    vec![
        reply(200, 0, "\n\nok"),
        reply(204, 4, "\n\n"),
        reply(302, 2, "\nother.example\n"),
        reply(429, 1, "30\n\nslow down"),
        reply(503, 1, "Sun, 06 Nov 1994 08:49:37 GMT\n\n<html>"),
        reply(404, 0, "\n\nno_service"),
    ]
}

/// The anchors of the catalogue, some at a time, and behind them an incident that holds some.
fn searches() -> Vec<Vec<u8>> {
    let pages = Catalogue::load(builtin::pages(), &[]).0;
    let anchors: Vec<&str> =
        pages.signatures().iter().flat_map(|page| &page.anchors).map(String::as_str).collect();
    let log = &read("examples/incident/worker.log")[..4_000];
    let tokens =
        b"a \x1b[31m\xc0\x1b[0m\n\xc1\xc2\n{\"log\":\"\xc3\\n\",\"stream\":\"stderr\",\"time\":\"t\"}\n";
    let short = b"ab\nabc\nbca\n\nabcabca\nb\xc0\xc1\xc2b\n\x1b[0ma\x1b[0mb".to_vec();
    let searches = anchors.chunks(23).map(|some| [some.join("\n").as_bytes(), b"\n\n", tokens, log].concat());
    searches.chain([short]).collect()
}

/// Pages hold samples of every format, behind the sizes of four buffers.
fn logs() -> Vec<Vec<u8>> {
    let sizes = [[0, 3, 9, 1], [40, 2, 90, 17], [255, 255, 255, 255]];
    let pages =
        sealtail::signature::builtin::pages().map(|source| source.page.text.into_owned().into_bytes());
    pages.zip(sizes.iter().cycle()).map(|(page, sizes)| [sizes.as_slice(), &page].concat()).collect()
}

#[test]
fn every_target_holds_on_its_seeds() {
    for target in all() {
        assert!(!target.seeds.is_empty(), "{}", target.name);
        target.seeds.iter().for_each(|seed| (target.run)(seed));
    }
}

#[test]
fn every_target_holds_on_inputs_that_are_nearly_right() {
    for Target { name, run, seeds } in all() {
        let seeds: Vec<_> = seeds.into_iter().filter(|seed| seed.len() <= SEED_BYTES_MAX).collect();
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let outcome = TestRunner::new(config).run(&edit::input(seeds), |bytes| {
            run(&bytes);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_target_is_one_of_libfuzzers_too() {
    let mut wrapped: Vec<String> = fs::read_dir(root().join("fuzz/fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    wrapped.sort();
    assert_eq!(wrapped, all().iter().map(|target| target.name).collect::<Vec<_>>());
}

/// Writes what libFuzzer starts from.
#[test]
#[ignore = "writes into fuzz/corpus; see fuzz/README.md"]
fn write_seeds() {
    for target in all() {
        let folder: PathBuf = root().join("fuzz/corpus").join(target.name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in target.seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed).unwrap();
        }
    }
}
