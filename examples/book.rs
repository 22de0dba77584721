//! The catalogue as a book to browse, in English and Chinese: one page a signature, and indexes by
//! severity, by stage of sealing and by component. Everything is made from the pages in `patterns/`.
//!
//! ```sh
//! cargo run --example book -- docs/book      # writes docs/book/src
//! mdbook serve docs/book                     # if you have mdBook
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sealtail::model::alert::Lang;
use sealtail::model::finding::Severity;
use sealtail::model::release::Releases;
use sealtail::signature::{Catalogue, SampleKind, Signature, builtin};

/// The stages of sealing in their order: the components that stand for one, and its names.
const STAGES: [(&[&str], &str, &str); 12] = [
    (&["deals"], "Deals and pieces", "订单与数据"),
    (&["pc1", "tree_d"], "PC1", "PC1"),
    (&["pc2"], "PC2", "PC2"),
    (&["message"], "Messages: pre-commit, prove-commit", "消息：pre-commit、prove-commit"),
    (&["c1"], "C1", "C1"),
    (&["c2"], "C2", "C2"),
    (&["persist"], "Persisting", "落盘"),
    (&["snap-up"], "Snap-up", "Snap-up"),
    (&["wdpost"], "Window PoSt", "Window PoSt"),
    (&["winning"], "Winning PoSt and blocks", "Winning PoSt 与出块"),
    (&["chain"], "Chain", "链"),
    (&["storage", "disk", "database"], "Storage and databases", "存储与数据库"),
];

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: book FOLDER");
        std::process::exit(2);
    };
    let source = Path::new(&folder).join("src");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    for (path, text) in files() {
        let path = source.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Every file of the book's source folder.
pub fn files() -> BTreeMap<PathBuf, String> {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let mut files = BTreeMap::new();
    files.insert("SUMMARY.md".into(), summary(&catalogue));
    for lang in Lang::ALL {
        let mut add = |name: &str, text| files.insert(Path::new(lang.name()).join(name), text);
        add("README.md", introduction(&catalogue, lang));
        add("by-severity.md", by_severity(&catalogue, lang));
        add("by-stage.md", by_stage(&catalogue, lang));
        add("by-component.md", by_component(&catalogue, lang));
        for signature in catalogue.signatures() {
            add(&format!("{}.md", signature.id), page(signature, lang));
        }
    }
    files
}

/// The words in the language.
fn say(lang: Lang, en: &'static str, zh: &'static str) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

fn pack(signature: &Signature) -> &str {
    signature.id.split_once('/').map_or("", |(pack, _)| pack)
}

fn summary(catalogue: &Catalogue) -> String {
    let mut out = "# Summary\n".to_owned();
    for lang in Lang::ALL {
        let folder = lang.name();
        let title = say(lang, "Known failures", "已知故障");
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(out, "\n# {}\n\n- [{title}]({folder}/README.md)", say(lang, "English", "中文"));
        for (name, title) in [
            ("by-severity", say(lang, "By severity", "按严重程度")),
            ("by-stage", say(lang, "By stage of sealing", "按封装阶段")),
            ("by-component", say(lang, "By component", "按组件")),
        ] {
            let _ = writeln!(out, "- [{title}]({folder}/{name}.md)");
        }
        for in_pack in catalogue.signatures().chunk_by(|one, next| pack(one) == pack(next)) {
            // A chunk has a first.
            let _ = writeln!(out, "- [{}]()", pack(&in_pack[0]));
            for signature in in_pack {
                let title = &signature.runbook(lang).title;
                let _ = writeln!(out, "  - [{title}]({folder}/{}.md)", signature.id);
            }
        }
    }
    out
}

fn introduction(catalogue: &Catalogue, lang: Lang) -> String {
    let checks = all(catalogue).filter(|signature| signature.id.starts_with("doctor/")).count();
    let signatures = all(catalogue).filter(|signature| signature.check.is_none()).count();
    match lang {
        Lang::En => format!(
            "# Known failures of a sealing cluster\n\n{signatures} failures that sealtail recognises in logs, and \
             {checks} checks of `sealtail doctor`. Each page says what is at stake, what to do first, and how the \
             failure is recognised. Made from the pages in `patterns/`.\n\n- [By severity](by-severity.md)\n\
             - [By stage of sealing](by-stage.md)\n- [By component](by-component.md)\n"
        ),
        Lang::Zh => format!(
            "# 封装集群的已知故障\n\nsealtail 能在日志中识别的 {signatures} 种故障，以及 `sealtail doctor` 的 {checks} 项检查。\
             每一页说明影响、首先该做什么，以及如何识别。由 `patterns/` 中的页面生成。\n\n\
             - [按严重程度](by-severity.md)\n- [按封装阶段](by-stage.md)\n- [按组件](by-component.md)\n"
        ),
    }
}

/// One line of an index.
fn entry(signature: &Signature, lang: Lang) -> String {
    let Signature { id, severity: grave, .. } = signature;
    format!("- [{}]({id}.md) · {} · `{id}`\n", signature.runbook(lang).title, lang.severity(*grave))
}

/// A page of headings, each with the signatures that belong under it, the gravest first.
fn index<'c>(
    title: &str,
    lang: Lang,
    headings: impl IntoIterator<Item = (String, Vec<&'c Signature>)>,
) -> String {
    let mut out = format!("# {title}\n");
    for (heading, mut signatures) in headings {
        if signatures.is_empty() {
            continue;
        }
        signatures.sort_by_key(|signature| std::cmp::Reverse(signature.severity));
        let _ = writeln!(out, "\n## {heading}\n");
        signatures.iter().for_each(|signature| out += &entry(signature, lang));
    }
    out
}

fn all(catalogue: &Catalogue) -> impl Iterator<Item = &Signature> {
    catalogue.signatures().iter().map(|signature| &**signature)
}

fn by_severity(catalogue: &Catalogue, lang: Lang) -> String {
    let headings = Severity::ALL.into_iter().rev().map(|grave| {
        let signatures = all(catalogue).filter(|signature| signature.severity == grave);
        (lang.severity(grave).to_owned(), signatures.collect())
    });
    index(say(lang, "By severity", "按严重程度"), lang, headings)
}

fn by_stage(catalogue: &Catalogue, lang: Lang) -> String {
    let headings = STAGES.iter().map(|(components, en, zh)| {
        let is_of = |signature: &&Signature| {
            signature.components.iter().any(|component| components.contains(&component.as_str()))
        };
        (say(lang, en, zh).to_owned(), all(catalogue).filter(is_of).collect())
    });
    index(say(lang, "By stage of sealing", "按封装阶段"), lang, headings)
}

fn by_component(catalogue: &Catalogue, lang: Lang) -> String {
    let components: BTreeSet<&String> = all(catalogue).flat_map(|signature| &signature.components).collect();
    let headings = components.into_iter().map(|component| {
        (
            component.clone(),
            all(catalogue).filter(|signature| signature.components.contains(component)).collect(),
        )
    });
    index(say(lang, "By component", "按组件"), lang, headings)
}

fn page(signature: &Signature, lang: Lang) -> String {
    let Signature { id, components, anchors, .. } = signature;
    let runbook = signature.runbook(lang);
    let grave = lang.severity(signature.severity);
    let mut out = format!(
        "# {}\n\n**{grave}** · `{id}` · {}\n\n{}\n",
        runbook.title,
        components.join(", "),
        runbook.meaning
    );
    let _ = writeln!(out, "\n## {}\n", say(lang, "What to do", "处理"));
    let mut last = 0;
    for step in &runbook.steps {
        let words = step.words(lang, &Releases::default()).replace('\n', "\n   ");
        let number = if step.number == last { "  ".to_owned() } else { format!("{}.", step.number) };
        last = step.number;
        let _ = writeln!(out, "{number} {}", words.trim_end());
        if let Some(command) = &step.command {
            let caution = if step.caution {
                say(lang, "   ⚠️ changes or deletes something\n", "   ⚠️ 会更改或删除数据\n")
            } else {
                ""
            };
            let _ = writeln!(out, "\n   ```sh\n   {}\n   ```\n{caution}", command.replace('\n', "\n   "));
        }
    }
    if !anchors.is_empty() {
        let _ = writeln!(out, "\n## {}\n", say(lang, "How it is recognised", "如何识别"));
        anchors.iter().for_each(|anchor| {
            let _ = writeln!(out, "- `{anchor}`");
        });
        let fires = signature.pages.samples().iter().find(|sample| sample.kind == SampleKind::Fires);
        if let Some(sample) = fires {
            let _ = writeln!(out, "\n```text\n{}\n```", sample.text.trim_end());
        }
    }
    let _ = writeln!(out, "\n## {}\n", say(lang, "References", "参考"));
    for link in &runbook.links {
        let _ = writeln!(out, "- [{}]({})", link.title, link.url);
    }
    out
}
