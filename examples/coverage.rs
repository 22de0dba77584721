//! What of a program's own words the catalogue knows: reads a checkout of damocles (or of any Rust
//! or Go program that logs alike), finds the messages it logs at warn level and above and the texts
//! of its errors, and says which of them a signature recognises.
//!
//! ```sh
//! cargo run --release --example coverage -- ~/src/damocles           # the table, then what is unknown
//! cargo run --release --example coverage -- ~/src/damocles --known   # also who knows the others
//! ```
//!
//! It reads call sites, not programs: a message put together elsewhere is not seen, and each is tried
//! alone, in a record as its component writes it, with `x` for what is filled in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::tz::TimeZone;
use regex::Regex;
use sealtail::detect::{Detector, samples};
use sealtail::model::finding::Severity;
use sealtail::signature::{Catalogue, builtin};
use walkdir::WalkDir;

/// Shorter texts say nothing by themselves.
const LETTERS_MIN: usize = 8;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (options, folders): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let [folder] = folders[..] else { bail!("usage: coverage [--known] CHECKOUT") };
    let shows_known = options.iter().any(|option| *option == "--known");

    let (catalogue, faults) = Catalogue::load(builtin::pages(), &[]);
    faults.first().map_or(Ok(()), |fault| bail!("a built-in page has a fault: {fault}"))?;
    let detector = Detector::new(catalogue, TimeZone::UTC)?;
    let texts = read(Path::new(folder))?;
    if texts.is_empty() {
        bail!("{folder} holds no Rust or Go source with a log call or an error");
    }

    let mut counts: BTreeMap<(&str, Verdict), usize> = BTreeMap::new();
    let mut shown: Vec<(Verdict, String)> = Vec::new();
    for text in &texts {
        let (verdict, by) = judge(&detector, text);
        *counts.entry((text.call.kind, verdict)).or_default() += 1;
        shown.push((verdict, format!("{}:{}  {:?}  {by}", text.path, text.line, text.literal)));
    }
    println!("{:<10} {:>8} {:>14} {:>8}", "", "known", "fallback only", "unknown");
    for kind in ["log", "error"] {
        let of = |verdict| counts.get(&(kind, verdict)).copied().unwrap_or(0);
        println!(
            "{kind:<10} {:>8} {:>14} {:>8}",
            of(Verdict::Known),
            of(Verdict::Fallback),
            of(Verdict::Unknown)
        );
    }
    for (verdict, title) in
        [(Verdict::Known, "known"), (Verdict::Fallback, "fallback only"), (Verdict::Unknown, "unknown")]
    {
        if verdict == Verdict::Known && !shows_known {
            continue;
        }
        println!("\n{title}");
        shown.iter().filter(|(other, _)| *other == verdict).for_each(|(_, line)| println!("  {line}"));
    }
    Ok(())
}

/// What the catalogue makes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// A signature of its own.
    Known,
    /// Only one that fires where nothing better is known.
    Fallback,
    Unknown,
}

fn judge(detector: &Detector, text: &Text) -> (Verdict, String) {
    let findings = samples::run(detector, &text.record());
    let is_fallback = |id: &str| detector.catalogue().get(id).is_some_and(|signature| signature.fallback);
    let known = findings.iter().filter(|finding| !is_fallback(&finding.signature));
    let known: Vec<&str> = known
        .filter(|finding| finding.severity > Severity::Info)
        .map(|finding| &*finding.signature)
        .collect();
    match (known.is_empty(), findings.is_empty()) {
        (false, _) => (Verdict::Known, known.join(" ")),
        (true, false) => (Verdict::Fallback, findings[0].signature.to_string()),
        (true, true) => (Verdict::Unknown, String::new()),
    }
}

/// A kind of call whose text reaches a log.
struct Call {
    extension: &'static str,
    kind: &'static str,
    /// What stands before the arguments.
    opening: Regex,
}

fn calls() -> Result<Vec<Call>> {
    let call = |extension, kind, opening: &str| -> Result<Call> {
        Ok(Call { extension, kind, opening: Regex::new(opening)? })
    };
    Ok(vec![
        call("rs", "log", r"\b(?:warn|error)!\s*\(")?,
        call("rs", "error", r"\b(?:anyhow|bail|ensure|panic)!\s*\(")?,
        call("rs", "error", r"\.(?:context|with_context|expect)\(")?,
        call("rs", "error", r"#\[error\(")?,
        call("go", "log", r"\b\w*[lL]og(?:ger)?\.(?:Warn|Error|DPanic|Panic|Fatal)[fw]?\(")?,
        call("go", "error", r"\b(?:xerrors|errors|fmt)\.(?:Errorf|New)\(")?,
    ])
}

/// A text that may stand in a log.
struct Text<'c> {
    path: String,
    line: usize,
    call: &'c Call,
    literal: String,
}

