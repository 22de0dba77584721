//! The house is as ARCHITECTURE.md says: who uses whom, who is pure, and how large things get.

#[path = "tidy/house.rs"]
mod house;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use house::House;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// What opens files or sockets, starts threads or reads clocks.
const IMPURE: [&str; 10] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "TimeZone::system",
    "tokio",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What threads share, which only rooms of the kind `shared` may hold without I/O.
const SHARED: [&str; 4] = ["std::sync::Mutex", "std::sync::RwLock", "std::sync::atomic", "std::sync::mpsc"];

/// The rooms of the table in ARCHITECTURE.md, in order, and their kind: `pure`, `shared` or `edge`.
fn rooms() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let room = cells.next()?.trim().trim_end_matches('`').to_owned();
        Some((room, cells.next()?.trim().to_owned()))
    });
    rows.collect()
}

static ROOMS: LazyLock<Vec<(String, String)>> = LazyLock::new(rooms);

/// The sources without their tests.
static HOUSE: LazyLock<House> = LazyLock::new(|| House::of(&sources()));

fn sources() -> Vec<(PathBuf, String)> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(root().join("src"))
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(root().join("src")).unwrap().to_owned(), text)
    };
    files.into_iter().map(read).collect()
}

/// The room a file belongs to: the one of the table whose folder or file is nearest.
fn room_of(path: &Path) -> Option<usize> {
    let module = path.with_extension("");
    let holds = |room: &str| module.starts_with(room);
    let rooms = ROOMS.iter().enumerate().filter(|(_, (room, _))| holds(room));
    rooms.max_by_key(|(_, (room, _))| room.len()).map(|(rank, _)| rank)
}

/// The names of `forbidden` that a file mentions, its tests left out.
fn mentioned(path: &Path, forbidden: &[&str]) -> Vec<String> {
    let mentions: Vec<String> =
        HOUSE.files[path].mentions().iter().map(|path| format!("::{path}::")).collect();
    let found =
        forbidden.iter().filter(|name| mentions.iter().any(|path| path.contains(&format!("::{name}::"))));
    found.map(|name| format!("src/{}: {name}", path.display())).collect()
}

/// The files of rooms of these kinds.
fn files_of(kinds: &[&str]) -> impl Iterator<Item = &'static PathBuf> {
    let is_of = |path: &&PathBuf| room_of(path).is_some_and(|room| kinds.contains(&&*ROOMS[room].1));
    HOUSE.files.keys().filter(is_of)
}

#[test]
fn every_room_stands_in_the_table() {
    for (path, _) in sources() {
        assert!(
            ["lib.rs", "main.rs"].map(Path::new).contains(&&*path) || room_of(&path).is_some(),
            "src/{} belongs to no room of ARCHITECTURE.md",
            path.display()
        );
    }
    for (room, kind) in ROOMS.iter() {
        assert!(["pure", "shared", "edge"].contains(&&**kind), "{room} is of no kind: {kind}");
        let files = [format!("src/{room}.rs"), format!("src/{room}/mod.rs")];
        assert!(files.iter().any(|file| root().join(file).exists()), "there is no room {room}");
    }
}

/// `src/` is read from above: its folders are the floors, and `lib.rs` declares them in the order of the table.
#[test]
fn floors_stand_in_the_order_of_the_table() {
    let mut floors: Vec<&str> = Vec::new();
    for (room, _) in ROOMS.iter() {
        let floor = room.split('/').next().unwrap();
        if !floors.contains(&floor) {
            floors.push(floor);
        }
    }
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared = syn::parse_file(&library).unwrap().items.into_iter().filter_map(|item| match item {
        syn::Item::Mod(floor) => Some(floor.ident.to_string()),
        _ => None,
    });
    assert_eq!(declared.collect::<Vec<_>>(), floors);
    let entries = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut entries: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    entries.retain(|name| name != "lib.rs" && name != "main.rs");
    entries.sort();
    floors.sort_unstable();
    assert_eq!(entries, floors, "src/ has the floors and nothing else");
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let mut wrong = Vec::new();
    for path in HOUSE.files.keys() {
        let Some(own) = room_of(path) else { continue };
        for used in HOUSE.used_by(path) {
            if room_of(&used).is_none_or(|used| used > own) {
                wrong.push(format!("src/{} uses src/{}", path.display(), used.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What stands in `house.rs` about uses, and of parts, is the rule.
#[test]
fn files_use_each_other_in_no_circle() {
    let circles = HOUSE.circles();
    let lines: Vec<String> = circles.iter().map(|(part, used)| format!("{part} uses {used:?}")).collect();
    assert!(circles.is_empty(), "move what they share to where both may use it:\n{}", lines.join("\n"));
}

#[test]
fn pure_rooms_do_no_io_and_share_nothing() {
    let io = files_of(&["pure", "shared"]).flat_map(|path| mentioned(path, &IMPURE));
    let locks = files_of(&["pure"]).flat_map(|path| mentioned(path, &SHARED));
    let wrong: Vec<String> = io.chain(locks).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The doctor is an edge for what it collects; its checks are as pure as a room.
#[test]
fn checks_of_the_doctor_touch_nothing() {
    let is_edge = |path: &Path| {
        path.starts_with("doctor/collect") || path == "doctor/collect.rs" || path.ends_with("confirm.rs")
    };
    let checks = HOUSE.files.keys().filter(|path| path.starts_with("doctor") && !is_edge(path));
    let wrong: Vec<String> = checks.flat_map(|path| mentioned(path, &IMPURE)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_promises_and_stays_small() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            wrong.push(format!("src/{} does not begin with a module doc", path.display()));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("src/{} has {lines} lines: split it by meaning", path.display()));
        }
        for name in ["utils", "common", "helpers", "manager", "misc"] {
            if path.iter().any(|part| part == name || part == format!("{name}.rs").as_str()) {
                wrong.push(format!("src/{} is called by no job", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn functions_stay_small() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let indent = &line[..line.len() - code.len()];
            let head = code.split('(').next().unwrap_or(code);
            if !head.split_whitespace().any(|word| word == "fn")
                || code.starts_with("//")
                || code.ends_with(';')
            {
                continue;
            }
            // rustfmt closes a function in the column where it began.
            let closing = format!("{indent}}}");
            let length = lines[start..].iter().position(|line| **line == closing).map_or(1, |end| end + 1);
            if length > FUNCTION_LINES_MAX {
                wrong.push(format!("src/{}:{} has {length} lines", path.display(), start + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
