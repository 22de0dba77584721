//! Confirms the cause of an alert on the box: what a check finds whose page `confirms` the alert's
//! signature.
//!
//! The examination runs in a thread of its own, since a disk may hang. An alert waits for it, but not
//! long, and never twice for one that did not come; then it goes out without. Nothing here fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::collect::{self, Request};
use super::report::short;
use super::{Finding, Report, examine_with};
use crate::base::text::{clean_line, cut};
use crate::model::alert::{Confirmed, Lang};
use crate::model::redact::redact;
use crate::signature::Catalogue;

/// An alert waits so long for an examination, which takes milliseconds where nothing hangs.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// What was seen so lately is not looked at again: alerts come in swarms.
const FRESH: Duration = Duration::from_secs(30);
/// An alert carries so many confirmations, …
const CONFIRMED_MAX: usize = 5;
/// … each no longer than this.
const TEXT_CHARS_MAX: usize = 500;

/// Asks the doctor about alerts.
#[derive(Debug)]
pub struct Confirmer {
    ask: Sender<()>,
    answers: Receiver<Arc<Report>>,
    /// When the answer was asked for that is outstanding.
    asked: Option<Instant>,
    last: Option<(Instant, Arc<Report>)>,
}

/// What confirms an alert.
#[derive(Debug)]
pub struct Cause {
    findings: Vec<Finding>,
}

impl Confirmer {
    /// Starts the thread that examines what `request` names, whenever it is asked.
    pub fn start(request: Request) -> Confirmer {
        Confirmer::with(move || collect::collect(&request).ok().map(|facts| examine_with(&facts, |_| true)))
    }

    fn with(examine: impl Fn() -> Option<Report> + Send + 'static) -> Confirmer {
        let (ask, asks) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let work = move || {
            while asks.recv().is_ok() {
                // One that breaks says nothing; the next one may.
                let report = catch_unwind(AssertUnwindSafe(&examine)).ok().flatten();
                let report = Arc::new(report.unwrap_or_default());
                if answer.send(report).is_err() {
                    break;
                }
            }
        };
        // Without a thread nobody answers, and alerts go out as they are.
        if let Err(error) = thread::Builder::new().name("doctor".to_owned()).spawn(work) {
            tracing::warn!("cannot examine the causes of alerts: {error}");
        }
        Confirmer { ask, answers, asked: None, last: None }
    }

    /// What on the box is a cause of an alert of `signature`, if some check may tell.
    pub fn cause(&mut self, signature: &str, catalogue: &Catalogue) -> Option<Cause> {
        let confirms = |id: &str| {
            let check = catalogue.get(id).and_then(|page| page.check.as_ref());
            check.is_some_and(|check| check.confirms.iter().any(|pattern| pattern.matches(signature)))
        };
        if !super::CHECKS.iter().any(|check| confirms(check.id)) {
            return None;
        }
        let report = self.report()?;
        let findings = report.findings.iter().filter(|finding| confirms(finding.check));
        Some(Cause { findings: findings.take(CONFIRMED_MAX).cloned().collect() })
    }

    /// A fresh report, if one can be had in time.
    fn report(&mut self) -> Option<Arc<Report>> {
        if let Some((_, report)) = self.last.as_ref().filter(|(seen, _)| seen.elapsed() < FRESH) {
            return Some(report.clone());
        }
        if let Some(asked) = self.asked {
            // It is overdue, and nobody waits for it again; it may have come by now, and be of use.
            let late = self.answers.try_recv().ok()?;
            self.asked = None;
            if asked.elapsed() < FRESH {
                return Some(self.keep(asked, late));
            }
        }
        let asked = Instant::now();
        self.ask.send(()).ok()?;
        match self.answers.recv_timeout(WAIT_MAX) {
            Ok(report) => Some(self.keep(asked, report)),
            Err(RecvTimeoutError::Timeout) => {
                tracing::debug!("the doctor did not answer in time");
                self.asked = Some(asked);
                None
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn keep(&mut self, asked: Instant, report: Arc<Report>) -> Arc<Report> {
        self.last = Some((asked, report.clone()));
        report
    }
}

impl Cause {
    /// The confirmations in `lang`.
    pub fn in_lang(&self, lang: Lang) -> Vec<Confirmed> {
        let confirmed = |finding: &Finding| {
            let place = finding.places.first().map(|place| match lang {
                Lang::En => format!(" ({})", short(place)),
                Lang::Zh => format!("（{}）", short(place)),
            });
            let found = clean_line(&redact(finding.found.in_lang(lang)));
            let text = cut(&found, TEXT_CHARS_MAX) + &place.unwrap_or_default();
            Confirmed { check: finding.check.to_owned(), text }
        };
        self.findings.iter().map(confirmed).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::doctor::About;
    use crate::signature::builtin;

    const SIGNATURE: &str = "venus-cluster/pc1-cpuset-cache-mismatch";

    fn catalogue() -> Catalogue {
        Catalogue::load(builtin::pages(), &[]).0
    }

    fn report() -> Report {
        let found = super::super::Words::new("it is so", "确实如此");
        let finding = |check| Finding {
            check,
            found: found.clone(),
            places: vec![],
            mend: None,
            diff: None,
            about: About::default(),
        };
        Report {
            findings: vec![finding("doctor/cpuset-l3"), finding("doctor/gpu-idle")],
            ..Report::default()
        }
    }

    #[test]
    fn only_what_confirms_the_signature_is_told() {
        let mut confirmer = Confirmer::with(|| Some(report()));
        let cause = confirmer.cause(SIGNATURE, &catalogue()).unwrap();
        let told = cause.in_lang(Lang::Zh);
        assert_eq!(told.len(), 1);
        assert_eq!((&*told[0].check, &*told[0].text), ("doctor/cpuset-l3", "确实如此"));
        assert!(confirmer.cause("venus-cluster/ext-unmarshal-response", &catalogue()).is_none());
    }

    #[test]
    fn what_breaks_or_hangs_gives_no_confirmation_and_is_waited_for_once() {
        let times = AtomicU32::new(0);
        let mut broken = Confirmer::with(move || match times.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("broken on purpose"),
            _ => Some(report()),
        });
        assert!(broken.report().unwrap().findings.is_empty());
        broken.last = None;
        assert_eq!(broken.report().unwrap().findings.len(), 2, "the next one is answered");

        let (release, held) = mpsc::channel::<()>();
        let mut hanging = Confirmer::with(move || {
            let _ = held.recv();
            Some(report())
        });
        assert!(hanging.cause(SIGNATURE, &catalogue()).is_none());
        assert!(hanging.asked.is_some());
        // A second question is not put before the first is answered.
        assert!(hanging.cause(SIGNATURE, &catalogue()).is_none());
        drop(release);
        let late = hanging.answers.recv().unwrap();
        assert_eq!(late.findings.len(), 2);
        assert!(hanging.answers.try_recv().is_err());
    }
}
