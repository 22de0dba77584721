//! The section headers of a binary. Only they are read, and no more of them than a bound.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use object::elf::{FileHeader64, SHT_NOBITS, SectionHeader64};
use object::read::elf::{FileHeader as _, SectionHeader as _};
use object::{LittleEndian, pod};

use super::Request;
use super::process::Running;
use super::root::{Root, unreadable};
use crate::doctor::facts::{Binary, Known, Sections};
use crate::doctor::words::Words;

/// More sections than any linker writes.
const SECTIONS_MAX: u64 = 65_536;
/// Their names are shorter than this, all together.
const NAMES_BYTES_MAX: u64 = 4 << 20;

pub(super) fn binaries(root: &Root, request: &Request, running: &Known<Vec<Running>>) -> Known<Vec<Binary>> {
    let mut found: Vec<Binary> = Vec::new();
    for path in &request.binaries {
        let (root, inside) = root.named(path, request);
        found.push(named(&root, path, &inside)?);
    }
    if !request.binaries.is_empty() {
        return Ok(found);
    }
    let workers: Vec<&Running> = running.iter().flatten().filter(|one| one.is_worker()).collect();
    if workers.is_empty() {
        return Err(Words::new(
            "no binary is known: no worker runs, and none is named with --worker-bin",
            "没有可检查的程序文件：没有 worker 运行，也没有用 --worker-bin 指定",
        ));
    }
    for worker in workers {
        let link = PathBuf::from(format!("/proc/{}/exe", worker.process.pid));
        let path = root.link(&link).map_err(|error| unreadable(&link, &error))?;
        let shown = path.display().to_string();
        if found.iter().all(|binary| binary.path != shown) {
            found.push(named(root, &path, &path)?);
        }
    }
    Ok(found)
}

fn named(root: &Root, path: &Path, inside: &Path) -> Known<Binary> {
    let (mut file, size) = root.open(inside).map_err(|error| unreadable(path, &error))?;
    let shown = path.display().to_string();
    let sections = sections(&mut file, size).map_err(|error| {
        Words::new(
            format!("cannot read the sections of {shown}: {error}"),
            format!("{shown} 的段无法读取：{error}"),
        )
    });
    Ok(Binary { path: shown, size, sections })
}

fn sections(file: &mut File, size: u64) -> io::Result<Sections> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let head = part(file, size, 0, size_of::<FileHeader64<LittleEndian>>() as u64)?;
    let header = FileHeader64::<LittleEndian>::parse(&*head)
        .map_err(|_| bad("it is not a 64-bit little-endian ELF file"))?;
    let endian = LittleEndian;
    let (offset, count) = (header.e_shoff(endian), u64::from(header.e_shnum(endian)));
    let entry = u64::from(header.e_shentsize(endian));
    if offset == 0 || count == 0 {
        return Err(bad("it has no section headers"));
    }
    if entry != size_of::<SectionHeader64<LittleEndian>>() as u64 || count > SECTIONS_MAX {
        return Err(bad("its section headers have an invalid size"));
    }
    let table = part(file, size, offset, entry * count)?;
    let (headers, _) = pod::slice_from_bytes::<SectionHeader64<LittleEndian>>(&table, count as usize)
        .map_err(|()| bad("its section headers are truncated"))?;
    let names = headers
        .get(usize::from(header.e_shstrndx(endian).0))
        .ok_or_else(|| bad("its sections have no names"))?;
    let names = part(file, size, names.sh_offset(endian), names.sh_size(endian).min(NAMES_BYTES_MAX))?;
    let mut found = Sections::default();
    for section in headers {
        let start = (section.sh_name(endian) as usize).min(names.len());
        let name = names[start..].split(|&byte| byte == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        let bytes = if section.sh_type(endian) == SHT_NOBITS { 0 } else { section.sh_size(endian) };
        if (name.starts_with(".debug_") || name.starts_with(".zdebug_")) && bytes > 0 {
            found.debug.push((name, bytes.min(size)));
        } else if name == ".text" {
            found.has_code |= bytes > 0;
        }
    }
    Ok(found)
}

/// The bytes of a part of the file that is there.
fn part(file: &mut File, size: u64, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    if offset.checked_add(length).is_none_or(|end| end > size) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is truncated"));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
