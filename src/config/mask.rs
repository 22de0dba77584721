//! Keeps secrets out of diagnostics: the line that a fault shows may hold one, and so may its words,
//! where a variable filled a value with it.
//!
//! Works on the text alone, so it holds for a file that is not even TOML. Characters are replaced
//! one by one, so the underline stays where it was.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::base::diagnostic::Diagnostic;

/// What hides in a text: in group 1 what may be seen, behind it what may not. The first goes by the
/// key before it, the others by what they look like.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        // The value of a telling key, up to its closing quote or the end of the line.
        concat!(
            r#"(?i)((?:\b|_)(?:url|secret|token|password|key)"?'?\s*[=:]\s*)"#,
            r#"(""".*|'''.*|"(?:[^"\\]|\\.)*"|'[^']*'|.*)"#
        ),
        // Any address behind its scheme: the path of a webhook is its password.
        r#"(?i)(https?:/{0,2})([^\s"']*)"#,
        // A signing secret wherever it stands.
        r#"(whsec_)([^\s"']*)"#,
    ];
    // The patterns are constants; a test compiles them.
    patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
});

/// Masks the secrets in what the fault shows.
pub(super) fn fault(fault: &mut Diagnostic) {
    if let Some(place) = &mut fault.place {
        place.text = masked(&place.text, &SECRETS);
    }
    // Words of ours read like a key and its value: `the address is not a URL: empty host`.
    let by_looks = SECRETS.get(1..).unwrap_or_default();
    fault.message = masked(&fault.message, by_looks);
    fault.hint = fault.hint.take().map(|hint| masked(&hint, by_looks));
}

fn masked(text: &str, secrets: &[Regex]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| {
        let masked =
            secret.replace_all(&text, |found: &Captures<'_>| format!("{}{}", &found[1], stars(&found[2])));
        masked.into_owned()
    })
}

/// As many stars as there are characters; quotes around them and variables may be seen.
fn stars(secret: &str) -> String {
    let inner = secret.trim_matches(['"', '\'']);
    if inner.starts_with("${") && inner.ends_with('}') && inner.matches('$').count() == 1 {
        return secret.to_owned();
    }
    let masked = secret.chars().map(|c| if matches!(c, '"' | '\'' | '`') { c } else { '*' });
    masked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(SECRETS.len(), 3);
    }

    #[test]
    fn secrets_of_a_line_are_starred_and_the_rest_stays() {
        for (text, expected) in [
            (r#"url = "https://x/T1" # note"#, r#"url = "************" # note"#),
            (r#"url = 'x' , min_severity = "loud""#, r#"url = '*' , min_severity = "loud""#),
            (r#"url = "a\"b" , x = 1"#, r#"url = "**"*" , x = 1"#),
            (r#"url = """x/T1""""#, r#"url = """****""""#),
            ("url = https://x/T1 yes", "url = ****************"),
            (r#"url = "never closed"#, r#"url = "************"#),
            (r#""url"="T1""#, r#""url"="**""#),
            (r#"URL: T1"#, "URL: **"),
            (r#"urll = "https://x/T1""#, r#"urll = "https://****""#),
            (r#"slack_url = "T1""#, r#"slack_url = "**""#),
            (r#"secret = "whsec_abc""#, r#"secret = "*********""#),
            (r#"secret_file = "whsec_abc=""#, r#"secret_file = "whsec_****""#),
            (r#"url_file = "/etc/url""#, r#"url_file = "/etc/url""#),
            (r#"url = "${SLACK_URL}""#, r#"url = "${SLACK_URL}""#),
            (r#"url = "${A}T1${B}""#, r#"url = "**********""#),
            (r#"x = "shttps://x/T1""#, r#"x = "shttps://****""#),
            ("url = \"错误\"", "url = \"**\""),
        ] {
            assert_eq!(masked(text, &SECRETS), expected, "{text}");
            assert_eq!(masked(text, &SECRETS).chars().count(), text.chars().count());
        }
    }

    #[test]
    fn secrets_of_the_words_are_starred_too() {
        let words = |text: &str| {
            let mut shown = Diagnostic::of_file("glob", "sealtail.toml", text.to_owned());
            shown.hint = Some(text.to_owned());
            fault(&mut shown);
            assert_eq!(shown.hint.as_ref(), Some(&shown.message));
            shown.message
        };
        for (text, expected) in [
            ("`a/[https://x/T1` is not a glob", "`a/[https://****` is not a glob"),
            ("cannot read /etc/https://x/T1", "cannot read /etc/https://****"),
            ("`whsec_T1` is not a name", "`whsec_**` is not a name"),
            ("the address is not a URL: empty host", "the address is not a URL: empty host"),
            ("does not start with `https://` or `http://`", "does not start with `https://` or `http://`"),
        ] {
            assert_eq!(words(text), expected);
        }
    }
}
