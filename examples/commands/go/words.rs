//! What names of functions and variables tell of what they do.

use super::syntax::Expr;

/// A name of an error: `ErrNone`, `errMissing`.
pub fn is_error_name(name: &str) -> bool {
    let rest = name.strip_prefix("Err").or_else(|| name.strip_prefix("err"));
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// Functions that make an error.
pub fn makes_error(callee: &Expr) -> bool {
    match callee {
        Expr::Field(of, name) if name == "New" => {
            matches!(&**of, Expr::Name(package) if package == "errors" || package == "xerrors")
        }
        Expr::Name(name) | Expr::Field(_, name) => {
            matches!(name.as_str(), "Errorf" | "Wrap" | "Wrapf" | "Exit" | "NewExitError")
        }
        _ => false,
    }
}

/// Functions that show how a command is used.
pub fn shows_help_by(name: &str) -> bool {
    name.starts_with("ShowSubcommandHelp")
        || name.starts_with("ShowCommandHelp")
        || name.starts_with("ShowHelp")
        || name.starts_with("ShowAppHelp")
}

/// Whether this shows how a command is used.
pub fn shows_help(expr: &Expr) -> bool {
    matches!(expr, Expr::Call { callee, .. } if matches!(&**callee, Expr::Name(name) | Expr::Field(_, name) if shows_help_by(name)))
}

/// Whether this ends the program.
pub fn exits(expr: &Expr) -> bool {
    let Expr::Call { callee, .. } = expr else { return false };
    let Expr::Field(_, name) = &**callee else { return false };
    name.starts_with("Fatal") || name == "Exit" || name.ends_with("HelpAndExit")
}

/// Functions of libraries that take no empty text.
pub fn rejects_empty(callee: &Expr) -> bool {
    match callee {
        Expr::Field(of, name) if matches!(name.as_str(), "Decode" | "Parse") => {
            matches!(&**of, Expr::Name(package) if package == "cid")
        }
        Expr::Field(_, name) => matches!(
            name.as_str(),
            "Atoi"
                | "ParseInt"
                | "ParseUint"
                | "ParseFloat"
                | "ParseFIL"
                | "NewFromString"
                | "BigFromString"
                | "RAMInBytes"
        ),
        _ => false,
    }
}

/// The texts in the arguments of a call.
pub fn texts(expr: &Expr) -> Vec<String> {
    let Expr::Call { args, .. } = expr else { return Vec::new() };
    let texts = args.iter().filter_map(|arg| match arg {
        Expr::Text(text) => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}
