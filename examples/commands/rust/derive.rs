//! clap by derive: `#[derive(Parser)] struct Cli { #[arg(short, long)] config: PathBuf }`.

use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprCall, Field, Fields, GenericArgument, Ident, Item, PathArguments, Token, Type,
};

use super::source::Sources;
use super::{Arg, Told, kind_of};
use crate::model::Kind;

/// The program whose arguments `main` parses.
pub fn program(sources: &Sources<'_>) -> Option<Told> {
    let main = sources.module("main")?;
    let mut parsed = Parsed(Vec::new());
    parsed.visit_file(&main);
    let deriver = Deriver { sources };
    parsed.0.iter().find_map(|name| {
        let mut told = Told::default();
        deriver.item(&mut told, "main", name).then_some(told)
    })
}

/// The types on which `parse()` is called.
struct Parsed(Vec<String>);

impl Visit<'_> for Parsed {
    fn visit_expr_call(&mut self, call: &ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let [of, method] = path.path.segments.iter().collect::<Vec<_>>().as_slice()
            && method.ident == "parse"
        {
            self.0.push(of.ident.to_string());
        }
        visit::visit_expr_call(self, call);
    }
}

/// One word of an attribute: `name`, `name = value`, or `name(value)`.
struct Word {
    name: String,
    value: Option<Expr>,
}

struct Deriver<'d, 's> {
    sources: &'d Sources<'s>,
}

