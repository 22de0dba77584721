//! One failure is one alert: what explains what, and what a state is.

use glob::Pattern;

use super::*;
use crate::model::record::Evidence;
use crate::signature::{Explains, Scope, Until};

/// What happens at a second of the log.
pub(super) enum Event<'a> {
    /// These are found in one record of the log, or `log:worker` where a thread of a worker wrote it.
    Found(&'a str, Vec<&'a Arc<Signature>>),
    /// A record of the log ends the state.
    Ends(&'a Arc<Signature>),
    /// Nothing; time passes.
    Tick,
}

use Event::{Ends, Found, Tick};

pub(super) fn named(id: &str, severity: Severity) -> Signature {
    let blank = Arc::unwrap_or_clone(signature(None));
    Signature { id: id.into(), severity, group_by: vec![], ..blank }
}

pub(super) fn explains(scope: Scope, within: u64, by: &[Evidence], followers: &[&str]) -> Explains {
    let signatures = followers.iter().map(|id| Pattern::new(id).unwrap()).collect();
    Explains { signatures, scope, within: Duration::from_secs(within), by: by.to_vec() }
}

pub(super) fn cause_by(id: &str, by: &[Evidence], followers: &[&str]) -> Arc<Signature> {
    let explains = vec![explains(Scope::Process, 5, by, followers)];
    Arc::new(Signature { explains, ..named(id, Severity::Error) })
}

/// A cause of all that comes soon enough after it.
fn cause(id: &str, scope: Scope, within: u64, followers: &[&str]) -> Arc<Signature> {
    let explains = vec![explains(scope, within, &[Evidence::Process, Evidence::Box], followers)];
    Arc::new(Signature { explains, ..named(id, Severity::Error) })
}

pub(super) fn plain(id: &str, severity: Severity) -> Arc<Signature> {
    Arc::new(named(id, severity))
}

pub(super) fn fallback(id: &str) -> Arc<Signature> {
    Arc::new(Signature { fallback: true, ..named(id, Severity::Critical) })
}

pub(super) fn state(id: &str) -> Arc<Signature> {
    let until = Until { literals: vec![], timeout: Duration::from_secs(86_400) };
    Arc::new(Signature { until: Some(until), ..named(id, Severity::Critical) })
}

/// What is said: second, signature, status, severity, followers, cause.
pub(super) fn play(events: &[(i64, Event<'_>)]) -> Vec<String> {
    let mut correlator = Correlator::new(Policy::default(), []);
    let mut said = Vec::new();
    for (line, (second, event)) in (1..).zip(events) {
        let now = at(*second);
        let notices = match event {
            Found(place, signatures) => {
                let (path, worker) = place.split_once(':').unwrap_or((place, ""));
                let sightings = signatures.iter().map(|signature| {
                    let mut sighting = Sighting { path, ..sighting(signature, "1", line) };
                    sighting.finding.identity.module = (!worker.is_empty()).then(|| worker.to_owned());
                    sighting
                });
                correlator.observe(sightings.collect(), now)
            }
            Ends(signature) => {
                let ended = Sighting { ends: true, ..sighting(signature, "1", line) };
                correlator.observe(vec![ended], now)
            }
            Tick => correlator.tick(now),
        };
        said.extend(notices.iter().map(|notice| format!("{second} {}", shown(notice))));
    }
    said
}

/// What a notice says: signature, status, severity, followers, cause.
pub(super) fn shown(notice: &Notice) -> String {
    let alert = notice.render(&Catalogue::default(), Lang::En, &command::Vars::new());
    let followers = alert.followers.iter().map(|one| format!(" +{}×{}", one.count, one.signature));
    let cause = alert.explained_by.iter().map(|cause| format!(" by {}", cause.signature));
    let possible = alert.possible_causes.iter().map(|cause| format!(" perhaps by {}", cause.signature));
    let (signature, severity) = (&alert.signature, alert.severity);
    let status = if alert.quiet { "quiet" } else { alert.status.name() };
    let rest: String = followers.chain(cause).chain(possible).collect();
    format!("{signature} {status} {severity}{rest}")
}

/// A finding in the log `path`, written at this second.
fn dated<'a>(signature: &'a Arc<Signature>, path: &'a str, second: i64) -> Vec<Sighting<'a>> {
    let mut sighting = Sighting { path, ..sighting(signature, "1", second as u64) };
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
            "3600 r/panic quiet error +1×w/child-exited",
            "3600 w/child-exited quiet error",
        ],
        "another log and a later time are other failures"
    );
    let chain = play(&[
        (0, Found("a", vec![&panic])),
        (4, Found("a", vec![&poisoned])),
        (8, Found("a", vec![&later])),
        (3600, Tick),
    ]);
    let told = "3600 r/panic quiet error +1×r/poisoned +1×w/later";
    assert_eq!(chain, ["0 r/panic firing error", told], "followers of followers belong to the first");
}

