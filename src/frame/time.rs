//! Timestamps as logs write them.
//!
//! A [`Stamp`] is what stands in the line, read by shape alone: enough to tell that a record starts.
//! [`Stamp::time`] makes a moment of it, or nothing if there is no such day or hour.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::read;
use crate::model::record::Time;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A timestamp with a full date, as written: its shape is right, its numbers need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    year: i16,
    month: i8,
    day: i8,
    clock: Clock,
    nanosecond: i32,
    /// Digits of the second's fraction, 0 to 9.
    pub digits: u8,
    /// The zone behind it.
    pub zone: Zone,
}

/// A timestamp and what follows it.
pub type Stamped<'l> = (Stamp, &'l str);

/// The zone behind a timestamp. Its spelling tells formats apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// None: the local time of the writer.
    Absent,
    /// `Z`.
    Utc,
    /// `+08:00`, in seconds east of UTC.
    Colon(i32),
    /// `+0800`, in seconds east of UTC.
    Plain(i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    hour: i8,
    minute: i8,
    second: i8,
}

impl Stamp {
    /// The moment it names; `local` is the zone of a stamp without one. `None` if there is no such
    /// moment, as on the 45th of a month.
    pub fn time(&self, local: &TimeZone) -> Option<Time> {
        let Clock { hour, minute, second } = self.clock;
        let civil =
            DateTime::new(self.year, self.month, self.day, hour, minute, second, self.nanosecond).ok()?;
        let (instant, offset) = self.resolve(civil, local)?;
        Some(Time { instant, offset, digits: self.digits })
    }

    fn resolve(&self, civil: DateTime, local: &TimeZone) -> Option<(Timestamp, Offset)> {
        let offset = match self.zone {
            Zone::Absent => {
                let instant = local.to_ambiguous_timestamp(civil).compatible().ok()?;
                return Some((instant, local.to_offset(instant)));
            }
            Zone::Utc => Offset::UTC,
            Zone::Colon(seconds) | Zone::Plain(seconds) => Offset::from_seconds(seconds).ok()?,
        };
        Some((offset.to_timestamp(civil).ok()?, offset))
    }
}

/// Reads `2022-06-24T14:33:24`, a fraction of up to 9 digits and a zone (`Z`, `+08:00`, `+0800`) if
/// they are there, and gives what follows.
pub fn iso(line: &str) -> Option<Stamped<'_>> {
    let (stamp, rest) = date_and_clock(line)?;
    let (stamp, rest) = match rest.strip_prefix('.') {
        Some(rest) => fraction(stamp, rest)?,
        None => (stamp, rest),
    };
    Some(zone(stamp, rest))
}

/// Reads the form of `dmesg --time-format iso`, whose fraction stands behind a comma:
/// `2025-01-21T04:41:44,283302+00:00`.
pub fn iso_comma(line: &str) -> Option<Stamped<'_>> {
    let (stamp, rest) = date_and_clock(line)?;
    let (stamp, rest) = fraction(stamp, rest.strip_prefix(',')?)?;
    Some(zone(stamp, rest))
}

/// Reads the form of `dmesg -T`, `Sun Feb 23 16:24:18 2025`, in local time.
pub fn ctime(line: &str) -> Option<Stamped<'_>> {
    let (_, rest) = named(line, &WEEKDAYS)?;
    let (month, day, clock, rest) = month_to_second(rest.strip_prefix(' ')?)?;
    let (year, rest) = read::number(rest.strip_prefix(' ')?, 4)?;
    Some((Stamp { year, month, day, clock, nanosecond: 0, digits: 0, zone: Zone::Absent }, rest))
}

/// Steps over the form of syslog, `Aug  9 14:41:41`. It names no year, so it gives no moment.
pub fn past_syslog(line: &str) -> Option<&str> {
    month_to_second(line).map(|(.., rest)| rest)
}

fn date_and_clock(line: &str) -> Option<Stamped<'_>> {
    let (year, rest) = read::number(line, 4)?;
    let (month, rest) = read::number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = read::number(rest.strip_prefix('-')?, 2)?;
    let (clock, rest) = clock(rest.strip_prefix('T')?)?;
    Some((Stamp { year, month, day, clock, nanosecond: 0, digits: 0, zone: Zone::Absent }, rest))
}

fn month_to_second(line: &str) -> Option<(i8, i8, Clock, &str)> {
    let (index, rest) = named(line, &MONTHS)?;
    let rest = rest.strip_prefix(' ')?;
    let (day, rest) = match rest.strip_prefix(' ') {
        Some(rest) => read::number(rest, 1)?,
        None => read::number(rest, 2)?,
    };
    let (clock, rest) = clock(rest.strip_prefix(' ')?)?;
    Some((i8::try_from(index + 1).ok()?, day, clock, rest))
}

fn clock(line: &str) -> Option<(Clock, &str)> {
    let (hour, rest) = read::number(line, 2)?;
    let (minute, rest) = read::number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = read::number(rest.strip_prefix(':')?, 2)?;
    Some((Clock { hour, minute, second }, rest))
}

fn fraction(stamp: Stamp, line: &str) -> Option<Stamped<'_>> {
    let (written, rest) = read::digits(line)?;
    let digits = u8::try_from(written.len()).ok().filter(|&digits| digits <= 9)?;
    let nanosecond = written.parse::<i32>().ok()? * 10_i32.pow(9 - u32::from(digits));
    Some((Stamp { nanosecond, digits, ..stamp }, rest))
}

fn zone(stamp: Stamp, line: &str) -> Stamped<'_> {
    let (zone, rest) = match line.strip_prefix('Z') {
        Some(rest) => (Zone::Utc, rest),
        None => offset(line).unwrap_or((Zone::Absent, line)),
    };
    (Stamp { zone, ..stamp }, rest)
}

