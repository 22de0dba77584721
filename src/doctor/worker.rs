//! A worker's configuration as the worker reads it, every value with its place.
//!
//! The worker has no list of allowed keys: what it does not know it passes over. So an unknown key
//! is no fault of the file, and everything else in it counts.

use std::ops::Range;
use std::time::Duration;

use super::facts::{ConfigFile, Known};
use super::keys::{SEALING, STAGES};
use super::words::Words;
use super::{Place, syntax};
use crate::base::diagnostic::table::{Located, Table};
use crate::base::diagnostic::{Diagnostic, Text};

/// One configuration.
#[derive(Debug)]
pub struct Worker<'f> {
    /// The file.
    pub file: &'f ConfigFile,
    /// Its text, missing quotes put in.
    text: String,
    /// Every `[[processors.<stage>]]`, in the order of the stages.
    pub(super) processors: Vec<Processor>,
    /// `[processors.ext_locks]`: how many may hold each lock at once.
    pub(super) locks: Vec<(Located<String>, Located<u64>)>,
    /// The limits of stages that are in force.
    pub(super) limits: Vec<(Located<String>, Located<u64>)>,
    /// The key `limit` where `limitation.concurrent` is in force instead.
    pub(super) shadowed: Option<Range<usize>>,
    /// `[processors.limitation.staggered]`.
    pub(super) staggered: Vec<(Located<String>, Located<String>)>,
    /// `[[sealing_thread]]`: the plan of each.
    pub(super) threads: Vec<Option<Located<String>>>,
    /// The first `[[sealing_thread]]`.
    pub(super) first_thread: Option<Range<usize>>,
    /// `sealing.allowed_sizes`.
    pub(super) sizes: Vec<Located<String>>,
    /// `[processors.static_tree_d]`: size and path.
    pub(super) trees: Vec<(Located<String>, Located<String>)>,
    /// What makes the worker refuse the file, and keys that it passes over.
    pub(super) faults: Vec<Diagnostic>,
}

/// One `[[processors.<stage>]]`.
#[derive(Debug, Clone)]
pub(super) struct Processor {
    pub stage: &'static str,
    /// Its place among those of its stage, from 1.
    pub number: usize,
    /// Its table.
    pub span: Range<usize>,
    pub bin: Option<Located<String>>,
    pub args: Vec<Located<String>>,
    pub cpuset: Option<Located<String>>,
    pub numa: Option<Located<i64>>,
    pub concurrent: Option<Located<u64>>,
    pub locks: Vec<Located<String>>,
    /// The key `locks` and its value.
    pub locks_entry: Option<(Range<usize>, Range<usize>)>,
    pub envs: Vec<(Located<String>, Located<String>)>,
    pub inherits: bool,
}

/// What a variable comes to for the child of a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Var<'a> {
    /// The processor sets it.
    Own(&'a Located<String>),
    /// The daemon has it, and the child inherits it.
    Inherited(&'a str),
    /// Nobody sets it.
    Unset,
    /// The child inherits an environment that is not known.
    Unknown,
}

impl<'a> Var<'a> {
    /// The value, where it is known and set.
    pub fn value(self) -> Option<&'a str> {
        match self {
            Var::Own(value) => Some(&value.value),
            Var::Inherited(value) => Some(value),
            Var::Unset | Var::Unknown => None,
        }
    }

    /// Whether the proofs take it for `true`; `None`: not known.
    pub fn is_on(self) -> Option<bool> {
        match self {
            Var::Unknown => None,
            known => Some(known.value().is_some_and(is_true)),
        }
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes")
}

impl Processor {
    /// How it is called in sentences: `processors.pc2 #1`.
    pub fn name(&self) -> String {
        format!("processors.{} #{}", self.stage, self.number)
    }

    /// What `name` comes to for its child.
    pub fn var<'a>(&'a self, worker: &'a Worker<'_>, name: &str) -> Var<'a> {
        if let Some((_, value)) = self.envs.iter().find(|(key, _)| key.value == name) {
            return Var::Own(value);
        }
        if !self.inherits {
            return Var::Unset;
        }
        match &worker.file.environ {
            Ok(environ) => environ.get(name).map_or(Var::Unset, |value| Var::Inherited(value)),
            Err(_) => Var::Unknown,
        }
    }

    /// Whether the worker's own binary runs it.
    pub fn is_builtin(&self) -> bool {
        let file = self.bin.as_ref().and_then(|bin| bin.value.rsplit('/').next());
        file.is_none_or(|file| matches!(file, "damocles-worker" | "venus-worker" | "vc-worker"))
    }

    /// Whether it hands its work to another box, so that the GPUs here are nothing to it.
    pub fn is_remote(&self) -> bool {
        let Some(bin) = self.bin.as_ref().filter(|_| !self.is_builtin()) else { return false };
        let bin = bin.value.rsplit('/').next().unwrap_or_default();
        let asks = |arg: &str| arg.contains("gpuproxy") || arg == "--url" || arg.starts_with("--url=");
        ["gpuproxy", "cluster_c2_plugin", "outsource"].iter().any(|name| bin.contains(name))
            || self.args.iter().any(|arg| asks(&arg.value))
    }

    /// Whether it may compute on a GPU of this box.
    pub fn uses_gpu(&self) -> bool {
        super::keys::GPU_STAGES.contains(&self.stage)
            && !self.is_remote()
            && (self.is_builtin() || self.envs.iter().any(|(key, _)| key.value == "CUDA_VISIBLE_DEVICES"))
    }
}

