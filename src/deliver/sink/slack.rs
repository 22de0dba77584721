//! Slack, by an incoming webhook: Block Kit, within its limits.
//!
//! Text from logs stands in code, escaped, and every text is `verbatim`, so Slack finds no names,
//! channels or URLs in it by itself. Lengths are counted in characters, as Slack counts them.

mod mrkdwn;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::mrkdwn::{code, code_block, escape_cut, link, markdown};
use super::contract::{HttpSink, Request, json as json_text};
use super::reply::{Outcome, Reply};
use super::words;
use crate::base::secret::Secret;
use crate::base::text::{clean_line, cut};
use crate::model::alert::{Action, Alert, Digest, DigestLine, Lang, Message, OutboxMessage, Status};
use crate::model::finding::Severity;

/// Characters of a header.
const HEADER_CHARS_MAX: usize = 150;
/// Characters of a section's text.
const SECTION_CHARS_MAX: usize = 3_000;
/// Blocks of a message.
const BLOCKS_MAX: usize = 50;
/// Characters of a whole message, as JSON. Slack refuses somewhat longer ones without saying where
/// the limit is.
const MESSAGE_CHARS_MAX: usize = 10_000;

/// Characters of a record that are shown; the rest is in the log.
const RECORD_CHARS_MAX: usize = 2_000;
/// Characters of one name or value that are shown.
const VALUE_CHARS_MAX: usize = 100;
/// Characters of all links together.
const LINKS_CHARS_MAX: usize = 1_500;
/// Values of a group that are shown.
const VALUES_MAX: usize = 8;
/// Followers that are named.
const FOLLOWERS_MAX: usize = 8;
/// So many confirmed causes, …
const CONFIRMED_MAX: usize = 3;
/// … each no longer than this.
const CONFIRMED_CHARS_MAX: usize = 300;
/// Characters kept free for the blocks that close a message.
const CLOSING_CHARS: usize = 300;

/// A channel of Slack.
#[derive(Debug, Clone, PartialEq)]
pub struct Slack {
    /// The incoming webhook.
    pub url: Secret,
}

impl HttpSink for Slack {
    fn url(&self) -> &Secret {
        &self.url
    }

    fn request(&self, message: &OutboxMessage, _: Timestamp) -> Request {
        let body = match &message.message {
            Message::Alert(alert) => alert_body(alert, &message.id),
            Message::Digest { host, lang, digest } => digest_body(host, *lang, digest, &message.id),
        };
        self.post(&body)
    }

    /// A few lines of plain text, without blocks.
    fn plain(&self, message: &OutboxMessage, _: Timestamp) -> Request {
        let mut lines = match &message.message {
            Message::Alert(alert) => alert_lines(alert),
            Message::Digest { host, lang, digest } => digest_lines(host, *lang, digest),
        };
        lines.push(message.id.clone());
        let lines: Vec<_> =
            lines.iter().map(|line| escape_cut(&clean_line(line), 2 * VALUE_CHARS_MAX)).collect();
        self.post(&frame(&lines.join("\n"), None))
    }

    /// Slack says `ok` in the body of a 200; anything else is no success. A page comes from something
    /// on the way, such as a proxy or a portal: Slack has not refused anything.
    fn outcome(&self, reply: &Reply, now: Timestamp) -> Outcome {
        let Outcome::Delivered = reply.by_status(now) else { return reply.by_status(now) };
        let said = reply.body.trim_ascii();
        let reason = || format!("status {} without `ok`{}", reply.status, reply.shown());
        match said {
            _ if reply.broken => Outcome::unreachable("the reply was cut off"),
            b"ok" => Outcome::Delivered,
            [b'<', ..] => Outcome::unreachable(reason()),
            _ => Outcome::Refused { reason: reason() },
        }
    }
}

impl Slack {
    fn post(&self, body: &Value) -> Request {
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Request { url: self.url.clone(), headers, body: json_text(body) }
    }
}

fn heading(alert: &Alert) -> String {
    let title = clean_line(&alert.title);
    match alert.status {
        Status::Firing => format!("{} {title}", mark(alert.severity)),
        // That nothing more came is no good news.
        Status::Resolved if alert.quiet => format!("⚪ {}: {title}", words::end(alert)),
        Status::Resolved => format!("✅ {}: {title}", words::end(alert)),
    }
}

/// An alert in plain text, one fact a line.
fn alert_lines(alert: &Alert) -> Vec<String> {
    let severity = alert.lang.severity(alert.severity);
    let group = alert.group.iter().take(VALUES_MAX).map(|(name, value)| format!(" {name}={value}"));
    vec![
        heading(alert),
        format!("{severity} {} {}{}", alert.host, alert.source, group.collect::<String>()),
        words::counts(alert.lang, alert.count, alert.new, &alert.first_seen, &alert.last_seen),
        format!("{}:{}", alert.path, alert.line),
        format!("sealtail explain {}", alert.signature),
    ]
}

