//! What the expressions of a Go program stand for, as far as that can be told without running it: texts, lists,
//! records (`&cli.Command{…}`) and functions. Functions that give such a value are followed.
//!
//! Both branches of a condition are taken, so a command that only some builds or settings have is there.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::package::{Package, Snapshot, last_word};
use super::syntax::{Expr, File, Func, Stmt, Type};

/// Functions are followed this deep.
const DEPTH_MAX: usize = 12;

/// What an expression stands for.
#[derive(Clone)]
pub enum Value {
    Text(Rc<str>),
    Number(i64),
    Bool(bool),
    List(Rc<Vec<Value>>),
    Record(Rc<Record>),
    Func(Rc<Func>, Rc<Env>),
    /// A name in a package that is not of this repository, as `import/path.Name`.
    Extern(Rc<str>),
    Nil,
    Unknown,
}

/// A struct or a map; shared, as behind a pointer.
pub struct Record {
    /// `import/path.Type`; of a package of this repository its folder; `map` for a map.
    pub kind: String,
    pub path: String,
    pub line: usize,
    pub fields: RefCell<BTreeMap<String, Value>>,
}

/// The names that an expression sees.
pub struct Env {
    pub file: Rc<File>,
    pub package: Rc<Package>,
    vars: RefCell<HashMap<String, Value>>,
    parent: Option<Rc<Env>>,
}

impl Env {
    /// The names at the top of a file.
    pub fn top(file: &Rc<File>, package: &Rc<Package>) -> Rc<Self> {
        Rc::new(Self { file: file.clone(), package: package.clone(), vars: RefCell::default(), parent: None })
    }

    fn inner(self: &Rc<Self>) -> Rc<Self> {
        Rc::new(Self {
            file: self.file.clone(),
            package: self.package.clone(),
            vars: RefCell::default(),
            parent: Some(self.clone()),
        })
    }

    fn get(&self, name: &str) -> Option<Value> {
        let own = self.vars.borrow().get(name).cloned();
        own.or_else(|| self.parent.as_ref()?.get(name))
    }

    fn set(&self, name: &str, value: Value) {
        let mut place = self;
        while let Some(parent) = &place.parent {
            if place.vars.borrow().contains_key(name) {
                break;
            }
            place = parent;
        }
        let place = if place.vars.borrow().contains_key(name) { place } else { self };
        place.vars.borrow_mut().insert(name.to_owned(), value);
    }
}

/// What a body gives back: surely, or under some condition.
#[derive(Default)]
struct Flow {
    sure: Option<Vec<Value>>,
    maybe: Option<Vec<Value>>,
}

/// Works out values in one tag.
pub struct Evaluator<'s> {
    pub snapshot: &'s Snapshot<'s>,
    depth: Cell<usize>,
    /// What was run as a program.
    roots: RefCell<Vec<Rc<Record>>>,
}

impl<'s> Evaluator<'s> {
    /// Starts with nothing known.
    pub fn new(snapshot: &'s Snapshot<'s>) -> Self {
        Self { snapshot, depth: Cell::new(0), roots: RefCell::default() }
    }

    /// The program that the `main` of a folder runs.
    pub fn root(&self, folder: &str) -> Option<Rc<Record>> {
        let package = self.snapshot.package(folder);
        let (file, expr) = package.names.get("main")?;
        let Expr::Func(main) = &**expr else { return None };
        self.start(&package);
        self.call(main, &Env::top(file, &package), Vec::new());
        self.roots.borrow().first().cloned()
    }

    /// Runs the `init` functions of a package that has commands.
    fn start(&self, package: &Rc<Package>) {
        if package.has_started.replace(true) {
            return;
        }
        for file in &package.files {
            let has_commands = file.imports.iter().any(|(_, path)| is_command_library(path));
            for init in file.inits.iter().filter(|_| has_commands) {
                self.call(init, &Env::top(file, package), Vec::new());
            }
        }
    }

