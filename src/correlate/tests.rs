//! When an alert speaks, told as tables of what happens and what is said.

use std::sync::Arc;

use super::*;
use crate::model::alert::{Context, Lang};
use crate::model::finding::{Finding, Severity};
use crate::model::record::{Fields, Identity, Names, Place};
use crate::signature::{Catalogue, Pages, Signature, Threshold};

pub(super) fn signature(threshold: Option<Threshold>) -> Arc<Signature> {
    Arc::new(Signature {
        id: "t/x".into(),
        severity: Severity::Error,
        components: Vec::new(),
        anchors: Vec::new(),
        all: Vec::new(),
        none: Vec::new(),
        regex: None,
        levels: Vec::new(),
        group_by: vec!["sector".to_owned()],
        vars: Vec::new(),
        fields: Vec::new(),
        kinds: Vec::new(),
        writers: Vec::new(),
        threshold,
        fallback: false,
        explains: vec![],
        until: None,
        check: None,
        pages: Pages::default(),
    })
}

pub(super) fn sighting<'a>(signature: &'a Arc<Signature>, sector: &str, line: u64) -> Sighting<'a> {
    let finding = Finding {
        signature: signature.id.clone(),
        severity: signature.severity,
        place: Place { line, offset: line * 100, length: 4 },
        time: None,
        near: None,
        level: None,
        fields: Fields::from([("sector".to_owned(), sector.to_owned())]),
        identity: Identity::default(),
        record: "text".to_owned(),
    };
    Sighting {
        signature,
        finding,
        ends: false,
        host: "seal-07",
        source: "worker",
        path: "/var/log/worker.log",
        context: Context::default(),
        names: Names::default(),
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_656_000_000 + seconds).unwrap()
}

/// What a notice says, short: status, sequence, count, new.
fn said(notice: &Notice) -> (&'static str, u64, u64, u64) {
    let alert = notice.render(&Catalogue::default(), Lang::En, &command::Vars::new());
    (alert.status.name(), alert.sequence, alert.count, alert.new)
}

fn first_seen(notice: &Notice) -> String {
    notice.render(&Catalogue::default(), Lang::En, &command::Vars::new()).first_seen
}

#[test]
fn an_alert_opens_repeats_and_resolves() {
    let signature = signature(None);
    let mut correlator = Correlator::new(Policy::default(), []);
    let mut say = Vec::new();
    for (second, finds) in [
        (0, true),
        (60, true),
        (600, true),
        (1_200, true),
        (2_000, true),
        (2_800, true),
        (3_600, false),
        (3_700, false),
        (9_000, false),
    ] {
        if finds {
            say.extend(
                correlator
                    .observe(vec![sighting(&signature, "1", second)], at(second as i64))
                    .iter()
                    .map(said),
            );
        }
        say.extend(correlator.tick(at(second as i64)).iter().map(said));
    }
    assert_eq!(say, [("firing", 1, 1, 1), ("firing", 2, 6, 5), ("resolved", 3, 6, 0)]);
}

#[test]
fn groups_are_alerts_of_their_own() {
    let signature = signature(None);
    let mut correlator = Correlator::new(Policy::default(), []);
    let first = correlator.observe(vec![sighting(&signature, "1", 1)], at(0)).remove(0);
    let second = correlator.observe(vec![sighting(&signature, "2", 2)], at(0)).remove(0);
    assert_ne!(first.fingerprint, second.fingerprint);
    assert!(correlator.observe(vec![sighting(&signature, "1", 3)], at(1)).is_empty());
    assert_eq!(correlator.changes().len(), 2);
    assert!(correlator.changes().is_empty());
}

#[test]
fn a_threshold_waits_for_enough_in_its_window() {
    let threshold = Threshold { count: 3, within: Duration::from_secs(600) };
    let signature = signature(Some(threshold));
    let mut correlator = Correlator::new(Policy::default(), []);
    let mut spoke = Vec::new();
    for second in [0, 500, 1_000, 1_050, 1_060, 1_070] {
        let notices = correlator.observe(vec![sighting(&signature, "1", 1)], at(second));
        spoke.extend(notices.iter().map(|notice| (second, said(notice), first_seen(notice))));
    }
    assert_eq!(spoke, [(1_050, ("firing", 1, 3, 3), at(500).to_string())], "what came before is not told");
}

