//! Fills the placeholders of a runbook's commands.
//!
//! Log text is written by whoever can make a program log. A value from a log goes into a command
//! only if it is made of `A-Z a-z 0-9 . _ : / @ = + -`: nothing a shell would read as its own.

use std::collections::BTreeMap;

use crate::alert::Action;
use crate::record::{Fields, Names};
use crate::signature::{Step, placeholder};

/// The operator's `[vars]`.
pub type Vars = BTreeMap<String, String>;

/// What placeholders may be filled with.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// Fields of the finding.
    pub fields: &'a Fields,
    /// The box, where it is known.
    pub host: Option<&'a str>,
    /// The `[[source]]`, where there is one.
    pub source: Option<&'a str>,
    /// The file.
    pub path: &'a str,
    /// The binaries that the log shows.
    pub names: &'a Names,
    /// The operator's `[vars]`.
    pub vars: &'a Vars,
    /// The placeholders of this page that `vars` may fill.
    pub allowed: &'a [String],
}

impl Values<'_> {
    /// The value of a placeholder, if it is known and safe.
    fn get(&self, name: &str) -> Option<&str> {
        if let Some(value) = self.fields.get(name) {
            return Some(value.as_str()).filter(|value| is_safe(value));
        }
        let built_in = match name {
            "host" => self.host,
            "source" => self.source,
            "path" => Some(self.path),
            "worker" => self.names.worker.as_deref(),
            "manager" => self.names.manager.as_deref(),
            _ => None,
        };
        let trusted = || self.vars.get(name).filter(|_| self.allowed.iter().any(|allowed| allowed == name));
        built_in.filter(|value| is_safe(value)).or_else(|| trusted().map(String::as_str))
    }
}

/// The step with its command filled in; what is unknown or unsafe stays as `<name>`.
pub fn fill(step: &Step, values: &Values<'_>) -> Action {
    let mut unfilled = Vec::new();
    let command = step.command.as_deref().map(|template| {
        let mut command = String::with_capacity(template.len());
        let mut from = 0;
        for placeholder::Placeholder { name, span } in placeholder::find(template) {
            command.push_str(&template[from..span.start]);
            from = span.end;
            match values.get(name) {
                Some(value) => command.push_str(value),
                None => {
                    command.push_str(&format!("<{name}>"));
                    if !unfilled.iter().any(|known| known == name) {
                        unfilled.push(name.to_owned());
                    }
                }
            }
        }
        command.push_str(&template[from..]);
        command
    });
    Action { text: step.text.clone(), command, unfilled, caution: step.caution }
}

fn is_safe(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/@=+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact;

    #[test]
    fn only_safe_values_enter_a_command() {
        let fields: Fields =
            [("pid", "123"), ("evil", "1; rm -rf /"), ("dash", "a-b_c.d:/@=+"), ("token", redact::MARK)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let vars: Vars = [("config", "/etc/my worker.toml"), ("secret", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let names = Names { worker: Some("venus-worker".to_owned()), manager: None };
        let allowed = ["config".to_owned()];
        let values = Values {
            fields: &fields,
            host: Some("seal-07"),
            source: Some("worker"),
            path: "/var/log/$(x).log",
            names: &names,
            vars: &vars,
            allowed: &allowed,
        };
        for (template, filled, unfilled) in [
            ("{worker} --pid={pid} {dash}", "venus-worker --pid=123 a-b_c.d:/@=+", vec![]),
            ("kill {evil} {evil}", "kill <evil> <evil>", vec!["evil"]),
            ("curl {token}", "curl <token>", vec!["token"]),
            ("{manager} {path} {unknown}", "<manager> <path> <unknown>", vec!["manager", "path", "unknown"]),
            ("{config} {secret}", "/etc/my worker.toml <secret>", vec!["secret"]),
            ("echo ${pid} ${HOME:-/} '{ print $1 }'", "echo ${pid} ${HOME:-/} '{ print $1 }'", vec![]),
        ] {
            let step = Step { text: "Do.".to_owned(), command: Some(template.to_owned()), caution: true };
            let action = fill(&step, &values);
            assert_eq!(action.command.as_deref(), Some(filled));
            assert_eq!(action.unfilled, unfilled);
            assert!(action.caution);
        }
    }
}
