//! What others ask of a `watch` at work. It outlives a reload, so that whoever asks in the middle of
//! one is answered.

use std::time::SystemTime;

use anyhow::{Result, anyhow};

use super::service::Service;
use crate::deliver::heartbeat::{self, Heartbeat};
use crate::telemetry::Telemetry;
use crate::telemetry::endpoint::{self, Endpoint};

/// What the configuration asks for.
#[derive(Default)]
pub(super) struct Wanted {
    pub http: Option<endpoint::Settings>,
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
    pub fn new(service: Service, telemetry: &Telemetry) -> Outside {
        tokio::spawn(service.clone().keep(telemetry.clone()));
        let started = SystemTime::now();
        Outside { service, started, wanted: Wanted::default(), http: None, heartbeat: None }
    }

    /// Becomes what is wanted; on an error it stays as it is.
    pub fn change(&mut self, wanted: Wanted, host: &str, telemetry: &Telemetry) -> Result<()> {
        // What can fail comes first.
        let beats = self.heartbeat.as_ref().map(|(with, _)| with);
        let heartbeat = match wanted.heartbeat.clone().map(|settings| (settings, host.to_owned())) {
            // One that goes on keeps its time over a reload.
            Some(with) if beats != Some(&with) => {
                let started = Heartbeat::start(&with.0, host, telemetry.clone());
                Some((with, started.map_err(|why| anyhow!("cannot send the heartbeat: {why}"))?))
            }
            _ => None,
        };
        let listens = self.http.as_ref();
        let http = match &wanted.http {
            Some(settings) if listens.is_none_or(|endpoint| !endpoint.change(settings, host)) => {
                Some(Endpoint::start(settings, host, telemetry.clone(), self.started)?)
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
    pub fn begin_again(&mut self, host: &str, telemetry: &Telemetry) -> Result<()> {
        let wanted = std::mem::take(&mut self.wanted);
        self.change(wanted, host, telemetry)
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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::base::secret::Secret;

    /// The longest that something which must happen is waited for.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// What comes back for `request`, or nothing.
    fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = write!(stream, "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_endpoint_that_breaks_is_begun_again_and_answers() {
        let telemetry = Telemetry::default();
        telemetry.health().set_ready();
        let mut outside = Outside::new(Service::default(), &telemetry);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let http = Some(endpoint::Settings { listen, token: None, hosts: Vec::new() });
        outside.change(Wanted { http, heartbeat: None }, "seal-07", &telemetry).unwrap();
        let address = |outside: &Outside| outside.http.as_ref().unwrap().address();
        assert!(ask(address(&outside)).starts_with("HTTP/1.1 200"));
        telemetry.faults().inject("http");
        assert_eq!(ask(address(&outside)), "", "it breaks");
        assert_eq!(timeout(PATIENCE, outside.ended()).await, Ok("answering over HTTP"));
        outside.begin_again("seal-07", &telemetry).unwrap();
        assert!(ask(address(&outside)).starts_with("HTTP/1.1 200"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_heartbeat_that_breaks_is_begun_again_and_arrives() {
        let switch = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Secret::new(format!("http://{}/", switch.local_addr().unwrap()));
        let telemetry = Telemetry::default();
        telemetry.health().set_ready();
        let mut outside = Outside::new(Service::default(), &telemetry);
        let heartbeat = Some(heartbeat::Settings { url, every: Duration::from_secs(3_600) });
        telemetry.faults().inject("heartbeat");
        outside.change(Wanted { http: None, heartbeat }, "seal-07", &telemetry).unwrap();
        assert_eq!(timeout(PATIENCE, outside.ended()).await, Ok("the heartbeat"));
        outside.begin_again("seal-07", &telemetry).unwrap();
        assert!(timeout(PATIENCE, switch.accept()).await.is_ok(), "it did not arrive");
    }
}
