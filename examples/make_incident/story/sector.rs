//! A sector on its way through the states of the sealing plan, as its thread logs it.

use super::proofs;
use super::timeline::{MINUTE, SECOND};
use super::worker::{Call, Night, Voice};

const WORKER: &str = "venus_worker::sealing::worker";
const TASK: &str = "venus_worker::sealing::worker::task";
const SEALER: &str = "venus_worker::sealing::worker::task::planner::sealer";
const COMMON: &str = "venus_worker::sealing::worker::task::planner::common";
const PRODUCER: &str = "vc_processors::core::ext::producer";
const CONSUMER: &str = "vc_processors::core::ext::consumer";

/// What the manager answers for a sector it does not know.
const UNKNOWN: &str =
    "from error code: sector state not found, with msg: error code 11001: sector state not found";

/// An external processor: the child's request thread, and the worker's thread that reads from it.
struct Child {
    stage: &'static str,
    pid: u32,
    thread: u32,
    reader: u32,
}

const ADD_PIECES: Child = Child { stage: "add_pieces", pid: 30405, thread: 9, reader: 12 };
const TREE_D: Child = Child { stage: "tree_d", pid: 30411, thread: 9, reader: 14 };
const PC1: Child = Child { stage: "pc1", pid: 30417, thread: 11, reader: 16 };
const PC1_UNEVEN: Child = Child { stage: "pc1", pid: 30418, thread: 9, reader: 18 };
const PC2: Child = Child { stage: "pc2", pid: 30422, thread: 10, reader: 20 };
const C2: Child = Child { stage: "c2", pid: 30429, thread: 10, reader: 22 };
const C2_PLUGIN: Child = Child { stage: "c2", pid: 30430, thread: 1, reader: 24 };

pub struct Sector<'n> {
    night: &'n mut Night,
    worker: u32,
    number: u32,
    /// Now.
    pub at: u64,
    event: &'static str,
    prev: &'static str,
    state: &'static str,
}

