//! Which alerts a sink takes.

use glob::Pattern;

use crate::model::alert::Lang;
use crate::model::finding::Severity;

/// Which alerts a sink takes, and in which language.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Nothing less grave.
    pub min_severity: Severity,
    /// Ids of signatures; empty: all.
    pub signatures: Vec<Pattern>,
    /// Language of what is sent.
    pub lang: Lang,
}

impl Default for Route {
    /// From `warning` on, every signature, in English.
    fn default() -> Route {
        Route { min_severity: Severity::Warning, signatures: Vec::new(), lang: Lang::En }
    }
}

impl Route {
    /// Whether alerts of this signature go to the sink.
    pub fn takes(&self, signature: &str, severity: Severity) -> bool {
        let named = |pattern: &Pattern| pattern.matches(signature);
        severity >= self.min_severity && (self.signatures.is_empty() || self.signatures.iter().any(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        for (patterns, signature, severity, taken) in [
            (&[] as &[&str], "venus-cluster/a", Severity::Warning, true),
            (&[], "venus-cluster/a", Severity::Info, false),
            (&["venus-cluster/*"], "venus-cluster/a", Severity::Critical, true),
            (&["venus-cluster/*"], "other/a", Severity::Critical, false),
            (&["venus-cluster/*"], "venus-cluster/a", Severity::Info, false),
            (&["*rpc*"], "venus-cluster/a", Severity::Error, false),
            (&["*/a"], "venus-cluster/a", Severity::Error, true),
            (&["other/*", "venus-cluster/rpc-*"], "venus-cluster/rpc-down", Severity::Error, true),
        ] {
            let signatures = patterns.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect();
            let route = Route { signatures, ..Route::default() };
            assert_eq!(route.takes(signature, severity), taken, "{patterns:?} {signature} {severity}");
        }
    }
}
