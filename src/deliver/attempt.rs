//! One attempt: a letter goes to its destination once, and once more in plain form if the whole of
//! it was found unfit.

use std::io::{self, Write};

use jiff::Timestamp;
use reqwest::Client;

use super::http;
use crate::alert::Letter;
use crate::sink::{Destination, Outcome, Parcel, Sink};

/// Nobody reads standard output any more.
pub(super) struct PipeClosed;

/// Sends `letter`; if the whole of it is malformed or too large to the receiver, its plain form at
/// once under the same id. So what waits behind it waits for one attempt more, and no longer.
pub(super) async fn whole_or_plain(
    sink: &Sink,
    client: Option<&Client>,
    letter: &Letter,
) -> Result<Outcome, PipeClosed> {
    let outcome = send(&sink.destination, client, letter).await?;
    let Outcome::Unfit { reason } = outcome else { return Ok(outcome) };
    let Some(plain) = sink.destination.plain(letter, Timestamp::now()) else {
        return Ok(Outcome::Unfit { reason });
    };
    let (sink_name, id) = (&sink.name, &letter.id);
    match carry(&sink.destination, client, plain).await? {
        Outcome::Delivered => {
            tracing::warn!(sink = sink_name, id, "message refused, and taken in plain form: {reason}");
            Ok(Outcome::Delivered)
        }
        // Of the two reasons it is the first that tells what is wrong with the message.
        Outcome::Unfit { .. } | Outcome::Refused { .. } => Ok(Outcome::Unfit { reason }),
        // Next time it begins with the whole letter again.
        outcome @ (Outcome::Retry { .. } | Outcome::Revoked { .. }) => Ok(outcome),
    }
}

/// Sends the whole of `letter` once.
pub(super) async fn send(
    destination: &Destination,
    client: Option<&Client>,
    letter: &Letter,
) -> Result<Outcome, PipeClosed> {
    carry(destination, client, destination.parcel(letter, Timestamp::now())).await
}

async fn carry(
    destination: &Destination,
    client: Option<&Client>,
    parcel: Parcel,
) -> Result<Outcome, PipeClosed> {
    match (parcel, client) {
        (Parcel::Post(request), Some(client)) => Ok(http::post(client, destination, request).await),
        (Parcel::Post(_), None) => Ok(Outcome::unreachable("there is no HTTP client")),
        (Parcel::Print(text), _) => match tokio::task::spawn_blocking(move || print(&text)).await {
            Ok(Ok(())) => Ok(Outcome::Delivered),
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Err(PipeClosed),
            Ok(Err(error)) => Ok(Outcome::unreachable(format!("cannot write to standard output: {error}"))),
            Err(_) => Ok(Outcome::unreachable("writing to standard output was broken off")),
        },
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
