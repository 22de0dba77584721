//! An examination joined with the pages of its checks, as people read it and as JSON.
//!
//! The page says how grave a check is, why it matters and what to do; so an operator's page of the
//! same id changes what a report says. Lines of foreign files are shown without controls and without
//! secrets.

mod json;
mod text;

pub use self::json::write as write_json;
pub use self::text::write as write_text;

use super::{About, Diff, Finding, Place};
use crate::base::diagnostic::Excerpt;
use crate::base::text::clean_line;
use crate::correlate::command::{self, Values, Vars};
use crate::model::alert::{Action, Lang, Link};
use crate::model::finding::Severity;
use crate::model::record::Fields;
use crate::model::redact::redact;
use crate::signature::{Catalogue, Signature};

/// A finding with what its page says, in one language.
#[derive(Debug)]
pub struct Told {
    /// Id of the check.
    pub check: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// Title of its page.
    pub title: String,
    /// What was found.
    pub found: String,
    /// Where.
    pub places: Vec<Place>,
    /// Why it matters, Markdown.
    pub why: String,
    /// What would mend it here.
    pub mend: Option<String>,
    /// The lines that would.
    pub diff: Option<String>,
    /// The steps of the page.
    pub action: Vec<Action>,
    /// Where to read on.
    pub links: Vec<Link>,
}

impl Told {
    /// What `finding` comes to with the page that the catalogue has of it.
    pub fn of(finding: &Finding, catalogue: &Catalogue, lang: Lang) -> Told {
        let page = catalogue.get(finding.check).map(|page| &**page);
        let places: Vec<Place> = finding.places.iter().map(safe_place).collect();
        let runbook = page.map(|page| page.runbook(lang).clone()).unwrap_or_default();
        Told {
            check: finding.check,
            severity: severity(page),
            title: if page.is_some() { runbook.title } else { finding.check.to_owned() },
            found: clean_line(finding.found.in_lang(lang)),
            why: runbook.meaning,
            mend: finding.mend.as_ref().map(|mend| clean_line(mend.in_lang(lang))),
            diff: finding.diff.as_ref().map(unified),
            action: page.map(|page| action(page, lang, &places, &finding.about)).unwrap_or_default(),
            links: runbook.links,
            places,
        }
    }
}

/// How grave a check is; an unknown page is taken seriously.
fn severity(page: Option<&Signature>) -> Severity {
    page.map_or(Severity::Error, |page| page.severity)
}

/// The steps of the page: `{path}` is the file that was looked at.
fn action(page: &Signature, lang: Lang, places: &[Place], about: &About) -> Vec<Action> {
    let path = places.first().map_or("", |place| &place.path);
    let vars: Vars =
        about.config.iter().map(|config| ("worker_config".to_owned(), clean_line(config))).collect();
    let values = Values {
        fields: &Fields::new(),
        host: None,
        source: None,
        path,
        names: &about.names,
        vars: &vars,
        signature: Some(page),
    };
    command::steps(page.runbook(lang), &values, lang).action.into_iter().map(|step| step.action).collect()
}

/// A line of a foreign file, fit to be shown.
fn safe(line: &str) -> String {
    clean_line(&redact(line))
}

fn safe_place(place: &Place) -> Place {
    let shown = |excerpt: &Excerpt| {
        let text = safe(&excerpt.text);
        let most = text.chars().count() + 1;
        let column = excerpt.column.min(most);
        Excerpt { line: excerpt.line, column, width: excerpt.width.min(most - column).max(1), text }
    };
    Place { path: clean_line(&place.path), excerpt: place.excerpt.as_ref().map(shown) }
}

/// A place in short: `config.toml:41`.
pub(super) fn short(place: &Place) -> String {
    let line = place.excerpt.as_ref().map(|excerpt| format!(":{}", excerpt.line));
    format!("{}{}", clean_line(&place.path), line.unwrap_or_default())
}

