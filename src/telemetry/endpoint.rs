//! The HTTP endpoint: `/metrics`, `/healthz`, `/readyz`, the status page at `/`, the pages of signatures, and JSON.
//!
//! - Off unless the configuration names an address; off loopback only with a token.
//! - A request changes nothing, and no part of it becomes the path of a file: the page of a signature is looked up among
//!   those in force.
//! - A request must name this box. A page in somebody's browser whose own name was pointed here
//!   (DNS rebinding) names another one.
//! - What the other side decides has a limit: connections, the bytes and the time of a header, the time
//!   of a whole request.
//! - Answers come from memory: none of them waits for a disk, for a source or for a sink. The open alerts are what the
//!   reading side hands over; where it does not answer in a moment, they are as it last did.

mod answer;
mod api;
mod lang;
mod process;
mod runbook;
mod status;
mod view;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use self::answer::Access;
use crate::base::secret::Secret;
use crate::model::alert::Lang;
use crate::telemetry::Telemetry;
use crate::telemetry::overview::SNAPSHOT_EVERY;

/// Connections at a time; more of them wait.
const CONNECTIONS_MAX: usize = 32;
/// The time in which the header of a request must have come, …
const HEADER_MAX: Duration = Duration::from_secs(5);
/// … its bytes, …
const HEADER_BYTES_MAX: usize = 16 << 10;
/// … and the time of the whole request, its answer taken.
const REQUEST_MAX: Duration = Duration::from_secs(15);
/// The time before connections are taken again where the system has no room for one.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// The time in which the reading side hands over the open alerts, busy or idle; …
const OVERVIEW_WAIT_MAX: Duration = Duration::from_secs(2);
/// … and how often it is looked whether it did.
const OVERVIEW_LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where it listens, and whose requests it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address.
    pub listen: SocketAddr,
    /// What a request must show.
    pub token: Option<Secret>,
    /// Names of this box that a request may use, besides its host name, `localhost` and IP addresses.
    pub hosts: Vec<String>,
    /// The language of pages where neither the request nor the browser names one.
    pub lang: Lang,
}

/// The running endpoint; it stops when it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    /// As it stands in the settings.
    listen: SocketAddr,
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// The endpoint cannot listen.
#[derive(Debug)]
pub struct HttpError {
    listen: SocketAddr,
    why: io::Error,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}, the `listen` of [http]: {}", self.listen, self.why)
    }
}

impl std::error::Error for HttpError {}

#[derive(Debug)]
struct Shared {
    telemetry: Telemetry,
    /// When the process was started, since 1970.
    started: Duration,
    access: Mutex<Arc<Access>>,
}

impl Endpoint {
    /// Listens from now on, inside the runtime it is called from. `host` is the name of the box; the
    /// process was `started` then.
    ///
    /// # Errors
    ///
    /// The address is in use, or does not belong to this box.
    pub fn start(
        settings: &Settings,
        host: &str,
        telemetry: Telemetry,
        started: SystemTime,
    ) -> Result<Endpoint, HttpError> {
        let failed = |why| HttpError { listen: settings.listen, why };
        let listener = listen(settings.listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let access = Mutex::new(Arc::new(Access::new(settings, host)));
        let shared = Arc::new(Shared { telemetry, started, access });
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Ok(Endpoint { listen: settings.listen, address, shared, serving })
    }

    /// Changes the settings; `false` if they name another address, which needs another endpoint.
    pub fn change(&self, settings: &Settings, host: &str) -> bool {
        let same = settings.listen == self.listen;
        if same {
            // An `Arc` is there or it is not: no panic leaves half of one.
            let mut access = self.shared.access.lock().unwrap_or_else(PoisonError::into_inner);
            *access = Arc::new(Access::new(settings, host));
        }
        same
    }

    /// Where it listens; the port is known where the settings left it open.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it ends by itself, which it only does by a panic.
    pub async fn ended(&mut self) {
        // The panic was logged.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut troubled = false;
    // The semaphore is never closed.
    while let Ok(permit) = room.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                #[cfg(test)]
                shared.telemetry.faults().trip("http");
                troubled = false;
                let shared = shared.clone();
                tokio::spawn(async move {
                    // A peer that is too slow, or goes away in the middle, is its own affair.
                    let _ = tokio::time::timeout(REQUEST_MAX, converse(stream, shared)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    tracing::warn!("the HTTP endpoint cannot accept a connection, will try again: {error}");
                }
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// Answers one request and closes the connection: a scraper asks every 15 seconds or so.
async fn converse(stream: TcpStream, shared: Arc<Shared>) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move {
            let access = shared.access.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let telemetry = &shared.telemetry;
            if access.shows_alerts(&request) {
                look(telemetry).await;
            }
            let facts = answer::Facts { telemetry, started: shared.started, now: Instant::now() };
            Ok::<_, Infallible>(access.answer(&request, &facts))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// Has the reading side hand over the open alerts, unless it just did.
async fn look(telemetry: &Telemetry) {
    let asked = Instant::now();
    let is_fresh = || telemetry.overview().last().is_some_and(|last| last.at + SNAPSHOT_EVERY >= asked);
    if is_fresh() {
        return;
    }
    telemetry.ask_overview();
    while !is_fresh() && asked.elapsed() < OVERVIEW_WAIT_MAX {
        tokio::time::sleep(OVERVIEW_LOOK_EVERY).await;
    }
}
