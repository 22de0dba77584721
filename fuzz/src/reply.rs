//! Any bytes as what a receiver answers: it cannot make a refused message a delivered one, put a
//! retry off for ever, or write more than a little into the log.

use std::time::Duration;

use jiff::Timestamp;
use sealtail::base::secret::Secret;
use sealtail::deliver::sink::{HttpSink, Outcome, Reply, Slack, Webhook};

/// The longest that a receiver is obeyed.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// Characters of a reason, generously.
const REASON_CHARS_MAX: usize = 300;

/// Reads `data` as status, flags, `Retry-After`, host of `Location` and body, parted by newlines.
pub fn run(data: &[u8]) {
    let [high, low, flags, rest @ ..] = data else { return };
    let mut parts = rest.splitn(3, |&byte| byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (retry_after, location_host) = (text(), text());
    let reply = Reply {
        status: u16::from_be_bytes([*high, *low]) % 1000,
        retry_after: (flags & 1 != 0).then_some(retry_after),
        location_host: (flags & 2 != 0).then_some(location_host),
        body: parts.next().unwrap_or_default().to_vec(),
        broken: flags & 4 != 0,
    };
    let url = Secret::new("http://127.0.0.1/");
    let sinks: [&dyn HttpSink; 2] = [&Webhook { url: url.clone(), key: None }, &Slack { url }];
    for sink in sinks {
        match sink.outcome(&reply, Timestamp::UNIX_EPOCH) {
            Outcome::Delivered => assert!((200..300).contains(&reply.status)),
            Outcome::Retry { after, reason } => {
                assert!(after.is_none_or(|after| after <= WAIT_MAX));
                check(&reason);
            }
            Outcome::Unfit { reason } | Outcome::Refused { reason } | Outcome::Revoked { reason } => {
                check(&reason);
            }
        }
    }
}

fn check(reason: &str) {
    assert!(reason.chars().count() <= REASON_CHARS_MAX, "{reason}");
    assert!(!reason.chars().any(char::is_control), "{reason:?}");
}
