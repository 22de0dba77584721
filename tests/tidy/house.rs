//! Which file of the sources uses which.
//!
//! A file uses another where a path outside its tests leads there: through `crate::`, `super::` and `self::`, through a
//! module's name, or through a name that a `use` gave. A path leads to the file that defines what it names, however many
//! files hand that on: `mod` and re-exports are no use. Methods are called without a path, so `self.name()` is none either.
//! Tests are what `#[cfg(test)]` covers: an item, a module with its file and its folder, a statement, a field, an arm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::visit::{self, Visit};
use syn::{Attribute, UseTree, Visibility};

/// `crate::frame::line` is `["frame", "line"]`.
type Module = Vec<String>;
/// A file with its folder, or the one without the other: `source/tail`.
type Part = String;

/// What the product's part of one text says.
#[derive(Default)]
pub struct Code {
    /// Paths in the module that they stand in, as they are written.
    pub paths: BTreeSet<(Module, Vec<String>)>,
    /// Names that a `use` gives, by module.
    names: BTreeMap<(Module, String), Vec<String>>,
    /// Modules whose names all come in.
    globs: BTreeSet<(Module, Vec<String>)>,
    /// Modules that are declared here, those of tests left out; those with a body, too.
    modules: BTreeSet<Module>,
    here: Module,
}

impl Code {
    /// Reads `text`, the file of `module`.
    ///
    /// # Panics
    ///
    /// It is no Rust.
    pub fn read(module: Module, text: &str) -> Code {
        let file = syn::parse_file(text).unwrap();
        let mut code = Code { here: module, ..Code::default() };
        if !file.attrs.iter().any(is_test_attribute) {
            code.visit_file(&file);
        }
        code
    }

    /// The paths, as text.
    pub fn mentions(&self) -> BTreeSet<String> {
        self.paths.iter().map(|(_, path)| path.join("::")).collect()
    }

    fn mention(&mut self, path: Vec<String>) {
        self.paths.insert((self.here.clone(), path));
    }

    /// The paths in what a macro or an attribute is given, which need not be Rust.
    fn mention_all_in(&mut self, text: &str) {
        let text = text.replace(" :: ", "::").replace(":: ", "::").replace(" ::", "::");
        for word in text.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':') {
            let path: Vec<String> = word.split("::").map(str::to_owned).collect();
            if path.len() > 1 && path.iter().all(|name| !name.is_empty() && !name.contains(':')) {
                self.mention(path);
            }
        }
    }

    fn take_in(&mut self, tree: &UseTree, mut path: Vec<String>, public: bool) {
        let (name, end) = match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                return self.take_in(&next.tree, path, public);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.take_in(tree, path.clone(), public));
            }
            UseTree::Glob(_) => {
                self.globs.insert((self.here.clone(), path.clone()));
                return if !public {
                    self.mention(path)
                };
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => (rename.rename.to_string(), rename.ident.to_string()),
        };
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
        if end != "self" || path.is_empty() {
            path.push(end);
        }
        self.names.insert((self.here.clone(), name), path.clone());
        if !public {
            self.mention(path);
        }
    }
}

impl<'ast> Visit<'ast> for Code {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        if !is_test(item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        if !is_test(item) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        if !is_test(statement) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_test(field) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !is_test(field) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !is_test(variant) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !is_test(arm) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.here.push(item.ident.to_string());
        self.modules.insert(self.here.clone());
        visit::visit_item_mod(self, item);
        self.here.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let public = !matches!(item.vis, Visibility::Inherited);
        self.take_in(&item.tree, Vec::new(), public);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.mention(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.mention_all_in(&without_literals(call.tokens.clone()).to_string());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if !attribute.path().is_ident("doc") {
            self.mention_all_in(&attribute.meta.to_token_stream().to_string());
        }
    }

    // `pub(super)` is no use of what is above.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn without_literals(tokens: TokenStream) -> TokenStream {
    let kept = tokens.into_iter().filter(|tree| !matches!(tree, TokenTree::Literal(_)));
    let inside = |tree| match tree {
        TokenTree::Group(group) => {
            TokenTree::Group(Group::new(group.delimiter(), without_literals(group.stream())))
        }
        other => other,
    };
    kept.map(inside).collect()
}

/// What `#[cfg(test)]` stands before.
fn is_test(node: &impl ToTokens) -> bool {
    let outer = |input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<TokenStream>()?;
        Ok(attributes)
    };
    outer.parse2(node.to_token_stream()).unwrap_or_default().iter().any(is_test_attribute)
}

