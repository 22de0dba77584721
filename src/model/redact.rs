//! Secrets in log text, replaced before anything is stored or sent.
//!
//! A secret is known by its shape (a JWT, an AWS key) or by what stands before it (`token=`,
//! `Authorization:`). Only the secret goes; key, quotes and address stay, so that a line still
//! reads. Where a secret has no clear end, too much is replaced rather than too little. Sector ids,
//! CIDs, hashes, paths and prose are left alone.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;

use crate::model::record::Fields;

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";

/// What is shorter is not looked for in other places: it may stand there for itself.
const TRACE_BYTES_MIN: usize = 6;
/// Texts need one or two; whoever makes one that needs more is not followed further.
const PASSES_MAX: usize = 8;
/// No name and what stands between it and its value is longer; matches may overlap by so much.
const TELLING_BYTES_MAX: usize = 128;
/// A shorter word without a digit is prose: `invalid token: expired`, `bearer token`.
const PROSE_BYTES_MAX: usize = 15;

/// The text without its secrets; borrowed if it has none.
///
/// The result has no secrets left, so doing it twice is doing it once. It is at most four times as
/// long as the text.
pub fn redact(text: &str) -> Cow<'_, str> {
    let Some(mut redacted) = replaced(text) else { return Cow::Borrowed(text) };
    // With a secret the quote or newline may have gone that ended the value before it.
    for _ in 1..PASSES_MAX {
        let Some(again) = replaced(&redacted) else { break };
        redacted = again;
    }
    Cow::Owned(redacted)
}

/// The text with what [`find`] finds replaced, if it finds something.
fn replaced(text: &str) -> Option<String> {
    let secrets = find(text);
    if secrets.is_empty() {
        return None;
    }
    let mut replaced = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        replaced.push_str(&text[from..secret.start]);
        replaced.push_str(MARK);
        from = secret.end;
    }
    replaced.push_str(&text[from..]);
    Some(replaced)
}

/// Takes the secrets out of a text in place.
pub fn redact_text(text: &mut String) {
    let Cow::Owned(redacted) = redact(text) else { return };
    *text = redacted;
}

/// Takes the secrets out of lines that stood below each other: a key may be cut over several.
pub fn redact_lines(lines: &mut Vec<String>) {
    let Cow::Owned(redacted) = redact(&lines.join("\n")) else { return };
    *lines = redacted.split('\n').map(str::to_owned).collect();
}

/// Takes the secrets out of the fields of `record`, which must not be redacted yet: a capture may
/// hold a secret, or a part of one, without what tells it in the record.
pub fn redact_fields(fields: &mut Fields, record: &str) {
    static SECRET_NAME: LazyLock<Regex> =
        LazyLock::new(|| compiled(&format!("(?i)(?:{KEY}|authorization)$")));
    let secrets: Vec<&str> = find(record).into_iter().map(|secret| &record[secret]).collect();
    for (name, value) in fields {
        let named = SECRET_NAME.is_match(name) && !is_empty(value);
        let part = value.len() >= TRACE_BYTES_MIN && secrets.iter().any(|secret| secret.contains(&**value));
        if named || part {
            *value = MARK.to_owned();
            continue;
        }
        for secret in secrets.iter().filter(|secret| secret.len() >= TRACE_BYTES_MIN) {
            if value.contains(secret) {
                *value = value.replace(secret, MARK);
            }
        }
        redact_text(value);
    }
}

/// Where the secrets of a text are: in order, apart from each other, none of them [`MARK`].
fn find(text: &str) -> Vec<Range<usize>> {
    let mut secrets: Vec<Range<usize>> = Vec::new();
    for kind in KINDS.told_in(text) {
        kind.find(text, &mut secrets);
    }
    secrets.sort_unstable_by_key(|secret| secret.start);
    secrets.dedup_by(|next, earlier| {
        let touch = next.start <= earlier.end;
        if touch {
            earlier.end = earlier.end.max(next.end);
        }
        touch
    });
    secrets.retain(|secret| &text[secret.clone()] != MARK);
    secrets
}

