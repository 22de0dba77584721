//! What the service manager hears of this process: the messages of `sd_notify(3)`, a datagram each.
//!
//! Whoever was not started by one that listens says nothing. What cannot be said does no harm but that
//! the manager acts as if nothing had been: it is for it to know how long it waits.

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

/// How often is looked whether the files have been looked at, and whether the manager has room again.
const READY_EVERY: Duration = Duration::from_millis(200);

/// The service manager, if there is one.
#[derive(Clone, Default)]
pub(super) struct Service {
    line: Option<Arc<Line>>,
    /// It takes this process for dead when nothing came for so long.
    watchdog: Option<Duration>,
}

struct Line {
    socket: UnixDatagram,
    manager: SocketAddr,
    /// It is to hear that the files are followed.
    ready: Notify,
}

impl Service {
    /// The one that `environment` names.
    pub fn of(environment: &dyn Fn(&str) -> Option<String>) -> Service {
        let line = environment("NOTIFY_SOCKET").and_then(|name| {
            let line = Line::to(&name).inspect_err(|error| {
                tracing::warn!("the service manager cannot be told anything: {error}");
            });
            line.ok().map(Arc::new)
        });
        let number = |name| environment(name).and_then(|number| number.parse::<u64>().ok());
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| ours && *usec > 0);
        Service { line, watchdog: watchdog.map(Duration::from_micros) }
    }

    /// Says that the files are followed once they are, and from then on that this process lives for as
    /// long as reading goes on. Ends only where nobody listens.
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
                // The manager waits for it; one that is behind has no room for now.
                () = line.ready.notified() => while !self.say("READY=1") {
                    sleep(READY_EVERY).await;
                },
                // A state that cannot be written is not mended by a restart.
                _ = due.tick(), if self.watchdog.is_some() => {
                    if telemetry.health().alive(Instant::now().into_std()).is_ok() {
                        self.say("WATCHDOG=1");
                    }
                }
            }
        }
    }

    /// Says that the files are followed, if they are: after the start, and after a reload.
    pub fn ready(&self, telemetry: &Telemetry) {
        if let Some(line) = self.line.as_deref().filter(|_| telemetry.health().ready().is_ok()) {
            line.ready.notify_one();
        }
    }

    /// Says that the configuration is being read again.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let usec = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    /// Says that this process is about to end.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Whether there is no use in saying it again.
    fn say(&self, message: &str) -> bool {
        let Some(Line { socket, manager, .. }) = self.line.as_deref() else { return true };
        let Err(error) = socket.send_to_addr(message.as_bytes(), manager) else { return true };
        tracing::debug!("the service manager was not told {message:?}: {error}");
        error.kind() != io::ErrorKind::WouldBlock
    }
}

impl Line {
    /// `@` stands before a name that is in no file system.
    fn to(name: &str) -> io::Result<Line> {
        let manager = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // One that does not listen holds nothing up.
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
    async fn it_says_that_it_lives_while_reading_goes_on() {
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
        assert_eq!(said(&manager), pings(0), "the files have not been looked at");
        moved();
        telemetry.health().set_ready();
        pass(1).await;
        assert_eq!(said(&manager), ["READY=1", "WATCHDOG=1"]);
        pass(40).await;
        assert_eq!(said(&manager), pings(4));
        telemetry.health().set_writable(Err("no space left".to_owned()));
        pass(300).await;
        assert_eq!(said(&manager), pings(1), "reading has stood still since a minute after its last sign");
        moved();
        pass(20).await;
        assert_eq!(said(&manager), pings(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_manager_that_has_no_room_hears_later_that_it_is_ready() {
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
    fn who_listens_stands_in_the_environment() {
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
