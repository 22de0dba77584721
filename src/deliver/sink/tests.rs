//! Every destination against its golden request, and against hostile text.

mod hostile;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::base::secret::Secret;
use crate::model::alert::OutboxMessage;
use crate::model::alert::tests::sample;
use crate::model::alert::{Alert, Context, Digest, Lang, Message, PossibleCause, Status};
use crate::model::finding::Severity;

const CANARY: &str = "https://hooks.example/services/T0/B0/canary";

/// What this file and `hostile` hold a kind of destination against.
struct Kind {
    /// The names of its golden files begin so.
    golden: &'static str,
    /// What carries it.
    carrier: &'static str,
    /// Whether messages of a hostile log are harmless in it.
    hostile: fn(&[Message]) -> Result<(), TestCaseError>,
}

/// A new variant does not compile until its row stands here, and does not pass until its golden files do.
fn kind(destination: &Destination) -> Kind {
    let (golden, carrier, hostile): (_, _, fn(&[Message]) -> _) = match destination {
        Destination::Webhook(_) => ("webhook", "http", hostile::webhook),
        Destination::Slack(_) => ("slack", "http", hostile::slack),
        Destination::Stdout(Stdout { json: false }) => ("stdout", "stdout", hostile::terminal),
        Destination::Stdout(Stdout { json: true }) => ("stdout_json", "stdout", hostile::json_lines),
    };
    Kind { golden, carrier, hostile }
}

/// Every destination.
fn destinations() -> Vec<(Kind, Destination)> {
    let url = Secret::new(CANARY);
    let key = SigningKey::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
    let all = vec![
        Destination::Webhook(Webhook { url: url.clone(), key: Some(key) }),
        Destination::Slack(Slack { url }),
        Destination::Stdout(Stdout { json: false }),
        Destination::Stdout(Stdout { json: true }),
    ];
    all.into_iter().map(|destination| (kind(&destination), destination)).collect()
}

fn outbox_message(message: Message) -> OutboxMessage {
    let id = "0123456789abcdef0123456789abcdef".to_owned();
    OutboxMessage { id, created: "2022-06-24T06:35:02Z".to_owned(), message }
}

fn digest() -> Message {
    let mut digest = Digest::default();
    digest.add(&sample());
    let group = [("sector".to_owned(), "s-t01000-7".to_owned())].into();
    let (severity, status) = (Severity::Critical, Status::Resolved);
    digest.add(&Alert { fingerprint: "other".to_owned(), severity, status, group, count: 40, ..sample() });
    Message::Digest { host: "seal-07".to_owned(), lang: Lang::En, digest }
}

fn messages() -> [(&'static str, Message); 6] {
    let resolved = Alert { status: Status::Resolved, sequence: 2, count: 17, new: 14, ..sample() };
    let quiet = quiet(resolved.clone());
    let quiet_zh = Alert { lang: Lang::Zh, ..quiet.clone() };
    [
        ("firing", Message::Alert(Box::new(sample()))),
        ("resolved", Message::Alert(Box::new(resolved))),
        ("quiet", Message::Alert(Box::new(quiet))),
        ("quiet_zh", Message::Alert(Box::new(quiet_zh))),
        ("firing_zh", Message::Alert(Box::new(Alert { lang: Lang::Zh, ..sample() }))),
        ("digest", digest()),
    ]
}

/// The request as a text that a person can review: no secret but the one of the test in it.
fn shown(request: &Request) -> String {
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let body: Value = serde_json::from_str(&request.body).unwrap();
    format!("{headers}\n{}\n", serde_json::to_string_pretty(&body).unwrap())
}

/// Everything that is sent for `message`, by the ending of its golden file.
fn sent(carried: &Carried, message: &OutboxMessage, now: Timestamp) -> Vec<(&'static str, String)> {
    match carried {
        Carried::Http(sink) => {
            vec![("", shown(&sink.request(message, now))), (".plain", shown(&sink.plain(message, now)))]
        }
        Carried::Stdout(sink) => vec![("", sink.print(message).replace('\u{1b}', "␛"))],
    }
}

#[test]
fn every_destination_makes_its_golden_requests() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deliver/sink/golden");
    let now = Timestamp::from_second(1_656_052_503).unwrap();
    for (Kind { golden, .. }, destination) in destinations() {
        for (kind, message) in messages() {
            for (form, made) in sent(&destination.carried(), &outbox_message(message), now) {
                let path = folder.join(format!("{golden}.{kind}{form}.txt"));
                // To make new golden files, look at them, then commit: GOLDEN=write cargo test golden
                if std::env::var_os("GOLDEN").is_some_and(|word| word == "write") {
                    std::fs::write(&path, &made).unwrap();
                }
                let golden = std::fs::read_to_string(&path).unwrap_or_default();
                assert_eq!(made, golden, "{}", path.display());
            }
        }
    }
}

