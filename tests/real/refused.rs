//! What a glob may match and must not be followed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::rig::{Figures, Rig};
use crate::tally::Layout;
use crate::writer::open;

/// The state and what is printed lie among the logs here, beside a pipe, a folder and a device.
#[test]
fn pipes_folders_devices_and_own_files() {
    let rig = Rig::following(&["*", "state/*"]);
    let figures = Figures::of("a glob that matches everything");
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, rig.path("pipe"), FileType::Fifo, mode, 0).unwrap();
    symlink("/dev/zero", rig.path("device")).unwrap();
    symlink(rig.path("state"), rig.path("state-too")).unwrap();
    let layout = Layout { width: 1 };
    open(&rig.path("worker")).write_all(layout.line(0).as_bytes()).unwrap();
    let watching = rig.watch();
    let told = |text: &str| watching.log().matches(text).count();
    let own = "is written by sealtail itself; not followed";
    watching.wait("what is refused is told", |_| {
        told("is not a regular file; not followed") >= 2 && told(own) >= 3
    });
    watching.settle(0..1, layout);
    // The alerts of the first line stand in a file among the logs by now, and what is refused in another.
    open(&rig.path("worker")).write_all(layout.line(1).as_bytes()).unwrap();
    watching.settle(0..2, layout);
    let (tally, log) = watching.stop();
    let off = figures.lines(&tally, 0..2, layout);
    assert_eq!(off, (0, 0), "{log}");
    for name in ["pipe", "device", "stdout", "stderr"] {
        let path = rig.path(name);
        assert_eq!(log.matches(&format!("{} is", path.display())).count(), 1, "{name}:\n{log}");
    }
    assert!(fs::read_dir(rig.path("state")).unwrap().count() > 0, "the state lies where the glob looks");
}
