//! What an HTTP reply means: delivered, try again, send the plain form, refused for good, or nothing is
//! accepted there any more.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use crate::base::text;

/// The longest a `Retry-After` is obeyed.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// Characters of a reply's body that a reason shows.
const SHOWN_CHARS_MAX: usize = 200;

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It did not, but may next time.
    Retry {
        /// How long the destination asked to be left alone.
        after: Option<Duration>,
        /// Why, for a log; names no secret.
        reason: String,
    },
    /// Not in this form, which is malformed or too large to the destination; a plainer one may.
    Unfit {
        /// Why, for a log; names no secret.
        reason: String,
    },
    /// It never will.
    Refused {
        /// Why, for a log; names no secret.
        reason: String,
    },
    /// Nothing does before a person has seen to the destination: the token was revoked, the channel
    /// archived, the address is gone.
    Revoked {
        /// Why, for a log; names no secret.
        reason: String,
    },
}

impl Outcome {
    /// An attempt that got no reply.
    pub fn unreachable(reason: impl Into<String>) -> Outcome {
        Outcome::Retry { after: None, reason: reason.into() }
    }
}

/// An HTTP reply.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// The host that the `Location` header names.
    pub location_host: Option<String>,
    /// The body, or as much of it as was read.
    pub body: Vec<u8>,
    /// The body broke off, or came too slowly to be read whole.
    pub broken: bool,
}

impl Reply {
    /// What the status says; a 2xx is [`Outcome::Delivered`].
    pub(super) fn by_status(&self, now: Timestamp) -> Outcome {
        let status = self.status;
        match status {
            200..=299 => Outcome::Delivered,
            408 | 425 | 429 | 500..=599 => {
                let after = self.retry_after.as_deref().and_then(|text| retry_after(text, now));
                Outcome::Retry { after, reason: format!("status {status}{}", self.shown()) }
            }
            300..=399 => {
                let host = self.location_host.as_deref().map(text::clean_line);
                let target = host.map(|host| format!(" to {}", text::cut(&host, SHOWN_CHARS_MAX)));
                let target = target.unwrap_or_default();
                Outcome::Refused { reason: format!("status {status}: redirect{target} not followed") }
            }
            400 | 413 | 422 => Outcome::Unfit { reason: format!("status {status}{}", self.shown()) },
            401 | 403 | 404 | 410 => Outcome::Revoked { reason: format!("status {status}{}", self.shown()) },
            _ => Outcome::Refused { reason: format!("status {status}{}", self.shown()) },
        }
    }

    /// The start of the body, for a reason; empty if there is none.
    pub(super) fn shown(&self) -> String {
        let body = text::clean_line(&String::from_utf8_lossy(&self.body));
        let body = body.trim();
        if body.is_empty() { String::new() } else { format!(": {}", text::cut(body, SHOWN_CHARS_MAX)) }
    }
}

/// How long `text`, a `Retry-After`, asks to wait: seconds, or the time until an HTTP date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let asked = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // All digits, so what does not parse is too large.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = rfc2822::parse(text).ok()?.timestamp();
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(asked.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        #[derive(Debug, PartialEq)]
        enum Kind {
            Delivered,
            Retry,
            Unfit,
            Refused,
            Revoked,
        }
        use Kind::{Delivered, Refused, Retry, Revoked, Unfit};
        for (statuses, kind) in [
            (&[200, 201, 202, 204][..], Delivered),
            (&[408, 425, 429, 500, 502, 503, 504, 599], Retry),
            (&[400, 413, 422], Unfit),
            (&[300, 301, 302, 303, 307, 308, 402, 405, 101, 600], Refused),
            (&[401, 403, 404, 410], Revoked),
        ] {
            for &status in statuses {
                let found = match (Reply { status, ..Reply::default() }).by_status(Timestamp::UNIX_EPOCH) {
                    Outcome::Delivered => Delivered,
                    Outcome::Retry { .. } => Retry,
                    Outcome::Unfit { .. } => Unfit,
                    Outcome::Refused { .. } => Refused,
                    Outcome::Revoked { .. } => Revoked,
                };
                assert_eq!(found, kind, "{status}");
            }
        }
    }

    #[test]
    fn retry_after_in_seconds_and_dates() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (text, seconds) in [
            ("30", Some(30)),
            (" 0 ", Some(0)),
            ("86400", Some(3_600)),
            ("99999999999999999999999", Some(3_600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:48:37 GMT", Some(3_600)),
            ("", None),
            ("-5", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_reason_shows_a_little_of_the_body() {
        let body = format!("no\u{1b}[31m\n{}", "x".repeat(900)).into_bytes();
        let reply = Reply { status: 400, body, ..Reply::default() };
        let Outcome::Unfit { reason } = reply.by_status(Timestamp::UNIX_EPOCH) else { panic!("unfit") };
        assert!(reason.starts_with("status 400: no[31m xxx") && reason.ends_with("x…"), "{reason}");
        assert_eq!(reason.chars().count(), "status 400: ".len() + 200);
    }

    #[test]
    fn a_redirect_is_named_by_its_host() {
        let reply =
            Reply { status: 307, location_host: Some("other.example".to_owned()), ..Reply::default() };
        let reason = "status 307: redirect to other.example not followed".to_owned();
        assert_eq!(reply.by_status(Timestamp::UNIX_EPOCH), Outcome::Refused { reason });
    }
}