impl<'f> Worker<'f> {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// Why there is nothing to examine.
    pub fn read(file: &'f ConfigFile) -> Known<Worker<'f>> {
        let text = file.text.as_ref().map_err(Clone::clone)?;
        let path = &file.path;
        let Ok((mended, _)) = syntax::mended(text) else {
            return Err(Words::new(format!("{path} is not valid TOML"), format!("{path} 不是合法的 TOML")));
        };
        let text = Text::new(path, &mended);
        let read = read(&text, file);
        let faults = text.into_faults();
        Ok(Worker { text: mended, faults, ..read })
    }

    /// The text, for places and diffs.
    pub(super) fn text(&self) -> Text<'_> {
        Text::new(&self.file.path, &self.text)
    }

    /// The place of these bytes.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        Place { path: self.file.path.clone(), excerpt: Some(self.text().excerpt(span.clone())) }
    }

    /// The processors of a stage.
    pub(super) fn of(&self, stage: &str) -> Vec<&Processor> {
        self.processors.iter().filter(|processor| processor.stage == stage).collect()
    }

    /// The limit of a stage that is in force.
    pub(super) fn limit(&self, stage: &str) -> Option<&Located<u64>> {
        self.limits.iter().find(|(name, _)| name.value == stage).map(|(_, count)| count)
    }

    /// Whether its program is of before damocles v0.7, as far as the name tells.
    pub(super) fn is_venus(&self) -> bool {
        matches!(self.file.program.as_deref(), Some("venus-worker" | "vc-worker"))
    }

    /// Whether a sealing thread runs `plan`; the default plan is `sealer`.
    pub(super) fn plans(&self, plan: &str) -> bool {
        self.threads.iter().any(|thread| thread.as_ref().map_or("sealer", |plan| &plan.value) == plan)
    }
}

fn read<'f>(text: &Text<'_>, file: &'f ConfigFile) -> Worker<'f> {
    let root = Table::parse(text, 0..text.text().len());
    let processors = root.table("processors");
    let mut worker = Worker {
        file,
        text: String::new(),
        processors: Vec::new(),
        locks: Vec::new(),
        limits: Vec::new(),
        shadowed: None,
        staggered: Vec::new(),
        threads: Vec::new(),
        first_thread: root.entry_span("sealing_thread").map(|(key, _)| key),
        sizes: Vec::new(),
        trees: Vec::new(),
        faults: Vec::new(),
    };
    if let Some(table) = processors {
        read_processors(table, &mut worker);
    }
    if let Some(table) = root.table("sealing") {
        worker.sizes = table.strings("allowed_sizes");
        ask(table, &SEALING);
    }
    for table in root.tables("sealing_thread") {
        worker.threads.push(table.string("plan"));
        if let Some(sealing) = table.table("sealing") {
            worker.sizes.extend(sealing.strings("allowed_sizes"));
            ask(sealing, &SEALING);
        }
        ask(table, &["location"]);
    }
    if let Some(table) = root.table("worker") {
        if let Some(server) = table.table("rpc_server") {
            ask(server, &["host", "port"]);
        }
        ask(
            table,
            &[
                "name",
                "ping_interval",
                "local_pieces_dir",
                "local_pieces_dirs",
                "scan_persist_stores",
                "ScanPersistStores",
            ],
        );
    }
    if let Some(table) = root.table("sector_manager") {
        if let Some(client) = table.table("rpc_client") {
            ask(client, &["addr", "headers"]);
        }
        ask(table, &["piece_token"]);
    }
    if let Some(table) = root.table("metrics") {
        ask(table, &["enable", "http_listen"]);
    }
    for table in root.tables("attached") {
        ask(table, &["name", "location", "readonly"]);
    }
    root.finish();
    worker
}

