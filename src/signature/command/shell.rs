//! The part of the shell's language that commands of pages are written in.
//!
//! A page needs pipelines joined by `&&`, loops over a list, quotes, substitutions and redirections. What is beyond
//! them cannot be judged by the linter, nor by a tired reader, and is refused.

use std::ops::Range;

/// Pipelines, each with what joins it to the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// In order.
    pub pipelines: Vec<(Joint, Vec<Command>)>,
}

/// What stands before a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joint {
    /// Nothing: it is the first.
    First,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `;` or a newline, at these bytes: it runs whatever became of the one before.
    Sequence(Range<usize>),
}

/// One command of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A program with its arguments.
    Simple(Simple),
    /// `for x in WORDS; do LIST; done` and `while LIST; do LIST; done`: their words and lists.
    Loop {
        /// What the variable of `for` takes.
        words: Vec<Word>,
        /// The condition of `while`, and the body.
        lists: Vec<List>,
    },
    /// `( LIST )`
    Subshell(List),
}

/// A program with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// `NAME=value` before the program.
    pub assignments: Vec<Word>,
    /// The program, then its arguments.
    pub words: Vec<Word>,
    /// Where its input comes from and its output goes.
    pub redirects: Vec<Redirect>,
}

/// `> file`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Whether it writes.
    pub writes: bool,
    /// The file; for `2>&1` the number.
    pub to: Word,
}

/// A word, quotes taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it reads as. Placeholders stay; what the shell puts in stands as `$`.
    pub text: String,
    /// Its bytes in the command.
    pub span: Range<usize>,
    /// The commands of its substitutions, `$(…)`.
    pub inner: Vec<List>,
}

/// Why a command could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong.
    pub message: String,
    /// The bytes that are.
    pub span: Range<usize>,
}

/// Lists within lists: enough for a loop in a substitution in a subshell.
const DEPTH_MAX: usize = 8;

/// Reads a command.
///
/// # Errors
///
/// What of it is not of the part of the language described above.
pub fn parse(command: &str) -> Result<List, Unreadable> {
    let mut reader = Reader { text: command, at: 0, depth: 0 };
    let list = reader.list(&[])?;
    match reader.rest().chars().next() {
        None => Ok(list),
        Some(c) => Err(reader.refuse(c.len_utf8(), format!("`{c}` stands where a command should end"))),
    }
}

