//! Secrets: texts that never show themselves.
//!
//! A webhook's URL is its credential, so URLs of sinks travel in here too. A [`Secret`] has no
//! `Display`, its `Debug` hides it, and it cannot be serialised: the only way out is
//! [`Secret::expose`], which is easy to search for.

use std::fmt;

/// A text that stays out of logs, errors and `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("https://hooks.example/T/B/canary");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "Secret(***) Some(\n    Secret(***),\n)");
        assert_eq!(secret.expose(), "https://hooks.example/T/B/canary");
    }
}