fn offset(line: &str) -> Option<(Zone, &str)> {
    let sign = match line.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = read::number::<i32>(&line[1..], 2)?;
    let colon = rest.strip_prefix(':');
    let (minutes, rest) = read::number::<i32>(colon.unwrap_or(rest), 2)?;
    let seconds = sign * (hours * 3600 + minutes * 60);
    Some((if colon.is_some() { Zone::Colon(seconds) } else { Zone::Plain(seconds) }, rest))
}

fn named<'l>(line: &'l str, names: &[&str]) -> Option<(usize, &'l str)> {
    let (name, rest) = line.split_at_checked(3)?;
    Some((names.iter().position(|known| *known == name)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn east() -> TimeZone {
        TimeZone::fixed(Offset::constant(8))
    }

    fn shown(read: Option<(Stamp, &str)>) -> Option<(String, &str)> {
        let (stamp, rest) = read?;
        let time = stamp.time(&east());
        Some((time.map_or("no such moment".to_owned(), |time| time.to_string()), rest))
    }

    #[test]
    fn every_spelling_is_read() {
        for (line, time, rest) in [
            ("2022-06-24T14:33:24.000000001+08:00 x", "2022-06-24T14:33:24.000000001+08:00", " x"),
            ("2022-06-24T14:33:24.5-03:30 x", "2022-06-24T14:33:24.5-03:30", " x"),
            ("2022-06-24T14:33:24+08:00", "2022-06-24T14:33:24+08:00", ""),
            ("2022-06-24T06:33:24.120Z\tx", "2022-06-24T06:33:24.120Z", "\tx"),
            ("2022-06-24T14:33:24.120+0800\tx", "2022-06-24T14:33:24.120+08:00", "\tx"),
            ("2022-06-24T14:33:24.120 x", "2022-06-24T14:33:24.120+08:00", " x"),
            ("2022-06-24T14:33:24.120+08 x", "2022-06-24T14:33:24.120+08:00", "+08 x"),
            ("2022-13-45T14:33:24.120Z x", "no such moment", " x"),
            ("2022-06-24T25:61:61Z x", "no such moment", " x"),
            ("2022-06-24T14:33:24+99:99 x", "no such moment", " x"),
            ("0000-00-00T00:00:00Z", "no such moment", ""),
        ] {
            assert_eq!(shown(iso(line)), Some((time.to_owned(), rest)), "{line}");
        }
        let comma = "2025-01-21T04:41:44,283302+00:00 x";
        assert_eq!(shown(iso_comma(comma)), Some(("2025-01-21T04:41:44.283302Z".to_owned(), " x")));
        for (line, time) in [
            ("Sun Feb 23 16:24:18 2025] x", "2025-02-23T16:24:18+08:00"),
            ("Fri Jul  4 10:29:39 2025] x", "2025-07-04T10:29:39+08:00"),
            ("Fri Feb 31 10:29:39 2025] x", "no such moment"),
        ] {
            assert_eq!(shown(ctime(line)), Some((time.to_owned(), "] x")), "{line}");
        }
        assert_eq!(past_syslog("Aug  9 14:41:41 host"), Some(" host"));
        assert_eq!(past_syslog("Aug 19 14:41:41 host"), Some(" host"));
    }

    #[test]
    fn other_shapes_are_refused() {
        for line in [
            "",
            "2022-06-24",
            "2022-06-24 14:33:24Z",
            "2022-6-24T14:33:24Z",
            "+022-06-24T14:33:24Z",
            "2022-06-24T14:33Z",
            "2022-06-24T14:33:24.Z",
            "2022-06-24T14:33:24.0123456789Z",
            "二〇二二",
        ] {
            assert_eq!(iso(line), None, "{line}");
        }
        assert_eq!(iso_comma("2025-01-21T04:41:44.283302+00:00 x"), None);
        assert_eq!(ctime("Son Feb 23 16:24:18 2025"), None);
        assert_eq!(past_syslog("Aug 9 14:41:41 host"), None);
    }

    #[test]
    fn a_time_that_the_clock_skipped_or_repeated_is_still_a_time() {
        let tz = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
        for (line, time) in [
            ("2024-03-10T02:30:00.000", "2024-03-10T03:30:00.000-04:00"),
            ("2024-11-03T01:30:00.000", "2024-11-03T01:30:00.000-04:00"),
        ] {
            let (stamp, _) = iso(line).unwrap();
            assert_eq!(stamp.time(&tz).map(|time| time.to_string()).as_deref(), Some(time));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(
            seconds in 0_i64..4_000_000_000, nanos in 0_i32..1_000_000_000, minutes in -1_439_i32..1_440
        ) {
            let instant = Timestamp::new(seconds, nanos).unwrap();
            let offset = Offset::from_seconds(minutes * 60).unwrap();
            let time = Time { instant, offset, digits: 9 };
            let line = format!("{time} rest");
            let (stamp, rest) = iso(&line).unwrap();
            prop_assert_eq!(stamp.time(&TimeZone::UTC), Some(time));
            prop_assert_eq!(rest, " rest");
        }

        #[test]
        fn numbers_of_any_kind_are_safe(
            line in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]{0,12})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
        ) {
            for (stamp, _) in [iso(&line), iso_comma(&line)].into_iter().flatten() {
                let _ = stamp.time(&TimeZone::UTC);
            }
        }

        #[test]
        fn text_of_any_kind_is_safe(line in any::<String>()) {
            let _ = (iso(&line), iso_comma(&line), ctime(&line), past_syslog(&line));
        }
    }
}
