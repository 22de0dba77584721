//! Commands of the cluster's programs that only look. Every other one counts as changing something.

/// Where output ends without a trace.
pub fn is_sink(file: &str) -> bool {
    file == "/dev/null" || file.bytes().all(|byte| byte.is_ascii_digit())
}

#[rustfmt::skip]
const LOOKING: &[(&str, &[&str])] = &[
    ("damocles-worker", &["worker list"]),
    ("damocles-worker-util", &["hwinfo", "sealcalc"]),
    ("damocles-manager", &[
        "util chain head", "util chain pci", "util message search", "util message list", "util miner info", "util market released list",
        "util sealer actor balance", "util sealer actor control list", "util sealer proving check", "util sealer proving deadline",
        "util sealer proving deadlines", "util sealer proving faults", "util sealer proving info", "util sealer proving sector-info",
        "util sealer sectors list", "util sealer sectors state", "util sealer sectors deals", "util sealer sectors expired",
        "util sealer sectors check-expire", "util sealer sectors export", "util storage find", "util storage list",
        "util worker info", "util worker list", "util worker wdpost list", "util sealer sectors state export-json",
    ]),
    ("lotus", &[
        "chain head", "chain list", "chain get-block", "chain gas-price", "info", "log list", "mpool pending", "mpool stat", "mpool find",
        "mpool gas-perf", "msig inspect", "net id", "net listen", "net peers", "net reachability", "net scores", "net bandwidth",
        "state active-sectors", "state get-actor", "state get-deal", "state list-actors", "state lookup", "state market", "state miner-info",
        "state miner-proving-deadline", "state network-version", "state power", "state read-state", "state search-msg", "state sector",
        "state sector-size", "state sectors", "state exec-trace", "state replay", "state wait-msg", "status", "sync check-bad", "sync status",
        "sync wait", "version", "wallet balance", "wallet default", "wallet list", "wallet has",
    ]),
    ("lotus-miner", &[
        "actor control list", "info", "info all", "log list", "proving check", "proving deadline", "proving deadlines", "proving faults",
        "proving info", "sealing jobs", "sealing sched-diag", "sealing workers", "sectors batching commit", "sectors batching precommit",
        "sectors check-expire", "sectors expired", "sectors list", "sectors numbers info", "sectors numbers reservations", "sectors refs",
        "sectors status", "storage find", "storage list", "storage list sectors", "storage locks",
    ]),
    ("lotus-worker", &["info"]),
    ("sophon-messager", &[
        "msg search", "msg list", "msg list-fail", "msg list-blocked", "msg wait", "address search", "address list", "actor list", "node list",
        "node search", "share-params get", "log level",
    ]),
    ("sophon-gateway", &["miner list", "miner state", "wallet list", "wallet listWallet", "wallet state", "market list", "market state"]),
    ("sophon-auth", &["user get", "user list", "user has", "user miner list", "user miner has", "user rate-limit get", "token list", "token get"]),
    ("sophon-miner", &["address list", "address state", "record query"]),
    ("venus", &["sync status", "chain head", "chain ls", "chain list", "mpool pending", "mpool find", "swarm peers", "swarm id", "wallet balance", "wallet ls", "state list-actor", "state sector", "info", "version"]),
    ("venus-wallet", &["list", "balance", "default", "lock-state", "support", "has", "record", "strategy list"]),
    ("droplet", &["storage-deal list", "retrieval-deal list", "pieces list-pieces", "storage-deals list", "actor list", "actor info"]),
    ("curio", &["info", "test window-post task", "proofs", "version"]),
];

/// Whether the command at `path` of `program`, with these words, only looks.
pub fn looks(program: &str, path: &str, words: &[&str]) -> bool {
    let asks = words.iter().any(|word| matches!(*word, "--help" | "-h" | "--version"));
    let known = LOOKING.iter().find(|(name, _)| *name == program);
    asks || known.is_some_and(|(_, paths)| paths.contains(&path))
}
