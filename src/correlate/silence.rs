//! Silences and acknowledgements: which messages of an alert are held back, and until when.
//!
//! Findings go on being counted. What was held back and is still open when nothing holds it any more is told once, with
//! its count. That an alert is over is always told to those who were told of it.

use glob::Pattern;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::finding::Severity;
use crate::model::record::Fields;

/// Messages of alerts like this are held back. An alert has to match all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// When it ends, by the steady clock.
    pub until: Timestamp,
    /// A glob of ids. Alerts about sealtail itself are meant only by their whole id.
    #[serde(default)]
    pub signature: Option<String>,
    /// Globs of values that the alert's findings share, as `name=value`.
    #[serde(default)]
    pub group: Vec<String>,
    /// A glob of sources.
    #[serde(default)]
    pub source: Option<String>,
    /// Nothing less grave.
    #[serde(default)]
    pub at_least: Option<Severity>,
    /// Nothing graver.
    #[serde(default)]
    pub at_most: Option<Severity>,
    /// Why.
    #[serde(default)]
    pub comment: String,
    /// Who made it.
    #[serde(default)]
    pub who: String,
}

/// Somebody is on it: no message of the alert is repeated, unless it gets graver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// When it ends, by the steady clock, if the alert does not end before.
    pub until: Timestamp,
    /// How grave the alert was.
    pub severity: Severity,
    /// Who is on it.
    pub who: String,
}

impl Silence {
    /// What the store keeps of it.
    pub fn encode(&self) -> Vec<u8> {
        // Values that cannot fail: serialising them cannot either.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Silence::encode`] wrote; `None` if it is of another shape.
    pub fn decode(row: &[u8]) -> Option<Silence> {
        let silence: Silence = serde_json::from_slice(row).ok()?;
        silence.fault().is_none().then_some(silence)
    }

    /// What is wrong with it, if anything is.
    pub fn fault(&self) -> Option<String> {
        if self.signature.is_none() && self.group.is_empty() && self.source.is_none() {
            return Some("a silence needs a signature, a group or a source".to_owned());
        }
        if let Some(pair) = self.group.iter().find(|pair| !pair.contains('=')) {
            return Some(format!("`{pair}` is no group: name=value"));
        }
        if self.at_least.zip(self.at_most).is_some_and(|(least, most)| least > most) {
            return Some("no severity is both".to_owned());
        }
        let globs = self.signature.iter().chain(&self.group).chain(&self.source);
        let mut faults = globs.filter_map(|glob| Some((glob, Pattern::new(glob).err()?)));
        faults.next().map(|(glob, error)| format!("`{glob}` is no valid glob: {error}"))
    }

    /// Whether it holds back, while it lasts, messages of an alert like this.
    pub(super) fn takes(&self, signature: &str, severity: Severity, source: &str, group: &Fields) -> bool {
        let is_like = |glob: &str, text: &str| Pattern::new(glob).is_ok_and(|glob| glob.matches(text));
        let is_named =
            |glob: &Option<String>, text: &str| glob.as_ref().is_none_or(|glob| is_like(glob, text));
        let by_signature = if signature.starts_with("sealtail/") {
            self.signature.as_deref() == Some(signature)
        } else {
            is_named(&self.signature, signature)
        };
        let shared: Vec<String> = group.iter().map(|(name, value)| format!("{name}={value}")).collect();
        by_signature
            && is_named(&self.source, source)
            && self.group.iter().all(|glob| shared.iter().any(|value| is_like(glob, value)))
            && self.at_least.is_none_or(|least| severity >= least)
            && self.at_most.is_none_or(|most| severity <= most)
    }
}

impl Ack {
    /// Whether it holds messages of its alert back, which is so grave now.
    pub(super) fn holds(&self, severity: Severity, now: Timestamp) -> bool {
        now < self.until && severity <= self.severity
    }
}
