//! What carries the messages of one sink: opened once, at the start.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;

use crate::deliver::outbound::{Client, Failure};
use crate::deliver::sink::{Carried, Destination, HttpSink, Outcome, PrintSink, Request};
use crate::model::alert::OutboxMessage;

/// Why a message was not sent that makes its sink panic.
const PANICKED: &str = "sealtail panicked on this message; this is a bug in sealtail, please report it";

/// A sink with what carries its messages.
#[derive(Debug)]
pub(super) enum Carrier {
    /// By HTTP.
    Http { client: Client, sink: Box<dyn HttpSink> },
    /// To standard output.
    Stdout(Box<dyn PrintSink>),
}

/// How much of a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it.
    Whole,
    /// What no receiver finds malformed or too large.
    Plain,
}

/// The reader of standard output has gone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PipeClosed;

impl Carrier {
    /// Opens what carries the messages of `destination`.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub fn open(destination: &Destination) -> Result<Carrier, String> {
        Ok(match destination.carried() {
            Carried::Http(sink) => Carrier::Http { client: Client::new(sink.url())?, sink },
            Carried::Stdout(sink) => Carrier::Stdout(sink),
        })
    }

    /// Whether there is a [plain form](Form::Plain).
    pub fn has_plain(&self) -> bool {
        match self {
            Carrier::Http { .. } => true,
            Carrier::Stdout(_) => false,
        }
    }

    /// Sends `message` once. One that makes its sink panic would do so after every restart: it is unfit,
    /// and so holds nothing up.
    pub async fn send(&self, message: &OutboxMessage, form: Form) -> Result<Outcome, PipeClosed> {
        match self {
            Carrier::Http { client, sink } => {
                let now = Timestamp::now();
                let request = made(|| match form {
                    Form::Whole => sink.request(message, now),
                    Form::Plain => sink.plain(message, now),
                });
                Ok(match request {
                    Ok(request) => post(client, &**sink, request).await,
                    Err(unfit) => unfit,
                })
            }
            Carrier::Stdout(sink) => match made(|| sink.print(message)) {
                Ok(text) => write(text).await,
                Err(unfit) => Ok(unfit),
            },
        }
    }
}

/// What `make` makes. If it panics, which is logged, the message is unfit.
fn made<T>(make: impl FnOnce() -> T) -> Result<T, Outcome> {
    // A sink is not changed by what is made for it.
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| Outcome::Unfit { reason: PANICKED.to_owned() })
}

async fn post(client: &Client, sink: &dyn HttpSink, request: Request) -> Outcome {
    match client.post(request).await {
        Ok(reply) => sink.outcome(&reply, Timestamp::now()),
        Err(Failure::Url) => Outcome::Refused { reason: "the URL is not valid".to_owned() },
        Err(Failure::Unreachable(reason)) => Outcome::unreachable(reason),
    }
}

async fn write(text: String) -> Result<Outcome, PipeClosed> {
    match tokio::task::spawn_blocking(move || print(&text)).await {
        Ok(Ok(())) => Ok(Outcome::Delivered),
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Err(PipeClosed),
        Ok(Err(error)) => Ok(Outcome::unreachable(format!("cannot write to standard output: {error}"))),
        Err(_) => Ok(Outcome::unreachable("writing to standard output was interrupted")),
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
