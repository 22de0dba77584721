//! One failure is one alert: what explains what, and what a state is.

use glob::Pattern;

use super::*;
use crate::signature::{Explains, Until};

/// What happens at a second of the log.
enum Event<'a> {
    /// These are found in one record of the log `path`.
    Found(&'a str, Vec<&'a Arc<Signature>>),
    /// A record of the log ends the state.
    Ends(&'a Arc<Signature>),
    /// Nothing; time passes.
    Tick,
}

use Event::{Ends, Found, Tick};

fn named(id: &str, severity: Severity) -> Signature {
    let blank = Arc::unwrap_or_clone(signature(None));
    Signature { id: id.into(), severity, group_by: vec![], ..blank }
}

fn cause(id: &str, scope: Scope, within: u64, followers: &[&str]) -> Arc<Signature> {
    let signatures = followers.iter().map(|id| Pattern::new(id).unwrap()).collect();
    let explains = vec![Explains { signatures, scope, within: Duration::from_secs(within) }];
    Arc::new(Signature { explains, ..named(id, Severity::Error) })
}

fn plain(id: &str, severity: Severity) -> Arc<Signature> {
    Arc::new(named(id, severity))
}

fn fallback(id: &str) -> Arc<Signature> {
    Arc::new(Signature { fallback: true, ..named(id, Severity::Critical) })
}

fn state(id: &str) -> Arc<Signature> {
    let until = Until { literals: vec![], timeout: Duration::from_secs(86_400) };
    Arc::new(Signature { until: Some(until), ..named(id, Severity::Critical) })
}

