//! Takes a page apart: title, header, meaning, steps, samples and links, each with its bytes.
//!
//! Reports what cannot be read where it stands (a command in a block that is none, an assertion
//! that is none). Whether the parts make a good page is for [`super::lint`] to say.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use super::marks::{self, Wrong};
use super::sample::{Assertion, assertions};
use super::{Sample, SampleKind, Step};
use crate::base::diagnostic::Text;
use crate::base::diagnostic::table::Located;
use crate::model::alert::{Lang, Link};

/// The parts of a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Every `#` heading.
    pub titles: Vec<Located<String>>,
    /// The first fenced block, wherever it stands.
    pub first_fence: Option<Fence>,
    /// What stands before the meaning starts and is therefore shown to nobody.
    pub stray: Vec<Range<usize>>,
    /// Markdown between the header, or the title where there is none, and the first section.
    pub meaning: String,
    /// Every `##` heading, and the section it opens.
    pub sections: Vec<(Option<Section>, Located<String>)>,
    pub steps: Vec<PageStep>,
    pub samples: Vec<PageSample>,
    pub links: Vec<Located<Link>>,
}

/// A step and where its command stands.
#[derive(Debug)]
pub(super) struct PageStep {
    pub step: Step,
    /// Bytes of the command as the page writes it, indentation included.
    pub command: Range<usize>,
}

/// A sample and its assertions where they stand.
#[derive(Debug)]
pub(super) struct PageSample {
    pub sample: Sample,
    pub assertions: Vec<Assertion>,
}

/// A fenced block.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    /// Bytes of the opening line.
    pub line: Range<usize>,
    /// Bytes of the info string.
    pub info: Range<usize>,
    /// Bytes between the fences.
    pub inside: Range<usize>,
    /// The whole block.
    pub span: Range<usize>,
    /// What it holds, without the indentation of the list it stands in.
    pub text: String,
}

/// A section of a page, by its `##` heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Action,
    Fires,
    Silent,
    /// Only where the page is a state.
    Ends,
    References,
}

impl Section {
    /// Every section, in the order of a page.
    pub const ALL: [Section; 5] =
        [Section::Action, Section::Fires, Section::Silent, Section::Ends, Section::References];

    /// The sections of every page.
    pub const MANDATORY: [Section; 4] =
        [Section::Action, Section::Fires, Section::Silent, Section::References];

    /// The sections of a check of the doctor.
    pub const OF_CHECK: [Section; 2] = [Section::Action, Section::References];

    /// Its heading.
    pub fn name(self) -> &'static str {
        match self {
            Section::Action => "Action",
            Section::Fires => "Fires",
            Section::Silent => "Silent",
            Section::Ends => "Ends",
            Section::References => "References",
        }
    }

    /// The section that a heading opens. A Chinese page may say `处理` for `Action`.
    fn named(heading: &str, lang: Lang) -> Option<Section> {
        let translated = lang == Lang::Zh && heading == "处理";
        let named = Section::ALL.into_iter().find(|section| section.name() == heading);
        if translated { Some(Section::Action) } else { named }
    }
}

impl Fence {
    /// Reports a block that swallows the rest of the page.
    fn check_closed(&self, text: &Text<'_>) {
        let source = text.text();
        let mark = &source[self.line.start..][..3.min(self.line.len())];
        let after = source[self.line.end..self.span.end.max(self.line.end)].trim_end();
        let last = after.rsplit('\n').next().unwrap_or_default().trim_start();
        if !last.starts_with(mark) || !after.contains('\n') {
            text.fault("open-block", self.line.clone(), "the block is never closed");
        }
    }
}

/// The bytes of the header of a page without a fault. `None` where it is written in another way than most.
pub(super) fn header(page: &str) -> Option<Range<usize>> {
    const OPENING: &str = "```toml\n";
    let block = page.find("```")?;
    page[block..].starts_with(OPENING).then_some(())?;
    let start = block + OPENING.len();
    let end = start + page[start..].find("\n```\n")? + 1;
    Some(start..end)
}

type Events<'t> = [(Event<'t>, Range<usize>)];

/// Takes the page apart.
pub(super) fn read(text: &Text<'_>, lang: Lang) -> Page {
    let events: Vec<_> = Parser::new(text.text()).into_offset_iter().collect();
    let fences = fences(text, &events);
    fences.iter().for_each(|fence| fence.check_closed(text));
    let mut page = Page { first_fence: fences.into_iter().next(), ..Page::default() };
    let mut section = None;
    let mut meaning = Meaning::default();
    for block in blocks(&events) {
        let (opening, span) = &block[0];
        match heading_level(opening) {
            Some(HeadingLevel::H1) => {
                page.titles.push(Located { value: plain_text(block), span: trim(text.text(), span.clone()) });
                meaning.open(span.end);
            }
            Some(HeadingLevel::H2) => {
                let heading = Located { value: plain_text(block), span: trim(text.text(), span.clone()) };
                section = Section::named(&heading.value, lang);
                meaning.close(span.start);
                page.sections.push((section, heading));
            }
            _ if page.sections.is_empty() => meaning.block(block, span, &page),
            _ => page.section_block(text, section, block),
        }
    }
    meaning.close(text.text().len());
    page.meaning = text.text()[meaning.span].trim().to_owned();
    page.stray = meaning.stray;
    page
}

