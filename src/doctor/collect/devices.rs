//! GPUs, from the driver's own folder or from what `nvidia-smi -L` printed.

use std::path::Path;

use super::TEXT_BYTES_MAX;
use super::root::Root;
use crate::doctor::facts::Known;
use crate::doctor::words::Words;

const DRIVER: &str = "/proc/driver/nvidia/gpus";
/// Where a bundle keeps the output of `nvidia-smi -L`.
const PRINTED: &str = "/nvidia-smi.txt";

pub(super) fn gpus(root: &Root) -> Known<Vec<String>> {
    if let Ok(folders) = root.list(Path::new(DRIVER)) {
        let model = |folder: &String| {
            let text = root.word(&Path::new(DRIVER).join(folder).join("information")).unwrap_or_default();
            let model = text.lines().find_map(|line| Some(line.strip_prefix("Model:")?.trim().to_owned()));
            model.unwrap_or_else(|| folder.clone())
        };
        return Ok(folders.iter().map(model).collect());
    }
    if !root.is_live()
        && let Ok(text) = root.text(Path::new(PRINTED), TEXT_BYTES_MAX)
    {
        return Ok(text.lines().filter_map(printed).collect());
    }
    let (en, zh) = if root.is_live() {
        (format!("the GPUs are not known: there is no {DRIVER}"), format!("GPU 未知：没有 {DRIVER}"))
    } else {
        (
            format!("the GPUs are not known: neither {DRIVER} nor {PRINTED} (of `nvidia-smi -L`) is there"),
            format!("GPU 未知：没有 {DRIVER}，也没有 {PRINTED}（`nvidia-smi -L` 的输出）"),
        )
    };
    Err(Words::new(en, zh))
}

/// `GPU 0: NVIDIA GeForce RTX 3080 (UUID: GPU-…)`
fn printed(line: &str) -> Option<String> {
    let (number, name) = line.trim().strip_prefix("GPU ")?.split_once(": ")?;
    number.parse::<u32>().ok()?;
    Some(name.split(" (UUID").next().unwrap_or(name).trim().to_owned())
}
