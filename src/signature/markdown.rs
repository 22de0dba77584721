//! Shows Markdown on a terminal: headings bold, commands set apart, prose wrapped.
//!
//! The output always carries its colours; who prints it drops them where they are not wanted.
//! Control characters of the text are left out, so a page cannot drive the terminal.

mod wrap;

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

pub use self::wrap::columns;
use self::wrap::{Glyph, wrap};
use super::{Step, marks};
use crate::model::alert::Lang;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const CODE: Style = AnsiColor::Cyan.on_default();
const CAUTION: Style = AnsiColor::Yellow.on_default();

/// Renders Markdown for a terminal of `width` columns. Words and commands that are wider than the
/// terminal are left whole. Ends with a newline, unless there is nothing to show.
pub fn to_terminal(markdown: &str, width: usize) -> String {
    let mut page = Page { width, ..Page::default() };
    let events: Vec<Event<'_>> = Parser::new(markdown).collect();
    for (index, event) in events.iter().enumerate() {
        page.event(event, events.get(index + 1));
    }
    page.flush();
    page.out
}

/// Plain text in lines of at most `width` columns. What is wider than a line goes on in the next.
pub fn to_lines(text: &str, width: usize) -> Vec<String> {
    let glyphs: Vec<Glyph> = text.chars().map(|c| Glyph { c, style: Style::new() }).collect();
    let mut lines = Vec::new();
    for line in wrap(&glyphs, width) {
        let (mut part, mut taken) = (String::new(), 0);
        for Glyph { c, .. } in line {
            if taken + columns(c) > width {
                lines.push(std::mem::take(&mut part));
                taken = 0;
            }
            part.push(c);
            taken += columns(c);
        }
        lines.push(part);
    }
    lines
}

/// What has been rendered so far, and the state between two events.
#[derive(Default)]
struct Page {
    out: String,
    width: usize,
    /// Indentation of lists and quotes around the current block, outermost first.
    margins: Vec<Margin>,
    /// Next numbers of the lists around the current block; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Styles of the markup around the current words.
    styles: Vec<Style>,
    /// The words of the current block.
    glyphs: Vec<Glyph>,
    /// A line of the source ended here: a space, unless between two wide characters.
    soft_break: bool,
    /// Addresses of the links around the current words, and where their titles start.
    links: Vec<(String, usize)>,
    in_code: bool,
    /// The block before was one that an empty line sets apart.
    apart: bool,
}

/// What the words behind `sh` say of a command.
fn notes(info: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = info.split_whitespace().collect();
    let step = match words[..] {
        ["sh", ref words @ ..] => marks::read(words).0,
        _ => Step::default(),
    };
    let releases = step.holds.map(|holds| holds.words(Lang::En).trim_matches([' ', '(', ')']).to_owned());
    let caution = step.caution.then(|| "caution: this changes or deletes something".to_owned());
    let secret = step.secret.then(|| "it prints a secret: keep the output to yourself".to_owned());
    releases.into_iter().chain(caution).chain(secret)
}

/// Indentation of one list item or quote.
struct Margin {
    /// Stands in front of the first line, once.
    marker: Option<String>,
    /// Stands in front of the other lines.
    rest: String,
}