/// What is said: second, signature, status, severity, followers, cause.
fn play(events: &[(i64, Event<'_>)]) -> Vec<String> {
    let mut correlator = Correlator::new(Policy::default(), []);
    let mut said = Vec::new();
    for (second, event) in events {
        let now = at(*second);
        let notices = match event {
            Found(path, signatures) => {
                let sightings =
                    signatures.iter().map(|signature| Sighting { path, ..sighting(signature, "1", 1) });
                correlator.observe(sightings.collect(), now)
            }
            Ends(signature) => {
                let ended = Sighting { ends: true, ..sighting(signature, "1", 1) };
                correlator.observe(vec![ended], now)
            }
            Tick => correlator.tick(now),
        };
        for notice in notices {
            let alert = notice.render(&Catalogue::default(), Lang::En, &command::Vars::new());
            let followers = alert.followers.iter().map(|one| format!(" +{}×{}", one.count, one.signature));
            let cause = alert.explained_by.map(|cause| format!(" by {}", cause.signature));
            let (status, signature, severity) = (alert.status.name(), &alert.signature, alert.severity);
            let followers: String = followers.collect();
            said.push(format!(
                "{second} {signature} {status} {severity}{followers}{}",
                cause.unwrap_or_default()
            ));
        }
    }
    said
}

/// A finding in the log `path`, written at this second.
fn dated<'a>(signature: &'a Arc<Signature>, path: &'a str, second: i64) -> Vec<Sighting<'a>> {
    let mut sighting = Sighting { path, ..sighting(signature, "1", 1) };
    let time = crate::model::record::Time { instant: at(second), offset: jiff::tz::Offset::UTC, digits: 0 };
    sighting.finding.near = Some(time);
    vec![sighting]
}

#[test]
fn in_one_record() {
    let specific = plain("gpu/oom", Severity::Error);
    let note = plain("gpu/note", Severity::Info);
    let failed = fallback("w/sealing-failed");
    let funds = cause("chain/funds", Scope::Record, 0, &["chain/gas"]);
    let gas = plain("chain/gas", Severity::Error);
    let (one, two) = (cause("c/one", Scope::Record, 0, &["c/*"]), cause("c/two", Scope::Record, 0, &["c/*"]));
    for (found, expected) in [
        (vec![&failed], vec!["0 w/sealing-failed firing critical"]),
        (vec![&failed, &specific], vec!["0 gpu/oom firing critical +1×w/sealing-failed"]),
        (vec![&note, &failed], vec!["0 gpu/note firing info", "0 w/sealing-failed firing critical"]),
        (vec![&gas, &funds], vec!["0 chain/funds firing error +1×chain/gas"]),
        (vec![&gas, &funds, &failed], vec!["0 chain/funds firing critical +1×chain/gas +1×w/sealing-failed"]),
        (vec![&gas, &specific], vec!["0 chain/gas firing error", "0 gpu/oom firing error"]),
        (vec![&one, &two], vec!["0 c/one firing error +1×c/two"]),
    ] {
        let ids: Vec<_> = found.iter().map(|signature| signature.id.to_string()).collect();
        let mut said = play(&[(0, Found("a", found))]);
        said.sort();
        assert_eq!(said, expected, "{ids:?}");
    }
}

#[test]
fn in_one_log_for_a_while() {
    let panic = cause("r/panic", Scope::Process, 5, &["w/child-exited", "r/poisoned"]);
    let poisoned = cause("r/poisoned", Scope::Process, 5, &["w/later"]);
    let (child, later) = (plain("w/child-exited", Severity::Error), plain("w/later", Severity::Error));
    let followed = play(&[
        (0, Found("a", vec![&panic])),
        (3, Found("a", vec![&child])),
        (4, Found("b", vec![&child])),
        (6, Found("a", vec![&child])),
        (3600, Tick),
    ]);
    assert_eq!(
        followed,
        [
            "0 r/panic firing error",
            "4 w/child-exited firing error",
            "3600 r/panic resolved error +1×w/child-exited",
            "3600 w/child-exited resolved error",
        ],
        "another log and a later time are other failures"
    );
    let chain = play(&[
        (0, Found("a", vec![&panic])),
        (4, Found("a", vec![&poisoned])),
        (8, Found("a", vec![&later])),
        (3600, Tick),
    ]);
    let told = "3600 r/panic resolved error +1×r/poisoned +1×w/later";
    assert_eq!(chain, ["0 r/panic firing error", told], "followers of followers belong to the first");
}

#[test]
fn a_fallback_waits_for_nothing_but_knows_what_was_found_before() {
    let (specific, warning) = (plain("gpu/oom", Severity::Error), plain("w/ping", Severity::Warning));
    let failed = fallback("w/sealing-failed");
    for (before, seconds, expected) in [
        (&specific, 5, vec!["0 gpu/oom firing error", "5 gpu/oom firing critical +1×w/sealing-failed"]),
        (&specific, 6, vec!["0 gpu/oom firing error", "6 w/sealing-failed firing critical"]),
        (&warning, 1, vec!["0 w/ping firing warning", "1 w/sealing-failed firing critical"]),
    ] {
        let said = play(&[(0, Found("a", vec![before])), (seconds, Found("a", vec![&failed]))]);
        assert_eq!(said, expected, "a graver effect is told at once");
    }
}

#[test]
fn on_one_box_also_when_the_cause_is_read_late() {
    let oom = cause("kernel/oom", Scope::Host, 60, &["w/*"]);
    let child = plain("w/child-exited", Severity::Error);
    let early = play(&[(0, Found("kern", vec![&oom])), (59, Found("a", vec![&child])), (1000, Tick)]);
    assert_eq!(early, ["0 kernel/oom firing error", "1000 kernel/oom resolved error +1×w/child-exited"]);

    let mut correlator = Correlator::new(Policy::default(), []);
    assert_eq!(correlator.observe(dated(&child, "a", 10), at(11)).len(), 1);
    let late = correlator.observe(dated(&oom, "kern", 9), at(12)).remove(0);
    let late = late.render(&Catalogue::default(), Lang::En, &command::Vars::new());
    assert_eq!(late.followers[0].signature, "w/child-exited");
    assert!(correlator.tick(at(890)).is_empty(), "what is explained is not repeated");
    let resolved = correlator.tick(at(920));
    let told = |notice: &Notice| notice.render(&Catalogue::default(), Lang::En, &command::Vars::new());
    let cause = resolved.iter().filter_map(|notice| told(notice).explained_by).next().unwrap();
    assert_eq!((resolved.len(), &*cause.signature), (2, "kernel/oom"));
}

/// It was told at the first of its findings, which the cause does not explain.
#[test]
fn what_began_before_its_cause_is_an_alert_of_its_own() {
    let oom = cause("kernel/oom", Scope::Host, 60, &["w/*"]);
    let child = plain("w/child-exited", Severity::Error);
    for (seconds, followers) in [([100, 130], 1), ([10, 100], 0), ([100, 170], 0)] {
        let mut correlator = Correlator::new(Policy::default(), []);
        for second in seconds {
            correlator.observe(dated(&child, "a", second), at(200));
        }
        let [late] = &correlator.observe(dated(&oom, "kern", 99), at(201))[..] else { panic!("an alert") };
        let alert = late.render(&Catalogue::default(), Lang::En, &command::Vars::new());
        assert_eq!(alert.followers.len(), followers, "{seconds:?}");
    }
}

/// What was read before, not what was written before: a log may be read long after it was written.
#[test]
fn a_cause_is_known_for_ten_minutes_after_it_was_read() {
    let panic = cause("r/panic", Scope::Process, 5, &["w/child-exited"]);
    let oom = cause("kernel/oom", Scope::Host, 60, &["w/child-exited"]);
    let child = plain("w/child-exited", Severity::Error);
    for (cause, path) in [(&panic, "a"), (&oom, "kern")] {
        for (read, told) in [(1, 0), (600, 0), (601, 1)] {
            let mut correlator = Correlator::new(Policy::default(), []);
            correlator.observe(dated(cause, path, 0), at(0));
            assert!(correlator.tick(at(read)).is_empty());
            let notices = correlator.observe(dated(&child, "a", 3), at(read));
            assert_eq!(notices.len(), told, "{} read {read} s before", cause.id);
        }
    }
}

#[test]
fn a_cause_below_its_threshold_silences_nobody() {
    let threshold = Some(Threshold { count: 3, within: Duration::from_secs(60) });
    let signature = cause("r/cause", Scope::Process, 5, &["w/effect"]);
    let few = Arc::new(Signature { threshold, ..Arc::unwrap_or_clone(signature) });
    let effect = plain("w/effect", Severity::Error);
    let said = play(&[(0, Found("a", vec![&few])), (1, Found("a", vec![&effect]))]);
    assert_eq!(said, ["1 w/effect firing error"]);
}

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
        ["0 w/paused firing critical", "86400 w/paused resolved critical"],
        "an end that nobody saw"
    );
}

