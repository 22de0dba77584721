//! Small programs, and what is read of them.

use std::cell::RefCell;

use super::{Shelf, read};
use crate::model::{Unread, described, files};

fn program(sources: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let (texts, tree) = files(sources);
    let unread = RefCell::new(Unread::default());
    let commands = read(&texts, &tree, &Shelf::default(), &["none", "bin"], &unread);
    let unread = unread.borrow().lines().collect();
    (described(&commands), unread)
}

#[test]
fn by_builder() {
    let main = r#"
        mod tool;
        fn main() {
            let run = SubCommand::with_name("run")
                .arg(Arg::with_name("config").long("config").short("c").takes_value(true).required(true))
                .arg(Arg::with_name("quick").long("quick"))
                .args(&[Arg::with_name("all").long("all").takes_value(true).multiple(true), Arg::with_name("file").required(true)]);
            let app = App::new("prog").version("1").subcommand(run).subcommand(tool::subcommand());
            let matches = app.get_matches();
        }"#;
    let tool = r#"
        pub const NAME: &str = "tool";
        pub fn subcommand<'a>() -> Command<'a> {
            Command::new(NAME).subcommands(vec![
                Command::new(STAGE).hide(true).arg(Arg::new("n").long("n").short('n').value_parser(value_parser!(u32))),
                Command::new("list").alias("ls").arg(Arg::new("x").long("x").required(true).env("X").takes_value(true)),
            ])
        }"#;
    let other = "pub const STAGE: &str = \"stage_one\";\n";
    let (commands, unread) =
        program(&[("bin/main.rs", main), ("bin/tool/mod.rs", tool), ("lib/other.rs", other)]);
    assert_eq!(
        commands,
        [
            ". group --version|V=none",
            "run 1..1 --config|c=text! --quick=none --all=list",
            "tool group",
            "tool list (ls) 0..0 --x=text",
            "tool stage_one hidden 0..0 --n|n=number"
        ]
    );
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
fn by_derive() {
    let main = r#"
        mod tool;
        #[derive(Parser)]
        #[command(about, version = "1")]
        struct Cli {
            #[arg(short, long, global = true)]
            verbose: bool,
            #[command(subcommand)]
            command: Commands,
        }
        #[derive(Subcommand)]
        enum Commands {
            /// Runs
            Run {
                #[arg(short = 'C', long, alias = "conf_file")]
                conf_file: PathBuf,
                #[arg(long, env = "N")]
                count: usize,
                #[arg(long, default_value_t = 1.5)]
                share: f64,
                #[arg(long = "loc", num_args = 1..)]
                location: Vec<PathBuf>,
                #[arg(long, required_unless_present("loc"))]
                wait: Option<Duration>,
            },
            #[command(subcommand)]
            Tool(tool::ToolCommand),
            #[command(name = "old_name", aliases = ["o1", "o2"])]
            Other(tool::Other),
            TreeD,
        }
        fn main() { let cli = Cli::parse(); }"#;
    let tool = r#"
        #[derive(Parser)]
        pub enum ToolCommand { #[command(name = STAGE, hide = true)] One, Two { first: String, rest: Vec<String> } }
        #[derive(Args)]
        pub struct Other { #[arg(long)] config: PathBuf, #[command(subcommand)] sub: Sub }
        #[derive(Subcommand)]
        enum Sub { List, Get { id: Option<u32> } }"#;
    let other = "pub const STAGE: &str = \"stage_one\";\n";
    let (commands, unread) =
        program(&[("bin/main.rs", main), ("bin/tool.rs", tool), ("lib/other.rs", other)]);
    assert_eq!(
        commands,
        [
            ". group --verbose|v=none --version|V=none",
            "old_name (o1) (o2) group --config=text!",
            "old_name get 0..1",
            "old_name list 0..0",
            "run 0..0 --conf-file|C|conf_file=text! --count=number --share=float --loc=list --wait=duration",
            "tool group",
            "tool stage_one hidden 0..0",
            "tool two 1..",
            "tree-d 0..0"
        ]
    );
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
fn what_cannot_be_read_is_told() {
    for (main, expected) in [
        ("fn main() {}", "uses clap in no way that is known"),
        (
            "fn main() { let m = App::new(\"a\").subcommand(other::made()).get_matches(); }",
            "cannot be followed",
        ),
        (
            "fn main() { Cli::parse(); } struct Cli { #[command(flatten)] all: other::All }",
            "cannot be followed",
        ),
        ("fn main( {", "is not Rust"),
    ] {
        let (_, unread) = program(&[("bin/main.rs", main)]);
        assert!(unread.iter().any(|line| line.contains(expected)), "{main}: {unread:?}");
    }
}
