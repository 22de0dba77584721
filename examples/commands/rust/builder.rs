//! clap by builder, in all its versions: `App::new("x").arg(Arg::with_name("y").long("y"))`.

use std::collections::HashMap;

use syn::punctuated::Punctuated;
use syn::{Block, Expr, ExprMethodCall, Item, Local, Pat, Stmt, Token};

use super::source::Sources;
use super::{Arg, Told, kind_of};
use crate::model::Kind;

/// The program that `main` builds.
pub fn program(sources: &Sources<'_>) -> Option<Told> {
    let builder = Builder { sources };
    let main = builder.function("main", "main")?;
    let mut names = HashMap::new();
    for stmt in &main.stmts {
        let Stmt::Local(local) = stmt else { continue };
        let Some((name, value)) = bound(local) else { continue };
        match value {
            Expr::MethodCall(call) if call.method == "get_matches" => {
                return match builder.value(&call.receiver, "main", &names) {
                    Built::Command(told) => Some(*told),
                    _ => None,
                };
            }
            _ => {
                let built = builder.value(value, "main", &names);
                names.insert(name, built);
            }
        }
    }
    None
}

/// What an expression builds.
#[derive(Clone)]
enum Built {
    Command(Box<Told>),
    Arg(Box<Given>),
    List(Vec<Built>),
    Nothing,
}

/// An argument while it is built.
#[derive(Clone, Default)]
struct Given {
    names: Vec<String>,
    /// As it is said, or as it follows from what is said.
    takes_value: bool,
    is_required: bool,
    is_repeated: bool,
    has_other_source: bool,
    of: Option<String>,
}

type Names = HashMap<String, Built>;

struct Builder<'b, 's> {
    sources: &'b Sources<'s>,
}

impl Builder<'_, '_> {
    fn function(&self, module: &str, name: &str) -> Option<Block> {
        let file = self.sources.module(module)?;
        file.items.iter().find_map(|item| match item {
            Item::Fn(function) if function.sig.ident == name => Some((*function.block).clone()),
            _ => None,
        })
    }

    fn block(&self, block: &Block, module: &str) -> Built {
        let mut names = Names::new();
        let mut last = Built::Nothing;
        for stmt in &block.stmts {
            match stmt {
                Stmt::Local(local) => {
                    if let Some((name, value)) = bound(local) {
                        let built = self.value(value, module, &names);
                        names.insert(name, built);
                    }
                }
                Stmt::Expr(expr, None) => last = self.value(expr, module, &names),
                _ => {}
            }
        }
        last
    }

    fn value(&self, expr: &Expr, module: &str, names: &Names) -> Built {
        match expr {
            Expr::Path(path) => {
                let name = path.path.get_ident().map(ToString::to_string).unwrap_or_default();
                names.get(&name).cloned().unwrap_or(Built::Nothing)
            }
            Expr::Reference(inner) => self.value(&inner.expr, module, names),
            Expr::Paren(inner) => self.value(&inner.expr, module, names),
            Expr::Array(array) => {
                Built::List(array.elems.iter().map(|item| self.value(item, module, names)).collect())
            }
            Expr::Macro(list) if list.mac.path.is_ident("vec") => {
                let items = list.mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
                let items = items.into_iter().flatten();
                Built::List(items.map(|item| self.value(&item, module, names)).collect())
            }
            Expr::Call(call) => {
                let Expr::Path(path) = &*call.func else { return Built::Nothing };
                let words: Vec<String> =
                    path.path.segments.iter().map(|word| word.ident.to_string()).collect();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                match words.as_slice() {
                    [.., "App" | "Command" | "SubCommand", "new" | "with_name"] => {
                        let name = call.args.first().and_then(|name| self.sources.text(name, module));
                        if name.is_none() {
                            self.sources.note(module, "a command whose name cannot be told");
                        }
                        let name = name.unwrap_or_default();
                        Built::Command(Box::new(Told { name, ..Told::default() }))
                    }
                    [.., "Arg", "new" | "with_name"] => Built::Arg(Box::default()),
                    _ => match self.sources.place(&path.path, module) {
                        Some((module, name)) => self
                            .function(&module, &name)
                            .map_or(Built::Nothing, |block| self.block(&block, &module)),
                        None => Built::Nothing,
                    },
                }
            }
            Expr::MethodCall(call) => match self.value(&call.receiver, module, names) {
                Built::Command(told) => self.on_command(*told, call, module, names),
                Built::Arg(given) => self.on_arg(*given, call, module),
                _ => Built::Nothing,
            },
            _ => Built::Nothing,
        }
    }

    fn on_command(&self, mut told: Told, call: &ExprMethodCall, module: &str, names: &Names) -> Built {
        let method = call.method.to_string();
        let first = call.args.first();
        match method.as_str() {
            "version" => told.has_version = true,
            "hide" => told.hidden = is_true(first),
            "alias" | "visible_alias" => {
                told.aliases.extend(first.and_then(|name| self.sources.text(name, module)));
            }
            "arg" | "args" | "subcommand" | "subcommands" => {
                let built = first.map_or(Built::Nothing, |first| self.value(first, module, names));
                let items = match built {
                    Built::List(items) => items,
                    item => vec![item],
                };
                for item in items {
                    match item {
                        Built::Command(subcommand) => told.subcommands.push(*subcommand),
                        Built::Arg(given) => told.args.push(given.into_arg()),
                        _ => self
                            .sources
                            .note(module, &format!("`{method}` of `{}` cannot be followed", told.name)),
                    }
                }
            }
            _ => {}
        }
        Built::Command(Box::new(told))
    }

    fn on_arg(&self, mut given: Given, call: &ExprMethodCall, module: &str) -> Built {
        let first = call.args.first();
        let method = call.method.to_string();
        match method.as_str() {
            "long" => given
                .names
                .splice(0..0, first.and_then(|name| self.sources.text(name, module)))
                .for_each(drop),
            "short" | "alias" | "visible_alias" => {
                given.names.extend(first.and_then(|name| self.sources.text(name, module)));
            }
            "takes_value" => given.takes_value = is_true(first),
            "required" => given.is_required = is_true(first),
            "multiple" | "multiple_values" | "num_args" => given.is_repeated = true,
            "env" => given.has_other_source = true,
            "default_value" => {
                given.has_other_source = true;
                given.takes_value = true;
            }
            "value_parser" => {
                given.takes_value = true;
                given.of = first.and_then(|parser| match parser {
                    Expr::Macro(of) => Some(of.mac.tokens.to_string()),
                    _ => None,
                });
            }
            "value_name" | "possible_values" => given.takes_value = true,
            _ => {}
        }
        Built::Arg(Box::new(given))
    }
}

impl Given {
    fn into_arg(self) -> Arg {
        let value = self.of.as_deref().map_or(Kind::Text, kind_of);
        Arg {
            value: if self.takes_value || self.names.is_empty() { value } else { Kind::None },
            required: self.is_required && !self.has_other_source,
            is_repeated: self.is_repeated,
            names: self.names,
        }
    }
}

fn bound(local: &Local) -> Option<(String, &Expr)> {
    let Pat::Ident(name) = &local.pat else { return None };
    Some((name.ident.to_string(), &*local.init.as_ref()?.expr))
}

fn is_true(expr: Option<&Expr>) -> bool {
    matches!(expr, Some(Expr::Lit(lit)) if matches!(&lit.lit, syn::Lit::Bool(truth) if truth.value))
}
