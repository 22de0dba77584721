//! What a program accepts in one release.

use std::collections::BTreeMap;

/// The commands of a program by their path; `""` is the program itself.
pub type Commands = BTreeMap<String, Command>;

/// One command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    pub aliases: Vec<String>,
    pub hidden: bool,
    /// It has subcommands and does nothing itself.
    pub group: bool,
    /// It refuses whatever it is given.
    pub refuses: bool,
    /// How many positional arguments; unknown where nothing says so.
    pub args: Option<Args>,
    pub flags: Vec<Flag>,
}

/// How many positional arguments a command takes; any number where `max` is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Args {
    pub min: usize,
    pub max: Option<usize>,
}

/// One flag, with its names without dashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub names: Vec<String>,
    pub value: Kind,
    pub required: bool,
    /// The command refuses to work without it, although it is not declared as required.
    pub demanded: bool,
}

/// What stands behind a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    None,
    Number,
    Float,
    Duration,
    Text,
    List,
}

impl Kind {
    /// As the data file calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Number => "number",
            Self::Float => "float",
            Self::Duration => "duration",
            Self::Text => "text",
            Self::List => "list",
        }
    }
}

/// What could not be read, each place once.
#[derive(Debug, Default)]
pub struct Unread {
    /// The tag that is being read.
    pub tag: String,
    /// By what is said of it, where it was seen first.
    places: BTreeMap<String, String>,
}

impl Unread {
    /// Notes what could not be read at a place.
    pub fn note(&mut self, path: &str, line: usize, what: &str) {
        self.places.entry(format!("{path}:{line}: {what}")).or_insert_with(|| self.tag.clone());
    }

    /// All of it, in the order of its places.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.places.iter().map(|(what, tag)| format!("{what} (first at {tag})"))
    }
}

/// The path of a subcommand.
pub fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path} {name}") }
}

/// Commands as tests name them: `path 1..2 --flag|f=text`, with `!` for a required and `?` for a demanded flag.
#[cfg(test)]
pub fn described(commands: &Commands) -> Vec<String> {
    let described = commands.iter().map(|(path, command)| {
        let mut words = vec![if path.is_empty() { "." } else { path }.to_owned()];
        words.extend(command.aliases.iter().map(|alias| format!("({alias})")));
        words.extend(command.hidden.then(|| "hidden".to_owned()));
        words.extend(command.group.then(|| "group".to_owned()));
        words.extend(command.refuses.then(|| "refuses".to_owned()));
        words.extend(command.args.map(|Args { min, max }| match max {
            Some(max) => format!("{min}..{max}"),
            None => format!("{min}.."),
        }));
        words.extend(command.flags.iter().map(|flag| {
            let needed = if flag.required { "!" } else { "" };
            let demanded = if flag.demanded { "?" } else { "" };
            format!("--{}={}{needed}{demanded}", flag.names.join("|"), flag.value.word())
        }));
        words.join(" ")
    });
    described.collect()
}

/// Files that stand in no repository; the blob of each is its path.
#[cfg(test)]
pub fn files(files: &[(&str, &str)]) -> (BTreeMap<String, String>, crate::git::Tree) {
    let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let tree = files.iter().map(|(path, _)| ((*path).to_owned(), (*path).into())).collect();
    (texts, tree)
}

#[cfg(test)]
impl crate::git::Texts for BTreeMap<String, String> {
    fn text(&self, blob: &str) -> anyhow::Result<String> {
        self.get(blob).cloned().ok_or_else(|| anyhow::anyhow!("no {blob}"))
    }
}
