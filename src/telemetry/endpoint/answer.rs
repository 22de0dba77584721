//! From a request to its answer. No socket, no clock.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{
    ACCEPT_LANGUAGE, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
    HeaderName, HeaderValue,
};
use hyper::header::{WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode, Uri};
use sha2::Sha256;

use super::view::View;
use super::{Settings, api, lang, process, runbook, status};
use crate::base::secret::Secret;
use crate::model::alert::Lang;
use crate::telemetry::Telemetry;
use crate::telemetry::exposition;

const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// Before the id of a signature.
const PAGES: &str = "/pages/";

/// Which requests are answered.
#[derive(Debug)]
pub(super) struct Access {
    /// Name of the box, as people know it.
    host: String,
    token: Option<Secret>,
    /// Names of this box, in lower case.
    hosts: BTreeSet<String>,
    lang: Lang,
}

/// What an answer is made from.
pub(super) struct Facts<'a> {
    pub telemetry: &'a Telemetry,
    /// When the process was started, since 1970.
    pub started: Duration,
    pub now: Instant,
}

impl Access {
    pub fn new(settings: &Settings, host: &str) -> Access {
        let own = ["localhost", host].map(str::to_owned).into_iter();
        let hosts = own.chain(settings.hosts.clone()).map(|name| name.to_ascii_lowercase()).collect();
        Access { host: host.to_owned(), token: settings.token.clone(), hosts, lang: settings.lang }
    }

    /// The answer to `request`.
    pub fn answer<B>(&self, request: &Request<B>, facts: &Facts<'_>) -> Response<String> {
        if !self.is_here(request) {
            return say(
                StatusCode::FORBIDDEN,
                "the Host header names another host; add the name to `hosts` of [http]",
            );
        }
        if !self.is_let_in(request) {
            // A browser asks a person for a password then.
            let path = request.uri().path();
            let is_page = path == "/" || path.starts_with(PAGES);
            let way = if is_page { "Basic realm=\"sealtail\"" } else { "Bearer" };
            let refusal = say(
                StatusCode::UNAUTHORIZED,
                "the token is missing or wrong: send the token of [http] as a bearer token or as the password",
            );
            return with(refusal, WWW_AUTHENTICATE, way);
        }
        let answer: fn(&View<'_>, &Facts<'_>) -> Response<String> = match request.uri().path() {
            "/" => |view, _| page(&status::page(view)),
            "/api/v1/status" => |view, _| json(&api::status(view)),
            "/api/v1/alerts" => |view, _| api::alerts(view).map_or_else(unknown, |text| json(&text)),
            "/metrics" => |_, facts| metrics(facts),
            "/healthz" => |_, facts| verdict(facts.telemetry.health().healthy(facts.now)),
            "/readyz" => |_, facts| verdict(facts.telemetry.health().ready()),
            path if path.starts_with(PAGES) => |_, _| unknown(),
            _ => {
                return say(
                    StatusCode::NOT_FOUND,
                    "not found; there are /, /api/v1/status, /api/v1/alerts, /metrics, /healthz and /readyz",
                );
            }
        };
        if !is_read(request.method()) {
            return with(say(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD are allowed"), ALLOW, "GET, HEAD");
        }
        let accepts = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let lang = lang::choose(request.uri().query(), accepts, self.lang);
        let last = facts.telemetry.overview().last();
        if let (Some(id), Some(last)) = (request.uri().path().strip_prefix(PAGES), last) {
            let found = runbook::page(id, lang, &last.knowledge);
            let none = || say(StatusCode::NOT_FOUND, "there is no such signature");
            return found.map_or_else(none, |text| page(&text));
        }
        answer(&View::of(&self.host, lang, facts.telemetry, facts.now), facts)
    }

    /// Whether `request` will be answered with what the reading side hands over.
    pub fn shows_alerts<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        let is_of_alerts =
            matches!(path, "/" | "/api/v1/status" | "/api/v1/alerts") || path.starts_with(PAGES);
        is_of_alerts && is_read(request.method()) && self.is_here(request) && self.is_let_in(request)
    }

    /// Whether the request names this box. An IP address always does: only names can be pointed
    /// elsewhere behind a browser's back.
    fn is_here<B>(&self, request: &Request<B>) -> bool {
        let mut named = request.headers().get_all(HOST).iter();
        // The authority of the request line has precedence over the header.
        let authority = match (request.uri().authority(), named.next(), named.next()) {
            (Some(authority), _, None) => Some(authority.clone()),
            (None, Some(header), None) => {
                let uri = header.to_str().ok().and_then(|name| name.parse::<Uri>().ok());
                uri.and_then(|uri| uri.into_parts().authority)
            }
            _ => None,
        };
        let Some(authority) = authority.filter(|authority| !authority.as_str().contains('@')) else {
            return false;
        };
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        address.is_ok() || self.hosts.contains(&name)
    }

    /// Whether the request shows the token, if there is one: as it is, or as the password of any user.
    fn is_let_in<B>(&self, request: &Request<B>) -> bool {
        let Some(token) = &self.token else { return true };
        let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.split_once(' '));
        let Some((scheme, shown)) = shown else { return false };
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => same(token.expose(), shown.trim()),
            "basic" => password(shown.trim()).is_some_and(|shown| same(token.expose(), &shown)),
            _ => false,
        }
    }
}

