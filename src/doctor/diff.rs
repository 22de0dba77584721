//! The lines of a file that would mend it, as a diff.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::base::diagnostic::Text;

/// Changes of one file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The file.
    pub path: String,
    /// The changes.
    pub edits: Vec<Edit>,
}

/// One line that goes, comes or changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The line, counted from 1; a new line stands behind it.
    pub line: usize,
    /// The line as it is.
    pub old: Option<String>,
    /// The line as it should be.
    pub new: Option<String>,
}

impl Diff {
    /// Puts each text in place of the bytes of its span. `None` where one of them does not stand in
    /// one line, or stands in another.
    pub(super) fn replacing(text: &Text<'_>, changes: &[(Range<usize>, String)]) -> Option<Diff> {
        let mut lines: BTreeMap<usize, Vec<&(Range<usize>, String)>> = BTreeMap::new();
        for change in changes {
            if text.text().get(change.0.clone())?.contains('\n') {
                return None;
            }
            lines.entry(line_start(text, change.0.start)).or_default().push(change);
        }
        let edits = lines.into_iter().map(|(start, mut changes)| {
            changes.sort_by_key(|(span, _)| span.start);
            let old = line_at(text, start);
            let mut new = String::new();
            let mut from = start;
            for (span, with) in changes {
                new.push_str(text.text().get(from..span.start)?);
                new.push_str(with);
                from = span.end;
            }
            new.push_str(text.text().get(from..start + old.len())?);
            Some(Edit { line: text.position(start).0, old: Some(old.to_owned()), new: Some(new) })
        });
        Some(Diff { path: text.path().to_owned(), edits: edits.collect::<Option<_>>()? })
    }

    /// Takes out the lines that hold nothing but the key at each place and its value.
    pub(super) fn deleting(text: &Text<'_>, keys: &[(Range<usize>, Range<usize>)]) -> Option<Diff> {
        let delete = |(key, value): &(Range<usize>, Range<usize>)| {
            let start = line_start(text, key.start);
            let line = line_at(text, start);
            let before = text.text().get(start..key.start)?;
            let after = text.text().get(value.end..start + line.len())?.trim_start();
            let alone = before.trim().is_empty() && (after.is_empty() || after.starts_with('#'));
            alone.then(|| Edit { line: text.position(start).0, old: Some(line.to_owned()), new: None })
        };
        let mut edits = keys.iter().map(delete).collect::<Option<Vec<_>>>()?;
        edits.sort_by_key(|edit| edit.line);
        Some(Diff { path: text.path().to_owned(), edits })
    }

    /// All of them as one. `None` where one is missing, or two change the same line.
    pub(super) fn together(diffs: Vec<Option<Diff>>) -> Option<Diff> {
        let diffs = diffs.into_iter().collect::<Option<Vec<Diff>>>()?;
        let contradictory =
            |(at, diff): (usize, &Diff)| diffs[..at].iter().any(|other| diff.contradicts(other));
        if diffs.iter().enumerate().any(contradictory) {
            return None;
        }
        let path = diffs.first()?.path.clone();
        let mut edits: Vec<Edit> = diffs.into_iter().flat_map(|diff| diff.edits).collect();
        edits.sort_by_key(|edit| edit.line);
        edits.dedup();
        Some(Diff { path, edits })
    }

    /// Whether nobody can take both: they leave a line in different ways, or write a table at one place twice.
    pub(super) fn contradicts(&self, other: &Diff) -> bool {
        let opens_table =
            |edit: &Edit| edit.new.as_ref().is_some_and(|new| new.trim_start().starts_with('['));
        let writes_table =
            |diff: &Diff, line| diff.edits.iter().any(|edit| edit.line == line && opens_table(edit));
        let apart = |one: &Edit, two: &Edit| match (&one.old, &two.old) {
            (Some(_), Some(_)) => one != two,
            (None, None) => self != other && (writes_table(self, one.line) || writes_table(other, one.line)),
            _ => false,
        };
        let meets = |one: &Edit| other.edits.iter().any(|two| one.line == two.line && apart(one, two));
        self.path == other.path && self.edits.iter().any(meets)
    }

