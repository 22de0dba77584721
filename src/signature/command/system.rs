//! Programs of the system: which of them only look, and which wait for a person.
//!
//! What is not known to only look counts as changing something: a list of all that changes could never be complete.

/// What a command does, as far as its words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It looks.
    Looks,
    /// It changes something, or is not known to look only.
    Changes,
    /// It waits for a person: an editor, a pager, a prompt.
    Waits,
}

/// When a program only looks.
enum Looks {
    /// Whatever its arguments are.
    Always,
    /// Unless one of these stands among its arguments; an option also with its value behind `=`, or as one letter among
    /// several.
    Unless(&'static [&'static str]),
    /// If its first argument that is no option is one of these, or it has none and `""` is one of them.
    Doing(&'static [&'static str]),
    /// If one of these stands among its arguments.
    With(&'static [&'static str]),
}

use Looks::{Always, Doing, Unless, With};

#[rustfmt::skip]
const LOOKING: &[(&[&str], Looks)] = &[
    (&[
        "cat", "zcat", "zstdcat", "xzcat", "bzcat", "grep", "egrep", "fgrep", "zgrep", "head", "tail", "tac", "sort", "uniq",
        "wc", "cut", "tr", "awk", "jq", "column", "comm", "join", "paste", "seq", "echo", "printf", "test", "[", "true", "false",
        "ls", "stat", "df", "du", "file", "readlink", "realpath", "basename", "dirname", "namei", "getfattr", "getfacl", "lsattr",
        "md5sum", "sha1sum", "sha256sum", "b2sum", "cksum", "cmp", "diff", "strings", "od", "xxd", "hexdump", "readelf", "objdump",
        "nm", "ldd", "findmnt", "lsblk", "blkid", "lscpu", "lspci", "lsusb", "lsmod", "modinfo", "lsof", "lslocks", "lsns", "ps", "pgrep", "pidof",
        "pstree", "ss", "netstat", "free", "uptime", "uname", "nproc", "getconf", "id", "who", "w", "last", "getent", "host", "dig", "nslookup",
        "ping", "tracepath", "traceroute", "vmstat", "iostat", "mpstat", "nfsstat", "nfsiostat", "rpcinfo", "showmount", "dumpe2fs",
        "xfs_info", "dmidecode", "cd", "read", "sleep", "nc", "pwdx", "numastat", "size", "repquota", "quota", "hwloc-info", "hwloc-ls", "clinfo", "zipinfo", "tty", "locale", "lstopo", "which", "command", "type", "ulimit", "zstd", "mountstats",
    ], Always),
    (&["find"], Unless(&["-delete", "-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fprintf", "-fls"])),
    (&["sed"], Unless(&["-i", "--in-place"])),
    (&["dmesg"], Unless(&["-C", "-c", "--clear", "--read-clear", "-n", "--console-level", "-D", "-E"])),
    (&["journalctl"], Unless(&["--vacuum-size", "--vacuum-time", "--vacuum-files", "--rotate", "--flush", "--sync"])),
    (&["date", "hostname"], Unless(&["-s", "--set"])),
    (&["fuser"], Unless(&["-k", "--kill"])),
    (&["curl"], Unless(&["-X", "--request", "-d", "--data", "-T", "--upload-file", "-O", "-F", "-K", "--config"])),
    (&["nvidia-smi"], Unless(&[
        "-r", "--gpu-reset", "-pl", "--power-limit", "-pm", "--persistence-mode", "-c", "--compute-mode", "-lgc", "-rgc", "-lmc", "-rmc", "-e",
        "--ecc-config", "-p", "--reset-ecc-errors", "-mig", "--multi-instance-gpu", "-l", "--loop",
    ])),
    (&["ethtool"], Unless(&["-s", "-K", "-G", "-A", "-C", "-L", "-r", "-p", "-t"])),
    (&["sysctl"], Unless(&["-w", "--write", "-p", "--load", "--system"])),
    (&["prlimit"], Unless(&["--nofile=", "--memlock=", "--nproc="])),
    (&["smartctl"], Unless(&["-t", "--test", "-s", "--smart", "-o", "--offlineauto", "-S", "--saveauto", "-X", "--abort"])),
    (&["mdadm"], With(&["--detail", "-D", "--examine", "-E", "--detail-platform"])),
    (&["numactl"], With(&["-H", "--hardware", "-s", "--show"])),
    (&["fsck", "e2fsck", "fsck.ext4", "xfs_repair", "btrfsck"], With(&["-n"])),
    (&["tune2fs"], With(&["-l"])),
    (&["taskset"], With(&["-p", "-cp", "-pc"])),
    (&["swapon"], With(&["--show", "-s"])),
    (&["exportfs"], With(&["-s", "-v"])),
    (&["iptables", "ip6tables"], With(&["-L", "-S", "-nL", "-vnL"])),
    (&["ras-mc-ctl"], With(&["--summary", "--errors", "--error-count", "--layout", "--status", "--mainboard"])),
    (&["python3"], With(&["--version", "json.tool"])),
    (&["strip", "make", "openssl"], With(&["--version"])),
    (&["mount"], Doing(&[""])),
    (&["env", "printenv"], Doing(&[""])),
    (&["systemctl"], Doing(&[
        "status", "show", "cat", "is-active", "is-enabled", "is-failed", "list-units", "list-unit-files", "list-timers", "list-dependencies",
    ])),
    (&["timedatectl"], Doing(&["", "status", "show", "timesync-status", "show-timesync"])),
    (&["chronyc"], Doing(&["tracking", "sources", "sourcestats", "activity", "ntpdata", "clients"])),
    (&["ntpq"], Always),
    (&["resolvectl"], Doing(&["", "status", "query", "statistics"])),
    (&["ip"], Doing(&["addr", "address", "a", "route", "r", "link", "l", "neigh", "rule"])),
    (&["nvme"], Doing(&["list", "list-subsys", "smart-log", "error-log", "id-ctrl", "id-ns", "get-feature", "fw-log", "self-test-log", "show-regs"])),
    (&["zpool"], Doing(&["status", "list", "iostat", "events", "get", "history"])),
    (&["zfs"], Doing(&["list", "get"])),
    (&["lvs", "vgs", "pvs", "multipath", "dmsetup"], Doing(&[""])),
    (&["ceph"], Doing(&["-s", "status", "health", "osd", "mds"])),
    (&["ipmitool"], Doing(&["sel", "sdr", "sensor", "fru", "mc"])),
    (&["coredumpctl"], Doing(&["", "list", "info"])),
    (&["mcelog"], With(&["--client"])),
    (&["mongosh"], With(&["db.hello()", "db.stats()", "rs.status()"])),
    (&["nft"], Doing(&["list"])),
    (&["docker", "podman", "crictl"], Doing(&["ps", "logs", "inspect", "images", "stats", "info"])),
    (&["sealtail"], Doing(&["check", "explain", "patterns", "replay", "doctor", "outbox", "state", "--version"])),
    (&["loginctl"], Doing(&["", "list-sessions", "show-user", "user-status"])),
];