#[test]
fn a_fallback_waits_for_nothing_but_knows_what_was_found_before() {
    let (specific, warning) = (plain("gpu/oom", Severity::Error), plain("w/ping", Severity::Warning));
    let failed = fallback("w/sealing-failed");
    let apart = "5 w/sealing-failed firing critical perhaps by gpu/oom";
    for (before, place, seconds, expected) in [
        (&specific, "a:4", 5, "5 gpu/oom firing critical +1×w/sealing-failed"),
        (&specific, "a:4", 6, "6 w/sealing-failed firing critical"),
        (&specific, "a:3", 5, apart),
        (&specific, "a", 5, apart),
        (&specific, "b:4", 5, "5 w/sealing-failed firing critical"),
        (&warning, "a:4", 1, "1 w/sealing-failed firing critical"),
    ] {
        let said = play(&[(0, Found("a:4", vec![before])), (seconds, Found(place, vec![&failed]))]);
        assert_eq!(said[1..], [expected], "a graver effect is told at once");
    }
}

/// Somebody who was told of a cause an hour ago does not know that another thread stands still.
#[test]
fn a_critical_follower_of_an_old_message_is_told_at_once() {
    let oom = Arc::new(Signature { severity: Severity::Critical, ..named("gpu/oom", Severity::Critical) });
    let (failed, post) = (fallback("w/sealing-failed"), plain("post/failed", Severity::Critical));
    let limit = cause_by("w/open-files", &[Evidence::Process], &["post/*"]);
    for (seconds, told) in [(60, vec![]), (121, vec!["121 w/sealing-failed firing critical by gpu/oom"])] {
        let said = play(&[
            (0, Found("a:4", vec![&oom])),
            (seconds, Found("a:4", vec![&oom])),
            (seconds, Found("a:4", vec![&failed])),
        ]);
        assert_eq!(said[1..], told, "what merely failed belongs to a message of just now");
    }
    let mut said = play(&[
        (0, Found("a", vec![&limit])),
        (2, Found("a", vec![&post])),
        (3, Found("a", vec![&post, &limit])),
        (1000, Tick),
    ]);
    said[2..].sort_unstable();
    assert_eq!(
        said,
        [
            "0 w/open-files firing error",
            "2 post/failed firing critical by w/open-files",
            "1000 post/failed quiet critical by w/open-files",
            "1000 w/open-files quiet error",
        ],
        "money is told whatever else was"
    );
}

/// The first record opens the alert, and all that it holds is told with it.
#[test]
fn what_stands_in_the_record_of_the_first_message_is_told_with_it() {
    let funds = cause("chain/funds", Scope::Record, 0, &["post/failed"]);
    let post = plain("post/failed", Severity::Critical);
    let said = play(&[
        (0, Found("a", vec![&post, &funds])),
        (9, Found("a", vec![&post, &funds])),
        (10, Found("a", vec![&funds])),
    ]);
    assert_eq!(
        said,
        ["0 chain/funds firing critical +1×post/failed", "9 post/failed firing critical by chain/funds",]
    );
}

#[test]
fn evidence_decides_and_time_alone_names_a_possible_cause() {
    let effect = plain("w/effect", Severity::Error);
    let own = "1 w/effect firing error";
    let perhaps = "1 w/effect firing error perhaps by r/cause";
    for (by, cause_at, effect_at, expected) in [
        (Evidence::Thread, "a:4", "a:4", None),
        (Evidence::Thread, "a:4", "a:5", Some(perhaps)),
        (Evidence::Thread, "a:4", "a", Some(perhaps)),
        (Evidence::Thread, "a:4", "b:4", Some(own)),
        (Evidence::Sector, "a:4", "a:4", Some(perhaps)),
        (Evidence::Process, "a:4", "a:5", None),
        (Evidence::Process, "a", "a", None),
        (Evidence::Process, "a", "b", Some(own)),
    ] {
        let cause = cause_by("r/cause", &[by], &["w/effect"]);
        let said = play(&[(0, Found(cause_at, vec![&cause])), (1, Found(effect_at, vec![&effect]))]);
        assert_eq!(said.get(1).map(String::as_str), expected, "{by:?} {cause_at} {effect_at}");
    }
}