    /// What an expression stands for.
    pub fn value(&self, expr: &Expr, env: &Rc<Env>) -> Value {
        match expr {
            Expr::Text(text) => Value::Text(text.as_str().into()),
            Expr::Number(number) => Value::Number(*number),
            Expr::Name(name) => self.name(name, env),
            Expr::Field(of, name) => self.field(of, name, env),
            Expr::Call { callee, args, spread } => self.called(callee, args, *spread, env),
            Expr::Literal { of, items, line } => self.literal(of.as_ref(), items, *line, env),
            Expr::Func(func) => Value::Func(func.clone(), env.clone()),
            Expr::Unary(operator, inner) => match (operator.as_str(), self.value(inner, env)) {
                ("*", Value::Record(record)) => {
                    let copy = record.fields.borrow().clone();
                    self.record(&record.kind, &record.path, record.line, copy)
                }
                ("!", Value::Bool(truth)) => Value::Bool(!truth),
                ("&" | "*", value) => value,
                _ => Value::Unknown,
            },
            Expr::Binary(left, operator, right) if operator == "+" => {
                match (self.value(left, env), self.value(right, env)) {
                    (Value::Text(left), Value::Text(right)) => Value::Text(format!("{left}{right}").into()),
                    _ => Value::Unknown,
                }
            }
            Expr::Index(of, key) => match (self.value(of, env), self.value(key, env)) {
                (Value::Record(map), Value::Text(key)) => {
                    map.fields.borrow().get(&*key).cloned().unwrap_or(Value::Unknown)
                }
                (Value::List(list), Value::Number(at)) => {
                    usize::try_from(at).ok().and_then(|at| list.get(at).cloned()).unwrap_or(Value::Unknown)
                }
                _ => Value::Unknown,
            },
            Expr::Assert(inner, _) => self.value(inner, env),
            Expr::Binary(..) | Expr::Other => Value::Unknown,
        }
    }

    fn record(&self, kind: &str, path: &str, line: usize, fields: BTreeMap<String, Value>) -> Value {
        let (kind, path) = (kind.to_owned(), path.to_owned());
        Value::Record(Rc::new(Record { kind, path, line, fields: RefCell::new(fields) }))
    }

    fn name(&self, name: &str, env: &Rc<Env>) -> Value {
        if let Some(value) = env.get(name) {
            return value;
        }
        match name {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "nil" => Value::Nil,
            _ => self.declared(name, &env.package),
        }
    }

    /// What a name at the top of a package stands for.
    pub fn declared(&self, name: &str, package: &Rc<Package>) -> Value {
        self.start(package);
        if let Some(known) = package.values.borrow().get(name) {
            return known.clone().unwrap_or(Value::Unknown);
        }
        let Some((file, expr)) = package.names.get(name) else { return Value::Unknown };
        package.values.borrow_mut().insert(name.to_owned(), None);
        let value = self.value(expr, &Env::top(file, package));
        package.values.borrow_mut().insert(name.to_owned(), Some(value.clone()));
        value
    }

