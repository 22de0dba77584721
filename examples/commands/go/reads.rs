//! Which arguments a body looks at.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::eval::{Env, Evaluator, Value};
use super::syntax::{Expr, Func, Stmt};

/// Functions are followed this deep.
const DEPTH_MAX: usize = 4;

/// The arguments that a body looks at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The last one that is asked for by its place.
    pub highest: Option<usize>,
    /// It goes through all of them.
    pub all: bool,
    /// It asks how many there are.
    pub counted: bool,
    /// They are given to what is not followed.
    pub unclear: bool,
}

impl Reads {
    /// It has no eye for them at all.
    pub fn none(&self) -> bool {
        *self == Self::default()
    }
}

/// Looks through a body, and through the functions that it gives its context to.
pub fn of(evaluator: &Evaluator<'_>, func: &Func, env: &Rc<Env>) -> Reads {
    let mut search = Search { evaluator, reads: Reads::default(), seen: BTreeSet::new() };
    let context = func.params.iter().find(|name| *name != "_").cloned().unwrap_or_default();
    search.func(func, env, Names { context, ..Names::default() }, 0);
    search.reads
}

/// What the names of a function stand for.
#[derive(Default, Clone)]
struct Names {
    context: String,
    /// Hold the arguments.
    arguments: BTreeSet<String>,
    /// Hold the arguments as a list.
    lists: BTreeSet<String>,
}

struct Search<'e, 's> {
    evaluator: &'e Evaluator<'s>,
    reads: Reads,
    seen: BTreeSet<usize>,
}

impl Search<'_, '_> {
    fn func(&mut self, func: &Func, env: &Rc<Env>, mut names: Names, depth: usize) {
        let address = std::ptr::from_ref(func).addr();
        if depth <= DEPTH_MAX && self.seen.insert(address) {
            self.body(&func.body, env, &mut names, depth);
        }
    }

    fn body(&mut self, body: &[Stmt], env: &Rc<Env>, names: &mut Names, depth: usize) {
        for stmt in body {
            match stmt {
                Stmt::Assign { to, from, .. } => {
                    if let ([Expr::Name(name)], [value]) = (to.as_slice(), from.as_slice()) {
                        if is_arguments(value, names) {
                            names.arguments.insert(name.clone());
                            continue;
                        }
                        if is_list(value, names) {
                            names.lists.insert(name.clone());
                            continue;
                        }
                    }
                    to.iter().chain(from).for_each(|expr| self.expr(expr, env, names, depth));
                }
                Stmt::Expr(expr) => self.expr(expr, env, names, depth),
                Stmt::Return(exprs) => exprs.iter().for_each(|expr| self.expr(expr, env, names, depth)),
                Stmt::If { first, condition, then, otherwise } => {
                    if let Some(first) = first {
                        self.body(std::slice::from_ref(first), env, names, depth);
                    }
                    self.expr(condition, env, names, depth);
                    self.body(then, env, names, depth);
                    self.body(otherwise, env, names, depth);
                }
                Stmt::Loop { over, body, .. } => {
                    match over {
                        Some(over) if is_list(over, names) => self.reads.all = true,
                        Some(over) => self.expr(over, env, names, depth),
                        None => {}
                    }
                    self.body(body, env, names, depth);
                }
                Stmt::Switch { first, on, cases } => {
                    if let Some(first) = first {
                        self.body(std::slice::from_ref(first), env, names, depth);
                    }
                    on.iter().for_each(|on| self.expr(on, env, names, depth));
                    for (values, body) in cases {
                        values.iter().for_each(|value| self.expr(value, env, names, depth));
                        self.body(body, env, names, depth);
                    }
                }
                Stmt::Block(inner) | Stmt::Group(inner) => self.body(inner, env, names, depth),
                Stmt::Other => {}
            }
        }
    }

    fn expr(&mut self, expr: &Expr, env: &Rc<Env>, names: &mut Names, depth: usize) {
        if is_list(expr, names) || is_arguments(expr, names) {
            self.reads.unclear = true;
            return;
        }
        match expr {
            Expr::Call { callee, args, .. } => self.call(callee, args, env, names, depth),
            Expr::Field(of, _) | Expr::Unary(_, of) | Expr::Assert(of, _) => self.expr(of, env, names, depth),
            Expr::Binary(left, _, right) => {
                self.expr(left, env, names, depth);
                self.expr(right, env, names, depth);
            }
            Expr::Index(of, at) => match (&**at, is_list(of, names)) {
                (Expr::Number(at), true) => self.read(*at),
                (_, true) => self.reads.unclear = true,
                _ => {
                    self.expr(of, env, names, depth);
                    self.expr(at, env, names, depth);
                }
            },
            Expr::Literal { items, .. } => {
                items.iter().for_each(|(_, item)| self.expr(item, env, names, depth));
            }
            Expr::Func(func) => self.body(&func.body, env, names, depth),
            _ => {}
        }
    }

    fn read(&mut self, at: i64) {
        self.reads.highest = self.reads.highest.max(usize::try_from(at).ok());
    }

    fn call(&mut self, callee: &Expr, args: &[Expr], env: &Rc<Env>, names: &mut Names, depth: usize) {
        match (callee, args) {
            (Expr::Name(len), [arg]) if len == "len" && (is_list(arg, names) || is_arguments(arg, names)) => {
                self.reads.counted = true;
                return;
            }
            (Expr::Field(of, method), []) if method == "NArg" && is_context(of, names) => {
                self.reads.counted = true;
                return;
            }
            (Expr::Field(of, method), _) if is_arguments(of, names) => {
                match (method.as_str(), args) {
                    ("First", _) => self.read(0),
                    ("Get", [Expr::Number(at)]) => self.read(*at),
                    ("Len" | "Present", _) => self.reads.counted = true,
                    _ => self.reads.unclear = true,
                }
                return;
            }
            _ => {}
        }
        self.expr(callee, env, names, depth);
        for arg in args {
            self.expr(arg, env, names, depth);
        }
        let place = args.iter().position(|arg| matches!(arg, Expr::Name(name) if *name == names.context));
        if let (Some(place), true) = (place, depth < DEPTH_MAX)
            && let Value::Func(func, of) = self.evaluator.value(callee, env)
            && let Some(context) = func.params.get(place)
        {
            self.func(&func, &of, Names { context: context.clone(), ..Names::default() }, depth + 1);
        }
    }
}

/// `context.Args()`, or a name for it.
fn is_arguments(expr: &Expr, names: &Names) -> bool {
    match expr {
        Expr::Name(name) => names.arguments.contains(name),
        Expr::Call { callee, .. } => {
            matches!(&**callee, Expr::Field(of, method) if method == "Args" && is_context(of, names))
        }
        _ => false,
    }
}

/// `context.Args().Slice()`, `request.Arguments`, or a name for it.
fn is_list(expr: &Expr, names: &Names) -> bool {
    match expr {
        Expr::Name(name) => names.lists.contains(name),
        Expr::Call { callee, .. } => {
            matches!(&**callee, Expr::Field(of, method) if method == "Slice" && is_arguments(of, names))
        }
        Expr::Field(of, name) => name == "Arguments" && is_context(of, names),
        _ => false,
    }
}

fn is_context(expr: &Expr, names: &Names) -> bool {
    matches!(expr, Expr::Name(name) if *name == names.context)
}
