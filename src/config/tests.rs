//! Every setting, every fault with its place, and no secret anywhere.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;
use crate::base::secret::Secret;
use crate::deliver::sink::{Destination, Route, SigningKey, Slack, Webhook};
use crate::model::finding::Severity;
use crate::source::tail::Start;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CANARY: &str = "T0CANARY";

/// A folder with the files that configurations of these tests name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("url", format!("https://hooks.example/{CANARY}\n"), 0o600),
        ("open-url", format!("http://hooks.example/{CANARY}\n"), 0o644),
        ("bad-url", format!("ftp://hooks.example/{CANARY}"), 0o600),
        ("two-urls", format!("https://hooks.example/{CANARY}\nhttps://hooks.example/{CANARY}\n"), 0o600),
        ("key", format!("{KEY}\n"), 0o640),
        ("bad-key", format!("whsec_{CANARY}!"), 0o600),
        ("token", format!("{CANARY}-0123456789\n"), 0o600),
        ("short-token", CANARY.to_owned(), 0o600),
    ];
    for (name, content, mode) in files {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    folder
}

fn env(name: &str) -> Option<String> {
    match name {
        "HOOK" => Some(format!("https://hooks.example/{CANARY}")),
        "LINES" => Some("10s".to_owned()),
        "NOT_FILLED_AGAIN" => Some("${HOOK}".to_owned()),
        _ => None,
    }
}

fn parse(folder: &Path, text: &str) -> (Option<Config>, Vec<Diagnostic>) {
    let (config, faults) = Config::parse(&folder.join("sealtail.toml"), text, &env);
    assert_eq!(config.is_some(), faults.is_empty());
    for shown in [format!("{config:?}"), shown(&faults), format!("{faults:?}")] {
        assert!(!shown.contains(CANARY), "{shown}");
    }
    (config, faults)
}

fn good(text: &str) -> Config {
    let folder = folder();
    let (config, faults) = parse(folder.path(), text);
    config.unwrap_or_else(|| panic!("{}", shown(&faults)))
}

fn shown(faults: &[Diagnostic]) -> String {
    faults.iter().map(|fault| format!("{fault}\n\n")).collect()
}

/// Code, line and column of every fault.
fn places(faults: &[Diagnostic]) -> Vec<(&'static str, usize, usize)> {
    let place = |fault: &Diagnostic| fault.place.as_ref().map_or((0, 0), |place| (place.line, place.column));
    faults.iter().map(|fault| (fault.code, place(fault).0, place(fault).1)).collect()
}

const WHOLE: &str = r#"
state_dir = "/var/lib/sealtail"
host      = "seal-07"
lang      = "zh"
packs     = ["/etc/sealtail/patterns", "mine"]
disable   = ["venus-cluster/rpc-*"]

[vars]
worker_config = "/etc/venus-worker/config.toml"

[[source]]
name  = "worker"
paths = ["/var/log/venus-worker/*.log", "logs/*.log"]
start = "beginning"
exclude = ["/var/log/venus-worker/old-*", "logs/old-*", "*-debug.log"]
poll = "1s"
hold = "${LINES}"

[alert]
repeat_every  = "2h"
resolve_after = "10m"
context_lines = 7

[[sink.webhook]]
name = "ops"
url  = "https://example.org/hook"
secret_file  = "key"
min_severity = "error"
signatures   = ["venus-cluster/*"]
hosts = ["seal-*"]
sources = ["worker"]
group = ["miner=f01*"]
lang = "en"
max_per_minute = 0

[[sink.slack]]
name = "slack"
url_file = "url"

[heartbeat]
url_file = "url"
every = "30s"

[http]
listen = "127.0.0.1:9477"
token_file = "token"
hosts = ["seal-07.mine.example"]
"#;

