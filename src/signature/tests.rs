//! Every rule for a page, provoked once at its place.

mod limits;

use proptest::prelude::*;

use super::*;
use crate::base::diagnostic::Diagnostic;
use crate::model::record::Evidence;

const PAGE: &str = r#####"# Bad response

```toml
severity = "error"
components = ["worker"]
anchors = ["failed to unmarshal response"]
regex = '''response string: '(?P<reply>[^']+)\''''
levels = ["ERROR"]
group_by = ["child_pid"]
vars = ["config"]
[fields]
child_pid = 'child_pid=(\d+)'
[threshold]
count = 2
within = "10m"
```

The child wrote *something else*.

## Action

1. Have it written down:

   ```sh
   {worker} --config={config} dump --child_pid={child_pid}
   ```

   Read it, then:

   ```sh caution
   rm {path}
   ls
   ```
2. Call `someone`.

## Fires

```log child_pid=12 reply="some garbage" also=other/page
ERROR	failed to unmarshal response string: 'some garbage'. child_pid=12
	indented
```

## Silent

At another level.

```log
DEBUG failed to unmarshal response string: 'x'
```

## References

- [The *Q&A*](https://example.org/qa)
"#####;

const TWIN: &str = "\
# 响应错误

子进程输出了其他内容。

## 处理

1. 写入文件：

   ```sh
   {worker} --config={config} dump --child_pid={child_pid}
   ```

   ```sh caution
   rm {path}
   ls
   ```
";

fn source(id: &str, lang: Lang, text: &str) -> PageSource {
    let (pack, name) = id.split_once('/').unwrap();
    let path = format!("{id}.{lang}.md");
    let page = PageText { path, text: text.to_owned().into() };
    PageSource { pack: pack.to_owned(), name: name.to_owned(), lang, page }
}

fn load(pages: &[(&str, Lang, &str)]) -> (Catalogue, Vec<Diagnostic>) {
    Catalogue::load(pages.iter().map(|&(id, lang, text)| source(id, lang, text)), &[])
}

/// Code, line and column of every fault.
fn places(faults: &[Diagnostic]) -> Vec<(&'static str, usize, usize)> {
    let place = |fault: &Diagnostic| fault.place.as_ref().map_or((0, 0), |place| (place.line, place.column));
    faults.iter().map(|fault| (fault.code, place(fault).0, place(fault).1)).collect()
}

#[test]
fn a_page_is_taken_apart() {
    let (catalogue, faults) = load(&[("p/bad", Lang::En, PAGE), ("p/bad", Lang::Zh, TWIN)]);
    assert_eq!(places(&faults), []);
    let signature = catalogue.get("p/bad").unwrap();
    assert_eq!(signature.severity, Severity::Error);
    assert_eq!(signature.anchors, ["failed to unmarshal response"]);
    assert_eq!(signature.levels, [Level::Error]);
    assert_eq!(signature.group_by, ["child_pid"]);
    assert_eq!(signature.threshold, Some(Threshold { count: 2, within: Duration::from_secs(600) }));
    assert_eq!(signature.fields[0].0, "child_pid");
    let fires = &signature.pages.samples()[0];
    assert_eq!(fires.kind, SampleKind::Fires);
    assert_eq!(
        fires.text,
        "ERROR\tfailed to unmarshal response string: 'some garbage'. child_pid=12\n\tindented\n"
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(fires.fields, [pair("child_pid", "12"), pair("reply", "some garbage")]);
    assert_eq!(fires.also, ["other/page"]);
    assert!(PAGE[fires.span.clone()].starts_with("```log child_pid=12"));
    assert!(PAGE[fires.span.clone()].ends_with("also=other/page"));
    assert_eq!(signature.pages.samples()[1].kind, SampleKind::Silent);
}

#[test]
fn a_runbook_is_read_in_each_language() {
    let (catalogue, _) = load(&[("p/bad", Lang::En, PAGE), ("p/bad", Lang::Zh, TWIN)]);
    let signature = catalogue.get("p/bad").unwrap();
    let dump = "{worker} --config={config} dump --child_pid={child_pid}";
    let step = |number, text: &str, command: Option<&str>, caution| Step {
        number,
        text: text.to_owned(),
        command: command.map(str::to_owned),
        caution,
        ..Step::default()
    };
    let links = vec![Link { title: "The Q&A".to_owned(), url: "https://example.org/qa".to_owned() }];
    let english = Runbook {
        title: "Bad response".to_owned(),
        meaning: "The child wrote *something else*.".to_owned(),
        steps: vec![
            step(1, "Have it written down:", Some(dump), false),
            step(1, "Read it, then:", Some("rm {path}\nls"), true),
            step(2, "Call `someone`.", None, false),
        ],
        links: links.clone(),
    };
    assert_eq!(signature.runbook(Lang::En), &english);
    let chinese = Runbook {
        title: "响应错误".to_owned(),
        meaning: "子进程输出了其他内容。".to_owned(),
        steps: vec![step(1, "写入文件：", Some(dump), false), step(1, "", Some("rm {path}\nls"), true)],
        links,
    };
    assert_eq!(signature.runbook(Lang::Zh), &chinese);
    assert_eq!(signature.pages.text(Lang::Zh).unwrap().text, TWIN);
}

#[test]
fn what_belongs_to_a_step_keeps_its_shape() {
    let action = "1. Look:\n\n   - a\n     b\n\n     ```sh\n     one\n       two\n     ```\n\n   ```toml\n   x = 1\n   ```\n2. End";
    let page = PAGE.replace(&PAGE[PAGE.find("1. Have").unwrap()..PAGE.find("\n\n## Fires").unwrap()], action);
    let (catalogue, faults) = load(&[("p/bad", Lang::En, &page)]);
    assert_eq!(places(&faults), []);
    let steps = &catalogue.get("p/bad").unwrap().runbook(Lang::En).steps;
    let shown: Vec<_> = steps.iter().map(|step| (&*step.text, step.command.as_deref())).collect();
    assert_eq!(
        shown,
        [("Look:\n\n- a\n  b", Some("one\n  two")), ("```toml\nx = 1\n```", None), ("End", None)]
    );
}

/// Each rule: what is replaced by what in the good page, and where the fault is found.
const RULES: [(&str, &str, &str, usize, usize); 68] = [
    ("# Bad response\n", "\n", "no-title", 1, 1),
    ("## Action", "# Again\n\n## Action", "second-title", 20, 1),
    ("# Bad response\n", "# Bad response\nstray\n", "stray-text", 2, 1),
    ("```toml", "```yaml", "no-header", 3, 1),
    ("The child wrote *something else*.", "", "no-meaning", 1, 1),
    ("## Action", "## Actions", "unknown-section", 20, 1),
    ("## Action", "## Actions", "no-section", 1, 1),
    ("## Fires", "## Silent\n\n## Fires", "second-section", 45, 1),
    ("1. Have", "Do.\n\n1. Have", "action-list", 22, 1),
    ("## Action", "## Action\n\n<!--", "no-step", 20, 1),
    ("```sh\n", "```bash\n", "command-block", 24, 4),
    ("```sh caution", "```sh danger", "command-block", 30, 4),
    ("```sh caution", "```sh since=v0.9", "release", 30, 4),
    ("```sh caution", "```sh since=damocles-0.9", "release", 30, 4),
    ("```sh caution", "```sh since=damocles-v0.9 until=lotus-v1.2", "release", 30, 4),
    ("```sh caution", "```sh since=damocles-v0.9 since=damocles-v0.8", "release", 30, 4),
    ("```sh caution", "```sh since=damocles-v0.9 until=damocles-v0.8", "release", 30, 4),
    ("```log\n", "```text\n", "sample-block", 47, 1),
    ("```log\n", "```text\n", "no-sample", 43, 1),
    ("also=", "also ", "assertion", 38, 42),
    ("also=other/page", "also=other", "also", 38, 42),
    ("reply=", "answer=", "unknown-field", 38, 21),
    ("reply=\"some garbage\"", "", "unasserted-field", 7, 34),
    ("child_pid=12 reply", "reply", "unasserted-field", 12, 1),
    ("```log\n", "```log child_pid=1\n", "silent-field", 47, 8),
    ("DEBUG failed to unmarshal response", "DEBUG unmarshal response", "weak-silent", 47, 1),
    ("'x'\n```", "'x'", "open-block", 47, 1),
    ("- [The *Q&A*](https://example.org/qa)", "none", "no-link", 51, 1),
    ("https://example.org/qa", "./qa.md", "link", 53, 3),
    ("{config}", "{confg}", "unknown-placeholder", 25, 22),
    ("\"error\"\n", "\"error\n", "toml", 4, 18),
    ("severity = \"error\"", "", "missing-key", 4, 1),
    ("severity = \"error\"", "severity = 1", "wrong-type", 4, 12),
    ("\"error\"", "\"fatal\"", "severity", 4, 12),
    ("components", "component", "unknown-key", 5, 1),
    ("\"failed to unmarshal response\"", "", "no-anchor", 6, 1),
    ("anchors = [", "anchors = [\"abc\", ", "short-anchor", 6, 12),
    ("anchors = [", "anchors = [\"ab\\ncd\", ", "anchor-newline", 6, 12),
    ("response\"]", "response\", \"failed to unmarshal response\"]", "second-anchor", 6, 44),
    ("levels = ", "none = [\"\"]\nlevels = ", "empty-literal", 8, 9),
    ("\"ERROR\"", "\"LOUD\"", "level", 8, 11),
    ("\"child_pid\"", "\"pid\"", "unknown-field", 9, 13),
    ("vars = [", "vars = [\"Config\", ", "name", 10, 9),
    ("[threshold]", "[kinds]\nchild_pid = \"numbr\"\n[threshold]", "kind", 14, 13),
    ("[threshold]", "[kinds]\npid = \"number\"\n[threshold]", "unknown-field", 14, 1),
    ("[threshold]", "[kinds]\nchild_pid = \"path:tmp\"\n[threshold]", "kind", 14, 13),
    ("levels = ", "writers = [\"kernal\"]\nlevels = ", "writer", 8, 12),
    ("[threshold]", "worker = 'x(y)'\n[threshold]", "name", 13, 1),
    ("(\\d+)", "(\\d+", "regex", 12, 13),
    ("(\\d+)", "(\\d+)(x)?", "field-groups", 12, 13),
    ("'child_pid=(\\d+)'", "'(\\d*)'", "empty-match", 12, 13),
    ("[fields]", "[fields]\nreply = 'x(y)'", "second-capture", 12, 1),
    ("count = 2", "count = 1", "threshold", 14, 9),
    ("\"10m\"", "\"10 minutes\"", "duration", 15, 10),
    ("vars = ", "fallback = 1\nvars = ", "wrong-type", 10, 12),
    ("[fields]", "[[explains]]\n[fields]", "missing-key", 11, 1),
    ("[fields]", "[[explains]]\nsignatures = []\n[fields]", "explains", 12, 1),
    ("[fields]", "[[explains]]\nsignatures = [\"oom\"]\n[fields]", "explains", 12, 15),
    ("[fields]", "[[explains]]\nsignatures = [\"k/*\"]\nscope = \"box\"\n[fields]", "scope", 13, 9),
    ("[fields]", "[[explains]]\nsignatures = [\"k/*\"]\nwithin = \"5s\"\n[fields]", "explains", 13, 1),
    ("[fields]", "[[explains]]\nsignatures = [\"k/*\"]\nby = [\"thread\"]\n[fields]", "explains", 13, 1),
    (
        "[fields]",
        "[[explains]]\nsignatures = [\"k/*\"]\nscope = \"host\"\nby = [\"day\"]\n[fields]",
        "explains",
        14,
        7,
    ),
    (
        "[fields]",
        "[[explains]]\nsignatures = [\"k/*\"]\nscope = \"host\"\nby = []\n[fields]",
        "explains",
        14,
        1,
    ),
    ("[fields]", "[until]\n[fields]", "missing-key", 11, 1),
    ("[fields]", "[until]\nliterals = []\n[fields]", "until", 12, 1),
    ("[fields]", "[until]\nliterals = [\"OK\"]\n[fields]", "until", 12, 13),
    ("[fields]", "[until]\nliterals = [\"well again\"]\n[fields]", "no-section", 1, 1),
    ("## References", "## Ends\n\n```log\nwell\n```\n\n## References", "until", 51, 1),
];

#[test]
fn every_rule_finds_its_fault() {
    for (old, new, code, line, column) in RULES {
        assert!(PAGE.contains(old), "{code}: {old}");
        let (catalogue, faults) = load(&[("p/bad", Lang::En, &PAGE.replacen(old, new, 1))]);
        assert!(places(&faults).contains(&(code, line, column)), "{code}: {:?}", places(&faults));
        assert!(catalogue.signatures().is_empty(), "{code}");
    }
}

#[test]
fn a_pattern_that_needs_unicode_is_told_how_to_have_it() {
    let with = |pattern: &str| load(&[("p/a", Lang::En, &PAGE.replacen("'child_pid=(", pattern, 1))]).1;
    let [fault] = &with("'child_pid=[密]?(")[..] else { panic!("one fault") };
    assert_eq!((fault.code, fault.hint.as_deref()), ("regex", Some("begin it with `(?u)`")));
    assert_eq!(places(&with("'(?u)child_pid=[密]?(")), []);
}

#[test]
fn a_page_says_what_it_explains_and_what_ends_it() {
    let relations = r#"
[[explains]]
signatures = ["other/page", "kernel/*"]
[[explains]]
signatures = ["runtime/*"]
scope = "host"
[[explains]]
signatures = ["runtime/*"]
scope = "process"
by = ["process"]
[until]
literals = ["well again"]
timeout = "2h"
"#;
    let ends = "## Ends\n\n```log child_pid=12\nINFO well again. child_pid=12\n```\n\n## References";
    let page = PAGE.replace("within = \"10m\"\n", &format!("within = \"10m\"\n{relations}"));
    let page = page.replace("vars =", "fallback = true\nvars =").replace("## References", ends);
    let (catalogue, faults) = load(&[("p/bad", Lang::En, &page)]);
    assert_eq!(places(&faults), []);
    let signature = catalogue.get("p/bad").unwrap();
    assert!(signature.fallback);
    let [near, far, poisoned] = &signature.explains[..] else { panic!("{:?}", signature.explains) };
    assert_eq!((near.scope, near.within.as_secs(), near.signatures.len()), (Scope::Record, 0, 2));
    assert_eq!((far.scope, far.within.as_secs(), &far.by[..]), (Scope::Host, 60, &EVIDENCE[..]));
    assert_eq!((poisoned.scope, &poisoned.by[..]), (Scope::Process, &[Evidence::Process][..]));
    let until = signature.until.as_ref().unwrap();
    assert_eq!((&*until.literals[0], until.timeout.as_secs()), ("well again", 7_200));
    assert_eq!(signature.pages.samples().last().unwrap().kind, SampleKind::Ends);
}

#[test]
fn every_rule_of_a_translation_finds_its_fault() {
    for (old, new, code, line, column) in [
        ("# 响应错误\n", "\n", "no-title", 1, 1),
        ("子进程输出了其他内容。", "", "no-meaning", 1, 1),
        ("## 处理", "## 行动", "unknown-section", 5, 1),
        ("## 处理", "## Fires\n\n## 处理", "unknown-section", 5, 1),
        ("子进程", "```toml\n```\n\n子进程", "translated-header", 3, 1),
        ("{config}", "{path}", "translated-command", 10, 1),
        ("```sh caution", "```sh", "translated-command", 14, 1),
        ("   ```sh caution\n   rm {path}\n   ls\n   ```\n", "", "translated-command", 5, 1),
        ("   ```sh caution", "   ```sh\n   x\n   ```\n\n   ```sh caution", "translated-command", 14, 1),
    ] {
        assert!(TWIN.contains(old), "{code}: {old}");
        let twin = TWIN.replacen(old, new, 1);
        let (catalogue, faults) = load(&[("p/bad", Lang::En, PAGE), ("p/bad", Lang::Zh, &twin)]);
        assert!(places(&faults).contains(&(code, line, column)), "{code}: {:?}", places(&faults));
        assert_eq!(faults[0].path, "p/bad.zh.md");
        assert!(!catalogue.get("p/bad").unwrap().pages.runbooks().contains_key(&Lang::Zh), "{code}");
    }
    let (_, faults) = load(&[("p/bad", Lang::Zh, TWIN)]);
    assert_eq!(places(&faults), [("no-english", 0, 0)]);
}

#[test]
fn all_faults_of_a_page_come_together_in_order() {
    let page = PAGE.replace("\"error\"", "\"fatal\"").replace("{config}", "{confg}");
    let page = page.replace("https://", "");
    let (_, faults) = load(&[("p/bad", Lang::En, &page)]);
    assert_eq!(places(&faults), [("severity", 4, 12), ("unknown-placeholder", 25, 22), ("link", 53, 3)]);
    let place = faults[1].place.as_ref().unwrap();
    assert_eq!(place.width, "{confg}".len());
    assert_eq!(place.text, "   {worker} --config={confg} dump --child_pid={child_pid}");
    assert_eq!(faults[1].hint.as_deref(), Some("did you mean `config`?"));
}

#[test]
fn a_silent_sample_may_come_near_where_the_anchor_decides() {
    let bare = PAGE.replace("levels = [\"ERROR\"]\n", "");
    let regex = &PAGE[PAGE.find("regex").unwrap()..PAGE.find("levels").unwrap()];
    let bare = bare.replace(regex, "").replace(" reply=\"some garbage\"", "");
    let line = "DEBUG failed to unmarshal response string: 'x'";
    for (silent, codes) in
        [("DEBUG cannot unmarshal response", vec![]), ("DEBUG response", vec!["weak-silent"])]
    {
        let (_, faults) = load(&[("p/bad", Lang::En, &bare.replace(line, silent))]);
        assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), codes, "{silent}");
    }
}

