//! What fills the commands of a runbook, and what does not.

use proptest::prelude::*;

use super::*;
use crate::model::redact;
use crate::signature::{Catalogue, Holds, builtin};

/// A page whose captures have the kinds `kinds`, and which lets operators set `config`.
fn page(kinds: &[(&str, &str)]) -> Signature {
    let (catalogue, _) = Catalogue::load(builtin::pages().take(1), &[]);
    let mut page = Signature::clone(&catalogue.signatures()[0]);
    page.kinds = kinds.iter().map(|(name, kind)| ((*name).to_owned(), Kind::parse(kind).unwrap())).collect();
    page.vars = vec!["config".to_owned()];
    page
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn step(template: &str, caution: bool) -> Step {
    Step { text: "Do.".to_owned(), command: Some(template.to_owned()), caution, ..Step::default() }
}

#[test]
fn only_what_is_known_and_fit_enters_a_command() {
    let page = page(&[("pid", "number"), ("device", "device"), ("note", "text"), ("name", "number")]);
    let fields = map(&[
        ("pid", "123"),
        ("device", "sda"),
        ("note", "harmless"),
        ("name", "x1"),
        ("evil", "1; rm -rf /"),
        ("option", "-K/tmp/evil.conf"),
        ("plain", "a-b_c.d:/@=+"),
        ("token", redact::MARK),
    ]);
    let vars = map(&[("config", "/etc/my worker.toml"), ("secret", "x"), ("plain", "no")]);
    let names = Names { worker: Some("venus-worker".to_owned()), ..Names::default() };
    let values = Values {
        fields: &fields,
        host: Some("seal-07"),
        source: Some("worker"),
        path: "/var/log/$(x).log",
        names: &names,
        vars: &vars,
        signature: Some(&page),
    };
    for (template, harmless, caution) in [
        ("{worker} --pid={pid}", "venus-worker --pid=123", "venus-worker --pid=123"),
        ("x {device} {plain}", "x sda a-b_c.d:/@=+", "x <device> <plain>"),
        ("x {evil} {evil}", "x <evil> <evil>", "x <evil> <evil>"),
        ("curl {option} {token}", "curl <option> <token>", "curl <option> <token>"),
        ("x {note} {name}", "x <note> <name>", "x <note> <name>"),
        ("{manager} {path} {unknown}", "<manager> <path> <unknown>", "<manager> <path> <unknown>"),
        ("{config} {secret}", "'/etc/my worker.toml' <secret>", "'/etc/my worker.toml' <secret>"),
        ("'{config}' \"{config}\"", "'<config>' \"<config>\"", "'<config>' \"<config>\""),
        (
            "echo ${pid} ${HOME:-/} '{ print $1 }'",
            "echo ${pid} ${HOME:-/} '{ print $1 }'",
            "echo ${pid} ${HOME:-/} '{ print $1 }'",
        ),
        ("{messager} msg", "venus-messager msg", "venus-messager msg"),
        ("{cat} x", "zcat -f x", "zcat -f x"),
        ("mdadm /dev/<array> {pid}", "mdadm /dev/<array> 123", "mdadm /dev/<array> 123"),
    ] {
        for (is_caution, filled) in [(false, harmless), (true, caution)] {
            let action = fill(&step(template, is_caution), &values, Lang::En);
            let command = action.command.as_deref().unwrap();
            assert_eq!(command, filled, "caution: {is_caution}");
            let open: Vec<_> =
                placeholder::find_open(command).iter().map(|one| one.name.to_owned()).collect();
            assert!(
                open.iter().all(|name| action.unfilled.contains(name)),
                "{command}: {:?}",
                action.unfilled
            );
            assert_eq!(action.caution, is_caution);
        }
    }
    let action = fill(&step("fsck /dev/<device> --pid {name}", true), &values, Lang::En);
    assert_eq!(action.text, "Do. The log names `sda` as `<device>`: compare before you fill it in.");
    assert_eq!(action.unfilled, ["device", "name"]);
}

#[test]
fn the_log_is_read_as_it_is_packed() {
    let (fields, names, vars) = (Fields::new(), Names::default(), Vars::new());
    for (path, command) in [
        ("/var/log/a.log", Some("zcat -f $(ls -tr /var/log/a.log*) | grep x")),
        ("/var/log/a.log.1.gz", Some("zcat -f $(ls -tr /var/log/a.log.1.gz*) | grep x")),
        ("/var/log/a.zst", Some("zstdcat -f $(ls -tr /var/log/a.zst*) | grep x")),
        ("/var/log/a.xz", Some("xzcat -f $(ls -tr /var/log/a.xz*) | grep x")),
        ("/var/log/a.bz2", Some("bzcat -f $(ls -tr /var/log/a.bz2*) | grep x")),
        ("-", None),
    ] {
        let values = Values {
            fields: &fields,
            host: None,
            source: None,
            path,
            names: &names,
            vars: &vars,
            signature: None,
        };
        let action = fill(&step("{cat} $(ls -tr {path}*) | grep x", false), &values, Lang::En);
        assert_eq!(action.command.as_deref(), command);
        let told = action.text.contains("came through standard input");
        assert_eq!(told, command.is_none());
    }
}

#[test]
fn steps_of_other_releases_are_set_aside() {
    let holds = |of: &str, since: &str, until: &str| {
        let releases = Releases { since: Release::parse(since), until: Release::parse(until) };
        Some(Holds { of: of.to_owned(), releases })
    };
    let of = |text: &str, holds| Step { text: text.to_owned(), holds, ..Step::default() };
    let runbook = Runbook {
        steps: vec![
            of("a", None),
            of("b", holds("damocles", "v0.9", "")),
            of("c", holds("damocles", "", "v0.8")),
            of("d", holds("lotus", "v1.18", "")),
        ],
        ..Runbook::default()
    };
    let named = |worker: &str| Names { worker: Some(worker.to_owned()), ..Names::default() };
    for (names, vars, told) in [
        (Names::default(), map(&[]), "abcd"),
        (named("damocles-worker"), map(&[]), "abcd"),
        (named("venus-worker"), map(&[]), "acd"),
        (Names { release: Release::parse("v0.9.2"), ..Names::default() }, map(&[]), "abd"),
        (named("damocles-worker"), map(&[("damocles_version", "v0.8.1"), ("lotus_version", "1.17.2")]), "ac"),
        (named("damocles-worker"), map(&[("damocles_version", "unknown")]), "abcd"),
    ] {
        let values = Values {
            fields: &Fields::new(),
            host: None,
            source: None,
            path: "a.log",
            names: &names,
            vars: &vars,
            signature: None,
        };
        let Steps { action, other_releases } = steps(&runbook, &values, Lang::En);
        let first = |steps: &[Numbered]| {
            steps.iter().map(|step| step.action.text[..1].to_owned()).collect::<String>()
        };
        assert_eq!(first(&action), told, "{names:?} {vars:?}");
        assert_eq!(action.len() + other_releases.len(), 4);
    }
}

/// Every command of every built-in page, with its page.
fn commands() -> Vec<(Signature, Step)> {
    let (catalogue, faults) = Catalogue::load(builtin::pages(), &[]);
    assert!(faults.is_empty());
    let mut commands = Vec::new();
    for signature in catalogue.signatures() {
        let steps = signature.runbook(Lang::En).steps.iter().filter(|step| step.command.is_some());
        commands.extend(steps.map(|step| (Signature::clone(signature), step.clone())));
    }
    commands
}

/// What somebody may write into a log to be pasted by a person who is tired.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "-rf",
            "--help",
            "-K/tmp/evil.conf",
            "/etc/passwd",
            "/.",
            "../../etc/passwd",
            "/dev/md0",
            "sda1",
            "f1strangerstrangerstranger",
            "$(reboot)",
            "`reboot`",
            "1;reboot",
            "a b",
            "a\nb",
            "'",
            "\"",
            "*",
            "~",
            "1",
            "123",
            "f01000",
            "0000:41:00.0",
            "http://evil.example/x",
            "<x>",
            "{worker}",
            "x>y",
            "&&reboot",
        ])
        .prop_map(str::to_owned),
        "[-a-zA-Z0-9./:@=;$ `\"'<>|&*{}~\\\\-]{0,16}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Between the parts of the template that are no placeholder stands one safe word each, or `<name>`; in a command
    /// that changes something, a value of a closed kind.
    #[test]
    fn a_log_adds_whole_safe_words_and_nothing_else(value in hostile(), path in "(/var/log/)?[-a-z0-9;$ .]{1,9}") {
        thread_local! {
            static COMMANDS: Vec<(Signature, Step)> = commands();
        }
        COMMANDS.with(|commands| {
            for (signature, step) in commands {
                let template = step.command.as_deref().unwrap_or_default();
                let found = placeholder::find(template);
                let fields = found.iter().map(|one| (one.name.to_owned(), value.clone())).collect();
                let (names, vars) = (Names::default(), Vars::new());
                let values = Values {
                    fields: &fields, host: None, source: None, path: &path, names: &names, vars: &vars,
                    signature: Some(signature),
                };
                let Some(command) = fill(step, &values, Lang::En).command else { continue };
                let mut rest = command.as_str();
                let mut from = 0;
                for placeholder in &found {
                    let fixed = &template[from..placeholder.span.start];
                    prop_assert!(rest.starts_with(fixed), "{}: {}", signature.id, command);
                    rest = &rest[fixed.len()..];
                    from = placeholder.span.end;
                    let open = format!("<{}>", placeholder.name);
                    if let Some(behind) = rest.strip_prefix(&open) {
                        rest = behind;
                        continue;
                    }
                    let name = placeholder.name;
                    let program = if name == "cat" { Some(cat(&path)) } else { names.program(name) };
                    if let Some(program) = program {
                        prop_assert!(rest.starts_with(program), "{}: {}", signature.id, command);
                        rest = &rest[program.len()..];
                        continue;
                    }
                    prop_assert!(rest.starts_with(&*value), "{}: {}", signature.id, command);
                    prop_assert!(is_safe_word(&value), "{}: {}", signature.id, command);
                    let closed = || signature.kind(name).is_some_and(|kind| kind.is_closed());
                    prop_assert!(!step.caution || closed(), "{}: {}", signature.id, command);
                    rest = &rest[value.len()..];
                }
                prop_assert_eq!(rest, &template[from..], "{}: {}", signature.id, command);
            }
            Ok(())
        })?;
    }
}