impl<'n> Sector<'n> {
    /// An idle thread asks for a sector.
    pub fn allocate(night: &'n mut Night, worker: u32, number: u32, at: u64) -> Sector<'n> {
        let mut sector = Sector { night, worker, number, at, event: "None", prev: "Empty", state: "Empty" };
        let spans = format!(
            "module{{name=\"worker-{worker}\"}}:seal{{miner=None sector=None event=None}}:handle{{prev=Empty current=Empty}}: "
        );
        sector.night.say(at, "DEBUG", &Voice { thread: 40 + worker, spans: &spans }, TASK, "handling");
        sector.wait(80_000_000);
        sector.call("AllocateSector");
        sector.enter("Allocate", "Allocated");
        sector.debug(SEALER, "pieces acquired count=0");
        sector
    }

    /// A thread takes up the sector it had when the worker stopped.
    pub fn take_up(night: &'n mut Night, worker: u32, number: u32, at: u64) -> Sector<'n> {
        let state = "PersistanceSubmitted";
        let mut sector = Sector { night, worker, number, at, event: "None", prev: state, state };
        sector.debug(TASK, "handling");
        sector
    }

    /// From the allocated sector to the end of the plan.
    pub fn seal(&mut self) {
        self.fill();
        self.pc1();
        self.finish_from_pc2();
    }

    /// Pieces, tree D, ticket.
    pub fn fill(&mut self) {
        self.enter("AcquireDeals", "DealsAcquired");
        self.add_pieces();
        self.build_tree_d();
    }

    /// The same, after an operator set the state back.
    pub fn fill_again(&mut self) {
        self.enter("SetState", "DealsAcquired");
        self.add_pieces();
        self.build_tree_d();
    }

    fn add_pieces(&mut self) {
        self.process(&ADD_PIECES, proofs::add_pieces);
        self.enter("AddPiece", "PieceAdded");
    }

    fn build_tree_d(&mut self) {
        self.process(&TREE_D, proofs::tree_d);
        self.enter("BuildTreeD", "TreeDBuilt");
        self.wait(40_000_000);
        let epoch = 2_464_320 + self.at / (30 * SECOND);
        self.debug(COMMON, &format!("ticket assigned from sector-manager epoch={epoch}"));
        self.enter("AssignTicket", "TicketAssigned");
    }

    pub fn pc1(&mut self) {
        self.before_pc1();
        let number = self.number;
        self.process(&PC1, |night, voice, at| proofs::pc1(night, voice, number, at));
    }

    pub fn finish_from_pc2(&mut self) {
        self.pc2();
        self.enter("PC2", "PC2Done");
        self.wait(300_000_000);
        self.call("SubmitPreCommit");
        self.enter("SubmitPC", "PCSubmitted");
        self.poll("pre commit", 8);
        self.debug(SEALER, "pre commit landed");
        self.enter("CheckPC", "PCLanded");
        self.debug(COMMON, "persist store acquired name=mass-01");
        self.wait(6 * MINUTE);
        self.enter("Persist", "Persisted");
        self.wait(SECOND);
        self.enter("SubmitPersistance", "PersistanceSubmitted");
        let seed = self.at + 75 * MINUTE;
        self.wait_seed(seed);
        self.c1();
        self.finish_from_c2();
    }

    fn pc2(&mut self) {
        self.enter("PC1", "PC1Done");
        self.process(&PC2, proofs::pc2);
    }

    pub fn wait_seed(&mut self, until: u64) {
        while self.at < until {
            let delay = (until - self.at).min(15 * MINUTE);
            let seconds = delay / SECOND;
            self.debug(SEALER, &format!("waiting for next round of polling seed delay={seconds}s"));
            self.at += delay.max(SECOND);
        }
    }

    pub fn c1(&mut self) {
        self.enter("AssignSeed", "SeedAssigned");
        let spans = self.spans();
        let voice = Voice { thread: 40 + self.worker, spans: &spans };
        self.at = proofs::c1(self.night, &voice, self.number, self.at);
        self.enter("C1", "C1Done");
    }

    pub fn finish_from_c2(&mut self) {
        let number = self.number;
        self.process(&C2, |night, voice, at| proofs::c2(night, voice, number, at));
        self.enter("C2", "C2Done");
        self.wait(400_000_000);
        self.call("SubmitProof");
        self.enter("SubmitProof", "ProofSubmitted");
        self.poll("proof", 6);
        let dir = format!("/mnt/nvme{}/sealing/cache/s-t01000-{}", self.worker, self.number);
        self.debug(SEALER, &format!("clean up unnecessary cached files dir=\"{dir}\""));
        self.enter("Finish", "Finished");
        self.wait(SECOND);
        self.module("INFO", "wait before sealing duration=30s");
    }

    fn poll(&mut self, what: &str, rounds: u32) {
        for round in 0..rounds {
            let state = if round * 2 < rounds { "Pending" } else { "Packed" };
            self.debug(
                SEALER,
                &format!("waiting for next round of polling {what} state state={state} interval=180s"),
            );
            self.at += 180 * SECOND;
        }
    }

    fn before_pc1(&mut self) {
        let entry = |kind: &str| format!("/mnt/nvme{}/sealing/{kind}/s-t01000-{}", self.worker, self.number);
        let (cache, sealed) = (entry("cache"), entry("sealed"));
        self.debug(COMMON, &format!("init cache dir \"{cache}\" before pc1"));
        self.debug(COMMON, &format!("truncate sealed file \"{sealed}\" before pc1"));
    }
}

/// What goes wrong.
impl Sector<'_> {
    /// The processor has seven cores on two L3 caches.
    pub fn pc1_panics(&mut self) {
        self.before_pc1();
        let (id, spans) = self.send(&PC1_UNEVEN);
        let voice = Voice { thread: PC1_UNEVEN.thread, spans: &spans };
        self.at = proofs::pc1_opening(self.night, &voice, self.number, self.at);
        let assertion = "assertion failed: `(left == right)`\n  left: `0`,\n right: `1`";
        let place = "/root/.cargo/registry/src/github.com-1ecc6299db9ec823/storage-proofs-porep-11.1.1/src/stacked/vanilla/cores.rs:151:5";
        self.panic("pc1-cpuset-cache-mismatch", assertion, place);
        self.receive(&PC1_UNEVEN, id);
        let failed = self.failed("permanent", &format!("Panic: {assertion}"));
        self.night.log.write(self.at, failed);
    }

    /// The same child again: the static that panicked is lost to it.
    pub fn pc1_is_poisoned(&mut self) {
        self.before_pc1();
        let (id, spans) = self.send(&PC1_UNEVEN);
        let voice = Voice { thread: PC1_UNEVEN.thread, spans: &spans };
        self.at = proofs::pc1_opening(self.night, &voice, self.number, self.at);
        let message = "Once instance has previously been poisoned";
        let place = "/rustc/7737e0b5c4103216d6fd8cf941b7ab9bdbaace7c/library/std/src/sync/once.rs:434:21";
        self.panic("once-poisoned", message, place);
        self.receive(&PC1_UNEVEN, id);
        let failed = self.failed("permanent", &format!("Panic: {message}"));
        self.night.log.plant(self.at, "once-poisoned", failed);
    }

    /// PC1 is done, but the manager has forgotten the sector: two more reports, then it is given up.
    pub fn unknown_to_manager(&mut self) {
        self.report_fails("ReportState", "report state failed");
        self.pc2();
        self.report_fails("ReportState", "report state failed");
        self.enter("PC2", "PC2Done");
        self.wait(20_000_000);
        self.call_in_vain("SubmitPreCommit");
        self.report_fails("ReportState", "report state failed");
        self.report_fails("ReportAborted", "report aborted sector failed");
        self.say("WARN", TASK, "cleanup aborted sector", false);
        self.wait(9 * SECOND);
        let failed = self.failed("abort", UNKNOWN);
        self.night.log.plant(self.at, "sector-state-not-found", failed);
        self.wait(SECOND);
        self.module("INFO", "wait before sealing duration=30s");
    }

    fn report_fails(&mut self, method: &'static str, words: &str) {
        self.wait(20_000_000);
        self.call_in_vain(method);
        let line = self.line("ERROR", TASK, &format!("{words}: abort: {UNKNOWN}"), false);
        self.night.log.plant(self.at, "sector-state-not-found", line);
    }

    /// The plugin logs to stdout: once on its own, once before its answer, which is lost with it.
    pub fn c2_is_garbled(&mut self, killed: u64) {
        let (_, _) = self.send(&C2_PLUGIN);
        self.wait(4 * SECOND);
        self.garbled("[gpuproxy] connected to 10.0.4.30:18888\n");
        self.wait(17 * MINUTE);
        let proof = self.night.dice.base32(43);
        self.garbled(&format!(
            "[gpuproxy] job done, 1021 s {{\"id\":16,\"err_msg\":null,\"output\":{{\"{proof}..."
        ));
        self.at = killed;
        let reader = Voice { thread: C2_PLUGIN.reader, spans: "" };
        self.night.say(killed, "WARN", &reader, PRODUCER, "child exited");
        let failed = self.failed("permanent", "child process exited: c2");
        self.night.log.write(self.at, failed);
    }

    fn garbled(&mut self, response: &str) {
        let reader = Voice { thread: C2_PLUGIN.reader, spans: "" };
        let message =
            format!("failed to unmarshal response string: '{response}'. child_pid={}", C2_PLUGIN.pid);
        let line = self.night.line(self.at, "ERROR", &reader, PRODUCER, &message);
        self.night.log.plant(self.at, "ext-unmarshal-response", line);
    }

    /// The disk filled up while pieces were added.
    pub fn tree_d_maps_nothing(&mut self) {
        self.enter("AcquireDeals", "DealsAcquired");
        self.add_pieces();
        let (id, _) = self.send(&TREE_D);
        self.wait(SECOND);
        self.receive(&TREE_D, id);
        let staged = format!("/mnt/nvme{}/sealing/s-t01000-{}/staged", self.worker, self.number);
        let chain = format!(
            "mmap staged file: \"{staged}\"\n\nCaused by:\n    memory map must have a non-zero length"
        );
        let failed = self.failed("permanent", &chain);
        self.night.log.plant(self.at, "mmap-zero-length", failed);
    }

    /// The operator resumes the paused thread, and it begins its state again.
    pub fn resume(&mut self, at: u64) {
        self.stay_paused(at);
        self.event = "None";
        self.prev = self.state;
        self.debug(TASK, "handling");
    }

    /// The paused thread reminds once a minute.
    pub fn stay_paused(&mut self, until: u64) {
        self.wait(1_000_000);
        self.module("WARN", "waiting for resume signal");
        while self.at + MINUTE < until {
            self.at += MINUTE;
            self.module("WARN", "worker has been waiting for resume signal during the last 60s");
        }
        self.at = until;
    }

    fn panic(&mut self, signature: &'static str, message: &str, place: &str) {
        let note = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        let report = format!("thread '<unnamed>' panicked at '{message}', {place}\n{note}");
        self.night.log.plant(self.at, signature, report);
    }

    fn failed(&mut self, level: &str, error: &str) -> String {
        self.wait(2_000_000);
        let spans = format!("module{{name=\"worker-{}\"}}: ", self.worker);
        let voice = Voice { thread: 40 + self.worker, spans: &spans };
        self.night.line(self.at, "ERROR", &voice, WORKER, &format!("sealing failed failure={level}: {error}"))
    }
}

/// How it is written.
impl Sector<'_> {
    /// About this long passes.
    fn wait(&mut self, usual: u64) {
        self.at += self.night.dice.about(usual);
    }

