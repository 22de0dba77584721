//! Names that the worker and its proofs know. It passes over all others without a word.

/// Stages that may have `[[processors.<stage>]]`.
pub(super) const STAGES: [&str; 11] = [
    "add_pieces",
    "tree_d",
    "pc1",
    "pc2",
    "c2",
    "snap_encode",
    "snap_prove",
    "transfer",
    "unseal",
    "window_post",
    "sealing_daemons",
];

/// Stages that a limit may name: those without processors of their own too.
pub(super) const LIMITED: [&str; 13] = [
    "add_pieces",
    "tree_d",
    "pc1",
    "pc2",
    "c1",
    "c2",
    "snap_encode",
    "snap_prove",
    "transfer",
    "unseal",
    "window_post",
    "winning_post",
    "synth_proof",
];

/// Stages that compute on a GPU.
pub(super) const GPU_STAGES: [&str; 5] = ["pc2", "c2", "snap_encode", "snap_prove", "window_post"];

/// Those of them that bellperson computes. The others build trees, and heed none of its variables.
pub(super) const BELLPERSON_STAGES: [&str; 3] = ["c2", "snap_prove", "window_post"];

/// Keys of `[sealing]` and of `sealing` in `[[sealing_thread]]`.
pub(super) const SEALING: [&str; 13] = [
    "allowed_miners",
    "allowed_sizes",
    "enable_deals",
    "disable_cc",
    "max_deals",
    "min_deal_space",
    "max_retries",
    "seal_interval",
    "recover_interval",
    "rpc_polling_interval",
    "ignore_proof_check",
    "request_task_max_retries",
    "verify_after_pc2",
];

/// Environment variables that change how a stage runs.
pub(super) const ENVIRON: [&str; 27] = [
    "BELLMAN_CUSTOM_GPU",
    "BELLMAN_NO_GPU",
    "BELLPERSON_GPUS_PER_LOCK",
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "FIL_PROOFS_CACHE_DIR",
    "FIL_PROOFS_MAXIMIZE_CACHING",
    "FIL_PROOFS_MAX_GPU_COLUMN_BATCH_SIZE",
    "FIL_PROOFS_MAX_GPU_TREE_BATCH_SIZE",
    "FIL_PROOFS_MULTICORE_SDR_LOOKAHEAD",
    "FIL_PROOFS_MULTICORE_SDR_PRODUCERS",
    "FIL_PROOFS_MULTICORE_SDR_PRODUCER_STRIDE",
    "FIL_PROOFS_PARAMETER_CACHE",
    "FIL_PROOFS_PARENT_CACHE",
    "FIL_PROOFS_ROWS_TO_DISCARD",
    "FIL_PROOFS_SDR_PARENTS_CACHE_SIZE",
    "FIL_PROOFS_USE_GPU_COLUMN_BUILDER",
    "FIL_PROOFS_USE_GPU_TREE_BUILDER",
    "FIL_PROOFS_USE_MULTICORE_SDR",
    "FIL_PROOFS_VERIFY_CACHE",
    "FIL_PROOFS_VERIFY_PRODUCTION_PARAMS",
    "HUGEPAGE_FILES_PATH",
    "HUGEPAGE_FILES_PATH_PATTERN",
    "RAYON_NUM_THREADS",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "TMPDIR",
];

/// A key that another version knows, or that looks as if one did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retired {
    /// The first release of damocles that does not know it, where one did.
    pub gone_in: Option<&'static str>,
    /// What to do, in English and in Chinese.
    pub mend: (&'static str, &'static str),
}

/// What became of a key that older versions had.
pub(super) fn retired(key: &str) -> Option<Retired> {
    let (gone_in, en, zh) = match key {
        "remote_store" => (
            Some("v0.9"),
            "write `[[attached]]`, which all releases since v0.1.1 know: without a store the worker does not start",
            "请写 `[[attached]]`，v0.1.1 起的版本都认识它：没有存储 worker 无法启动",
        ),
        "weight" => (Some("v0.9"), "use `concurrent`", "请用 `concurrent`"),
        "synth_proof" => (
            None,
            "the synthetic proof has no processor of its own in this worker",
            "该 worker 的 synthetic proof 没有独立的处理器",
        ),
        _ => return None,
    };
    Some(Retired { gone_in, mend: (en, zh) })
}

/// The variable that `name` was probably meant to be: one or two slips away, or only in other case.
pub(super) fn near_variable(name: &str) -> Option<&'static str> {
    if ENVIRON.contains(&name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let distance = |known: &&'static str| (strsim::damerau_levenshtein(&upper, known), *known);
    let nearest = ENVIRON.iter().map(distance).min()?;
    // A short name is two slips away from many others.
    let allowed = if nearest.1.len() < 8 { 1 } else { 2 };
    (nearest.0 <= allowed).then_some(nearest.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_known_and_other_names_are_not() {
        for (name, meant) in [
            ("CUDA_VISIBLE_DEVICE", Some("CUDA_VISIBLE_DEVICES")),
            ("cuda_visible_devices", Some("CUDA_VISIBLE_DEVICES")),
            ("FIL_PROOFS_USE_GPU_COLUM_BUILDER", Some("FIL_PROOFS_USE_GPU_COLUMN_BUILDER")),
            ("BELLMAN_NOGPU", Some("BELLMAN_NO_GPU")),
            ("BELLPERSON_GPU_PER_LOCK", Some("BELLPERSON_GPUS_PER_LOCK")),
            ("BELLPERSON_GPUS_PER_LOCK", None),
            ("CUDA_VISIBLE_DEVICES", None),
            ("LICENCE_PATH", None),
            ("BELLMAN_GPU_INDEXS", None),
            ("TEMPDIR", Some("TMPDIR")),
            ("HTTP_PROXY", None),
            ("PATH", None),
        ] {
            assert_eq!(near_variable(name), meant, "{name}");
        }
    }
}
