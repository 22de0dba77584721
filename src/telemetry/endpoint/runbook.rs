//! The page of a signature, as an alert would show it, for a browser.

use std::fmt::Write as _;

use super::status::{begin, line};
use super::view::say;
use crate::base::markup::{escape, link, prose};
use crate::correlate::command;
use crate::model::alert::{Action, Lang};
use crate::signature::Signature;
use crate::telemetry::overview::Knowledge;

/// The page of `id`; `None` where there is none.
pub(super) fn page(id: &str, lang: Lang, knowledge: &Knowledge) -> Option<String> {
    let signature = knowledge.catalogue.get(id)?;
    let runbook = signature.runbook(lang);
    let title = line(&runbook.title);
    let (severity, word, id) = (signature.severity, lang.severity(signature.severity), line(&signature.id));
    let mut out = begin(lang, &title, false);
    let _ = write!(
        out,
        "<p class=\"note\"><a href=\"../../?lang={lang}\">{}</a></p>\n<h1>{title}</h1>\n\
         <p class=\"{severity}\"><span class=\"severity\">{word}</span> <code>{id}</code></p>\n{}",
        say(lang, "← Status", "← 状态"),
        prose(&runbook.meaning),
    );
    out.push_str(&steps(signature, lang, knowledge));
    if !runbook.links.is_empty() {
        let links = runbook.links.iter().map(|one| format!("<li>{}</li>", link(&one.title, &one.url)));
        let _ = writeln!(
            out,
            "<h2>{}</h2>\n<ul>{}</ul>",
            say(lang, "Read on", "参考"),
            links.collect::<String>()
        );
    }
    out.push_str("</html>\n");
    Some(out)
}

/// What to do: all steps, with what the operator's `[vars]` fill.
fn steps(signature: &Signature, lang: Lang, knowledge: &Knowledge) -> String {
    let mut out = format!("<h2>{}</h2>\n<ol>\n", say(lang, "What to do", "处理"));
    let mut open = None;
    for step in command::of_page(signature, &knowledge.vars, lang) {
        if open != Some(step.number) {
            let end = if open.is_some() { "</li>\n" } else { "" };
            let _ = write!(out, "{end}<li value=\"{}\">", step.number);
            open = Some(step.number);
        }
        out.push_str(&one(&step.action, lang));
    }
    out.push_str(if open.is_some() { "</li>\n</ol>\n" } else { "</ol>\n" });
    out
}

fn one(step: &Action, lang: Lang) -> String {
    let Action { text, command, unfilled, caution } = step;
    let mut out = prose(text);
    let Some(command) = command else { return out };
    let class = if *caution { " class=\"caution\"" } else { "" };
    let _ = write!(out, "<pre{class}><code>{}</code></pre>", escape(command));
    if *caution {
        let words = say(lang, "changes or deletes something", "会更改或删除数据");
        let _ = write!(out, "<p class=\"note\">⚠ {words}</p>");
    }
    if !unfilled.is_empty() {
        let names: Vec<String> = unfilled.iter().map(|name| line(&format!("<{name}>"))).collect();
        let words = say(lang, "fill in", "请填写");
        let _ = write!(out, "<p class=\"note\">{words}: {}</p>", names.join(", "));
    }
    out
}
