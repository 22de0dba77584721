//! What a record is about, as far as it says so: the evidence that two records tell of one failure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Fields;

/// Ids of processes that are kept of one record.
const PIDS_MAX: usize = 8;
/// Fields of a finding that name a process.
const PID_FIELDS: [&str; 2] = ["child_pid", "pid"];

/// What a record is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The process that its transport names: `ident[pid]` of syslog, a container of compose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The number of its `ThreadId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
    /// The worker's thread, `module{name="worker-4"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The processor that wrote it, `sub{name=c2 pid=4711}`, by its process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<u64>,
    /// The miner, by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub miner: Option<u64>,
    /// The sector, by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector: Option<u64>,
    /// Every process that it names by its id, or that wrote it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub pids: BTreeSet<u64>,
    /// A device of the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Evidence that two findings belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// One record.
    Record,
    /// One thread of one process.
    Thread,
    /// One sector.
    Sector,
    /// One processor.
    Job,
    /// One process that both name, or that one names and the other is of.
    Child,
    /// One device, or a part of it.
    Device,
    /// One process, or the same program in one log.
    Process,
    /// One box.
    Box,
}

impl Evidence {
    /// All evidence, from the nearest.
    pub const ALL: [Evidence; 8] = [
        Evidence::Record,
        Evidence::Thread,
        Evidence::Sector,
        Evidence::Job,
        Evidence::Child,
        Evidence::Device,
        Evidence::Process,
        Evidence::Box,
    ];

    /// The name in pages.
    pub fn name(self) -> &'static str {
        match self {
            Evidence::Record => "record",
            Evidence::Thread => "thread",
            Evidence::Sector => "sector",
            Evidence::Job => "job",
            Evidence::Child => "child",
            Evidence::Device => "device",
            Evidence::Process => "process",
            Evidence::Box => "box",
        }
    }
}

impl Identity {
    /// What a record of the text `text` is about, with the `fields` that were found in it.
    pub fn of(text: &str, fields: &Fields, process: Option<&str>) -> Identity {
        let opening = text.lines().next().unwrap_or_default();
        let number = |name: &str| fields.get(name).and_then(|value| number(value));
        let thread = between(opening, "ThreadId(", ")").and_then(|thread| thread.parse().ok());
        let job = between(opening, "sub{", "}").and_then(|span| between(span, "pid=", " ")?.parse().ok());
        let written_by = process.and_then(|process| between(process, "[", "]")?.parse().ok());
        let named = PID_FIELDS.iter().filter_map(|name| fields.get(*name)?.parse().ok());
        Identity {
            process: process.map(str::to_owned),
            thread,
            module: module(opening).or_else(|| panicked(text)).map(str::to_owned),
            job,
            miner: number("miner"),
            sector: number("sector"),
            pids: named.chain(job).chain(written_by).take(PIDS_MAX).collect(),
            device: fields.get("device").map(|name| name.trim_start_matches("/dev/").to_owned()),
        }
    }

    /// Whether it tells nothing of where in its process it belongs.
    pub fn is_nameless(&self) -> bool {
        self.thread.is_none() && self.module.is_none() && self.job.is_none() && self.sector.is_none()
    }

    /// Whether `other`, in the same log where `same_log`, belongs to this by one of `evidence`. Two threads,
    /// sectors or processors are two failures, unless the whole process or the box is the evidence.
    pub fn belongs(&self, other: &Identity, evidence: &[Evidence], same_log: bool) -> bool {
        let same_process = same_log && self.process == other.process;
        let same_thread = same_process.then(|| self.same_thread(other)).flatten();
        let same_sector = self.same_sector(other);
        let same_job = same_process.then(|| equal(self.job, other.job)).flatten();
        let conflict = [same_thread, same_sector, same_job].contains(&Some(false));
        evidence.iter().any(|evidence| match evidence {
            Evidence::Record => false,
            Evidence::Thread => !conflict && same_thread == Some(true),
            Evidence::Sector => !conflict && same_sector == Some(true),
            Evidence::Job => !conflict && same_job == Some(true),
            Evidence::Child => !conflict && !self.pids.is_disjoint(&other.pids),
            Evidence::Device => self.same_device(other),
            Evidence::Process => same_process,
            Evidence::Box => true,
        })
    }

