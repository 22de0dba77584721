//! The pages of one signature: their texts, and what stands in them below the header.
//!
//! Most signatures never find anything. So what a page says to people is worked out when somebody
//! asks for it, unless it has to be checked: that is most of what it takes to start.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::page::{self, Page};
use super::{PageText, Runbook, Sample};
use crate::base::diagnostic::Text;
use crate::model::alert::{Lang, Link};

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    texts: BTreeMap<Lang, PageText>,
    said: OnceLock<Said>,
}

/// What pages say.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    runbooks: BTreeMap<Lang, Runbook>,
    samples: Vec<Sample>,
}

impl Pages {
    /// Pages without a fault, not read yet.
    pub(super) fn unread(texts: BTreeMap<Lang, PageText>) -> Pages {
        Pages { texts, said: OnceLock::new() }
    }

    /// Pages that were read, and came to `said`.
    pub(super) fn read(texts: BTreeMap<Lang, PageText>, said: Said) -> Pages {
        Pages { texts, said: said.into() }
    }

    /// The page in `lang` as it was read, or in English where there is no translation.
    pub fn text(&self, lang: Lang) -> Option<&PageText> {
        self.texts.get(&lang).or_else(|| self.texts.get(&Lang::En))
    }

    /// The page in `lang` as it was read, if there is one.
    pub fn text_in(&self, lang: Lang) -> Option<&PageText> {
        self.texts.get(&lang)
    }

    /// What an alert carries, by language; English is always there.
    pub fn runbooks(&self) -> &BTreeMap<Lang, Runbook> {
        &self.said().runbooks
    }

    /// Their own tests.
    pub fn samples(&self) -> &[Sample] {
        &self.said().samples
    }

    fn said(&self) -> &Said {
        self.said.get_or_init(|| {
            let mut said = Said::default();
            // English comes first.
            for (&lang, source) in &self.texts {
                said.add(lang, page::read(&Text::new(&source.path, &source.text), lang));
            }
            said
        })
    }
}

/// Whether a title is written in Chinese.
fn is_chinese(title: &str) -> bool {
    title.chars().any(|letter| ('\u{4E00}'..='\u{9FFF}').contains(&letter))
}

impl Said {
    /// Adds what `page` says, of which English is the first.
    pub(super) fn add(&mut self, lang: Lang, page: Page) {
        // Samples and references are the same in every language.
        let mut links: Vec<Link> = match self.english() {
            Some(english) => english.links.clone(),
            None => page.links.into_iter().map(|link| link.value).collect(),
        };
        // Those of the reader's language come first, else as on the page.
        links.sort_by_key(|link| is_chinese(&link.title) != (lang == Lang::Zh));
        if self.runbooks.is_empty() {
            self.samples = page.samples.into_iter().map(|one| one.sample).collect();
        }
        let title = page.titles.into_iter().next().map(|title| title.value).unwrap_or_default();
        let steps = page.steps.into_iter().map(|one| one.step).collect();
        self.runbooks.insert(lang, Runbook { title, meaning: page.meaning, steps, links });
    }

    pub(super) fn english(&self) -> Option<&Runbook> {
        self.runbooks.get(&Lang::En)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Catalogue, Trust, builtin};

    #[test]
    fn links_of_the_readers_language_come_first() {
        let pages = builtin::pages().map(|page| (page, Trust::Tested));
        let (catalogue, _) = Catalogue::load_trusting(pages, &[]);
        let mut mixed = 0;
        for signature in catalogue.signatures() {
            for lang in Lang::ALL {
                let links = &signature.runbook(lang).links;
                let own: Vec<bool> =
                    links.iter().map(|link| is_chinese(&link.title) == (lang == Lang::Zh)).collect();
                assert!(own.is_sorted_by(|one, next| one >= next), "{} in {lang}: {links:?}", signature.id);
                mixed += usize::from(own.contains(&true) && own.contains(&false));
            }
        }
        assert!(mixed > 20, "only {mixed} pages have links in both languages");
    }
}
