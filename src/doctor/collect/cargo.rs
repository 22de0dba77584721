//! What cargo would read for a build in a folder: its configuration files and the manifest.

use std::path::{Path, PathBuf};

use super::TEXT_BYTES_MAX;
use super::root::Root;
use crate::doctor::facts::{Build, Environ, TextFile};

/// Cargo prefers the older name where both are there.
const NAMES: [&str; 2] = ["config", "config.toml"];

pub(super) fn build(root: &Root, dir: &Path, environ: Environ) -> Build {
    let mut build = Build::default();
    let mut folders: Vec<PathBuf> = dir.ancestors().map(|folder| folder.join(".cargo")).collect();
    let set = |name: &str| environ.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("CARGO_HOME").or_else(|| set("HOME").map(|home| home.join(".cargo")));
    folders.extend(home);
    for folder in folders {
        let Some(file) = NAMES.iter().find_map(|name| file(root, &folder.join(name))) else { continue };
        if build.configs.iter().all(|known| known.path != file.path) {
            build.configs.push(file);
        }
    }
    let manifests = dir.ancestors().map(|folder| folder.join("Cargo.toml"));
    let manifests = manifests.chain([dir.join("damocles-worker/Cargo.toml")]);
    build.manifest = manifests.into_iter().find_map(|path| file(root, &path));
    build.environ = environ;
    build
}

fn file(root: &Root, path: &Path) -> Option<TextFile> {
    let text = root.text(path, TEXT_BYTES_MAX).ok()?;
    Some(TextFile { path: path.display().to_string(), text })
}
