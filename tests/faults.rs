//! `docs/faults.md` is whole: a heading for each row of its table, three parts for each case, and every test it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PARTS: [&str; 3] = ["Promise", "Limits", "Tests"];
const STATES: [&str; 4] = ["shown", "partly", "not yet", "does not arise"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/faults.md")).unwrap()
}

/// A row of the table.
struct Row {
    id: String,
    link: String,
    title: String,
    state: String,
}

fn rows(page: &str) -> Vec<Row> {
    let rows = page.lines().filter_map(|line| {
        let (id, rest) = line.strip_prefix("| [")?.split_once("](#")?;
        let (link, rest) = rest.split_once(") | ")?;
        let (title, state) = rest.strip_suffix(" |")?.rsplit_once(" | ")?;
        let [id, link, title, state] = [id, link, title, state].map(str::to_owned);
        Some(Row { id, link, title, state })
    });
    rows.collect()
}

/// A heading and what stands behind it.
struct Case<'p> {
    heading: &'p str,
    text: &'p str,
}

impl Case<'_> {
    fn id(&self) -> &str {
        self.heading.split(':').next().unwrap()
    }

    /// The items of the list of one part, each in one line.
    fn items(&self, part: &str) -> Vec<String> {
        let (_, behind) = self
            .text
            .split_once(&format!("\n**{part}**\n"))
            .unwrap_or_else(|| panic!("{} has no **{part}**", self.id()));
        let list = behind.split("\n**").next().unwrap();
        let mut items: Vec<String> = Vec::new();
        for line in list.lines().filter(|line| !line.is_empty()) {
            match (line.strip_prefix("- "), items.last_mut()) {
                (Some(item), _) => items.push(item.to_owned()),
                (None, Some(item)) if line.starts_with("  ") => *item += &line[1..],
                _ => panic!("{} has a line outside of a list: {line}", self.id()),
            }
        }
        items
    }
}

fn cases(page: &str) -> Vec<Case<'_>> {
    let cases = page.split("\n### ").skip(1).map(|case| {
        let case = case.split("\n## ").next().unwrap();
        let (heading, text) = case.split_once('\n').unwrap();
        Case { heading, text }
    });
    cases.collect()
}

/// The anchor that a heading has where Markdown is shown.
fn anchor(heading: &str) -> String {
    let letters = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    letters.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn the_table_has_a_heading_for_each_row_and_no_other() {
    let page = page();
    let rows = rows(&page);
    let cases = cases(&page);
    let listed: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.id, row.title)).collect();
    assert_eq!(listed, cases.iter().map(|case| case.heading).collect::<Vec<_>>());
    for (row, case) in rows.iter().zip(&cases) {
        assert_eq!(row.link, anchor(case.heading));
        assert!(STATES.contains(&row.state.as_str()), "{} is {}", row.id, row.state);
    }
    assert!(page.contains(&format!(": {} cases in ", rows.len())), "the page says another number of cases");
    let counts = STATES.iter().filter_map(|state| {
        let count = rows.iter().filter(|row| row.state == *state).count();
        (count > 0).then(|| format!("{count} {state}"))
    });
    let counts = format!("\n**{}.**\n", counts.collect::<Vec<_>>().join(", "));
    assert!(page.contains(&counts), "the page does not say{counts}");
}

/// Nobody loses a case: the numbers of a block have no gap.
#[test]
fn cases_are_numbered_from_one() {
    let page = page();
    let mut before = String::new();
    for row in rows(&page) {
        let (block, number) = row.id.split_at(1);
        let expected = match before.strip_prefix(block) {
            Some(number) => number.parse::<usize>().unwrap() + 1,
            None => 1,
        };
        assert_eq!(number, format!("{expected:02}"), "behind {before:?}");
        before = row.id;
    }
}