#[test]
fn a_whole_configuration() {
    let folder = folder();
    let (config, faults) = parse(folder.path(), WHOLE);
    let glob = |pattern: &str| glob::Pattern::new(pattern).unwrap();
    let expected = Config {
        state_dir: Some("/var/lib/sealtail".into()),
        host: Some("seal-07".to_owned()),
        lang: Lang::Zh,
        packs: vec!["/etc/sealtail/patterns".into(), folder.path().join("mine")],
        disable: vec![glob("venus-cluster/rpc-*")],
        vars: [("worker_config".to_owned(), "/etc/venus-worker/config.toml".to_owned())].into(),
        sources: vec![Settings {
            name: "worker".to_owned(),
            paths: vec![
                "/var/log/venus-worker/*.log".to_owned(),
                format!("{}/logs/*.log", folder.path().display()),
            ],
            exclude: vec![
                glob("/var/log/venus-worker/old-*"),
                glob(&format!("{}/logs/old-*", folder.path().display())),
                glob("*-debug.log"),
            ],
            start: Start::Beginning,
            poll: Some(SECOND),
            hold: 10 * SECOND,
        }],
        alert: AlertSettings { repeat_every: 2 * HOUR, resolve_after: 600 * SECOND, context_lines: 7 },
        sinks: vec![
            Sink {
                name: "ops".to_owned(),
                route: Route {
                    min_severity: Severity::Error,
                    signatures: vec![glob("venus-cluster/*")],
                    hosts: vec![glob("seal-*")],
                    sources: vec![glob("worker")],
                    group: vec![glob("miner=f01*")],
                    lang: Lang::En,
                },
                max_per_minute: 0,
                destination: Destination::Webhook(Webhook {
                    url: Secret::new("https://example.org/hook"),
                    key: SigningKey::parse(&Secret::new(KEY)).ok(),
                }),
            },
            Sink {
                name: "slack".to_owned(),
                route: Route { lang: Lang::Zh, ..Route::default() },
                max_per_minute: 20,
                destination: Destination::Slack(Slack {
                    url: Secret::new(format!("https://hooks.example/{CANARY}")),
                }),
            },
        ],
        heartbeat: Some(crate::deliver::heartbeat::Settings {
            url: Secret::new(format!("https://hooks.example/{CANARY}")),
            every: 30 * SECOND,
        }),
        http: Some(crate::telemetry::endpoint::Settings {
            listen: ([127, 0, 0, 1], 9477).into(),
            token: Some(Secret::new(format!("{CANARY}-0123456789"))),
            hosts: vec!["seal-07.mine.example".to_owned()],
            lang: Lang::Zh,
        }),
        warnings: vec![],
    };
    assert_eq!(config, Some(expected), "{}", shown(&faults));
}

