//! What kind of file system a path is on.
//!
//! A network file system has no events for the writes of other hosts, and its locks and renames depend on a server: logs
//! on one are polled, and a state does not belong on one.

use std::io;
use std::path::Path;

/// Magic numbers of file systems whose files are on another host, by `statfs(2)` and `linux/magic.h`.
const NETWORK: [(u32, &str); 13] = [
    (0x0000_6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0000_517b, "SMB"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0000_564c, "NCP"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0xaad7_aaea, "Panasas"),
];

/// The name of the network file system that `path` is on, if it is on one. FUSE is none: what stands behind it cannot be
/// told. The empty path is the working folder, as the parent of a mere name is.
///
/// # Errors
///
/// Those of `statfs(2)`: `path` is not there, or may not be looked at.
pub fn network(path: &Path) -> io::Result<Option<&'static str>> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(name(rustix::fs::statfs(path)?.f_type))
}

/// A type is a signed word of the machine, and a magic number 32 bits of it.
fn name(kind: rustix::fs::FsWord) -> Option<&'static str> {
    let magic = u32::try_from(kind & 0xffff_ffff).ok()?;
    NETWORK.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_folder_is_on_no_network() {
        assert_eq!(network(Path::new("/proc")).unwrap(), None);
        assert!(network(Path::new("/nowhere/at/all")).is_err());
        assert_eq!(network(Path::new("")).unwrap(), network(Path::new(".")).unwrap());
    }

    #[test]
    fn file_systems_of_other_hosts_have_their_names() {
        let table = [(rustix::fs::NFS_SUPER_MAGIC, Some("NFS")), (0xff53_4d42, Some("CIFS")), (0xef53, None)];
        for (kind, expected) in table {
            assert_eq!(name(kind), expected, "{kind:#x}");
        }
    }
}