#[test]
fn every_case_has_its_three_parts() {
    for case in cases(&page()) {
        for part in PARTS {
            assert!(!case.items(part).is_empty(), "{} has nothing under **{part}**", case.id());
        }
        let bold = case.text.lines().filter_map(|line| line.strip_prefix("**")?.strip_suffix("**"));
        assert_eq!(bold.collect::<Vec<_>>(), PARTS, "{}", case.id());
    }
}

#[test]
fn every_link_leads_to_a_case() {
    let page = page();
    let anchors: BTreeSet<String> = cases(&page).iter().map(|case| anchor(case.heading)).collect();
    for link in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.contains(link), "#{link} leads nowhere");
    }
}

/// The file of an item and the tests that it names: `` `path`: `one`, `other` ``, and then words if need be.
fn named(item: &str) -> Option<(PathBuf, Vec<&str>)> {
    let (path, mut rest) = item.strip_prefix('`')?.split_once('`')?;
    let mut names = Vec::new();
    for before in std::iter::once(": `").chain(std::iter::repeat(", `")) {
        let Some((name, behind)) = rest.strip_prefix(before).and_then(|rest| rest.split_once('`')) else {
            break;
        };
        names.push(name);
        rest = behind;
    }
    Some((PathBuf::from(path), names))
}

/// The tests of a file, those of `proptest!` included.
fn tests_of(text: &str) -> BTreeSet<&str> {
    let mut tests = BTreeSet::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if let Some((_, name)) = line.split_once("fn ").filter(|_| !line.starts_with("//")) {
            if is_test {
                tests.insert(name.split(['(', '<']).next().unwrap());
            }
            is_test = false;
        }
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    }
    tests
}

/// Whether a file is built: it is a crate of its own, or a module of one that is.
fn is_built(path: &Path) -> bool {
    let (folder, stem) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
    if folder == Path::new("tests") || stem == "main" || path == Path::new("src/lib.rs") {
        return true;
    }
    // `room/mod.rs` is declared as `room` is; a floor's rooms are in `lib.rs`, beside the folder.
    let (folder, stem) = match stem {
        "mod" => (folder.parent().unwrap(), folder.file_name().unwrap().to_str().unwrap()),
        _ => (folder, stem),
    };
    let parents = [
        folder.join("main.rs"),
        folder.join("lib.rs"),
        folder.join("mod.rs"),
        folder.with_extension("rs"),
        folder.with_file_name("lib.rs"),
    ];
    parents.iter().any(|parent| {
        let text = fs::read_to_string(root().join(parent)).unwrap_or_default();
        text.lines().any(|line| line.trim_start().ends_with(&format!("mod {stem};"))) && is_built(parent)
    })
}

#[test]
fn every_named_test_is_there() {
    let page = page();
    let mut count = 0;
    for case in cases(&page) {
        let items = case.items("Tests");
        let tests: Vec<_> = items.iter().filter_map(|item| named(item)).collect();
        assert!(!tests.is_empty(), "{} names no test", case.id());
        for (path, names) in tests {
            let place = format!("{}: {}", case.id(), path.display());
            let text =
                fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(is_built(&path), "{place} is no module");
            let there = tests_of(&text);
            assert!(!there.is_empty(), "{place} has no test");
            let missing: Vec<_> = names.iter().filter(|name| !there.contains(*name)).collect();
            assert!(missing.is_empty(), "{place} has no {missing:?}");
            count += names.len();
        }
        // Where else a name of a test stands, nothing would hold it against its file.
        for item in &items {
            let spans = item.split('`').skip(1).step_by(2).filter(|span| span.contains('_'));
            let known = named(item).map(|(_, names)| names).unwrap_or_default();
            let is_name =
                |span: &&str| span.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c));
            let stray: Vec<_> = spans.filter(is_name).filter(|span| !known.contains(span)).collect();
            assert!(stray.is_empty(), "{}: {stray:?} stand behind no file", case.id());
        }
    }
    assert!(count > 200, "only {count} tests are named");
}
