//! Notification of the service manager: the messages of `sd_notify(3)`, a datagram each.
//!
//! Without a service manager nothing is sent. A message that cannot be sent is logged at DEBUG; the manager's own
//! timeouts cover it.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::telemetry::Telemetry;

/// How often it checks whether the first scan is complete, and whether the manager has room again.
const READY_EVERY: Duration = Duration::from_millis(200);

/// The service manager, if there is one.
#[derive(Clone, Default)]
pub(super) struct Service {
    line: Option<Arc<Line>>,
    /// The manager restarts this process when no message came for this long.
    watchdog: Option<Duration>,
}

struct Line {
    socket: UnixDatagram,
    manager: SocketAddr,
    /// READY is to be sent.
    ready: Notify,
}

impl Service {
    /// The one that `environment` names.
    pub fn of(environment: &dyn Fn(&str) -> Option<String>) -> Service {
        let line = environment("NOTIFY_SOCKET").and_then(|name| {
            let line = Line::to(&name).inspect_err(|error| {
                tracing::warn!("cannot notify the service manager at NOTIFY_SOCKET: {error}");
            });
            line.ok().map(Arc::new)
        });
        let number = |name| environment(name).and_then(|number| number.parse::<u64>().ok());
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| ours && *usec > 0);
        Service { line, watchdog: watchdog.map(Duration::from_micros) }
    }

    /// Sends READY once the first scan is complete, and from then on WATCHDOG while reading makes progress. Ends
    /// only without a service manager.
    pub async fn keep(self, telemetry: Telemetry) {
        let Some(line) = self.line.as_deref() else { return };
        while telemetry.health().ready().is_err() {
            sleep(READY_EVERY).await;
        }
        line.ready.notify_one();
        let mut due = interval(self.watchdog.unwrap_or(READY_EVERY) / 2);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                // The manager waits for it; its socket may be full for now.
                () = line.ready.notified() => while !self.send("READY=1") {
                    sleep(READY_EVERY).await;
                },
                // A restart does not repair a state that cannot be written.
                _ = due.tick(), if self.watchdog.is_some() => {
                    if telemetry.health().alive(Instant::now().into_std()).is_ok() {
                        self.send("WATCHDOG=1");
                    }
                }
            }
        }
    }

    /// Sends READY if the first scan is complete: after the start, and after a reload.
    pub fn ready(&self, telemetry: &Telemetry) {
        if let Some(line) = self.line.as_deref().filter(|_| telemetry.health().ready().is_ok()) {
            line.ready.notify_one();
        }
    }

    /// Sends that the configuration is being reloaded.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let usec = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    /// Sends that this process is about to end.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Sends a message; `false` if the socket was full and it is worth another try.
    fn send(&self, message: &str) -> bool {
        let Some(Line { socket, manager, .. }) = self.line.as_deref() else { return true };
        let Err(error) = socket.send_to_addr(message.as_bytes(), manager) else { return true };
        tracing::debug!("cannot send {message:?} to the service manager: {error}");
        error.kind() != io::ErrorKind::WouldBlock
    }
}

impl Line {
    /// A name that begins with `@` is an abstract socket.
    fn to(name: &str) -> io::Result<Line> {
        let manager = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that does not read blocks nothing.
        socket.set_nonblocking(true)?;
        Ok(Line { socket, manager, ready: Notify::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has been said since this was last asked.
    fn said(manager: &UnixDatagram) -> Vec<String> {
        manager.set_nonblocking(true).unwrap();
        let mut buffer = [0; 256];
        std::iter::from_fn(|| {
            let length = manager.recv(&mut buffer).ok()?;
            Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
        })
        .collect()
    }

    fn pings(number: usize) -> Vec<String> {
        vec!["WATCHDOG=1".to_owned(); number]
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_notified_while_reading_makes_progress() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let service = Service::of(&|name| match name {
            "NOTIFY_SOCKET" => path.to_str().map(str::to_owned),
            "WATCHDOG_USEC" => Some("20000000".to_owned()),
            _ => None,
        });
        let telemetry = Telemetry::default();
        tokio::spawn(service.keep(telemetry.clone()));
        let pass = |seconds| sleep(Duration::from_secs(seconds));
        let moved = || telemetry.health().progress(Instant::now().into_std());
        moved();
        pass(300).await;
        assert_eq!(said(&manager), pings(0), "the first scan is not complete");
        moved();
        telemetry.health().set_ready();
        pass(1).await;
        assert_eq!(said(&manager), ["READY=1", "WATCHDOG=1"]);
        pass(40).await;
        assert_eq!(said(&manager), pings(4));
        telemetry.health().set_writable(Err("no space left".to_owned()));
        pass(300).await;
        assert_eq!(said(&manager), pings(1), "reading has stalled, a minute after its last progress");
        moved();
        pass(20).await;
        assert_eq!(said(&manager), pings(2));
    }

    #[tokio::test(start_paused = true)]
    async fn ready_is_sent_later_where_the_socket_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let service =
            Service::of(&|name| path.to_str().filter(|_| name == "NOTIFY_SOCKET").map(str::to_owned));
        let (telemetry, others) = (Telemetry::default(), UnixDatagram::unbound().unwrap());
        others.set_nonblocking(true).unwrap();
        let fill = || while others.send_to(b"STATUS=busy", &path).is_ok() {};
        fill();
        tokio::spawn(service.clone().keep(telemetry.clone()));
        telemetry.health().set_ready();
        sleep(Duration::from_secs(300)).await;
        let news =
            || said(&manager).into_iter().filter(|message| message != "STATUS=busy").collect::<Vec<_>>();
        assert_eq!(news(), [""; 0]);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(news(), ["READY=1"]);
        // Nor is it lost after a reload, and said once.
        fill();
        service.ready(&telemetry);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(news(), [""; 0]);
        sleep(Duration::from_secs(300)).await;
        assert_eq!(news(), ["READY=1"]);
    }

    #[test]
    fn the_service_manager_stands_in_the_environment() {
        let name = format!("sealtail-test-{}", process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let (socket, own, other) = (format!("@{name}"), process::id().to_string(), "1".to_owned());
        let usec = |usec| Some(Duration::from_micros(usec));
        for (variables, expected, watchdog) in [
            (vec![("NOTIFY_SOCKET", &*socket)], vec!["STOPPING=1"], None),
            (vec![("NOTIFY_SOCKET", &socket), ("WATCHDOG_USEC", "7")], vec!["STOPPING=1"], usec(7)),
            (vec![("WATCHDOG_USEC", "7"), ("WATCHDOG_PID", &own)], vec![], usec(7)),
            (vec![("WATCHDOG_USEC", "7"), ("WATCHDOG_PID", &other)], vec![], None),
            (vec![("WATCHDOG_USEC", "0")], vec![], None),
            (vec![("NOTIFY_SOCKET", "/nowhere/at/all"), ("WATCHDOG_USEC", "-7")], vec![], None),
            (vec![("NOTIFY_SOCKET", "")], vec![], None),
        ] {
            let value =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
            let service = Service::of(&|name| value(name).map(|value| (*value).to_owned()));
            service.stopping();
            assert_eq!(
                (said(&manager), service.watchdog),
                (expected.iter().map(|it| (*it).to_owned()).collect(), watchdog),
                "{variables:?}"
            );
        }
    }
}
