//! A log written to do harm, from its bytes to what each destination sends.

use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use jiff::tz::TimeZone;
use regex::Regex;

use super::*;
use crate::base::text::is_control;
use crate::correlate::command::Vars;
use crate::correlate::{Correlator, Notice, Policy, Sighting};
use crate::detect::{Detector, Stream};
use crate::frame::End;
use crate::signature::{Catalogue, PageSource, PageText};

/// Everything that a page may take from a log: a group, a field, a command.
const PAGE: &str = r"# A needle

```toml
severity = 'error'
components = ['test']
anchors = ['NEEDLE']
regex = '''(?s)NEEDLE (?P<stack>.*)'''
group_by = ['stack']
[fields]
word = '''NEEDLE (\S+)'''
```

It pricks.

## Action

1. Look:

   ```sh
   grep {word} {path}
   ```

## Fires

```log stack=hay word=hay
NEEDLE hay
```

## Silent

```log
NEEDLE
```

## References

- [Q&A](https://example.org/qa)
";

/// The one link that is meant to be alive.
const LINK: &str = "<https://example.org/qa|Q&amp;A>";
/// What no message shows outside code.
const ALIVE: [&str; 7] = ["evil", "@here", "@channel", "U123", "C123", "S123", "everyone"];

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
    let page = PageText { path: "t/needle.md".to_owned(), text: PAGE.into() };
    let source = PageSource { pack: "t".to_owned(), name: "needle".to_owned(), lang: Lang::En, page };
    let (catalogue, faults) = Catalogue::load([source], &[]);
    assert!(faults.is_empty(), "{}", faults[0]);
    Detector::new(catalogue, TimeZone::UTC).unwrap()
});

/// Colours as this program writes them: one number.
static OWN_COLOURS: LazyLock<Regex> = LazyLock::new(|| Regex::new("\u{1b}\\[[0-9]?[0-9]?m").unwrap());

/// Pieces that are markup, a mention, a link or a command somewhere, between pieces that are not.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<!channel>",
        "<!here|here>",
        "<@U123>",
        "<#C123>",
        "<!subteam^S123>",
        "<https://evil|fix>",
        "@channel",
        "@here",
        "@everyone",
        "&lt;!channel&gt;",
        "&lt;",
        "&amp;lt;",
        "&",
        "<",
        ">",
        "|",
        "https://evil",
        "[fix](https://evil)",
        "<script>evil</script>",
        "{{evil}}",
        "${evil}",
        "`",
        "``",
        "```",
        "\n```\n",
        "*",
        "_",
        "~",
        ">>>",
        "\n",
        "\r",
        "\t",
        "\n> ",
        "\n# ",
        "\"",
        "\\",
        "\\u003c!channel\\u003e",
        "\u{202e}",
        "\u{2066}",
        "\u{200f}",
        "\u{2028}",
        "\u{9b}7m",
        "\u{7f}",
        "\u{7}",
        "\u{8}",
        "\u{1b}[38;5;196m",
        "\u{1b}[2J",
        "\u{1b}]8;;https://evil\u{7}fix\u{1b}]8;;\u{7}",
        "\u{1b}",
        "\u{fffd}",
        "\u{feff}",
        "错误",
        "🧨",
        " ",
        "a",
        "0",
    ]);
    prop_oneof![
        6 => prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat()),
        1 => ".{0,80}",
        1 => "[<&>\"`\n|]{0,4000}",
    ]
}

/// What `watch` makes of a log: the first message, the last one, and both in a digest.
fn messages(before: &str, needle: &str, after: &str, path: &str, lang: Lang) -> Vec<Message> {
    let head = "2022-06-24T14:33:24.1+08:00 ERROR ThreadId(42) x:";
    let log = format!("{head} {before}\n{head} NEEDLE {needle}\n{head} {after}\n");
    let mut correlator = Correlator::new(Policy::default(), []);
    let now = Timestamp::from_second(1_656_052_503).unwrap();
    let mut notices: Vec<Notice> = Vec::new();
    Stream::new(&DETECTOR).advance(log.as_bytes(), End::Final, |found| {
        let (context, names) = (found.context(5, &DETECTOR), found.names(path));
        let (signature, finding) = (&found.signature, found.finding.clone());
        let sighting =
            Sighting { signature, finding, ends: false, host: "seal-07", source: path, path, context, names };
        notices.extend(correlator.observe(vec![sighting], now));
    });
    notices.extend(correlator.tick(now + std::time::Duration::from_secs(3_600)));
    let alerts: Vec<Alert> =
        notices.iter().map(|notice| notice.render(DETECTOR.catalogue(), lang, &Vars::new())).collect();
    let mut digest = Digest::default();
    alerts.iter().for_each(|alert| digest.add(alert));
    let digest = Message::Digest { host: "seal-07".to_owned(), lang, digest };
    alerts.into_iter().map(|alert| Message::Alert(Box::new(alert))).chain([digest]).collect()
}

