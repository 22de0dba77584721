//! Whom a report speaks to: words in their language, times in one zone.

use jiff::tz::TimeZone;

use crate::base::markup::escape;
use crate::model::alert::Lang;
use crate::model::record::Time;
use crate::replay::failures::Kind;
use crate::replay::report::{counted, grouped, zone_name};
use crate::replay::span::Span;
use crate::signature::Signature;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) lang: Lang,
    /// The zone of all times.
    pub(super) zone: &'a TimeZone,
}

impl Reader<'_> {
    /// The words in the reader's language.
    pub(super) fn say(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self.lang {
            Lang::En => english,
            Lang::Zh => chinese,
        }
    }

    /// The word for what a record is about.
    pub(super) fn kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Thread => self.say("thread", "线程"),
            Kind::Sector => self.say("sector", "扇区"),
            Kind::Miner => self.say("miner", "矿工"),
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
            |time: Time| self.zone.to_datetime(time.instant).strftime("%Y-%m-%d %H:%M:%S").to_string();
        time.map_or("–".to_owned(), shown)
    }

    /// The zone: `UTC`, `+08:00`, `Asia/Shanghai`.
    pub(super) fn zone(self) -> String {
        zone_name(self.zone)
    }

    /// From when to when; nothing where there is no time.
    pub(super) fn period(self, span: Span) -> Option<String> {
        let (first, last) = (self.time(Some(span.first?)), self.time(span.last));
        Some(if first == last { first } else { format!("{first} – {last}") })
    }
}

/// Where the chapter of a signature is.
pub(super) fn anchor(signature: &Signature) -> String {
    escape(&signature.id)
}
