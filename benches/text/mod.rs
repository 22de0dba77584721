//! The logs that are measured, made up by rule: the same arguments always give the same bytes.
//!
//! [`Kind::Sealing`] is what a sealing box writes: the worker, its processors and the manager. The
//! engine was tuned on text of this kind. [`Kind::Other`] is what other programs write; no choice was
//! made on it. Into both, lines with an anchor are planted.

use std::io::{self, Write};

/// What the lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines of worker and manager.
    Sealing,
    /// Web server, kernel, databases, Java.
    Other,
}

/// `#` stands for a number, `~` for a word of an identifier, `@` for the time, `^` for the time as zap writes it.
const SEALING: &[&str] = &[
    "@+08:00 DEBUG ThreadId(##) module{name=\"worker-ping\"}: venus_worker::sealing::ping: ping elapsed=#.###ms",
    "@+08:00 DEBUG ThreadId(##) storage_proofs_porep::stacked::vanilla::create_label::multi: binding core in producer thread #",
    "@+08:00  INFO ThreadId(##) storage_proofs_porep::stacked::vanilla::create_label::multi: created label runner",
    "@+08:00 DEBUG ThreadId(##) sub{name=pc1 pid=#####}:request{id=## size=####}: storage_proofs_porep::stacked::vanilla::create_label::multi: PRODUCER NOT READY: ## times",
    "@+08:00  INFO ThreadId(##) sub{name=pc2 pid=#####}:request{id=## size=####}: storage_proofs_porep::stacked::vanilla::proof: persisting base tree_r_last #/# of length #######",
    "@+08:00  INFO ThreadId(##) sub{name=pc1 pid=#####}:request{id=## size=####}: storage_proofs_porep::stacked::vanilla::create_label::multi:   storing labels on disk",
    "@+08:00  INFO ThreadId(##) sub{name=pc1 pid=#####}:request{id=## size=####}: storage_proofs_porep::stacked::vanilla::create_label::multi:   generated layer ## store with id layer-##",
    "@+08:00 DEBUG ThreadId(##) sub{name=c2 pid=#####}:request{id=## size=#####}: bellperson::gpu::locks: GPU lock acquired!",
    "@+08:00 DEBUG ThreadId(##) module{name=\"worker-#\"}:seal{miner=Some(1000) sector=Some(####) event=Some(SubmitPC)}:handle{prev=PC2Done current=PCSubmitted}: venus_worker::sealing::worker::task::planner::sealer: waiting for next round of polling pre commit state",
    "@+08:00 DEBUG ThreadId(##) module{name=\"worker-#\"}:seal{miner=Some(1000) sector=Some(####) event=Some(PC1)}:handle{prev=TicketAssigned current=PC1Done}: venus_worker::sealing::worker::task: handling",
    "@+08:00 DEBUG ThreadId(##) module{name=\"worker-#\"}:seal{miner=Some(1000) sector=Some(####) event=Some(AssignTicket)}:handle{prev=TreeDBuilt current=TicketAssigned}: vc_processors::core::ext::producer: request done: ##",
    "@+08:00 DEBUG ThreadId(##) vc_processors::core::ext::producer: response received id=## size=####",
    "@+08:00 DEBUG ThreadId(##) sub{name=pc1 pid=#####}: vc_processors::core::ext::consumer: waiting for new incoming line",
    "@+08:00  INFO ThreadId(##) sub{name=c2 pid=#####}:request{id=## size=#####}: bellperson::groth16::prover: ZK-SNARK proof took #.###s",
    "^+0800\tDEBUG\tcommitmgr\tcommitmgr/commitmgr.go:322\tpoll start\t{\"sector\": ####, \"msg-cid\": \"bafy2bzace~~~~~~~~\", \"stage\": \"pre-commit\"}",
    "^+0800\tDEBUG\tcommitmgr\tcommitmgr/commitmgr.go:356\tpoll finished\t{\"sector\": ####, \"msg-cid\": \"bafy2bzace~~~~~~~~\", \"stage\": \"commit\"}",
    "^+0800\tINFO\tposter\tposter/runner.go:428\tpartition batch done\t{\"mid\": 1000, \"ddl-idx\": ##, \"ddl-open\": 2464802, \"ddl-close\": 2464862, \"stage\": \"gen-post\", \"batch-idx\": #, \"attempt\": #}",
    "^+0800\tWARN\tposter\tposter/runner.go:713\tChecked sectors\t{\"mid\": 1000, \"ddl-idx\": ##, \"ddl-open\": 2464802, \"ddl-close\": 2464862, \"stage\": \"gen-post\", \"batch-idx\": #, \"attempt\": #, \"checked\": 2349, \"good\": 2349}",
    "^+0800\tINFO\tbadger\tv2@v2.2007.3/levels.go:962\tLOG Compact #->#, del # tables, add # tables, took ###.###ms",
    "^+0800\tDEBUG\tcommitmgr\tcommitmgr/batcher.go:102\twill process sectors\t{\"len\": #, \"full\": false, \"manual\": false, \"all\": #, \"tick\": true}",
];