fn hostile() -> impl Strategy<Value = Vec<Message>> {
    let lang = prop::sample::select(vec![Lang::En, Lang::Zh]);
    (text(), text(), text(), text(), lang).prop_map(|(before, needle, after, path, lang)| {
        // A path has a character at least.
        messages(&before, &needle, &after, &format!("w{path}"), lang)
    })
}

/// The published schema of what is sent.
fn is_valid(name: &str, value: &Value) -> bool {
    let path = format!("{}/docs/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let mut schemas = Schemas::new();
    let index: SchemaIndex = Compiler::new().compile(&path, &mut schemas).unwrap();
    schemas.validate(value, index).is_ok()
}

#[test]
fn a_harmless_log_comes_to_its_messages() {
    let [Message::Alert(firing), Message::Alert(resolved), Message::Digest { digest, .. }] =
        &messages("before", "hay", "after", "/var/log/a.log", Lang::En)[..]
    else {
        panic!("one alert that fires and resolves, and a digest");
    };
    assert!(firing.record.ends_with("x: NEEDLE hay"), "{}", firing.record);
    assert!(firing.context.before[0].ends_with("before") && firing.context.after[0].ends_with("after"));
    assert_eq!((&*firing.group["stack"], firing.status), ("hay", Status::Firing));
    assert_eq!(firing.action[0].command.as_deref(), Some("grep hay /var/log/a.log"));
    assert_eq!((resolved.status, digest.findings), (Status::Resolved, 1));
}

/// As code, and nothing else.
pub(super) fn slack(messages: &[Message]) -> Result<(), TestCaseError> {
    let slack = Slack { url: Secret::new(CANARY) };
    for message in messages {
        let body = slack.request(&outbox_message(message.clone()), Timestamp::UNIX_EPOCH).body;
        let body: Value = serde_json::from_str(&body).unwrap();
        let mut shown = Vec::new();
        texts(&body, &mut shown);
        prop_assert!(shown.contains(&body["text"].as_str().unwrap().to_owned()), "the fallback is looked at");
        for text in shown {
            prop_assert!(!text.chars().any(is_control), "{:?}", text);
            let dead = text.replace(LINK, "");
            prop_assert!(!dead.contains(['<', '>']), "{}", dead);
            let mut entities = dead.split('&').skip(1);
            let known = |rest: &str| ["amp;", "lt;", "gt;"].iter().any(|entity| rest.starts_with(entity));
            prop_assert!(entities.all(known), "{}", dead);
            let outside = outside_code(&dead);
            prop_assert!(outside.is_some(), "a tick is open: {}", dead);
            let outside = outside.unwrap_or_default();
            prop_assert!(!ALIVE.iter().any(|word| outside.contains(word)), "{}", outside);
        }
    }
    Ok(())
}

/// Whole, and as the schema says.
pub(super) fn webhook(messages: &[Message]) -> Result<(), TestCaseError> {
    let webhook = Webhook { url: Secret::new(CANARY), key: None };
    for message in messages {
        let body = webhook.request(&outbox_message(message.clone()), Timestamp::UNIX_EPOCH).body;
        prop_assert_eq!(body.lines().count(), 1);
        let event: Value = serde_json::from_str(&body).unwrap();
        let source = event["source"].as_str().unwrap();
        prop_assert!(
            source.chars().all(|c| c.is_ascii_graphic() && !"<>\"`\\{}|^".contains(c)),
            "{}",
            source
        );
        if let Message::Alert(alert) = message {
            prop_assert_eq!(event["data"]["record"].as_str(), Some(&*alert.record));
            prop_assert_eq!(event["data"]["path"].as_str(), Some(&*alert.path));
            let command = alert.action[0].command.as_deref().unwrap();
            let safe = |c: char| c.is_ascii_alphanumeric() || "._:/@=+- <>".contains(c);
            prop_assert!(command.chars().all(safe), "{}", command);
        }
    }
    Ok(())
}

/// Without a control character but colours of its own.
pub(super) fn terminal(messages: &[Message]) -> Result<(), TestCaseError> {
    for message in messages {
        let print = Stdout { json: false }.print(&outbox_message(message.clone()));
        let bare = OWN_COLOURS.replace_all(&print, "");
        prop_assert!(!bare.chars().any(is_control), "{:?}", bare);
    }
    Ok(())
}

/// One line each, without a control character.
pub(super) fn json_lines(messages: &[Message]) -> Result<(), TestCaseError> {
    for message in messages {
        let json = Stdout { json: true }.print(&outbox_message(message.clone()));
        prop_assert!(json.ends_with('\n') && !json.trim_end_matches('\n').contains(['\n', '\t']));
        prop_assert!(!json.chars().any(is_control), "{:?}", json);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_destination_is_safe_from_it(messages in hostile()) {
        for (kind, _) in destinations() {
            (kind.hostile)(&messages)?;
        }
    }
}

proptest! {
    // The schema is compiled for each of them.
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn every_alert_keeps_to_the_schema(messages in hostile()) {
        for message in messages {
            if let Message::Alert(alert) = message {
                let value = serde_json::to_value(&alert).unwrap();
                prop_assert!(is_valid("alert.v1", &value), "{}", value);
            }
        }
    }
}