/// The password in what a browser shows.
fn password(shown: &str) -> Option<String> {
    let shown = String::from_utf8(BASE64_STANDARD.decode(shown).ok()?).ok()?;
    shown.split_once(':').map(|(_, password)| password.to_owned())
}

/// Whether two texts are equal, in a time that does not depend on their common prefix.
fn same(one: &str, other: &str) -> bool {
    let digest = |text: &str| {
        // A key of any length will do.
        let mac = Hmac::<Sha256>::new_from_slice(b"token").ok();
        mac.map(|mac| mac.chain_update(text))
    };
    let (Some(one), Some(other)) = (digest(one), digest(other)) else { return false };
    one.verify(&other.finalize().into_bytes()).is_ok()
}

fn metrics(facts: &Facts<'_>) -> Response<String> {
    let (telemetry, process) = (facts.telemetry, process::look(facts.started));
    let text = exposition::render(telemetry.meter(), telemetry.health(), &process, facts.now);
    with(say(StatusCode::OK, &text), CONTENT_TYPE, exposition::CONTENT_TYPE)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn page(text: &str) -> Response<String> {
    with(with(say(StatusCode::OK, text), CONTENT_TYPE, HTML), CONTENT_SECURITY_POLICY, status::POLICY)
}

fn json(text: &str) -> Response<String> {
    with(say(StatusCode::OK, text), CONTENT_TYPE, JSON)
}

/// The reading side has handed nothing over yet.
fn unknown() -> Response<String> {
    say(StatusCode::SERVICE_UNAVAILABLE, "the open alerts are not known yet")
}

fn verdict(verdict: Result<(), String>) -> Response<String> {
    match verdict {
        Ok(()) => say(StatusCode::OK, "ok"),
        Err(why) => say(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

/// An answer of one line or more.
fn say(status: StatusCode, text: &str) -> Response<String> {
    let mut response = Response::new(format!("{}\n", text.trim_end_matches('\n')));
    *response.status_mut() = status;
    let response = with(response, CONTENT_TYPE, PLAIN);
    let response = with(response, CACHE_CONTROL, "no-store");
    with(response, X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn with(mut response: Response<String>, name: HeaderName, value: &'static str) -> Response<String> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef-canary";

    fn access(token: Option<&str>) -> Access {
        let settings = Settings {
            listen: ([127, 0, 0, 1], 9477).into(),
            token: token.map(Secret::new),
            hosts: vec!["seal-07.mine.example".to_owned()],
            lang: Lang::En,
        };
        Access::new(&settings, "Seal-07")
    }

    /// The status and the body of the answer to a request with these headers.
    fn ask(
        access: &Access,
        telemetry: &Telemetry,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let facts = Facts { telemetry, started: Duration::ZERO, now: Instant::now() };
        let response = access.answer(&request.body(()).unwrap(), &facts);
        assert!(!response.body().contains("canary"), "{}", response.body());
        (response.status().as_u16(), response.into_body())
    }

    #[test]
    fn the_paths_there_are_are_answered_and_no_other() {
        let (access, telemetry) = (access(None), Telemetry::default());
        telemetry.health().set_ready();
        for (method, path, expected) in [
            ("GET", "/metrics", 200),
            ("HEAD", "/metrics", 200),
            ("GET", "/metrics?name=x", 200),
            ("GET", "/healthz", 200),
            ("GET", "/readyz", 200),
            ("POST", "/metrics", 405),
            ("DELETE", "/healthz", 405),
            ("OPTIONS", "/readyz", 405),
            ("TRACE", "/readyz", 405),
            ("GET", "/", 200),
            ("POST", "/", 405),
            ("GET", "/status", 404),
            ("GET", "/api/v1/status", 200),
            // The reading side has handed nothing over.
            ("GET", "/api/v1/alerts", 503),
            ("GET", "/pages/sealtail/sink-parked", 503),
            ("POST", "/api/v1/alerts", 405),
            ("POST", "/pages/sealtail/sink-parked", 405),
            ("GET", "/api/v1/", 404),
            ("GET", "/pages", 404),
            ("GET", "/metrics/", 404),
            ("GET", "//metrics", 404),
            ("GET", "/Metrics", 404),
            ("GET", "/%6detrics", 404),
            ("GET", "/../etc/passwd", 404),
            ("GET", "/..%2f..%2fetc%2fpasswd", 404),
            ("GET", "/metrics/../../etc/passwd", 404),
        ] {
            let (status, body) = ask(&access, &telemetry, method, path, &[("host", "127.0.0.1:9477")]);
            assert_eq!(status, expected, "{method} {path}: {body}");
            assert!(!body.contains("root:"), "{body}");
        }
    }

    #[test]
    fn a_request_must_name_this_box() {
        let (access, telemetry) = (access(None), Telemetry::default());
        for (host, expected) in [
            ("127.0.0.1:9477", true),
            ("127.0.0.1", true),
            ("[::1]:9477", true),
            ("10.1.2.3:9477", true),
            ("localhost:9477", true),
            ("LocalHost", true),
            ("seal-07:9477", true),
            ("seal-07.mine.example:9477", true),
            ("seal-07.mine.example.", true),
            ("rebound.example:9477", false),
            ("localhost.rebound.example", false),
            ("127.0.0.1.rebound.example", false),
            ("seal-07.rebound.example", false),
            ("127.0.0.1@rebound.example", false),
            ("rebound.example@127.0.0.1", false),
            ("http://127.0.0.1/", true),
            ("rebound.example/127.0.0.1", false),
            ("", false),
        ] {
            let (status, body) = ask(&access, &telemetry, "GET", "/healthz", &[("host", host)]);
            assert_eq!(status, if expected { 200 } else { 403 }, "{host}: {body}");
            assert!(!body.contains("rebound"), "{body}");
        }
        let local = ("host", "localhost");
        for (uri, headers, expected) in [
            ("/healthz", &[][..], 403),
            ("/healthz", &[local, local], 403),
            ("http://rebound.example/healthz", &[local], 403),
            ("http://localhost/healthz", &[local], 200),
        ] {
            assert_eq!(ask(&access, &telemetry, "GET", uri, headers).0, expected, "{uri} {headers:?}");
        }
    }

    #[test]
    fn a_token_is_asked_for_everywhere() {
        let (access, telemetry) = (access(Some(TOKEN)), Telemetry::default());
        telemetry.health().set_ready();
        for path in ["/metrics", "/healthz", "/readyz", "/", "/api/v1/status"] {
            for (header, value, expected) in [
                ("x-other", "", 401),
                ("authorization", TOKEN, 401),
                ("authorization", "Bearer", 401),
                ("authorization", "Bearer ", 401),
                ("authorization", "Bearer 0123456789abcdef", 401),
                ("authorization", &format!("Basic {TOKEN}"), 401),
                ("authorization", &format!("Basic {}", BASE64_STANDARD.encode(TOKEN)), 401),
                ("authorization", &format!("Basic {}", BASE64_STANDARD.encode(format!("{TOKEN}:"))), 401),
                ("authorization", &format!("Basic {}", BASE64_STANDARD.encode(format!("me:{TOKEN}x"))), 401),
                ("authorization", &format!("Basic {}", BASE64_STANDARD.encode(format!("me:{TOKEN}"))), 200),
                ("authorization", &format!("Basic {}", BASE64_STANDARD.encode(format!(":{TOKEN}"))), 200),
                ("authorization", &format!("Digest {TOKEN}"), 401),
                ("authorization", &format!("Bearer {TOKEN}x"), 401),
                ("authorization", &format!("Bearer {TOKEN}"), 200),
                ("authorization", &format!("bearer {TOKEN}"), 200),
            ] {
                let headers = [("host", "10.1.2.3"), (header, value)];
                assert_eq!(
                    ask(&access, &telemetry, "GET", path, &headers).0,
                    expected,
                    "{path} {header}: {value}"
                );
            }
        }
        assert!(!format!("{access:?}").contains("canary"));
    }

    #[test]
    fn a_browser_is_asked_for_a_password() {
        let (access, telemetry) = (access(Some(TOKEN)), Telemetry::default());
        let facts = Facts { telemetry: &telemetry, started: Duration::ZERO, now: Instant::now() };
        let basic = "Basic realm=\"sealtail\"";
        for (path, way) in
            [("/", basic), ("/pages/a/b", basic), ("/metrics", "Bearer"), ("/api/v1/alerts", "Bearer")]
        {
            let request = Request::get(path).header("host", "10.1.2.3").body(()).unwrap();
            assert_eq!(access.answer(&request, &facts).headers()["www-authenticate"], way, "{path}");
        }
    }

    #[test]
    fn an_unhealthy_answer_says_why() {
        let (access, telemetry, host) = (access(None), Telemetry::default(), [("host", "localhost")]);
        assert_eq!(ask(&access, &telemetry, "GET", "/healthz", &host), (200, "ok\n".to_owned()));
        let (status, body) = ask(&access, &telemetry, "GET", "/readyz", &host);
        assert_eq!((status, &*body), (503, "the first scan of the files is not complete\n"));
        telemetry.health().set_writable(Err("state.redb: read-only file system".to_owned()));
        let (status, body) = ask(&access, &telemetry, "GET", "/healthz", &host);
        assert_eq!(
            (status, &*body),
            (503, "reading is paused, the state cannot be written: state.redb: read-only file system\n")
        );
        let (_, text) = ask(&access, &telemetry, "GET", "/metrics", &host);
        assert!(text.contains("\nsealtail_state_failing 1\n") && text.ends_with('\n'), "{text}");
    }

    #[test]
    fn answers_are_not_kept_and_say_what_they_are() {
        let (access, telemetry) = (access(None), Telemetry::default());
        let facts = Facts { telemetry: &telemetry, started: Duration::ZERO, now: Instant::now() };
        for (method, path, name, value) in [
            ("GET", "/metrics", "content-type", exposition::CONTENT_TYPE),
            ("GET", "/healthz", "content-type", PLAIN),
            ("GET", "/healthz", "cache-control", "no-store"),
            ("GET", "/", "content-type", HTML),
            ("GET", "/", "content-security-policy", status::POLICY),
            ("GET", "/api/v1/status", "content-type", JSON),
            ("GET", "/metrics", "x-content-type-options", "nosniff"),
            ("PUT", "/metrics", "allow", "GET, HEAD"),
        ] {
            let request = Request::builder().method(method).uri(path).header("host", "localhost");
            let response = access.answer(&request.body(()).unwrap(), &facts);
            assert_eq!(response.headers()[name], value, "{method} {path}");
        }
    }
}
