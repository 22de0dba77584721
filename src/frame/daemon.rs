//! Lines of the system's own daemons, each a record: nothing in them but the name tells so.
//!
//! ```text
//! systemd[1]: damocles-worker.service: Main process exited, code=dumped, status=6/ABRT
//! ```
//! [`super::prefix`] takes off the time and the host before it and leaves the name.

use super::opening::{Format, Opening, Parts, no_fields, writer};
use super::time::Stamped;
use super::{kernel, read};

pub(super) const FORMAT: Format = Format { name: "daemon", open, fields: no_fields, parts };

const NAMES: [&str; 6] = ["kernel", "systemd", "systemd-oomd", "systemd-coredump", "earlyoom", "smartd"];

fn open<'l>(line: &'l str, _: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let (name, rest) = read::run(line, |byte| byte.is_ascii_alphabetic() || byte == b'-');
    if !NAMES.contains(&name) {
        return None;
    }
    let rest = read::past_pid(rest).unwrap_or(rest).strip_prefix(": ")?;
    Some(Opening { rest, writer: Some(writer(name)), ..Opening::default() })
}

fn parts<'l>(line: &'l str, rest: &'l str) -> Parts<'l> {
    let (name, _) = line.split_at(line.find(['[', ':']).unwrap_or(0));
    Parts { logger: Some(name), ..Parts::message(rest) }
}

/// Whether the name has to stay before `text` for the line to start a record: it does, unless the
/// kernel's own stamp stands there.
pub(super) fn speaks(tagged: &str, text: &str) -> bool {
    open(tagged, None).is_some() && kernel::open(text, None).is_none()
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        for line in [
            "systemd[1]: venus-worker.service: Failed with result 'oom-kill'.",
            "systemd-oomd[700]: Killed /system.slice/venus-worker.service",
            "kernel: NVRM: Xid (PCI:0000:9b:00): 79",
        ] {
            check::opens("daemon", line, "", "", &[]);
        }
    }

    #[test]
    fn parts_of_a_line() {
        for (line, logger, spans, message) in [
            (r#"systemd-oomd[700]: Killed x: y"#, r#"systemd-oomd"#, r#""#, r#"Killed x: y"#),
            (r#"kernel: NVRM: Xid"#, r#"kernel"#, r#""#, r#"NVRM: Xid"#),
        ] {
            check::parts("daemon", line, logger, spans, message);
        }
    }

    #[test]
    fn other_lines() {
        for line in ["kernel panic", "systemd-udevd[5]: text", "systemd[x]: text", "sshd[1]: text"] {
            check::refuses("daemon", line);
        }
    }
}
