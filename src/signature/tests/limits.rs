//! What one page, or all of them, may ask for.

use super::*;
use crate::signature::pack::{LITERAL_BYTES_MAX, LITERALS_MAX, SIGNATURES_MAX};

/// Patterns that other engines take minutes or all memory for.
#[test]
fn patterns_that_grow_beyond_bounds_are_refused() {
    let deep = format!("{}x{}", "(".repeat(1_000), ")".repeat(1_000));
    let stars = format!("x{}", "*".repeat(100_000));
    for bomb in [
        r"\w{1000}{1000}",
        "(?:){4294967295}",
        "x{4294967295}",
        "x{4294967296}",
        r"(?:(?:(?:\pL{99}){99}){99}){99}",
        "(?i)(?:ſ{1000}){1000}",
        &deep,
        &stars,
    ] {
        for (old, new) in [
            ("'child_pid=(\\d+)'", format!("'{bomb}'")),
            ("'''response string: '(?P<reply>[^']+)\\''''", format!("'{bomb}'")),
        ] {
            assert!(PAGE.contains(old), "{old}");
            let (catalogue, faults) = load(&[("p/bad", Lang::En, &PAGE.replacen(old, &new, 1))]);
            let shown: String = bomb.chars().take(40).collect();
            let refused = |fault: &Diagnostic| ["regex", "empty-match"].contains(&fault.code);
            assert!(faults.iter().any(refused), "{shown}: {:?}", places(&faults));
            assert!(catalogue.signatures().is_empty(), "{shown}");
        }
    }
}

/// An engine that goes back over what it has seen would not come to an end here.
#[test]
fn patterns_that_make_others_go_back_and_forth_end() {
    let line = "a".repeat(1 << 20);
    for source in ["(a*)*b", "(a|aa)+b", "(a+)+$x", "^(.*a){25}b", "(.*)*(.*)*(.*)*b"] {
        let pattern = Pattern::checked(source).unwrap();
        assert!(!pattern.is_match(&line), "{source}");
        assert!(pattern.captured(&line).is_none(), "{source}");
    }
}

#[test]
fn a_page_cannot_drown_its_faults_in_each_other() {
    let anchors = format!("anchors = [{}]", "\"\",".repeat(200_000));
    let page = PAGE.replacen("anchors = [\"failed to unmarshal response\"]", &anchors, 1);
    let (_, faults) = load(&[("p/bad", Lang::En, &page)]);
    assert_eq!(faults.len(), 101);
    assert!(faults[100].message.ends_with("more errors are not shown"), "{}", faults[100]);
}

#[test]
fn more_signatures_than_fit_are_one_fault_and_are_not_read() {
    let pages =
        |count: usize| (0..count).map(|number| source(&format!("p/n{number:06}"), Lang::En, "no page"));
    let (catalogue, faults) = Catalogue::load(pages(SIGNATURES_MAX + 1), &[]);
    assert_eq!(places(&faults), [("too-many-signatures", 0, 0)]);
    assert!(faults[0].path.contains(&format!("{SIGNATURES_MAX}")), "{}", faults[0]);
    assert!(catalogue.signatures().is_empty());
    // What is disabled does not count.
    let disable = [glob::Pattern::new("p/n*0").unwrap()];
    let (_, faults) = Catalogue::load(pages(SIGNATURES_MAX + 1), &disable);
    assert!(faults.iter().all(|fault| fault.code != "too-many-signatures"));
}

#[test]
fn more_anchors_than_fit_are_one_fault() {
    let page = |anchors: &[String]| {
        let list = anchors.iter().map(|anchor| format!("\"{anchor}\",")).collect::<String>();
        PAGE.replacen("anchors = [", &format!("anchors = [{list}"), 1)
    };
    let many: Vec<String> = (0..LITERALS_MAX).map(|number| format!("a{number:07}")).collect();
    let long: Vec<String> = (0..=LITERAL_BYTES_MAX >> 15).map(|number| format!("{number:x>32768}")).collect();
    for anchors in [many, long] {
        let (catalogue, faults) =
            load(&[("p/a", Lang::En, PAGE), ("p/b", Lang::En, &page(&anchors)), ("p/c", Lang::En, PAGE)]);
        assert_eq!(places(&faults), [("too-many-anchors", 0, 0)]);
        assert_eq!(faults[0].path, "p/b.en.md");
        let left: Vec<&str> = catalogue.signatures().iter().map(|one| &*one.id).collect();
        assert_eq!(left, ["p/a"]);
    }
}
