//! Whom a report speaks to: words in their language, times in the zone of the log.

use jiff::tz::Offset;

use crate::model::alert::Lang;
use crate::model::record::Time;
use crate::replay::report::{Span, counted, grouped};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) lang: Lang,
    /// The zone of all times.
    pub(super) offset: Offset,
}

impl Reader {
    /// The words in the reader's language.
    pub(super) fn say(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self.lang {
            Lang::En => english,
            Lang::Zh => chinese,
        }
    }

    /// `1 finding`, `1,234 findings`.
    pub(super) fn findings(self, count: u64) -> String {
        match self.lang {
            Lang::En => counted(count, "finding"),
            Lang::Zh => format!("{} 次", grouped(count)),
        }
    }

    /// A time to the second, without the zone that all have; `–` where there is none.
    pub(super) fn time(self, time: Option<Time>) -> String {
        let shown =
            |time: Time| self.offset.to_datetime(time.instant).strftime("%Y-%m-%d %H:%M:%S").to_string();
        time.map_or("–".to_owned(), shown)
    }

    /// The zone: `UTC`, `+08:00`.
    pub(super) fn zone(self) -> String {
        let seconds = self.offset.seconds();
        if seconds == 0 {
            return "UTC".to_owned();
        }
        let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// From when to when; nothing where there is no time.
    pub(super) fn period(self, span: Span) -> Option<String> {
        let (first, last) = (self.time(Some(span.first?)), self.time(span.last));
        Some(if first == last { first } else { format!("{first} – {last}") })
    }
}