/// The diff as `diff -U0` writes it.
fn unified(diff: &Diff) -> String {
    let path = clean_line(&diff.path);
    let mut text = format!("--- {path}\n+++ {path}\n");
    let mut shift = 0_i64;
    for edit in &diff.edits {
        let (removed, added) = (usize::from(edit.old.is_some()), usize::from(edit.new.is_some()));
        // Of a side without lines the header names the line before.
        let old = edit.line;
        let new = (old as i64 + shift) + if removed == 0 { 1 } else { 0 } - if added == 0 { 1 } else { 0 };
        text.push_str(&format!("@@ -{old},{removed} +{new},{added} @@\n"));
        text.extend(edit.old.iter().map(|line| format!("-{}\n", safe(line))));
        text.extend(edit.new.iter().map(|line| format!("+{}\n", safe(line))));
        shift += added as i64 - removed as i64;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::trial;
    use crate::doctor::facts::{Facts, Process};
    use crate::doctor::{Words, examine_with};
    use crate::signature::builtin;

    /// The commands of the pages of what `check` finds.
    fn commands(check: &str, facts: &Facts) -> String {
        let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
        let report = examine_with(facts, |id| id == check);
        let told = report.findings.iter().map(|finding| Told::of(finding, &catalogue, Lang::En));
        told.flat_map(|told| told.action).filter_map(|step| step.command).collect::<Vec<_>>().join("\n")
    }

    fn running(programs: &[&str]) -> Vec<Process> {
        let process = |(pid, program): (u32, &&str)| Process {
            pid,
            program: (*program).to_owned(),
            open_files: Err(Words::new("nobody knows", "未知")),
            unit: None,
        };
        (1..).zip(programs).map(process).collect()
    }

    #[test]
    fn commands_name_the_programs_of_the_box_and_the_configuration() {
        let config = "[processors.ext_locks]\ngpu0 = 0\n";
        for (program, others, expected) in [
            (Some("damocles-worker"), &[][..], "damocles-worker worker --config=worker.toml list"),
            (Some("venus-worker"), &["damocles-worker"], "venus-worker worker --config=worker.toml list"),
            (None, &["vc-worker"], "systemctl restart vc-worker"),
            (None, &["damocles-manager"], "systemctl restart damocles-worker"),
            (None, &["damocles-worker", "venus-worker"], "systemctl restart <worker>"),
            (None, &[], "<worker> worker --config=worker.toml list"),
        ] {
            let mut facts = trial::run_by(program, config);
            facts.processes = Ok(running(others));
            let commands = commands("doctor/limit-zero", &facts);
            assert!(commands.contains(expected), "{expected:?} is not in\n{commands}");
        }
    }

    #[test]
    fn a_check_of_the_box_names_the_programs_that_run() {
        let mut facts = Facts { processes: Ok(running(&["venus-sector-manager"])), ..Facts::default() };
        let open_files = crate::doctor::facts::OpenFiles { soft: Some(1024), hard: None };
        facts.processes.iter_mut().flatten().for_each(|process| process.open_files = Ok(open_files));
        let commands = commands("doctor/nofile-low", &facts);
        assert!(commands.contains("LimitNOFILE venus-worker venus-sector-manager"), "{commands}");
    }

    #[test]
    fn a_data_file_is_not_taken_for_the_configuration() {
        let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
        for (config, expected) in
            [(Some("/etc/w.toml"), "--config=/etc/w.toml"), (None, "--config=<worker_config>")]
        {
            let finding = Finding {
                check: "doctor/limit-zero",
                found: Words::new("", ""),
                places: vec![Place { path: "/var/tmp/v28.cache".to_owned(), excerpt: None }],
                mend: None,
                diff: None,
                about: About { config: config.map(str::to_owned), ..About::default() },
            };
            let told = Told::of(&finding, &catalogue, Lang::En);
            let commands: Vec<&str> = told.action.iter().filter_map(|step| step.command.as_deref()).collect();
            assert!(commands.iter().any(|command| command.contains(expected)), "{commands:?}");
        }
    }
}
