//! What an operator asks of a state, and the control socket of the running watch, through which it is asked.
//!
//! A request is one line of JSON, its reply another. The socket, `control.sock`, lies in the state folder and is for the
//! owner of the watch and for root. What is about the state alone (positions, outbox) is answered here, with the same
//! words whether a watch runs or the command has opened the state itself. What is about open alerts goes to the thread
//! that reads; what takes reading apart is done between two sessions.

mod alerts;
mod client;
mod outbox;
mod positions;
mod request;
mod server;
mod silences;

pub(crate) use self::alerts::{Facts, Shown, open_alerts, takers};
pub(crate) use self::client::ask;
pub(crate) use self::request::{Asked, Desk, Needs, Place, Refused, Reply, Request, Selection};
pub(crate) use self::server::Control;
pub(crate) use self::silences::{at_rest, change, silences};
use crate::store::Store;

/// Answers what is about the state alone. `running`: a watch is at work on it.
pub(crate) fn answer(store: &Store, request: Request, running: bool) -> Result<Reply, Refused> {
    let text = match request {
        Request::Positions { json } => positions::list(store, json)?,
        Request::Reset { path, to, yes } => positions::reset(store, &path, to, yes, running)?,
        Request::Outbox { json } => outbox::list(store, json)?,
        Request::Retry(selection) => outbox::retry(store, &selection, running)?,
        Request::Drop { selection, yes } => outbox::discard(store, &selection, yes)?,
        request => silences::change_at_rest(store, request, jiff::Timestamp::now())?,
    };
    Ok(Reply::Text(text))
}