/// How one kind of secret is recognised.
struct Kind {
    /// Literals, in any case of letters; without one of them there is no such secret.
    tells: &'static [&'static str],
    /// Every group is a secret, whatever is around it stays.
    regex: Regex,
    /// A match that is none.
    spares: fn(&str) -> bool,
}

impl Kind {
    fn find(&self, text: &str, secrets: &mut Vec<Range<usize>>) {
        let mut from = 0;
        while let Some(found) = self.regex.captures_at(text, from) {
            let Some(secret) = found.iter().skip(1).flatten().next() else { return };
            if !(self.spares)(secret.as_str()) {
                secrets.push(secret.range());
            }
            let told = found.get_match().start() < secret.start();
            // Its end may be what tells the next one: `--token --password x`, `token=token= x`.
            let near_end = text.floor_char_boundary(secret.end().saturating_sub(TELLING_BYTES_MAX));
            from = if told { near_end.max(secret.start()) } else { secret.end() };
        }
    }
}

/// All kinds, and one automaton that says which of them may stand in a text.
struct Kinds {
    kinds: Vec<Kind>,
    tells: AhoCorasick,
    /// The kind of each literal of the automaton.
    owners: Vec<usize>,
}

impl Kinds {
    fn told_in(&self, text: &str) -> impl Iterator<Item = &Kind> {
        let mut told = vec![false; self.kinds.len()];
        for tell in self.tells.find_overlapping_iter(text) {
            told[self.owners[tell.pattern().as_usize()]] = true;
        }
        self.kinds.iter().zip(told).filter_map(|(kind, told)| told.then_some(kind))
    }
}

static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let kinds: Vec<Kind> = PATTERNS
        .iter()
        .map(|&(tells, pattern, spares)| {
            let pattern =
                PIECES.iter().fold(pattern.to_owned(), |whole, (name, piece)| whole.replace(name, piece));
            Kind { tells, regex: compiled(&pattern), spares }
        })
        .collect();
    let tells =
        kinds.iter().enumerate().flat_map(|(owner, kind)| kind.tells.iter().map(move |tell| (owner, tell)));
    let (owners, literals): (Vec<usize>, Vec<&str>) = tells.unzip();
    let tells = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(literals)
        // Constants: the tests build it.
        .expect("a few short literals make an automaton");
    Kinds { kinds, tells, owners }
});

/// What stands for what in [`PATTERNS`].
const PIECES: [(&str, &str); 5] =
    [("<KEY>", KEY), ("<QUOTED>", QUOTED), ("<BARE>", BARE), ("<SCHEME>", SCHEME), ("<WORD>", WORD)];
/// The end of a name whose value is a secret: `piece_token`, `aws_secret_access_key`.
const KEY: &str = r"(?:token|passw(?:or)?d|secret|api[_-]?key|secret[_-]?(?:access[_-]?)?key)";
/// Up to the closing quote, or to the end of a line that was cut; the quotes may be escaped.
const QUOTED: &str = concat!(
    r#"(?:"((?:[^"\\\n]|\\[^\n])+)"#,
    r#"|\\+"((?:[^"\\\n]|\\+[^"\\\n])+)"#,
    r#"|\\*'((?:[^'\\\n]|\\+[^'\\\n])+))"#
);
/// One word of a command line, a query or a list.
const BARE: &str = r#"([^\s"'`&,;<>(){}\[\]\\]+)"#;
/// One word of a header.
const WORD: &str = r#"[^\s"',;(){}\[\]\\]+"#;
/// Ways to authorize that are one word and one secret.
const SCHEME: &str = "(?:bearer|basic|digest|token|negotiate)";
/// What tells a [`KEY`].
const KEY_TELLS: &[&str] = &["token", "passw", "secret", "apikey", "api_key", "api-key"];

/// What tells a kind, its pattern and what it spares.
type Pattern = (&'static [&'static str], &'static str, fn(&str) -> bool);

