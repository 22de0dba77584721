//! Limits of this process: no core dump, and as many open files as the system allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Keeps addresses and keys out of core dumps. The limit is 1 byte, not 0: at 0 the kernel still hands the memory to
/// the program that `core_pattern` names.
pub(super) fn forbid_core_dumps() {
    let most = getrlimit(Resource::Core).maximum.map_or(1, |most| most.min(1));
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::warn!("cannot forbid core dumps, which would contain addresses and keys: {error}");
    }
}

/// Raises the soft limit to the hard one: there may be many files to follow, and the usual soft limit exists for
/// programs that use `select`.
pub(super) fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If this fails fewer files are kept open; the file source asks for the limit.
    let _ = setrlimit(Resource::Nofile, limit);
}