    /// Whether they are of one thread, if both say so. Those of a processor are numbered anew, and the name of a
    /// worker's thread tells more than its number.
    fn same_thread(&self, other: &Identity) -> Option<bool> {
        if self.job.is_some() != other.job.is_some() {
            return None;
        }
        let same_number = equal(self.thread, other.thread).filter(|_| self.job == other.job);
        equal(self.module.as_ref(), other.module.as_ref()).or(same_number)
    }

    fn same_sector(&self, other: &Identity) -> Option<bool> {
        let sector = equal(self.sector, other.sector)?;
        Some(sector && equal(self.miner, other.miner) != Some(false))
    }

    /// Whether one device is the other or a part of it: `nvme0`, `nvme0n1`, `nvme0n1p2`.
    fn same_device(&self, other: &Identity) -> bool {
        let (Some(one), Some(two)) = (&self.device, &other.device) else { return false };
        let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
        let is_digit =
            |character: Option<char>| character.is_some_and(|character| character.is_ascii_digit());
        let rest = long.strip_prefix(short.as_str());
        rest.is_some_and(|rest| {
            rest.is_empty() || is_digit(short.chars().last()) != is_digit(rest.chars().next())
        })
    }
}

fn equal<T: PartialEq>(one: Option<T>, two: Option<T>) -> Option<bool> {
    Some(one? == two?)
}

/// What stands behind the first `open` in `text`, up to the first of the characters `close` or the end.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let inside = &text[text.find(open)? + open.len()..];
    inside.split(|character| close.contains(character)).next()
}

/// The name in the span `module{name="worker-4"}`.
fn module(opening: &str) -> Option<&str> {
    let name = between(opening, "module{", "}")?.strip_prefix("name=")?;
    Some(name.trim_matches('"')).filter(|name| !name.is_empty())
}

/// The worker's thread that a panic names. Others, as those of a pool, work for one of these.
fn panicked(text: &str) -> Option<&str> {
    let name = between(text, "thread '", "'")?;
    let is_worker = name.strip_prefix("worker-").is_some_and(|rest| rest.parse::<u64>().is_ok());
    (is_worker && text.contains("panicked at")).then_some(name)
}

