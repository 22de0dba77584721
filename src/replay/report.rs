//! Findings as people read them.

mod html;
mod text;

pub use html::{HtmlReport, OPENING};
pub use text::{Report, Totals, write_levels};

use crate::model::record::Time;

/// The first and the last of some times.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    first: Option<Time>,
    last: Option<Time>,
}

impl Span {
    fn add(&mut self, time: Option<Time>) {
        self.join(Span { first: time, last: time });
    }

    fn join(&mut self, other: Span) {
        let instant = |time: &Time| time.instant;
        self.first = self.first.into_iter().chain(other.first).min_by_key(instant);
        self.last = self.last.into_iter().chain(other.last).max_by_key(instant);
    }

    /// Both, without fractions; `-` where there is none.
    fn shown(&self) -> [String; 2] {
        let seconds = |time: Time| Time { digits: 0, ..time }.to_string();
        [self.first, self.last].map(|time| time.map_or("-".to_owned(), seconds))
    }
}

/// `1 file`, `12,345 lines`.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// `12,345`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes with a unit.
fn size(bytes: f64) -> String {
    let mut size = bytes;
    for unit in ["B", "KiB", "MiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{size:.0} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(counted(1, "line"), "1 line");
        assert_eq!(counted(1_234_567, "line"), "1,234,567 lines");
        assert_eq!(size(0.0), "0 B");
        assert_eq!(size(1536.0), "1.5 KiB");
        assert_eq!(size(5.0 * 1024.0 * 1024.0 * 1024.0), "5.0 GiB");
    }
}