/// A digest in plain text, one line a signature and the rest in one more.
fn digest_lines(host: &str, lang: Lang, digest: &Digest) -> Vec<String> {
    let mut short = Digest::default();
    short.add_by_signature(digest);
    let mut lines =
        vec![words::digest_title(lang, digest.findings, digest.alerts.len()), words::digest_why(lang, host)];
    short.alerts.sort_by_key(|line| std::cmp::Reverse((line.severity, line.new)));
    let (told, rest) = short.alerts.split_at(short.alerts.len().min(VALUES_MAX));
    lines.extend(told.iter().map(|line| {
        let counts = words::digest_counts(lang, line.new, line.count, line.status);
        format!("{} {}: {counts}", mark(line.severity), line.signature)
    }));
    if !rest.is_empty() {
        lines.push(words::digest_rest(lang, rest.len(), rest.iter().map(|line| line.new).sum()));
    }
    lines
}

fn alert_body(alert: &Alert, id: &str) -> Value {
    let mut message = Body::new(&heading(alert), &facts(alert));
    let mut closing = Vec::new();
    if alert.status == Status::Firing {
        message.push(section(&code_block(&alert.record, RECORD_CHARS_MAX)));
        if !alert.other_releases.is_empty() {
            let steps = alert.other_releases.len();
            closing.push(context(&words::other_releases(
                alert.lang,
                steps,
                &code(&alert.signature, VALUE_CHARS_MAX),
            )));
        }
        let links = links(alert);
        if !links.is_empty() {
            closing.push(context(&links));
        }
    }
    closing.push(footer(Some(&alert.signature), id));
    message.reserve(&closing);
    if alert.status == Status::Firing {
        let meaning = markdown(&alert.meaning, SECTION_CHARS_MAX);
        let steps = alert.steps().map(|(number, action)| step(alert.lang, number, action));
        let sections = [section(&meaning)].into_iter().chain(steps);
        if !message.push_all(sections) {
            let explain = code(&format!("sealtail explain {}", alert.signature), VALUE_CHARS_MAX);
            closing.insert(0, context(&format!("… {}: {explain}", words::rest(alert.lang))));
        }
    }
    message.close(closing)
}

fn digest_body(host: &str, lang: Lang, digest: &Digest, id: &str) -> Value {
    let heading = words::digest_title(lang, digest.findings, digest.alerts.len());
    let host = code(host, VALUE_CHARS_MAX);
    let mut message = Body::new(&heading, &words::digest_why(lang, &host));
    let mut closing = vec![footer(None, id)];
    message.reserve(&closing);
    let mut lines: Vec<&DigestLine> = digest.alerts.iter().collect();
    lines.sort_by_key(|line| std::cmp::Reverse((line.severity, line.new)));
    let told = lines.iter().take_while(|line| message.push(section(&digest_line(lang, line)))).count();
    if told < lines.len() {
        let new: u64 = lines[told..].iter().map(|line| line.new).sum();
        closing.insert(0, context(&words::digest_rest(lang, lines.len() - told, new)));
    }
    message.close(closing)
}

fn digest_line(lang: Lang, line: &DigestLine) -> String {
    let signature = code(&line.signature, VALUE_CHARS_MAX);
    let group = group(&line.group);
    let counts = words::digest_counts(lang, line.new, line.count, line.status);
    format!("{} {signature}{group}: {counts}", mark(line.severity))
}

/// The references that fit. A link is not cut: half a URL leads elsewhere.
fn links(alert: &Alert) -> String {
    let mut room = LINKS_CHARS_MAX;
    let fitting = alert.links.iter().map(|to| link(&to.title, &to.url)).take_while(|link| {
        let length = link.chars().count() + 5;
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    });
    fitting.collect::<Vec<_>>().join("  ·  ")
}

/// Where, how often, since when.
fn facts(alert: &Alert) -> String {
    let host = code(&alert.host, VALUE_CHARS_MAX);
    let source = code(&alert.source, VALUE_CHARS_MAX);
    let place = code(&format!("{}:{}", alert.path, alert.line), 2 * VALUE_CHARS_MAX);
    let (first, last) = (code(&alert.first_seen, 40), code(&alert.last_seen, 40));
    let severity = alert.lang.severity(alert.severity);
    let counts = words::counts(alert.lang, alert.count, alert.new, &first, &last);
    let group = group(&alert.group);
    format!("*{severity}* {host} {source}{group}\n{counts}\n{place}{}", relations(alert))
}

