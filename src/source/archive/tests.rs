//! What is opened, and in which order.

use std::fs;
use std::io::Write;

use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

fn xz(text: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;
const PACKS: [(&str, Pack); 4] = [("gzip", gzip), ("zstd", zstd), ("xz", xz), ("bzip2", bzip2)];

/// Lines that do not compress to nothing, so that a cut file still holds some of them.
fn lines(count: u32) -> Vec<u8> {
    let mut text = Vec::new();
    let mut state: u32 = 7;
    for number in 0..count {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        writeln!(text, "line {number} {state:08x}").unwrap();
    }
    text
}

/// What a stream gives before it ends, and how it ends.
fn drain(bytes: Vec<u8>) -> (Vec<u8>, io::Result<()>) {
    let mut text = Vec::new();
    let mut reader = match decode(Cursor::new(bytes)) {
        Ok(reader) => reader,
        Err(error) => return (text, Err(error)),
    };
    let mut piece = [0; 1000];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return (text, Ok(())),
            Ok(length) => text.extend_from_slice(&piece[..length]),
            Err(error) => return (text, Err(error)),
        }
    }
}

#[test]
fn every_format_is_told_by_its_bytes() {
    let text = lines(5_000);
    for (name, pack) in PACKS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.log");
        fs::write(&path, pack(&text)).unwrap();
        let mut read = Vec::new();
        open(&path).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, text, "{name}");
        assert!(!is_plain(&path).unwrap(), "{name}");
    }
}

#[test]
fn text_is_itself() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "a", "BZh", "BZh9 is how bzip2 begins\n", "\u{1f}\n", "no newline"] {
        let path = folder.path().join("named.gz");
        fs::write(&path, text).unwrap();
        let mut read = String::new();
        open(&path).unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        assert!(is_plain(&path).unwrap());
    }
}

#[test]
fn parts_that_follow_one_another_are_all_read() {
    let (first, second) = (lines(100), lines(300));
    for (name, pack) in PACKS {
        let (text, end) = drain([pack(&first), pack(&second)].concat());
        assert_eq!(text, [first.clone(), second.clone()].concat(), "{name}");
        assert!(end.is_ok(), "{name}");
    }
}

#[test]
fn a_cut_file_gives_what_it_has_then_an_error() {
    // bzip2 decodes whole blocks of up to 900 kB only.
    let text = lines(100_000);
    for (name, pack) in PACKS {
        let mut packed = pack(&text);
        packed.truncate(packed.len() * 9 / 10);
        let (read, end) = drain(packed);
        assert!(end.is_err(), "{name}");
        assert!(read.len() > text.len() / 4, "{name}: {} bytes", read.len());
        assert!(text.starts_with(&read), "{name}");
    }
}

#[test]
fn a_damaged_file_gives_what_came_before_then_an_error() {
    let text = lines(100_000);
    for (name, pack) in PACKS {
        let mut packed = pack(&text);
        let place = packed.len() * 9 / 10;
        packed[place..place + 64].fill(0xa5);
        let (read, end) = drain(packed);
        assert!(end.is_err(), "{name}");
        assert!(read.len() > text.len() / 4, "{name}: {} bytes", read.len());
        assert_eq!(read[..text.len() / 4], text[..text.len() / 4], "{name}");
    }
}

#[test]
fn rubbish_after_a_magic_is_an_error() {
    for magic in [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh91AY&SY"] {
        let (text, end) = drain([magic, &[0xff; 50]].concat());
        assert!(text.is_empty() && end.is_err(), "{magic:?}");
    }
}

fn shown(inputs: Vec<Result<Input, Unreadable>>, root: &Path) -> Vec<String> {
    let relative = |path: PathBuf| {
        let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
        path.into_os_string().into_string().unwrap()
    };
    inputs
        .into_iter()
        .map(|input| match input {
            Ok(Input::Stdin) => "-".to_owned(),
            Ok(Input::File(path)) => relative(path),
            Err(unreadable) => format!("! {}", relative(unreadable.path)),
        })
        .collect()
}

#[test]
fn arguments_are_expanded_in_order() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("logs/a")).unwrap();
    for name in ["logs/b.log", "logs/a/z.log", "logs/a.log", "logs/.hidden", "logs/[x].log", "c.txt"] {
        fs::write(at(name), name).unwrap();
    }
    std::os::unix::fs::symlink(at("c.txt"), at("logs/link.log")).unwrap();

    let all = ["logs/.hidden", "logs/[x].log", "logs/a.log", "logs/a/z.log", "logs/b.log"];
    for (arguments, expected) in [
        (vec!["logs"], all.to_vec()),
        (vec!["c.txt", "logs/b.log"], vec!["c.txt", "logs/b.log"]),
        (vec!["logs/?.log"], vec!["logs/a.log", "logs/b.log"]),
        (vec!["logs/[x].log"], vec!["logs/[x].log"]),
        (vec!["log*"], all.to_vec()),
        (vec!["none.log", "c.txt"], vec!["! none.log", "c.txt"]),
        (vec!["none-*.log"], vec!["! none-*.log"]),
        (vec!["logs/***"], vec!["! logs/***"]),
    ] {
        let given: Vec<PathBuf> = arguments.iter().map(|argument| at(argument)).collect();
        assert_eq!(shown(list(&given), root.path()), expected, "{arguments:?}");
    }
    assert_eq!(shown(list(&["-"]), root.path()), ["-"]);
}
