//! Times and zones as they are typed.

use anyhow::{Context as _, Result, bail};
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::base::duration;

/// A moment: RFC 3339, the start of a day in `zone`, or how long before `now`.
///
/// # Errors
///
/// It is none of these.
pub(super) fn read(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    if let Some(day) = day(text, now, zone) {
        let start =
            day.to_zoned(zone.clone()).with_context(|| format!("`{text}` is no day that can be told"))?;
        return Ok(start.timestamp());
    }
    let Ok(ago) = duration::parse(text) else {
        bail!(
            "`{text}` is not a time: write RFC 3339, such as 2022-06-24T14:00:00+08:00, a day, such as 2022-12-28, today or \
             yesterday, or a duration, such as 2h or 3d"
        );
    };
    now.checked_sub(ago)
        .with_context(|| format!("`{text}` ago is before the earliest time that can be shown"))
}

fn day(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Date> {
    let today = zone.to_datetime(now).date();
    match text {
        "today" => Some(today),
        "yesterday" => today.checked_sub(1.day()).ok(),
        // A time of day without a zone would be read as a day.
        _ => text.parse().ok().filter(|_| text.len() == "2022-12-28".len()),
    }
}

/// A zone: `UTC`, `+08:00` or a name such as `Asia/Shanghai`.
///
/// # Errors
///
/// It is none of these, or this box does not know the name.
pub(super) fn zone(text: &str) -> Result<TimeZone> {
    if let Some(offset) = offset(text) {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(text).ok().with_context(|| {
        format!("`{text}` is no zone that this box knows\nhint: UTC, +08:00 or a name like Asia/Shanghai")
    })
}

fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let part = |text: &str, limit: i32| text.parse().ok().filter(|number: &i32| (0..=limit).contains(number));
    Offset::from_seconds(sign * (part(hours, 23)? * 3600 + part(minutes, 59)? * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_in_the_zone() {
        let now: Timestamp = "2022-12-28T17:00:00Z".parse().unwrap();
        for (text, name, expected) in [
            ("2022-12-28", "UTC", "2022-12-28T00:00:00Z"),
            ("2022-12-28", "+08:00", "2022-12-27T16:00:00Z"),
            ("today", "+08:00", "2022-12-28T16:00:00Z"),
            ("yesterday", "+08:00", "2022-12-27T16:00:00Z"),
            ("today", "-3", "2022-12-28T03:00:00Z"),
            ("2022-12-28T01:00:00+08:00", "UTC", "2022-12-27T17:00:00Z"),
            ("2h", "UTC", "2022-12-28T15:00:00Z"),
        ] {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(read(text, now, &zone(name).unwrap()).unwrap(), expected, "{text} {name}");
        }
        for wrong in ["tomorrow", "2022-13-01", "2022-12-28 10:00", "28.12.2022", ""] {
            assert!(read(wrong, now, &TimeZone::UTC).is_err(), "{wrong}");
        }
        for wrong in ["+24:00", "+8:60", "+", "Mars/Olympus", ""] {
            assert!(zone(wrong).is_err(), "{wrong}");
        }
    }
}
