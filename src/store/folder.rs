//! How the files of the state folder are written, and what is called what when one is damaged.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// How files of the state are written: for the owner alone, and never where a link leads to.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// A name for something of the folder that is damaged.
pub(super) fn free_name(directory: &Path, stem: &str, now_s: i64) -> PathBuf {
    let name = format!("{stem}.corrupt-{now_s}");
    let mut free = directory.join(&name);
    let mut count = 1;
    while free.symlink_metadata().is_ok() {
        count += 1;
        free = directory.join(format!("{name}-{count}"));
    }
    free
}