    /// Puts new lines behind the line in which `at` stands, or at the end of the file.
    pub(super) fn inserting(text: &Text<'_>, at: Option<usize>, lines: &[String]) -> Diff {
        let line = at.map_or(text.text().lines().count(), |at| text.position(at).0);
        let edits = lines.iter().map(|new| Edit { line, old: None, new: Some(new.clone()) });
        Diff { path: text.path().to_owned(), edits: edits.collect() }
    }
}

fn line_start(text: &Text<'_>, at: usize) -> usize {
    text.text()[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_at<'a>(text: &Text<'a>, start: usize) -> &'a str {
    text.text()[start..].lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_one_line_are_replaced_together() {
        let text = Text::new("c.toml", "x = 1\nl = [\"b\", \"a\"] # order\r\n");
        let at = |part: &str| text.text().find(part).map(|at| at..at + part.len()).unwrap();
        let diff =
            Diff::replacing(&text, &[(at("\"a\""), "\"b\"".to_owned()), (at("\"b\""), "\"a\"".to_owned())]);
        let edit = &diff.unwrap().edits[0];
        assert_eq!((edit.line, edit.new.as_deref()), (2, Some("l = [\"a\", \"b\"] # order")));
        assert_eq!(Diff::replacing(&text, &[(at("1\nl"), String::new())]), None);
    }

    #[test]
    fn only_a_line_of_its_own_is_deleted() {
        let text = Text::new("c.toml", "[a]\n  k = 1 # why\nt = { u = 1 }\n");
        let delete = |key: &str, value: &str| {
            let key = text.text().find(key).map(|at| at..at + 1).unwrap();
            let value = text.text()[key.end..].find(value).map(|at| key.end + at..key.end + at + 1).unwrap();
            Diff::deleting(&text, &[(key, value)])
        };
        assert_eq!(delete("k", "1").unwrap().edits[0].old.as_deref(), Some("  k = 1 # why"));
        assert_eq!(delete("u", "1"), None);
    }

    #[test]
    fn diffs_that_leave_a_line_in_different_ways_contradict_each_other() {
        let text = Text::new("c.toml", "a = 1\nb = 2\n");
        let with = |at: usize, new: &str| Diff::replacing(&text, &[(at..at + 1, new.to_owned())]).unwrap();
        let without_b = Diff::deleting(&text, &[(6..7, 10..11)]).unwrap();
        let behind_b = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            Diff::inserting(&text, Some(6), &lines)
        };
        for (one, two, contradict) in [
            (with(10, "3"), with(10, "4"), true),
            (with(10, "3"), with(10, "3"), false),
            (with(10, "3"), with(4, "3"), false),
            (with(10, "3"), without_b.clone(), true),
            (behind_b(&["c = 1"]), without_b.clone(), false),
            (behind_b(&["c = 1"]), behind_b(&["d = 1"]), false),
            (behind_b(&["[t]", "c = 1"]), behind_b(&["[t]", "d = 1"]), true),
            (behind_b(&["[t]", "c = 1"]), behind_b(&["[t]", "c = 1"]), false),
        ] {
            assert_eq!(
                (one.contradicts(&two), two.contradicts(&one)),
                (contradict, contradict),
                "{one:?} {two:?}"
            );
            assert_eq!(Diff::together(vec![Some(one), Some(two)]).is_none(), contradict);
        }
        assert!(Diff::together(vec![Some(with(4, "3")), None]).is_none());
        let both = Diff::together(vec![Some(without_b), Some(with(4, "3"))]).unwrap();
        assert_eq!(both.edits.iter().map(|edit| edit.line).collect::<Vec<_>>(), [1, 2]);
    }
}
