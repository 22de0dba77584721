//! The control socket: takes requests from whoever may ask, and hands them on.
//!
//! - It is for the user of the watch and for root; its mode says so, and the peer is looked at.
//! - It is made anew at each start. The lock of the state says that what was there is nobody's.
//! - What the other side decides has a limit: connections, the bytes and the time of a request, the time of its answer.
//! - A watch without it goes on: it is not worth an alert that is missed.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::request::{Asked, Reply, Request};

/// The socket, in the state folder.
pub(super) const SOCKET: &str = "control.sock";
/// The socket while it is made.
const MAKING: &str = "control.making";
/// Longer names do not fit into an address.
const ADDRESS_BYTES_MAX: usize = 100;

/// Connections at a time; more of them wait.
const CONNECTIONS_MAX: usize = 8;
/// The bytes of a request, …
const REQUEST_BYTES_MAX: usize = 64 << 10;
/// … the time in which it must have come, or its reply be taken, …
const TRANSFER_MAX: Duration = Duration::from_secs(5);
/// … and the time until there is an answer.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(30);
/// The bytes of a reply.
pub(super) const REPLY_BYTES_MAX: usize = 64 << 20;
/// The time before connections are taken again where the system has no room for one.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// The control socket and what is asked through it. It outlives a session: a request that comes between two is answered
/// by the next.
#[derive(Debug)]
pub(crate) struct Control {
    sender: mpsc::Sender<Asked>,
    asked: mpsc::Receiver<Asked>,
    listening: Option<Listening>,
}

/// Takes connections until it is dropped.
#[derive(Debug)]
struct Listening {
    directory: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        // The next start makes another anyway.
        let _ = fs::remove_file(self.directory.join(SOCKET));
    }
}

impl Control {
    /// Listens in `directory`, whose state this process holds, inside the runtime it is called from.
    pub fn start(directory: &Path) -> Control {
        let (sender, asked) = mpsc::channel(CONNECTIONS_MAX);
        let mut control = Control { sender, asked, listening: None };
        control.change(directory);
        control
    }

    /// Listens in `directory` from now on.
    pub fn change(&mut self, directory: &Path) {
        let is_there = |listening: &Listening| {
            listening.directory == directory
                && !listening.task.is_finished()
                && directory.join(SOCKET).exists()
        };
        if self.listening.as_ref().is_some_and(is_there) {
            return;
        }
        self.listening = None;
        match listen(directory) {
            Ok(listener) => {
                let task = tokio::spawn(serve(listener, self.sender.clone()));
                self.listening = Some(Listening { directory: directory.to_owned(), task });
            }
            Err(error) => tracing::warn!(
                "cannot make {}: {error}; `sealtail alerts`, `state` and `outbox` cannot ask this watch",
                directory.join(SOCKET).display()
            ),
        }
    }

    /// Waits for a request. May be dropped and called again.
    pub async fn next(&mut self) -> Asked {
        match self.asked.recv().await {
            Some(asked) => asked,
            // There is always a sender: our own.
            None => std::future::pending().await,
        }
    }
}

/// A path that leads to the socket and fits into an address.
pub(super) struct Address {
    path: PathBuf,
    /// Keeps the path alive where it is by descriptor.
    _folder: Option<fs::File>,
}

impl Address {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The socket in `directory`.
pub(super) fn address(directory: &Path) -> io::Result<Address> {
    address_of(directory, SOCKET)
}

fn address_of(directory: &Path, name: &str) -> io::Result<Address> {
    let path = directory.join(name);
    if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return Ok(Address { path, _folder: None });
    }
    let folder = fs::File::open(directory)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()));
    Ok(Address { path, _folder: Some(folder) })
}

/// Makes the socket, private before it has its name.
fn listen(directory: &Path) -> io::Result<UnixListener> {
    let making = directory.join(MAKING);
    match fs::remove_file(&making) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(address_of(directory, MAKING)?.path())?;
    fs::set_permissions(&making, Permissions::from_mode(0o600))?;
    fs::rename(&making, directory.join(SOCKET))?;
    Ok(listener)
}

async fn serve(listener: UnixListener, requests: mpsc::Sender<Asked>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut troubled = false;
    // The semaphore is never closed.
    while let Ok(permit) = room.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                troubled = false;
                let requests = requests.clone();
                tokio::spawn(async move {
                    // A peer that is too slow, or goes away in the middle, is its own affair.
                    let _ = converse(&stream, &requests).await;
                    drop(permit);
                });
            }
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    tracing::warn!("the control socket cannot accept a connection, will try again: {error}");
                }
                sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// Answers one request and closes the connection.
async fn converse(stream: &UnixStream, requests: &mpsc::Sender<Asked>) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let reply = if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        Reply::Refused("only root and the user of `sealtail watch` may ask it".to_owned())
    } else {
        let line = timeout(TRANSFER_MAX, read_line(stream)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        reply_to(&line, requests).await
    };
    let mut line = serde_json::to_vec(&reply)?;
    if line.len() >= REPLY_BYTES_MAX {
        let refused = "the answer is too long\nhint: stop `sealtail watch` and ask again";
        line = serde_json::to_vec(&Reply::Refused(refused.to_owned()))?;
    }
    line.push(b'\n');
    timeout(TRANSFER_MAX, write_all(stream, &line)).await.map_err(|_| io::ErrorKind::TimedOut)?
}

async fn reply_to(line: &[u8], requests: &mpsc::Sender<Asked>) -> Reply {
    let request: Request = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(error) => {
            return Reply::Refused(format!(
                "`sealtail watch` does not understand the request: {error}\n\
                 hint: it may be of another version than this command; restart it"
            ));
        }
    };
    let (asked, waiting) = Asked::new(request);
    let answer = async {
        requests.send(asked).await.ok()?;
        waiting.await.ok()
    };
    match timeout(ANSWER_MAX, answer).await {
        Ok(Some(reply)) => reply,
        Ok(None) => Reply::Refused("`sealtail watch` was ending\nhint: try again".to_owned()),
        Err(_) => Reply::Refused(format!(
            "`sealtail watch` did not answer within {} s\nhint: its log says what it waits for; what was asked may still be done",
            ANSWER_MAX.as_secs()
        )),
    }
}

/// The bytes up to the first newline, or to the end.
async fn read_line(stream: &UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(line),
            Ok(length) => {
                let read = &buffer[..length];
                let end = read.iter().position(|&byte| byte == b'\n');
                line.extend(&read[..end.unwrap_or(length)]);
                if line.len() > REQUEST_BYTES_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if end.is_some() {
                    return Ok(line);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write_all(stream: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
