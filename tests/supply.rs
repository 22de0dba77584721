//! What comes in as a dependency keeps to `deny.toml`: licences, sources, and what is banned.
//!
//! `cargo deny` reads the same file. This needs nothing installed, and no crate but those that building here has fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;
use spdx::{Expression, ParseMode};
use toml::{Table, Value};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A file of the project.
fn read(path: &str) -> Table {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap().parse().unwrap()
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

/// What `cargo metadata` says of the packages for one target, features and all.
fn metadata(target: &str) -> Json {
    let ran = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--all-features"])
        .args(["--filter-platform", target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// The licence of each package that the program is made of; what only tests use is given to nobody.
fn licences(metadata: &Json) -> BTreeMap<String, String> {
    let by_id = |list: &Json| -> BTreeMap<String, Json> {
        let items = list.as_array().unwrap().iter();
        items.map(|item| (item["id"].as_str().unwrap().to_owned(), item.clone())).collect()
    };
    let (nodes, packages) = (by_id(&metadata["resolve"]["nodes"]), by_id(&metadata["packages"]));
    let mut found = BTreeMap::new();
    let mut next = vec![metadata["resolve"]["root"].as_str().unwrap()];
    while let Some(id) = next.pop() {
        let licence = packages[id]["license"].as_str().unwrap_or("none").to_owned();
        if found.insert(id.to_owned(), licence).is_none() {
            let is_test = |kind: &Json| kind["kind"] == "dev";
            let deps = nodes[id]["deps"].as_array().unwrap().iter();
            let deps = deps.filter(|dep| !dep["dep_kinds"].as_array().unwrap().iter().all(is_test));
            next.extend(deps.map(|dep| dep["pkg"].as_str().unwrap()));
        }
    }
    found
}

/// Whether an SPDX expression can be met with these licences alone.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    // Before there were expressions, `/` was the word for `OR`.
    Expression::parse_mode(expression, ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(|licence| allowed.contains(&&*licence.to_string())))
}

#[test]
fn an_expression_is_met_by_what_is_allowed() {
    let allowed = ["MIT", "Apache-2.0", "Zlib"];
    for (expression, met) in [
        ("MIT", true),
        ("MIT-0", false),
        ("none", false),
        ("", false),
        ("GPL-3.0-only/MIT", true),
        ("GPL-3.0-only OR MIT AND GPL-2.0-only", false),
        ("(GPL-3.0-only OR MIT) AND Zlib", true),
        ("Apache-2.0 WITH LLVM-exception", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), met, "{expression:?}");
    }
}

#[test]
fn every_licence_is_allowed_and_no_other_is() {
    let deny = read("deny.toml");
    let allowed = list(&deny["licenses"]["allow"]);
    let mut licences_seen = BTreeSet::new();
    for target in list(&deny["graph"]["targets"]) {
        let found = licences(&metadata(target));
        assert!(found.len() > 100, "the program is made of {found:?}");
        for (package, licence) in found {
            assert!(is_allowed(&licence, &allowed), "{package} has the licence {licence}");
            licences_seen.insert(licence);
        }
    }
    for unused in &allowed {
        let others: Vec<&str> = allowed.iter().copied().filter(|licence| licence != unused).collect();
        let is_needed = licences_seen.iter().any(|licence| !is_allowed(licence, &others));
        assert!(is_needed, "deny.toml allows {unused}, and nothing needs it");
    }
}

/// Of the lock file, so of every package for any system, of tests, too.
#[test]
fn every_package_is_of_crates_io_and_has_its_checksum_and_none_is_banned() {
    let deny = read("deny.toml");
    let banned = deny["bans"]["deny"].as_array().unwrap().iter();
    let banned: Vec<&str> = banned.map(|entry| entry["crate"].as_str().unwrap()).collect();
    assert!(!banned.is_empty());
    // The project itself, and what fuzzes it.
    let own = ["sealtail", "sealtail-fuzz"];
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let lock = read(lock);
        for package in lock["package"].as_array().unwrap() {
            let name = package["name"].as_str().unwrap();
            assert!(!banned.contains(&name), "{name} is banned");
            let text = |key| package.get(key).and_then(Value::as_str);
            if own.contains(&name) {
                assert_eq!(text("source"), None, "{name}");
            } else {
                assert_eq!(text("source"), Some(CRATES_IO), "{name}");
                assert_eq!(text("checksum").map(str::len), Some(64), "{name}");
            }
        }
    }
}

#[test]
fn every_dependency_has_a_version() {
    let manifest = read("Cargo.toml");
    for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
        for (name, entry) in manifest[kind].as_table().unwrap() {
            let version = entry.as_str().or_else(|| entry.get("version")?.as_str());
            assert!(version.is_some_and(|version| !version.contains('*')), "{name}: {entry}");
        }
    }
}
