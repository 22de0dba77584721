//! Slack's markup, `mrkdwn`: how text gets into it without becoming markup itself.
//!
//! Text from logs only ever stands in code, inline or as a block, escaped. Markdown of pages keeps
//! its bold, code and links; everything else of it is escaped text.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::base::text::{clean, clean_line, cut};

/// Text in inline code, at most `chars_max` characters between the ticks.
pub(super) fn code(text: &str, chars_max: usize) -> String {
    let line = clean_line(text).replace('`', "ˋ");
    let line = line.trim();
    // Slack shows an empty pair of ticks as two ticks.
    if line.is_empty() { "` `".to_owned() } else { format!("`{}`", escape_cut(line, chars_max)) }
}

/// Text in a code block, at most `chars_max` characters between the fences.
pub(super) fn code_block(text: &str, chars_max: usize) -> String {
    format!("```\n{}\n```", escape_cut(&clean(text).replace("```", "ˋˋˋ"), chars_max))
}

/// A link, or its title alone if `url` is not one a browser should follow.
pub(super) fn link(title: &str, url: &str) -> String {
    let title = escape(&clean_line(title)).replace('|', "¦");
    match target(url) {
        Some(target) if title.is_empty() => format!("<{target}>"),
        Some(target) => format!("<{target}|{title}>"),
        None => title,
    }
}

/// Text as itself: no mention, link or entity comes alive.
pub(super) fn escape(text: &str) -> String {
    text.chars().map(escape_char).collect::<Vec<_>>().concat()
}

/// The same, at most `chars_max` characters once escaped; no entity is cut in two.
pub(super) fn escape_cut(text: &str, chars_max: usize) -> String {
    let escaped = escape(text);
    if escaped.chars().count() <= chars_max {
        return escaped;
    }
    let mut room = chars_max.saturating_sub(1);
    let fitting = text.chars().map(escape_char).take_while(|piece| {
        let length = piece.chars().count();
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    });
    fitting.chain(["…".to_owned()]).collect()
}

/// Markdown of a page, at most `chars_max` characters once converted.
pub(super) fn markdown(text: &str, chars_max: usize) -> String {
    let mut kept = chars_max;
    loop {
        // The source is cut, not the result: so nothing is left open.
        let converted = convert(&cut(text, kept));
        if kept <= 1 || converted.chars().count() <= chars_max {
            return converted;
        }
        kept /= 2;
    }
}

fn convert(text: &str) -> String {
    let text = clean(text);
    let mut out = String::new();
    let mut targets: Vec<Option<String>> = Vec::new();
    let mut block = None;
    for event in Parser::new_ext(&text, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => block = Some(String::new()),
            Event::End(TagEnd::CodeBlock) => {
                let code = block.take().unwrap_or_default();
                out += &code_block(code.trim_end(), usize::MAX);
                out += "\n";
            }
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => match &mut block {
                Some(code) => code.push_str(&text),
                None => out += &plain(&text),
            },
            Event::Code(text) => out += &code(&text, usize::MAX),
            Event::Start(Tag::Strong | Tag::Heading { .. }) | Event::End(TagEnd::Strong) => out.push('*'),
            Event::Start(Tag::Emphasis) | Event::End(TagEnd::Emphasis) => out.push('_'),
            Event::Start(Tag::Strikethrough) | Event::End(TagEnd::Strikethrough) => out.push('~'),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let target = target(&dest_url);
                if let Some(target) = &target {
                    out += &format!("<{target}|");
                }
                targets.push(target);
            }
            Event::End(TagEnd::Link) => out += targets.pop().flatten().map_or("", |_| ">"),
            Event::Start(Tag::Item) => out += "• ",
            Event::SoftBreak => out.push(' '),
            Event::HardBreak | Event::End(TagEnd::Item | TagEnd::Paragraph) => out.push('\n'),
            Event::End(TagEnd::Heading(_)) => out += "*\n",
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// Text of a page outside code: its punctuation is not markup.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let inside = before.is_alphanumeric() && rest.peek().is_some_and(|after| after.is_alphanumeric());
        match c {
            '`' => out.push('ˋ'),
            '*' => out.push('∗'),
            '~' => out.push('∼'),
            // An underscore inside a word is no markup, and words like `max_tasks` are common.
            '_' if !inside => out.push('ˍ'),
            '|' => out.push('¦'),
            c => out += &escape_char(c),
        }
        before = c;
    }
    out
}

/// The inside of a link, if `url` is one a browser should follow.
fn target(url: &str) -> Option<String> {
    let url = clean_line(url);
    let known = url.starts_with("https://") || url.starts_with("http://");
    let encode = |c: char| match c {
        '<' | '>' | '|' | ' ' | '`' | '"' => format!("%{:02X}", u32::from(c)),
        c => escape_char(c),
    };
    known.then(|| url.chars().map(encode).collect())
}

fn escape_char(c: char) -> String {
    match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_of_pages() {
        for (text, converted) in [
            ("**bold** and `a < b`", "*bold* and `a &lt; b`"),
            ("_soft_\nbreak", "_soft_ break"),
            ("see [the *guide*](https://e.org/a?b&c|d)", "see <https://e.org/a?b&amp;c%7Cd|the _guide_>"),
            ("[run](javascript:alert) it", "run it"),
            ("- one\n- two", "• one\n• two"),
            ("# Title\n\ntext", "*Title*\ntext"),
            ("```sh\nls > `x`\n```", "```\nls &gt; `x`\n```"),
            ("max_tasks and 2 \\* 3 \\_x\\_", "max_tasks and 2 ∗ 3 ˍxˍ"),
            ("<!channel> <@U1> <b>", "&lt;!channel&gt; &lt;@U1&gt; &lt;b&gt;"),
            ("", ""),
        ] {
            assert_eq!(markdown(text, 3_000), converted, "{text}");
        }
    }

    #[test]
    fn nothing_is_cut_in_two() {
        assert_eq!(escape_cut("a<b>c", 20), "a&lt;b&gt;c");
        assert_eq!(escape_cut("a<b>c", 6), "a&lt;…");
        assert_eq!(escape_cut("a<b>c", 5), "a…");
        assert_eq!(escape_cut("错误错误", 3), "错误…");
        let cut = markdown(&"**a & b** ".repeat(500), 100);
        assert!(cut.chars().count() <= 100 && cut.matches('*').count().is_multiple_of(2), "{cut}");
    }

    #[test]
    fn code_is_closed_only_by_its_own_ticks() {
        assert_eq!(code("a`b\n<c>", 99), "`aˋb &lt;c&gt;`");
        assert_eq!(code("", 99), "` `");
        assert_eq!(code_block("a\n```\n<!here> `b`", 99), "```\na\nˋˋˋ\n&lt;!here&gt; `b`\n```");
    }
}
