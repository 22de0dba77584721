//! Reads a TOML table key by key and reports everything that does not fit.
//!
//! The reader asks for the keys it knows; [`Table::finish`] then reports the others. Values keep
//! their span, so a later check can still underline them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Text, did_you_mean};
use crate::base::duration;

/// A value and the bytes it stands in, counted from the start of the [`Text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its bytes.
    pub span: Range<usize>,
}

/// A table being read.
#[derive(Debug)]
pub struct Table<'t> {
    text: &'t Text<'t>,
    /// Where the TOML starts in the text: a page holds it in a block.
    base: usize,
    span: Range<usize>,
    entries: DeTable<'t>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'t> Table<'t> {
    /// Parses the bytes `part` of `text`; syntax faults are reported, what could be read is kept.
    pub fn parse(text: &'t Text<'t>, part: Range<usize>) -> Table<'t> {
        let base = part.start;
        let (root, errors) = DeTable::parse_recoverable(&text.text()[part.clone()]);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let first_line = error.message().lines().next().unwrap_or("not valid TOML");
            text.fault("toml", base + span.start..base + span.end, first_line);
        }
        Table { text, base, span: part, entries: root.into_inner(), asked: RefCell::default() }
    }

    /// Passes every string value, at any depth, through `replace`; `None` leaves it as it is.
    pub fn replace_strings(&mut self, replace: &dyn Fn(Located<&str>) -> Option<String>) {
        self.entries.iter_mut().for_each(|(_, value)| replace_in(value, self.base, replace));
    }

    /// The bytes of the table, for a fault of the table as a whole.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Whether `key` is written at all.
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// The bytes of the key itself, or of the whole table where the key is missing.
    pub fn key_span(&self, key: &str) -> Range<usize> {
        let written = self.entries.keys().find(|written| written.get_ref() == key);
        written.map_or(self.span(), |written| self.shift(written.span()))
    }

    /// The bytes of a key and of its value, if it is written.
    pub fn entry_span(&self, key: &'static str) -> Option<(Range<usize>, Range<usize>)> {
        let value = self.get(key)?.span();
        Some((self.key_span(key), self.shift(value)))
    }

    /// A string.
    pub fn string(&self, key: &'static str) -> Option<Located<String>> {
        self.get(key).and_then(|value| self.as_string(value))
    }

    /// A list of strings; empty where the key is missing.
    pub fn strings(&self, key: &'static str) -> Vec<Located<String>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| self.as_string(item)).collect(),
            _ => {
                self.wrong_type(value, "a list of strings");
                Vec::new()
            }
        }
    }

    /// Whether a list is there and has nothing in it.
    pub fn is_empty_list(&self, key: &'static str) -> bool {
        self.get(key).is_some_and(|value| value.get_ref().as_array().is_some_and(|items| items.is_empty()))
    }

    /// A whole number that is not negative.
    pub fn number(&self, key: &'static str) -> Option<Located<u64>> {
        self.get(key).and_then(|value| self.as_number(value))
    }

    /// A whole number.
    pub fn integer(&self, key: &'static str) -> Option<Located<i64>> {
        let value = self.get(key)?;
        let integer = value.get_ref().as_integer();
        let number = integer.and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok());
        if number.is_none() {
            self.wrong_type(value, "a whole number");
        }
        number.map(|number| self.located(number, value))
    }

    /// `true` or `false`.
    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            self.wrong_type(value, "`true` or `false`");
        }
        boolean
    }

    /// A duration such as `15m`.
    pub fn duration(&self, key: &'static str) -> Option<Duration> {
        self.parsed(key, "duration", duration::parse)
    }

    /// A string that `parse` understands; its error becomes a fault with `code`.
    pub fn parsed<T>(
        &self,
        key: &'static str,
        code: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Located { value, span } = self.string(key)?;
        parse(&value).map_err(|message| self.text.fault(code, span, message)).ok()
    }

    /// A table.
    pub fn table(&self, key: &'static str) -> Option<Table<'t>> {
        let value = self.get(key)?;
        let table = self.as_table(value);
        if table.is_none() {
            self.wrong_type(value, "a table");
        }
        table
    }

    /// A list of tables (`[[key]]`); empty where the key is missing.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'t>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let tables: Option<Vec<_>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| self.as_table(item)).collect(),
            _ => None,
        };
        tables.unwrap_or_else(|| {
            self.wrong_type(value, &format!("a list of tables, written `[[{key}]]`"));
            Vec::new()
        })
    }

    /// Every entry as a string, for tables whose keys are the operator's own.
    pub fn into_strings(self) -> Vec<(Located<String>, Located<String>)> {
        self.entries_as(|value| self.as_string(value))
    }

    /// Every entry as a whole number that is not negative.
    pub fn into_numbers(self) -> Vec<(Located<String>, Located<u64>)> {
        self.entries_as(|value| self.as_number(value))
    }

    /// Reports the absence of `key`.
    pub fn require(&self, key: &'static str) {
        if self.get(key).is_none() {
            self.text.fault("missing-key", self.span(), format!("`{key}` is missing"));
        }
    }

    /// Reports every key that was never asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.entries.keys() {
            if asked.iter().any(|known| known == key.get_ref()) {
                continue;
            }
            let message = format!("unknown key `{}`", key.get_ref());
            let hint = did_you_mean(key.get_ref(), asked.iter().copied())
                .unwrap_or_else(|| format!("valid keys are {}", asked.join(", ")));
            self.text.fault_hint("unknown-key", self.shift(key.span()), message, hint);
        }
    }

    fn get(&self, key: &'static str) -> Option<&Spanned<DeValue<'t>>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.entries.get(key)
    }

    fn as_string(&self, value: &Spanned<DeValue<'t>>) -> Option<Located<String>> {
        let string = value.get_ref().as_str();
        if string.is_none() {
            self.wrong_type(value, "a string");
        }
        string.map(|string| self.located(string.to_owned(), value))
    }

    fn as_number(&self, value: &Spanned<DeValue<'t>>) -> Option<Located<u64>> {
        let integer = value.get_ref().as_integer();
        let number = integer.and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok());
        if number.is_none() {
            self.wrong_type(value, "a whole number, zero or more");
        }
        number.map(|number| self.located(number, value))
    }

    fn entries_as<T>(
        &self,
        read: impl Fn(&Spanned<DeValue<'t>>) -> Option<Located<T>>,
    ) -> Vec<(Located<String>, Located<T>)> {
        let entries = self.entries.iter().filter_map(|(key, value)| {
            let key = Located { value: key.get_ref().to_string(), span: self.shift(key.span()) };
            Some((key, read(value)?))
        });
        entries.collect()
    }

    fn as_table(&self, value: &Spanned<DeValue<'t>>) -> Option<Table<'t>> {
        let entries = value.get_ref().as_table()?.clone();
        let span = self.shift(value.span());
        Some(Table { text: self.text, base: self.base, span, entries, asked: RefCell::default() })
    }

    fn located<T>(&self, inner: T, value: &Spanned<DeValue<'t>>) -> Located<T> {
        Located { value: inner, span: self.shift(value.span()) }
    }

    fn wrong_type(&self, value: &Spanned<DeValue<'t>>, wanted: &str) {
        let found = value.get_ref().type_str();
        self.text.fault("wrong-type", self.shift(value.span()), format!("expected {wanted}, found {found}"));
    }

    fn shift(&self, span: Range<usize>) -> Range<usize> {
        self.base + span.start..self.base + span.end
    }
}

fn replace_in(
    value: &mut Spanned<DeValue<'_>>,
    base: usize,
    replace: &dyn Fn(Located<&str>) -> Option<String>,
) {
    let span = base + value.span().start..base + value.span().end;
    match value.get_mut() {
        DeValue::String(string) => {
            if let Some(other) = replace(Located { value: &**string, span }) {
                *string = Cow::Owned(other);
            }
        }
        DeValue::Array(items) => items.iter_mut().for_each(|item| replace_in(item, base, replace)),
        DeValue::Table(entries) => {
            entries.iter_mut().for_each(|(_, value)| replace_in(value, base, replace));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(toml: &str, read: impl Fn(&Table<'_>)) -> Vec<(&'static str, usize)> {
        let text = Text::new("x.toml", toml);
        let table = Table::parse(&text, 0..toml.len());
        read(&table);
        table.finish();
        let faults = text.into_faults();
        faults.into_iter().map(|fault| (fault.code, fault.place.map_or(0, |place| place.column))).collect()
    }

    #[test]
    fn every_fault_is_reported_together() {
        let found = codes("a = 1\nb = \"5x\"\nc = 'x'\nzz = 1\n", |table| {
            table.string("a");
            table.duration("b");
            table.number("c");
            table.require("d");
        });
        assert_eq!(
            found,
            [("missing-key", 1), ("wrong-type", 5), ("duration", 5), ("wrong-type", 5), ("unknown-key", 1)]
        );
    }

    #[test]
    fn strings_at_any_depth_are_replaced() {
        let toml = "a = 'x'\n[b]\nc = ['x', 'y']\n";
        let text = Text::new("x.toml", toml);
        let mut table = Table::parse(&text, 0..toml.len());
        table.replace_strings(&|string| (string.value == "x").then(|| format!("{}", string.span.start)));
        assert_eq!(table.string("a").unwrap().value, "4");
        let inner: Vec<_> = table.table("b").unwrap().strings("c").into_iter().map(|one| one.value).collect();
        assert_eq!(inner, ["17", "y"]);
    }

    #[test]
    fn syntax_faults_do_not_hide_the_rest() {
        let found = codes("a = \nb = 1\n", |table| {
            table.string("b");
        });
        assert!(found.iter().any(|fault| fault.0 == "toml"), "{found:?}");
        assert!(found.contains(&("wrong-type", 5)), "{found:?}");
    }
}