    fn call(&mut self, method: &'static str) {
        self.night.calls.push(Call { at: self.at, sector: self.number, method, known: true });
    }

    /// A call for a sector that the manager does not know.
    fn call_in_vain(&mut self, method: &'static str) {
        self.night.calls.push(Call { at: self.at, sector: self.number, method, known: false });
    }

    fn enter(&mut self, event: &'static str, state: &'static str) {
        self.wait(12_000_000);
        (self.event, self.prev, self.state) = (event, self.state, state);
        self.debug(TASK, "handling");
    }

    fn debug(&mut self, target: &str, message: &str) {
        self.wait(150_000);
        self.say("DEBUG", target, message, true);
    }

    fn say(&mut self, level: &str, target: &str, message: &str, handling: bool) {
        let line = self.line(level, target, message, handling);
        self.night.log.write(self.at, line);
    }

    fn line(&self, level: &str, target: &str, message: &str, handling: bool) -> String {
        let spans = self.spans();
        let seal = spans.find("handle{").unwrap_or(spans.len());
        let outer = format!("{} ", &spans[..seal]);
        let spans = if handling { &spans } else { &outer };
        self.night.line(self.at, level, &Voice { thread: 40 + self.worker, spans }, target, message)
    }

    fn module(&mut self, level: &str, message: &str) {
        let spans = format!("module{{name=\"worker-{}\"}}: ", self.worker);
        self.night.say(self.at, level, &Voice { thread: 40 + self.worker, spans: &spans }, WORKER, message);
    }

