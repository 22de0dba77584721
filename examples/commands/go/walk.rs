//! One way through the body of a command, with what is known of its arguments and flags on the way.

use std::collections::HashMap;
use std::rc::Rc;

use super::action::Candidate;
use super::eval::{Env, Evaluator, Value};
use super::syntax::{Expr, Func, Stmt};
use super::words::{exits, is_error_name, makes_error, rejects_empty, shows_help, shows_help_by, texts};

/// Functions are followed this deep.
const DEPTH_MAX: usize = 4;

/// How a body ends.
pub enum End {
    GoesOn,
    /// It returns, and has said this just before.
    Returns {
        said: Vec<String>,
    },
    Refuses,
}

/// What is known of a value.
#[derive(Clone, PartialEq)]
enum Known {
    Nothing,
    /// The context of the command, or its request.
    Context,
    Arguments,
    Count(usize),
    Text(String),
    Truth(bool),
    /// A list of so many.
    List(usize),
    Nil,
    Error,
}

/// One way through a body.
pub struct Walker<'e, 's> {
    pub evaluator: &'e Evaluator<'s>,
    /// How many arguments there are, if that is assumed.
    pub count: Option<usize>,
    /// The flag that is not given.
    pub without: Option<&'e Candidate>,
    /// Those that are.
    pub given: &'e [&'e Candidate],
    /// How many functions deep it is.
    pub depth: usize,
}

/// The names of a function, and the conditions that were decided on the way.
#[derive(Default)]
struct Frame {
    known: HashMap<String, Known>,
    decided: Vec<bool>,
    /// On a way that depends on what is not known, it has returned without refusing.
    may_have_returned: bool,
}

impl Frame {
    /// The context is the first parameter, whatever it is called.
    fn context(&mut self, func: &Func) {
        if let Some(name) = func.params.iter().find(|name| *name != "_") {
            self.known.insert(name.clone(), Known::Context);
        }
    }

    fn forget(&mut self, body: &[Stmt]) {
        for stmt in body {
            match stmt {
                Stmt::Assign { to, .. } => {
                    for place in to {
                        if let Expr::Name(name) = place {
                            self.known.insert(name.clone(), Known::Nothing);
                        }
                    }
                }
                Stmt::If { then, otherwise, .. } => {
                    self.forget(then);
                    self.forget(otherwise);
                }
                Stmt::Loop { body, .. } | Stmt::Block(body) | Stmt::Group(body) => self.forget(body),
                Stmt::Switch { cases, .. } => cases.iter().for_each(|(_, body)| self.forget(body)),
                Stmt::Return(_) | Stmt::Expr(_) | Stmt::Other => {}
            }
        }
    }
}

impl Walker<'_, '_> {
    /// How the action of a command ends, and which way its conditions went that could be decided.
    pub fn action(&self, func: &Func, env: &Rc<Env>) -> (End, Vec<bool>) {
        let mut frame = Frame::default();
        frame.context(func);
        let end = self.function_body(&func.body, env, &mut frame);
        (end, frame.decided)
    }

    /// How a whole function ends. It refuses if no other way is possible.
    fn function_body(&self, body: &[Stmt], env: &Rc<Env>, frame: &mut Frame) -> End {
        match self.run(body, env, frame) {
            End::Refuses if frame.may_have_returned => End::GoesOn,
            end => end,
        }
    }

    /// Goes a way that may be gone or not.
    fn maybe(&self, body: &[Stmt], env: &Rc<Env>, frame: &mut Frame, failed: Option<&str>) -> End {
        let mut inner = Frame { known: frame.known.clone(), ..Frame::default() };
        if let Some(name) = failed {
            inner.known.insert(name.to_owned(), Known::Error);
        }
        let end = self.run(body, env, &mut inner);
        frame.decided.append(&mut inner.decided);
        frame.may_have_returned |= inner.may_have_returned || matches!(end, End::Returns { .. });
        match end {
            End::Refuses if inner.may_have_returned => End::GoesOn,
            end => end,
        }
    }

