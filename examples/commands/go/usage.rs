//! How many arguments a usage text (`<a> [b] [c...]`) speaks of.

use crate::model::Args;

/// More plain words than this in a row are prose, not names of arguments.
const WORDS_MAX: usize = 3;

/// Reads a usage text. Nothing, where it gives a choice of forms, speaks of flags, or is prose.
pub fn parse(text: &str) -> Option<Args> {
    let mut args = Args { min: 0, max: Some(0) };
    let mut words = 0;
    let parts = split(text)?;
    for part in &parts {
        let bare = part.trim_end_matches(['.', '…', ',']);
        let is_repeated = part.ends_with("...") || part.ends_with('…') || part.contains("...]");
        let is_repeated = is_repeated || part.contains("...>") || part.contains("…]") || part.contains("…>");
        match bare.chars().next() {
            // `[a] ...`
            None => {}
            Some('[') => add(&mut args, 0, inner_count(bare)?),
            Some('<') => add(&mut args, 1, 1),
            Some(_) if is_choice(bare) || bare.starts_with(['-', '{', '(', '|']) => return None,
            Some(_) => {
                words += 1;
                add(&mut args, 1, 1);
            }
        }
        if is_repeated {
            args.max = None;
        }
    }
    (!parts.is_empty() && words <= WORDS_MAX).then_some(args)
}

fn add(args: &mut Args, min: usize, max: usize) {
    args.min += min;
    args.max = args.max.map(|sum| sum + max);
}

fn is_choice(word: &str) -> bool {
    word.eq_ignore_ascii_case("or") || word.contains('|')
}

/// How many arguments stand in `[…]`: several where it holds further brackets.
fn inner_count(bracket: &str) -> Option<usize> {
    let inner = bracket.strip_prefix('[')?.strip_suffix(']')?;
    if inner.trim_start().starts_with('-') {
        return None;
    }
    if !inner.contains(['<', '[']) {
        return Some(1);
    }
    match parse(inner) {
        Some(Args { max: Some(max), .. }) => Some(max),
        Some(_) => Some(1),
        None => None,
    }
}

/// The words of a text; what stands in brackets is one word. Nothing, where a bracket does not close.
fn split(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0_usize, 0_usize);
    for (at, char) in text.char_indices() {
        match char {
            '<' | '[' | '(' | '{' => {
                if depth == 0 && matches!(char, '<' | '[') {
                    parts.push(&text[from..at]);
                    from = at;
                }
                depth += 1;
            }
            '>' | ']' | ')' | '}' => depth = depth.checked_sub(1)?,
            _ if char.is_whitespace() && depth == 0 => {
                parts.push(&text[from..at]);
                from = at + char.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    let parts: Vec<&str> = parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
    (depth == 0).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let args = |min, max| Some(Args { min, max });
        for (text, expected) in [
            ("", None),
            ("<a>", args(1, Some(1))),
            ("<a> <b>", args(2, Some(2))),
            ("<a> [b]", args(1, Some(2))),
            ("<a or b>", args(1, Some(1))),
            ("<size (such as \"1KiB\")>", args(1, Some(1))),
            ("[a]", args(0, Some(1))),
            ("[<a> <b>]", args(0, Some(2))),
            ("[a...]", args(0, None)),
            ("[a] ...", args(0, None)),
            ("<a> <b>...", args(2, None)),
            ("<a>[b]", args(1, Some(2))),
            ("name", args(1, Some(1))),
            ("name value", args(2, Some(2))),
            ("<a> or <b>", None),
            ("a|b", None),
            ("--flag <a>", None),
            ("[--flag x] <a>", None),
            ("gives all of what there is", None),
            ("<a", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
