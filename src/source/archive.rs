//! Files that have come to rest: finding what `replay` is asked to read, and opening it.
//!
//! What a file is compressed with is told by its first bytes, never by its name: a `.log` that holds
//! gzip works, and so does a `.gz` that holds text. Gzip members, zstd frames, xz and bzip2 streams
//! may follow one another in a file.
//!
//! A text in UTF-16 comes out as UTF-8.
//!
//! Everything is streamed. Memory does not depend on how far a file expands; a file that asks its
//! decoder for an unreasonable window is refused. From a file that is cut short or damaged comes all
//! that could be decompressed, then an error.

mod utf16;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use self::utf16::Utf8;
use crate::frame;

/// Bytes enough to tell the formats apart.
const MAGIC_LEN: usize = utf16::LOOK_BYTES;
/// Compressed bytes read at a time.
const BUFFER_LEN: usize = 128 * 1024;
/// The largest memory an xz decoder may ask for; `xz -9` asks for 65 MiB.
const XZ_MEMORY_KIB: u32 = 192 * 1024;
/// The largest window a zstd frame may ask for: 128 MiB, what `zstd --long` writes.
const ZSTD_WINDOW_LOG: u32 = 27;

/// What a file is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Format {
    /// Tells the format of a file from its first [`MAGIC_LEN`] bytes.
    fn of(magic: &[u8]) -> Format {
        match magic {
            [0x1f, 0x8b, 8, ..] => Format::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Format::Zstd,
            // A skippable frame; parallel compressors put one first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Format::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Format::Xz,
            // A block, or the end of a stream of none: three printable letters alone prove nothing.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59] => Format::Bzip2,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90] => Format::Bzip2,
            _ => Format::Plain,
        }
    }
}

/// Opens a file and decompresses it as it is read.
///
/// # Errors
///
/// The file cannot be opened or its first bytes cannot be read. Damage further on is an error of the
/// reader, after what came before it.
pub fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    decode(File::open(path)?)
}

/// Decompresses a stream as it is read: what [`open`] does, for standard input.
///
/// # Errors
///
/// The first bytes cannot be read.
pub fn decode(mut stream: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let magic = first_bytes(&mut stream)?;
    let format = Format::of(&magic);
    let packed = BufReader::with_capacity(BUFFER_LEN, Cursor::new(magic).chain(stream));
    Ok(match format {
        Format::Plain => Box::new(Utf8::new(packed)),
        Format::Gzip => Box::new(Utf8::new(flate2::bufread::MultiGzDecoder::new(packed))),
        Format::Zstd => Box::new(Utf8::new(zstd_reader(packed)?)),
        Format::Xz => Box::new(Utf8::new(lzma_rust2::XzReader::new_mem_limit(packed, true, XZ_MEMORY_KIB))),
        Format::Bzip2 => Box::new(Utf8::new(bzip2::bufread::MultiBzDecoder::new(packed))),
    })
}

fn zstd_reader<R: BufRead + Send + 'static>(packed: R) -> io::Result<impl Read + Send> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// Whether a file holds its text as it is, in UTF-8, so that it may be read from any offset.
///
/// # Errors
///
/// The file cannot be opened or read.
pub fn is_plain(path: &Path) -> io::Result<bool> {
    let first = first_bytes(&mut File::open(path)?)?;
    Ok(Format::of(&first) == Format::Plain && frame::utf16::order(&first).is_none())
}

fn first_bytes(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut magic = Vec::with_capacity(MAGIC_LEN);
    stream.take(MAGIC_LEN as u64).read_to_end(&mut magic)?;
    Ok(magic)
}

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input, given as `-`.
    Stdin,
    /// A file, by the path as given or found.
    File(PathBuf),
}

/// An argument, or something found in a folder, that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The argument or the path.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot read {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Expands the arguments of `replay`: files, folders, globs and `-`, in the order given.
///
/// A folder stands for all regular files below it, hidden ones too, in bytewise order of their paths;
/// symbolic links inside it are not followed, so nothing is read twice. A glob is tried only where no
/// file has that very name. An argument that names nothing becomes an error in its place. Standard
/// input can be read once: where it is named first.
pub fn list<S: AsRef<OsStr>>(arguments: &[S]) -> Vec<Result<Input, Unreadable>> {
    let mut inputs = Vec::new();
    let mut has_stdin = false;
    for argument in arguments {
        let path = Path::new(argument.as_ref());
        if path == Path::new("-") {
            if !std::mem::replace(&mut has_stdin, true) {
                inputs.push(Ok(Input::Stdin));
            }
        } else {
            expand(path, &mut inputs);
        }
    }
    inputs
}

fn expand(path: &Path, inputs: &mut Vec<Result<Input, Unreadable>>) {
    let missing = match path.metadata() {
        Ok(kind) if kind.is_dir() => return walk(path, inputs),
        // Pipes and devices too: whoever names one wants it read.
        Ok(_) => return inputs.push(Ok(Input::File(path.to_owned()))),
        Err(error) => error,
    };
    let unreadable = |error| Err(Unreadable { path: path.to_owned(), error });
    let Some(pattern) = path.to_str().filter(|text| text.contains(['*', '?', '['])) else {
        return inputs.push(unreadable(missing));
    };
    let found = match glob::glob(pattern) {
        Ok(found) => found,
        Err(error) => {
            return inputs.push(unreadable(io::Error::new(io::ErrorKind::InvalidInput, error.msg)));
        }
    };
    let mut matches = Vec::new();
    for entry in found {
        match entry {
            Ok(entry) => matches.push(entry),
            Err(error) => {
                let path = error.path().to_owned();
                inputs.push(Err(Unreadable { path, error: error.into() }));
            }
        }
    }
    if matches.is_empty() {
        let error = io::Error::new(io::ErrorKind::NotFound, "no file matches this glob");
        return inputs.push(unreadable(error));
    }
    matches.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    for entry in matches {
        if entry.is_dir() {
            walk(&entry, inputs);
        } else {
            inputs.push(Ok(Input::File(entry)));
        }
    }
}

fn walk(folder: &Path, inputs: &mut Vec<Result<Input, Unreadable>>) {
    let mut below: Vec<(PathBuf, Result<Input, Unreadable>)> = Vec::new();
    for entry in WalkDir::new(folder) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                let path = entry.into_path();
                below.push((path.clone(), Ok(Input::File(path))));
            }
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                below.push((path.clone(), Err(Unreadable { path, error: error.into() })));
            }
        }
    }
    below.sort_by(|(a, _), (b, _)| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    inputs.extend(below.into_iter().map(|(_, input)| input));
}

#[cfg(test)]
mod tests;
