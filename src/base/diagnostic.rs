//! What is wrong in a text a person wrote, where, and what to do about it.
//!
//! Configuration and signature pages are checked the same way: a [`Text`] collects every fault,
//! each with a code, a place and a hint, and [`Diagnostic`]'s `Display` renders it once for both:
//!
//! ```text
//! error[unknown-key]: unknown key `pathes`
//!   --> sealtail.toml:4:1
//!    |
//! 4  | pathes = ["/var/log/*.log"]
//!    | ^^^^^^
//!    = hint: did you mean `paths`?
//! ```

pub(crate) mod table;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;

/// Faults of one text that are kept. Each holds its line, and a line may hold many.
const FAULTS_MAX: usize = 100;
/// A longer name is no slip of a known one.
const NAME_BYTES_MAX: usize = 64;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Names the kind of fault, in kebab-case; stable.
    pub code: &'static str,
    /// What is wrong, in lower case, without a full stop.
    pub message: String,
    /// The file.
    pub path: String,
    /// The place in it, if the fault has one.
    pub place: Option<Excerpt>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The place of a fault and the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// Characters to underline, at least 1.
    pub width: usize,
    /// The whole line.
    pub text: String,
}

impl Diagnostic {
    /// A fault of a file as a whole.
    pub fn of_file(code: &'static str, path: &str, message: String) -> Diagnostic {
        Diagnostic { code, message, path: path.to_owned(), place: None, hint: None }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "error")
    }
}

/// What is worth knowing and no fault; shown the same way.
#[derive(Debug, Clone, Copy)]
pub struct Note<'d>(pub &'d Diagnostic);

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, "note")
    }
}

/// A diagnostic of something that works, and may do harm or not do what it says.
#[derive(Debug, Clone, Copy)]
pub struct Warning<'d>(pub &'d Diagnostic);

impl fmt::Display for Warning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, "warning")
    }
}

impl Diagnostic {
    fn write(&self, f: &mut fmt::Formatter<'_>, kind: &str) -> fmt::Result {
        writeln!(f, "{kind}[{}]: {}", self.code, self.message)?;
        let Some(place) = &self.place else {
            write!(f, "  --> {}", self.path)?;
            return self.hint.iter().try_for_each(|hint| write!(f, "\n  = hint: {hint}"));
        };
        f.write_str(&place.shown(&self.path))?;
        let margin = " ".repeat(place.line.to_string().len());
        self.hint.iter().try_for_each(|hint| write!(f, "\n{margin}  = hint: {hint}"))
    }
}

impl Excerpt {
    /// The line with its place, underlined: four lines, no newline at the end.
    pub fn shown(&self, path: &str) -> String {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let before = self.text.chars().take(self.column.saturating_sub(1));
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let place = format!("{margin} --> {path}:{}:{}\n{margin}  |\n", self.line, self.column);
        let marks = "^".repeat(self.width);
        format!("{place}{number}  | {}\n{margin}  | {indent}{marks}", self.text)
    }
}

/// A text under inspection: its path for messages, and the faults found in it so far.
#[derive(Debug)]
pub struct Text<'a> {
    path: &'a str,
    text: &'a str,
    found: RefCell<Vec<Diagnostic>>,
    /// Faults beyond those that are kept.
    more: Cell<usize>,
}

impl<'a> Text<'a> {
    /// A text without diagnostics yet.
    pub fn new(path: &'a str, text: &'a str) -> Text<'a> {
        Text { path, text, found: RefCell::default(), more: Cell::default() }
    }

    /// The whole text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The path it was read from.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Reports a fault in the bytes of `span`.
    pub fn fault(&self, code: &'static str, span: Range<usize>, message: impl Into<String>) {
        self.push(code, span, message.into(), None);
    }

    /// Reports a fault in the bytes of `span` with a way out.
    pub fn fault_hint(
        &self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(code, span, message.into(), Some(hint.into()));
    }

    /// Line and column of a byte, both counted from 1, the column in characters.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let byte = self.boundary(byte);
        let start = self.text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + self.text[..start].matches('\n').count();
        (line, 1 + self.text[start..byte].chars().count())
    }

    /// All faults, in the order of their places; of very many the first ones found, and how many there are.
    pub fn into_faults(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|fault| fault.place.as_ref().map(|place| (place.line, place.column)));
        let more = self.more.get();
        if more > 0 {
            let message = format!("{more} more errors are not shown");
            found.push(Diagnostic::of_file("too-many-faults", self.path, message));
        }
        found
    }

    /// The place of the bytes in `span`, and the line it begins in.
    pub fn excerpt(&self, span: Range<usize>) -> Excerpt {
        let start = self.boundary(span.start);
        let end = self.boundary(span.end.max(start));
        let (line, column) = self.position(start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |length| start + length);
        let width = self.text[start..end.min(line_end).max(start)].chars().count().max(1);
        let text = self.text[line_start..line_end].trim_end_matches('\r').to_owned();
        Excerpt { line, column, width, text }
    }

    fn push(&self, code: &'static str, span: Range<usize>, message: String, hint: Option<String>) {
        if self.found.borrow().len() >= FAULTS_MAX {
            return self.more.set(self.more.get() + 1);
        }
        let place = Some(self.excerpt(span));
        let path = self.path.to_owned();
        self.found.borrow_mut().push(Diagnostic { code, message, path, place, hint });
    }

    /// The nearest character boundary at or before `byte`, inside the text.
    fn boundary(&self, byte: usize) -> usize {
        self.text.floor_char_boundary(byte)
    }
}

/// The known name that `name` was probably meant to be.
pub fn did_you_mean<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let known = known.into_iter().filter(|_| name.len() <= NAME_BYTES_MAX);
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_underlines_its_characters() {
        let text = Text::new("sealtail.toml", "a = 1\n\"名\" = \"错误\"\n");
        let start = text.text().find("\"错").unwrap();
        text.fault_hint("bad", start..start + 8, "wrong", "mend it");
        let shown = text.into_faults()[0].to_string();
        assert_eq!(
            shown,
            "error[bad]: wrong\n  --> sealtail.toml:2:7\n   |\n2  | \"名\" = \"错误\"\n   |       ^^^^\n   = hint: mend it"
        );
    }

    #[test]
    fn a_span_past_the_end_does_not_panic() {
        let text = Text::new("x", "é");
        text.fault("bad", 1..99, "wrong");
        text.fault("bad", 99..99, "wrong");
        assert_eq!(text.into_faults().len(), 2);
    }

    #[test]
    fn near_names_are_suggested() {
        let known = ["paths", "poll", "hold"];
        assert_eq!(did_you_mean("pathes", known), Some("did you mean `paths`?".to_owned()));
        assert_eq!(did_you_mean("elephant", known), None);
        let long = "p".repeat(100_000);
        assert_eq!(did_you_mean(&long, [&*long]), None, "what is so long is compared with nothing");
    }

    #[test]
    fn of_very_many_faults_the_first_are_kept_and_all_counted() {
        let text = Text::new("x", "a line");
        (0..FAULTS_MAX + 7).for_each(|_| text.fault("bad", 0..1, "wrong"));
        let faults = text.into_faults();
        assert_eq!(faults.len(), FAULTS_MAX + 1);
        assert_eq!(faults[FAULTS_MAX].message, "7 more errors are not shown");
    }
}