fn is_test_attribute(attribute: &Attribute) -> bool {
    let condition = || attribute.meta.require_list().map_or(String::new(), |list| list.tokens.to_string());
    attribute.path().is_ident("cfg") && condition() == "test"
}

/// The sources, their tests left out.
pub struct House {
    pub files: BTreeMap<PathBuf, Code>,
    /// Where each module stands.
    modules: BTreeMap<Module, PathBuf>,
}

impl House {
    /// `sources` are paths below `src` and texts; files that only tests declare are left out.
    pub fn of(sources: &[(PathBuf, String)]) -> House {
        let mut house = House { files: BTreeMap::new(), modules: BTreeMap::new() };
        let texts: BTreeMap<Module, &(PathBuf, String)> =
            sources.iter().map(|source| (module_of(&source.0), source)).collect();
        let mut open: Vec<Module> = vec![Vec::new(), vec!["main".to_owned()]];
        while let Some(module) = open.pop() {
            let Some((path, text)) = texts.get(&module) else { continue };
            let code = Code::read(module.clone(), text);
            house.modules.insert(module, path.clone());
            for declared in &code.modules {
                house.modules.insert(declared.clone(), path.clone());
                open.push(declared.clone());
            }
            house.files.insert(path.clone(), code);
        }
        house
    }

    /// The files that `file` uses.
    pub fn used_by(&self, file: &Path) -> BTreeSet<PathBuf> {
        let paths = self.files[file].paths.iter();
        let used = paths.filter_map(|(module, path)| self.home_of(module, path, 16));
        used.filter(|used| used != file).collect()
    }

    /// The file that defines what `path` names in `module`; none for what others wrote. `hops` bounds names that lead to
    /// themselves.
    fn home_of(&self, module: &Module, path: &[String], hops: usize) -> Option<PathBuf> {
        let hops = hops.checked_sub(1)?;
        let mut at = module.clone();
        let mut inside = false;
        for (index, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" | "sealtail" if index == 0 => at.clear(),
                "self" if index == 0 => {}
                "super" => drop(at.pop()),
                _ => {
                    let below = [at.as_slice(), std::slice::from_ref(name)].concat();
                    if self.modules.contains_key(&below) {
                        at = below;
                    } else if let Some(home) = self.given(&at, &path[index..], hops) {
                        return home;
                    } else {
                        // An item of this module, or a name from outside.
                        return inside.then(|| self.modules.get(&at).cloned()).flatten();
                    }
                }
            }
            inside = true;
        }
        self.modules.get(&at).cloned()
    }

    /// What a `use` in `module` makes of `path`; the outer none where no `use` names it.
    fn given(&self, module: &Module, path: &[String], hops: usize) -> Option<Option<PathBuf>> {
        let code = self.files.get(self.modules.get(module)?)?;
        if let Some(target) = code.names.get(&(module.clone(), path[0].clone())) {
            // `use name::…` of a name of its own kind leads out of the house.
            let home = || self.home_of(module, &[target, &path[1..]].concat(), hops);
            return Some((target[0] != path[0]).then(home).flatten());
        }
        let globs = code.globs.iter().filter(|(here, _)| here == module);
        let mut all = globs.filter_map(|(_, from)| self.module_at(module, from));
        all.find_map(|from| self.given(&from, path, hops.checked_sub(1)?))
    }

    fn module_at(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut at = module.clone();
        for (index, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" if index == 0 => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ => at.push(name.clone()),
            }
        }
        self.modules.contains_key(&at).then_some(at)
    }

    /// The parts that use, over others beside them, themselves, and what they use of each other. A folder is one part with
    /// the file of its name. What a file takes from one above it is left out: it is a part of that.
    pub fn circles(&self) -> BTreeMap<Part, BTreeSet<Part>> {
        let mut uses: BTreeMap<Part, BTreeSet<Part>> = BTreeMap::new();
        for file in self.files.keys() {
            for used in self.used_by(file) {
                let (user, used) = (module_of(file), module_of(&used));
                let shared = user.iter().zip(&used).take_while(|(one, other)| one == other).count();
                if shared < user.len() && shared < used.len() {
                    let part = |of: &Module| of[..=shared].join("/");
                    uses.entry(part(&user)).or_default().insert(part(&used));
                    uses.entry(part(&used)).or_default();
                }
            }
        }
        // What is used by nobody, or uses nobody, is in no circle.
        loop {
            let before = uses.len();
            uses.retain(|_, used| !used.is_empty());
            let (left, used): (BTreeSet<Part>, BTreeSet<Part>) =
                (uses.keys().cloned().collect(), uses.values().flatten().cloned().collect());
            uses.retain(|part, _| used.contains(part));
            uses.values_mut().for_each(|used| used.retain(|part| left.contains(part)));
            if uses.len() == before {
                return uses;
            }
        }
    }
}