#[test]
fn defaults() {
    let config = good("");
    assert_eq!((config.lang, config.state_dir, config.host), (Lang::En, None, None));
    assert_eq!(config.alert.repeat_every, HOUR);
    assert_eq!(config.alert.resolve_after, 900 * SECOND);
    assert_eq!(config.alert.context_lines, 5);
    let config = good("[[source]]\nname='a'\npaths=['/x']\n[[sink.webhook]]\nname='a'\nurl='http://[::1]/x'");
    let source = &config.sources[0];
    assert_eq!((source.start, source.poll, source.hold.as_millis()), (Start::End, None, 500));
    assert_eq!(
        (config.sinks[0].max_per_minute, config.sinks[0].route.min_severity),
        (600, Severity::Warning)
    );
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn a_folder_of_strange_name_is_no_pattern() {
    let folder = folder();
    let strange = folder.path().join("a[b]*");
    let (config, _) = parse(&strange, "[[source]]\nname='a'\npaths=['*.log']");
    let pattern = glob::Pattern::new(&config.unwrap().sources[0].paths[0]).unwrap();
    assert!(pattern.matches_path(&strange.join("x.log")));
}

#[test]
fn variables_are_filled_in_strings_and_once() {
    let config = good("host = '${NOT_FILLED_AGAIN}'\n[vars]\na = 'x${LINES}y $${HOME}'\n");
    assert_eq!(config.host.as_deref(), Some("${HOOK}"));
    assert_eq!(config.vars["a"], "x10sy ${HOME}");
    let config = good("[[sink.slack]]\nname = 'a'\nurl = '${HOOK}'\n");
    assert!(
        matches!(&config.sinks[0].destination, Destination::Slack(Slack { url }) if url.expose().ends_with(CANARY))
    );
}

#[test]
fn what_is_no_fault_and_worth_a_word() {
    let folder = folder();
    let (config, _) = parse(folder.path(), "[[sink.slack]]\nname = 'a'\nurl_file = 'open-url'\n");
    let warnings = config.unwrap().warnings;
    let path = folder.path().display();
    assert_eq!(
        warnings,
        [
            format!("{path}/open-url has mode 0644; 0640 is enough"),
            format!("{path}/sealtail.toml:2: this address uses unencrypted http://, use https://"),
        ]
    );
}

#[test]
fn what_others_may_ask_is_off_and_needs_a_token_off_loopback() {
    let config = good("[heartbeat]\nurl = '${HOOK}'");
    assert_eq!((config.http, config.heartbeat.map(|heartbeat| heartbeat.every)), (None, Some(60 * SECOND)));
    assert_eq!(good("").heartbeat, None);
    for listen in ["127.0.0.1:9477", "127.8.8.8:1", "[::1]:0"] {
        let config = good(&format!("[http]\nlisten = '{listen}'"));
        let http = config.http.unwrap();
        assert_eq!(
            (http.listen.to_string(), http.token, config.warnings.len()),
            (listen.to_owned(), None, 0)
        );
    }
    let config = good("[http]\nlisten = '0.0.0.0:9477'\ntoken_file = 'token'\n");
    assert!(config.http.unwrap().token.is_some());
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("sealtail.toml:2: [http] sends its token"), "{}", config.warnings[0]);
}