impl Deriver<'_, '_> {
    /// Adds what a type says to a command. False where there is no such type.
    fn item(&self, told: &mut Told, module: &str, name: &str) -> bool {
        let Some(file) = self.sources.module(module) else { return false };
        for item in &file.items {
            match item {
                Item::Struct(of) if of.ident == name => {
                    let words = words(&of.attrs);
                    told.has_version |= words.iter().any(|word| word.name == "version");
                    self.fields(told, module, &of.fields);
                    return true;
                }
                Item::Enum(of) if of.ident == name => {
                    for variant in &of.variants {
                        let told_of = self.variant(module, &variant.ident, &variant.attrs, &variant.fields);
                        told.subcommands.push(told_of);
                    }
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    fn variant(&self, module: &str, ident: &Ident, attrs: &[Attribute], fields: &Fields) -> Told {
        let words = words(attrs);
        let mut told = Told { name: kebab(&ident.to_string()), ..Told::default() };
        for word in &words {
            match (word.name.as_str(), &word.value) {
                ("name", Some(value)) => match self.sources.text(value, module) {
                    Some(name) => told.name = name,
                    None => self.sources.note(module, &format!("the name of `{ident}` cannot be told")),
                },
                ("alias" | "visible_alias" | "aliases" | "visible_aliases", Some(value)) => {
                    told.aliases.extend(self.texts(value, module));
                }
                ("hide", _) => told.hidden = true,
                _ => {}
            }
        }
        match fields {
            Fields::Unnamed(inner) => {
                for field in &inner.unnamed {
                    self.inner(&mut told, module, &field.ty);
                }
            }
            _ => self.fields(&mut told, module, fields),
        }
        told
    }

    /// Adds what another type says.
    fn inner(&self, told: &mut Told, module: &str, of: &Type) {
        let found = match wrapped(of) {
            Type::Path(path) => self
                .sources
                .place(&path.path, module)
                .is_some_and(|(module, name)| self.item(told, &module, &name)),
            _ => false,
        };
        if !found {
            self.sources.note(module, &format!("`{}` cannot be followed", outermost(of)));
        }
    }

    fn fields(&self, told: &mut Told, module: &str, fields: &Fields) {
        for field in fields {
            let words = words(&field.attrs);
            let has = |name: &str| words.iter().any(|word| word.name == name);
            if has("subcommand") || has("flatten") {
                self.inner(told, module, &field.ty);
            } else if !has("skip") {
                told.args.push(self.arg(module, field, &words));
            }
        }
    }

    fn arg(&self, module: &str, field: &Field, words: &[Word]) -> Arg {
        let name = field.ident.as_ref().map(|ident| kebab(&ident.to_string())).unwrap_or_default();
        let outer = outermost(&field.ty);
        let of = outermost(wrapped(&field.ty));
        let mut arg = Arg {
            names: Vec::new(),
            value: kind_of(&of),
            required: !matches!(outer.as_str(), "Option" | "Vec" | "bool"),
            is_repeated: outer == "Vec" || of == "Vec",
        };
        for Word { name: word, value } in words {
            let text = value.as_ref().and_then(|value| self.sources.text(value, module));
            match word.as_str() {
                "long" => arg.names.insert(0, text.unwrap_or_else(|| name.clone())),
                "short" => arg.names.push(text.unwrap_or_else(|| name[..1].to_owned())),
                "alias" | "visible_alias" | "aliases" | "visible_aliases" | "short_alias" => {
                    arg.names.extend(value.iter().flat_map(|value| self.texts(value, module)));
                }
                "env" | "default_value" | "default_value_t" | "default_missing_value" => arg.required = false,
                "required" => arg.required = true,
                "num_args" => arg.is_repeated = true,
                _ if word.starts_with("required_unless") => arg.required = false,
                _ => {}
            }
        }
        if arg.names.is_empty() && arg.value == Kind::None {
            arg.value = Kind::Text;
        }
        arg
    }

    /// One text, or several in brackets.
    fn texts(&self, value: &Expr, module: &str) -> Vec<String> {
        match value {
            Expr::Array(list) => list.elems.iter().flat_map(|item| self.texts(item, module)).collect(),
            _ => self.sources.text(value, module).into_iter().collect(),
        }
    }
}

/// The words of the attributes that clap reads.
fn words(attrs: &[Attribute]) -> Vec<Word> {
    let of_clap = attrs
        .iter()
        .filter(|attr| ["command", "arg", "clap", "group"].iter().any(|name| attr.path().is_ident(name)));
    let lists =
        of_clap.filter_map(|attr| attr.parse_args_with(Punctuated::<Word, Token![,]>::parse_terminated).ok());
    lists.flatten().collect()
}

impl syn::parse::Parse for Word {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse::<Ident>()?.to_string();
        let value = if input.parse::<Option<Token![=]>>()?.is_some() {
            Some(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let inner;
            syn::parenthesized!(inner in input);
            Some(inner.parse()?)
        } else {
            None
        };
        Ok(Self { name, value })
    }
}

/// The last word of a type's path: `Option` of `Option<u32>`.
fn outermost(of: &Type) -> String {
    match of {
        Type::Path(path) => path.path.segments.last().map(|word| word.ident.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// What stands in `Option<…>`, `Vec<…>` or `Box<…>`.
fn wrapped(of: &Type) -> &Type {
    let Type::Path(path) = of else { return of };
    let Some(last) = path.path.segments.last() else { return of };
    match &last.arguments {
        PathArguments::AngleBracketed(list)
            if ["Option", "Vec", "Box"].iter().any(|name| last.ident == name) =>
        {
            let inner = list.args.iter().find_map(|arg| match arg {
                GenericArgument::Type(inner) => Some(inner),
                _ => None,
            });
            inner.unwrap_or(of)
        }
        _ => of,
    }
}

/// A name as clap writes it: `TreeD` and `tree_d` are `tree-d`.
fn kebab(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut written = String::new();
    for (at, char) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        let is_border = char.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if is_border && !written.ends_with('-') && !written.is_empty() {
            written.push('-');
        }
        match char {
            '_' => written.push('-'),
            _ => written.extend(char.to_lowercase()),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::kebab;

    #[test]
    fn names() {
        for (name, expected) in [
            ("TreeD", "tree-d"),
            ("tree_d", "tree-d"),
            ("PC1", "pc1"),
            ("EnableDump", "enable-dump"),
            ("HTTPServer", "http-server"),
            ("list", "list"),
        ] {
            assert_eq!(kebab(name), expected, "{name}");
        }
    }
}
