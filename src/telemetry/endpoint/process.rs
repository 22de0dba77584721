//! Resource usage of this process, read from the system.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::telemetry::exposition::Process;

/// Reads it; the process was `started` at this time since 1970.
pub(super) fn look(started: Duration) -> Process {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Process {
        cpu: seconds.ok().zip(nanos.ok()).map(|(seconds, nanos)| Duration::new(seconds, nanos)),
        resident: fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident),
        // One of them is the folder that is being read.
        descriptors: fs::read_dir("/proc/self/fd").ok().map(|open| (open.count() as u64).saturating_sub(1)),
        descriptors_max: getrlimit(Resource::Nofile).current,
        started: Some(started),
    }
}

/// The memory in RAM, of `/proc/self/status`.
fn resident(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_read_in_bytes() {
        for (status, expected) in [
            ("VmHWM:\t 9 kB\nVmRSS:\t    1234 kB\n", Some(1234 * 1024)),
            ("VmRSS:\t1234 mB\n", None),
            ("VmRSS: none kB", None),
            ("", None),
        ] {
            assert_eq!(resident(status), expected, "{status}");
        }
    }

    #[test]
    fn this_process_is_seen() {
        let process = look(Duration::from_secs(7));
        assert!(process.cpu.is_some_and(|cpu| !cpu.is_zero()));
        assert!(process.resident.is_some_and(|bytes| bytes > 1 << 20));
        assert!(process.descriptors.is_some_and(|open| open >= 3));
        assert_eq!(process.started, Some(Duration::from_secs(7)));
    }
}