/// Where the meaning starts and ends.
#[derive(Debug, Default)]
struct Meaning {
    span: Range<usize>,
    closed: bool,
    /// Blocks since the title: strays, should a header follow.
    blocks: Vec<Range<usize>>,
    stray: Vec<Range<usize>>,
}

impl Meaning {
    fn open(&mut self, at: usize) {
        if !self.closed {
            self.span = at..at;
            self.stray.append(&mut self.blocks);
        }
    }

    fn close(&mut self, at: usize) {
        if !self.closed {
            self.span.end = at.max(self.span.start);
            self.closed = true;
        }
    }

    fn block(&mut self, block: &Events<'_>, span: &Range<usize>, page: &Page) {
        let header = page.first_fence.as_ref().is_some_and(|fence| fence.span.start == span.start);
        if header && matches!(block[0].0, Event::Start(Tag::CodeBlock(_))) {
            self.open(span.end);
        } else if !matches!(block[0].0, Event::Start(Tag::HtmlBlock)) {
            self.blocks.push(span.clone());
        }
    }
}

impl Page {
    /// Bytes of the heading that opens a section.
    pub fn heading(&self, section: Section) -> Option<Range<usize>> {
        let found = self.sections.iter().find(|(opened, _)| *opened == Some(section));
        found.map(|(_, heading)| heading.span.clone())
    }

    fn section_block(&mut self, text: &Text<'_>, section: Option<Section>, block: &Events<'_>) {
        match section {
            Some(Section::Action) => self.action(text, block),
            Some(Section::Fires) => self.samples(text, SampleKind::Fires, block),
            Some(Section::Silent) => self.samples(text, SampleKind::Silent, block),
            Some(Section::Ends) => self.samples(text, SampleKind::Ends, block),
            Some(Section::References) => self.links.extend(links(block)),
            None => {}
        }
    }

    fn action(&mut self, text: &Text<'_>, block: &Events<'_>) {
        match &block[0] {
            (Event::Start(Tag::List(Some(_))), _) => {
                for item in items(block) {
                    self.item(text, item);
                }
            }
            (Event::Start(Tag::HtmlBlock), _) => {}
            (_, span) => text.fault_hint(
                "action-list",
                trim(text.text(), span.clone()),
                "the action is one numbered list",
                "make it a step: `1. …`, indent what belongs to the step by three spaces",
            ),
        }
    }

    /// One item: its text up to each command is the text of that command's step.
    fn item(&mut self, text: &Text<'_>, item: &Events<'_>) {
        let (Some((_, first)), Some((_, whole))) = (item.get(1), item.first()) else { return };
        let source = text.text();
        let mut from = first.start.min(whole.end);
        let indent = column(source, from);
        let number = self.steps.last().map_or(1, |last| last.step.number + 1);
        for fence in fences(text, item) {
            let info = source[fence.info.clone()].split_whitespace().collect::<Vec<_>>();
            let step = match info[..] {
                ["sh", ref words @ ..] => marked(text, &fence, words),
                ["bash" | "shell" | "zsh" | "console", ..] => {
                    let message = "a command must be in a block marked `sh`";
                    text.fault("command-block", trim(source, fence.line), message);
                    continue;
                }
                _ => continue,
            };
            let before = dedent(&source[from..fence.span.start.max(from)], indent);
            from = fence.span.end;
            let command = fence.text.trim_end().to_owned();
            let step = Step { number, text: before, command: Some(command), ..step };
            self.steps.push(PageStep { step, command: fence.inside });
        }
        let rest = dedent(&source[from.min(whole.end)..whole.end], indent);
        if !rest.is_empty() {
            let step = Step { number, text: rest, ..Step::default() };
            self.steps.push(PageStep { step, command: whole.end..whole.end });
        }
    }

