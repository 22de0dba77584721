//! What others ask of a `watch` at work. It outlives a reload, so that whoever asks in the middle of
//! one is answered.

use anyhow::Result;

use crate::complaint::Desk;
use crate::http::{self, Endpoint};

/// What the configuration asks for.
pub(super) struct Wanted {
    pub http: Option<http::Settings>,
}

/// The parts at work.
#[derive(Default)]
pub(super) struct Outside {
    http: Option<Endpoint>,
}

impl Outside {
    /// Becomes what is wanted; on an error it stays as it is.
    pub fn change(&mut self, wanted: &Wanted, host: &str, desk: &Desk) -> Result<()> {
        self.http = match (&wanted.http, self.http.take()) {
            (Some(settings), Some(endpoint)) if endpoint.change(settings, host) => Some(endpoint),
            (Some(settings), running) => match Endpoint::start(settings, host, desk.clone()) {
                Ok(endpoint) => {
                    tracing::info!("metrics and health at http://{}", endpoint.address());
                    Some(endpoint)
                }
                Err(error) => {
                    self.http = running;
                    return Err(error.into());
                }
            },
            (None, _) => None,
        };
        Ok(())
    }

    /// Waits until a part ends by itself, which it only does when it broke; its name.
    pub async fn ended(&mut self) -> &'static str {
        match &mut self.http {
            Some(endpoint) => endpoint.ended().await,
            None => std::future::pending().await,
        }
        "answering over HTTP"
    }
}
