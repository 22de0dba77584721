//! The pages that the program carries: everything under `patterns/` when it was built.

use super::PageText;
use super::pack::PageSource;
use crate::model::alert::Lang;

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
    use crate::signature::{Catalogue, Signature, Trust};

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
            let header = |one: &Signature| {
                let Signature {
                    id, severity, components, anchors, all, none, levels, group_by, vars, ..
                } = one;
                let Signature { threshold, fallback, explains, until, check, regex, fields, .. } = one;
                let Signature { kinds, writers, .. } = one;
                let regex = regex.as_ref().map(|regex| regex.source());
                let fields: Vec<_> = fields.iter().map(|(name, regex)| (name, regex.source())).collect();
                let looked_for = (anchors, all, none, levels, regex, fields);
                let told = (id, severity, components, group_by, vars, threshold, fallback, kinds, writers);
                format!("{looked_for:?} {told:?} {explains:?} {until:?} {check:?}")
            };
            assert_eq!(header(checked), header(unread));
            assert_eq!(checked.pages.runbooks(), unread.pages.runbooks());
            assert_eq!(checked.pages.samples(), unread.pages.samples());
        }
    }

    #[test]
    fn every_header_is_found_without_the_rest_of_its_page() {
        for page in pages().filter(|page| page.lang == Lang::En) {
            assert!(super::super::page::header(&page.page.text).is_some(), "{}", page.page.path);
        }
    }
}
