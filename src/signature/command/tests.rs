//! What is said of the commands of a page; of those of the built-in pages, nothing.

use super::*;
use crate::signature::{PageSource, PageText, builtin};

#[test]
fn built_in_commands_are_as_they_should_be() {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let found = check(&catalogue, |_| true);
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}\n\n{} in all", shown.join("\n\n"), found.len());
}

/// What is said of a page with this block: the code and the part of the command that is underlined.
fn said(info: &str, command: &str) -> Vec<(&'static str, String)> {
    let command = command.replace('\n', "\n   ");
    let text = format!(
        "# Title\n\n```toml\nseverity = \"error\"\nanchors = [\"some anchor\"]\nvars = [\"config\"]\n\n[fields]\n\
         pid = 'pid=(\\d+)'\ndisk = 'disk=(\\w+)'\nname = 'name=(\\w+)'\n\n[kinds]\npid = \"number\"\ndisk = \"device\"\n```\n\n\
         Meaning.\n\n## Action\n\n1. Do it:\n\n   ```{info}\n   {command}\n   ```\n\n## Fires\n\n\
         ```log pid=1 disk=sda name=x\nsome anchor pid=1 disk=sda name=x\n```\n\n## Silent\n\n```log\nsome other anchor\n```\n\n\
         ## References\n\n- [x](https://example.org)\n"
    );
    let page = PageText { path: "p/x.md".to_owned(), text: text.into() };
    let source = PageSource { pack: "p".to_owned(), name: "x".to_owned(), lang: Lang::En, page };
    let (catalogue, faults) = Catalogue::load([source], &[]);
    assert!(faults.is_empty(), "{}", faults[0]);
    let underlined = |fault: &Diagnostic| {
        let place = fault.place.as_ref().unwrap();
        place.text.chars().skip(place.column - 1).take(place.width).collect()
    };
    check(&catalogue, |_| true).iter().map(|fault| (fault.code, underlined(fault))).collect()
}

#[test]
fn every_kind_of_harm_is_said_with_its_place() {
    let manager = "{manager} util sealer";
    for (info, command, code, part) in [
        // Pasting a block is safe.
        ("sh", "ls /x; ls /y", "sequence", ";"),
        ("sh", "ls /x\nls /y", "sequence", ""),
        ("sh", "ls 'x", "shell", "'"),
        ("sh", "if true; then ls; fi", "shell", "if"),
        ("sh", "journalctl -u x", "waits", "journalctl -u x"),
        ("sh caution", "systemctl edit x", "waits", "systemctl edit x"),
        ("sh", "export A=b", "shell-only", "export"),
        ("sh", "cat /proc/{pid}/environ", "secret", "cat /proc/{pid}/environ"),
        ("sh", "{auth} token list", "secret", "{auth} token list"),
        ("sh", "grep x {path}", "log", "{path}"),
        ("sh", "{cat} {path}* | grep x", "log", "{path}*"),
        // What changes something says so.
        ("sh", "kill {pid}", "no-caution", "kill {pid}"),
        ("sh", "ls &&\n  rm x", "no-caution", "rm x"),
        ("sh", "ls > /tmp/x", "no-caution", "/tmp/x"),
        ("sh", "ls $(rm x)", "no-caution", "rm x"),
        ("sh", "for x in a b; do rm $x; done", "no-caution", "rm $x"),
        ("sh", "ls | xargs rm", "no-caution", "rm"),
        ("sh", "timeout 5 rm x", "no-caution", "rm x"),
        ("sh", "(rm x)", "no-caution", "rm x"),
        ("sh", "some-tool --look", "no-caution", "some-tool --look"),
        ("sh", "{worker} worker --config={config} pause --index 1", "no-caution", ""),
        ("sh caution", "fuser x || rm x", "fallback", "rm x"),
        // A log chooses no operand.
        ("sh caution", "fsck /dev/{disk}", "open-kind", "{disk}"),
        ("sh caution", "rm {path}*", "open-kind", "{path}"),
        ("sh", "ls {name}", "no-kind", "{name}"),
        ("sh", "{pid} --look", "placeholder-program", "{pid}"),
        // Commands exist as they are written.
        ("sh", "{manager} util sealr", "unknown-command", "sealr"),
        ("sh", &format!("{manager} proving --miner {{miner}} deadlinez"), "unknown-command", "deadlinez"),
        ("sh", &format!("{manager} proving --miner {{miner}} deadlines --json"), "unknown-flag", "--json"),
        ("sh", &format!("{manager} proving deadlines --miner 1"), "unknown-flag", "--miner"),
        ("sh", &format!("{manager} proving --miner {{miner}} deadline"), "arguments", ""),
        (
            "sh since=damocles-v0.4",
            &format!("{manager} sectors state {{miner}} {{sector}} --offline"),
            "flag-after-argument",
            "--offline",
        ),
        ("sh", &format!("{manager} sectors state {{miner}} {{sector}}"), "releases", ""),
        ("sh since=damocles-v0.3", &format!("{manager} sectors state {{miner}} {{sector}}"), "releases", ""),
        ("sh since=lotus-v1.18", &format!("{manager} sectors state {{miner}} {{sector}}"), "releases", ""),
        (
            "sh caution since=damocles-v0.9",
            &format!("{manager} sectors abort {{miner}} {{sector}}"),
            "missing-flag",
            "",
        ),
        ("sh caution", "{worker} worker --config={config} pause", "missing-flag", ""),
        ("sh caution", "{worker} worker --config={config} pause --index x", "wrong-value", "x"),
        ("sh caution", "{worker} worker --config={config} pause --index {disk}", "wrong-value", "{disk}"),
        ("sh", "{worker} worker --config", "missing-value", "--config"),
    ] {
        let said = said(info, command);
        let found = said.iter().find(|(known, _)| *known == code);
        let Some((_, underlined)) = found else { panic!("{command} ({info}): no `{code}` in {said:?}") };
        assert!(part.is_empty() || underlined == part, "{command}: `{underlined}` is underlined");
    }
}

