//! Embeds the signature pages: every `patterns/<pack>/<name>.md` becomes an entry of a table, so a
//! new page in a new folder needs no list and no line of code.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "src/signature/name.rs"]
mod name;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/signature/name.rs");
    // Cargo walks the folder, so a new page in a new pack counts as a change of it.
    println!("cargo:rerun-if-changed=patterns");
    if let Err(message) = write_table() {
        eprintln!("{message}");
        std::process::exit(1);
    }
}

fn write_table() -> Result<(), String> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let target = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?).join("builtin.rs");
    let mut table = String::from("static PAGES: &[Embedded] = &[\n");
    for pack in names(&root.join("patterns"))? {
        let folder = root.join("patterns").join(&pack);
        if pack.starts_with('.') || !folder.is_dir() {
            continue;
        }
        println!("cargo:rerun-if-changed=patterns/{pack}");
        name::word(&pack).map_err(|message| format!("patterns/{pack}: {message}"))?;
        for file in names(&folder)? {
            let Some(page) = name::page(&file) else { continue };
            let page = page.map_err(|message| format!("patterns/{pack}/{file}: {message}"))?;
            table.push_str(&entry(&pack, page, &format!("patterns/{pack}/{file}")));
        }
    }
    table.push_str("];\n");
    fs::write(&target, table).map_err(|error| format!("cannot write {}: {error}", target.display()))
}

/// The entry of one page. The checked names need no escaping.
fn entry(pack: &str, page: name::PageName<'_>, path: &str) -> String {
    let name::PageName { name, lang } = page;
    let lang = if lang == "zh" { "Lang::Zh" } else { "Lang::En" };
    let text = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{path}\"))");
    format!(
        "    Embedded {{ pack: \"{pack}\", name: \"{name}\", lang: {lang}, path: \"{path}\", text: {text} }},\n"
    )
}

/// The names in a folder, in byte order; none where there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name =
            name.into_string().map_err(|name| format!("{}: {name:?} is not UTF-8", folder.display()))?;
        names.push(name);
    }
    names.sort();
    Ok(names)
}
