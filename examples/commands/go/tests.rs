//! Small programs, and what is read of them.

use std::cell::RefCell;

use super::{Evaluator, Shelf, Snapshot, read};
use crate::model::{Unread, described, files};

const CLI: &str = "import \"github.com/urfave/cli/v2\"\n";

/// The commands of a program, and what could not be read.
fn program(sources: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut all = vec![("go.mod", "module example.org/prog\n")];
    all.extend(sources);
    let (texts, tree) = files(&all);
    let shelf = Shelf::default();
    let snapshot = Snapshot::open(&texts, &tree, &shelf).unwrap();
    let unread = RefCell::new(Unread::default());
    let commands = read(&Evaluator::new(&snapshot), "cmd", &unread);
    let unread = unread.borrow().lines().collect();
    (described(&commands), unread)
}

/// What is read of a command with these fields.
fn command(fields: &str) -> String {
    let main = format!(
        "package main\n{CLI}import \"github.com/urfave/cli/v2/altsrc\"
        const flagName = \"named\"
        var shared = &cli.StringFlag{{Name: \"shared\", Aliases: []string{{\"s\"}}}}
        func main() {{
            app := &cli.App{{Commands: []*cli.Command{{ {{ Name: \"do\", {fields} }} }}}}
            app.Run(os.Args)
        }}
        func parse(text string) (int, error) {{
            if text == \"\" {{ return 0, ErrEmpty }}
            return 1, nil
        }}
        func one(c *cli.Context) error {{
            if c.NArg() != 1 {{ return fmt.Errorf(\"one\") }}
            return nil
        }}"
    );
    let (commands, unread) = program(&[("cmd/main.go", &main)]);
    assert!(unread.is_empty(), "{unread:?}");
    commands[1].clone()
}

/// What is read of a command whose action has this body.
fn action(rest: &str, body: &str) -> String {
    command(&format!("{rest} Action: func(c *cli.Context) error {{ {body}\nreturn nil }},"))
}

#[test]
fn flags() {
    for (flags, expected) in [
        ("&cli.BoolFlag{Name: \"a\"}", "--a=none"),
        ("&cli.BoolFlag{Name: \"a\", Aliases: []string{\"b\", \"c\"}}", "--a|b|c=none"),
        ("cli.StringFlag{Name: \"a, b\"}", "--a|b=text"),
        ("&cli.Uint64Flag{Name: \"a\", Required: true}", "--a=number!"),
        ("&cli.Uint64Flag{Name: \"a\", Required: true, EnvVars: []string{\"A\"}}", "--a=number"),
        ("&cli.Float64Flag{Name: \"a\"}", "--a=float"),
        ("&cli.DurationFlag{Name: \"a\"}", "--a=duration"),
        ("&cli.StringSliceFlag{Name: \"a\"}", "--a=list"),
        ("&cli.StringFlag{Name: flagName}", "--named=text"),
        ("&cli.StringFlag{Name: \"x-\" + flagName}", "--x-named=text"),
        ("&cli.StringFlag{Name: shared.Name}", "--shared=text"),
        ("shared", "--shared|s=text"),
        ("altsrc.NewIntFlag(&cli.IntFlag{Name: \"a\"})", "--a=number"),
        ("&cli.StringFlag{}", ""),
    ] {
        assert_eq!(command(&format!("Flags: []cli.Flag{{ {flags} }},")), format!("do {expected}").trim_end());
    }
}

#[test]
fn arguments() {
    for (rest, body, expected) in [
        ("", "", "0..0"),
        ("ArgsUsage: \"<a> [b]\",", "", "0..2"),
        ("ArgsUsage: \"<a> [b]\",", "use(c.Args().First(), c.Args().Get(1))", "1..2"),
        ("", "if c.NArg() != 2 { return fmt.Errorf(\"two\") }", "2..2"),
        ("", "if c.Args().Len() < 1 { return cli.ShowSubcommandHelp(c) }", "1.."),
        ("ArgsUsage: \"<a>\",", "if c.Args().Len() < 1 { return cli.ShowSubcommandHelp(c) }", "1..1"),
        ("", "if n := c.NArg(); n < 1 || n > 3 { return errors.New(\"no\") }", "1..3"),
        (
            "",
            "args := c.Args(); if args.Len() == 0 { cli.ShowSubcommandHelpAndExit(c, 1); return nil }; use(args.Get(1))",
            "1..2",
        ),
        ("", "if !c.Args().Present() { return ErrNone }; use(c.Args().First())", "1..1"),
        ("", "if c.Args().Present() { use(c.Args().First()) }", "0..1"),
        ("ArgsUsage: \"<a>\",", "if c.Args().Present() { use(c.Args().First()) }", "0..1"),
        ("", "n, err := strconv.Atoi(c.Args().Get(1)); if err != nil { return err }", "2..2"),
        ("", "n, err := parse(c.Args().First()); if err != nil { return err }", "1..1"),
        (
            "",
            "if c.NArg() == 0 { return fmt.Errorf(\"no\") }; for _, a := range c.Args().Slice() { use(a) }",
            "1..",
        ),
        ("", "switch c.NArg() { case 1: one(); case 2: two(); default: return fmt.Errorf(\"no\") }", "1..2"),
        ("", "if err := one(c); err != nil { return err }", "1..1"),
        ("", "return one(c)", "1..1"),
        // Where another flag may spare it, it may be left out.
        (
            "",
            "if c.NArg() != 1 && !c.Bool(\"all\") { return fmt.Errorf(\"no\") }; use(c.Args().First())",
            "0..1",
        ),
        (
            "",
            "if c.Bool(\"all\") { return everything() }; if c.NArg() != 1 { return fmt.Errorf(\"no\") }",
            "",
        ),
        (
            "ArgsUsage: \"ids\",",
            "if c.IsSet(\"from\") { search() } else { if c.NArg() == 0 { return fmt.Errorf(\"no\") }; for _, id := range c.Args().Slice() { use(id) } }",
            "0..",
        ),
        // What an unknown function makes of them is unknown.
        ("", "use(c.Args())", ""),
    ] {
        assert_eq!(action(rest, body), format!("do {expected}").trim_end(), "{rest} {body}");
    }
}

#[test]
fn demanded_flags() {
    let flags = "Flags: []cli.Flag{ &cli.BoolFlag{Name: \"really\"}, &cli.StringFlag{Name: \"x\"} },";
    for (body, expected) in [
        ("", "--really=none --x=text"),
        ("if !c.Bool(\"really\") { return fmt.Errorf(\"no\") }", "--really=none? --x=text"),
        (
            "if !c.Bool(\"really\") { fmt.Println(\"Pass --really to go on\"); return nil }",
            "--really=none? --x=text",
        ),
        ("if !c.Bool(\"really\") { fmt.Println(\"in short\"); return nil }", "--really=none --x=text"),
        ("really := c.Bool(\"really\"); if !really { return ErrNo }", "--really=none? --x=text"),
        ("if !c.IsSet(\"x\") { return fmt.Errorf(\"no\") }", "--really=none --x=text?"),
        ("if len(c.String(\"x\")) == 0 { return fmt.Errorf(\"no\") }", "--really=none --x=text?"),
        (
            "if !c.Bool(\"really\") && c.String(\"x\") == \"\" { return fmt.Errorf(\"no\") }",
            "--really=none --x=text",
        ),
        // What follows the check of a flag holds for those who give it.
        (
            "if !c.Bool(\"really\") { fmt.Println(\"Pass --really\"); return nil }; if !c.IsSet(\"x\") { return ErrNo }",
            "--really=none? --x=text?",
        ),
        ("_, err := parse(c.String(\"x\")); if err != nil { return err }", "--really=none --x=text?"),
    ] {
        assert_eq!(action(flags, body), format!("do 0..0 {expected}"), "{body}");
    }
}

#[test]
fn what_always_refuses() {
    assert_eq!(
        command("Action: func(c *cli.Context) error { return fmt.Errorf(\"not any more\") },"),
        "do refuses"
    );
    // Whether the loop finds something is not known.
    let found = "for _, x := range all() { if x.ok { return nil } }; return fmt.Errorf(\"not found\")";
    assert_eq!(command(&format!("Action: func(c *cli.Context) error {{ {found} }},")), "do 0..0");
}

#[test]
fn commands_in_other_places() {
    let main = format!(
        "package main\n{CLI}import lib \"example.org/prog/lib\"\n
        func main() {{
            local := []*cli.Command{{ daemonCmd, lib.With(\"x\", lib.ToolCmd), lib.Make(\"made\") }}
            if extraCmd != nil {{ local = append(local, extraCmd) }}
            for _, cmd := range local {{ cmd := cmd; cmd.Before = nil }}
            app := &cli.App{{ Version: \"1\", Commands: append(local, lib.Common...) }}
            app.Setup()
            lib.RunApp(app)
        }}
        var extraCmd *cli.Command
        var daemonCmd = &cli.Command{{ Name: \"daemon\", Action: run }}
        func run(c *cli.Context) error {{ return nil }}"
    );
    let lib = format!(
        "package lib\n{CLI}
        func RunApp(app *cli.App) {{ if err := app.Run(os.Args); err != nil {{ os.Exit(1) }} }}
        func With(category string, cmd *cli.Command) *cli.Command {{ cmd.Category = category; return cmd }}
        func Make(name string) *cli.Command {{ return &cli.Command{{ Name: name, Hidden: true, Action: do }} }}
        var Common = []*cli.Command{{ listCmd }}
        var listCmd = &cli.Command{{ Name: \"list\", Aliases: []string{{\"ls\"}}, Action: do }}
        var ToolCmd = &cli.Command{{ Name: \"tool\", Subcommands: []*cli.Command{{ listCmd }} }}
        func init() {{ ToolCmd.Flags = append(ToolCmd.Flags, &cli.BoolFlag{{Name: \"late\"}}) }}
        func do(c *cli.Context) error {{ return nil }}"
    );
    let (commands, unread) = program(&[("cmd/main.go", &main), ("lib/lib.go", &lib)]);
    assert_eq!(
        commands,
        [
            ". group --version|v=none",
            "daemon 0..0",
            "list (ls) 0..0",
            "made hidden 0..0",
            "tool group --late=none",
            "tool list (ls) 0..0"
        ]
    );
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
fn maps_of_commands() {
    let main = "package main
        import cmds \"github.com/ipfs/go-ipfs-cmds\"
        import \"github.com/ipfs/go-ipfs-cmds/cli\"
        const optionRepo = \"repo\"
        var root = &cmds.Command{
            Options: []cmds.Option{ cmds.StringOption(optionRepo, \"r\", \"where\"), cmds.BoolOption(\"quick\") },
            Subcommands: make(map[string]*cmds.Command),
        }
        var local = map[string]*cmds.Command{ \"send\": sendCmd, \"get\": getCmd }
        func init() { for k, v := range local { root.Subcommands[k] = v } }
        var sendCmd = &cmds.Command{
            Arguments: []cmds.Argument{ cmds.StringArg(\"to\", true, false, \"\"), cmds.StringArg(\"rest\", false, true, \"\") },
            Options: []cmds.Option{ cmds.IntOption(\"n\", \"how many\").WithDefault(1), cmds.StringOption(\"from\", \"\"), cmds.BoolOption(\"sure\", \"\").WithDefault(false) },
            Run: func(req *cmds.Request, re cmds.ResponseEmitter, env cmds.Environment) error {
                from, _ := req.Options[\"from\"].(string)
                if from == \"\" { return fmt.Errorf(\"from whom\") }
                if sure := req.Options[\"sure\"].(bool); !sure { return fmt.Errorf(\"no\") }
                return nil
            },
        }
        var getCmd = &cmds.Command{
            Arguments: []cmds.Argument{ cmds.StringArg(\"a\", false, false, \"\"), cmds.StringArg(\"b\", false, false, \"\") },
            Run: func(req *cmds.Request, re cmds.ResponseEmitter, env cmds.Environment) error {
                if len(req.Arguments) != 1 { return fmt.Errorf(\"one\") }
                return nil
            },
        }
        func main() { cli.Run(ctx, root, os.Args) }";
    let (commands, unread) = program(&[("cmd/main.go", main)]);
    assert_eq!(
        commands,
        [". group --repo|r=text --quick=none", "get 1..1", "send 1.. --n=number --from=text? --sure=none?"]
    );
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
fn what_cannot_be_read_is_told() {
    let main = format!(
        "package main\n{CLI}import \"example.net/other\"
        func main() {{ app := &cli.App{{
            Flags: []cli.Flag{{ other.Flag, &cli.StringFlag{{ Name: other.Name() }} }},
            Commands: []*cli.Command{{ other.Command, {{ Name: other.Name() }}, {{ Name: \"do\", Action: other.Do }}, {{ Name: \"do\" }} }},
        }}; app.Run(os.Args) }}"
    );
    let (commands, unread) = program(&[("cmd/main.go", &main)]);
    assert_eq!(commands, [". group", "do"]);
    let told: Vec<&str> = unread.iter().filter_map(|line| line.split(": ").nth(1)).collect();
    let told = told.join("\n");
    for what in [
        "a flag of another repository",
        "a flag whose name cannot be told",
        "a subcommand that cannot be followed",
        "a command whose name cannot be told",
        "its action cannot be followed",
        "`do` is there twice; the first counts",
    ] {
        assert!(told.contains(what), "{what} in {told}");
    }
}