impl Page {
    fn event(&mut self, event: &Event<'_>, next: Option<&Event<'_>>) {
        match event {
            Event::Start(tag) => self.start(tag, next),
            Event::End(tag) => self.end(*tag),
            Event::Text(text) if self.in_code => self.code(text),
            Event::Text(text) => self.words(text, self.style()),
            Event::Code(code) => self.words(code, CODE),
            Event::SoftBreak => self.soft_break = true,
            Event::HardBreak => self.glyphs.push(Glyph { c: '\n', style: Style::new() }),
            Event::Rule => {
                self.gap();
                self.line(&format!("{DIM}{}{DIM:#}", "─".repeat(self.room().min(40))));
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, next: Option<&Event<'_>>) {
        match tag {
            Tag::Paragraph => self.gap(),
            Tag::Heading { level, .. } => {
                self.gap();
                let style = if *level == HeadingLevel::H1 { BOLD.underline() } else { BOLD };
                self.styles.push(style);
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                self.gap();
                self.in_code = true;
                if let CodeBlockKind::Fenced(info) = kind {
                    notes(info).for_each(|note| self.line(&format!("    {CAUTION}# {note}{CAUTION:#}")));
                }
            }
            Tag::List(first) => {
                self.flush();
                if self.lists.is_empty() || self.apart {
                    self.gap();
                }
                self.lists.push(*first);
            }
            Tag::Item => self.item(matches!(next, Some(Event::Start(Tag::Paragraph)))),
            Tag::BlockQuote(_) => {
                self.gap();
                let bar = format!("{DIM}│{DIM:#} ");
                self.margins.push(Margin { marker: Some(bar.clone()), rest: bar });
            }
            Tag::Emphasis => self.styles.push(self.style().italic()),
            Tag::Strong => self.styles.push(self.style().bold()),
            Tag::Link { dest_url, .. } => {
                self.end_soft_break(' ');
                self.links.push((dest_url.to_string(), self.glyphs.len()));
                self.styles.push(self.style().underline());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        if matches!(tag, TagEnd::Paragraph | TagEnd::CodeBlock | TagEnd::Heading(_) | TagEnd::List(_)) {
            self.apart = !matches!(tag, TagEnd::List(_));
        }
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
            }
            TagEnd::CodeBlock => self.in_code = false,
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Item | TagEnd::BlockQuote(_) => {
                self.flush();
                self.margins.pop();
            }
            TagEnd::Emphasis | TagEnd::Strong => {
                self.styles.pop();
            }
            TagEnd::Link => {
                self.styles.pop();
                self.link();
            }
            _ => {}
        }
    }

    /// Opens a list item; the items of a loose list stand apart.
    fn item(&mut self, loose: bool) {
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "• ".to_owned(),
        };
        if loose {
            self.gap();
        }
        self.apart = false;
        let rest = " ".repeat(marker.chars().count());
        self.margins.push(Margin { marker: Some(format!("{BOLD}{marker}{BOLD:#}")), rest });
    }

    /// Closes a link: its address behind its title, unless that is the title.
    fn link(&mut self) {
        let Some((url, start)) = self.links.pop() else { return };
        let title: String = self.glyphs[start.min(self.glyphs.len())..].iter().map(|glyph| glyph.c).collect();
        if title != url {
            self.words(" (", Style::new());
            self.words(&url, DIM);
            self.words(")", Style::new());
        }
    }

    fn words(&mut self, text: &str, style: Style) {
        self.end_soft_break(text.chars().next().unwrap_or(' '));
        let shown = text.chars().filter(|c| !c.is_control());
        self.glyphs.extend(shown.map(|c| Glyph { c, style }));
    }

    /// Puts the space of a line break in the source, unless both its sides are wide.
    fn end_soft_break(&mut self, next: char) {
        let wide_before = self.glyphs.last().is_some_and(|glyph| columns(glyph.c) == 2);
        if std::mem::take(&mut self.soft_break) && !(wide_before && columns(next) == 2) {
            self.glyphs.push(Glyph { c: ' ', style: self.style() });
        }
    }

    fn code(&mut self, text: &str) {
        for line in text.lines() {
            let shown: String = line.chars().filter(|&c| c == '\t' || !c.is_control()).collect();
            match shown.trim_end() {
                "" => self.line(""),
                shown => self.line(&format!("    {DIM}{shown}{DIM:#}")),
            }
        }
    }

    /// Puts the words of the block that ends.
    fn flush(&mut self) {
        let glyphs = std::mem::take(&mut self.glyphs);
        self.soft_break = false;
        for line in wrap(&glyphs, self.room()) {
            let mut shown = String::new();
            for run in line.chunk_by(|one, other| one.style == other.style) {
                let style = run[0].style;
                let words: String = run.iter().map(|glyph| glyph.c).collect();
                // Writing to a String cannot fail.
                let _ = write!(shown, "{style}{words}{style:#}");
            }
            self.line(&shown);
        }
    }

    /// Columns left between the margins and the end of the line.
    fn room(&self) -> usize {
        let taken: usize = self.margins.iter().map(|margin| visible(&margin.rest)).sum();
        self.width.saturating_sub(taken).max(1)
    }

    /// Puts an empty line between two blocks; none at the top nor behind the marker of an item.
    fn gap(&mut self) {
        self.flush();
        let item_opened = self.margins.last().is_some_and(|margin| margin.marker.is_some());
        if !self.out.is_empty() && !item_opened && !self.out.ends_with("\n\n") {
            self.line("");
        }
    }

    fn line(&mut self, line: &str) {
        let mut margin = String::new();
        for one in &mut self.margins {
            margin.push_str(&one.marker.take().unwrap_or_else(|| one.rest.clone()));
        }
        let line = format!("{margin}{line}");
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }
}

/// Columns of a margin, whose only escapes are those of [`DIM`].
fn visible(margin: &str) -> usize {
    let plain = margin.replace(&DIM.render().to_string(), "").replace(&DIM.render_reset().to_string(), "");
    plain.chars().map(columns).sum()
}

#[cfg(test)]
mod tests;
