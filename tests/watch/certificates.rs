//! A receiver has to show a certificate that holds; no setting lets one through that does not.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use rustix::process::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::program::{PATIENCE, Running, sealtail};
use crate::rig::{Rig, sink};

/// Certificates of 2020 to 2120 for 127.0.0.1 but where the name says otherwise, by an authority that no
/// system knows. `key.pem` guards nothing.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/watch/tls").join(format!("{name}.pem"))
}

/// A receiver that shows a certificate and takes every request that comes through.
pub struct Server {
    pub address: SocketAddr,
    got: Arc<Got>,
}

/// How many requests came through.
#[derive(Default)]
struct Got {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Server {
    pub fn start(certificate: &str) -> Server {
        Server::showing(&[certificate])
    }

    /// One that shows another certificate to every caller, and the last of them from then on.
    fn showing(certificates: &[&str]) -> Server {
        let mut configs: Vec<_> = certificates.iter().rev().map(|name| config(name)).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let got = Arc::new(Got::default());
        let counted = got.clone();
        // It ends with the test: nobody calls any more.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = if configs.len() > 1 { configs.pop() } else { configs.last().cloned() };
                let connection = ServerConnection::new(config.unwrap()).unwrap();
                // Whoever refuses the certificate goes away in the middle.
                drop(serve(StreamOwned::new(connection, stream), &counted));
            }
        });
        Server { address, got }
    }

    pub fn got(&self) -> usize {
        *self.got.count.lock().unwrap()
    }

    pub fn wait(&self) {
        let none = |count: &mut usize| *count == 0;
        let (_count, wait) =
            self.got.changed.wait_timeout_while(self.got.count.lock().unwrap(), PATIENCE, none).unwrap();
        assert!(!wait.timed_out(), "nothing came through");
    }
}

fn config(certificate: &str) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(fixture(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture("key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap())
}

fn serve(mut stream: StreamOwned<ServerConnection, TcpStream>, got: &Got) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    *got.count.lock().unwrap() += 1;
    got.changed.notify_all();
    stream.write_all(b"HTTP/1.1 200 Told\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Watches a log with a failure in it, with a sink at `address`.
fn watch(rig: &Rig, address: SocketAddr, authority: Option<&str>) -> Running {
    let settings = rig.settings().replace(&sink("ops", &rig.inbox.url()), "");
    rig.configure(&format!("{settings}{}", sink("secure", &format!("https://{address}/hook"))));
    rig.log("worker.log").fail(1..2);
    let mut command = sealtail();
    command.args(["-v", "watch", "--config"]).arg(rig.path("sealtail.toml"));
    if let Some(name) = authority {
        command.env("SSL_CERT_FILE", fixture(name));
    }
    Running::start(command)
}

#[test]
fn one_that_does_not_hold_gets_nothing() {
    for (certificate, authority) in
        [("good", None), ("expired", Some("ca")), ("elsewhere", Some("ca")), ("good", Some("elsewhere"))]
    {
        let (rig, server) = (Rig::new(), Server::start(certificate));
        let running = watch(&rig, server.address, authority);
        running.wait_for_stderr("message not delivered", 1);
        let ran = running.end(Signal::TERM);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("will be tried again: tls: "), "{certificate}: {}", ran.stderr);
        assert_eq!(server.got(), 0, "{certificate}");
    }
}

#[test]
fn text_where_tls_was_asked_for_gets_nothing() {
    let rig = Rig::new();
    let plain = rig.inbox.url();
    let address = plain.trim_start_matches("http://").trim_end_matches("/hook").parse().unwrap();
    let running = watch(&rig, address, None);
    running.wait_for_stderr("will be tried again: tls: ", 1);
    assert_eq!(running.end(Signal::TERM).status, 0);
    assert!(rig.inbox.events().is_empty());
}

#[test]
fn one_that_is_renewed_gets_what_waited() {
    let (rig, server) = (Rig::new(), Server::showing(&["expired", "expired", "good"]));
    let running = watch(&rig, server.address, Some("ca"));
    running.wait_for_stderr("will be tried again: tls: ", 1);
    server.wait();
    running.wait_for_stderr("reachable again", 1);
    assert_eq!(running.end(Signal::TERM).status, 0);
    assert_eq!(server.got(), 1);
}

/// The authority of a company's own receivers is named by the variable that curl and OpenSSL know.
#[test]
fn one_by_an_authority_that_the_operator_names_is_taken() {
    let (rig, server) = (Rig::new(), Server::start("good"));
    let running = watch(&rig, server.address, Some("ca"));
    server.wait();
    assert_eq!(running.end(Signal::TERM).status, 0);
}