struct Reader<'c> {
    text: &'c str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn refuse(&self, length: usize, message: impl Into<String>) -> Unreadable {
        Unreadable { message: message.into(), span: self.at..(self.at + length).min(self.text.len()) }
    }

    /// Passes blanks and escaped newlines.
    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            self.at += blank;
            match self.rest().starts_with("\\\n") {
                true => self.at += 2,
                false if blank == 0 => return,
                false => {}
            }
        }
    }

    fn blank_lines(&mut self) {
        self.blanks();
        while self.pass("\n") {
            self.blanks();
        }
    }

    fn pass(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len() } else { 0 };
        found
    }

    /// Whether one of these words stands here alone.
    fn at_keyword(&self, keywords: &[&str]) -> bool {
        let rest = self.rest();
        let word = rest.split(|c: char| c.is_whitespace() || ";|&()".contains(c)).next();
        word.is_some_and(|word| keywords.contains(&word))
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Unreadable> {
        self.blank_lines();
        match self.at_keyword(&[keyword]) {
            true => self.at += keyword.len(),
            false => return Err(self.refuse(1, format!("`{keyword}` is missing here"))),
        }
        Ok(())
    }

    /// A list up to one of `ends`, a `)` or the end of the text.
    fn list(&mut self, ends: &[&str]) -> Result<List, Unreadable> {
        if self.depth >= DEPTH_MAX {
            return Err(self.refuse(1, "too many commands within commands"));
        }
        self.depth += 1;
        let mut pipelines = Vec::new();
        let mut joint = Joint::First;
        loop {
            self.blank_lines();
            let at_end = self.rest().is_empty() || self.rest().starts_with(')') || self.at_keyword(ends);
            if at_end && matches!(joint, Joint::Sequence(_)) {
                break;
            }
            pipelines.push((joint, self.pipeline()?));
            self.blanks();
            let start = self.at;
            joint = if self.pass("&&") {
                Joint::And
            } else if self.pass("||") {
                Joint::Or
            } else if self.rest().starts_with(";;") || self.rest().starts_with('&') {
                return Err(self.refuse(1, "a command runs to its end before the next one"));
            } else if self.pass(";") || self.pass("\n") {
                Joint::Sequence(start..self.at)
            } else {
                break;
            };
        }
        self.depth -= 1;
        Ok(List { pipelines })
    }

    fn pipeline(&mut self) -> Result<Vec<Command>, Unreadable> {
        let mut commands = vec![self.command()?];
        loop {
            self.blanks();
            if self.rest().starts_with("||") || !self.pass("|") {
                return Ok(commands);
            }
            self.blank_lines();
            commands.push(self.command()?);
        }
    }

    fn command(&mut self) -> Result<Command, Unreadable> {
        const REFUSED: [&str; 10] =
            ["if", "case", "until", "function", "select", "{", "!", "[[", "coproc", "do"];
        if self.pass("(") {
            let list = self.list(&[])?;
            return if self.pass(")") {
                Ok(Command::Subshell(list))
            } else {
                Err(self.refuse(1, "a `(` stays open"))
            };
        }
        if self.at_keyword(&["for"]) {
            return self.for_loop();
        }
        if self.at_keyword(&["while"]) {
            self.keyword("while")?;
            let condition = self.list(&["do"])?;
            let body = self.body()?;
            return Ok(Command::Loop { words: Vec::new(), lists: vec![condition, body] });
        }
        if let Some(word) = REFUSED.into_iter().find(|word| self.at_keyword(&[word])) {
            return Err(self.refuse(word.len(), format!("`{word}` is more shell than a page should need")));
        }
        self.simple()
    }

    fn for_loop(&mut self) -> Result<Command, Unreadable> {
        self.keyword("for")?;
        self.blanks();
        if self.word()?.is_none() {
            return Err(self.refuse(1, "the variable of the loop is missing"));
        }
        self.keyword("in")?;
        let mut words = Vec::new();
        self.blanks();
        while let Some(word) = self.word()? {
            words.push(word);
            self.blanks();
        }
        if !self.pass(";") && !self.pass("\n") {
            return Err(self.refuse(1, "`; do` is missing here"));
        }
        let body = self.body()?;
        Ok(Command::Loop { words, lists: vec![body] })
    }

    fn body(&mut self) -> Result<List, Unreadable> {
        self.keyword("do")?;
        let body = self.list(&["done"])?;
        self.keyword("done")?;
        Ok(body)
    }

    fn simple(&mut self) -> Result<Command, Unreadable> {
        let mut simple = Simple::default();
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            let Some(word) = self.word()? else { break };
            if simple.words.is_empty() && is_assignment(&word.text) {
                simple.assignments.push(word);
            } else {
                simple.words.push(word);
            }
        }
        if simple.words.is_empty() && simple.assignments.is_empty() {
            return Err(self.refuse(1, "a command is missing here"));
        }
        Ok(Command::Simple(simple))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, Unreadable> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let behind = &self.rest()[digits..];
        if placeholder_length(behind).is_some() {
            return Ok(None);
        }
        let Some(mark) = ["<<<", "<<", "<(", ">(", "&>>", "&>", ">>", ">&", ">|", ">", "<"]
            .into_iter()
            .find(|it| behind.starts_with(it))
        else {
            return Ok(None);
        };
        if mark.contains('(') || mark.starts_with("<<") || mark == ">|" {
            return Err(
                self.refuse(digits + mark.len(), format!("`{mark}` is more shell than a page should need"))
            );
        }
        self.at += digits + mark.len();
        self.blanks();
        match self.word()? {
            Some(to) => Ok(Some(Redirect { writes: mark != "<", to })),
            None => Err(self.refuse(1, format!("`{mark}` names no file"))),
        }
    }

    fn word(&mut self) -> Result<Option<Word>, Unreadable> {
        let start = self.at;
        let mut word = Word { text: String::new(), span: start..start, inner: Vec::new() };
        loop {
            if let Some(length) = placeholder_length(self.rest()) {
                word.text.push_str(&self.text[self.at..self.at + length]);
                self.at += length;
                continue;
            }
            let Some(c) = self.rest().chars().next() else { break };
            match c {
                ' ' | '\t' | '\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>' => break,
                '\'' => self.single_quoted(&mut word)?,
                '"' => self.double_quoted(&mut word)?,
                '$' => self.expansion(&mut word)?,
                '`' => return Err(self.refuse(1, "write `$(…)` in place of backticks")),
                '#' if self.at == start => {
                    return Err(self.refuse(1, "a comment belongs into the text of the step"));
                }
                '\\' => {
                    self.at += 1;
                    self.literal(&mut word);
                }
                _ => self.literal(&mut word),
            }
        }
        word.span.end = self.at;
        Ok((self.at > start).then_some(word))
    }

    fn literal(&mut self, word: &mut Word) {
        if let Some(c) = self.rest().chars().next() {
            word.text.push(c);
            self.at += c.len_utf8();
        }
    }

    fn single_quoted(&mut self, word: &mut Word) -> Result<(), Unreadable> {
        let inside = &self.text[self.at + 1..];
        let Some(length) = inside.find('\'') else { return Err(self.refuse(1, "a quote stays open")) };
        word.text.push_str(&inside[..length]);
        self.at += length + 2;
        Ok(())
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), Unreadable> {
        let open = self.refuse(1, "a quote stays open");
        self.at += 1;
        loop {
            match self.rest().chars().next() {
                None => return Err(open),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('$') => self.expansion(word)?,
                Some('`') => return Err(self.refuse(1, "write `$(…)` in place of backticks")),
                Some('\\') if self.rest()[1..].starts_with(['"', '\\', '$', '`']) => {
                    self.at += 1;
                    self.literal(word);
                }
                Some(_) => self.literal(word),
            }
        }
    }

    /// `$(…)`, `${…}`, `$name`; a `$` before anything else is itself.
    fn expansion(&mut self, word: &mut Word) -> Result<(), Unreadable> {
        let open = self.refuse(2, "a substitution stays open");
        self.at += 1;
        word.text.push('$');
        if self.rest().starts_with("((") {
            return Err(self.refuse(2, "arithmetic is more shell than a page should need"));
        }
        if self.pass("(") {
            word.inner.push(self.list(&[])?);
            return if self.pass(")") { Ok(()) } else { Err(open) };
        }
        if self.rest().starts_with('{') {
            let length = self.rest().find('}').ok_or(open)?;
            self.at += length + 1;
            return Ok(());
        }
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '?';
        self.at += self.rest().find(|c| !name(c)).unwrap_or(self.rest().len());
        Ok(())
    }
}

fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Bytes of the `<name>` that `text` starts with, if it does.
fn placeholder_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('<')?;
    let length = inside.find(|c: char| !(c.is_ascii_alphanumeric() || "-_ ".contains(c)))?;
    let name = &inside[..length];
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.ends_with(' ');
    (named && inside[length..].starts_with('>')).then_some(length + 2)
}

#[cfg(test)]
mod tests;
