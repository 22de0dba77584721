//! `${VAR}` in the string values of the configuration. Filled once: what a variable holds is never
//! looked at again. `$${` stands for `${`.

use std::cell::RefCell;
use std::ops::Range;

use crate::base::diagnostic::Text;
use crate::base::diagnostic::table::{Located, Table};

/// Code of the fault of a variable that cannot be filled.
pub(super) const UNSET: &str = "variable";

/// Fills the variables in every string of `table`, and returns where values begin that could not
/// be filled, as line and column.
pub(super) fn fill(
    text: &Text<'_>,
    table: &mut Table<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Vec<(usize, usize)> {
    let unfilled = RefCell::new(Vec::new());
    table.replace_strings(&|string: Located<&str>| {
        if !string.value.contains("${") {
            return None;
        }
        match filled(string.value, env) {
            Ok(filled) => Some(filled),
            Err(fault) => {
                unfilled.borrow_mut().push(text.position(string.span.start));
                let place = place(text, &string.span, &fault.variable);
                text.fault_hint(UNSET, place, fault.message, fault.hint);
                None
            }
        }
    });
    unfilled.into_inner()
}

/// Why a value cannot be filled.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    /// The variable as it is written.
    variable: String,
    message: String,
    hint: String,
}

fn filled(value: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Fault> {
    let mut filled = String::new();
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let (before, opened) = (&rest[..at], &rest[at + 2..]);
        if let Some(literal) = before.strip_suffix('$') {
            filled.push_str(literal);
            filled.push_str("${");
            rest = opened;
            continue;
        }
        filled.push_str(before);
        let name = opened.find('}').map(|end| &opened[..end]);
        let Some(name) = name.filter(|name| is_variable(name)) else {
            return Err(Fault {
                variable: "${".to_owned(),
                message: "`${` does not start a variable".to_owned(),
                hint: "write `${NAME}`, or `$${` for a literal `${`".to_owned(),
            });
        };
        filled.push_str(&env(name).ok_or_else(|| Fault {
            variable: format!("${{{name}}}"),
            message: format!("the variable `{name}` is not set"),
            hint: "set it in the environment of sealtail, or write `$${` for a literal `${`".to_owned(),
        })?);
        rest = &opened[name.len() + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn is_variable(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(word)
}

/// Where the variable stands; the whole value where TOML escapes hide it.
fn place(text: &Text<'_>, value: &Range<usize>, variable: &str) -> Range<usize> {
    let at = text.text()[value.clone()].find(variable).map(|at| value.start + at);
    at.map_or(value.clone(), |at| at..at + variable.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_once() {
        let env = |name: &str| match name {
            "A" => Some("one".to_owned()),
            "_B2" => Some("${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (value, expected) in [
            ("${A}", Ok("one")),
            ("x${A}y${A}", Ok("xoneyone")),
            ("${_B2}", Ok("${A}")),
            ("[${EMPTY}]", Ok("[]")),
            ("$${A} $A {A}", Ok("${A} $A {A}")),
            ("$$${A}", Ok("$${A}")),
            ("a ${UNSET}", Err("${UNSET}")),
            ("${A", Err("${")),
            ("${}", Err("${")),
            ("${1A}", Err("${")),
            ("${A B}", Err("${")),
        ] {
            let filled = filled(value, &env);
            let seen = filled.as_deref().map_err(|fault| &*fault.variable);
            assert_eq!(seen, expected, "{value}");
        }
    }
}
