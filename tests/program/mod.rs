//! Runs the built program, to its end or until it is told to end.
#![allow(dead_code)] // every test binary uses its own part

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The longest a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A page of somebody's own, `site/flux`.
pub const PAGE: &str = include_str!("flux.md");

/// What a run of the program came to.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Standard output as JSON lines.
    pub fn json(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The program with a clean environment.
pub fn sealtail() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealtail"));
    command.env_clear().env("TZ", "Asia/Shanghai").stdin(Stdio::null());
    command
}

/// Runs `sealtail` with these arguments to its end.
pub fn run<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Ran {
    ran(sealtail().args(arguments).output().unwrap())
}

/// The same with `input` on standard input.
pub fn run_with_input<A: AsRef<std::ffi::OsStr>>(arguments: &[A], input: &[u8]) -> Ran {
    let mut command = sealtail();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // The program may end before it has read everything.
        scope.spawn(move || stdin.write_all(input).ok());
        ran(child.wait_with_output().unwrap())
    })
}

pub fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A program at work; it is killed when this is dropped.
pub struct Running {
    child: Child,
    stdout: Said,
    stderr: Said,
}

impl Running {
    pub fn start(mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Said::listen(child.stdout.take().unwrap());
        let stderr = Said::listen(child.stderr.take().unwrap());
        Running { child, stdout, stderr }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until `text` stands on stderr `times` times.
    pub fn wait_for_stderr(&self, text: &str, times: usize) {
        self.stderr.wait_for(text, times);
    }

    /// What stands on stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits until stdout has so many lines.
    pub fn wait_for_stdout(&self, lines: usize) {
        self.stdout.wait_for("\n", lines);
    }

    /// Sends `signal` and waits for the end.
    pub fn end(self, signal: Signal) -> Ran {
        self.signal(signal);
        self.ended()
    }

    /// Waits for the end.
    pub fn ended(mut self) -> Ran {
        let status = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran { status, stdout: self.stdout.all(), stderr: self.stderr.all() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one stream of a program at work has said so far.
struct Said {
    shared: Arc<(Mutex<Vec<u8>>, Condvar)>,
    listener: Option<JoinHandle<()>>,
}

impl Said {
    fn listen(mut stream: impl Read + Send + 'static) -> Said {
        let shared = Arc::new((Mutex::default(), Condvar::new()));
        let heard = shared.clone();
        let listener = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                let (said, changed): &(Mutex<Vec<u8>>, Condvar) = &heard;
                said.lock().unwrap().extend(&buffer[..length]);
                changed.notify_all();
            }
        });
        Said { shared, listener: Some(listener) }
    }

    fn wait_for(&self, text: &str, times: usize) {
        let (said, changed) = &*self.shared;
        let missing = |said: &mut Vec<u8>| String::from_utf8_lossy(said).matches(text).count() < times;
        let (said, wait) = changed.wait_timeout_while(said.lock().unwrap(), PATIENCE, missing).unwrap();
        assert!(
            !wait.timed_out(),
            "{text:?} was not said {times} times:\n{}",
            String::from_utf8_lossy(&said)
        );
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.shared.0.lock().unwrap()).into_owned()
    }

    /// Everything, once the program has ended.
    fn all(&mut self) -> String {
        self.listener.take().into_iter().for_each(|listener| listener.join().unwrap());
        String::from_utf8(self.shared.0.lock().unwrap().clone()).unwrap()
    }
}

/// A line of the worker, `second` seconds after two o'clock.
pub fn worker_line(second: u64, level: &str, message: &str) -> String {
    let (hour, minute, second) = (14 + second / 3_600, second / 60 % 60, second % 60);
    format!("2022-06-24T{hour:02}:{minute:02}:{second:02}.5+08:00 {level:>5} ThreadId(07) {message}\n")
}

/// A worker line that a signature knows.
pub fn failure(second: u64, pid: u64) -> String {
    let message = format!(
        "vc_processors::core::ext::producer: failed to unmarshal response string: 'x'. child_pid={pid}"
    );
    worker_line(second, "ERROR", &message)
}

/// A worker line that no signature knows.
pub fn healthy(second: u64) -> String {
    worker_line(second, "INFO", "venus_worker::sealing: all is well")
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