/// Words behind the first that make one that would look change something.
const CHANGING: [(&str, &[&str]); 6] = [
    ("sealtail", &["retry", "drop", "reset", "--send-test"]),
    ("ip", &["add", "del", "delete", "set", "change", "replace", "flush"]),
    ("ipmitool", &["clear", "set", "reset", "cold", "warm"]),
    ("ceph", &["rm", "destroy", "purge", "out", "in", "down", "set", "fail", "repair"]),
    ("multipath", &["-F", "-f", "-r"]),
    ("dmsetup", &["remove", "create", "reload"]),
];

/// Programs that wait for a person.
const WAITING: [&str; 19] = [
    "vi", "vim", "nano", "emacs", "less", "more", "man", "top", "htop", "atop", "iotop", "nvtop", "watch",
    "visudo", "passwd", "ssh", "tmux", "screen", "info",
];

/// What runs the command behind it, and how many of its own arguments come before that.
const WRAPPERS: [(&str, usize); 8] = [
    ("sudo", 0),
    ("time", 0),
    ("nice", 0),
    ("ionice", 0),
    ("nohup", 0),
    ("xargs", 0),
    ("env", 0),
    ("timeout", 1),
];

/// Options of wrappers with a value of their own behind them.
const WRAPPER_OPTIONS: [&str; 7] = ["-n", "-c", "-I", "-P", "-k", "-s", "-u"];