#[test]
fn a_threshold_never_reached_is_forgotten_in_silence() {
    let threshold = Threshold { count: 3, within: Duration::from_secs(600) };
    let signature = signature(Some(threshold));
    let mut correlator = Correlator::new(Policy::default(), []);
    correlator.observe(vec![sighting(&signature, "1", 1)], at(0));
    assert_eq!(correlator.changes()[0].1.as_ref().map(|open| open.sequence), Some(0));
    assert!(correlator.tick(at(601)).is_empty());
    let changes = correlator.changes();
    assert!(changes.len() == 1 && changes[0].1.is_none());
}

#[test]
fn an_alert_goes_on_after_a_restart() {
    let signature = signature(None);
    let mut before = Correlator::new(Policy::default(), []);
    before.observe(vec![sighting(&signature, "1", 1)], at(0));
    let rows = before
        .changes()
        .into_iter()
        .filter_map(|(fingerprint, open)| Some((fingerprint, OpenAlert::decode(&open?.encode())?)));
    let mut after = Correlator::new(Policy::default(), rows.collect::<Vec<_>>());
    assert!(after.observe(vec![sighting(&signature, "1", 2)], at(10)).is_empty());
    assert_eq!(after.tick(at(910)).iter().map(said).collect::<Vec<_>>(), [("resolved", 2, 2, 1)]);
}

