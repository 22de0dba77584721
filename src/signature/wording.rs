//! What a step says besides the text of its page: one place and one way for releases and secrets.

use super::{Holds, Step};
use crate::model::alert::Lang;
use crate::model::release::Releases;

impl Step {
    /// Its text, with the releases for which its command holds unless all of `running` are among them, and a word where
    /// the command prints a secret.
    pub fn words(&self, lang: Lang, running: &Releases) -> String {
        let mut words = match &self.holds {
            Some(holds) if !holds.releases.contain(running) => insert(&self.text, &holds.words(lang)),
            _ => self.text.clone(),
        };
        if self.secret {
            let warning = match lang {
                Lang::En => "It prints a secret: keep the output to yourself.",
                Lang::Zh => "输出中含有密钥或令牌，请勿外传。",
            };
            words = add(&words, warning, lang);
        }
        words
    }
}

impl Holds {
    /// `(damocles v0.9 and later)`.
    pub fn words(&self, lang: Lang) -> String {
        let Holds { of, releases: Releases { since, until } } = self;
        match (lang, since, until) {
            (Lang::En, Some(since), Some(until)) => format!(" ({of} {since} to {until})"),
            (Lang::En, Some(since), None) => format!(" ({of} {since} and later)"),
            (Lang::En, None, Some(until)) => format!(" ({of} up to {until})"),
            (Lang::Zh, Some(since), Some(until)) => format!("（{of} {since} 至 {until}）"),
            (Lang::Zh, Some(since), None) => format!("（{of} {since} 及以后）"),
            (Lang::Zh, None, Some(until)) => format!("（{of} {until} 及以前）"),
            (_, None, None) => String::new(),
        }
    }
}

/// Appends a sentence to the words of a step.
pub fn add(words: &str, sentence: &str, lang: Lang) -> String {
    let space = if words.is_empty() || lang == Lang::Zh { "" } else { " " };
    format!("{words}{space}{sentence}")
}

/// Puts `note` before the mark that ends `text`.
fn insert(text: &str, note: &str) -> String {
    let body = text.trim_end_matches([':', '.', '：', '。']);
    format!("{body}{note}{}", &text[body.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::release::Release;

    #[test]
    fn releases_and_secrets_are_said_in_one_way() {
        let holds = |since, until| {
            let releases = Releases { since: Release::parse(since), until: Release::parse(until) };
            Some(Holds { of: "lotus".to_owned(), releases })
        };
        for (lang, text, holds, secret, words) in [
            (Lang::En, "Look:", None, false, "Look:"),
            (Lang::En, "Look:", holds("v1.18", ""), false, "Look (lotus v1.18 and later):"),
            (Lang::En, "Look.", holds("", "v1.18"), false, "Look (lotus up to v1.18)."),
            (Lang::En, "Look", holds("v1.1", "v1.2.3"), false, "Look (lotus v1.1 to v1.2.3)"),
            (Lang::Zh, "查看：", holds("v1.18", ""), false, "查看（lotus v1.18 及以后）："),
            (Lang::En, "Look:", None, true, "Look: It prints a secret: keep the output to yourself."),
            (Lang::Zh, "查看。", None, true, "查看。输出中含有密钥或令牌，请勿外传。"),
        ] {
            let step = Step { text: text.to_owned(), holds, secret, ..Step::default() };
            assert_eq!(step.words(lang, &Releases::default()), words);
        }
    }

    #[test]
    fn a_release_that_runs_here_is_not_named() {
        let releases = |since, until| Releases { since: Release::parse(since), until: Release::parse(until) };
        let holds = Holds { of: "damocles".to_owned(), releases: releases("v0.4", "") };
        let step = Step { text: "Look:".to_owned(), holds: Some(holds), ..Step::default() };
        for (since, until, words) in [
            ("v0.7", "", "Look:"),
            ("v0.4.1", "v0.4.1", "Look:"),
            ("", "v0.6", "Look (damocles v0.4 and later):"),
            ("v0.3", "", "Look (damocles v0.4 and later):"),
        ] {
            assert_eq!(step.words(Lang::En, &releases(since, until)), words, "{since} to {until}");
        }
    }
}