    fn samples(&mut self, text: &Text<'_>, kind: SampleKind, block: &Events<'_>) {
        for fence in fences(text, block) {
            let info = &text.text()[fence.info.clone()];
            let Some(behind) =
                info.strip_prefix("log").filter(|rest| !rest.starts_with(char::is_alphanumeric))
            else {
                text.fault("sample-block", fence.line, "a sample must be in a block marked `log`");
                continue;
            };
            let assertions = assertions(text, fence.info.end - behind.len()..fence.info.end);
            let (also, fields): (Vec<_>, Vec<_>) = assertions.iter().partition(|one| one.name == "also");
            let sample = Sample {
                kind,
                text: fence.text,
                fields: fields.into_iter().map(|one| (one.name.clone(), one.value.clone())).collect(),
                also: also.into_iter().map(|one| one.value.clone()).collect(),
                span: fence.line,
            };
            self.samples.push(PageSample { sample, assertions });
        }
    }
}

/// What the words behind `sh` say of a command.
fn marked(text: &Text<'_>, fence: &Fence, words: &[&str]) -> Step {
    let (step, wrong) = marks::read(words);
    for Wrong { code, message, hint } in wrong {
        text.fault_hint(code, trim(text.text(), fence.line.clone()), message, hint);
    }
    step
}

/// The events of each block that stands in no other.
fn blocks<'e, 't>(events: &'e Events<'t>) -> Vec<&'e Events<'t>> {
    split(events, 0)
}

/// The events of each item of a list; those of nested lists stay inside.
fn items<'e, 't>(list: &'e Events<'t>) -> Vec<&'e Events<'t>> {
    split(&list[1..list.len() - 1], 0)
}

fn split<'e, 't>(events: &'e Events<'t>, outer: usize) -> Vec<&'e Events<'t>> {
    let mut parts = Vec::new();
    let mut depth = outer;
    let mut start = 0;
    for (index, (event, _)) in events.iter().enumerate() {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == outer {
            parts.push(&events[start..=index]);
            start = index + 1;
        }
    }
    parts
}

/// Every fenced block among the events.
fn fences(text: &Text<'_>, events: &Events<'_>) -> Vec<Fence> {
    let source = text.text();
    let mut found = Vec::new();
    let mut open: Option<Fence> = None;
    for (event, span) in events {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                let line_end = source[span.start..].find('\n').map_or(source.len(), |at| span.start + at);
                let line = trim(source, span.start..line_end);
                let marks = source[line.clone()].trim_start_matches(['`', '~']);
                let info = trim(source, line.end - marks.len()..line.end);
                let inside = (line_end + 1).min(span.end)..(line_end + 1).min(span.end);
                open = Some(Fence { line, info, inside, span: span.clone(), text: String::new() });
            }
            Event::Text(part) => {
                if let Some(fence) = &mut open {
                    fence.text.push_str(part);
                    fence.inside.end = fence.inside.end.max(span.end);
                }
            }
            Event::End(TagEnd::CodeBlock) => found.extend(open.take()),
            _ => {}
        }
    }
    found
}

/// The links among the events, in order.
fn links(events: &Events<'_>) -> Vec<Located<Link>> {
    let mut found: Vec<Located<Link>> = Vec::new();
    let mut open = false;
    for (event, span) in events {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                let link = Link { title: String::new(), url: dest_url.to_string() };
                found.push(Located { value: link, span: span.clone() });
                open = true;
            }
            Event::End(TagEnd::Link) => open = false,
            other => {
                if let (true, Some(link)) = (open, found.last_mut()) {
                    link.value.title.push_str(words_of(other));
                }
            }
        }
    }
    found
}

/// The words among the events, without their markup.
fn plain_text(events: &Events<'_>) -> String {
    events.iter().map(|(event, _)| words_of(event)).collect()
}

fn words_of<'e>(event: &'e Event<'_>) -> &'e str {
    match event {
        Event::Text(words) | Event::Code(words) => words,
        Event::SoftBreak | Event::HardBreak => " ",
        _ => "",
    }
}

fn heading_level(event: &Event<'_>) -> Option<HeadingLevel> {
    match event {
        Event::Start(Tag::Heading { level, .. }) => Some(*level),
        _ => None,
    }
}

/// The span without white space at its ends.
fn trim(source: &str, span: Range<usize>) -> Range<usize> {
    let part = &source[span.clone()];
    let start = span.start + part.len() - part.trim_start().len();
    start..(span.start + part.trim_end().len()).max(start)
}

/// Characters between the start of the line and the byte `at`.
fn column(source: &str, at: usize) -> usize {
    let line_start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    source[line_start..at].chars().count()
}

/// The text of an item without the item's indentation.
fn dedent(part: &str, indent: usize) -> String {
    let strip = |line: &str| -> String {
        let spaces = line.bytes().take(indent).take_while(|&byte| byte == b' ').count();
        line[spaces..].trim_end().to_owned()
    };
    let lines: Vec<String> = part.trim_start_matches('\n').lines().map(strip).collect();
    lines.join("\n").trim().to_owned()
}