fn module_of(path: &Path) -> Module {
    let mut module: Module =
        path.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if module == ["lib"] || module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

mod tests {
    use super::*;

    /// What `text` mentions, apart from types of the language.
    fn mentions(text: &str) -> Vec<String> {
        let all = Code::read(Vec::new(), text).mentions();
        all.into_iter().filter(|path| path.contains("::")).collect()
    }

    #[test]
    fn only_what_is_a_test_is_left_out() {
        for (text, expected) in [
            // Every kind of path.
            (
                "use crate::a; use super::b::{c, d as e, f::*}; use self::g as _;",
                "crate::a self::g super::b::c super::b::d super::b::f",
            ),
            (
                "fn f(x: &crate::a::A) -> Option<super::B> { crate::c::d(x); self::e::<crate::f::F>() }",
                "crate::a::A crate::c::d crate::f::F self::e super::B",
            ),
            ("impl crate::a::T for super::B { type C = crate::d::D; }", "crate::a::T crate::d::D super::B"),
            (
                "fn f() { match x { crate::a::B { .. } => y, super::C | self::D => z } }",
                "crate::a::B self::D super::C",
            ),
            (
                "fn f() { println!(\"{}\", crate::a::b()); matches!(x, super::A | self::B) }",
                "crate::a::b self::B super::A",
            ),
            ("#[serde(with = \"crate::a\")] struct S;", "crate::a"),
            ("mod inner { use super::a; }", "super::a"),
            // What is none.
            ("/// [`crate::a`], \n// crate::b\nfn f() {}", ""),
            ("pub(super) fn f() {} pub(in crate::a) struct S;", ""),
            ("fn f() { println!(\"crate::a {}\", (1, \"super::b\")) }", ""),
            ("pub use self::a::B; pub(super) use crate::c::D;", ""),
            ("mod a; pub mod b;", ""),
            // Tests, and what stands behind them.
            ("#[cfg(test)] mod t; use crate::a;", "crate::a"),
            ("#[cfg(test)] mod t { use crate::t; fn f() { { crate::t::u() } } } use crate::a;", "crate::a"),
            ("#[cfg(test)] use crate::{t, u::v}; use crate::a;", "crate::a"),
            ("#[cfg(test)] const T: &str = crate::t::T; use crate::a;", "crate::a"),
            ("/// Text.\n#[inline] #[cfg(test)] fn t() { crate::t() } fn f() { crate::a() }", "crate::a"),
            (
                "fn f() { #[cfg(test)] if let Some(t) = crate::t() { return crate::u(); } crate::a() }",
                "crate::a",
            ),
            ("fn f() { #[cfg(test)] let t = crate::t::T { u: 1 }; crate::a() }", "crate::a"),
            ("fn f() { #[cfg(test)] assert!(crate::t()); crate::a() }", "crate::a"),
            ("fn f() { #[cfg(test)] { crate::t(); } crate::a() }", "crate::a"),
            ("struct S { #[cfg(test)] t: crate::T<u8, u8>, a: crate::A }", "crate::A"),
            ("fn f() { S { #[cfg(test)] t: crate::t(), a: crate::a() } }", "crate::a"),
            ("enum E { #[cfg(test)] T(crate::T), A(crate::A) }", "crate::A"),
            ("fn f() { match x { #[cfg(test)] T => crate::t(), A => crate::a() } }", "crate::a"),
            ("impl S { #[cfg(test)] fn t() { crate::t() } fn a() { crate::a() } }", "crate::a"),
            ("trait S { #[cfg(test)] fn t() { crate::t() } fn a() { crate::a() } }", "crate::a"),
            ("#![cfg(test)] use crate::t;", ""),
            // No tests.
            ("#[cfg(not(test))] use crate::a; #[cfg(unix)] use crate::b;", "crate::a crate::b"),
            (
                "#[test_only] use crate::a; const TEXT: &str = \"#[cfg(test)]\"; use crate::b;",
                "crate::a crate::b",
            ),
            ("// #[cfg(test)]\nuse crate::a;", "crate::a"),
        ] {
            assert_eq!(mentions(text).join(" "), expected, "{text}");
        }
    }

    fn house(files: &[(&str, &str)]) -> House {
        let sources: Vec<_> = files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        House::of(&sources)
    }

    #[test]
    fn a_path_leads_to_the_file_that_defines_what_it_names() {
        let house = house(&[
            ("lib.rs", "pub mod a; pub mod b; #[cfg(test)] mod t;"),
            ("main.rs", "fn main() { sealtail::a::run() }"),
            ("a.rs", "mod c; mod d; pub use c::C; use std::path::Path; fn run() { d::e() }"),
            ("a/c.rs", "pub struct C; impl super::A {} use super::Path;"),
            ("a/d.rs", "use super::C; use crate::b::{self, B}; fn e() { b::f(); serde::de() }"),
            (
                "b.rs",
                "pub use crate::a::C; pub struct B; mod inner { use super::B; } fn f() { Self::g(); inner::h() }",
            ),
            ("t.rs", "use crate::b;"),
        ]);
        let used = |file: &str| {
            let used = house.used_by(Path::new(file)).into_iter();
            used.map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        for (file, expected) in [
            ("lib.rs", ""),
            ("main.rs", "a.rs"),
            ("a.rs", "a/d.rs"),
            ("a/c.rs", "a.rs"),
            ("a/d.rs", "a/c.rs b.rs"),
            ("b.rs", ""),
        ] {
            assert_eq!(used(file), expected, "{file}");
        }
        assert!(!house.files.contains_key(Path::new("t.rs")), "it is a test");
    }

    #[test]
    fn a_circle_is_seen_between_files_and_between_folders() {
        let lib = ("lib.rs", "mod a; mod b;");
        for (files, expected) in [
            (vec![lib, ("a.rs", "use crate::b::B;"), ("b.rs", "struct B;")], ""),
            (vec![lib, ("a.rs", "use crate::b::B;"), ("b.rs", "use crate::a::A;")], "a b"),
            // Over a re-export, and in a folder.
            (
                vec![
                    lib,
                    ("a.rs", "mod c; pub use c::C;"),
                    ("a/c.rs", "use crate::b;"),
                    ("b.rs", "use crate::a::C;"),
                ],
                "a b",
            ),
            (
                vec![
                    lib,
                    ("a.rs", "mod c; mod d;"),
                    ("a/c.rs", "use super::d;"),
                    ("a/d.rs", "use super::c;"),
                    ("b.rs", ""),
                ],
                "a/c a/d",
            ),
            // A part of a file uses it.
            (vec![lib, ("a.rs", "mod c; use c::C;"), ("a/c.rs", "use super::A;"), ("b.rs", "")], ""),
            (
                vec![
                    lib,
                    ("a.rs", "use crate::b::B;"),
                    ("b.rs", "#[cfg(test)] mod tests { use crate::a::A; }"),
                ],
                "",
            ),
        ] {
            let circles: Vec<Part> = house(&files).circles().into_keys().collect();
            assert_eq!(circles.join(" "), expected, "{files:?}");
        }
    }
}
