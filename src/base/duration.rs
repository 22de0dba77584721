//! Durations as operators write them: `500ms`, `15m`, `1h30m`, `3d`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration of one or more whole numbers, each followed by `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
///
/// A sentence that names what is wrong, for a diagnostic or an option's error.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = |why: &str| format!("`{text}` is not a duration: {why}, such as `500ms`, `15m` or `1h30m`");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong("write a number and a unit"));
    }
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| wrong("write a whole number first"))?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = UNITS.iter().find(|(name, _)| *name == &rest[..letters]);
        let &(_, unit_ms) = unit.ok_or_else(|| wrong("the units are ms, s, m, h and d"))?;
        total_ms = number
            .checked_mul(unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .ok_or_else(|| wrong("it is too long"))?;
        rest = &rest[letters..];
    }
    Ok(Duration::from_millis(total_ms))
}

/// Shows a duration with its two largest units: `1h30m`, `45s`, `500ms`.
pub fn show(duration: Duration) -> String {
    let mut left_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut shown = String::new();
    let mut parts = 0;
    for (name, unit_ms) in UNITS.into_iter().rev() {
        let number = left_ms / unit_ms;
        if number > 0 && parts < 2 {
            shown.push_str(&format!("{number}{name}"));
            left_ms -= number * unit_ms;
            parts += 1;
        } else if parts > 0 {
            break;
        }
    }
    if shown.is_empty() { "0s".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("500ms", 500),
            ("1s", 1_000),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("3d", 259_200_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "5", "m", "5 m", "-5m", "1.5h", "5w", "99999999999999999999s", "9999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_short() {
        for (ms, shown) in
            [(0, "0s"), (500, "500ms"), (61_000, "1m1s"), (5_400_000, "1h30m"), (90_061_000, "1d1h")]
        {
            assert_eq!(show(Duration::from_millis(ms)), shown);
        }
    }
}
