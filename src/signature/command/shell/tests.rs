//! What is read of the shell's language, and what is refused.

use proptest::prelude::*;

use super::*;

/// Pipelines by their joints, commands by `|`, words by `,`.
fn shown(list: &List) -> String {
    let command = |command: &Command| match command {
        Command::Simple(simple) => {
            let words = simple.assignments.iter().chain(&simple.words);
            let mut shown: Vec<String> = words
                .map(|word| {
                    word.inner.iter().fold(word.text.clone(), |text, it| format!("{text}({})", shown(it)))
                })
                .collect();
            shown.extend(
                simple
                    .redirects
                    .iter()
                    .map(|it| format!("{}{}", if it.writes { '>' } else { '<' }, it.to.text)),
            );
            shown.join(",")
        }
        Command::Loop { words, lists } => {
            let words: Vec<_> = words.iter().map(|word| &*word.text).collect();
            let lists: Vec<_> = lists.iter().map(shown).collect();
            format!("[{}: {}]", words.join(","), lists.join(": "))
        }
        Command::Subshell(list) => format!("({})", shown(list)),
    };
    let pipelines = list.pipelines.iter().map(|(joint, commands)| {
        let joint = match joint {
            Joint::First => "",
            Joint::And => " && ",
            Joint::Or => " || ",
            Joint::Sequence(_) => " ; ",
        };
        format!("{joint}{}", commands.iter().map(command).collect::<Vec<_>>().join(" | "))
    });
    pipelines.collect()
}

#[test]
fn what_is_read() {
    for (text, read) in [
        ("ls -l", "ls,-l"),
        ("grep -E 'a b|c' \"x y\" z\\ w", "grep,-E,a b|c,x y,z w"),
        ("a | b | c && d || e", "a | b | c && d || e"),
        ("a; b\nc", "a ; b ; c"),
        ("a &&\n  b |\n  c \\\n  d", "a && b | c,d"),
        ("for x in a b; do echo \"$x\" && c; done", "[a,b: echo,$ && c]"),
        ("a | while read -r x; do b; done", "a | [: read,-r,x: b]"),
        ("(cd /x && ls)", "(cd,/x && ls)"),
        ("echo $(date +%s) ${HOME:-/} \"$(a | b)\"", "echo,$(date,+%s),$,$(a | b)"),
        ("X=1 Y=2 a b=c 2>/dev/null >>f 2>&1 <in", "X=1,Y=2,a,b=c,>/dev/null,>f,>1,<in"),
        ("mpool replace <from> /dev/<array name>", "mpool,replace,<from>,/dev/<array name>"),
        ("awk '{ print $1 }' {path}*", "awk,{ print $1 },{path}*"),
        ("ls;", "ls"),
    ] {
        assert_eq!(parse(text).map(|list| shown(&list)).as_deref(), Ok(read), "{text}");
    }
}

#[test]
fn what_is_refused() {
    for (text, at, message) in [
        ("", 0, "a command is missing here"),
        ("a &&", 4, "a command is missing here"),
        ("a & b", 2, "a command runs to its end before the next one"),
        ("a | | b", 4, "a command is missing here"),
        ("echo 'x", 5, "a quote stays open"),
        ("echo \"x", 5, "a quote stays open"),
        ("echo $(x", 5, "a substitution stays open"),
        ("echo `x`", 5, "write `$(…)` in place of backticks"),
        ("a # b", 2, "a comment belongs into the text of the step"),
        ("if a; then b; fi", 0, "`if` is more shell than a page should need"),
        ("cat <<EOF", 4, "`<<` is more shell than a page should need"),
        ("diff <(a) b", 5, "`<(` is more shell than a page should need"),
        ("for x in a", 10, "`; do` is missing here"),
        ("a )", 2, "`)` stands where a command should end"),
        ("(a", 2, "a `(` stays open"),
        ("a >", 3, "`>` names no file"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.span.start, &*error.message), (at, message), "{text}");
    }
    let deep = "(".repeat(100) + "a";
    assert_eq!(parse(&deep).unwrap_err().message, "too many commands within commands");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_within_it(
        text in "([a-z ]|&&|\\|\\||;|\n|\\$\\(|\\)|'|\"|for x in |do |done|<a>|<|>|\\\\|\\PC){0,24}"
    ) {
        match parse(&text) {
            Ok(list) => prop_assert!(!list.pipelines.is_empty()),
            Err(error) => {
                prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{:?}", error);
            }
        }
    }
}