    /// The path of the package that goes by this name in a file.
    pub fn import<'f>(&self, name: &str, file: &'f File) -> Option<&'f str> {
        let by_alias = file.imports.iter().find(|(alias, _)| alias.as_deref() == Some(name));
        let found = by_alias.or_else(|| {
            let mut plain = file.imports.iter().filter(|(alias, _)| alias.is_none());
            plain.find(|(_, path)| self.package_name(path) == name)
        });
        found.map(|(_, path)| path.as_str())
    }

    fn package_name(&self, import: &str) -> String {
        let last = last_word(import);
        match self.snapshot.folder(import) {
            Some(folder) => {
                let package = self.snapshot.package(&folder);
                package.files.first().map_or_else(|| last.to_owned(), |file| file.package.clone())
            }
            None => last.strip_prefix("go-").unwrap_or(last).to_owned(),
        }
    }

    fn field(&self, of: &Expr, name: &str, env: &Rc<Env>) -> Value {
        if let Expr::Name(package) = of
            && env.get(package).is_none()
            && let Some(import) = self.import(package, &env.file)
        {
            return match self.snapshot.folder(import) {
                Some(folder) => self.declared(name, &self.snapshot.package(&folder)),
                None => known_constant(import, name),
            };
        }
        match self.value(of, env) {
            // What is not given is empty.
            Value::Record(record) => record.fields.borrow().get(name).cloned().unwrap_or(Value::Nil),
            _ => Value::Unknown,
        }
    }

    fn literal(
        &self,
        of: Option<&Type>,
        items: &[(Option<Expr>, Expr)],
        line: usize,
        env: &Rc<Env>,
    ) -> Value {
        let inner = match of {
            Some(Type::List(inner) | Type::Map(inner)) => Some(&**inner),
            _ => None,
        };
        let value = |expr: &Expr| match expr {
            Expr::Literal { of: None, items, line } => self.literal(inner, items, *line, env),
            _ => self.value(expr, env),
        };
        match of {
            Some(Type::List(_)) => Value::List(Rc::new(items.iter().map(|(_, item)| value(item)).collect())),
            Some(Type::Map(_)) => {
                let fields = items.iter().filter_map(|(key, item)| {
                    let Value::Text(key) = self.value(key.as_ref()?, env) else { return None };
                    Some((key.to_string(), value(item)))
                });
                self.record("map", &env.file.path, line, fields.collect())
            }
            Some(Type::Named(package, name)) => {
                let fields = items.iter().filter_map(|(key, item)| match key {
                    Some(Expr::Name(key)) => Some((key.clone(), value(item))),
                    _ => None,
                });
                let import = package.as_ref().and_then(|package| self.import(package, &env.file));
                let kind = format!("{}.{name}", import.unwrap_or_default());
                self.record(&kind, &env.file.path, line, fields.collect())
            }
            _ => Value::Unknown,
        }
    }

    fn called(&self, callee: &Expr, args: &[Expr], spread: bool, env: &Rc<Env>) -> Value {
        if let Expr::Name(name) = callee
            && env.get(name).is_none()
        {
            match name.as_str() {
                "append" => return self.appended(args, spread, env),
                "make" | "string" if args.len() <= 2 => {
                    return args.first().map_or(Value::Unknown, |arg| self.value(arg, env));
                }
                _ => {}
            }
        }
        match self.value(callee, env) {
            Value::Func(func, of) => {
                let mut values: Vec<Value> = args.iter().map(|arg| self.value(arg, env)).collect();
                if func.is_variadic && !spread && !func.params.is_empty() {
                    let rest = values.split_off(values.len().min(func.params.len() - 1));
                    values.push(Value::List(Rc::new(rest)));
                }
                self.call(&func, &of, values).into_iter().next().unwrap_or(Value::Unknown)
            }
            Value::Extern(name) => self.foreign(&name, args, env),
            _ => self.method(callee, args, env),
        }
    }

    fn appended(&self, args: &[Expr], spread: bool, env: &Rc<Env>) -> Value {
        let mut all = Vec::new();
        for (at, arg) in args.iter().enumerate() {
            match self.value(arg, env) {
                Value::List(list) if at == 0 || (spread && at + 1 == args.len()) => {
                    all.extend(list.iter().cloned())
                }
                Value::Nil if at == 0 => {}
                // An empty list is declared without a value.
                Value::Unknown if at == 0 && matches!(arg, Expr::Name(_) | Expr::Other) => {}
                value => all.push(value),
            }
        }
        Value::List(Rc::new(all))
    }

    /// A function that is not of this repository.
    fn foreign(&self, name: &str, args: &[Expr], env: &Rc<Env>) -> Value {
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg, env)).collect();
        let (import, function) = name.rsplit_once('.').unwrap_or(("", name));
        let is_maker =
            import.ends_with("go-ipfs-cmds") && (function.ends_with("Option") || function.ends_with("Arg"));
        if is_maker {
            let fields = [("values".to_owned(), Value::List(Rc::new(values)))];
            return self.record(name, &env.file.path, 0, fields.into());
        }
        if is_command_library(import) && function == "NewApp" {
            let kind = format!("{import}.App");
            return self.record(&kind, &env.file.path, 0, BTreeMap::new());
        }
        let mut records = values.into_iter().filter_map(|value| match value {
            Value::Record(record) if is_command_library(&record.kind) => Some(record),
            _ => None,
        });
        let Some(record) = records.next() else { return Value::Unknown };
        if function.starts_with("Run") {
            self.roots.borrow_mut().push(record.clone());
        }
        // What takes a command gives it back, with something done to it.
        Value::Record(record)
    }

    /// A method of what a library made.
    fn method(&self, callee: &Expr, args: &[Expr], env: &Rc<Env>) -> Value {
        let Expr::Field(of, name) = callee else { return Value::Unknown };
        let Value::Record(record) = self.value(of, env) else { return Value::Unknown };
        if name.starts_with("Run") && is_command_library(&record.kind) {
            self.roots.borrow_mut().push(record.clone());
        }
        if let ("WithDefault", [default]) = (name.as_str(), args) {
            record.fields.borrow_mut().insert("Value".to_owned(), self.value(default, env));
        }
        Value::Record(record)
    }

    fn call(&self, func: &Func, env: &Rc<Env>, args: Vec<Value>) -> Vec<Value> {
        if self.depth.get() == DEPTH_MAX {
            return Vec::new();
        }
        self.depth.set(self.depth.get() + 1);
        let inner = env.inner();
        for (name, value) in func.params.iter().zip(args) {
            inner.vars.borrow_mut().insert(name.clone(), value);
        }
        for name in &func.results {
            inner.vars.borrow_mut().insert(name.clone(), Value::Unknown);
        }
        let flow = self.run(&func.body, &inner);
        self.depth.set(self.depth.get() - 1);
        let given = flow.sure.or(flow.maybe).unwrap_or_default();
        if given.is_empty() {
            return func.results.iter().filter_map(|name| inner.get(name)).collect();
        }
        given
    }

    fn run(&self, body: &[Stmt], env: &Rc<Env>) -> Flow {
        let mut flow = Flow::default();
        for stmt in body {
            match stmt {
                Stmt::Assign { to, from, defines } => self.assign(to, from, *defines, env),
                Stmt::Expr(expr) => {
                    self.value(expr, env);
                }
                Stmt::Return(exprs) => {
                    flow.sure = Some(exprs.iter().map(|expr| self.value(expr, env)).collect());
                    return flow;
                }
                Stmt::If { first, condition, then, otherwise } => {
                    let inner = env.inner();
                    if let Some(first) = first {
                        self.run(std::slice::from_ref(first), &inner);
                    }
                    // What a plain build leaves empty is empty.
                    let is_nil = matches!(condition, Expr::Binary(left, operator, _)
                        if operator == "!=" && matches!(self.value(left, &inner), Value::Nil));
                    for branch in if is_nil { [otherwise, otherwise] } else { [then, otherwise] } {
                        let part = self.run(branch, &inner);
                        flow.maybe = flow.maybe.or(part.sure).or(part.maybe);
                    }
                }
                Stmt::Loop { names, over: Some(over), body } => self.each(names, over, body, env),
                Stmt::Loop { .. } | Stmt::Other => {}
                Stmt::Switch { cases, .. } => {
                    for (_, branch) in cases {
                        let part = self.run(branch, &env.inner());
                        flow.maybe = flow.maybe.or(part.sure).or(part.maybe);
                    }
                }
                Stmt::Block(inner) | Stmt::Group(inner) => {
                    let part = match stmt {
                        Stmt::Block(_) => self.run(inner, &env.inner()),
                        _ => self.run(inner, env),
                    };
                    if part.sure.is_some() {
                        return part;
                    }
                }
            }
        }
        flow
    }

    fn each(&self, names: &[Expr], over: &Expr, body: &[Stmt], env: &Rc<Env>) {
        let pairs: Vec<(Value, Value)> = match self.value(over, env) {
            Value::List(list) => list.iter().map(|item| (Value::Unknown, item.clone())).collect(),
            Value::Record(map) if map.kind == "map" => {
                let fields = map.fields.borrow();
                fields.iter().map(|(key, item)| (Value::Text(key.as_str().into()), item.clone())).collect()
            }
            _ => return,
        };
        for (key, item) in pairs {
            let inner = env.inner();
            for (name, value) in names.iter().zip([key, item]) {
                if let Expr::Name(name) = name {
                    inner.vars.borrow_mut().insert(name.clone(), value);
                }
            }
            self.run(body, &inner);
        }
    }

    fn assign(&self, to: &[Expr], from: &[Expr], defines: bool, env: &Rc<Env>) {
        for (at, place) in to.iter().enumerate() {
            let value = match from.get(at) {
                Some(expr) => self.value(expr, env),
                None => Value::Unknown,
            };
            match place {
                Expr::Name(name) if defines => {
                    env.vars.borrow_mut().insert(name.clone(), value);
                }
                Expr::Name(name) if env.get(name).is_none() && env.package.names.contains_key(name) => {
                    env.package.values.borrow_mut().insert(name.clone(), Some(value));
                }
                Expr::Name(name) => env.set(name, value),
                Expr::Field(of, name) => {
                    if let Value::Record(record) = self.value(of, env) {
                        record.fields.borrow_mut().insert(name.clone(), value);
                    }
                }
                Expr::Index(of, key) => {
                    if let (Value::Record(map), Value::Text(key)) =
                        (self.value(of, env), self.value(key, env))
                    {
                        map.fields.borrow_mut().insert(key.to_string(), value);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether this is of a library that commands are made with.
pub fn is_command_library(import: &str) -> bool {
    import.starts_with("github.com/urfave/cli") || import.starts_with("github.com/ipfs/go-ipfs-cmds")
}

/// The constants of libraries that stand for names of flags.
fn known_constant(import: &str, name: &str) -> Value {
    let text = match (import, name) {
        ("github.com/ipfs/go-ipfs-cmds", "EncLong") => "encoding",
        ("github.com/ipfs/go-ipfs-cmds", "EncShort") => "enc",
        _ => return Value::Extern(format!("{import}.{name}").into()),
    };
    Value::Text(text.into())
}
