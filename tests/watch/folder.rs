//! The folder of the state, and who may put what into it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::process::Signal;

use crate::program::text;
use crate::rig::{Rig, stop};

const WARNING: &str = "other users can write to the state directory";

#[test]
fn one_that_others_may_write_to_is_warned_of() {
    for (mode, warned) in [(0o700, false), (0o755, false), (0o770, true), (0o1777, true)] {
        let rig = Rig::new();
        let state = rig.path("state");
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(mode)).unwrap();
        rig.log("worker.log").fail(1..2);
        let running = rig.watch();
        drop(rig.inbox.until_pid(1));
        let ran = running.end(Signal::TERM);
        assert_eq!((ran.status, ran.stderr.contains(WARNING)), (0, warned), "{mode:o}\n{}", ran.stderr);
        let named = format!("{} (mode {mode:04o})", text(&state));
        assert!(!warned || ran.stderr.contains(&named), "{}", ran.stderr);
    }
}

#[test]
fn a_link_in_the_place_of_the_state_is_refused_and_one_in_the_place_of_the_folder_is_followed() {
    let rig = Rig::new();
    rig.log("worker.log").fail(1..2);
    fs::create_dir(rig.path("disk")).unwrap();
    symlink(rig.path("disk"), rig.path("state")).unwrap();
    let running = rig.watch();
    drop(rig.inbox.until_pid(1));
    stop(running);
    fs::rename(rig.path("disk/state.redb"), rig.path("elsewhere.redb")).unwrap();
    symlink(rig.path("elsewhere.redb"), rig.path("disk/state.redb")).unwrap();
    let ran = rig.watch().ended();
    assert_eq!((ran.status, &*ran.stdout), (2, ""));
    let said = format!("{} is a symbolic link", text(&rig.path("state/state.redb")));
    assert!(ran.stderr.contains(&said) && ran.stderr.contains("hint: "), "{}", ran.stderr);
    assert!(rig.path("elsewhere.redb").exists() && rig.path("disk/state.redb").is_symlink());
}