#[test]
fn every_fault_has_its_place() {
    let source = "[[source]]\nname = 'a'\n";
    let slack = "[[sink.slack]]\nname = 'a'\n";
    let hook = "[[sink.webhook]]\nname = 'a'\nurl = 'https://x/y'\n";
    let folder = folder();
    for (before, text, code, line, column) in [
        ("", "lang = 'fr'", "lang", 1, 8),
        ("", "host = ''", "empty", 1, 8),
        ("", "state_dir = 1", "wrong-type", 1, 13),
        ("", "stat_dir = 'x'", "unknown-key", 1, 1),
        ("", "disable = ['x', '[']", "glob", 1, 17),
        ("", "host = 'a ${NOPE}'", "variable", 1, 11),
        ("", "host = '${'", "variable", 1, 9),
        ("", "host = ", "toml", 1, 8),
        ("", "[vars]\nMine = 'x'", "name", 2, 1),
        ("", "[vars]\nhost = 'x'", "name", 2, 1),
        ("", "[vars]\na = 1", "wrong-type", 2, 5),
        ("", "[alert]\ncontext_lines = 101", "number", 2, 17),
        ("", "[alert]\nrepeat_every = '0s'", "duration", 2, 16),
        ("", "[alert]\nresolve_after = '5'", "duration", 2, 17),
        ("", "[alert]\nrepeat = '5m'", "unknown-key", 2, 1),
        ("", "[[source]]\npaths = ['/x']", "missing-key", 1, 1),
        ("", "[[source]]\nname = ''\npaths = ['/x']", "empty", 2, 8),
        (source, "", "missing-key", 1, 1),
        (source, "paths = []", "empty", 3, 1),
        (source, "paths = ['/x', '']", "empty", 3, 16),
        (source, "paths = ['/x', '~/x']", "home", 3, 16),
        ("", "state_dir = '~me/x'", "home", 1, 13),
        ("", "packs = ['~/x']", "home", 1, 10),
        (slack, "url_file = '~/url'", "home", 3, 12),
        (source, "paths = '/x'", "wrong-type", 3, 9),
        (source, "paths = [5]", "wrong-type", 3, 10),
        (source, "paths = ['/x/a**']", "glob", 3, 10),
        (source, "paths = ['/x']\nexclude = ['[']", "glob", 4, 12),
        (source, "paths = ['/x']\nstart = 'now'", "start", 4, 9),
        (source, "paths = ['/x']\npoll = '1ms'", "duration", 4, 8),
        (source, "paths = ['/x']\nhold = '61s'", "duration", 4, 8),
        (source, "paths = ['/x']\n[[source]]\nname = 'a'\npaths = ['/y']", "second-name", 5, 8),
        ("", "[[sink.email]]\nname = 'a'", "unknown-key", 1, 8),
        ("", "[[sink.slack]]\nurl = 'https://x/T0CANARY'", "missing-key", 1, 1),
        (slack, "", "missing-key", 1, 1),
        (slack, "url = 'https://x/T0CANARY'\nurl_file = 'url'", "two-urls", 4, 1),
        (slack, "url = 'x/T0CANARY'", "url", 3, 7),
        (slack, "url = 'ftp://x/T0CANARY'", "url", 3, 7),
        (slack, "url = 'https:///'", "url", 3, 7),
        (slack, "url = 'https://user:T0CANARY@x/'", "url", 3, 7),
        (slack, "url = 'https://x/T0CANARY '", "url", 3, 7),
        (slack, "url_file = 'bad-url'", "url", 3, 12),
        (slack, "url_file = 'two-urls'", "url", 3, 12),
        (slack, "url_file = 'nowhere'", "unreadable", 3, 12),
        (slack, "url_file = '.'", "unreadable", 3, 12),
        (slack, "url = '${NOPE}'", "variable", 3, 8),
        (slack, "url = '${HOOK}'\nsecret_file = 'key'", "unknown-key", 4, 1),
        (hook, "secret_file = 'bad-key'", "secret", 4, 15),
        (hook, "secret_file = 'url'", "secret", 4, 15),
        (hook, "secret = 'whsec_T0CANARY'", "unknown-key", 4, 1),
        (hook, "min_severity = 'loud'", "severity", 4, 16),
        (hook, "signatures = ['[']", "glob", 4, 15),
        (hook, "hosts = ['[']", "glob", 4, 10),
        (hook, "group = ['miner=f01', 'f01']", "group", 4, 23),
        (hook, "lang = 'fr'", "lang", 4, 8),
        (hook, "max_per_minute = -1", "wrong-type", 4, 18),
        (hook, "max_per_minute = 4294967296", "number", 4, 18),
        (hook, "[[sink.slack]]\nname = 'a'\nurl = '${HOOK}'", "second-name", 5, 8),
    ] {
        assert_fault(&folder, &format!("{before}{text}\n"), (code, line, column));
    }
}

