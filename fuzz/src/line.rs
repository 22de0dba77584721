//! Any bytes as one line of a log.

use jiff::tz::TimeZone;
use sealtail::frame::line::{clean, is_plain};
use sealtail::frame::{format, prefix, shipped};

/// Cleans `data`, peels it and reads its head; the same with what docker may have wrapped.
pub fn run(data: &[u8]) {
    let text = clean(data);
    assert!(!text.contains(['\0', '\x1b']), "{text:?}");
    assert_eq!(clean(text.as_bytes()), text, "cleaning twice is cleaning once");
    assert!(is_plain(text.as_bytes()), "{text:?}");

    let (_, message) = prefix::peel(&text, &TimeZone::UTC);
    assert!(text.ends_with(message), "peeling takes from the front");
    assert_eq!(
        prefix::peel(message, &TimeZone::UTC),
        (Default::default(), message),
        "peeling twice is peeling once"
    );

    let (_, unshipped) = shipped::unship(data, &TimeZone::UTC);
    assert!(is_plain(unshipped.as_bytes()), "{unshipped:?}");
    if !data.starts_with(shipped::OBJECT) && !text.starts_with("{\"log\":\"") {
        assert_eq!(unshipped, message, "what nobody wrapped is only peeled");
    }

    let head = format::head(message, &TimeZone::UTC);
    assert_eq!(format::starts(message), head.is_some(), "{message:?}");
    assert!(!format::starts(&text) || message == text, "a line of a format has no prefix: {text:?}");
}
