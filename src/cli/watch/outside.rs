//! What others ask of a `watch` at work. It outlives a reload, so that whoever asks in the middle of
//! one is answered.

use std::time::SystemTime;

use anyhow::{Result, anyhow};

use super::service::Service;
use crate::complaint::Desk;
use crate::heartbeat::{self, Heartbeat};
use crate::http::{self, Endpoint};

/// What the configuration asks for.
#[derive(Default)]
pub(super) struct Wanted {
    pub http: Option<http::Settings>,
    pub heartbeat: Option<heartbeat::Settings>,
}

/// The parts at work.
pub(super) struct Outside {
    /// The service manager.
    pub service: Service,
    started: SystemTime,
    wanted: Wanted,
    http: Option<Endpoint>,
    /// And what it was started with: its settings and the name of the box.
    heartbeat: Option<((heartbeat::Settings, String), Heartbeat)>,
}

impl Outside {
    /// With `service` alone, at the start of the process. From now on it hears of what happens, inside the
    /// runtime this is called from.
    pub fn new(service: Service, desk: &Desk) -> Outside {
        tokio::spawn(service.clone().keep(desk.clone()));
        let started = SystemTime::now();
        Outside { service, started, wanted: Wanted::default(), http: None, heartbeat: None }
    }

    /// Becomes what is wanted; on an error it stays as it is.
    pub fn change(&mut self, wanted: Wanted, host: &str, desk: &Desk) -> Result<()> {
        // What can fail comes first.
        let beats = self.heartbeat.as_ref().map(|(with, _)| with);
        let heartbeat = match wanted.heartbeat.clone().map(|settings| (settings, host.to_owned())) {
            // One that goes on keeps its time over a reload.
            Some(with) if beats != Some(&with) => {
                let started = Heartbeat::start(&with.0, host, desk.clone());
                Some((with, started.map_err(|why| anyhow!("cannot send the heartbeat: {why}"))?))
            }
            _ => None,
        };
        let listens = self.http.as_ref();
        let http = match &wanted.http {
            Some(settings) if listens.is_none_or(|endpoint| !endpoint.change(settings, host)) => {
                Some(Endpoint::start(settings, host, desk.clone(), self.started)?)
            }
            _ => None,
        };
        if let Some(endpoint) = &http {
            tracing::info!("metrics and health at http://{}", endpoint.address());
        }
        if wanted.http.is_none() || http.is_some() {
            self.http = http;
        }
        if wanted.heartbeat.is_none() || heartbeat.is_some() {
            self.heartbeat = heartbeat;
        }
        self.wanted = wanted;
        Ok(())
    }

    /// Begins again what broke.
    pub fn begin_again(&mut self, host: &str, desk: &Desk) -> Result<()> {
        let wanted = std::mem::take(&mut self.wanted);
        self.change(wanted, host, desk)
    }

    /// Waits until a part ends by itself, which it only does when it broke; its name.
    pub async fn ended(&mut self) -> &'static str {
        tokio::select! {
            () = ended(self.http.as_mut().map(Endpoint::ended)) => {
                self.http = None;
                "answering over HTTP"
            }
            () = ended(self.heartbeat.as_mut().map(|(_, heartbeat)| heartbeat.ended())) => {
                self.heartbeat = None;
                "the heartbeat"
            }
        }
    }
}

/// Waits for a part, for ever if there is none.
async fn ended(part: Option<impl Future<Output = ()>>) {
    match part {
        Some(ended) => ended.await,
        None => std::future::pending().await,
    }
}