/// The command without what runs it: `timeout 5 nvidia-smi` is `nvidia-smi`. Gives the number of words left out.
pub fn unwrapped(words: &[&str]) -> usize {
    let mut at = 0;
    while let Some((_, arguments)) =
        words.get(at).and_then(|word| WRAPPERS.iter().find(|(name, _)| name == word))
    {
        let mut next = at + 1;
        while let Some(word) = words.get(next).filter(|word| word.starts_with('-') || word.contains('=')) {
            next += if WRAPPER_OPTIONS.contains(word) { 2 } else { 1 };
        }
        next += arguments;
        if next >= words.len() {
            break;
        }
        at = next;
    }
    at
}

/// What the command does; `piped` says that its output goes on into a pipe.
pub fn effect(words: &[&str], piped: bool) -> Effect {
    let Some((program, arguments)) = words.split_first() else { return Effect::Looks };
    let pages = |without: &str| !piped && !arguments.contains(&without);
    let waits = WAITING.contains(program)
        || (*program == "journalctl" && pages("--no-pager"))
        || (*program == "systemctl" && arguments.contains(&"edit"))
        || (*program == "systemctl" && arguments.contains(&"status") && pages("--no-pager"))
        || (*program == "crontab" && arguments.contains(&"-e"))
        || arguments.iter().any(|argument| matches!(*argument, "-f" | "--follow") && is_follower(program));
    if waits {
        return Effect::Waits;
    }
    if looks(program, arguments) { Effect::Looks } else { Effect::Changes }
}

/// Whether the program only looks with these arguments.
fn looks(program: &str, arguments: &[&str]) -> bool {
    let Some((_, rule)) = LOOKING.iter().find(|(programs, _)| programs.contains(&program)) else {
        return false;
    };
    let has =
        |options: &[&str]| arguments.iter().any(|it| options.iter().any(|option| is_option(it, option)));
    let looks = match rule {
        Always => true,
        Unless(options) => !has(options),
        With(options) => has(options),
        Doing(actions) => {
            let action = arguments.iter().find(|argument| !argument.starts_with('-')).unwrap_or(&"");
            actions.contains(action) || arguments.first().is_some_and(|it| actions.contains(it))
        }
    };
    let changing = CHANGING.iter().find(|(name, _)| *name == program).map_or(&[][..], |(_, words)| words);
    let changes = arguments.iter().any(|argument| changing.contains(argument))
        || (program == "sysctl" && arguments.iter().any(|argument| argument.contains('=')))
        || (program == "curl" && writes_output(arguments));
    looks && !changes
}

/// Whether `curl` writes what it gets to a file.
fn writes_output(arguments: &[&str]) -> bool {
    let files = arguments.windows(2).filter(|pair| matches!(pair[0], "-o" | "--output")).map(|pair| pair[1]);
    files.into_iter().any(|file| file != "/dev/null")
}

fn is_follower(program: &str) -> bool {
    matches!(program, "tail" | "journalctl" | "dmesg")
}

/// Whether `argument` is the option: itself, `--option=value`, or a letter among several (`-sn`).
fn is_option(argument: &str, option: &str) -> bool {
    if argument == option || (option.ends_with('=') && argument.starts_with(option)) {
        return true;
    }
    if let Some(letter) = option.strip_prefix('-').filter(|rest| rest.len() == 1) {
        let letters = argument.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        return letters.is_some_and(|letters| letters.len() <= 4 && letters.contains(letter));
    }
    option.starts_with("--") && argument.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
}

/// What prints a token, a password or a key: a program and words that stand among its arguments, or files.
const SECRETS: [(&str, &[&str]); 8] = [
    ("sophon-auth", &["token", "list"]),
    ("sophon-auth", &["token", "get"]),
    ("sophon-auth", &["token", "gen"]),
    ("lotus", &["auth", "create-token"]),
    ("lotus", &["auth", "api-info"]),
    ("lotus-miner", &["auth", "api-info"]),
    ("lotus", &["wallet", "export"]),
    ("venus-wallet", &["export"]),
];