fn assert_fault(folder: &tempfile::TempDir, text: &str, place: (&'static str, usize, usize)) {
    let (_, faults) = parse(folder.path(), text);
    assert_eq!(places(&faults), [place], "{text}\n{}", shown(&faults));
}

#[test]
fn every_fault_of_what_others_ask_has_its_place() {
    let folder = folder();
    for (text, code, line, column) in [
        ("[heartbeat]", "missing-key", 1, 1),
        ("[heartbeat]\nurl = 'T0CANARY'", "url", 2, 7),
        ("[heartbeat]\nurl = 'https://x/T0CANARY'\nurl_file = 'url'", "two-urls", 3, 1),
        ("[heartbeat]\nurl_file = 'two-urls'", "url", 2, 12),
        ("[heartbeat]\nurl_file = 'url'\nevery = '500ms'", "duration", 3, 9),
        ("[heartbeat]\nurl_file = 'url'\nname = 'a'", "unknown-key", 3, 1),
        ("[http]", "missing-key", 1, 1),
        ("[http]\nlisten = ''", "empty", 2, 10),
        ("[http]\nlisten = 9477", "wrong-type", 2, 10),
        ("[http]\nlisten = '127.0.0.1'", "address", 2, 10),
        ("[http]\nlisten = 'localhost:9477'", "address", 2, 10),
        ("[http]\nlisten = '0.0.0.0:9477'", "open-http", 2, 10),
        ("[http]\nlisten = '[::]:9477'", "open-http", 2, 10),
        ("[http]\nlisten = '10.1.2.3:9477'\nhosts = ['a']", "open-http", 2, 10),
        ("[http]\nlisten = '127.0.0.1:1'\nlisten_too = ''", "unknown-key", 3, 1),
        ("[http]\nlisten = '127.0.0.1:1'\nhosts = ['a', 'http://a/']", "host", 3, 15),
        ("[http]\nlisten = '127.0.0.1:1'\nhosts = ['a:9477']", "host", 3, 10),
        ("[http]\nlisten = '0.0.0.0:1'\ntoken_file = 'nowhere'", "unreadable", 3, 14),
        ("[http]\nlisten = '0.0.0.0:1'\ntoken_file = 'short-token'", "token", 3, 14),
        ("[http]\nlisten = '0.0.0.0:1'\ntoken_file = 'two-urls'", "token", 3, 14),
        ("[http]\nlisten = '127.0.0.1:1'\ntoken = 'T0CANARY'", "unknown-key", 3, 1),
    ] {
        assert_fault(&folder, &format!("{text}\n"), (code, line, column));
    }
}

#[test]
fn five_mistakes_are_reported_together() {
    let folder = folder();
    let text = "lang = 'fr'\n[[source]]\nname = 'a'\npathes = ['/x']\n[alert]\nrepeat_every = '1 day'\n\
                [[sink.slack]]\nname = 'a'\nurl = 'hooks.slack.example/T0CANARY'\n";
    let (_, faults) = parse(folder.path(), text);
    assert_eq!(
        places(&faults),
        [("lang", 1, 8), ("missing-key", 2, 1), ("unknown-key", 4, 1), ("duration", 6, 16), ("url", 9, 7)]
    );
    assert_eq!(faults[2].hint.as_deref(), Some("did you mean `paths`?"));
    let place = faults[4].place.as_ref().unwrap();
    assert_eq!(place.text, format!("url = '{}'", "*".repeat("hooks.slack.example/T0CANARY".len())));
    assert_eq!(faults[4].message, "the address is not a URL: relative URL without a base");
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault() {
    let folder = folder();
    let missing = Config::load(&folder.path().join("none.toml"), &env).unwrap_err();
    assert_eq!(places(&missing), [("unreadable", 0, 0)]);
    let latin = folder.path().join("latin.toml");
    fs::write(&latin, b"host = '\xe9'").unwrap();
    assert_eq!(places(&Config::load(&latin, &env).unwrap_err()), [("unreadable", 0, 0)]);
    fs::write(&latin, b"host = 'e'").unwrap();
    assert_eq!(Config::load(&latin, &env).unwrap().host.as_deref(), Some("e"));
}

proptest! {
    #[test]
    fn no_damage_lets_a_secret_out(
        insert in "([\\[\\]{}='\"\n#a.]|url|name){1,6}",
        at in 0..70usize,
        behind in any::<bool>(),
    ) {
        let before = "[[sink.webhook]]\nname = 'a'\nmin_severity = 'error'\nlang = 'en'\nurl = ";
        let after = "\nmax_per_minute = 600\nsignatures = ['venus-cluster/*']\nsecret_file = 'key'\n";
        let (mut before, mut after) = (before.to_owned(), after.to_owned());
        let damaged = if behind { &mut after } else { &mut before };
        damaged.insert_str(at.min(damaged.len()), &insert);
        let (_, faults) = Config::parse(
            Path::new("/nonexistent/sealtail.toml"),
            &format!("{before}'https://hooks.example/{CANARY}'{after}"),
            &env,
        );
        prop_assert!(!shown(&faults).contains(CANARY), "{}", shown(&faults));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,200}") {
        Config::parse(Path::new("/nonexistent/sealtail.toml"), &text, &env);
    }
}
