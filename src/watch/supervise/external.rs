//! What reports to the external: the service manager, the HTTP endpoint and the heartbeat. They outlive a reload, so a
//! request in the middle of one is answered.

use std::error::Error;
use std::time::SystemTime;

use super::service::Service;
use crate::deliver::heartbeat::{self, Heartbeat};
use crate::telemetry::Telemetry;
use crate::telemetry::endpoint::{self, Endpoint};

/// The settings of the HTTP endpoint and of the heartbeat; a part without settings does not run.
#[derive(Default)]
pub(crate) struct Settings {
    pub http: Option<endpoint::Settings>,
    pub heartbeat: Option<heartbeat::Settings>,
}

/// The running parts.
pub(super) struct External {
    /// The service manager.
    pub service: Service,
    started: SystemTime,
    wanted: Settings,
    http: Option<Endpoint>,
    /// With what it was started with: its settings and the name of the box.
    heartbeat: Option<((heartbeat::Settings, String), Heartbeat)>,
}

impl External {
    /// Starts with `service` alone, inside the runtime this is called from.
    pub fn new(service: Service, telemetry: &Telemetry) -> External {
        tokio::spawn(service.clone().keep(telemetry.clone()));
        let started = SystemTime::now();
        External { service, started, wanted: Settings::default(), http: None, heartbeat: None }
    }

    /// Starts, changes and stops parts as `wanted`; on an error they stay as they are.
    pub fn change(
        &mut self,
        wanted: Settings,
        host: &str,
        telemetry: &Telemetry,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        // What can fail comes first.
        let beats = self.heartbeat.as_ref().map(|(with, _)| with);
        let heartbeat = match wanted.heartbeat.clone().map(|settings| (settings, host.to_owned())) {
            // One that goes on keeps its time over a reload.
            Some(with) if beats != Some(&with) => {
                let started = Heartbeat::start(&with.0, host, telemetry.clone());
                Some((with, started.map_err(|why| format!("cannot start the heartbeat: {why}"))?))
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

    /// Starts again what has ended.
    pub fn restart(&mut self, host: &str, telemetry: &Telemetry) -> Result<(), Box<dyn Error + Send + Sync>> {
        let wanted = std::mem::take(&mut self.wanted);
        self.change(wanted, host, telemetry)
    }

    /// Waits until a part ends by itself, which it only does by a panic; its name.
    pub async fn ended(&mut self) -> &'static str {
        tokio::select! {
            () = ended(self.http.as_mut().map(Endpoint::ended)) => {
                self.http = None;
                "the HTTP endpoint"
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
    use crate::model::alert::Lang;

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
    async fn an_endpoint_that_panicked_is_restarted_and_answers() {
        let telemetry = Telemetry::default();
        telemetry.health().set_ready();
        let mut external = External::new(Service::default(), &telemetry);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let http = Some(endpoint::Settings { listen, token: None, hosts: Vec::new(), lang: Lang::En });
        external.change(Settings { http, heartbeat: None }, "seal-07", &telemetry).unwrap();
        let address = |external: &External| external.http.as_ref().unwrap().address();
        assert!(ask(address(&external)).starts_with("HTTP/1.1 200"));
        telemetry.faults().inject("http");
        assert_eq!(ask(address(&external)), "", "it panics");
        assert_eq!(timeout(PATIENCE, external.ended()).await, Ok("the HTTP endpoint"));
        external.restart("seal-07", &telemetry).unwrap();
        assert!(ask(address(&external)).starts_with("HTTP/1.1 200"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_heartbeat_that_panicked_is_restarted_and_arrives() {
        let switch = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Secret::new(format!("http://{}/", switch.local_addr().unwrap()));
        let telemetry = Telemetry::default();
        telemetry.health().set_ready();
        let mut external = External::new(Service::default(), &telemetry);
        let heartbeat = Some(heartbeat::Settings { url, every: Duration::from_secs(3_600) });
        telemetry.faults().inject("heartbeat");
        external.change(Settings { http: None, heartbeat }, "seal-07", &telemetry).unwrap();
        assert_eq!(timeout(PATIENCE, external.ended()).await, Ok("the heartbeat"));
        external.restart("seal-07", &telemetry).unwrap();
        assert!(timeout(PATIENCE, switch.accept()).await.is_ok(), "it did not arrive");
    }
}
