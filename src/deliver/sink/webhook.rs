//! A generic webhook: CloudEvents 1.0 in structured JSON, signed as Standard Webhooks asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::Serialize;
use sha2::Sha256;

use super::contract::{HttpSink, Request, json};
use super::plain::shorten;
use super::reply::{Outcome, Reply};
use crate::base::secret::Secret;
use crate::model::alert::{Message, OutboxMessage, Status};

/// A webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// Where it is.
    pub url: Secret,
    /// What its messages are signed with, if they are.
    pub key: Option<SigningKey>,
}

/// A key of Standard Webhooks.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// Reads `whsec_` and the key in Base64.
    ///
    /// # Errors
    ///
    /// A sentence that does not name the secret.
    pub fn parse(secret: &Secret) -> Result<SigningKey, String> {
        let text = secret.expose().trim();
        let encoded = text.strip_prefix("whsec_").ok_or("a signing secret starts with `whsec_`")?;
        let key = STANDARD.decode(encoded).map_err(|_| "the text after `whsec_` is not Base64")?;
        if key.is_empty() { Err("the signing secret is empty".to_owned()) } else { Ok(SigningKey(key)) }
    }

    /// The `webhook-signature` of a message.
    fn sign(&self, id: &str, timestamp_s: i64, body: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: &'a str,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Alert(&'a crate::model::alert::Alert),
    Digest(&'a crate::model::alert::Digest),
}

impl HttpSink for Webhook {
    fn url(&self) -> &Secret {
        &self.url
    }

    fn request(&self, message: &OutboxMessage, now: Timestamp) -> Request {
        let body = json(&event(message));
        let timestamp_s = now.as_second();
        let mut headers = vec![
            ("content-type", "application/cloudevents+json; charset=utf-8".to_owned()),
            ("webhook-id", message.id.clone()),
            ("webhook-timestamp", timestamp_s.to_string()),
        ];
        if let Some(key) = &self.key {
            headers.push(("webhook-signature", key.sign(&message.id, timestamp_s, &body)));
        }
        Request { url: self.url.clone(), headers, body }
    }

    fn plain(&self, message: &OutboxMessage, now: Timestamp) -> Request {
        self.request(&shorten(message), now)
    }

    /// The status alone decides.
    fn outcome(&self, reply: &Reply, now: Timestamp) -> Outcome {
        reply.by_status(now)
    }
}

fn event(message: &OutboxMessage) -> Event<'_> {
    let (source, kind, subject, data) = match &message.message {
        Message::Alert(alert) => {
            let kind = match alert.status {
                Status::Firing => "sealtail.alert.firing.v1",
                Status::Resolved => "sealtail.alert.resolved.v1",
            };
            let source = format!("/sealtail/{}/{}", encode(&alert.host), encode(&alert.source));
            (source, kind, Some(alert.fingerprint.as_str()), Data::Alert(alert))
        }
        Message::Digest { host, digest, .. } => {
            (format!("/sealtail/{}", encode(host)), "sealtail.digest.v1", None, Data::Digest(digest))
        }
    };
    Event {
        specversion: "1.0",
        id: &message.id,
        source,
        kind,
        subject,
        time: &message.created,
        datacontenttype: "application/json",
        data,
    }
}

/// One segment of a URI path: all but the unreserved characters of RFC 3986 percent-encoded.
fn encode(segment: &str) -> String {
    let encode_byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    segment.bytes().map(encode_byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector() {
        let key = SigningKey::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn bad_secrets_are_refused_unnamed() {
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_not base64 canary"] {
            let error = SigningKey::parse(&Secret::new(text)).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn segments_of_a_uri() {
        for (segment, encoded) in [("seal-07", "seal-07"), ("a/b c?", "a%2Fb%20c%3F"), ("é", "%C3%A9")] {
            assert_eq!(encode(segment), encoded);
        }
    }
}
