//! One attempt: a letter goes to its destination once, and once more in plain form if the whole of
//! it was found unfit.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use reqwest::Client;

use super::http;
use crate::alert::Letter;
use crate::sink::{Destination, Outcome, Parcel, Sink};

/// Why a message was not sent that breaks what sends it.
const BROKE: &str = "sealtail broke on it; this is a fault of its own";

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
    let Some(Some(plain)) = unbroken(|| sink.destination.plain(letter, Timestamp::now())) else {
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

/// Sends the whole of `letter` once. One that breaks what makes the request of it would do so after every
/// restart: it is unfit, and so holds nothing up.
pub(super) async fn send(
    destination: &Destination,
    client: Option<&Client>,
    letter: &Letter,
) -> Result<Outcome, PipeClosed> {
    match unbroken(|| destination.parcel(letter, Timestamp::now())) {
        Some(parcel) => carry(destination, client, parcel).await,
        None => Ok(Outcome::Unfit { reason: BROKE.to_owned() }),
    }
}

/// What `make` makes, unless it panics, which is logged.
fn unbroken<T>(make: impl FnOnce() -> T) -> Option<T> {
    // A destination is not changed by what is made for it.
    catch_unwind(AssertUnwindSafe(make)).ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Message;
    use crate::alert::tests::sample;
    use crate::secret::Secret;
    use crate::sink::{POISON, Route, Slack, Stdout};

    #[tokio::test]
    async fn a_message_that_breaks_its_sink_goes_in_plain_form_or_is_unfit() {
        let mut alert = sample();
        alert.record = POISON.to_owned();
        let letter = Letter {
            id: "1".to_owned(),
            message: Message::Alert(Box::new(alert)),
            created: "2022-06-24T06:00:01Z".to_owned(),
        };
        let slack = Destination::Slack(Slack { url: Secret::new("http://127.0.0.1:9") });
        let unfit = Outcome::Unfit { reason: BROKE.to_owned() };
        for (destination, expected) in [
            // So far does the plain form come where there is no client.
            (slack, Outcome::unreachable("there is no HTTP client")),
            (Destination::Stdout(Stdout { json: true }), unfit),
        ] {
            let sink =
                Sink { name: "ops".to_owned(), route: Route::default(), max_per_minute: 0, destination };
            assert!(whole_or_plain(&sink, None, &letter).await.is_ok_and(|outcome| outcome == expected));
        }
    }
}