/// `resolved`, for nothing more came, and with a cause that is not certain.
fn quiet(resolved: Alert) -> Alert {
    let possible_causes = vec![PossibleCause {
        signature: "kernel/nvme-timeout".to_owned(),
        title: "An NVMe drive <does not answer>".to_owned(),
        fingerprint: "8899aabbccddeeff".to_owned(),
    }];
    Alert { quiet: true, quiet_seconds: 900, possible_causes, explained_by: None, ..resolved }
}

#[test]
fn every_destination_has_its_carrier_and_its_own_address() {
    for (Kind { golden, carrier, .. }, destination) in destinations() {
        let carried = match destination.carried() {
            Carried::Http(sink) => {
                let message = outbox_message(digest());
                let forms = [
                    sink.request(&message, Timestamp::UNIX_EPOCH),
                    sink.plain(&message, Timestamp::UNIX_EPOCH),
                ];
                // The client is made for this address: whether it takes a proxy depends on it.
                assert!(forms.iter().all(|request| request.url == *sink.url()), "{golden}");
                "http"
            }
            Carried::Stdout(_) => "stdout",
        };
        assert_eq!(carried, carrier, "{golden}");
    }
}

#[test]
fn no_destination_shows_its_secrets() {
    for (Kind { golden, .. }, destination) in destinations() {
        let (carried, message) = (destination.carried(), outbox_message(digest()));
        let sent = match &carried {
            Carried::Http(sink) => format!("{:?}", sink.request(&message, Timestamp::UNIX_EPOCH)),
            Carried::Stdout(sink) => sink.print(&message),
        };
        let shown = format!("{destination:?} {carried:?} {sent}");
        assert!(!shown.contains("canary") && !shown.contains("MfKQ9r8"), "{golden}: {shown}");
    }
}

#[test]
fn slack_succeeds_with_ok_alone() {
    let outcome = |status, body: &str, broken| {
        let reply = Reply { status, body: body.as_bytes().to_vec(), broken, ..Reply::default() };
        Slack { url: Secret::new(CANARY) }.outcome(&reply, Timestamp::UNIX_EPOCH)
    };
    assert_eq!(outcome(200, "ok", false), Outcome::Delivered);
    assert_eq!(
        outcome(200, "no_text", false),
        Outcome::Refused { reason: "status 200 without `ok`: no_text".to_owned() }
    );
    let page = "\r\n<!doctype html><title>Please log in</title>";
    let reason = format!("status 200 without `ok`: {}", page.trim());
    assert_eq!(outcome(200, page, false), Outcome::Retry { after: None, reason });
    assert!(matches!(outcome(200, "", true), Outcome::Retry { .. }));
    assert!(matches!(outcome(500, "rollup_error", false), Outcome::Retry { .. }));
    let reason = "status 410: channel_is_archived".to_owned();
    assert_eq!(outcome(410, "channel_is_archived", false), Outcome::Revoked { reason });
}

/// Every string of a JSON value that Slack shows.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get("text") {
                found.push(text.clone());
            }
            object.values().for_each(|value| texts(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// The alert with `text` in every place that a log or a file name can fill.
fn hostile(text: &str) -> Alert {
    let fields: crate::model::record::Fields = [(text.to_owned(), text.to_owned())].into();
    let mut alert = Alert {
        source: text.to_owned(),
        path: text.to_owned(),
        group: fields.clone(),
        fields,
        record: text.to_owned(),
        ..sample()
    };
    alert.context.before = vec![text.to_owned()];
    for action in &mut alert.action {
        action.text = text.to_owned();
        action.command = Some(text.to_owned());
        action.unfilled = vec![text.to_owned()];
    }
    alert
}

/// Pieces that are markup somewhere, between pieces that are not.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<!channel>",
        "<@U123>",
        "<#C1>",
        "<https://evil.example|fix>",
        "<!subteam^S1>",
        "&lt;",
        "&",
        "```",
        "`",
        "*",
        "_",
        "~",
        "|",
        "\n",
        "\n```\n",
        "@here",
        "https://evil.example",
        "\u{1b}[31m",
        "\u{202e}",
        "错误",
        " ",
        "a",
        "<",
        ">",
        "\"",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat()),
        ".{0,80}",
        "[<&>\"`\n]{0,6000}",
    ]
}