/// A panic names no thread, and its thread says next that it failed.
#[test]
fn a_panic_belongs_to_the_error_beside_it() {
    let failed = plain("w/failed", Severity::Error);
    let panic = cause_by("r/panic", &[Evidence::Thread], &["w/failed"]);
    for (apart, milliseconds, alerts) in [(0, 3, 1), (1, 3, 2), (0, 1_000, 2)] {
        let mut correlator = Correlator::new(Policy::default(), []);
        let mut first = sighting(&panic, "1", 1);
        first.finding.place.length = 99 - apart;
        let mut next = sighting(&failed, "1", 2);
        next.finding.identity.module = Some("worker-4".to_owned());
        let later = at(0).checked_add(Duration::from_millis(milliseconds)).unwrap();
        let told = correlator.observe(vec![first], at(0)).len() + correlator.observe(vec![next], later).len();
        assert_eq!(told, alerts, "{apart} bytes and {milliseconds} ms apart");
    }
}

/// Place, fields and record of what is silenced are in the alert of its cause: the newest few, counted all.
#[test]
fn a_silenced_finding_keeps_its_place_and_its_record() {
    let (cause, effect) =
        (cause_by("r/cause", &[Evidence::Process], &["w/*"]), plain("w/effect", Severity::Error));
    let mut correlator = Correlator::new(Policy::default(), []);
    correlator.observe(vec![sighting(&cause, "1", 1)], at(0));
    for line in 2..7 {
        let mut follower = sighting(&effect, &line.to_string(), line);
        follower.finding.record = format!("effect {line} {}", "x".repeat(1_000));
        assert_eq!(correlator.observe(vec![follower], at(1)), []);
    }
    let row = correlator.changes().remove(0).1.unwrap().encode();
    let open = OpenAlert::decode(&row).unwrap();
    let mut correlator = Correlator::new(Policy::default(), [("f".to_owned(), open)]);
    let told = correlator.tick(at(1_000)).remove(0);
    let alert = told.render(&Catalogue::default(), Lang::En, &command::Vars::new());
    let [follower] = &alert.followers[..] else { panic!("{:?}", alert.followers) };
    let newest = follower.newest.as_ref().unwrap();
    let kept = std::iter::once(newest).chain(&follower.earlier);
    let kept: Vec<_> = kept.map(|one| (one.line, &*one.fields["sector"], &one.record[..8])).collect();
    assert_eq!(kept, [(6, "6", "effect 6"), (5, "5", "effect 5"), (4, "4", "effect 4")]);
    assert_eq!((follower.count, newest.record.len() < 600, &*newest.path), (5, true, "/var/log/worker.log"));
}

/// Former versions kept how many there were.
#[test]
fn a_row_that_only_counts_its_followers_is_read() {
    let mut correlator = Correlator::new(Policy::default(), []);
    correlator.observe(vec![sighting(&signature(None), "1", 1)], at(0));
    let row = String::from_utf8(correlator.changes()[0].1.as_ref().unwrap().encode()).unwrap();
    let old = row.replace(r#""followers":{}"#, r#""followers":{"w/effect":7}"#);
    assert_ne!(old, row);
    let mut correlator =
        Correlator::new(Policy::default(), [("f".to_owned(), OpenAlert::decode(old.as_bytes()).unwrap())]);
    assert!(shown(&correlator.tick(at(1_000))[0]).ends_with("+7×w/effect"));
}

#[test]
fn on_one_box_also_when_the_cause_is_read_late() {
    let oom = cause("kernel/oom", Scope::Host, 60, &["w/*"]);
    let child = plain("w/child-exited", Severity::Error);
    let early = play(&[(0, Found("kern", vec![&oom])), (59, Found("a", vec![&child])), (1000, Tick)]);
    assert_eq!(early, ["0 kernel/oom firing error", "1000 kernel/oom quiet error +1×w/child-exited"]);

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
    assert_eq!(said, ["0 r/poisoned firing error +1×r/panic", "1000 r/poisoned quiet error +2×r/panic"]);
}
