//! The manager: messages on their way to the chain, a window PoSt each half hour, and what it sees of
//! the mishaps: a sector it does not know, and too few descriptors.

use super::timeline::{Dice, HOUR, MINUTE, SECOND, Timeline, manager_time, worker_time};
use super::worker::Call;

struct Manager {
    log: Timeline,
    dice: Dice,
}

/// The manager's log; `calls` are what the worker asked of it.
pub fn night(calls: &[Call]) -> Timeline {
    let mut manager = Manager { log: Timeline::default(), dice: Dice(2000) };
    manager.start(300_000_000);
    for call in calls {
        manager.answer(call);
    }
    manager.start(RESTART);
    for half_hour in 0..20 {
        manager.deadline(half_hour);
    }
    for round in 1..20 {
        manager.database(round * 31 * MINUTE);
    }
    manager.log
}

/// Somebody restarts the manager from a shell: 1024 descriptors instead of the unit's million.
const RESTART: u64 = 6 * HOUR + 52 * MINUTE;
/// The deadline that opens after it.
const STARVED: u64 = 14;

impl Manager {
    fn line(&self, at: u64, level: &str, logger: &str, caller: &str, message: &str) -> String {
        format!("{}\t{level}\t{logger}\t{caller}\t{message}", manager_time(at))
    }

    fn say(&mut self, at: u64, level: &str, logger: &str, caller: &str, message: &str) {
        let line = self.line(at, level, logger, caller, message);
        self.log.write(at, line);
    }

    fn start(&mut self, at: u64) {
        for (after, level, logger, caller, message) in [
            (0, "INFO", "badger", "v2@v2.2007.3/levels.go:183", "All 0 tables opened in 0s"),
            (40_000_000, "INFO", "badger", "v2@v2.2007.3/value.go:1178", "Replay took: 4.205µs"),
            (90_000_000, "INFO", "ext-prover", "ext/prover.go:36", "WindowPoSt ext prover constructed"),
            (
                120_000_000,
                "DEBUG",
                "commitmgr",
                "commitmgr/commitmgr.go:410",
                "previous sectors loaded\t{\"count\": 6}",
            ),
            (
                121_000_000,
                "INFO",
                "commitmgr",
                "commitmgr/commitmgr.go:255",
                "pending loop start\t{\"loop\": \"pre\"}",
            ),
            (
                121_500_000,
                "INFO",
                "commitmgr",
                "commitmgr/commitmgr.go:289",
                "pending loop start\t{\"loop\": \"pro\"}",
            ),
            (300_000_000, "DEBUG", "poster", "poster/poster.go:149", "channel established"),
        ] {
            self.say(at + after, level, logger, caller, message);
        }
    }

    fn answer(&mut self, call: &Call) {
        let at = call.at.saturating_sub(1_500_000);
        let sector = call.sector;
        match call.method {
            method if !call.known => self.unknown(at, method),
            "AllocateSector" => {
                let message = format!("allocated\t{{\"miner\": 1000, \"sector\": {sector}}}");
                self.say(at, "INFO", "sealing", "sealer/sealer.go:117", &message);
                let message = format!(
                    "no deals for the sector: key not found\t{{\"miner\": 1000, \"sector\": {sector}}}"
                );
                self.say(at + 60_000_000, "WARN", "sealing", "sealer/sealer.go:170", &message);
            }
            "SubmitPreCommit" => self.message(at, sector, "pre-commit", 24 * MINUTE),
            "SubmitProof" => self.message(at, sector, "commit", 18 * MINUTE),
            _ => {}
        }
    }

    fn unknown(&mut self, at: u64, method: &str) {
        let message =
            format!("error in RPC call to 'Venus.{method}': error code 11001: sector state not found");
        let line = self.line(at, "WARN", "rpc", "go-jsonrpc@v0.1.5/handler.go:373", &message);
        self.log.plant(at, "sector-state-not-found", line);
    }

    /// A message to the chain and the manager's patience with it.
    fn message(&mut self, at: u64, sector: u32, stage: &str, lands: u64) {
        let fields = format!("{{\"miner\": 1000, \"stage\": \"{stage}\"}}");
        let cid = format!("bafy2bzace{}", self.dice.base32(52));
        let batcher = "commitmgr/batcher.go:66";
        self.say(
            at,
            "INFO",
            "commitmgr",
            batcher,
            &format!("new sector reaches, checking processlist\t{fields}"),
        );
        let mut now = at + 20 * SECOND;
        let processed = "{\"len\": 1, \"full\": false, \"manual\": false, \"all\": 1, \"tick\": true}";
        let will = format!("will process sectors\t{processed}");
        self.say(now, "DEBUG", "commitmgr", "commitmgr/batcher.go:102", &will);
        now += self.dice.about(900_000_000);
        let sent =
            format!("message sent\t{{\"sector\": {sector}, \"stage\": \"{stage}\", \"mcid\": \"{cid}\"}}");
        self.say(now, "INFO", "commitmgr", "commitmgr/commitmgr.go:165", &sent);
        let finished = format!("Process sectors [{sector}] finished\t{fields}");
        self.say(now + 70_000_000, "INFO", "commitmgr", "commitmgr/commitmgr.go:105", &finished);
        while now < at + lands {
            now += 30 * SECOND;
            let fields = format!("{{\"sector\": {sector}, \"msg-cid\": \"{cid}\", \"stage\": \"{stage}\"}}");
            self.say(
                now,
                "DEBUG",
                "commitmgr",
                "commitmgr/commitmgr.go:322",
                &format!("poll start\t{fields}"),
            );
            let took = self.dice.about(45_000_000);
            let message = format!("poll finished\t{fields}");
            self.say(now + took, "DEBUG", "commitmgr", "commitmgr/commitmgr.go:356", &message);
        }
        let fields = format!("{{\"sector\": {sector}, \"msg-cid\": \"{cid}\"}}");
        self.say(
            now + SECOND,
            "DEBUG",
            "commitmgr",
            "commitmgr/commitmgr.go:776",
            &format!("handle message receipt\t{fields}"),
        );
    }

