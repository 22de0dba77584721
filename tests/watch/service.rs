//! What a service manager hears of sealtail. It is played by a socket.

use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::program::{PATIENCE, Running, failure, sealtail};
use crate::rig::{Rig, swap};

/// A manager that expects a sign of life every two seconds.
struct Manager(UnixDatagram);

impl Manager {
    fn start(rig: &Rig) -> (Manager, Running) {
        let socket = UnixDatagram::bind(rig.path("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = sealtail();
        command.arg("watch").arg("--config").arg(rig.path("sealtail.toml"));
        command.env("NOTIFY_SOCKET", rig.path("notify")).env("WATCHDOG_USEC", "2000000");
        (Manager(socket), Running::start(command))
    }

    fn hears(&self) -> String {
        let mut buffer = [0; 256];
        let length = self.0.recv(&mut buffer).expect("nothing more was said");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The next that is no sign of life.
    fn hears_news(&self) -> String {
        std::iter::repeat_with(|| self.hears()).find(|message| message != "WATCHDOG=1").unwrap()
    }
}

#[test]
fn it_is_ready_once_files_are_followed_and_lives_until_it_says_that_it_ends() {
    let rig = Rig::new();
    rig.configure(&swap(&rig.settings(), "start = \"beginning\"", "start = \"end\""));
    let mut log = rig.log("worker.log");
    log.write(failure(1, 1));
    let (manager, running) = Manager::start(&rig);
    assert_eq!(manager.hears(), "READY=1");
    // Only what comes from now on is read, and nothing of that is missed.
    log.fail(2..3);
    let events = rig.inbox.until_pid(2);
    assert_eq!(events.len(), 1);
    drop(events);
    assert_eq!([(); 2].map(|()| manager.hears()), ["WATCHDOG=1", "WATCHDOG=1"]);

    for settings in [rig.settings(), "host = 7".to_owned()] {
        rig.configure(&settings);
        running.signal(Signal::HUP);
        let reloading = manager.hears_news();
        let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(since.parse::<u64>().is_ok_and(|usec| usec > 0), "{reloading}");
        assert_eq!(manager.hears_news(), "READY=1", "taken or refused");
    }
    assert_eq!(running.end(Signal::TERM).status, 0);
    assert_eq!(manager.hears_news(), "STOPPING=1");
}

#[test]
fn one_that_does_not_start_is_never_ready() {
    let rig = Rig::new();
    rig.configure("host = 7");
    let (manager, running) = Manager::start(&rig);
    assert_eq!(running.ended().status, 2);
    manager.0.set_nonblocking(true).unwrap();
    assert!(manager.0.recv(&mut [0; 256]).is_err());
}
