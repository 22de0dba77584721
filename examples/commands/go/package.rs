//! The packages of one tag, read when they are asked for.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use anyhow::Result;

use super::constraint;
use super::eval::Value;
use super::syntax::{self, Expr, File};
use crate::git::{Texts, Tree};

/// Files by their path and blob, over all tags: what did not change is read once.
pub type Shelf = RefCell<HashMap<(String, Rc<str>), Option<Rc<File>>>>;

/// One tag of a repository.
pub struct Snapshot<'r> {
    pub texts: &'r dyn Texts,
    pub tree: &'r Tree,
    pub shelf: &'r Shelf,
    /// The paths of its modules and their folders, longest first.
    modules: Vec<(String, String)>,
    packages: RefCell<HashMap<String, Rc<Package>>>,
}

/// A package: its names, and what those stand for as far as that is known already.
pub struct Package {
    pub files: Vec<Rc<File>>,
    pub names: BTreeMap<String, (Rc<File>, Rc<Expr>)>,
    /// Nothing while it is being worked out.
    pub values: RefCell<HashMap<String, Option<Value>>>,
    pub has_started: Cell<bool>,
}

impl<'r> Snapshot<'r> {
    /// Opens a tag by its files.
    pub fn open(texts: &'r dyn Texts, tree: &'r Tree, shelf: &'r Shelf) -> Result<Self> {
        let mut modules = Vec::new();
        for (path, blob) in tree.iter().filter(|(path, _)| path.rsplit('/').next() == Some("go.mod")) {
            let text = texts.text(blob)?;
            let name = text.lines().find_map(|line| line.strip_prefix("module "));
            let folder = path.strip_suffix("go.mod").unwrap_or_default().trim_end_matches('/');
            modules.extend(name.map(|name| (name.trim().to_owned(), folder.to_owned())));
        }
        modules.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Ok(Self { texts, tree, shelf, modules, packages: RefCell::default() })
    }

    /// The last words of its modules' paths, without their major version.
    pub fn module_names(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|(name, _)| last_word(name))
    }

    /// The folder of an imported package, if it is of this repository.
    pub fn folder(&self, import: &str) -> Option<String> {
        self.modules.iter().find_map(|(name, folder)| {
            let rest = import.strip_prefix(name.as_str())?;
            let inner = if rest.is_empty() { "" } else { rest.strip_prefix('/')? };
            let parts: Vec<&str> =
                [folder.as_str(), inner].into_iter().filter(|part| !part.is_empty()).collect();
            Some(parts.join("/"))
        })
    }

    /// Whether there is a package in this folder.
    pub fn has(&self, folder: &str) -> bool {
        !self.paths(folder).is_empty()
    }

    fn paths(&self, folder: &str) -> Vec<(&String, &Rc<str>)> {
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let inside = self.tree.range(start.clone()..).take_while(|(path, _)| path.starts_with(&start));
        inside.filter(|(path, _)| path.ends_with(".go") && !path[start.len()..].contains('/')).collect()
    }

    /// The package of a folder.
    pub fn package(&self, folder: &str) -> Rc<Package> {
        if let Some(known) = self.packages.borrow().get(folder) {
            return known.clone();
        }
        let files: Vec<Rc<File>> =
            self.paths(folder).into_iter().filter_map(|(path, blob)| self.file(path, blob)).collect();
        let mut names = BTreeMap::new();
        for file in &files {
            for (name, expr) in &file.declared {
                names.entry(name.clone()).or_insert_with(|| (file.clone(), expr.clone()));
            }
        }
        let package = Package { files, names, values: RefCell::default(), has_started: Cell::new(false) };
        let package = Rc::new(package);
        self.packages.borrow_mut().insert(folder.to_owned(), package.clone());
        package
    }

    fn file(&self, path: &str, blob: &Rc<str>) -> Option<Rc<File>> {
        let key = (path.to_owned(), blob.clone());
        if let Some(known) = self.shelf.borrow().get(&key) {
            return known.clone();
        }
        let file = self
            .texts
            .text(blob)
            .ok()
            .and_then(|text| constraint::holds(path, &text).then(|| syntax::parse(path, &text).ok())?);
        let file = file.map(Rc::new);
        self.shelf.borrow_mut().insert(key, file.clone());
        file
    }
}

/// The last word of an import path, without a major version.
pub fn last_word(import: &str) -> &str {
    let is_version = |word: &&str| word.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    import.rsplit('/').find(|word| !is_version(word)).unwrap_or(import)
}
