//! `[http]`: where others may ask how sealtail is, and who.

use std::net::SocketAddr;

use super::reader::Reader;
use crate::base::diagnostic::table::{Located, Table};
use crate::base::secret::Secret;
use crate::model::alert::Lang;
use crate::telemetry::endpoint::Settings;

/// What can be guessed protects nothing.
const TOKEN_CHARS_MIN: usize = 16;

/// Reads `[http]`. Off loopback there must be a token: nothing is open to a network by mistake.
pub(super) fn read(reader: &Reader<'_>, table: Table<'_>, lang: Lang) -> Option<Settings> {
    table.require("listen");
    let listen = reader.text_of(&table, "listen").and_then(|listen| address(reader, listen));
    let wants_token = table.has("token_file");
    let token = table.string("token_file").and_then(|file| token(reader, &file));
    let hosts = hosts(reader, &table);
    table.finish();
    let Located { value: listen, span } = listen?;
    if !listen.ip().is_loopback() && !wants_token {
        let message = format!("{} can be reached from other boxes, which requires a token", listen.ip());
        let hint = "set `token_file`, or listen on 127.0.0.1";
        reader.text.fault_hint("open-http", span, message, hint);
        return None;
    }
    if !listen.ip().is_loopback() {
        let (line, _) = reader.text.position(span.start);
        let path = reader.text.path();
        reader.warn(format!("{path}:{line}: [http] sends its token over unencrypted http://"));
    }
    Some(Settings { listen, token, hosts, lang })
}

fn address(reader: &Reader<'_>, listen: Located<String>) -> Option<Located<SocketAddr>> {
    match listen.value.parse() {
        Ok(value) => Some(Located { value, span: listen.span }),
        Err(_) => {
            let message = format!("`{}` is not an IP address with a port", listen.value);
            let hint = "write `127.0.0.1:9477`, or `[::1]:9477`";
            reader.text.fault_hint("address", listen.span, message, hint);
            None
        }
    }
}

fn token(reader: &Reader<'_>, file: &Located<String>) -> Option<Secret> {
    let token = reader.secret_file(file)?;
    let is_visible = token.expose().chars().all(|c| c.is_ascii_graphic());
    if is_visible && token.expose().len() >= TOKEN_CHARS_MIN {
        return Some(token);
    }
    let path = reader.resolve(&file.value);
    let message = format!("{} contains no valid token", path.display());
    let hint = format!(
        "write at least {TOKEN_CHARS_MIN} visible ASCII characters in one line, such as from `openssl rand -hex 32`"
    );
    reader.text.fault_hint("token", file.span.clone(), message, hint);
    None
}

/// Names without a port: requests are compared with them.
fn hosts(reader: &Reader<'_>, table: &Table<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for host in table.strings("hosts") {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if !host.value.is_empty() && host.value.chars().all(is_name) {
            hosts.push(host.value);
        } else {
            let message = format!("`{}` is not a valid host name", host.value);
            reader.text.fault_hint("host", host.span, message, "write it without scheme and port");
        }
    }
    hosts
}
