//! A folder with logs and a configuration, and the program that follows them.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::tally::{Layout, Tally};

/// The longest that nothing may happen while something has to.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often a test looks.
pub const PACE: Duration = Duration::from_millis(20);

/// What the kernel tells processor time in, a second: the same on all Linux machines.
const TICKS: f64 = 100.0;

/// A folder with `log/` and a configuration that follows `log/*.log`.
pub struct Rig {
    folder: TempDir,
}

impl Rig {
    pub fn new() -> Rig {
        Rig::following(&["log/*.log"])
    }

    pub fn following(globs: &[&str]) -> Rig {
        let rig = Rig { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(rig.path("log")).unwrap();
        let pages = rig.path("packs/real");
        fs::create_dir_all(&pages).unwrap();
        fs::write(pages.join("rows.md"), include_str!("rows.md")).unwrap();
        fs::write(pages.join("columns.md"), include_str!("columns.md")).unwrap();
        let settings = format!(
            "state_dir = \"state\"\npacks = [\"packs\"]\n\n\
             [[source]]\nname = \"worker\"\npaths = {globs:?}\nstart = \"beginning\"\nhold = \"100ms\"\n\n\
             [alert]\nresolve_after = \"1s\"\ncontext_lines = 0\n"
        );
        fs::write(rig.path("sealtail.toml"), settings).unwrap();
        rig
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds to the configuration.
    pub fn add(&self, settings: &str) {
        let mut file = OpenOptions::new().append(true).open(self.path("sealtail.toml")).unwrap();
        file.write_all(settings.as_bytes()).unwrap();
    }

    pub fn watch(&self) -> Watching {
        self.watch_under(&[])
    }

    /// Watches by way of another command: `taskset -c 0`, a shell that sets a limit.
    pub fn watch_under(&self, command: &[&str]) -> Watching {
        Watching::start(self.command(command), &self.path(""))
    }

    /// The program that watches, by way of another command.
    pub fn command(&self, under: &[&str]) -> Command {
        let program = std::env::var("SEALTAIL_TEST_BINARY");
        let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_sealtail").to_owned());
        // The program runs elsewhere.
        let program = fs::canonicalize(&program).unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut words: Vec<&str> = under.to_vec();
        words.extend([program.to_str().unwrap(), "watch", "--json", "--config"]);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(self.path("sealtail.toml")).env("TZ", "Asia/Shanghai");
        command
    }
}

/// The program at work; it is killed when this is dropped.
pub struct Watching {
    child: Child,
    heard: RefCell<Heard>,
}

/// What it has said so far.
struct Heard {
    stdout: File,
    stderr: File,
    half: Vec<u8>,
    half_log: Vec<u8>,
    tally: Tally,
    log: String,
}

impl Watching {
    fn start(mut command: Command, folder: &Path) -> Watching {
        let open = |name: &str| {
            let path = folder.join(name);
            (File::create(&path).unwrap(), File::open(&path).unwrap())
        };
        let ((out, stdout), (err, stderr)) = (open("stdout"), open("stderr"));
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        let heard = Heard {
            stdout,
            stderr,
            half: Vec::new(),
            half_log: Vec::new(),
            tally: Tally::default(),
            log: String::new(),
        };
        let watching = Watching { child, heard: RefCell::new(heard) };
        watching.wait("it watches", |watching| watching.log().contains("watching worker"));
        watching
    }

    /// Waits until something is so. Fails if the program ends or a long time goes by.
    pub fn wait(&self, what: &str, is: impl Fn(&Watching) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is(self) {
            assert!(Instant::now() < deadline, "{what}: not after {PATIENCE:?}\n{}", self.log());
            std::thread::sleep(PACE);
        }
    }

    /// Looks at what was said so far.
    pub fn tally<T>(&self, look: impl FnOnce(&Tally) -> T) -> T {
        let mut heard = self.heard.borrow_mut();
        heard.listen();
        look(&heard.tally)
    }

    /// Its own log.
    pub fn log(&self) -> String {
        self.tally(|_| ());
        self.heard.borrow().log.clone()
    }

    /// Waits until these lines were counted, or until a long time brings no more.
    pub fn settle(&self, lines: Range<u64>, layout: Layout) {
        let mut last = (0, Instant::now());
        loop {
            let (lost, _) = self.tally(|tally| tally.off(lines.clone(), layout));
            if lost == 0 {
                return;
            }
            let found = self.tally(Tally::found);
            if found != last.0 {
                last = (found, Instant::now());
            }
            if last.1.elapsed() > PATIENCE {
                return;
            }
            std::thread::sleep(PACE);
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Seconds of processor time.
    pub fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        let (_, stat) = stat.rsplit_once(')').unwrap();
        let ticks = |index: usize| stat.split_whitespace().nth(index).unwrap().parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / TICKS
    }

    /// A figure of `/proc/PID/status` in KiB.
    pub fn memory(&self, name: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Open descriptors.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// What the kernel says of it.
    pub fn proc(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }

    /// Ends it; what it said.
    pub fn stop(mut self) -> (Tally, String) {
        self.signal(Signal::TERM);
        let status = self.child.wait().unwrap();
        let log = self.log();
        assert!(status.success(), "{status}\n{log}");
        (std::mem::take(&mut self.heard.borrow_mut().tally), log)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    fn listen(&mut self) {
        for line in whole_lines(&mut self.stdout, &mut self.half).lines() {
            self.tally.take(&serde_json::from_str(line).unwrap());
        }
        let log = whole_lines(&mut self.stderr, &mut self.half_log);
        log.lines().for_each(|line| self.tally.hear(line));
        self.log.push_str(&log);
    }
}

/// What came since the last time, up to the last newline; the rest waits in `half`.
fn whole_lines(file: &mut File, half: &mut Vec<u8>) -> String {
    let mut bytes = std::mem::take(half);
    file.read_to_end(&mut bytes).unwrap();
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    *half = bytes.split_off(whole);
    String::from_utf8(bytes).unwrap()
}

/// What a test came to, as one line.
pub struct Figures {
    what: &'static str,
    started: Instant,
    parts: Vec<String>,
}

impl Figures {
    pub fn of(what: &'static str) -> Figures {
        Figures { what, started: Instant::now(), parts: Vec::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Figures {
        self.parts.push(format!("{name} {value}"));
        self
    }

    /// Prints them, with what became of the lines. Lines lost and told twice are the caller's to judge.
    pub fn lines(self, tally: &Tally, lines: Range<u64>, layout: Layout) -> (u64, u64) {
        let (lost, doubled) = tally.off(lines.clone(), layout);
        let figures = self.with("lines", lines.end - lines.start).with("lost", lost);
        let figures = figures.with("announced", format!("{} ({} B)", tally.gaps, tally.gap_bytes));
        figures.with("doubled", doubled).print();
        (lost, doubled)
    }

    pub fn print(self) {
        let seconds = self.started.elapsed().as_secs_f64();
        println!("figures | {} | {} | {seconds:.1} s", self.what, self.parts.join(" | "));
    }
}
