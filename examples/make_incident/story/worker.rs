//! The worker: its start, its pings, and what its five threads live through.

use super::sector::Sector;
use super::timeline::{Dice, HOUR, MINUTE, SECOND, Timeline, worker_time};

/// A call of the worker that leaves a trace in the manager's log.
pub struct Call {
    pub at: u64,
    pub sector: u32,
    pub method: &'static str,
    /// Whether the manager knows the sector.
    pub known: bool,
}

/// The log as it is being written.
pub struct Night {
    pub log: Timeline,
    pub calls: Vec<Call>,
    pub dice: Dice,
    /// Requests to external processors so far.
    pub requests: u64,
}

/// Who writes a line: its thread and its spans, which end in `: ` or are empty.
pub struct Voice<'v> {
    pub thread: u32,
    pub spans: &'v str,
}

impl Night {
    pub fn line(&self, at: u64, level: &str, voice: &Voice<'_>, target: &str, message: &str) -> String {
        let Voice { thread, spans } = voice;
        format!("{} {level:>5} ThreadId({thread:02}) {spans}{target}: {message}", worker_time(at))
    }

    pub fn say(&mut self, at: u64, level: &str, voice: &Voice<'_>, target: &str, message: &str) {
        let line = self.line(at, level, voice, target, message);
        self.log.write(at, line);
    }
}

/// The worker's log and the calls it made.
pub fn night() -> (Timeline, Vec<Call>) {
    let dice = Dice(1000);
    let mut night = Night { log: Timeline::default(), calls: Vec::new(), dice, requests: 0 };
    start(&mut night);
    pings(&mut night);
    thread_0(&mut night);
    thread_1(&mut night);
    thread_2(&mut night);
    thread_3(&mut night);
    thread_4(&mut night);
    (night.log, night.calls)
}

/// A healthy thread: one sector whole, the next on its way at dawn.
fn thread_0(night: &mut Night) {
    let mut sector = Sector::allocate(night, 0, 1301, 3 * MINUTE);
    sector.seal();
    let end = sector.at;
    Sector::allocate(night, 0, 1307, end + MINUTE).seal();
}

/// The PC1 processor with the uneven cpuset, twice, then the other one.
fn thread_1(night: &mut Night) {
    let mut sector = Sector::allocate(night, 1, 1302, 21 * MINUTE);
    sector.fill();
    sector.pc1_panics();
    sector.resume(58 * MINUTE);
    sector.pc1_is_poisoned();
    sector.resume(77 * MINUTE);
    sector.pc1();
    sector.finish_from_pc2();
}

/// Aborted on the manager while PC1 runs.
fn thread_2(night: &mut Night) {
    let mut sector = Sector::allocate(night, 2, 1303, 82 * MINUTE);
    sector.fill();
    sector.pc1();
    sector.unknown_to_manager();
    let end = sector.at;
    Sector::allocate(night, 2, 1308, end + MINUTE).seal();
}

/// The C2 plugin that talks too much.
fn thread_3(night: &mut Night) {
    let mut sector = Sector::take_up(night, 3, 1298, 2 * SECOND);
    sector.wait_seed(160 * MINUTE);
    sector.c1();
    sector.c2_is_garbled(214 * MINUTE);
    sector.resume(220 * MINUTE);
    sector.finish_from_c2();
    let end = sector.at;
    Sector::allocate(night, 3, 1306, end + MINUTE).seal();
}

/// The staged file that a full disk left empty.
fn thread_4(night: &mut Night) {
    let mut sector = Sector::allocate(night, 4, 1304, 6 * HOUR + 14 * MINUTE);
    sector.tree_d_maps_nothing();
    sector.stay_paused(6 * HOUR + 40 * MINUTE);
    sector.fill_again();
    sector.pc1();
    sector.finish_from_pc2();
}

fn start(night: &mut Night) {
    let main = Voice { thread: 1, spans: "" };
    let config = "config loaded\n Config { worker: Some(Worker { name: Some(\"seal-07\"), ping_interval: Some(30s) }), \
        processors: Processors { limit: None, ext_locks: Some({\"gpu0\": 1}), pc1: Some([Ext { cgroup: Some(Cgroup \
        { cpuset: Some(\"8-15\") }), locks: [] }, Ext { cgroup: Some(Cgroup { cpuset: Some(\"0-6\") }), locks: [] }]) } }";
    let mut at = 120_000_000;
    for (level, target, message) in [
        ("INFO", "venus_worker::run", config),
        ("INFO", "venus_worker::run", "2 stores attached, 2 writable"),
        ("INFO", "venus_worker::run", "worker info inited instance=\"seal-07\" dest=\"10.0.4.17:17890\""),
    ] {
        night.say(at, level, &main, target, message);
        at += night.dice.about(40_000_000);
    }
    for (stage, pid) in [
        ("add_pieces", 30405),
        ("tree_d", 30411),
        ("pc1", 30417),
        ("pc1", 30418),
        ("pc2", 30422),
        ("c2", 30429),
        ("c2", 30430),
    ] {
        let spans = format!("sub{{name={stage} pid={pid}}}: ");
        let child = Voice { thread: 1, spans: &spans };
        night.say(at, "INFO", &child, "vc_processors::core::ext::consumer", "processor ready");
        night.say(at + 300_000, "INFO", &main, "vc_processors::core::ext::producer", "producer ready");
        at += night.dice.about(90_000_000);
    }
    for (index, module) in
        ["worker-0", "worker-1", "worker-2", "worker-3", "worker-4", "worker-server", "worker-ping"]
            .iter()
            .enumerate()
    {
        let spans = format!("module{{name=\"{module}\"}}: ");
        let voice = Voice { thread: 40 + index as u32, spans: &spans };
        night.say(at, "INFO", &voice, "venus_worker::watchdog", "start");
        at += night.dice.about(1_000_000);
    }
}

fn pings(night: &mut Night) {
    let voice = Voice { thread: 46, spans: "module{name=\"worker-ping\"}: " };
    let mut at = 30 * SECOND;
    while at < 10 * HOUR {
        let elapsed = night.dice.about(2_400_000);
        at += elapsed;
        let message = format!("ping elapsed={}.{:03}ms", elapsed / 1_000_000, elapsed / 1000 % 1000);
        night.say(at, "DEBUG", &voice, "venus_worker::sealing::ping", &message);
        at += 30 * SECOND;
    }
}
