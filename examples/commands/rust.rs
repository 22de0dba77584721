//! Reads the commands of Rust programs from their sources: clap by builder and by derive.

mod builder;
mod derive;
mod source;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use crate::git::{Texts, Tree};
use crate::model::{Args, Command, Commands, Flag, Kind, Unread, below};
use source::Sources;

pub use source::Shelf;

/// Reads the program whose `main.rs` stands in one of these folders.
pub fn read(
    texts: &dyn Texts,
    tree: &Tree,
    shelf: &Shelf,
    folders: &[&str],
    unread: &RefCell<Unread>,
) -> Commands {
    let has_main = |folder: &&&str| tree.contains_key(&format!("{folder}/main.rs"));
    let Some(folder) = folders.iter().find(has_main) else { return Commands::new() };
    let sources = Sources { texts, tree, shelf, folder, unread };
    commands_of(&sources)
}

fn commands_of(sources: &Sources<'_>) -> Commands {
    let mut commands = Commands::new();
    match derive::program(sources).or_else(|| builder::program(sources)) {
        Some(program) => program.into_commands("", &mut commands),
        None => sources.note("main", "uses clap in no way that is known"),
    }
    commands
}

/// A command as clap is told of it.
#[derive(Debug, Clone, Default)]
struct Told {
    name: String,
    aliases: Vec<String>,
    hidden: bool,
    has_version: bool,
    args: Vec<Arg>,
    subcommands: Vec<Told>,
}

/// An argument as clap is told of it; one without names for dashes is positional.
#[derive(Debug, Clone)]
struct Arg {
    names: Vec<String>,
    value: Kind,
    required: bool,
    is_repeated: bool,
}

impl Told {
    fn into_commands(self, path: &str, commands: &mut Commands) {
        let group = !self.subcommands.is_empty();
        let (positional, named): (Vec<Arg>, Vec<Arg>) =
            self.args.into_iter().partition(|arg| arg.names.is_empty());
        let mut flags: Vec<Flag> = named.into_iter().map(Arg::into_flag).collect();
        if self.has_version {
            let names = ["version", "V"].map(str::to_owned).to_vec();
            flags.push(Flag { names, value: Kind::None, required: false, demanded: false });
        }
        let args = Args {
            min: positional.iter().filter(|arg| arg.required).count(),
            max: (!positional.iter().any(|arg| arg.is_repeated)).then_some(positional.len()),
        };
        let args = (!group).then_some(args);
        let command =
            Command { aliases: self.aliases, hidden: self.hidden, group, args, flags, ..Command::default() };
        commands.insert(path.to_owned(), command);
        for subcommand in self.subcommands {
            let path = below(path, &subcommand.name);
            subcommand.into_commands(&path, commands);
        }
    }
}

impl Arg {
    fn into_flag(self) -> Flag {
        let value = if self.is_repeated && self.value != Kind::None { Kind::List } else { self.value };
        Flag { names: self.names, value, required: self.required, demanded: false }
    }
}

/// What stands behind a flag that holds such a type.
fn kind_of(of: &str) -> Kind {
    match of {
        "bool" => Kind::None,
        "f32" | "f64" => Kind::Float,
        "Duration" => Kind::Duration,
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => {
            Kind::Number
        }
        _ => Kind::Text,
    }
}
