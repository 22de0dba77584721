//! What `benches/peers.sh` and `.ci/instructions` need: logs, anchors, packs, and a bare scan.
//!
//! ```text
//! measure anchors [N]                     the built-in anchors, or N made up ones, one a line
//! measure log KIND BYTES EVERY ANCHORS    a log; KIND is `sealing` or `other`, ANCHORS a file
//! measure packs ANCHORS DIR               a pack with one page for each anchor
//! measure scan ANCHORS FILE [TIMES]       lines with an anchor, by the scanner alone
//! ```

use std::ffi::OsString;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use sealtail::scan::Scanner;
use sealtail::signature::{Catalogue, builtin};

#[path = "../../benches/text/mod.rs"]
mod text;

/// Bytes of a piece of a scan.
const BUFFER_BYTES: usize = 256 * 1024;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(OsString::into_string).filter_map(Result::ok).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["anchors"] => anchors(&builtin_anchors()),
        ["anchors", count] => count.parse().map_err(Into::into).and_then(|count| anchors(&text::anchors(count))),
        ["log", kind, bytes, every, planted] => log(kind, bytes, every, planted),
        ["packs", from, folder] => packs(from, Path::new(folder)),
        ["scan", from, file] => scan(from, file, "1"),
        ["scan", from, file, times] => scan(from, file, times),
        _ => Err("usage: measure anchors [N] | log KIND BYTES EVERY ANCHORS | packs ANCHORS DIR | scan ANCHORS FILE [TIMES]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::from(2)
        }
    }
}

fn builtin_anchors() -> Vec<String> {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let anchors = catalogue.signatures().iter().flat_map(|signature| signature.anchors.clone());
    let mut anchors: Vec<String> = anchors.collect();
    anchors.sort();
    anchors.dedup();
    anchors
}

fn anchors(anchors: &[String]) -> Outcome {
    let mut out = BufWriter::new(io::stdout().lock());
    anchors.iter().try_for_each(|anchor| writeln!(out, "{anchor}"))?;
    Ok(out.flush()?)
}

fn lines(path: &str) -> io::Result<Vec<String>> {
    Ok(std::fs::read_to_string(path)?.lines().map(str::to_owned).collect())
}

fn log(kind: &str, bytes: &str, every: &str, planted: &str) -> Outcome {
    let kind = match kind {
        "sealing" => text::Kind::Sealing,
        "other" => text::Kind::Other,
        _ => return Err(format!("`{kind}` is neither `sealing` nor `other`").into()),
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let count = text::write(&mut out, kind, bytes.parse()?, every.parse()?, &lines(planted)?)?;
    out.flush()?;
    eprintln!("{count}");
    Ok(())
}

fn packs(from: &str, folder: &Path) -> Outcome {
    let pack = folder.join("measured");
    std::fs::create_dir_all(&pack)?;
    for (number, anchor) in lines(from)?.iter().enumerate() {
        let header = format!("severity = \"error\"\nanchors = [{}]\n", toml::Value::from(anchor.as_str()));
        let page = format!(
            "# Measured {number}\n\n```toml\n{header}```\n\nMeasured.\n\n## Action\n\n1. Measure.\n\n\
             ## Fires\n\n```log\n{anchor}\n```\n\n## Silent\n\n```log\n{}\n```\n\n\
             ## References\n\n- [it](https://example.org/)\n",
            near(anchor)
        );
        std::fs::write(pack.join(format!("m{number:04}.md")), page)?;
    }
    Ok(())
}

/// All words of `anchor` but for the order of two bytes.
fn near(anchor: &str) -> String {
    anchor.replacen(' ', "  ", 1)
}

fn scan(from: &str, file: &str, times: &str) -> Outcome {
    let scanner = Scanner::new(&lines(from)?)?;
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.read_to_end(&mut bytes)?;
    for _ in 0..times.parse()? {
        println!("{}", buffers(&bytes).map(|buffer| lines_with_anchor(&scanner, buffer)).sum::<usize>());
    }
    Ok(())
}

/// The bytes in pieces such as a replay reads, cut behind a line.
fn buffers(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let piece = &bytes[..bytes.len().min(BUFFER_BYTES)];
        let end = memchr::memrchr(b'\n', piece).map_or(piece.len(), |newline| newline + 1);
        let buffer = bytes.split_off(..end)?;
        (!buffer.is_empty()).then_some(buffer)
    })
}

fn lines_with_anchor(scanner: &Scanner, bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut candidates = scanner.candidates(bytes);
    while let Some(at) = candidates.next() {
        count += 1;
        candidates.skip_to(memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length));
    }
    count
}
