//! The files of one Rust program, and the items in them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use syn::{Expr, ExprLit, Item, Lit, Path};

use crate::git::{Texts, Tree};
use crate::model::Unread;

/// Texts by the name of their constant.
type Constants = Rc<HashMap<String, String>>;

/// Files by their blob, over all tags.
#[derive(Default)]
pub struct Shelf {
    files: RefCell<HashMap<Rc<str>, Option<Rc<syn::File>>>>,
    /// The texts that stand behind `const NAME: &str =`.
    constants: RefCell<HashMap<Rc<str>, Constants>>,
}

/// One tag, as one program sees it.
pub struct Sources<'s> {
    pub texts: &'s dyn Texts,
    pub tree: &'s Tree,
    pub shelf: &'s Shelf,
    /// Where its `main.rs` stands.
    pub folder: &'s str,
    pub unread: &'s RefCell<Unread>,
}

impl Sources<'_> {
    /// Notes what could not be read in a module.
    pub fn note(&self, module: &str, what: &str) {
        self.unread.borrow_mut().note(&format!("{}/{module}", self.folder), 1, what);
    }

    /// A module beside `main`, or `main` itself.
    pub fn module(&self, name: &str) -> Option<Rc<syn::File>> {
        let paths = [format!("{}/{name}.rs", self.folder), format!("{}/{name}/mod.rs", self.folder)];
        let blob = paths.iter().find_map(|path| self.tree.get(path))?;
        if let Some(known) = self.shelf.files.borrow().get(blob) {
            return known.clone();
        }
        let text = self.texts.text(blob).ok()?;
        let file = syn::parse_file(&text).ok().map(Rc::new);
        if file.is_none() {
            self.note(name, "is not Rust that can be read");
        }
        self.shelf.files.borrow_mut().insert(blob.clone(), file.clone());
        file
    }

    /// The module that a path of this module leads to, and the last word of the path.
    pub fn place(&self, path: &Path, module: &str) -> Option<(String, String)> {
        let words: Vec<String> = path.segments.iter().map(|word| word.ident.to_string()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "crate").collect();
        match words.as_slice() {
            [name] => Some((module.to_owned(), (*name).to_owned())),
            ["self", name] => Some((module.to_owned(), (*name).to_owned())),
            ["super", name] => Some(("main".to_owned(), (*name).to_owned())),
            [of, name] => Some(((*of).to_owned(), (*name).to_owned())),
            _ => None,
        }
    }

    /// The text of an expression: a literal, or a constant of this program or of its libraries.
    pub fn text(&self, expr: &Expr, module: &str) -> Option<String> {
        match expr {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            Expr::Lit(ExprLit { lit: Lit::Char(char), .. }) => Some(char.value().to_string()),
            Expr::Path(path) => {
                let (module, name) = self.place(&path.path, module)?;
                self.own_constant(&module, &name).or_else(|| self.constant(&name))
            }
            _ => None,
        }
    }

    fn own_constant(&self, module: &str, name: &str) -> Option<String> {
        let file = self.module(module)?;
        file.items.iter().find_map(|item| match item {
            Item::Const(constant) if constant.ident == name => match &*constant.expr {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
    }

    /// A constant of any file of the repository; nothing where several differ.
    fn constant(&self, name: &str) -> Option<String> {
        let mut found: Option<String> = None;
        for (_, blob) in self.tree.iter().filter(|(path, _)| path.ends_with(".rs")) {
            if let Some(text) = self.constants(blob).get(name) {
                if found.as_ref().is_some_and(|other| other != text) {
                    return None;
                }
                found = Some(text.clone());
            }
        }
        found
    }

    fn constants(&self, blob: &Rc<str>) -> Constants {
        if let Some(known) = self.shelf.constants.borrow().get(blob) {
            return known.clone();
        }
        let text = self.texts.text(blob).unwrap_or_default();
        let constants = text.lines().filter_map(|line| {
            let (before, value) = line.split_once(": &str = \"")?;
            let name = before.rsplit_once("const ")?.1;
            Some((name.to_owned(), value.split_once('"')?.0.to_owned()))
        });
        let constants = Rc::new(constants.collect());
        self.shelf.constants.borrow_mut().insert(blob.clone(), Rc::clone(&constants));
        constants
    }
}