/// `text` without its code, and whether every tick found its partner. Slack's own reading: a block
/// goes to the next three ticks, inline code to the next tick.
fn outside_code(text: &str) -> Option<String> {
    let mut outside = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('`') {
        outside.push_str(&rest[..start]);
        let ticks = if rest[start..].starts_with("```") { "```" } else { "`" };
        let inside = &rest[start + ticks.len()..];
        rest = &inside[inside.find(ticks)? + ticks.len()..];
    }
    outside.push_str(rest);
    Some(outside)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_from_a_log_comes_alive_in_slack(text in hostile_text(), resolved in any::<bool>()) {
        let slack = Slack { url: Secret::new(CANARY) };
        let status = if resolved { Status::Resolved } else { Status::Firing };
        let alert = Alert { status, ..hostile(&text) };
        let mut told = Digest::default();
        told.add(&alert);
        let digest = Message::Digest { host: text.clone(), lang: Lang::En, digest: told };
        // Links of the page itself are meant to be alive; nothing else is.
        let page_link = "<https://example.org/qa?a=1&amp;b=2|Q&amp;A>";
        for message in [Message::Alert(Box::new(alert)), digest] {
            let sent = outbox_message(message);
            let plain: Value = serde_json::from_str(&slack.plain(&sent, Timestamp::UNIX_EPOCH).body).unwrap();
            let plain = plain["text"].as_str().unwrap();
            prop_assert!(!plain.contains('<') && plain.chars().count() < 2_000, "{}", plain);
            prop_assert!(!plain.chars().any(|c| c != '\n' && crate::base::text::is_control(c)), "{}", plain);
            let body = slack.request(&sent, Timestamp::UNIX_EPOCH).body;
            prop_assert!(body.chars().count() <= 10_000);
            let body: Value = serde_json::from_str(&body).unwrap();
            prop_assert!(body["blocks"].as_array().unwrap().len() <= 50);
            let mut shown = Vec::new();
            texts(&body, &mut shown);
            for text in shown {
                prop_assert!(!text.is_empty() && text.chars().count() <= 3_000);
                prop_assert!(!text.chars().any(|c| c != '\n' && c != '\t' && c.is_control()));
                let turned = text.contains('\u{202e}');
                prop_assert!(!turned);
                let dead = text.replace(page_link, "");
                // The one thing a step's own Markdown may make is a link to a web page.
                let links = dead.matches("<http").count();
                prop_assert_eq!(dead.matches('<').count(), links, "{}", dead);
                prop_assert!(outside_code(&text).is_some(), "{}", text);
            }
        }
    }

    #[test]
    fn nothing_from_a_log_drives_a_terminal(text in hostile_text()) {
        let message = Message::Alert(Box::new(hostile(&text)));
        let print = Stdout { json: false }.print(&outbox_message(message));
        let plain = anstream::adapter::strip_str(&print).to_string();
        prop_assert!(!plain.chars().any(|c| c != '\n' && c != '\t' && c.is_control()));
        let alert = hostile(&text);
        let json = Stdout { json: true }.print(&outbox_message(Message::Alert(Box::new(alert.clone()))));
        prop_assert!(!json.trim_end_matches('\n').chars().any(crate::base::text::is_control));
        prop_assert_eq!(json.lines().count(), 1);
        prop_assert_eq!(serde_json::from_str::<Alert>(&json).unwrap(), alert);
    }
}

#[test]
fn a_webhook_in_plain_form_is_short_and_keeps_who_it_is() {
    let long = "错".repeat(50_000);
    let alert = Alert { record: long.clone(), meaning: long.clone(), ..hostile(&long) };
    let alert = Alert { fields: [("long".to_owned(), long.clone())].into(), ..alert };
    let sent = outbox_message(Message::Alert(Box::new(alert.clone())));
    let Message::Alert(short) = plain::shorten(&sent).message else { panic!("an alert") };
    assert_eq!(short.record.chars().count(), 1_000);
    assert_eq!((short.fingerprint, short.count, short.new), (alert.fingerprint, alert.count, alert.new));
    assert_eq!((short.context, short.fields["long"].chars().count()), (Context::default(), 500));
    assert_eq!(short.meaning.chars().count(), 500);
}

#[test]
fn slack_cuts_headers_and_long_pages() {
    let slack = Slack { url: Secret::new(CANARY) };
    let mut alert = Alert { title: "错".repeat(400), meaning: "word & ".repeat(3_000), ..sample() };
    alert.action = vec![alert.action[0].clone(); 80];
    let body: Value = serde_json::from_str(
        &slack.request(&outbox_message(Message::Alert(Box::new(alert))), Timestamp::UNIX_EPOCH).body,
    )
    .unwrap();
    let header = body["blocks"][0]["text"]["text"].as_str().unwrap();
    assert_eq!(header.chars().count(), 150);
    let body = body.to_string();
    assert!(body.chars().count() <= 10_000);
    assert!(body.contains("… the rest: `sealtail explain venus-cluster/ext-unmarshal-response`"), "{body}");
}