#[test]
fn a_state_that_outlasts_its_cause_is_told_after_a_while() {
    let paused = state("w/paused");
    let oom = cause("gpu/oom", Scope::Process, 5, &["w/paused"]);
    let begin = || [(0, Found("a", vec![&oom])), (1, Found("a", vec![&paused]))];
    let short =
        begin().into_iter().chain([(61, Found("a", vec![&paused])), (90, Ends(&paused)), (3700, Tick)]);
    assert_eq!(
        play(&short.collect::<Vec<_>>()),
        [
            "0 gpu/oom firing error",
            "1 gpu/oom firing critical +1×w/paused",
            "3700 gpu/oom resolved critical +1×w/paused"
        ]
    );
    let long = begin().into_iter().chain([(61, Found("a", vec![&paused])), (1000, Tick), (3700, Tick)]);
    assert_eq!(
        play(&long.collect::<Vec<_>>())[2..],
        [
            "1000 gpu/oom resolved critical +1×w/paused".to_owned(),
            "3700 w/paused firing critical by gpu/oom".to_owned()
        ]
    );
}

#[test]
fn a_follower_does_not_turn_its_cause_into_a_follower() {
    let panic = Arc::new(Signature {
        fallback: true,
        ..(*cause("r/panic", Scope::Process, 5, &["r/poisoned"])).clone()
    });
    let poisoned = plain("r/poisoned", Severity::Error);
    let said = play(&[
        (0, Found("a", vec![&panic, &poisoned])),
        (2, Found("a", vec![&panic, &poisoned])),
        (1000, Tick),
    ]);
    assert_eq!(said, ["0 r/poisoned firing error +1×r/panic", "1000 r/poisoned resolved error +2×r/panic"]);
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
