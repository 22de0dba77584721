//! Logs and a state on NFS: a real server and a real client, in a kernel of their own.
//!
//! The test runs itself again as a program of user-mode Linux, which sees the files of this machine. There it has a folder
//! twice: as the server's disk, where another host writes, and as what the client makes of it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::rig::{Figures, Rig};
use crate::skip;
use crate::tally::Layout;
use crate::writer::open;

/// Is set in the other kernel.
const INSIDE: &str = "SEALTAIL_TEST_NFS";
const SERVER: &str = "/run/server";
const CLIENT: &str = "/run/client";
const NAME: &str = "nfs::logs_are_polled_and_a_state_is_refused";

/// Its first process: makes the server and the client, runs the test, and switches off.
const INIT: &str = r#"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc none /proc && mount -t tmpfs none /run && mount -t tmpfs none /var/lib/nfs && ip link set lo up \
    && mkdir -p /run/server /run/client /run/modules/lib /run/rpc_pipefs /var/lib/nfs/v4recovery \
    && ln -s /usr/lib/uml/modules /run/modules/lib/modules && modprobe -d /run/modules -a nfsd nfsv4 \
    && mount -t tmpfs none /run/server && mount -t nfsd none /proc/fs/nfsd \
    && touch /var/lib/nfs/etab && rpc.mountd --no-nfs-version 3 \
    && exportfs -o rw,fsid=0,no_root_squash,insecure,no_subtree_check 127.0.0.1:/run/server \
    && rpc.nfsd --no-nfs-version 3 1 && mount -t nfs4 127.0.0.1:/ /run/client \
    && echo ok > "$FOLDER/mounted"
[ -e "$FOLDER/mounted" ] && "$TEST" --exact --include-ignored --nocapture "$NAME"
echo $? > "$FOLDER/status"
echo o > /proc/sysrq-trigger
sleep 60
"#;

#[test]
#[ignore = "needs user-mode Linux and an NFS server"]
fn logs_are_polled_and_a_state_is_refused() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    for program in ["linux.uml", "rpc.nfsd", "modprobe"] {
        let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output().unwrap();
        if !found.status.success() {
            skip!("{program} is not installed");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let test = std::env::current_exe().unwrap();
    let mut init = format!(
        "#!/bin/sh\nexport {INSIDE}=1 TMPDIR={CLIENT} FOLDER='{}' TEST='{}' NAME={NAME}\n",
        path(""),
        test.display()
    );
    if let Ok(program) = std::env::var("SEALTAIL_TEST_BINARY") {
        let program = fs::canonicalize(program).unwrap();
        init += &format!("export SEALTAIL_TEST_BINARY='{}'\n", program.display());
    }
    fs::write(path("init"), init + INIT).unwrap();
    fs::set_permissions(path("init"), fs::Permissions::from_mode(0o755)).unwrap();
    // A kernel that hangs hangs no test.
    let ran = Command::new("timeout")
        .args(["--kill-after=5", "300", "linux.uml", "mem=512M", "root=/dev/root", "rootfstype=hostfs"])
        .args(["rootflags=/", "rw", "quiet", "con=null", "con0=null,fd:1"])
        .args([&format!("uml_dir={}", path("")), &format!("init={}", path("init"))])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    println!("{said}");
    if !Path::new(&path("mounted")).exists() {
        skip!("no NFS in user-mode Linux: {}", String::from_utf8_lossy(&ran.stderr));
    }
    assert_eq!(fs::read_to_string(path("status")).unwrap().trim(), "0", "{said}");
}

fn inside() {
    let rig = Rig::new();
    let figures = Figures::of("logs on NFS, written by another host");

    let refused = rig.command(&[]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("/state is on a network file system (NFS)"), "{said}");
    assert!(!rig.path("state").exists(), "nothing is made there");

    // The folder of the state may be a link.
    let state = tempfile::tempdir_in("/run").unwrap();
    symlink(state.path(), rig.path("state")).unwrap();
    let log = Path::new(SERVER).join(rig.path("log/worker.log").strip_prefix(CLIENT).unwrap());
    let old = log.with_extension("log.1");
    let watching = rig.watch();
    assert!(watching.log().contains("/log is on NFS"), "{}", watching.log());
    let layout = Layout { width: 5 };
    const GENERATIONS: u64 = 6;
    for generation in 0..GENERATIONS {
        let mut writer = open(&log);
        for line in 0..10 {
            writer.write_all(layout.line(10 * generation + line).as_bytes()).unwrap();
            if line == 4 {
                watching.settle(0..10 * generation + 5, layout);
            }
        }
        if generation % 2 == 0 {
            fs::rename(&log, &old).unwrap();
        } else {
            // Read, for nobody has what is deleted by a server before it was.
            watching.settle(0..10 * (generation + 1), layout);
            fs::remove_file(&log).unwrap();
        }
    }
    watching.settle(0..10 * GENERATIONS, layout);
    let (tally, log) = watching.stop();
    let off = figures.lines(&tally, 0..10 * GENERATIONS, layout);
    assert_eq!((off, tally.gaps), ((0, 0), 0), "{log}");
}
