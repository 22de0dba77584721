//! Links and the like in the places of files of the state.

use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

#[test]
fn what_is_no_file_in_the_place_of_one_is_refused_and_left_alone() {
    for name in [
        "state.redb",
        "state.creating",
        "state.lock",
        "state.ballast",
        "checkpoints.json",
        "checkpoints.writing",
    ] {
        for what in ["a symbolic link", "a link to nothing", "a pipe", "a folder"] {
            let directory = used();
            let elsewhere = TempDir::new().unwrap();
            let (path, target) = (directory.path().join(name), elsewhere.path().join("target"));
            // A whole state, for a follower would find nothing wrong with it.
            let state = fs::read(directory.path().join("state.redb")).unwrap();
            let _ = fs::remove_file(&path);
            match what {
                "a symbolic link" => {
                    fs::write(&target, &state).unwrap();
                    symlink(&target, &path).unwrap();
                }
                "a link to nothing" => symlink(&target, &path).unwrap(),
                "a pipe" => mkfifo(&path),
                _ => fs::create_dir(&path).unwrap(),
            }
            let before = fs::symlink_metadata(&path).unwrap().ino();
            let error = Store::open(directory.path(), now()).unwrap_err().to_string();
            let kind = if what.contains("link") { "is a symbolic link" } else { "is not a regular file" };
            assert!(error.contains(&format!("{} {kind}", path.display())), "{name}, {what}: {error}");
            assert_eq!(fs::symlink_metadata(&path).unwrap().ino(), before, "{name}, {what}");
            match what {
                "a symbolic link" => assert!(fs::read(&target).unwrap() == state, "{name}"),
                _ => assert!(!target.exists(), "{name}, {what}"),
            }
        }
    }
}

fn mkfifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
}

/// One that was put there after the look at the folder is not followed either.
#[test]
fn a_link_that_comes_later_is_not_followed() {
    let directory = used();
    let target = directory.path().join("elsewhere");
    let state = directory.path().join("state.redb");
    fs::rename(&state, &target).unwrap();
    symlink(&target, &state).unwrap();
    birth::open(directory.path()).unwrap_err();
    for options in [folder::private().create(true), folder::private().truncate(true)] {
        options.open(&state).unwrap_err();
    }
    assert!(fs::metadata(&target).unwrap().len() > 0);
}

/// Operators put a state on another disk by a link.
#[test]
fn the_folder_may_be_a_link() {
    let directory = used();
    let parent = TempDir::new().unwrap();
    let link = parent.path().join("state");
    symlink(directory.path(), &link).unwrap();
    let store = Store::open(&link, now()).unwrap().store;
    assert_eq!(store.positions().unwrap(), [(1, position(10))]);
    store.export(now()).unwrap();
    assert!(directory.path().join("checkpoints.json").exists() && link.is_symlink());
}