#[test]
fn later_pages_replace_earlier_ones_and_disabled_ones_are_left_out() {
    let other = PAGE.replace("Bad response", "Other");
    let pages = [("p/bad", Lang::En, PAGE), ("p/bad", Lang::Zh, TWIN), ("p/bad", Lang::En, &*other)];
    let (catalogue, faults) = load(&pages);
    assert_eq!(places(&faults), []);
    let signature = catalogue.get("p/bad").unwrap();
    assert_eq!(signature.runbook(Lang::Zh).title, "Other", "the built-in translation went with its page");

    let disable = [glob::Pattern::new("p/ba*").unwrap()];
    let broken = pages.map(|(id, lang, _)| source(id, lang, "broken"));
    let (catalogue, faults) = Catalogue::load(broken, &disable);
    assert!(catalogue.signatures().is_empty() && faults.is_empty());
}

#[test]
fn windows_line_ends_are_read_alike() {
    let (catalogue, faults) = load(&[("p/bad", Lang::En, &PAGE.replace('\n', "\r\n"))]);
    assert_eq!(places(&faults), []);
    let (unix, _) = load(&[("p/bad", Lang::En, PAGE)]);
    let [dos, unix] = [catalogue, unix].map(|catalogue| catalogue.get("p/bad").unwrap().clone());
    assert_eq!(dos.runbook(Lang::En).steps, unix.runbook(Lang::En).steps);
    assert_eq!(dos.pages.samples()[0].text, unix.pages.samples()[0].text);
}

/// A good page with a stretch taken out and another put in.
fn mutated() -> impl Strategy<Value = String> {
    let cut = (0..PAGE.len(), 0..80usize, "([#`\\-\\[\\]{}='\"\n\t 扇1.]|```|\n## |toml|log ){0,12}");
    proptest::collection::vec(cut, 1..4).prop_map(|cuts| {
        let mut page = PAGE.to_owned();
        for (start, length, insert) in cuts {
            let start = page.floor_char_boundary(start);
            let end = page.floor_char_boundary(start + length).max(start);
            page.replace_range(start..end, &insert);
        }
        page
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,400}") {
        load(&[("p/bad", Lang::En, PAGE), ("p/bad", Lang::Zh, &text), ("p/other", Lang::En, &text)]);
    }

    #[test]
    fn no_change_of_a_page_makes_the_reader_panic(page in mutated()) {
        let (catalogue, faults) = load(&[("p/bad", Lang::En, &page), ("p/bad", Lang::Zh, &page)]);
        prop_assert!(catalogue.get("p/bad").is_some() || !faults.is_empty());
        markdown::to_terminal(&page, 40);
    }
}