    fn database(&mut self, at: u64) {
        let message = "Running for level: 0";
        self.say(at, "INFO", "badger", "v2@v2.2007.3/levels.go:1000", message);
        let message = "LOG Compact 0->1, del 5 tables, add 1 tables, took 41.2ms";
        self.say(at + 41_000_000, "INFO", "badger", "v2@v2.2007.3/levels.go:962", message);
    }

    /// A deadline of the proving period: it opens a minute past the half hour.
    fn deadline(&mut self, half_hour: u64) {
        let open = half_hour * 30 * MINUTE + MINUTE;
        let index = (40 + half_hour) % 48;
        let epoch = 2_464_322 + half_hour * 60;
        let of = format!(
            "\"mid\": 1000, \"ddl-idx\": {index}, \"ddl-open\": {epoch}, \"ddl-close\": {}",
            epoch + 60
        );
        self.say(open, "DEBUG", "poster", "poster/poster.go:392", &format!("init deadline runner\t{{{of}}}"));
        let stage = format!("{of}, \"stage\": \"gen-post\", \"batch-idx\": 0, \"attempt\": 0");
        let mut at = open + self.dice.about(9 * SECOND);
        let good = format!("Checked sectors\t{{{stage}, \"checked\": 2349, \"good\": 2349}}");
        self.say(at, "WARN", "poster", "poster/runner.go:713", &good);
        at += self.dice.about(400_000_000);
        let random = self.dice.base32(32);
        let running =
            format!("running window post\t{{{stage}, \"chain-random\": \"{random}\", \"skipped\": 0}}");
        self.say(at, "INFO", "poster", "poster/runner.go:322", &running);
        if half_hour == STARVED {
            at = self.starve(at, &stage);
        } else {
            at = self.prove(at, half_hour);
        }
        let elapsed = (at - open) / SECOND;
        let computed = format!("computing window post\t{{{stage}, \"elapsed\": {elapsed}.0}}");
        self.say(at, "INFO", "poster", "poster/runner.go:335", &computed);
        if half_hour == STARVED {
            let message = format!(
                "attempt to generate window post proof: running window post failed: Too many open files (os error 24)\t{{{stage}}}"
            );
            let line = self.line(at + 80_000, "ERROR", "poster", "poster/runner.go:426", &message);
            self.log.plant(at + 80_000, "too-many-open-files", line);
        }
        self.say(
            at + 200_000,
            "INFO",
            "poster",
            "poster/runner.go:428",
            &format!("partition batch done\t{{{stage}}}"),
        );
        if half_hour != STARVED {
            self.submit(at + 31 * SECOND, &of);
        }
        let close = open + 30 * MINUTE + 4 * SECOND;
        self.say(
            close,
            "DEBUG",
            "poster",
            "poster/poster.go:326",
            &format!("abort and cleanup deadline runner\t{{{of}}}"),
        );
    }

    /// The child that proves shares the manager's stderr.
    fn prove(&mut self, at: u64, id: u64) -> u64 {
        let spans = format!("sub{{name=window_post pid=29877}}:request{{id={id} size=512884}}");
        let proofs = "filecoin_proofs::api::window_post";
        let child = |at: u64, message: &str| {
            format!("{}  INFO ThreadId(08) {spans}: {proofs}: {message}", worker_time(at))
        };
        self.log.write(at + 3_141_592, child(at + 3_141_592, "generate_window_post:start"));
        let end = at + self.dice.about(6 * MINUTE);
        self.log.write(end, child(end, "generate_window_post:finish"));
        end + 20_000_000
    }

    /// The same with 1024 descriptors: the replicas it cannot open, then the proof it cannot make.
    fn starve(&mut self, at: u64, stage: &str) -> u64 {
        let mut at = at + self.dice.about(2 * SECOND);
        for sector in [412, 413, 417] {
            let file = format!("/mnt/mass-01/cache/s-t01000-{sector}/p_aux");
            let message = format!("open {file}: too many open files\t{{{stage}}}");
            let line = self.line(at, "WARN", "objstore-fs", "filestore/store.go:141", &message);
            self.log.plant(at, "too-many-open-files", line);
            at += self.dice.about(30_000_000);
        }
        at + self.dice.about(3 * SECOND)
    }

    fn submit(&mut self, at: u64, of: &str) {
        let uid = format!("bafy2bzace{}", self.dice.base32(52));
        let fields = format!("{{{of}, \"stage\": \"submit-post\", \"posts\": 1, \"msg-id\": \"{uid}\"}}");
        self.say(
            at,
            "INFO",
            "poster",
            "poster/runner.go:187",
            &format!("Submitted window post: {uid}\t{fields}"),
        );
        let landed = at + self.dice.about(2 * MINUTE);
        let succeeded = format!("window post message succeeded: {uid}\t{fields}");
        self.say(landed, "INFO", "poster", "poster/runner.go:197", &succeeded);
    }
}