const OTHER: &[&str] = &[
    "10.#.##.### - - [24/Jun/2022:14:33:##] \"GET /api/v2/items/####?page=#&sort=name HTTP/1.1\" 200 #### \"https://shop.example/catalogue\" \"Mozilla/5.0 (X11; Linux x86_64; rv:101.0) Gecko/20100101 Firefox/101.0\"",
    "10.#.##.### - ~ [24/Jun/2022:14:33:##] \"POST /login HTTP/2.0\" 302 ### \"-\" \"curl/7.#.#\"",
    "Jun 24 14:33:## host-# kernel: [#####.######] eth#: link becomes ready",
    "Jun 24 14:33:## host-# sshd[####]: Accepted publickey for ~ from 10.#.#.## port ##### ssh2: ED25519 SHA256:~~~~~~",
    "Jun 24 14:33:## host-# systemd[1]: session-###.scope: Succeeded.",
    "2022-06-24 14:33:##.### UTC [#####] LOG:  checkpoint complete: wrote #### buffers (#.#%); 0 WAL file(s) added, # removed, # recycled; write=##.### s, sync=0.### s, total=##.### s",
    "2022-06-24 14:33:##,### INFO  [http-nio-8080-exec-#] org.example.orders.OrderService - order #### of customer ~ confirmed in ## ms",
    "2022-06-24 14:33:##,### DEBUG [scheduler-#] org.hibernate.SQL - select order0_.id as id1_0_, order0_.total as total2_0_ from orders order0_ where order0_.id=?",
    "\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:###)",
    "{\"ts\":\"2022-06-24T14:33:##.###Z\",\"lvl\":\"info\",\"svc\":\"cart\",\"msg\":\"reserved\",\"trace\":\"~~~~\",\"items\":#,\"ms\":##}",
    "081109 20#### ## INFO dfs.DataNode$PacketResponder: PacketResponder # for block blk_############ terminating",
    "[Sun Jun 24 14:33:## 2022] [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties",
    "I0624 14:33:##.######    #### controller.go:###] sync of default/~-~ took #.###ms, queue depth #",
    "time=\"2022-06-24T14:33:##Z\" level=warning msg=\"slow request\" method=PUT path=/objects/~~ took=#.###s",
];

