//! HTTP to others: one POST, with a limit on everything the other side decides.
//!
//! The URL is the credential: it is taken out of every error, and of every reply that repeats it,
//! before anyone can print it.

use std::sync::Once;
use std::time::Duration;

use reqwest::{Response, Url, header, redirect, retry};

use crate::base::secret::Secret;
use crate::deliver::sink::{Reply, Request};

/// The time to get a connection, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The time of a whole attempt.
const ATTEMPT_MAX: Duration = Duration::from_secs(15);
/// The bytes of a reply's body that are read; nothing we look for stands further back.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Shorter parts of a URL are words, not secrets.
const SECRET_CHARS_MIN: usize = 8;

/// An HTTP client for one address.
#[derive(Debug)]
pub struct Client(reqwest::Client);

/// A request that got no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was not sent: its URL is not valid.
    Url,
    /// Where it stopped, and why; names no secret.
    Unreachable(String),
}

impl Client {
    /// A client for the address `url`.
    ///
    /// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are obeyed, as by curl: boxes that seal often reach
    /// the world through a proxy only. An address on this box is always reached directly.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub fn new(url: &Secret) -> Result<Client, String> {
        connect(url).map(Client)
    }

    /// Sends `request` once. The reply does not repeat what is secret in its URL.
    ///
    /// # Errors
    ///
    /// There is no reply.
    pub async fn post(&self, request: Request) -> Result<Reply, Failure> {
        let url = Url::parse(request.url.expose()).map_err(|_| Failure::Url)?;
        let mut post = self.0.post(url.clone()).body(request.body);
        for (name, value) in request.headers {
            post = post.header(name, value);
        }
        let response = post.send().await.map_err(|error| Failure::Unreachable(reason(error)))?;
        let mut reply = read(response).await;
        reply.body = without_url(&reply.body, &url);
        Ok(reply)
    }
}

fn connect(url: &Secret) -> Result<reqwest::Client, String> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only if some other part of the program chose a provider, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("sealtail/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(CONNECT_MAX)
        .timeout(ATTEMPT_MAX);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(reason)
}

/// An address that is called past the outbox: what counts there is that it hears now.
#[derive(Debug)]
pub struct Direct {
    client: reqwest::Client,
    url: Secret,
}

impl Direct {
    /// The address is a password: it shows in no error.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub fn new(url: Secret) -> Result<Direct, String> {
        Ok(Direct { client: connect(&url)?, url })
    }

    /// Posts a JSON text once.
    ///
    /// # Errors
    ///
    /// Why it did not arrive: where it stopped, or a status other than 2xx.
    pub async fn post(&self, body: String) -> Result<(), String> {
        let post = self.client.post(self.url.expose()).header(header::CONTENT_TYPE, "application/json");
        let status = post.body(body).send().await.map_err(reason)?.status();
        if status.is_success() { Ok(()) } else { Err(format!("status {}", status.as_u16())) }
    }
}

async fn read(mut response: Response) -> Reply {
    let text = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let location = text(header::LOCATION).and_then(|location| Url::parse(&location).ok());
    let mut reply = Reply {
        status: response.status().as_u16(),
        retry_after: text(header::RETRY_AFTER),
        location_host: location.and_then(|url| url.host_str().map(str::to_owned)),
        ..Reply::default()
    };
    while reply.body.len() < BODY_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => reply.body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => {
                reply.broken = true;
                break;
            }
        }
    }
    reply.body.truncate(BODY_BYTES_MAX);
    reply
}

/// A reply's body without what is secret in `url`: many a server says which path it does not know.
fn without_url(body: &[u8], url: &Url) -> Vec<u8> {
    let values = url.query().into_iter().flat_map(|query| query.split(['&', '=']));
    let long = |part: &&str| part.len() >= SECRET_CHARS_MIN;
    let parts = url.path_segments().into_iter().flatten().chain(values).filter(long);
    let path = Some(url.path()).filter(|path| *path != "/");
    let body = String::from_utf8_lossy(body).into_owned();
    let secrets = path.into_iter().chain(url.query().filter(|query| !query.is_empty())).chain(parts);
    secrets.fold(body, |body, secret| body.replace(secret, "***")).into_bytes()
}