/// The number in `17`, `t01000`, `f01000` or `s-t01000-17`.
fn number(text: &str) -> Option<u64> {
    let from = text.rfind(|character: char| !character.is_ascii_digit()).map_or(0, |at| at + 1);
    text[from..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Evidence::{Box, Child, Device, Job, Process, Record, Sector, Thread};
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_record_says_what_it_is_about() {
        let worker = r#"2025-09-26T18:04:10+08:00 ERROR ThreadId(07) module{name="worker-4"}:seal{miner=Some(1000) sector=Some(17)}: t: x"#;
        let child = "2025-09-26T18:04:10+08:00 ERROR ThreadId(11) sub{name=c2 pid=4711}:request{id=1}: t: x";
        for (text, found, process, expected) in [
            (
                worker,
                &[("miner", "1000"), ("sector", "s-t01000-17")][..],
                Some("damocles-worker[77]"),
                Identity {
                    process: Some("damocles-worker[77]".to_owned()),
                    thread: Some(7),
                    module: Some("worker-4".to_owned()),
                    miner: Some(1000),
                    sector: Some(17),
                    pids: BTreeSet::from([77]),
                    ..Identity::default()
                },
            ),
            (
                child,
                &[("child_pid", "4712")],
                None,
                Identity {
                    thread: Some(11),
                    job: Some(4711),
                    pids: BTreeSet::from([4711, 4712]),
                    ..Identity::default()
                },
            ),
            (
                "thread 'worker-4' panicked at 'x', a.rs:1:2",
                &[("thread", "worker-4")],
                None,
                Identity { module: Some("worker-4".to_owned()), ..Identity::default() },
            ),
            ("thread 'rayon-4' panicked at 'x', a.rs:1:2", &[], None, Identity::default()),
            (
                "blk_update_request: I/O error, dev nvme0n1",
                &[("device", "nvme0n1"), ("sector", "none")],
                Some("kernel"),
                Identity {
                    process: Some("kernel".to_owned()),
                    device: Some("nvme0n1".to_owned()),
                    ..Identity::default()
                },
            ),
            ("ThreadId(x) sub{name=c2 pid=}: module{}: \u{e9}", &[], None, Identity::default()),
        ] {
            assert_eq!(Identity::of(text, &fields(found), process), expected, "{text}");
        }
    }

    #[test]
    fn two_records_belong_together_by_what_both_say() {
        let of = |text: &str, found: &[(&str, &str)]| Identity::of(text, &fields(found), None);
        let thread = |number: u64| of(&format!("ThreadId({number}) t: x"), &[]);
        let worker = |number: u64, sector: &str| {
            of(&format!("ThreadId(7) module{{name=\"worker-{number}\"}}: t: x"), &[("sector", sector)])
        };
        let job = |pid: u64| of(&format!("ThreadId(7) sub{{name=c2 pid={pid}}}: t: x"), &[]);
        let named = |name: &str, value: &str| of("x", &[(name, value)]);
        let sector = |miner: &str| of("x", &[("sector", "17"), ("miner", miner)]);
        for (one, two, log, evidence) in [
            (thread(7), thread(7), true, &[Thread, Process, Box][..]),
            (thread(7), thread(8), true, &[Process, Box]),
            (thread(7), thread(7), false, &[Box]),
            (worker(4, "17"), worker(4, "17"), true, &[Thread, Sector, Process, Box]),
            (worker(4, "17"), worker(4, "18"), true, &[Process, Box]),
            (worker(4, "17"), worker(5, "17"), true, &[Process, Box]),
            (worker(4, "17"), named("sector", "17"), false, &[Sector, Box]),
            (sector("1000"), sector("t01000"), false, &[Sector, Box]),
            (sector("1000"), sector("1001"), false, &[Box]),
            (job(4711), job(4711), true, &[Thread, Job, Child, Process, Box]),
            (job(4711), job(4712), true, &[Process, Box]),
            (job(4711), worker(4, "17"), true, &[Process, Box]),
            (job(4711), named("child_pid", "4711"), false, &[Child, Box]),
            (named("pid", "4711"), named("child_pid", "4711"), false, &[Child, Box]),
            (named("device", "nvme0"), named("device", "nvme0n1p2"), false, &[Device, Box]),
            (named("device", "nvme1"), named("device", "nvme10n1"), false, &[Box]),
            (named("device", "sda"), named("device", "sdaa"), false, &[Box]),
            (Identity::default(), Identity::default(), true, &[Process, Box]),
        ] {
            for (one, two) in [(&one, &two), (&two, &one)] {
                let found: Vec<_> =
                    Evidence::ALL.into_iter().filter(|kind| one.belongs(two, &[*kind], log)).collect();
                assert_eq!(found, evidence, "{one:?} {two:?}");
            }
        }
        assert!(
            !thread(7).belongs(&thread(7), &[Record], true),
            "that two records are one, their place says"
        );
    }

    #[test]
    fn programs_that_share_a_log_are_not_one_process() {
        let of = |process: &str| Identity::of("ThreadId(7) t: x", &Fields::new(), Some(process));
        assert!(of("a[1]").belongs(&of("a[1]"), &[Process], true));
        assert!(!of("a[1]").belongs(&of("a[2]"), &[Process, Thread], true));
    }
}
