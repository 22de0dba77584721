//! Which files a build on Linux takes.

/// What a plain build has set.
const SET: [&str; 4] = ["linux", "amd64", "cgo", "unix"];

/// Endings of file names that are for other systems and processors.
const FOREIGN: [&str; 8] =
    ["_windows.go", "_darwin.go", "_freebsd.go", "_arm64.go", "_js.go", "_wasm.go", "_386.go", "_plan9.go"];

/// Whether a plain build on Linux takes this file.
pub fn holds(path: &str, text: &str) -> bool {
    if FOREIGN.iter().any(|ending| path.ends_with(ending)) {
        return false;
    }
    let head: Vec<&str> = text.lines().take_while(|line| !line.starts_with("package ")).collect();
    if let Some(line) = head.iter().find_map(|line| line.strip_prefix("//go:build ")) {
        return any(&line.replace(' ', ""));
    }
    let mut old = head.iter().filter_map(|line| line.strip_prefix("// +build "));
    // The old way: lines must all hold, a blank is "or", a comma is "and".
    old.all(|line| line.split_whitespace().any(|words| words.split(',').all(atom)))
}

/// `a&&b||c`.
fn any(text: &str) -> bool {
    split(text, "||").into_iter().any(|part| split(part, "&&").into_iter().all(atom))
}

/// One word, negated, or in brackets.
fn atom(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('!') {
        return !atom(inner);
    }
    match text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => any(inner),
        None => SET.contains(&text) || text.starts_with("go1."),
    }
}

/// Splits outside of brackets.
fn split<'t>(text: &'t str, by: &str) -> Vec<&'t str> {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if depth == 0 && at >= from && text[at..].starts_with(by) => {
                parts.push(&text[from..at]);
                from = at + by.len();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_plain_build() {
        for (path, head, expected) in [
            ("a.go", "", true),
            ("a_windows.go", "", false),
            ("a.go", "//go:build !nodaemon\n", true),
            ("a.go", "//go:build nodaemon\n", false),
            ("a.go", "//go:build linux && !(debug || 2k)\n", true),
            ("a.go", "//go:build (linux && debug) || darwin\n", false),
            ("a.go", "// +build linux,!debug darwin\n", true),
            ("a.go", "// +build debug 2k\n", false),
            ("a.go", "// +build linux\n// +build debug\n", false),
        ] {
            assert_eq!(holds(path, &format!("{head}\npackage a\n")), expected, "{path} {head}");
        }
    }
}
