//! The way to the world leads through a proxy, which may have no mind to let anyone through.

use std::io::{BufRead, BufReader, Write, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::certificates::{Server, fixture};
use crate::program::{Running, sealtail};
use crate::rig::{Rig, sink, stop};

/// A part of what must never show: of the sink's URL, and the password at the proxy.
const CANARY: &str = "canary";

/// The first line of a request, and what it said of who asks.
type Asked = (String, Option<String>);

/// A proxy that answers the first requests with `refusals`, and lets through to one address from then on.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Proxy {
    fn start(refusals: &'static [&'static str], to: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        // It ends with the test: nobody calls any more.
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                noted.lock().unwrap().push(request(&stream));
                // A peer that goes away in the middle is its own affair.
                match refusals.get(number) {
                    Some(refusal) => drop((&stream).write_all(refusal.as_bytes())),
                    None => drop(tunnel(&stream, to)),
                }
            }
        });
        Proxy { address, asked }
    }

    /// Who is let in, and by what password.
    fn url(&self) -> String {
        format!("http://sealtail:{CANARY}@{}", self.address)
    }
}

fn request(stream: &TcpStream) -> Asked {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let who =
        lines.filter_map(|line| Some(line.to_lowercase().strip_prefix("proxy-authorization: ")?.to_owned()));
    (first, who.last())
}

/// Lets two peers talk until one has said all it had to say.
fn tunnel(stream: &TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let there = TcpStream::connect(to)?;
    (&*stream).write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    thread::scope(|scope| {
        scope.spawn(|| copy(&mut &*stream, &mut &there).and_then(|_| there.shutdown(Shutdown::Write)));
        copy(&mut &there, &mut &*stream)
    })?;
    stream.shutdown(Shutdown::Both)
}

/// Watches a log with a failure in it, with a sink that is only to be reached through `proxy`.
fn watch(rig: &Rig, proxy: &str) -> Running {
    rig.configure(&format!("{}{}", rig.settings(), sink("far", &format!("https://example.org/{CANARY}"))));
    rig.log("worker.log").fail(1..2);
    let mut command = sealtail();
    command.args(["-v", "watch", "--config"]).arg(rig.path("sealtail.toml"));
    command.env("HTTPS_PROXY", proxy).env("HTTP_PROXY", proxy).env("SSL_CERT_FILE", fixture("ca"));
    Running::start(command)
}

#[test]
fn one_that_refuses_is_asked_again_until_it_lets_through() {
    // Its name is example.org.
    let server = Server::start("elsewhere");
    let refusals = &[
        "HTTP/1.1 407 Who are you\r\nproxy-authenticate: Basic realm=\"canary\"\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 403 Not you\r\ncontent-length: 6\r\n\r\ncanary",
        "",
    ];
    let (rig, proxy) = (Rig::new(), Proxy::start(refusals, server.address));
    let running = watch(&rig, &proxy.url());
    server.wait();
    running.wait_for_stderr("reachable again", 1);
    drop(rig.inbox.until_pid(1));
    let said = running.stderr();
    stop(running);
    let asked = proxy.asked.lock().unwrap();
    assert_eq!(asked.len(), refusals.len() + 1, "a sink on this box is reached past it: {asked:?}");
    for (first, who) in asked.iter() {
        assert_eq!(first, "CONNECT example.org:443 HTTP/1.1");
        assert!(who.as_ref().is_some_and(|who| who.starts_with("basic ")), "{who:?}");
    }
    assert_eq!(server.got(), 1);
    let warned: Vec<_> = said.lines().filter(|line| line.contains("WARN")).collect();
    assert!(warned.len() == 1 && warned[0].contains("will be tried again: proxy: "), "{said}");
    assert!(!said.contains(CANARY), "{said}");
}

#[test]
fn one_that_is_away_is_told_as_such() {
    let rig = Rig::new();
    let running = watch(&rig, &format!("http://sealtail:{CANARY}@127.0.0.1:1"));
    running.wait_for_stderr("will be tried again: proxy: ", 1);
    drop(rig.inbox.until_pid(1));
    let said = running.stderr();
    stop(running);
    assert!(!said.contains(CANARY), "{said}");
}
