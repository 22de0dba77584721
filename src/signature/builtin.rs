//! The pages that the program carries: everything under `patterns/` when it was built.

use super::PageText;
use super::pack::PageSource;
use crate::alert::Lang;

/// A page as the build script lists it.
struct Embedded {
    pack: &'static str,
    name: &'static str,
    lang: Lang,
    path: &'static str,
    text: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The built-in pages, ordered by path.
pub fn pages() -> impl Iterator<Item = PageSource> {
    PAGES.iter().map(|page| PageSource {
        pack: page.pack.to_owned(),
        name: page.name.to_owned(),
        lang: page.lang,
        page: PageText { path: page.path.to_owned(), text: page.text.into() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Catalogue, Trust};

    #[test]
    fn built_in_pages_have_no_fault() {
        let (catalogue, faults) = Catalogue::load(pages(), &[]);
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "{}", shown.join("\n\n"));
        let english = pages().filter(|page| page.lang == Lang::En).count();
        assert_eq!(catalogue.signatures().len(), english);
    }

    #[test]
    fn a_page_says_the_same_whenever_it_is_read() {
        let (checked, _) = Catalogue::load(pages(), &[]);
        let (unread, faults) = Catalogue::load_trusting(pages().map(|page| (page, Trust::Tested)), &[]);
        assert!(faults.is_empty());
        assert_eq!(checked.signatures().len(), unread.signatures().len());
        for (checked, unread) in checked.signatures().iter().zip(unread.signatures()) {
            assert_eq!(checked.id, unread.id);
            assert_eq!(checked.anchors, unread.anchors);
            assert_eq!(checked.regex.is_some(), unread.regex.is_some());
            assert_eq!(checked.pages.runbooks(), unread.pages.runbooks());
            assert_eq!(checked.pages.samples(), unread.pages.samples());
        }
    }
}
