//! From the record of a program to its commands: urfave/cli of all versions, and go-ipfs-cmds.

use std::cell::RefCell;
use std::rc::Rc;

use super::action::{self, Candidate, Study};
use super::eval::{Evaluator, Record, Value};
use super::usage;
use crate::model::{Args, Command, Commands, Flag, Kind, Unread, below};

/// Reads the program that the `main` package of a folder runs.
pub fn read(evaluator: &Evaluator<'_>, folder: &str, unread: &RefCell<Unread>) -> Commands {
    let Some(root) = evaluator.root(folder) else {
        unread.borrow_mut().note(folder, 1, "runs nothing that is known");
        return Commands::new();
    };
    let reader = Reader { evaluator, unread };
    let mut commands = Commands::new();
    reader.command("", &root, &mut commands);
    commands
}

struct Reader<'e, 's> {
    evaluator: &'e Evaluator<'s>,
    unread: &'e RefCell<Unread>,
}

impl Reader<'_, '_> {
    fn note(&self, record: &Record, what: &str) {
        self.unread.borrow_mut().note(&record.path, record.line, what);
    }

    fn command(&self, path: &str, record: &Rc<Record>, commands: &mut Commands) {
        let declared = self.flags(record);
        let mut command = Command {
            aliases: texts(&field(record, "Aliases")),
            hidden: matches!(field(record, "Hidden"), Value::Bool(true)),
            ..Command::default()
        };
        let subcommands = self.subcommands(record);
        let action = [field(record, "Action"), field(record, "Run")];
        let action = action.into_iter().find(|action| !matches!(action, Value::Unknown));
        let has_action = ["Action", "Run"].iter().any(|name| has(record, name));
        command.group = !subcommands.is_empty() && !has_action;

        let study = match action {
            Some(Value::Func(func, env)) => {
                let candidates: Vec<Candidate> = declared.iter().filter_map(Declared::candidate).collect();
                Some(action::study(self.evaluator, &func, &env, &candidates))
            }
            _ => None,
        };
        if has_action && study.is_none() {
            self.note(record, "its action cannot be followed");
        }
        command.refuses = study.as_ref().is_some_and(|study| study.always_refuses);
        if !command.group && !command.refuses {
            command.args = match positional(record) {
                Some(declared) => Some(both(declared, study.as_ref())),
                None => args(study.as_ref(), text(record, "ArgsUsage").as_deref()),
            };
        }
        let demanded = study.map(|study| study.demanded).unwrap_or_default();
        command.flags = declared.into_iter().map(|declared| declared.flag(&demanded)).collect();
        commands.insert(path.to_owned(), command);
        for (name, subcommand) in subcommands {
            let path = below(path, &name);
            if commands.contains_key(&path) {
                self.note(&subcommand, &format!("`{path}` is there twice; the first counts"));
            } else {
                self.command(&path, &subcommand, commands);
            }
        }
    }

    fn subcommands(&self, record: &Rc<Record>) -> Vec<(String, Rc<Record>)> {
        let fields = record.fields.borrow();
        let mut found = Vec::new();
        for name in ["Commands", "Subcommands"] {
            match fields.get(name) {
                None => {}
                Some(Value::List(list)) => {
                    for item in list.iter() {
                        match item {
                            Value::Record(command) => match text(command, "Name") {
                                Some(name) => found.push((first_name(&name), command.clone())),
                                None => self.note(command, "a command whose name cannot be told"),
                            },
                            _ => self.note(record, "a subcommand that cannot be followed"),
                        }
                    }
                }
                Some(Value::Record(map)) if map.kind == "map" => {
                    for (name, item) in map.fields.borrow().iter() {
                        match item {
                            Value::Record(command) => found.push((name.clone(), command.clone())),
                            _ => self.note(map, &format!("a subcommand that cannot be followed: {name}")),
                        }
                    }
                }
                Some(_) => self.note(record, "subcommands that cannot be followed"),
            }
        }
        found
    }

    fn flags(&self, record: &Rc<Record>) -> Vec<Declared> {
        let mut flags = Vec::new();
        for name in ["Flags", "Options"] {
            let list = match record.fields.borrow().get(name) {
                None => continue,
                Some(Value::List(list)) => list.clone(),
                Some(_) => {
                    self.note(record, "flags that cannot be followed");
                    continue;
                }
            };
            for item in list.iter() {
                match item {
                    // Nobody can give a flag that has no name.
                    Value::Record(flag) if flag.kind.ends_with("Flag") && !has(flag, "Name") => {}
                    Value::Record(flag) => match Declared::read(flag) {
                        Some(declared) => flags.push(declared),
                        None => self.note(flag, "a flag whose name cannot be told"),
                    },
                    Value::Extern(name) => match foreign(name) {
                        Some(declared) => flags.push(declared),
                        None => self.note(record, &format!("a flag of another repository: {name}")),
                    },
                    _ => self.note(record, "a flag that cannot be followed"),
                }
            }
        }
        if has(record, "Version") && !has(record, "HideVersion") && record.kind.ends_with(".App") {
            flags.push(Declared::named(&["version", "v"], Kind::None));
        }
        flags
    }
}

/// A flag as declared.
struct Declared {
    names: Vec<String>,
    value: Kind,
    required: bool,
    has_default: bool,
    /// The environment may give it.
    has_env: bool,
}

