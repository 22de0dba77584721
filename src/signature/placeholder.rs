//! Placeholders in the commands of a page: `{child_pid}`.
//!
//! The linter checks them and the alert fills them; both find them here, so they agree on what one
//! is. Braces of the shell are left alone: `${HOME}`, `{a,b}`, `{ print $1 }`.

use std::ops::Range;

/// Placeholders that every alert knows, or at least may know.
pub const BUILT_IN: [&str; 13] = [
    "host",
    "source",
    "path",
    "cat",
    "worker",
    "manager",
    "messager",
    "gateway",
    "auth",
    "miner_node",
    "market",
    "miner",
    "sector",
];

/// Those of them that are the name of a program, and so may begin a command.
pub const PROGRAMS: [&str; 8] =
    ["cat", "worker", "manager", "messager", "gateway", "auth", "miner_node", "market"];

/// Fields that a record may have of itself, whatever the page captures.
pub const RECORD_FIELDS: [&str; 3] = ["miner", "sector", "stage"];

/// A placeholder and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder<'c> {
    /// The name between the braces.
    pub name: &'c str,
    /// Its bytes, braces included.
    pub span: Range<usize>,
}

/// The placeholders of a command, in order.
pub fn find(command: &str) -> Vec<Placeholder<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = command[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some(length) = command[from..].find(|c: char| !is_name_char(c)) else { break };
        let name = &command[from..from + length];
        let closed = command[from + length..].starts_with('}');
        if closed && is_name(name) && !command[..open].ends_with('$') {
            found.push(Placeholder { name, span: open..from + length + 1 });
        }
    }
    found
}

/// The places of a command that its reader fills in: `<device>`. Those of a regular expression, `(?P<name>…)`, are
/// left alone.
pub fn find_open(command: &str) -> Vec<Placeholder<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = command[from..].find('<').map(|at| from + at) {
        from = open + 1;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_- ".contains(c);
        let Some(length) = command[from..].find(|c: char| !is_name(c)) else { break };
        let name = &command[from..from + length];
        let before = command[..open].chars().next_back();
        let closed = command[from + length..].starts_with('>');
        let alone = !before.is_some_and(|c| c.is_ascii_alphanumeric() || "?<".contains(c));
        if closed && alone && name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.ends_with(' ') {
            found.push(Placeholder { name, span: open..from + length + 1 });
        }
    }
    found
}

/// Whether `name` can name a placeholder: `[a-z][a-z0-9_]*`. Fields and variables are named alike.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_reader_fills_in() {
        for (command, names) in [
            ("mdadm --manage /dev/<array> --remove /dev/<device>", vec!["array", "device"]),
            ("mpool replace <from> <nonce>", vec!["from", "nonce"]),
            ("send --from <from> <FIL>", vec!["from", "FIL"]),
            ("cat /var/log/<manager log>", vec!["manager log"]),
            ("grep -P '(?P<name>x)' <file", vec![]),
            ("cat <<EOF; x<y>z; a < b > c", vec![]),
        ] {
            let found: Vec<_> = find_open(command).into_iter().map(|one| one.name).collect();
            assert_eq!(found, names, "{command}");
        }
    }

    #[test]
    fn placeholders_and_the_braces_of_the_shell() {
        for (command, names) in [
            ("kill {child_pid}", vec!["child_pid"]),
            ("{worker} --config={worker_config}", vec!["worker", "worker_config"]),
            ("{{pid}}", vec!["pid"]),
            ("echo ${home} {a,b} {} { x } {1a} {Pid} awk '{print $1}'", vec![]),
            ("错{pid}误{", vec!["pid"]),
        ] {
            let found = find(command);
            assert_eq!(found.iter().map(|one| one.name).collect::<Vec<_>>(), names, "{command}");
            for one in found {
                assert_eq!(command[one.span.clone()], format!("{{{}}}", one.name));
            }
        }
    }
}