#[rustfmt::skip] // one kind a row
const PATTERNS: [Pattern; 16] = [
    // token: Some("x"), "token": "x", token = 'x', \"token\":\"x\"; Debug breaks lines behind `(`.
    (KEY_TELLS, r#"(?i)<KEY>\\*["']?[ \t]*(?::?=>?|:)[ \t]*(?:[a-z]\w*\(\s*)*<QUOTED>"#, never),
    // token=x, ?token=x
    (KEY_TELLS, r#"(?i)<KEY>\\*["']?[ \t]*:?=>?[ \t]*<BARE>"#, is_empty),
    // token: x
    (KEY_TELLS, r#"(?i)<KEY>\\*["']?[ \t]*:[ \t]*([^:\s"'`&,;<>(){}\[\]\\][^\s"'`&,;<>(){}\[\]\\]*)"#, is_prose),
    // --token x, "--token", "x"
    (KEY_TELLS, r#"(?i)--[\w-]{0,64}<KEY>["']?,?[ \t]+(?:<QUOTED>|<BARE>)"#, is_option),
    // Authorization: Bearer x; what is no known scheme may be the secret, or stand before it.
    (&["authorization"], r#"(?i)authorization\\*["']?[ \t]*(?::?=|:)[ \t]*(?:(\[redacted\])|\[?\\*["']?(?:<SCHEME>[ \t]+\\*["']?(\[redacted\]|<WORD>)|(\[redacted\]|<WORD>(?:[ \t]+<WORD>)?)))"#, never),
    (&["bearer"], r"(?i)bearer[ \t]+([a-z0-9._~+/=-]{8,})", is_prose),
    // Every JSON Web Token begins with `{"`; one that was cut lacks parts.
    (&["eyJ"], r"(eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)+)", never),
    // FULLNODE_API_INFO=x:/ip4/…, and the same as the value of any other key.
    (&["api_info"], r#"(?i)api_info\\*["']?[ \t]*(?::?=|[:,])[ \t]*\\*["']?([^\s"'`:,\\/][^\s"'`:,\\]*)"#, is_scheme),
    (&[":/ip", ":/dns", ":/unix"], r"([A-Za-z0-9._~+-]{16,}):/(?:ip4|ip6|dns|dns4|dns6|dnsaddr|unix)/", never),
    // scheme://user:x@host
    (&["://"], r#"://[^\s/:@"']*:([^\s"'/]+)@"#, never),
    // user:x@tcp(host)
    (&["@(", "@tcp(", "@unix("], r#"[^\s/:@"']:([^\s"'/:]+)@(?:tcp|unix)?\("#, never),
    (&["AKIA", "ASIA"], r"((?:AKIA|ASIA)[0-9A-Z]{16,})", never),
    (&["hooks.slack.com"], r#"(?i)hooks\.slack\.com/(?:services|workflows|triggers)/([^\s"'<>|]+)"#, never),
    (&["whsec_"], r"whsec_([A-Za-z0-9+/=_-]+)", never),
    // A block without its end was cut.
    (&["PRIVATE KEY"], r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:(.+?))(?:-----END|\z)", never),
    // A block without its start: its lines up to its end.
    (&["PRIVATE KEY"], r"((?:[A-Za-z0-9+/=]{40,}(?:\\[nr]|\s)+)*[A-Za-z0-9+/=]+(?:\\[nr]|\s)*)-----END [A-Z0-9 ]*PRIVATE KEY", never),
];

fn never(_: &str) -> bool {
    false
}

/// Whether it is written where there is no value.
fn is_empty(value: &str) -> bool {
    ["", "None", "Some", "null", "nil", "true", "false"].contains(&value) || value == MARK
}

/// Whether it reads like a word rather than like a secret.
fn is_prose(value: &str) -> bool {
    is_empty(value) || value.len() <= PROSE_BYTES_MAX && !value.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether it is the next option instead of a value.
fn is_option(value: &str) -> bool {
    value.starts_with("--")
}

/// Whether it is the start of an address that has no token before it.
fn is_scheme(value: &str) -> bool {
    ["http", "https", "ws", "wss"].contains(&value)
}

fn compiled(pattern: &str) -> Regex {
    // Constants: the tests compile each of them.
    Regex::new(pattern).expect("the patterns of this room are valid")
}

#[cfg(test)]
mod tests;
