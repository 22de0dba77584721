//! What goes and what stays, as tables; and what holds for any text.

use proptest::prelude::*;

use super::*;

const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJBbGxvdyI6WyJyZWFkIl19.Qm9ndXNTaWduYXR1cmU";

/// A text with secrets and what is left of it.
const FIRES: &[(&str, &str)] = &[
    // Headers.
    ("Authorization: Bearer x1 child_pid=7", "Authorization: Bearer [redacted] child_pid=7"),
    ("authorization: Basic dXNlcjpw, host: a", "authorization: Basic [redacted], host: a"),
    (r#"{"authorization": "Bearer ab-c"}"#, r#"{"authorization": "Bearer [redacted]"}"#),
    ("map[Authorization:[Bearer abc] Via:[x]]", "map[Authorization:[Bearer [redacted]] Via:[x]]"),
    ("Authorization: ApiKey abc", "Authorization: [redacted]"),
    ("sent Bearer 0123456789abcdef.", "sent Bearer [redacted]"),
    // Keys and their values.
    (r#"piece_token: Some("s3cret"),"#, r#"piece_token: Some("[redacted]"),"#),
    (
        "    piece_token: Some(\n        \"s3cret\",\n    ),",
        "    piece_token: Some(\n        \"[redacted]\",\n    ),",
    ),
    (r#"piece_token = "s3 cret""#, r#"piece_token = "[redacted]""#),
    (r#"{"piece_token":"s3\"cret","a":1}"#, r#"{"piece_token":"[redacted]","a":1}"#),
    (r#"{"msg":"{\"token\": \"s3cret\", \"a\":1}"}"#, r#"{"msg":"{\"token\": \"[redacted]\", \"a\":1}"}"#),
    (r#"piece_token: Some("s3cr"#, r#"piece_token: Some("[redacted]"#),
    ("token='a b' x", "token='[redacted]' x"),
    ("token=abc, sector=17", "token=[redacted], sector=17"),
    ("GET http://m:1/piece?token=abc&x=1", "GET http://m:1/piece?token=[redacted]&x=1"),
    ("token: 0a1b2c3d", "token: [redacted]"),
    ("run --token abc --port 1", "run --token [redacted] --port 1"),
    ("run --piece-token=abc", "run --piece-token=[redacted]"),
    (r#"args=["--token", "abc", "x"]"#, r#"args=["--token", "[redacted]", "x"]"#),
    ("run --token --password abc", "run --token --password [redacted]"),
    ("api_key=abc API-KEY: \"d\"", "api_key=[redacted] API-KEY: \"[redacted]\""),
    // API addresses.
    (
        "FULLNODE_API_INFO=abc:/ip4/10.0.0.1/tcp/1234/http",
        "FULLNODE_API_INFO=[redacted]:/ip4/10.0.0.1/tcp/1234/http",
    ),
    (r#""MINER_API_INFO": "a:/dns/b/tcp/1""#, r#""MINER_API_INFO": "[redacted]:/dns/b/tcp/1""#),
    ("VENUS_API_INFO=abc:http://10.0.0.1:1", "VENUS_API_INFO=[redacted]:http://10.0.0.1:1"),
    (r#"Chain = "0123456789abcdefg:/ip4/1.1.1.1/tcp/1""#, r#"Chain = "[redacted]:/ip4/1.1.1.1/tcp/1""#),
    // Passwords in addresses.
    ("mongodb://user:pass@host:27017/db", "mongodb://user:[redacted]@host:27017/db"),
    ("redis://:p@ss@host", "redis://:[redacted]@host"),
    ("dsn root:pa@tcp(10.0.0.1:3306)/v", "dsn root:[redacted]@tcp(10.0.0.1:3306)/v"),
    ("root:pa@(10.0.0.1:3306)/v", "root:[redacted]@(10.0.0.1:3306)/v"),
    // Amazon, Slack, Standard Webhooks.
    ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"),
    ("aws_secret_access_key = wJalr/K7+x", "aws_secret_access_key = [redacted]"),
    (r#""secretAccessKey":"wJalr/K7""#, r#""secretAccessKey":"[redacted]""#),
    (
        "post https://hooks.slack.com/services/T0/B0/x: 404",
        "post https://hooks.slack.com/services/[redacted] 404",
    ),
    ("secret whsec_MfKQ9r8G+/= is bad", "secret whsec_[redacted] is bad"),
    // Keys of many lines: whole, on one line, without the end, without the start.
    (
        "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nb",
        "a\n-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----\nb",
    ),
    (
        r#"k="-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n""#,
        r#"k="-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----\n""#,
    ),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "-----BEGIN OPENSSH PRIVATE KEY-----[redacted]"),
    ("last line\nabc=\n-----END EC PRIVATE KEY-----", "last line\n[redacted]-----END EC PRIVATE KEY-----"),
];

#[test]
fn secrets_go_and_the_line_still_reads() {
    for (text, redacted) in FIRES {
        assert_eq!(redact(text), *redacted, "{text}");
        assert_eq!(redact(redacted), *redacted, "twice: {text}");
    }
}

#[test]
fn a_json_web_token_goes_whole_and_cut() {
    for token in [JWT, &JWT[..JWT.len() - 30]] {
        assert_eq!(redact(token), MARK);
        assert_eq!(redact(&format!("({token}, 1)")), "([redacted], 1)");
    }
}

#[test]
fn what_operators_need_stays() {
    for text in [
        "",
        "sector s-t01000-17 of t01000 and f01000, SectorId(17)",
        "bafy2bzacea3wsdh6y3a36tb3skempjoxqpuyompjbmfeyf34fi3uy6uue42v4",
        "baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq",
        "comm_d: 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "12D3KooWGzBjmZ1hHRcLXQHnSgKtqPvEUfeAfyWfZBhmVQmyAAAA: [/ip4/1.2.3.4/tcp/1]",
        "/mnt/cache/s-t01000-17/sc-02-data-tree-r-last.dat child_pid=12345",
        "token acquired, re-fill one token; tokens=5 token_count=5",
        "piece_token: None, token=None, token = nil, \"token\": null, token=\"\"",
        "invalid token: expired; missing bearer token; wrong password: try again",
        "vc::util::token::acquire /etc/passwd: permission denied, src/token.rs:17",
        "usage: run [--token <token>] --password --force",
        "authorization failed, basic auth refused",
        "FULLNODE_API_INFO=/ip4/10.0.0.1/tcp/1 MINER_API_INFO=http://10.0.0.1:2345",
        "could not get API info: FULLNODE_API_INFO is not set",
        "http://10.0.0.1:8080/rpc/v1 and https://user@host/a:b ops@example.org:22",
        "https://docs.slack.com/services/ whsec -----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "eyJ is how a token begins. AKIA is a word",
        "错误: 密码错误 token 已失效",
    ] {
        assert!(matches!(redact(text), Cow::Borrowed(_)), "{text}\n{}", redact(text));
    }
}

#[test]
fn a_capture_hides_nothing() {
    let record = r#"fetch with (opaque-a1b2c3) token="opaque-a1b2c3" sector=17 aud=1b2c3 pin=a1"#;
    let fields = [
        ("token", "opaque-a1b2c3", MARK),
        ("how", "opaque-a1b2c3", MARK),
        ("part", "opaque-a1", MARK),
        ("around", "with (opaque-a1b2c3)", "with ([redacted])"),
        ("itself", "x?token=zzz", "x?token=[redacted]"),
        ("password", "", ""),
        ("piece_token", "None", "None"),
        ("sector", "17", "17"),
        ("pin", "a1", "a1"),
    ];
    let mut told: Fields =
        fields.iter().map(|(name, value, _)| ((*name).to_owned(), (*value).to_owned())).collect();
    redact_fields(&mut told, record);
    for (name, _, expected) in fields {
        assert_eq!(told[name], expected, "{name}");
    }
}

#[test]
fn a_key_over_several_lines_goes_from_all_of_them() {
    let lines = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
    for (given, left) in [
        ("a|b", "a|b"),
        ("a|-----BEGIN PRIVATE KEY-----|MIIE|abc=", "a|-----BEGIN PRIVATE KEY-----[redacted]"),
        ("abc=|-----END PRIVATE KEY-----|b", "[redacted]-----END PRIVATE KEY-----|b"),
        ("piece_token: Some(|\"abc\",|),", "piece_token: Some(|\"[redacted]\",|),"),
    ] {
        let mut given = lines(given);
        redact_lines(&mut given);
        assert_eq!(given, lines(left));
    }
    let mut none = Vec::new();
    redact_lines(&mut none);
    assert!(none.is_empty());
}

/// Every supported shape around a secret that letters and digits make.
const SHAPES: [&str; 27] = [
    "eyJhbGciOiJI.eyJBbGxvdyI6.@",
    "eyJhbGciOiJI.@.c2ln",
    "Authorization: Bearer @",
    "authorization: @",
    "Bearer @",
    r#"piece_token: Some("@")"#,
    "piece_token: Some(\n    \"@\",\n)",
    r#"piece_token = "@""#,
    r#"{"token":"@"}"#,
    r#"{\"token\":\"@\"}"#,
    "token: @",
    "token=@",
    "/piece?token=@&x=1",
    "--token @",
    "FULLNODE_API_INFO=@:/ip4/127.0.0.1/tcp/1234/http",
    "@:/ip4/127.0.0.1/tcp/1234/http",
    "mongodb://user:@@host/db",
    "root:@@tcp(host:3306)/db",
    "AKIA@",
    "aws_secret_access_key = @",
    r#"aws_secret_access_key = "@""#,
    "https://hooks.slack.com/services/T0/B0/@",
    "whsec_@",
    "-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n@",
    "password=@",
    "api_key: \"@\"",
];

/// Any text, thick with what shapes are made of.
fn around() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>(),
        1 => "[ a-z0-9=:@/\\\\\"'().,\\[\\]\n-]{0,8}",
        2 => proptest::sample::select(&SHAPES[..]).prop_map(str::to_owned),
        1 => proptest::sample::select(vec![MARK, "token=\"", "://", "@(", "-----END", "Authorization:", "Some("])
            .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// A secret that no text around it holds by chance: of an access key's letters, and of its length.
fn canary() -> impl Strategy<Value = String> {
    "[A-Z0-9]{12}7Q9Z"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_never_survives(
        before in around(), after in around(), canary in canary(), shape in proptest::sample::select(&SHAPES[..]),
    ) {
        let secret = shape.replacen('@', &canary, 1);
        let text = format!("{before} {secret} {after}");
        let redacted = redact(&text);
        prop_assert!(!redacted.contains(&canary), "{text:?}\n{redacted:?}");
    }

    #[test]
    fn twice_is_once_and_the_length_is_bounded(text in around()) {
        let redacted = redact(&text).into_owned();
        prop_assert!(redacted.len() <= 4 * text.len());
        prop_assert_eq!(redact(&redacted), redacted.as_str());
    }
}
