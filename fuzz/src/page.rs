//! Any text as a page of the operator's: a signature or faults, and what passes can be put to work. Its commands are read
//! as a shell would, or refused.

use jiff::tz::TimeZone;
use sealtail::detect::{Detector, samples};
use sealtail::model::alert::Lang;
use sealtail::signature::{Catalogue, PageSource, PageText, command};

/// Loads `data` as the English page, or, behind a NUL, as page and translation; then runs what
/// came of it over its own samples.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (english, chinese) = text.split_once('\0').map_or((text, None), |(en, zh)| (en, Some(zh)));
    let pages = [(Lang::En, Some(english)), (Lang::Zh, chinese)];
    let pages = pages.into_iter().filter_map(|(lang, text)| Some(page(lang, text?)));
    let (catalogue, faults) = Catalogue::load(pages, &[]);
    assert!(!catalogue.signatures().is_empty() || !faults.is_empty());
    for fault in &faults {
        assert!(!fault.to_string().is_empty());
    }
    for warning in command::check(&catalogue, |_| true) {
        assert!(!warning.to_string().is_empty());
    }
    if let Ok(detector) = Detector::new(catalogue, TimeZone::UTC) {
        for fault in samples::check(&detector) {
            assert!(!fault.to_string().is_empty());
        }
    }
}

fn page(lang: Lang, text: &str) -> PageSource {
    let page = PageText { path: "patterns/any/page.md".to_owned(), text: text.to_owned().into() };
    PageSource { pack: "any".to_owned(), name: "page".to_owned(), lang, page }
}
