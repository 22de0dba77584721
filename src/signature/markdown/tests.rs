//! Pages as a terminal shows them.

use proptest::prelude::*;

use super::*;

/// The rendered text with its escapes taken out.
fn plain(markdown: &str, width: usize) -> String {
    let shown = to_terminal(markdown, width);
    let mut plain = String::new();
    let mut chars = shown.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(|&end| end == 'm');
        } else {
            plain.push(c);
        }
    }
    plain
}

#[test]
fn a_runbook() {
    let markdown = "\
# Malformed response

The child wrote *something else*
on its stdout.

1. Have the output written to a file, then look at what it is that the child prints:

   ```sh
   {worker} enable_dump

   ls
   ```

2. Remove it. See [the page](https://example.org/a).

   ```sh caution
   rm -r {path}
   ```

   - one
   - two
";
    let expected = "\
Malformed response

The child wrote something else on its
stdout.

1. Have the output written to a file,
   then look at what it is that the
   child prints:

       {worker} enable_dump

       ls

2. Remove it. See the page
   (https://example.org/a).

       # caution: this changes or deletes something
       rm -r {path}

   • one
   • two
";
    assert_eq!(plain(markdown, 38), expected);
}

#[test]
fn blocks() {
    for (markdown, width, expected) in [
        ("", 80, ""),
        ("- a\n- b\n  - c\n\nd", 80, "• a\n• b\n  • c\n\nd\n"),
        ("9. a\n10. b", 80, "9. a\n10. b\n"),
        (
            "```sh caution since=damocles-v0.4 until=damocles-v0.8 secret\nls\n```",
            80,
            "    # damocles v0.4 to v0.8\n    # caution: this changes or deletes something\n    \
             # it prints a secret: keep the output to yourself\n    ls\n",
        ),
        ("> quoted words", 10, "│ quoted\n│ words\n"),
        ("<https://example.org>", 80, "https://example.org\n"),
        ("see https://example.org/a-long-address", 10, "see\nhttps://example.org/a-long-address\n"),
        ("a  \nb", 80, "a\nb\n"),
        ("a\u{7}\u{1b}[31mb", 80, "a[31mb\n"),
        ("a\n\n---\n\nb", 4, "a\n\n────\n\nb\n"),
    ] {
        assert_eq!(plain(markdown, width), expected, "{markdown:?}");
    }
}

#[test]
fn chinese_takes_two_columns_and_breaks_anywhere_but_before_its_marks() {
    for (markdown, width, expected) in [
        ("扇区状态没有找到", 8, "扇区状态\n没有找到\n"),
        ("扇区状态，没有", 8, "扇区状\n态，没有\n"),
        ("见（说明）", 4, "见\n（说\n明）\n"),
        ("扇区\n状态", 80, "扇区状态\n"),
        ("扇区 key 状态", 8, "扇区 key\n状态\n"),
        ("扇区\nkey", 80, "扇区 key\n"),
    ] {
        assert_eq!(plain(markdown, width), expected, "{markdown:?}");
    }
}

#[test]
fn styles() {
    assert_eq!(to_terminal("## Head", 80), format!("{BOLD}Head{BOLD:#}\n"));
    assert_eq!(to_terminal("run `ls`", 80), format!("run {CODE}ls{CODE:#}\n"));
    assert_eq!(to_terminal("```sh\nls\n```", 80), format!("    {DIM}ls{DIM:#}\n"));
}

proptest! {
    #[test]
    fn any_text_is_rendered_within_the_width(markdown in "[a-c 扇。#>*`\\-\n0-9.\\[\\]()]{0,200}", width in 0usize..50) {
        let shown = plain(&markdown, width);
        prop_assert!(shown.is_empty() || shown.ends_with('\n'));
        prop_assert!(!shown.lines().any(|line| line.ends_with(' ')));
    }
}
