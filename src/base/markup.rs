//! Text and Markdown as HTML in which nothing comes alive.

use pulldown_cmark::{CowStr, Event, Parser, Tag, html};

/// The text as it stands in a page: what is markup to a browser, drives a terminal or turns reading
/// order around does not get there.
pub fn escape(text: &str) -> String {
    super::text::html(&super::text::clean(text))
}

/// Markdown. Tags written in it are shown as they stand, and links lead to the web or nowhere.
pub fn prose(markdown: &str) -> String {
    let cleaned = super::text::clean(markdown);
    let events = Parser::new(&cleaned).map(|event| match event {
        Event::Html(tag) | Event::InlineHtml(tag) => Event::Text(tag),
        Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
            Event::Start(Tag::Link { link_type, dest_url: web(dest_url), title: CowStr::Borrowed(""), id })
        }
        Event::Start(Tag::Image { .. }) => Event::Start(Tag::Emphasis),
        Event::End(pulldown_cmark::TagEnd::Image) => Event::End(pulldown_cmark::TagEnd::Emphasis),
        other => other,
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

/// A link to the web.
pub fn link(title: &str, url: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(&web(url.into())), escape(title))
}

fn web(url: CowStr<'_>) -> CowStr<'_> {
    if url.starts_with("https://") || url.starts_with("http://") { url } else { CowStr::Borrowed("#") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_alive() {
        for (markdown, shown) in [
            ("a **b** `c<d`", "<p>a <strong>b</strong> <code>c&lt;d</code></p>\n"),
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
            ("a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"),
            ("[a](javascript:x)", "<p><a href=\"#\">a</a></p>\n"),
            ("[a](https://b.org/?c&d \"e\")", "<p><a href=\"https://b.org/?c&amp;d\">a</a></p>\n"),
            ("![a](https://b.org/c.png)", "<p><em>a</em></p>\n"),
            ("a\u{202e}b", "<p>ab</p>\n"),
        ] {
            assert_eq!(prose(markdown), shown, "{markdown}");
        }
        assert_eq!(escape("<a href=\"x\">&\u{1b}[0m"), "&lt;a href=&quot;x&quot;&gt;&amp;[0m");
        assert_eq!(link("<a>", "data:text/html,x"), "<a href=\"#\">&lt;a&gt;</a>");
    }
}