/// The alert that explains this one, and what this one explains.
fn relations(alert: &Alert) -> String {
    let lang = alert.lang;
    let cause = alert.explained_by.iter().map(|cause| {
        let signature = code(&cause.signature, VALUE_CHARS_MAX);
        format!("\n{} {signature}", words::explained_by(lang))
    });
    let possible = alert.possible_causes.iter().take(FOLLOWERS_MAX).map(|cause| {
        let title = escape_cut(&clean_line(&cause.title), VALUE_CHARS_MAX);
        format!("\n{} {title}", words::possibly_because_of(lang))
    });
    let followers = alert.followers.iter().take(FOLLOWERS_MAX).map(|follower| {
        let title = escape_cut(&clean_line(&follower.title), VALUE_CHARS_MAX);
        format!("\n{} {} {title}", words::explains(lang), words::times(lang, follower.count))
    });
    let confirmed = alert.confirmed.iter().take(CONFIRMED_MAX).map(|cause| {
        let text = escape_cut(&clean_line(&cause.text), CONFIRMED_CHARS_MAX);
        let check = code(&cause.check, VALUE_CHARS_MAX);
        format!("\n{}: {text} {check}", words::confirmed(lang))
    });
    cause.chain(possible).chain(confirmed).chain(followers).collect()
}

fn group(group: &crate::model::record::Fields) -> String {
    let value = |(name, value): (&String, &String)| code(&format!("{name}={value}"), VALUE_CHARS_MAX);
    group.iter().take(VALUES_MAX).map(|pair| format!(" {}", value(pair))).collect()
}

/// One step: its text, its command, and what to mind.
fn step(lang: Lang, number: Option<usize>, action: &Action) -> Value {
    let number = number.map(|number| format!("*{number}.* ")).unwrap_or_default();
    let mut text = format!("{number}{}", markdown(&action.text, SECTION_CHARS_MAX / 3));
    if let Some(command) = &action.command {
        text += &format!("\n{}", code_block(command, SECTION_CHARS_MAX / 3));
    }
    if action.caution {
        text += &format!("\n⚠️ {}", words::caution(lang));
    }
    if !action.unfilled.is_empty() {
        let names: Vec<_> = action.unfilled.iter().map(|name| format!("<{name}>")).collect();
        text += &format!("\n{} {}", words::fill_in(lang), code(&names.join(" "), 2 * VALUE_CHARS_MAX));
    }
    section(&text)
}

fn footer(signature: Option<&str>, id: &str) -> Value {
    let signature = signature.map(|signature| format!("{} · ", code(signature, VALUE_CHARS_MAX)));
    context(&format!("{}{}", signature.unwrap_or_default(), code(id, VALUE_CHARS_MAX)))
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "🔵",
        Severity::Warning => "🟡",
        Severity::Error => "🟠",
        Severity::Critical => "🔴",
    }
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": true}]})
}

/// A message that keeps within Slack's limits.
struct Body {
    fallback: String,
    blocks: Vec<Value>,
    chars: usize,
    closing_blocks: usize,
}

impl Body {
    fn new(heading: &str, facts: &str) -> Body {
        // Where blocks are not shown, as in a notification, this is all there is.
        let fallback = escape_cut(heading, HEADER_CHARS_MAX);
        let header = json!({"type": "plain_text", "text": cut(heading, HEADER_CHARS_MAX), "emoji": false});
        let chars = chars(&frame(&fallback, Some(vec![]))) + CLOSING_CHARS;
        let mut body = Body { fallback, blocks: Vec::new(), chars, closing_blocks: 1 };
        body.push(json!({"type": "header", "text": header}));
        body.push(section(facts));
        body
    }

    /// Keeps room for the blocks that will close the message.
    fn reserve(&mut self, closing: &[Value]) {
        self.chars += closing.iter().map(|block| chars(block) + 1).sum::<usize>();
        self.closing_blocks += closing.len();
    }

    /// Adds a block, if there is room. Empty sections are none.
    fn push(&mut self, block: Value) -> bool {
        if block["text"]["text"] == "" {
            return true;
        }
        let longer = self.chars + chars(&block) + 1;
        let fits = longer <= MESSAGE_CHARS_MAX && self.blocks.len() + self.closing_blocks < BLOCKS_MAX;
        if fits {
            self.chars = longer;
            self.blocks.push(block);
        }
        fits
    }

    /// Adds blocks up to the first that does not fit; whether all did.
    fn push_all(&mut self, blocks: impl IntoIterator<Item = Value>) -> bool {
        blocks.into_iter().all(|block| self.push(block))
    }

    fn close(mut self, closing: Vec<Value>) -> Value {
        self.blocks.extend(closing);
        frame(&self.fallback, Some(self.blocks))
    }
}

fn frame(text: &str, blocks: Option<Vec<Value>>) -> Value {
    let mut frame = json!({
        "text": text,
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    });
    if let Some(blocks) = blocks {
        frame["blocks"] = blocks.into();
    }
    frame
}

/// Characters of a value as JSON.
fn chars(value: &Value) -> usize {
    json_text(value).chars().count()
}