    fn run(&self, body: &[Stmt], env: &Rc<Env>, frame: &mut Frame) -> End {
        let mut said = Vec::new();
        let mut has_helped = false;
        for stmt in body {
            let end = match stmt {
                Stmt::Assign { to, from, .. } => {
                    has_helped |= from.iter().any(shows_help);
                    said.extend(from.iter().flat_map(texts));
                    self.assign(to, from, env, frame);
                    End::GoesOn
                }
                Stmt::Expr(expr) => {
                    has_helped |= shows_help(expr);
                    said.extend(texts(expr));
                    if exits(expr) || self.known(expr, env, frame) == Known::Error {
                        End::Refuses
                    } else {
                        End::GoesOn
                    }
                }
                Stmt::Return(values) => {
                    let is_error = values
                        .last()
                        .is_some_and(|last| shows_help(last) || self.known(last, env, frame) == Known::Error);
                    if is_error || has_helped { End::Refuses } else { End::Returns { said: said.clone() } }
                }
                Stmt::If { first, condition, then, otherwise } => {
                    if let Some(first) = first {
                        self.run(std::slice::from_ref(first), env, frame);
                    }
                    self.branch(condition, then, otherwise, env, frame)
                }
                Stmt::Switch { first, on, cases } => {
                    if let Some(first) = first {
                        self.run(std::slice::from_ref(first), env, frame);
                    }
                    self.switch(on.as_ref(), cases, env, frame)
                }
                Stmt::Loop { body, .. } => {
                    frame.forget(body);
                    self.maybe(body, env, frame, None);
                    End::GoesOn
                }
                Stmt::Block(inner) | Stmt::Group(inner) => self.run(inner, env, frame),
                Stmt::Other => End::GoesOn,
            };
            if !matches!(end, End::GoesOn) {
                return end;
            }
        }
        End::GoesOn
    }

    fn branch(
        &self,
        condition: &Expr,
        then: &[Stmt],
        other: &[Stmt],
        env: &Rc<Env>,
        frame: &mut Frame,
    ) -> End {
        match self.known(condition, env, frame) {
            Known::Truth(truth) => {
                frame.decided.push(truth);
                self.run(if truth { then } else { other }, env, frame)
            }
            _ => {
                let failed = match condition {
                    Expr::Binary(left, operator, right) => match (&**left, operator.as_str(), &**right) {
                        (Expr::Name(name), "!=", Expr::Name(nil)) if nil == "nil" => Some(name.as_str()),
                        _ => None,
                    },
                    _ => None,
                };
                let ends = [self.maybe(then, env, frame, failed), self.maybe(other, env, frame, None)];
                if ends.iter().all(|end| matches!(end, End::Refuses)) {
                    return End::Refuses;
                }
                frame.forget(then);
                frame.forget(other);
                End::GoesOn
            }
        }
    }

    fn switch(
        &self,
        on: Option<&Expr>,
        cases: &[(Vec<Expr>, Vec<Stmt>)],
        env: &Rc<Env>,
        frame: &mut Frame,
    ) -> End {
        let on = on.map_or(Known::Truth(true), |on| self.known(on, env, frame));
        let default = cases.iter().find(|(values, _)| values.is_empty());
        for (values, body) in cases {
            for value in values {
                match self.equal(&on, &self.known(value, env, frame)) {
                    Some(true) => return self.run(body, env, frame),
                    Some(false) => {}
                    None => {
                        for (_, body) in cases {
                            self.maybe(body, env, frame, None);
                        }
                        cases.iter().for_each(|(_, body)| frame.forget(body));
                        return End::GoesOn;
                    }
                }
            }
        }
        default.map_or(End::GoesOn, |(_, body)| self.run(body, env, frame))
    }

    fn assign(&self, to: &[Expr], from: &[Expr], env: &Rc<Env>, frame: &mut Frame) {
        let values: Vec<Known> = from.iter().map(|expr| self.known(expr, env, frame)).collect();
        let last = to.len().saturating_sub(1);
        for (at, place) in to.iter().enumerate() {
            let Expr::Name(name) = place else { continue };
            let value = match (values.as_slice(), &from.first()) {
                // `x, ok := y.(T)`
                ([Known::Nil], Some(Expr::Assert(_, of))) if at == 0 => zero(of),
                ([Known::Nil], Some(Expr::Assert(..))) => Known::Truth(false),
                // An error comes last.
                ([Known::Error], _) if at < last => Known::Nothing,
                ([value], _) if last > 0 && at > 0 && *value != Known::Error => Known::Nothing,
                ([value], _) => value.clone(),
                _ => values.get(at).cloned().unwrap_or(Known::Nothing),
            };
            frame.known.insert(name.clone(), value);
        }
    }