#[test]
fn a_reference_leads_somewhere() {
    let page = |meaning: &str| {
        let text = format!(
            "# Title\n\n```toml\nseverity = \"error\"\nanchors = [\"some anchor\"]\n```\n\n{meaning}\n\n## Action\n\n1. Look.\n\n\
             2. See.\n\n## Fires\n\n```log\nsome anchor\n```\n\n## Silent\n\n```log\nsome other anchor\n```\n\n\
             ## References\n\n- [x](https://example.org)\n"
        );
        let page = PageText { path: "p/x.md".to_owned(), text: text.into() };
        let source = PageSource { pack: "p".to_owned(), name: "x".to_owned(), lang: Lang::En, page };
        check(&Catalogue::load([source], &[]).0, |_| true)
            .into_iter()
            .map(|it| it.message)
            .collect::<Vec<_>>()
    };
    for meaning in
        ["As in step 2.", "Steps 1 and 2.", "见第 2 步。", "See `p/x` and `/dev/sda` and `other/page`."]
    {
        assert_eq!(page(meaning), Vec::<String>::new(), "{meaning}");
    }
    for (meaning, message) in [
        ("As in step 3.", "the page has 2 steps"),
        ("Steps 1 and 3.", "the page has 2 steps"),
        ("见第 3 步。", "the page has 2 steps"),
        ("See `p/y`.", "no page is called `p/y`"),
    ] {
        assert_eq!(page(meaning), [message], "{meaning}");
    }
}

#[test]
fn what_is_as_it_should_be_has_nothing_said_of_it() {
    for (info, command) in [
        ("sh", "ls -l /x && ls /y | sort"),
        ("sh", "{cat} $(ls -tr {path}*) | grep -c x"),
        ("sh", "for x in a b; do ls $x && df $x; done"),
        ("sh", "journalctl --no-pager -u {worker} -n 50"),
        ("sh", "nvidia-smi -q 2>/dev/null"),
        ("sh secret", "{auth} token list"),
        ("sh caution", "kill {pid}"),
        ("sh caution", "fsck /dev/<disk>"),
        ("sh", "ls /dev/{disk}"),
        ("sh", "{worker} worker --config={config} list"),
        ("sh caution", "{worker} worker --config={config} pause --index {pid}"),
        ("sh since=damocles-v0.4", "{manager} util sealer sectors state {miner} {sector}"),
        ("sh", "{manager} util sealer proving --miner {miner} deadlines"),
        ("sh", "{manager} --version"),
    ] {
        assert_eq!(said(info, command), [], "{command} ({info})");
    }
}
