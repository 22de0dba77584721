//! A program whose writes to files fail and work again, as its state's disk fills up and is emptied.
//! Needs no rights: it is the limit on the size of files, which pipes and sockets do not have.

use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::program::{Running, sealtail};
use crate::rig::Rig;

/// Starts to watch; a write past the limit fails and does not kill.
pub fn watch(rig: &Rig) -> Running {
    let program = sealtail().get_program().to_owned();
    let mut command = Command::new("sh");
    command.env_clear().env("TZ", "Asia/Shanghai");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(program);
    command.arg("watch").arg("--config").arg(rig.path("sealtail.toml"));
    Running::start(command)
}

pub fn forbid_writes(running: &Running) {
    limit(running, Some(0));
}

pub fn allow_writes(running: &Running) {
    limit(running, None);
}

fn limit(running: &Running, bytes: Option<u64>) {
    let pid = Pid::from_raw(running.pid().try_into().unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}
