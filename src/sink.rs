//! Where alerts go: one file a destination.
//!
//! A destination does two things, both pure: it turns a [`Letter`] into what is sent, in full or
//! plainly, and a reply into an [`Outcome`]. It sends once and never retries; when to try again is decided by the room
//! that delivers.
//!
//! A new destination is one file here, one variant of [`Destination`], and one row in the tests of
//! this file: they walk the destinations and fail for one without its golden request.

mod plain;
mod reply;
mod route;
mod slack;
mod stdout;
mod webhook;
mod words;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

pub use self::reply::{Outcome, RETRY_AFTER_MAX, Reply};
pub use self::route::Route;
pub use self::slack::Slack;
pub use self::stdout::Stdout;
pub use self::webhook::{SigningKey, Webhook};
pub(crate) use self::words::{caution, fill_in};
use crate::alert::Letter;
use crate::secret::Secret;

/// A destination and what goes there.
#[derive(Debug, Clone, PartialEq)]
pub struct Sink {
    /// Its name in the configuration; what waits for it is kept under this name.
    pub name: String,
    /// Which alerts it takes.
    pub route: Route,
    /// Attempts a minute before messages are put in a digest; 0: no limit.
    pub max_per_minute: u32,
    /// Where it is.
    pub destination: Destination,
}

/// A place that alerts can be sent to.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination {
    /// CloudEvents over HTTP.
    Webhook(Webhook),
    /// An incoming webhook of Slack.
    Slack(Slack),
    /// Standard output.
    Stdout(Stdout),
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parcel {
    /// By HTTP.
    Post(Request),
    /// To standard output, as it is.
    Print(String),
}

/// An HTTP POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where to.
    pub url: Secret,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

/// An alert of this record breaks every sink, in tests.
#[cfg(test)]
pub(crate) const POISON: &str = "broken on purpose, in a sink";

impl Destination {
    /// What to send for `letter`; `now` is the time of the attempt.
    pub fn parcel(&self, letter: &Letter, now: Timestamp) -> Parcel {
        #[cfg(test)]
        if let crate::alert::Message::Alert(alert) = &letter.message {
            assert!(alert.record != POISON, "{POISON}");
        }
        match self {
            Destination::Webhook(webhook) => Parcel::Post(webhook.request(letter, now)),
            Destination::Slack(slack) => Parcel::Post(slack.request(letter)),
            Destination::Stdout(stdout) => Parcel::Print(stdout.print(letter)),
        }
    }

    /// The plainest form of `letter` under the same id, for a destination that found the whole of it
    /// [unfit](Outcome::Unfit); `None` where there is no plainer one.
    pub fn plain(&self, letter: &Letter, now: Timestamp) -> Option<Parcel> {
        match self {
            Destination::Webhook(webhook) => {
                Some(Parcel::Post(webhook.request(&plain::shorten(letter), now)))
            }
            Destination::Slack(slack) => Some(Parcel::Post(slack.plain(letter))),
            Destination::Stdout(_) => None,
        }
    }

    /// What `reply` means; `now` is the time it came.
    pub fn outcome(&self, reply: &Reply, now: Timestamp) -> Outcome {
        match self {
            Destination::Webhook(_) => Webhook::outcome(reply, now),
            Destination::Slack(_) => Slack::outcome(reply, now),
            Destination::Stdout(_) => Outcome::Delivered,
        }
    }
}

fn json(value: &impl Serialize) -> String {
    // String keys and values that cannot fail: serialising them cannot either.
    serde_json::to_string(value).unwrap_or_default()
}
