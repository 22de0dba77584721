//! What makes it red, amber or green, as a table.

use super::*;

fn well() -> Facts {
    Facts {
        healthy: Ok(()),
        ready: true,
        open: Some(BTreeMap::new()),
        sources: vec![source()],
        sinks: vec![sink()],
    }
}

fn source() -> SourceState {
    SourceState {
        name: "worker".to_owned(),
        files: 3,
        unread: 0,
        lag: Duration::from_secs(1),
        fileless_for: None,
        silent_for: Some(Duration::from_secs(3_600)),
        patience: Duration::from_secs(3_600),
    }
}

fn sink() -> SinkState {
    SinkState { name: "ops".to_owned(), waiting: 100, delivered: 7, ..SinkState::default() }
}

/// What `change` makes of a box on which all is well: the verdict, and the names of its reasons.
fn judged(change: impl FnOnce(&mut Facts)) -> (Verdict, Vec<&'static str>) {
    let mut facts = well();
    change(&mut facts);
    let reasons = reasons(&facts);
    for reason in &reasons {
        assert!(Lang::ALL.iter().all(|lang| !reason.words(*lang).is_empty()));
    }
    (verdict(&reasons), reasons.iter().map(Reason::name).collect())
}

#[test]
fn each_thing_that_is_wrong_has_its_colour() {
    use Verdict::{Amber, Green, Red};
    type Change = fn(&mut Facts);
    let open = |facts: &mut Facts, severity| facts.open = Some([(severity, 1)].into());
    let seconds = Duration::from_secs;
    let cases: &[(Change, Verdict, &[&str])] = &[
        (|_| {}, Green, &[]),
        (|facts| facts.healthy = Err("reading stands still".to_owned()), Red, &["unhealthy"]),
        (|facts| facts.ready = false, Amber, &["not-ready"]),
        (|facts| facts.open = None, Amber, &["alerts-unknown"]),
        (|facts| facts.sources[0].lag = Duration::from_secs(3_600), Green, &[]),
        (|facts| facts.sinks[0].parked = true, Red, &["sink-parked"]),
        (|facts| facts.sinks[0].failing = true, Amber, &["sink-failing"]),
        (|facts| facts.sinks[0].dead = 1, Amber, &["dead-letters"]),
        (|facts| facts.sinks[0].waiting = 101, Amber, &["messages-waiting"]),
    ];
    for (change, expected, names) in cases {
        assert_eq!(judged(change), (*expected, names.to_vec()));
    }
    for (severity, expected) in [
        (Severity::Info, Green),
        (Severity::Warning, Amber),
        (Severity::Error, Red),
        (Severity::Critical, Red),
    ] {
        assert_eq!(judged(|facts| open(facts, severity)).0, expected, "{severity}");
    }
    for (fileless, expected) in [(0, Amber), (599, Amber), (600, Red)] {
        let change = |facts: &mut Facts| facts.sources[0].fileless_for = Some(seconds(fileless));
        assert_eq!(judged(change), (expected, vec!["source-no-file"]), "{fileless} s");
    }
    for (lag, expected) in [(59, Green), (60, Amber), (299, Amber), (300, Red)] {
        let change = |facts: &mut Facts| {
            facts.sources[0].unread = 1;
            facts.sources[0].lag = seconds(lag);
        };
        assert_eq!(judged(change).0, expected, "{lag} s");
    }
    for (silent, expected) in [(None, Green), (Some(3_600), Green), (Some(3_601), Amber)] {
        let change = |facts: &mut Facts| facts.sources[0].silent_for = silent.map(seconds);
        assert_eq!(judged(change).0, expected, "{silent:?} s");
    }
}

/// The box of which the page once said that all was well.
#[test]
fn one_red_thing_makes_the_page_red_and_stands_first() {
    let (verdict, names) = judged(|facts| {
        facts.open = Some([(Severity::Warning, 20), (Severity::Error, 42)].into());
        facts.sources.push(SourceState { fileless_for: Some(Duration::from_secs(5)), files: 0, ..source() });
        facts.sinks[0].dead = 3;
        facts.sinks.push(SinkState { parked: true, failing: true, ..sink() });
    });
    assert_eq!(verdict, Verdict::Red);
    let expected = ["open-alerts", "sink-parked", "open-alerts", "source-no-file", "dead-letters"];
    assert_eq!(names, expected);
}
