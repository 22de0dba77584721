//! An HTTP receiver on loopback that does what it is told, and remembers what it got.
//!
//! It answers every request by a closure, on a thread a connection, and closes the connection
//! after each: enough of HTTP/1.1 to stand in for a webhook that is slow, broken or hostile.

#![allow(dead_code)] // each test binary uses its own part

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// The longest a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Got {
    /// When its last byte came.
    pub at: Instant,
    /// The path of its first line.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl Got {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A status, further headers (each `name: value`), a body.
    Reply(u16, Vec<String>, String),
    /// The connection is closed without a word.
    Cut,
    /// Nothing happens until the receiver is dropped.
    Hang,
    /// A status and a body that never ends.
    Endless(u16),
}

impl Answer {
    /// A status without more.
    pub fn status(status: u16) -> Answer {
        Answer::Reply(status, Vec::new(), String::new())
    }

    /// A status with a header.
    pub fn with(status: u16, header: &str) -> Answer {
        Answer::Reply(status, vec![header.to_owned()], String::new())
    }
}

/// The receiver; it stops when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// What came is kept.
    keeps: bool,
}

#[derive(Default)]
struct State {
    got: Vec<Got>,
    closed: bool,
}

impl Receiver {
    /// Starts one; `answer` is called with each request and the number of those before it.
    pub fn start(answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static) -> Receiver {
        Receiver::new("127.0.0.1", true, answer)
    }

    /// One for very many requests: none is kept, and none counted.
    pub fn forgetting(answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static) -> Receiver {
        Receiver::new("127.0.0.1", false, answer)
    }

    /// One at another address of this box.
    pub fn start_at(host: &str, answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static) -> Receiver {
        Receiver::new(host, true, answer)
    }

    fn new(
        host: &str,
        keeps: bool,
        answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static,
    ) -> Receiver {
        let listener = TcpListener::bind((host, 0)).expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), keeps });
        let (answer, accepting) = (Arc::new(answer), shared.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.state.lock().unwrap().closed {
                    return;
                }
                let (answer, shared) = (answer.clone(), accepting.clone());
                let Ok(stream) = stream else { continue };
                // A peer that goes away in the middle is its own affair.
                std::thread::spawn(move || drop(serve(stream, &*answer, &shared)));
            }
        });
        Receiver { address, shared }
    }

    /// A URL that leads here.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far, in the order of their arrival.
    pub fn got(&self) -> Vec<Got> {
        self.shared.state.lock().unwrap().got.clone()
    }

    /// The requests after the first `known`; waits until there is one, at most until `deadline`.
    pub fn after(&self, known: usize, deadline: Instant) -> Vec<Got> {
        let state = self.shared.state.lock().unwrap();
        let none = |state: &mut State| state.got.len() <= known;
        let patience = deadline.saturating_duration_since(Instant::now());
        let (state, _) = self.shared.changed.wait_timeout_while(state, patience, none).unwrap();
        state.got[known..].to_vec()
    }

    /// Waits for the `count`th request; all so far.
    pub fn wait_for(&self, count: usize) -> Vec<Got> {
        let state = self.shared.state.lock().unwrap();
        let enough = |state: &mut State| state.got.len() < count;
        let (state, _) = self.shared.changed.wait_timeout_while(state, PATIENCE, enough).unwrap();
        assert!(state.got.len() >= count, "only {} of {count} requests came", state.got.len());
        state.got.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().closed = true;
        self.shared.changed.notify_all();
        // Wakes the listener, so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: TcpStream,
    answer: &(impl Fn(&Got, usize) -> Answer + ?Sized),
    shared: &Shared,
) -> std::io::Result<()> {
    let got = read(&mut BufReader::new(&stream))?;
    let number = {
        let mut state = shared.state.lock().unwrap();
        if shared.keeps {
            state.got.push(got.clone());
        }
        shared.changed.notify_all();
        state.got.len().saturating_sub(1)
    };
    let mut out = &stream;
    match answer(&got, number) {
        Answer::Reply(status, headers, body) => {
            write!(out, "HTTP/1.1 {status} Told\r\nconnection: close\r\ncontent-length: {}\r\n", body.len())?;
            headers.iter().try_for_each(|header| write!(out, "{header}\r\n"))?;
            write!(out, "\r\n{body}")?;
        }
        Answer::Cut => {}
        Answer::Hang => {
            let state = shared.state.lock().unwrap();
            drop(shared.changed.wait_while(state, |state| !state.closed).unwrap());
        }
        Answer::Endless(status) => {
            write!(out, "HTTP/1.1 {status} Told\r\nconnection: close\r\n\r\n")?;
            // Ends when the peer has had enough.
            loop {
                out.write_all(&[b'x'; 4096])?;
            }
        }
    }
    stream.shutdown(Shutdown::Both)
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Got> {
    let mut line = String::new();
    read_line(reader, &mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        read_line(reader, &mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Got { at: Instant::now(), path, headers, body })
}

/// A line; a peer that ends before one has not asked anything.
fn read_line(reader: &mut impl BufRead, line: &mut String) -> std::io::Result<()> {
    match reader.read_line(line)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