    fn spans(&self) -> String {
        let Sector { worker, number, prev, state, .. } = self;
        let event = if self.event == "None" { "None".to_owned() } else { format!("Some({})", self.event) };
        format!(
            "module{{name=\"worker-{worker}\"}}:seal{{miner=Some(1000) sector=Some({number}) event={event}}}:\
             handle{{prev={prev} current={state}}}: "
        )
    }

    /// A request to an external processor and its answer; `work` says what the child logs, and when
    /// it is done.
    fn process(&mut self, child: &Child, work: impl FnOnce(&mut Night, &Voice<'_>, u64) -> u64) {
        let (id, spans) = self.send(child);
        let voice = Voice { thread: child.thread, spans: &spans };
        self.at = work(self.night, &voice, self.at);
        self.night.say(self.at, "DEBUG", &voice, CONSUMER, "request done ok=true");
        self.at += 90_000;
        self.night.say(self.at, "DEBUG", &voice, CONSUMER, "response written");
        self.receive(child, id);
    }

    /// The request's id, and the spans of the child's thread that works on it.
    fn send(&mut self, child: &Child) -> (u64, String) {
        self.night.requests += 1;
        let id = self.night.requests;
        let size = 1800 + self.night.dice.below(900);
        self.debug("resource", &format!("unlimited name=\"{}\"", child.stage));
        self.debug(PRODUCER, &format!("sent request: {id}"));
        self.debug(PRODUCER, &format!("wait request: {id}"));
        self.at += 120_000;
        let outer = format!("sub{{name={} pid={}}}: ", child.stage, child.pid);
        let waiting = Voice { thread: 1, spans: &outer };
        self.night.say(self.at, "DEBUG", &waiting, CONSUMER, "waiting for new incoming line");
        let spans = format!("sub{{name={} pid={}}}:request{{id={id} size={size}}}: ", child.stage, child.pid);
        self.at += 60_000;
        let voice = Voice { thread: child.thread, spans: &spans };
        self.night.say(self.at, "DEBUG", &voice, CONSUMER, "request received");
        (id, spans)
    }

    fn receive(&mut self, child: &Child, id: u64) {
        self.wait(300_000);
        let size = 400 + self.night.dice.below(4000);
        let reader = Voice { thread: child.reader, spans: "" };
        self.night.say(
            self.at,
            "DEBUG",
            &reader,
            PRODUCER,
            &format!("response received id={id} size={size}"),
        );
        self.debug(PRODUCER, &format!("request done: {id}"));
    }
}