/// Whether the command prints a secret, as far as its words tell. Of an environment that is `piped` a part is taken.
pub fn prints_secret(words: &[&str], piped: bool) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let listed = SECRETS
        .iter()
        .any(|(name, needed)| name == program && needed.iter().all(|word| arguments.contains(word)));
    let environment = arguments.iter().any(|argument| argument.ends_with("/environ"))
        || (*program == "systemctl" && arguments.iter().any(|word| word.contains("Environment")))
        || (matches!(*program, "env" | "printenv") && arguments.is_empty());
    listed || (environment && !piped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_do() {
        for (command, effect_of) in [
            ("grep -n x a.log", Effect::Looks),
            ("sed -n 1p a", Effect::Looks),
            ("sed -ni 1p a", Effect::Changes),
            ("find / -name x", Effect::Looks),
            ("find / -name x -delete", Effect::Changes),
            ("systemctl show -p MainPID x", Effect::Looks),
            ("systemctl restart x", Effect::Changes),
            ("systemctl edit x", Effect::Waits),
            ("systemctl status x", Effect::Waits),
            ("systemctl status --no-pager x", Effect::Looks),
            ("journalctl -u x", Effect::Waits),
            ("journalctl --no-pager -u x", Effect::Looks),
            ("journalctl --no-pager --vacuum-size=1G", Effect::Changes),
            ("tail -f a.log", Effect::Waits),
            ("sysctl vm.max_map_count", Effect::Looks),
            ("sysctl -w vm.max_map_count=1", Effect::Changes),
            ("sysctl vm.max_map_count=1", Effect::Changes),
            ("mdadm --detail /dev/md0", Effect::Looks),
            ("mdadm --manage /dev/md0 --remove /dev/sda", Effect::Changes),
            ("xfs_repair -n /dev/sda", Effect::Looks),
            ("xfs_repair /dev/sda", Effect::Changes),
            ("nvidia-smi -q", Effect::Looks),
            ("nvidia-smi -pl 250", Effect::Changes),
            ("ip -br addr", Effect::Looks),
            ("ip link set eth0 down", Effect::Changes),
            ("mount", Effect::Looks),
            ("mount -o remount,rw /x", Effect::Changes),
            ("smartctl -a /dev/sda", Effect::Looks),
            ("smartctl -t short /dev/sda", Effect::Changes),
            ("some-unknown-program", Effect::Changes),
            ("less a.log", Effect::Waits),
            ("sealtail outbox list", Effect::Looks),
            ("sealtail outbox drop --all", Effect::Changes),
            ("timedatectl", Effect::Looks),
            ("timedatectl set-ntp true", Effect::Changes),
            ("swapon --show", Effect::Looks),
            ("rm -f x", Effect::Changes),
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            assert_eq!(effect(&words, false), effect_of, "{command}");
        }
        assert_eq!(effect(&["journalctl", "-u", "x"], true), Effect::Looks, "into a pipe it does not wait");
    }

    #[test]
    fn what_runs_another_command_is_taken_off() {
        for (command, rest) in [
            ("timeout 5 nvidia-smi -q", "nvidia-smi -q"),
            ("timeout -k 1 5 nvidia-smi", "nvidia-smi"),
            ("sudo nice -n 10 rm x", "rm x"),
            ("env A=b xargs -n 1 kill", "kill"),
            ("xargs -0 rm", "rm"),
            ("env", "env"),
            ("ls", "ls"),
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            assert_eq!(words[unwrapped(&words)..].join(" "), rest, "{command}");
        }
    }

    #[test]
    fn what_prints_secrets() {
        for (command, secret) in [
            ("sophon-auth token list", true),
            ("sophon-auth user list", false),
            ("lotus auth api-info --perm admin", true),
            ("cat /proc/1/environ", true),
            ("systemctl show -p Environment x", true),
            ("systemctl show -p MainPID x", false),
            ("env", true),
        ] {
            assert_eq!(prints_secret(&command.split(' ').collect::<Vec<_>>(), false), secret, "{command}");
        }
        assert!(!prints_secret(&["env"], true), "a part of it is taken");
    }
}
