//! What a page refers its reader to: another of its steps, another page.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::signature::Catalogue;
use crate::signature::page::Page;

static STEPS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\bsteps? (\d+)(?: (?:and|to|or) (\d+))?|第 ?(\d+) ?步"));
static PAGES: LazyLock<Regex> = LazyLock::new(|| pattern(r"`([a-z][a-z0-9-]*/[a-z0-9-]+)`"));

/// The patterns above are constants, which the tests compile.
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|_| unreachable!("a constant pattern that the tests compile"))
}

/// References in the text of a page that lead nowhere: their bytes, and what is wrong.
pub fn broken(source: &str, page: &Page, catalogue: &Catalogue) -> Vec<(Range<usize>, String)> {
    let steps = page.steps.last().map_or(0, |last| last.step.number);
    let mut broken = Vec::new();
    let prose = source.split("## Fires").next().unwrap_or_default();
    for found in STEPS.captures_iter(prose) {
        let numbers = found.iter().skip(1).flatten();
        let is_beyond = |number: regex::Match<'_>| number.as_str().parse().is_ok_and(|it: usize| it > steps);
        if numbers.into_iter().any(is_beyond) {
            let span = found.get(0).map_or(0..0, |all| all.range());
            broken.push((span, format!("the page has {steps} steps")));
        }
    }
    let packs: Vec<&str> =
        catalogue.signatures().iter().filter_map(|it| it.id.split_once('/').map(|(pack, _)| pack)).collect();
    for found in PAGES.captures_iter(prose) {
        let Some(id) = found.get(1) else { continue };
        let is_of_a_pack = id.as_str().split_once('/').is_some_and(|(pack, _)| packs.contains(&pack));
        if is_of_a_pack && catalogue.get(id.as_str()).is_none() {
            broken.push((id.range(), format!("no page is called `{}`", id.as_str())));
        }
    }
    broken
}