/// Keys that are known and of no further interest; then the unknown ones are reported.
fn ask(table: Table<'_>, keys: &[&'static str]) {
    for key in keys {
        table.has(key);
    }
    table.finish();
}

fn read_processors(table: Table<'_>, worker: &mut Worker<'_>) {
    let older = table.table("limit").map(Table::into_numbers);
    let mut newer = None;
    if let Some(limitation) = table.table("limitation") {
        newer = limitation.table("concurrent").map(Table::into_numbers);
        worker.staggered = limitation.table("staggered").map(Table::into_strings).unwrap_or_default();
        limitation.finish();
    }
    if newer.is_some() && older.is_some() {
        worker.shadowed = Some(table.key_span("limit"));
    }
    worker.limits = newer.or(older).unwrap_or_default();
    worker.locks = table.table("ext_locks").map(Table::into_numbers).unwrap_or_default();
    worker.trees = table.table("static_tree_d").map(Table::into_strings).unwrap_or_default();
    for stage in STAGES {
        for (index, processor) in table.tables(stage).into_iter().enumerate() {
            worker.processors.push(read_processor(stage, index + 1, processor));
        }
    }
    table.finish();
}

fn read_processor(stage: &'static str, number: usize, table: Table<'_>) -> Processor {
    let mut cpuset = None;
    if let Some(cgroup) = table.table("cgroup") {
        cpuset = cgroup.string("cpuset");
        ask(cgroup, &["group_name"]);
    }
    let processor = Processor {
        stage,
        number,
        span: table.span(),
        bin: table.string("bin"),
        args: table.strings("args"),
        cpuset,
        numa: table.integer("numa_preferred"),
        concurrent: table.number("concurrent"),
        locks: table.strings("locks"),
        locks_entry: table.entry_span("locks"),
        envs: table.table("envs").map(Table::into_strings).unwrap_or_default(),
        inherits: table.boolean("inherit_envs").unwrap_or(true),
    };
    ask(table, &["stable_wait", "auto_restart"]);
    processor
}

/// A duration as the worker writes it: `5min`, `1h 30m`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest == "0" {
        return Some(total);
    }
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u32 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let unit = match &rest[..letters] {
            "nsec" | "ns" => Duration::from_nanos(1),
            "usec" | "us" => Duration::from_micros(1),
            "msec" | "ms" => Duration::from_millis(1),
            "seconds" | "second" | "secs" | "sec" | "s" => Duration::from_secs(1),
            "minutes" | "minute" | "mins" | "min" | "m" => Duration::from_secs(60),
            "hours" | "hour" | "hrs" | "hr" | "h" => Duration::from_secs(3_600),
            "days" | "day" | "d" => Duration::from_secs(86_400),
            "weeks" | "week" | "w" => Duration::from_secs(604_800),
            _ => return None,
        };
        total = total.checked_add(unit.checked_mul(number)?)?;
        rest = rest[letters..].trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_the_worker_reads_them() {
        for (text, seconds) in [
            ("5min", Some(300)),
            ("1h 30m", Some(5_400)),
            ("90s", Some(90)),
            ("0", Some(0)),
            ("1h30m", Some(5_400)),
        ] {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
        for text in ["", "5", "min", "5 fortnights", "99999999999s", "五分"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
