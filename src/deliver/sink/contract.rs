//! What a carrier asks of the destinations whose messages it carries.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::reply::{Outcome, Reply};
use crate::base::secret::Secret;
use crate::model::alert::OutboxMessage;

/// What HTTP asks: an address, a request for each message in both forms, and the meaning of a reply.
pub trait HttpSink: fmt::Debug + Send + Sync {
    /// The address of every request.
    fn url(&self) -> &Secret;

    /// The request that sends `message`; `now` is the time of the attempt.
    fn request(&self, message: &OutboxMessage, now: Timestamp) -> Request;

    /// The plainest form of `message` under the same id, for a receiver that found the whole of it
    /// [unfit](Outcome::Unfit).
    fn plain(&self, message: &OutboxMessage, now: Timestamp) -> Request;

    /// What `reply` means; `now` is the time it came.
    fn outcome(&self, reply: &Reply, now: Timestamp) -> Outcome;
}

/// What standard output asks: the text of each message.
pub trait PrintSink: fmt::Debug + Send + Sync {
    /// What is printed for `message`, newline included. Text is coloured; whoever writes it to
    /// something else than a terminal takes the colours out.
    fn print(&self, message: &OutboxMessage) -> String;
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

pub(super) fn json(value: &impl Serialize) -> String {
    // String keys and values that cannot fail: serialising them cannot either.
    serde_json::to_string(value).unwrap_or_default()
}