impl Declared {
    fn named(names: &[&str], value: Kind) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Self { names, value, required: false, has_default: false, has_env: false }
    }

    fn read(record: &Rc<Record>) -> Option<Self> {
        let (_, of) = record.kind.rsplit_once('.')?;
        let has_default = match field(record, "Value") {
            Value::Text(text) => !text.is_empty(),
            Value::Bool(truth) => truth,
            Value::Number(number) => number != 0,
            _ => has(record, "Value"),
        };
        if let Some(of) = of.strip_suffix("Option") {
            // The last of several texts describes it.
            let mut names = texts(&field(record, "values"));
            names.truncate(1.max(names.len().saturating_sub(1)));
            let is_known = !names.is_empty();
            let value = kind(of);
            return is_known.then_some(Self { names, value, required: false, has_default, has_env: false });
        }
        let name = text(record, "Name")?;
        let mut names: Vec<String> = name.split(',').map(|name| name.trim().to_owned()).collect();
        names.extend(texts(&field(record, "Aliases")));
        Some(Self {
            names,
            value: kind(of.strip_suffix("Flag").unwrap_or(of)),
            required: matches!(field(record, "Required"), Value::Bool(true)),
            has_default,
            has_env: ["EnvVars", "EnvVar", "Sources"].iter().any(|name| has(record, name)),
        })
    }

    fn candidate(&self) -> Option<Candidate> {
        let may_be = !self.required && !self.has_default && !self.has_env;
        may_be.then(|| Candidate { names: self.names.clone(), is_switch: self.value == Kind::None })
    }

    fn flag(self, demanded: &[String]) -> Flag {
        Flag {
            demanded: demanded.contains(&self.names[0]),
            // What the environment gives need not be said.
            required: self.required && !self.has_env,
            names: self.names,
            value: self.value,
        }
    }
}

/// Flags that several repositories take from another one.
fn foreign(name: &str) -> Option<Declared> {
    let (import, name) = name.rsplit_once('.')?;
    match (import, name) {
        ("github.com/filecoin-project/lotus/cli/util", "FlagVeryVerbose") => {
            Some(Declared::named(&["vv"], Kind::None))
        }
        _ => None,
    }
}

fn kind(of: &str) -> Kind {
    match of {
        "Bool" | "BoolT" | "BoolWithInverse" => Kind::None,
        "Duration" => Kind::Duration,
        _ if of.starts_with("Float") && !of.ends_with("Slice") => Kind::Float,
        _ if of.ends_with("Slice") || of == "Strings" || of == "DelimitedStrings" => Kind::List,
        _ if of.starts_with("Int") || of.starts_with("Uint") => Kind::Number,
        _ => Kind::Text,
    }
}

fn field(record: &Record, name: &str) -> Value {
    record.fields.borrow().get(name).cloned().unwrap_or(Value::Unknown)
}

fn has(record: &Record, name: &str) -> bool {
    record.fields.borrow().contains_key(name)
}

fn text(record: &Record, name: &str) -> Option<String> {
    match field(record, name) {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

fn texts(value: &Value) -> Vec<String> {
    let Value::List(list) = value else { return Vec::new() };
    let texts = list.iter().filter_map(|item| match item {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    });
    texts.collect()
}

/// `name` of "name, n".
fn first_name(name: &str) -> String {
    name.split(',').next().unwrap_or(name).trim().to_owned()
}

/// The arguments that go-ipfs-cmds is told of; those it is not told of it refuses.
fn positional(record: &Rc<Record>) -> Option<Args> {
    if !record.kind.starts_with("github.com/ipfs/go-ipfs-cmds") {
        return None;
    }
    let Value::List(list) = field(record, "Arguments") else { return Some(Args { min: 0, max: Some(0) }) };
    let mut args = Args { min: 0, max: Some(0) };
    for item in list.iter() {
        let Value::Record(item) = item else { continue };
        let Value::List(values) = field(item, "values") else { continue };
        let is = |at: usize| matches!(values.get(at), Some(Value::Bool(true)));
        args.min += usize::from(is(1));
        args.max = args.max.filter(|_| !is(2)).map(|max| max + 1);
    }
    Some(args)
}

/// What the library lets pass and what the body lets pass.
fn both(declared: Args, study: Option<&Study>) -> Args {
    let Some(checked) = study.and_then(|study| study.checked) else { return declared };
    let max = match (declared.max, checked.max) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    Args { min: declared.min.max(checked.min), max }
}

/// What the body says is right; where it says nothing, the usage text.
fn args(study: Option<&Study>, usage: Option<&str>) -> Option<Args> {
    let told = usage.and_then(usage::parse);
    let Some(study) = study else { return told };
    let reads = &study.reads;
    if study.checked.is_none() && reads.none() {
        // What is never looked at need not be given. It is not taken, unless the usage text says that it is.
        return Some(Args { min: 0, max: told.map_or(Some(0), |told| told.max) });
    }
    let max = match (study.checked.and_then(|args| args.max), reads.highest) {
        (Some(max), _) => Some(max),
        (None, _) if reads.all => None,
        (None, _) if reads.unclear => told.and_then(|told| told.max),
        (None, Some(highest)) => Some(highest + 1),
        (None, None) => told.and_then(|told| told.max),
    };
    let min = match study.checked {
        Some(args) if args.min > 0 => args.min,
        _ if study.may_be_none => 0,
        _ => told.map_or(0, |told| told.min),
    };
    let max = max.map(|max| max.max(study.checked.map_or(0, |args| args.min)));
    let min = max.map_or(min, |max| min.min(max));
    // Any number says nothing, unless the body is seen to take them all.
    (min > 0 || max.is_some() || reads.all).then_some(Args { min, max })
}