    /// What is known of an expression.
    fn known(&self, expr: &Expr, env: &Rc<Env>, frame: &Frame) -> Known {
        match expr {
            Expr::Name(name) => match (name.as_str(), frame.known.get(name)) {
                (_, Some(known)) => known.clone(),
                ("nil", _) => Known::Nil,
                ("true", _) => Known::Truth(true),
                ("false", _) => Known::Truth(false),
                _ if is_error_name(name) => Known::Error,
                _ => self.constant(expr, env),
            },
            Expr::Text(text) => Known::Text(text.clone()),
            Expr::Number(number) => usize::try_from(*number).map_or(Known::Nothing, Known::Count),
            Expr::Unary(operator, inner) => match (operator.as_str(), self.known(inner, env, frame)) {
                ("!", Known::Truth(truth)) => Known::Truth(!truth),
                _ => Known::Nothing,
            },
            Expr::Binary(left, operator, right) => {
                let left = self.known(left, env, frame);
                let right = self.known(right, env, frame);
                self.compared(&left, operator, &right).map_or(Known::Nothing, Known::Truth)
            }
            Expr::Field(of, name) => match (self.known(of, env, frame), name.as_str()) {
                (Known::Context, "Arguments") => self.count.map_or(Known::Nothing, Known::List),
                _ if is_error_name(name) => Known::Error,
                _ => Known::Nothing,
            },
            Expr::Index(of, key) => self.indexed(of, key, env, frame),
            Expr::Assert(inner, _) => self.known(inner, env, frame),
            Expr::Call { callee, args, .. } => self.called(callee, args, env, frame),
            _ => Known::Nothing,
        }
    }

    fn constant(&self, expr: &Expr, env: &Rc<Env>) -> Known {
        match self.evaluator.value(expr, env) {
            Value::Text(text) => Known::Text(text.to_string()),
            _ => Known::Nothing,
        }
    }

    /// `request.Options["name"]`
    fn indexed(&self, of: &Expr, key: &Expr, env: &Rc<Env>, frame: &Frame) -> Known {
        match of {
            Expr::Field(of, name) if name == "Options" && self.known(of, env, frame) == Known::Context => {
                if self.is_without(key, env) {
                    Known::Nil
                } else {
                    Known::Nothing
                }
            }
            _ => Known::Nothing,
        }
    }

    fn is_without(&self, name: &Expr, env: &Rc<Env>) -> bool {
        let Value::Text(name) = self.evaluator.value(name, env) else { return false };
        self.without.is_some_and(|flag| flag.is(&name))
    }

    fn is_given(&self, name: &Expr, env: &Rc<Env>) -> bool {
        let Value::Text(name) = self.evaluator.value(name, env) else { return false };
        self.given.iter().any(|flag| flag.is(&name))
    }

    fn called(&self, callee: &Expr, args: &[Expr], env: &Rc<Env>, frame: &Frame) -> Known {
        let count = || self.count.map_or(Known::Nothing, Known::Count);
        let list = || self.count.map_or(Known::Nothing, Known::List);
        let at_index = |at: usize| match self.count {
            Some(count) if at >= count => Known::Text(String::new()),
            _ => Known::Nothing,
        };
        if let (Expr::Name(name), [arg]) = (callee, args)
            && name == "len"
        {
            return match self.known(arg, env, frame) {
                Known::List(length) => Known::Count(length),
                Known::Arguments => count(),
                Known::Text(text) if text.is_empty() => Known::Count(0),
                _ => Known::Nothing,
            };
        }
        if let Expr::Field(of, method) = callee {
            match (self.known(of, env, frame), method.as_str()) {
                (Known::Context, "NArg") | (Known::Arguments, "Len") => return count(),
                (Known::Context, "Args") => return Known::Arguments,
                (Known::Context, method) => return self.flag(method, args, env),
                (Known::Arguments, "Present") => {
                    return self.count.map_or(Known::Nothing, |count| Known::Truth(count > 0));
                }
                (Known::Arguments, "First") => return at_index(0),
                (Known::Arguments, "Get") => {
                    let Some(Expr::Number(at)) = args.first() else { return Known::Nothing };
                    return usize::try_from(*at).map_or(Known::Nothing, at_index);
                }
                (Known::Arguments, "Slice") => return list(),
                _ => {}
            }
        }
        self.function(callee, args, env, frame)
    }