/// Writes at least `bytes` bytes of lines; every `every`th has an anchor of `planted`, in turn.
/// Returns how many have.
pub fn write(
    out: &mut impl Write,
    kind: Kind,
    bytes: u64,
    every: u64,
    planted: &[String],
) -> io::Result<u64> {
    let templates = if kind == Kind::Sealing { SEALING } else { OTHER };
    let mut dice = Dice(0x5ea1_7a11);
    let mut line = Vec::new();
    let (mut written, mut number, mut count) = (0, 0_u64, 0);
    while written < bytes {
        line.clear();
        number += 1;
        if number.is_multiple_of(every) && !planted.is_empty() {
            let anchor = &planted[count as usize % planted.len()];
            time(&mut line, number, 9);
            write!(line, "+08:00 ERROR ThreadId(42) venus_worker::sealing: {anchor}")?;
            count += 1;
        } else {
            let template = templates[dice.below(templates.len() as u64) as usize];
            fill(&mut line, template, number, &mut dice);
        }
        line.push(b'\n');
        written += line.len() as u64;
        out.write_all(&line)?;
    }
    Ok(count)
}

fn time(line: &mut Vec<u8>, number: u64, digits: u32) {
    let (day, second) = (1 + number / 4_000_000 % 28, number / 50 % 86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let nanos = number % 50 * 20_000_000 + 1_357_911;
    let (width, fraction) = (digits as usize, nanos / 10_u64.pow(9 - digits));
    // Writing to memory does not fail.
    let _ = write!(line, "2022-06-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:0width$}");
}

fn fill(line: &mut Vec<u8>, template: &str, number: u64, dice: &mut Dice) {
    for byte in template.bytes() {
        match byte {
            b'#' => line.push(b'0' + dice.below(10) as u8),
            b'~' => {
                (0..6).for_each(|_| line.push(b"abcdefghijklmnopqrstuvwxyz234567"[dice.below(32) as usize]))
            }
            b'@' => time(line, number, 9),
            b'^' => time(line, number, 3),
            byte => line.push(byte),
        }
    }
}

/// `count` anchors such as a catalogue may have, of 12 to 60 bytes: the shortest decide how fast they
/// are found. They share their words with the log.
pub fn anchors(count: usize) -> Vec<String> {
    const VERBS: [&str; 10] = [
        "open",
        "load",
        "persist",
        "verify",
        "commit",
        "unmarshal",
        "acquire",
        "replicate",
        "seal",
        "submit",
    ];
    const NOUNS: [&str; 20] = [
        "sector",
        "piece file",
        "parent cache",
        "tree_r_last",
        "label runner",
        "ticket",
        "pre-commit message",
        "response",
        "proof",
        "GPU lock",
        "store",
        "session",
        "deadline",
        "partition",
        "badger table",
        "worker state",
        "request",
        "seed",
        "replica",
        "snapshot",
    ];
    const ENDS: [&str; 10] = [
        "not found",
        "timed out",
        "no space left",
        "is locked by another process",
        "is not valid",
        "was refused",
        "has the wrong length",
        "permission denied",
        "connection reset",
        "must not be empty",
    ];
    let mut dice = Dice(7);
    let mut anchors = Vec::new();
    for number in 0..count {
        let (verb, noun, end) = (number % 10, number / 10 % 20, number / 200 % 10);
        // Numbers above the products of the lists tell the rest apart.
        let code = if number < 2000 { String::new() } else { format!(" E{number}") };
        let text = match dice.below(4) {
            _ if number % 12 == 11 => format!("no {} #{number:04}", &NOUNS[noun][..NOUNS[noun].len().min(9)]),
            0 => format!("failed to {} {}: {}{code}", VERBS[verb], NOUNS[noun], ENDS[end]),
            1 => format!("{} {}: {} while sealing{code}", VERBS[verb], NOUNS[noun], ENDS[end]),
            2 => format!(
                "{noun} {end}: {verb} again, code {number}",
                noun = NOUNS[noun],
                end = ENDS[end],
                verb = VERBS[verb]
            ),
            _ => format!("cannot {} the {}, it {}{code}", VERBS[verb], NOUNS[noun], ENDS[end]),
        };
        anchors.push(text);
    }
    anchors
}

/// Pseudo-random numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_shr(32) % bound
    }
}