/// Where an attempt stopped that no status answers: the first word of its reason.
const CLASSES: [&str; 7] = ["dns", "refused", "no-route", "timeout", "tls", "proxy", "connection"];

/// The class of a failure, by its reason: where it stopped, or the status that came back.
pub(crate) fn class(reason: &str) -> &str {
    let first = reason.split([':', ',']).next().unwrap_or_default();
    if CLASSES.contains(&first) || first.starts_with("status ") { first } else { "other" }
}

/// What went wrong, in short: the class, and the innermost cause.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut causes = vec![error.to_string()];
    let mut cause: &dyn std::error::Error = &error;
    let (mut kind, mut tls) = (None, false);
    while let Some(inner) = cause.source() {
        cause = inner;
        causes.push(cause.to_string());
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            kind = Some(io.kind());
            tls |= is_of_tls(io);
        }
    }
    let class = if tls { "tls" } else { classify(&causes, kind, error.is_timeout()) };
    // A timeout's own words only say so again.
    if error.is_timeout() {
        let connecting = if error.is_connect() { "connecting" } else { "waiting for the reply" };
        return format!("{class}: timed out {connecting}");
    }
    format!("{class}: {cause}")
}

/// Whether what `error` holds is of TLS. Such an error names the source of what it holds as its own, so
/// what it holds shows in no chain.
fn is_of_tls(error: &std::io::Error) -> bool {
    let inner = |held: &(dyn std::error::Error + Send + Sync + 'static)| {
        held.is::<rustls::Error>() || held.downcast_ref::<std::io::Error>().is_some_and(is_of_tls)
    };
    error.get_ref().is_some_and(inner)
}

/// The class that a chain of errors, the outermost first, belongs to. But for TLS, the libraries below
/// have no types for it that can be reached from here; their words are held by the tests.
fn classify(causes: &[String], kind: Option<std::io::ErrorKind>, timeout: bool) -> &'static str {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    let says = |words: &[&str]| causes.iter().any(|cause| words.iter().any(|word| cause.contains(word)));
    if says(&["dns error", "failed to lookup address"]) {
        "dns"
    } else if says(&["proxy", "tunnel"]) {
        "proxy"
    } else if says(&["certificate", "TLS", "tls", "handshake"]) {
        "tls"
    } else if timeout {
        "timeout"
    } else {
        match kind {
            Some(ConnectionRefused) => "refused",
            Some(HostUnreachable | NetworkUnreachable) => "no-route",
            _ => "connection",
        }
    }
}

fn is_loopback(url: &Secret) -> bool {
    let url = Url::parse(url.expose()).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_does_not_repeat_the_url() {
        let slack = "https://hooks.example/services/T0/B0/abcdefghij";
        for (url, body, shown) in [
            (slack, "Cannot POST /services/T0/B0/abcdefghij", "Cannot POST ***"),
            (slack, r#"{"path": "\/services\/T0\/B0\/abcdefghij"}"#, r#"{"path": "\/***\/T0\/B0\/***"}"#),
            (slack, "no_team", "no_team"),
            ("https://hooks.example/?key=short", "bad key=short, key=other", "bad ***, key=other"),
            ("https://hooks.example/in?key=long-enough", "no key long-enough here", "no key *** here"),
            ("https://hooks.example/", "GET / is what we know", "GET / is what we know"),
        ] {
            let found = without_url(body.as_bytes(), &Url::parse(url).unwrap());
            assert_eq!(String::from_utf8(found).unwrap(), shown, "{url}");
        }
    }

    #[test]
    fn loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:80/x", true),
            ("http://localhost/x", true),
            ("http://[::1]:8080/x", true),
            ("https://hooks.example/x", false),
            ("https://127.0.0.1.example/x", false),
            ("not a url", false),
        ] {
            assert_eq!(is_loopback(&Secret::new(url)), expected, "{url}");
        }
    }
}
