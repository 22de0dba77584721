//! What a state is, and how long what it follows from lasts.

use super::causes::Event::{self, Ends, Found, Tick};
use super::causes::{cause_by, explains, plain, play, state};
use super::*;
use crate::model::record::Evidence;
use crate::signature::Scope;

#[test]
fn a_state_lasts_until_a_record_ends_it() {
    let (paused, failed) = (state("w/paused"), plain("gpu/oom", Severity::Error));
    let other = Ends(&failed);
    let alone = play(&[
        (0, Found("a", vec![&paused])),
        (10, other),
        (2000, Tick),
        (3600, Tick),
        (5000, Ends(&paused)),
        (5001, Ends(&paused)),
        (9000, Tick),
    ]);
    assert_eq!(
        alone,
        ["0 w/paused firing critical", "3600 w/paused firing critical", "5000 w/paused resolved critical"]
    );
    assert_eq!(
        play(&[(0, Found("a", vec![&paused])), (86_399, Ends(&failed)), (86_400, Tick)]),
        ["0 w/paused firing critical", "86400 w/paused quiet critical"],
        "an end that nobody saw"
    );
}

/// A thread says every minute that it waits: its cause is not over, and its end is that of the cause.
#[test]
fn a_cause_lasts_as_long_as_the_state_that_follows_from_it() {
    let paused = state("w/paused");
    let oom = cause_by("gpu/oom", &[Evidence::Thread], &["w/paused"]);
    let begin = [(0, Found("a:4", vec![&oom])), (1, Found("a:4", vec![&paused]))];
    let waits = (1..70).map(|minute| (minute * 60, Found("a:4", vec![&paused])));
    let ticks = [(1_000, Tick), (3_700, Tick)];
    let said = |end: Vec<(i64, Event<'_>)>| {
        let mut events: Vec<_> = begin
            .iter()
            .map(|(second, event)| match event {
                Found(place, found) => (*second, Found(place, found.clone())),
                Ends(state) => (*second, Ends(state)),
                Tick => (*second, Tick),
            })
            .collect();
        events.extend(end);
        play(&events)
    };
    assert_eq!(
        said(waits.chain(ticks).chain([(4_201, Ends(&paused)), (9_999, Tick)]).collect()),
        [
            "0 gpu/oom firing error",
            "1 gpu/oom firing critical +1×w/paused",
            "3700 gpu/oom firing critical +70×w/paused",
            "4201 gpu/oom resolved critical +70×w/paused",
        ],
        "neither quiet nor told apart, and over when the thread goes on"
    );
    assert_eq!(
        said(vec![(5, Ends(&paused)), (899, Tick), (9_999, Tick)])[2..],
        ["9999 gpu/oom quiet critical +1×w/paused"],
        "another thread may not have said yet that it waits"
    );
    assert_eq!(
        said(vec![(2_000, Tick), (3_601, Tick), (86_401, Tick), (90_000, Tick)])[2..],
        [
            "3601 gpu/oom firing critical +1×w/paused",
            "86401 gpu/oom firing critical +1×w/paused",
            "90000 gpu/oom quiet critical +1×w/paused"
        ],
        "an end that nobody saw is no good news"
    );
}

#[test]
fn a_state_whose_cause_ends_before_it_is_told() {
    let paused = state("w/paused");
    let mut down = Signature {
        explains: vec![explains(Scope::Process, 5, &[Evidence::Process], &["w/paused"])],
        ..(*state("chain/down")).clone()
    };
    down.severity = Severity::Critical;
    let down = Arc::new(down);
    let said = play(&[
        (0, Found("a", vec![&down])),
        (1, Found("a", vec![&paused])),
        (60, Ends(&down)),
        (70, Ends(&paused)),
    ]);
    assert_eq!(
        said,
        [
            "0 chain/down firing critical",
            "60 chain/down resolved critical +1×w/paused",
            "60 w/paused firing critical by chain/down",
            "70 w/paused resolved critical by chain/down",
        ]
    );
}

#[test]
fn followers_keep_their_cause_open() {
    let (cause, effect) =
        (cause_by("r/cause", &[Evidence::Process], &["w/*"]), plain("w/effect", Severity::Error));
    let again = |second| (second, Found("a", vec![&cause]));
    let said = play(&[
        again(0),
        (4, Found("a", vec![&effect])),
        (800, Found("b", vec![&plain("w/other", Severity::Error)])),
        (903, Tick),
        (904, Tick),
    ]);
    assert_eq!(said[1..], ["800 w/other firing error", "904 r/cause quiet error +1×w/effect"]);
}

/// In whatever order they were found.
#[test]
fn a_record_ends_states_before_it_opens_any() {
    let down = state("chain/disconnected");
    let found = sighting(&down, "1", 1);
    let ended = Sighting { ends: true, ..found.clone() };
    for record in [[found.clone(), ended.clone()], [ended, found.clone()]] {
        let mut correlator = Correlator::new(Policy::default(), []);
        correlator.observe(vec![found.clone()], at(0));
        let notices = correlator.observe(record.to_vec(), at(1));
        let said: Vec<_> = notices.iter().map(|notice| said(notice).0).collect();
        assert_eq!(said, ["resolved", "firing"]);
        assert!(correlator.has_state("worker"));
    }
}
