//! `[[sink.webhook]]` and `[[sink.slack]]`: where alerts go.

use reqwest::Url;

use super::reader::{Names, Reader};
use crate::base::diagnostic::table::{Located, Table};
use crate::base::secret::Secret;
use crate::deliver::sink::{Destination, Route, SigningKey, Sink, Slack, Webhook};
use crate::model::alert::Lang;
use crate::model::finding::Severity;

/// Messages a minute to a webhook, unless the configuration says otherwise.
pub const WEBHOOK_PER_MINUTE: u32 = 600;
/// The same to a chat, which slows down who writes more; people do too.
pub const CHAT_PER_MINUTE: u32 = 20;

/// Reads every sink of the configuration.
pub(super) fn read_all(reader: &Reader<'_>, table: &Table<'_>, lang: Lang) -> Vec<Sink> {
    let Some(table) = table.table("sink") else { return Vec::new() };
    let mut names = Names::default();
    let mut sinks = Vec::new();
    for sink in table.tables("webhook") {
        let url = url(reader, &sink);
        let key = key(reader, &sink);
        let destination = url.map(|url| Destination::Webhook(Webhook { url, key }));
        sinks.extend(read(reader, sink, &mut names, destination, WEBHOOK_PER_MINUTE, lang));
    }
    for sink in table.tables("slack") {
        let destination = url(reader, &sink).map(|url| Destination::Slack(Slack { url }));
        sinks.extend(read(reader, sink, &mut names, destination, CHAT_PER_MINUTE, lang));
    }
    table.finish();
    sinks
}

/// Reads what all kinds have.
fn read(
    reader: &Reader<'_>,
    table: Table<'_>,
    names: &mut Names,
    destination: Option<Destination>,
    per_minute: u32,
    lang: Lang,
) -> Option<Sink> {
    let name = reader.name(&table, names);
    let min_severity = table.parsed("min_severity", "severity", str::parse);
    let [signatures, hosts, sources] =
        ["signatures", "hosts", "sources"].map(|key| reader.globs(&table, key));
    let group = groups(reader, &table);
    let lang = table.parsed("lang", "lang", str::parse).unwrap_or(lang);
    let limit = reader.number(&table, "max_per_minute", u32::MAX.into());
    table.finish();
    Some(Sink {
        name: name?,
        route: Route {
            min_severity: min_severity.unwrap_or(Severity::Warning),
            signatures,
            hosts,
            sources,
            group,
            lang,
        },
        max_per_minute: limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(per_minute),
        destination: destination?,
    })
}

/// `group`: globs of `name=value`.
fn groups(reader: &Reader<'_>, table: &Table<'_>) -> Vec<glob::Pattern> {
    let patterns = table.strings("group").into_iter().filter(|pattern| {
        let is_pair = pattern.value.contains('=');
        if !is_pair {
            let message = format!("`{}` names no value of an alert", pattern.value);
            reader.text.fault_hint(
                "group",
                pattern.span.clone(),
                message,
                "write `name=value`: `miner=f01000`",
            );
        }
        is_pair
    });
    patterns.filter_map(|pattern| reader.glob(&pattern)).collect()
}

/// The address: written here, or in a file.
pub(super) fn url(reader: &Reader<'_>, table: &Table<'_>) -> Option<Secret> {
    let (inline, file) = (table.string("url"), table.string("url_file"));
    match (table.has("url"), table.has("url_file")) {
        (true, true) => {
            let message = "`url` and `url_file` are both set";
            reader.text.fault_hint("two-urls", table.key_span("url_file"), message, "keep `url_file`");
            None
        }
        (false, false) => {
            let hint = "write the address to a file and set `url_file` to it";
            reader.text.fault_hint("missing-key", table.span(), "`url` or `url_file` is missing", hint);
            None
        }
        (true, false) => {
            let Located { value, span } = inline?;
            checked_url(reader, table, Located { value: Secret::new(value), span }, "the address")
        }
        (false, true) => {
            let file = file?;
            let value = reader.secret_file(&file)?;
            let whose = format!("the address in {}", reader.resolve(&file.value).display());
            checked_url(reader, table, Located { value, span: file.span }, &whose)
        }
    }
}

/// Checks an address. Messages say what is wrong with it and never what it is.
fn checked_url(reader: &Reader<'_>, table: &Table<'_>, url: Located<Secret>, whose: &str) -> Option<Secret> {
    let wrong = |why: &str| reader.text.fault("url", url.span.clone(), format!("{whose} {why}"));
    // The parser would leave them out, and so make one address of two lines.
    if url.value.expose().contains(|c: char| c.is_whitespace() || c.is_control()) {
        wrong("contains a space or a line break");
        return None;
    }
    let parsed = match Url::parse(url.value.expose()) {
        Ok(parsed) => parsed,
        Err(error) => {
            wrong(&format!("is not a URL: {error}"));
            return None;
        }
    };
    if !matches!(parsed.scheme(), "http" | "https") {
        wrong("does not start with `https://` or `http://`");
        return None;
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        wrong("contains a user name or a password");
        return None;
    }
    if parsed.scheme() == "http" && !is_loopback(&parsed) {
        let (line, _) = reader.text.position(table.key_span("name").start);
        let path = reader.text.path();
        reader.warn(format!("{path}:{line}: this address uses unencrypted http://, use https://"));
    }
    Some(url.value)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The signing key in `secret_file`.
fn key(reader: &Reader<'_>, table: &Table<'_>) -> Option<SigningKey> {
    let file = table.string("secret_file")?;
    let secret = reader.secret_file(&file)?;
    let wrong = |why: String| {
        let path = reader.resolve(&file.value);
        let message = format!("{} contains no valid signing secret: {why}", path.display());
        reader.text.fault("secret", file.span.clone(), message);
    };
    SigningKey::parse(&secret).map_err(wrong).ok()
}