#[test]
fn a_row_that_does_not_add_up_is_refused() {
    let signature = signature(None);
    let mut correlator = Correlator::new(Policy::default(), []);
    correlator.observe(vec![sighting(&signature, "1", 1)], at(0));
    let row = correlator.changes()[0].1.as_ref().map(OpenAlert::encode).unwrap();
    let row = String::from_utf8(row).unwrap();
    for (from, to, good) in [
        (r#""count":1"#, r#""count":9007199254740992"#, true),
        (r#""count":1"#, r#""count":9007199254740993"#, false),
        (r#""count":1"#, r#""count":-1"#, false),
        (r#""told":1"#, r#""told":0"#, true),
        (r#""told":1"#, r#""told":2"#, false),
        (r#""sequence":1"#, r#""sequence":18446744073709551615"#, false),
        (r#"{"sequence":1,"#, "{", false),
    ] {
        let changed = row.replace(from, to);
        assert_ne!(changed, row);
        assert_eq!(OpenAlert::decode(changed.as_bytes()).is_some(), good, "{to}");
    }
}

#[test]
fn a_clock_set_back_neither_repeats_nor_resolves() {
    let signature = signature(None);
    let mut correlator = Correlator::new(Policy::default(), []);
    correlator.observe(vec![sighting(&signature, "1", 1)], at(7_200));
    assert!(correlator.tick(at(0)).is_empty());
}

/// Somebody sets the clock of the box, or it was suspended: the other one tells how long it was quiet.
#[test]
fn alerts_wait_by_the_clock_that_nobody_sets_and_show_the_other() {
    let signature = signature(None);
    let day = 86_400;
    for wall in [-day, -7_200, 0, 7_200, day] {
        let mut correlator = Correlator::new(Policy::default(), []);
        let told = correlator.observe(vec![sighting(&signature, "1", 1)], at(0));
        assert_eq!(told.len(), 1);
        assert!(correlator.tick(at(899)).is_empty(), "{wall}");
        let now = Moment { steady: at(899), wall: at(899 + wall) };
        assert!(correlator.observe(vec![sighting(&signature, "1", 2)], now).is_empty());
        assert!(correlator.tick(at(899 + 899)).is_empty(), "{wall}");
        let told = correlator.tick(at(899 + 900));
        let [resolved] = &told[..] else { panic!("{wall}: {told:?}") };
        let alert = resolved.render(&Catalogue::default(), Lang::En, &command::Vars::new());
        assert_eq!((alert.status, alert.first_seen), (Status::Resolved, at(0).to_string()));
        assert_eq!(alert.last_seen, at(899 + wall).to_string());
    }
}

#[test]
fn a_secret_is_in_nothing_that_an_alert_is_made_of() {
    let signature = signature(None);
    let mut correlator = Correlator::new(Policy::default(), []);
    let mut told = Vec::new();
    for secret in ["first-s3cret", "second-s3cret"] {
        let mut sighting = sighting(&signature, secret, 1);
        sighting.finding.record = format!("token={secret}");
        sighting.context.before = vec![format!("Authorization: Bearer {secret}")];
        sighting.context.after = vec!["-----BEGIN PRIVATE KEY-----".to_owned(), secret.to_owned()];
        told.extend(correlator.observe(vec![sighting], at(0)));
    }
    let rows = correlator.changes();
    assert_eq!((told.len(), rows.len()), (1, 1), "secrets tell no groups apart");
    let row = String::from_utf8(rows[0].1.as_ref().unwrap().encode()).unwrap();
    assert!(!row.contains("s3cret"), "{row}");
    let alert = told[0].render(&Catalogue::default(), Lang::En, &command::Vars::new());
    assert_eq!((&*alert.record, &*alert.group["sector"]), ("token=[redacted]", "[redacted]"));
}

mod causes;
mod histories;
mod silences;
mod states;

/// A log can name any number of sectors; an alert for each would fill memory, disk and channel.
#[test]
fn groups_without_number_share_one_alert() {
    const FEW: u64 = 10;
    let most = crowd::ALERTS_MAX as u64;
    let x = signature(None);
    let mut correlator = Correlator::new(Policy::default(), []);
    let mut notices = Vec::new();
    for n in 0..most + FEW {
        notices.extend(correlator.observe(vec![sighting(&x, &n.to_string(), n)], at(0)));
    }
    assert_eq!(notices.len() as u64, most + 1, "one each, and one for all that are too many");
    let crowd = notices.last().unwrap();
    assert_eq!((said(crowd), crowd.group().get("sector")), (("firing", 1, 1, 1), None));
    // Those that have an alert go on in it, also after a restart.
    let open = correlator.changes().into_iter().filter_map(|(id, alert)| Some((id, alert?)));
    let mut correlator = Correlator::new(Policy::default(), open.collect::<Vec<_>>());
    assert_eq!(correlator.observe(vec![sighting(&x, "0", 1)], at(600)), []);
    assert_eq!(correlator.observe(vec![sighting(&x, "new", 1)], at(600)), []);
    let resolved = correlator.tick(at(1_000));
    assert_eq!(resolved.len() as u64, most - 1, "all but the two that were found again");
    // There is room again.
    let [new] = &correlator.observe(vec![sighting(&x, "new", 1)], at(1_000))[..] else { panic!("an alert") };
    assert_eq!(new.group()["sector"], "new");
    let mut last: Vec<_> = correlator.tick(at(5_000)).iter().map(said).collect();
    last.sort_unstable();
    assert_eq!(
        last,
        [("resolved", 2, 1, 0), ("resolved", 2, 2, 1), ("resolved", 2, FEW + 1, FEW)],
        "every finding is counted"
    );
}

/// One that ends makes room for one, not for as many as had room before.
#[test]
fn where_one_of_too_many_groups_ends_one_more_gets_an_alert_of_its_own() {
    let x = signature(None);
    let mut correlator = Correlator::new(Policy::default(), []);
    for n in 0..crowd::ALERTS_MAX as u64 {
        correlator.observe(vec![sighting(&x, &n.to_string(), n)], at(0));
    }
    assert!(correlator.end(&sighting(&x, "7", 1), at(1)).is_some());
    for (group, alert) in [("first", Some("first")), ("second", None)] {
        let told = correlator.observe(vec![sighting(&x, group, 1)], at(2));
        assert_eq!(told.len(), 1, "{group}");
        assert_eq!(told[0].group().get("sector").map(String::as_str), alert, "{group}");
    }
    assert_eq!(correlator.observe(vec![sighting(&x, "third", 1)], at(3)), [], "it is one with the second");
}

#[test]
fn an_alert_whose_page_is_gone_shows_its_id_and_says_so() {
    let mut correlator = Correlator::new(Policy::default(), []);
    let told = correlator.observe(vec![sighting(&signature(None), "1", 1)], at(0));
    for (lang, meaning) in
        [(Lang::En, "This signature is no longer in the catalogue."), (Lang::Zh, "该特征已不在目录中。")]
    {
        let alert = told[0].render(&Catalogue::default(), lang, &command::Vars::new());
        assert_eq!((&*alert.title, &*alert.meaning), ("t/x", meaning));
    }
}
