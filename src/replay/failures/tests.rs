//! However many findings there are, each is counted once, and what is kept of them stays small.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::correlate::Policy;
use crate::detect::samples;
use crate::model::alert::Context;
use crate::signature::{Catalogue, builtin};

fn detector() -> Detector {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    Detector::new(catalogue, TimeZone::UTC).unwrap()
}

fn failure(second: u64, pid: u64) -> String {
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!(
        "2022-06-24T{hour:02}:{minute:02}:{second:02}Z ERROR ThreadId(07) vc_processors::core::ext::producer: \
         failed to unmarshal response string: 'x'. child_pid={pid}\n"
    )
}

/// What `log` comes to where so many findings are kept, and how many were kept.
fn told(log: &str, sightings_max: usize) -> (Story, usize, usize) {
    let detector = detector();
    let mut failures = Failures::new(&detector, Timestamp::UNIX_EPOCH, None);
    failures.sightings_max = sightings_max;
    for finding in samples::run(&detector, log) {
        let (names, context) = (Names::default(), Context::default());
        let signature = detector.catalogue().get(&finding.signature).unwrap().clone();
        failures.add("a.log", Occurrence { signature, finding, names, ends: false, context });
    }
    let (sightings, strands) = (failures.sightings.len(), failures.strands.len());
    (failures.tell(Policy::default()), sightings, strands)
}

#[test]
fn what_is_alike_and_near_becomes_one_where_there_is_too_much() {
    let log: String = (0..400).map(|second| failure(second * 20, 1)).collect();
    let (story, kept, _) = told(&log, 16);
    assert!(kept < 32, "{kept} are kept");
    let [failure] = &story.failures[..] else { panic!("{} failures", story.failures.len()) };
    let Part { count, first, newest, .. } = &failure.cause;
    assert_eq!((*count, first.line, newest.line), (400, 1, 400));
}

#[test]
fn groups_beyond_the_limit_are_counted_together() {
    let groups = STRANDS_MAX as u64 + 50;
    let log: String = (0..groups).map(|number| failure(number, number)).collect();
    let (story, _, strands) = told(&log, SIGHTINGS_MAX);
    assert_eq!(strands, STRANDS_MAX + 1, "one more for all the rest");
    let part = &story.failures[0].cause;
    assert_eq!(part.count, groups);
    assert_eq!(part.groups[&Fields::new()].count, 50);
}

#[test]
fn a_threshold_that_was_reached_is_reached_where_findings_were_put_together() {
    let detector = detector();
    let page = detector.catalogue().signatures().iter().find(|signature| signature.threshold.is_some());
    let page = page.expect("a built-in page has a threshold");
    let count = page.threshold.unwrap().count;
    let sample =
        page.pages.samples().iter().find(|sample| sample.kind == crate::signature::SampleKind::Fires);
    let finding = samples::run(&detector, &sample.unwrap().text);
    let finding = finding.into_iter().find(|finding| finding.signature == page.id).unwrap();
    for (times, told) in [(count - 1, false), (count, true), (20 * count, true)] {
        let mut failures = Failures::new(&detector, Timestamp::UNIX_EPOCH, None);
        failures.sightings_max = 1;
        for _ in 0..times {
            let (names, context) = (Names::default(), Context::default());
            let signature = detector.catalogue().get(&finding.signature).unwrap().clone();
            let finding = finding.clone();
            failures.add("a.log", Occurrence { signature, finding, names, ends: false, context });
        }
        let story = failures.tell(Policy::default());
        let counted = |part: Option<&Part>| part.map_or(0, |part| part.count);
        let found = counted(story.failures.first().map(|failure| &failure.cause));
        let held = counted(story.held_back.first());
        assert_eq!((found, held), if told { (times, 0) } else { (0, times) }, "{times}");
    }
}