    /// `context.String("name")` and the like.
    fn flag(&self, method: &str, args: &[Expr], env: &Rc<Env>) -> Known {
        let [name] = args else { return Known::Nothing };
        if !self.is_without(name, env) {
            let is_told = matches!(method, "Bool" | "IsSet") && self.is_given(name, env);
            return if is_told { Known::Truth(true) } else { Known::Nothing };
        }
        match method {
            "Bool" | "IsSet" => Known::Truth(false),
            "String" | "Path" => Known::Text(String::new()),
            _ if method.ends_with("Slice") => Known::List(0),
            "Int" | "Int64" | "Uint" | "Uint64" | "Float64" | "Duration" => Known::Count(0),
            _ => Known::Nothing,
        }
    }

    fn function(&self, callee: &Expr, args: &[Expr], env: &Rc<Env>, frame: &Frame) -> Known {
        let name = match callee {
            Expr::Name(name) | Expr::Field(_, name) => name.as_str(),
            _ => "",
        };
        if makes_error(callee) || shows_help_by(name) {
            return Known::Error;
        }
        let values: Vec<Known> = args.iter().map(|arg| self.known(arg, env, frame)).collect();
        if rejects_empty(callee) && values.first() == Some(&Known::Text(String::new())) {
            return Known::Error;
        }
        let tells = |value: &Known| {
            matches!(value, Known::Context | Known::Arguments)
                || matches!(value, Known::Text(text) if text.is_empty())
                || matches!(value, Known::List(_))
        };
        if self.depth == DEPTH_MAX || !values.iter().any(tells) {
            return Known::Nothing;
        }
        let Value::Func(func, of) = self.evaluator.value(callee, env) else { return Known::Nothing };
        let mut inner = Frame::default();
        inner.known.extend(func.params.iter().cloned().zip(values));
        let deeper = Walker { depth: self.depth + 1, ..*self };
        match deeper.function_body(&func.body, &of, &mut inner) {
            End::Refuses => Known::Error,
            _ => Known::Nothing,
        }
    }

    fn equal(&self, left: &Known, right: &Known) -> Option<bool> {
        match (left, right) {
            (Known::Nil, Known::Error) | (Known::Error, Known::Nil) => Some(false),
            (Known::Nothing | Known::Context | Known::Arguments | Known::Error, _)
            | (_, Known::Nothing | Known::Context | Known::Arguments | Known::Error) => None,
            _ => Some(left == right),
        }
    }

    fn compared(&self, left: &Known, operator: &str, right: &Known) -> Option<bool> {
        match (operator, left, right) {
            ("&&", Known::Truth(false), _) | ("&&", _, Known::Truth(false)) => Some(false),
            ("||", Known::Truth(true), _) | ("||", _, Known::Truth(true)) => Some(true),
            ("&&" | "||", Known::Truth(_), Known::Truth(_)) => Some(operator == "&&"),
            ("==", ..) => self.equal(left, right),
            ("!=", ..) => self.equal(left, right).map(|equal| !equal),
            ("<", Known::Count(left), Known::Count(right)) => Some(left < right),
            ("<=", Known::Count(left), Known::Count(right)) => Some(left <= right),
            (">", Known::Count(left), Known::Count(right)) => Some(left > right),
            (">=", Known::Count(left), Known::Count(right)) => Some(left >= right),
            _ => None,
        }
    }
}

/// What `x, _ := y.(T)` gives where `y` is nil.
fn zero(of: &str) -> Known {
    match of {
        "bool" => Known::Truth(false),
        "string" => Known::Text(String::new()),
        "[]string" => Known::List(0),
        _ if of.starts_with("int") || of.starts_with("uint") || of.starts_with("float") => Known::Count(0),
        _ => Known::Nothing,
    }
}
