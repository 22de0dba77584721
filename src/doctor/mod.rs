//! The doctor: what on the box and in the worker's configuration is known to stop sealing, found
//! before a log line says so.
//!
//! [`collect`] reads facts from a root folder, `/` or a collected bundle, and changes nothing. The
//! checks are pure: [`examine`] takes [`Facts`] and gives a [`Report`]. Each check has a page in the
//! catalogue, which says how grave it is, why it matters and what to do; the code says only what was
//! found, where, and which lines would mend it. A check that lacks its facts says so: it is never
//! silent about what it could not see.

mod build;
mod checks;
pub mod collect;
pub mod confirm;
pub mod cpus;
mod diff;
pub mod facts;
mod keys;
pub mod report;
mod syntax;
mod topology;
mod words;
mod worker;

pub use self::checks::{CHECKS, Check};
pub use self::diff::{Diff, Edit};
pub use self::facts::Facts;
pub use self::topology::{Cpu, Topology};
pub use self::words::Words;
pub use self::worker::Worker;

use std::collections::BTreeSet;

use self::checks::Run;
use self::facts::{ConfigFile, Known};
use crate::base::diagnostic::Excerpt;
use crate::model::record::Names;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Id of the check, `doctor/<name>`.
    pub check: &'static str,
    /// What was found.
    pub found: Words,
    /// Where: the first is the one to look at.
    pub places: Vec<Place>,
    /// What would mend it, beyond what the page says.
    pub mend: Option<Words>,
    /// The lines that would mend it.
    pub diff: Option<Diff>,
    /// What it is about.
    pub about: About,
}

/// What a finding is about: what commands that mend it have to name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The worker's configuration.
    pub config: Option<String>,
    /// The programs, as they are called on the box.
    pub names: Names,
}

/// A file, and the line in it if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: String,
    /// The line in it.
    pub excerpt: Option<Excerpt>,
}

/// What a check could not look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    /// Id of the check.
    pub check: &'static str,
    /// Why not.
    pub why: Words,
}

/// What an examination came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was found, in the order of the checks.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub unchecked: Vec<Unchecked>,
    /// Checks that looked at all they wanted and found nothing.
    pub fine: Vec<&'static str>,
}

/// Runs every check over `facts`.
pub fn examine(facts: &Facts) -> Report {
    examine_with(facts, |_| true)
}

/// Runs the checks whose id `wanted` accepts.
pub fn examine_with(facts: &Facts, wanted: impl Fn(&str) -> bool) -> Report {
    let mut report = Report::default();
    let workers: Vec<Known<Worker<'_>>> = facts.configs.iter().map(Worker::read).collect();
    for check in CHECKS.iter().filter(|check| wanted(check.id)) {
        let mut outcome = Outcome::of(check.id);
        match check.run {
            Run::Box(run) => {
                outcome.about = About::of_box(facts);
                run(facts, &mut outcome);
            }
            Run::File(run) => {
                for file in &facts.configs {
                    outcome.about = About::of_worker(file, facts);
                    run(file, &mut outcome);
                }
                if facts.configs.is_empty() {
                    outcome.unknown(no_configuration());
                }
            }
            Run::Worker(run) => {
                for (worker, file) in workers.iter().zip(&facts.configs) {
                    outcome.about = About::of_worker(file, facts);
                    match worker {
                        Ok(worker) => run(worker, facts, &mut outcome),
                        Err(why) => outcome.unknown(why.clone()),
                    }
                }
                if workers.is_empty() {
                    outcome.unknown(no_configuration());
                }
            }
        }
        outcome.close(&mut report);
    }
    one_way_out(&mut report.findings);
    report
}

/// Of diffs that leave a line in different ways only the first is offered.
fn one_way_out(findings: &mut [Finding]) {
    for at in 1..findings.len() {
        let (before, from) = findings.split_at_mut(at);
        let mut earlier = before.iter().filter_map(|finding| finding.diff.as_ref());
        let finding = &mut from[0];
        if finding.diff.as_ref().is_some_and(|diff| earlier.any(|other| diff.contradicts(other))) {
            finding.diff = None;
        }
    }
}

impl About {
    /// The box as a whole.
    fn of_box(facts: &Facts) -> About {
        About { config: None, names: names(facts, None) }
    }

    /// The worker of a configuration.
    fn of_worker(file: &ConfigFile, facts: &Facts) -> About {
        About { config: Some(file.path.clone()), names: names(facts, file.program.as_deref()) }
    }
}

/// The names of the programs, where it is plain which ones are meant.
fn names(facts: &Facts, worker: Option<&str>) -> Names {
    let running = facts.processes.iter().flatten().map(|process| &*process.program);
    let (workers, managers): (BTreeSet<&str>, BTreeSet<&str>) =
        running.partition(|program| program.ends_with("-worker"));
    let only = |programs: BTreeSet<&str>| {
        programs.first().filter(|_| programs.len() == 1).map(|one| (*one).to_owned())
    };
    let worker = worker.map(str::to_owned).or_else(|| only(workers));
    Names { worker, manager: only(managers), release: None }.paired()
}

fn no_configuration() -> Words {
    Words::new(
        "no worker configuration is known: name it with --worker-config",
        "没有找到 worker 的配置：请用 --worker-config 指定",
    )
}

/// What one check says.
#[derive(Debug)]
pub struct Outcome {
    check: &'static str,
    about: About,
    findings: Vec<Finding>,
    unchecked: Vec<Words>,
}

impl Outcome {
    fn of(check: &'static str) -> Outcome {
        Outcome { check, about: About::default(), findings: Vec::new(), unchecked: Vec::new() }
    }

    /// Something was found; what is returned takes places and ways out.
    fn found(&mut self, en: impl Into<String>, zh: impl Into<String>) -> &mut Finding {
        self.findings.push(Finding {
            check: self.check,
            found: Words::new(en, zh),
            places: Vec::new(),
            mend: None,
            diff: None,
            about: self.about.clone(),
        });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Something could not be looked at.
    fn unknown(&mut self, why: Words) {
        if !self.unchecked.contains(&why) {
            self.unchecked.push(why);
        }
    }

    /// The fact, or `None` and the word that it is not known.
    fn needs<'f, T>(&mut self, fact: &'f Known<T>) -> Option<&'f T> {
        match fact {
            Ok(fact) => Some(fact),
            Err(why) => {
                self.unknown(why.clone());
                None
            }
        }
    }

    fn close(self, report: &mut Report) {
        if self.findings.is_empty() && self.unchecked.is_empty() {
            report.fine.push(self.check);
        }
        report.findings.extend(self.findings);
        let check = self.check;
        report.unchecked.extend(self.unchecked.into_iter().map(|why| Unchecked { check, why }));
    }
}

impl Finding {
    fn at(&mut self, worker: &Worker<'_>, span: &std::ops::Range<usize>) -> &mut Finding {
        self.places.push(worker.place(span));
        self
    }

    fn file(&mut self, path: impl Into<String>) -> &mut Finding {
        self.places.push(Place { path: path.into(), excerpt: None });
        self
    }

    fn mend(&mut self, en: impl Into<String>, zh: impl Into<String>) -> &mut Finding {
        self.mend = Some(Words::new(en, zh));
        self
    }

    fn diff(&mut self, diff: Option<Diff>) -> &mut Finding {
        self.diff = diff;
        self
    }
}