impl Text<'_> {
    /// The record its component would write.
    fn record(&self) -> String {
        let filled = match self.call.extension {
            "rs" => replace(r"\{[^{}]*\}", &self.literal),
            _ => replace(r"%[-+# 0-9.]*[a-zA-Z]", &self.literal),
        };
        let module =
            self.path.trim_end_matches(".rs").replace("/src/", "::").replace('/', "::").replace('-', "_");
        let caller = self.path.rsplitn(3, '/').take(2).collect::<Vec<_>>();
        let caller = caller.iter().rev().copied().collect::<Vec<_>>().join("/");
        match (self.call.extension, self.call.kind) {
            ("rs", "log") => format!("2025-09-26T22:10:44.001+08:00 ERROR ThreadId(07) {module}: {filled}\n"),
            ("rs", _) => format!(
                "2025-09-26T22:10:44.001+08:00 ERROR ThreadId(07) {module}: sealing failed failure=permanent: {filled}\n"
            ),
            (_, "log") => format!("2025-09-26T22:10:44.001+0800\tERROR\tsealing\t{caller}:1\t{filled}\n"),
            _ => format!("2025-09-26T22:10:44.001+0800\tERROR\tsealing\t{caller}:1\tfailed: {filled}\n"),
        }
    }
}

fn replace(placeholder: &str, text: &str) -> String {
    // Both patterns are written above and compile.
    Regex::new(placeholder)
        .map_or_else(|_| text.to_owned(), |regex| regex.replace_all(text, "x").into_owned())
}

fn read(folder: &Path) -> Result<Vec<Text<'static>>> {
    let calls: &'static [Call] = Vec::leak(calls()?);
    let mut texts = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let shown = entry.path().strip_prefix(folder).unwrap_or(entry.path()).display().to_string();
        let is_test =
            ["_test.go", "/tests/", "/testdata/", "/examples/"].iter().any(|part| shown.contains(part));
        let extension = entry.path().extension().and_then(|extension| extension.to_str());
        if is_test || !entry.file_type().is_file() {
            continue;
        }
        let calls: Vec<&Call> = calls.iter().filter(|call| Some(call.extension) == extension).collect();
        if calls.is_empty() {
            continue;
        }
        let source = fs::read(entry.path()).with_context(|| format!("cannot read {shown}"))?;
        let source = String::from_utf8_lossy(&source);
        // Tests of Rust stand at the end of their file.
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        for call in calls {
            for opening in call.opening.find_iter(source) {
                let Some(literal) = first_literal(&source[opening.end()..]) else { continue };
                if literal.chars().filter(|c| c.is_alphabetic()).count() >= LETTERS_MIN {
                    let line = source[..opening.start()].matches('\n').count() + 1;
                    texts.push(Text { path: shown.clone(), line, call, literal });
                }
            }
        }
    }
    Ok(texts)
}

/// The first string among the arguments that is not the value of a field.
fn first_literal(arguments: &str) -> Option<String> {
    let mut depth = 0;
    let mut before = ' ';
    let mut chars = arguments.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return None,
            ')' | ']' | '}' => depth -= 1,
            '"' => {
                let rest = &arguments[at + 1..];
                let end = closing_quote(rest)?;
                if before != '=' {
                    return Some(rest[..end].replace("\\n", "\n").replace("\\\"", "\""));
                }
                chars.by_ref().take(rest[..=end].chars().count()).for_each(drop);
            }
            '/' if arguments[at..].starts_with("//") => {
                let comment = arguments[at..].find('\n')?;
                chars.by_ref().take(arguments[at..at + comment].chars().count()).for_each(drop);
            }
            _ => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    None
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_literal_is_the_message() {
        for (arguments, literal) in [
            (r#""sealing failed")"#, Some("sealing failed")),
            (r#"?failure, "sealing failed")"#, Some("sealing failed")),
            (r#"name = "pc1", code = f("a"), "child {} gone", 1)"#, Some("a")),
            (r#"name = "pc1", "child gone")"#, Some("child gone")),
            ("// \"said\" below\n    \"child \\\"pc1\\\" gone\")", Some("child \"pc1\" gone")),
            (r#"|| format!("open {}", path))"#, Some("open {}")),
            (r#"err) + "not an argument""#, None),
            (r#""never closed"#, None),
        ] {
            assert_eq!(first_literal(arguments).as_deref(), literal, "{arguments}");
        }
    }

    #[test]
    fn calls_are_read_and_tried_as_their_component_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        let rust = "fn f() {\n    error!(\"failed to unmarshal response string: {:?}\", s);\n    bail!(\"no such thing as {}\", x);\n}\n#[cfg(test)]\nfn g() { error!(\"only in tests\") }\n";
        fs::create_dir_all(folder.path().join("worker/src")).unwrap();
        fs::write(folder.path().join("worker/src/run.rs"), rust).unwrap();
        fs::write(
            folder.path().join("poster.go"),
            "log.Warnf(\"too many open files: %s\", err)\nlog.Info(\"started well\")\n",
        )
        .unwrap();
        fs::write(folder.path().join("poster_test.go"), "log.Warnf(\"too many open files\")\n").unwrap();
        let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
        let detector = Detector::new(catalogue, TimeZone::UTC).unwrap();
        let read = read(folder.path()).unwrap();
        let found = read.iter().map(|text| (text.line, judge(&detector, text).0)).collect::<Vec<_>>();
        assert_eq!(found[0], (1, Verdict::Known), "{}", read[0].record());
        assert_eq!(found[1], (2, Verdict::Known), "{}", read[1].record());
        assert_eq!((found.len(), found[2].0), (3, 3));
    }
}
