//! Which alerts a sink takes.

use std::collections::BTreeMap;
use std::fmt;

use glob::Pattern;

use crate::model::alert::Lang;
use crate::model::finding::Severity;

/// Which alerts a sink takes, and in which language. An empty list takes all.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Nothing less grave.
    pub min_severity: Severity,
    /// Ids of signatures.
    pub signatures: Vec<Pattern>,
    /// Names of boxes.
    pub hosts: Vec<Pattern>,
    /// Names of sources.
    pub sources: Vec<Pattern>,
    /// Values that the alert's findings share, as `name=value`; one of them has to match.
    pub group: Vec<Pattern>,
    /// Language of what is sent.
    pub lang: Lang,
}

/// What of an alert decides who gets it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Id of its signature.
    pub signature: &'a str,
    /// How grave it is.
    pub severity: Severity,
    /// The box.
    pub host: &'a str,
    /// The source.
    pub source: &'a str,
    /// The values that its findings share.
    pub group: &'a BTreeMap<String, String>,
}

impl Default for Route {
    /// From `warning` on, everything, in English.
    fn default() -> Route {
        Route {
            min_severity: Severity::Warning,
            signatures: Vec::new(),
            hosts: Vec::new(),
            sources: Vec::new(),
            group: Vec::new(),
            lang: Lang::En,
        }
    }
}

impl Route {
    /// Whether such an alert goes to the sink.
    pub fn takes(&self, alert: &Subject<'_>) -> bool {
        let in_group = || {
            let mut values = alert.group.iter().map(|(name, value)| format!("{name}={value}"));
            values.any(|value| is_named(&self.group, &value))
        };
        self.takes_signature(alert.signature, alert.severity)
            && is_named(&self.hosts, alert.host)
            && is_named(&self.sources, alert.source)
            && (self.group.is_empty() || in_group())
    }

    /// Whether alerts of this signature go to the sink, if [what else it asks for](Route::conditions) holds.
    pub fn takes_signature(&self, signature: &str, severity: Severity) -> bool {
        severity >= self.min_severity && is_named(&self.signatures, signature)
    }

    /// What else an alert must be, in the words of the configuration; empty: nothing.
    pub fn conditions(&self) -> String {
        let lists = [("hosts", &self.hosts), ("sources", &self.sources), ("group", &self.group)];
        let asked = lists.iter().filter(|(_, patterns)| !patterns.is_empty());
        asked.map(|(name, patterns)| format!("{name} = {}", List(patterns))).collect::<Vec<_>>().join(", ")
    }
}

fn is_named(patterns: &[Pattern], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
}

/// Globs as TOML writes them.
struct List<'a>(&'a [Pattern]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Pattern::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(patterns: &[&str]) -> Vec<Pattern> {
        patterns.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect()
    }

    #[test]
    fn signatures_and_severities() {
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
            let route = Route { signatures: globs(patterns), ..Route::default() };
            assert_eq!(route.takes_signature(signature, severity), taken, "{patterns:?} {signature}");
        }
    }

    #[test]
    fn places_and_groups() {
        let group: BTreeMap<String, String> =
            [("miner", "f01000"), ("sector", "s-t01000-17")].map(|(n, v)| (n.into(), v.into())).into();
        let alert = Subject {
            signature: "venus-cluster/a",
            severity: Severity::Error,
            host: "seal-07",
            source: "worker",
            group: &group,
        };
        for (hosts, sources, values, taken) in [
            (&[] as &[&str], &[] as &[&str], &[] as &[&str], true),
            (&["seal-*"], &["worker", "manager"], &["miner=f01000"], true),
            (&["store-*"], &[], &[], false),
            (&[], &["manager"], &[], false),
            (&[], &["work"], &[], false),
            (&[], &[], &["miner=f02*"], false),
            (&[], &[], &["miner=f02*", "sector=s-t01000-*"], true),
            (&[], &[], &["f01000"], false),
        ] {
            let [hosts, sources, values] = [hosts, sources, values].map(globs);
            let route = Route { hosts, sources, group: values, ..Route::default() };
            assert_eq!(route.takes(&alert), taken, "{}", route.conditions());
        }
        let none = Route { group: globs(&["miner=*"]), ..Route::default() };
        assert!(!none.takes(&Subject { group: &BTreeMap::new(), ..alert }));
    }

    #[test]
    fn conditions_read_as_they_were_written() {
        let route = Route {
            hosts: globs(&["seal-*"]),
            group: globs(&["miner=f01*", "sector=1"]),
            ..Route::default()
        };
        assert_eq!(route.conditions(), r#"hosts = ["seal-*"], group = ["miner=f01*", "sector=1"]"#);
        assert_eq!(Route::default().conditions(), "");
    }
}
