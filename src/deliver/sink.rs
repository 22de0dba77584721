//! Where alerts go: one file a destination.
//!
//! A destination does two things, both pure: it turns an outbox message into what is sent, in full or
//! plainly, and a reply into an [`Outcome`]. It never retries; when to try again is decided by the room
//! that delivers.
//!
//! What carries its messages is a contract: [`HttpSink`] is that of HTTP, [`PrintSink`]
//! that of standard output. [`Destination::carried`] names
//! the carrier of each kind, and the room that delivers opens that carrier or does not start.
//!
//! A new destination is one file here, one variant of [`Destination`], its carrier, and one row in the
//! tests of this file: they walk the destinations and fail for one without its golden request.

mod contract;
mod plain;
mod reply;
mod route;
mod slack;
mod stdout;
mod webhook;
mod words;

#[cfg(test)]
mod tests;

pub use self::contract::{HttpSink, PrintSink, Request};
pub use self::reply::{Outcome, RETRY_AFTER_MAX, Reply};
pub use self::route::{Route, Subject};
pub use self::slack::Slack;
pub use self::stdout::Stdout;
pub(crate) use self::stdout::runbook;
pub use self::webhook::{SigningKey, Webhook};
pub(crate) use self::words::{caution, fill_in};

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

/// A destination by what carries its messages: what it gives to that carrier.
#[derive(Debug)]
pub enum Carried {
    /// HTTP.
    Http(Box<dyn HttpSink>),
    /// Standard output.
    Stdout(Box<dyn PrintSink>),
}

impl Destination {
    /// What carries this kind of destination. The one place that says so: a kind does not compile
    /// before it stands here, with all that its carrier asks of it.
    pub fn carried(&self) -> Carried {
        match self {
            Destination::Webhook(webhook) => Carried::Http(Box::new(webhook.clone())),
            Destination::Slack(slack) => Carried::Http(Box::new(slack.clone())),
            Destination::Stdout(stdout) => Carried::Stdout(Box::new(*stdout)),
        }
    }
}
