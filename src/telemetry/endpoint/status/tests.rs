//! What the status page and the pages of signatures show.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::*;
use crate::correlate::command::Vars;
use crate::correlate::{Correlator, Policy, Sighting};
use crate::model::alert::Context;
use crate::model::finding::Finding;
use crate::model::record::{Fields, Identity, Names, Place};
use crate::signature::{Catalogue, builtin};
use crate::telemetry::Telemetry;
use crate::telemetry::endpoint::{api, runbook};
use crate::telemetry::meter::{Kept, Level};
use crate::telemetry::overview::{ALERTS_MAX, Knowledge, Muted, Snapshot};

const EVIL: &str = "<script>\u{202e}\"&";

/// Hands over alerts of these signatures, one a group.
fn open(telemetry: &Telemetry, alerts: &[(&str, &str)], at: Instant) {
    open_muted(telemetry, alerts, Vec::new(), at);
}

/// The same; messages of the first of them are held back as `mutes` say.
fn open_muted(telemetry: &Telemetry, alerts: &[(&str, &str)], mutes: Vec<Muted>, at: Instant) {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let mut correlator = Correlator::new(Policy::default(), []);
    let wall = Timestamp::from_second(1_700_000_000).unwrap();
    for (id, sector) in alerts {
        let signature = catalogue.get(id).unwrap();
        let fields = signature.group_by.iter().map(|name| (name.clone(), (*sector).to_owned()));
        let finding = Finding {
            signature: signature.id.clone(),
            severity: signature.severity,
            place: Place { line: 1, offset: 0, length: 4 },
            time: None,
            near: None,
            level: None,
            fields: fields.collect::<Fields>(),
            identity: Identity::default(),
            record: format!("a record of {EVIL}"),
        };
        let (context, names) = (Context::default(), Names::default());
        let (host, source, path) = ("seal-07", "worker", "/var/log/worker.log");
        let sighting = Sighting { signature, finding, ends: false, host, source, path, context, names };
        correlator.observe(vec![sighting], wall);
    }
    let alerts = correlator.gravest(ALERTS_MAX);
    let muted = alerts.iter().map(|alert| alert.fingerprint.clone()).zip(mutes).collect();
    telemetry.ask_overview();
    telemetry.overview().answer(at, || Snapshot {
        wall: wall + Duration::from_secs(90),
        at,
        alerts,
        muted,
        open: correlator.told_by_severity(),
        knowledge: Arc::new(Knowledge { catalogue, vars: Vars::new() }),
    });
}

/// Telemetry of a box on which all is well.
fn well(now: Instant) -> Telemetry {
    let telemetry = Telemetry::default();
    let level = Level { files: 4, open: 2, unread: 0 };
    telemetry.meter().see_sources([("worker".to_owned(), level)].into(), now);
    telemetry.meter().see_outbox([("ops".to_owned(), Kept { waiting: 0, dead: 0 })].into());
    telemetry.health().progress(now);
    telemetry.health().set_ready();
    telemetry
}

fn shown(telemetry: &Telemetry, lang: Lang, now: Instant) -> String {
    let page = page(&View::of("seal-07", lang, telemetry, now));
    assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
    page
}

#[test]
fn all_is_well_only_where_the_open_alerts_are_known_and_none() {
    let now = Instant::now();
    let telemetry = well(now);
    let unknown = shown(&telemetry, Lang::En, now);
    assert!(unknown.contains("class=\"verdict amber\"") && unknown.contains("not known yet"), "{unknown}");
    open(&telemetry, &[], now);
    for (lang, words) in [(Lang::En, "All is well"), (Lang::Zh, "一切正常")] {
        let page = shown(&telemetry, lang, now);
        assert!(page.contains(&format!("<div class=\"verdict green\"><b>{words}</b>")), "{page}");
    }
    let stalled = shown(&telemetry, Lang::En, now + Duration::from_secs(60));
    assert!(
        stalled.contains("verdict red") && stalled.contains("reading has made no progress for 1m"),
        "{stalled}"
    );
}

#[test]
fn it_shows_what_is_open_in_one_language_and_no_text_comes_alive() {
    let now = Instant::now();
    let telemetry = well(now);
    open(&telemetry, &[("sealtail/sink-parked", EVIL), ("sealtail/watch-limit", "")], now);
    let (english, chinese) = (shown(&telemetry, Lang::En, now), shown(&telemetry, Lang::Zh, now));
    for expected in [
        "<html lang=\"en\">",
        "<title>sealtail · seal-07</title>",
        "<div class=\"verdict red\"><b>Something is wrong</b>",
        "<li class=\"red\">1 open alert of severity error</li>",
        "<h2>Open alerts: 2</h2>",
        "<span class=\"severity\">error</span> <a href=\"pages/sealtail/sink-parked?lang=en\">",
        "<p>seal-07 · worker · &lt;script&gt;&quot;&amp;</p>",
        "<p class=\"note\">1 finding, 1m30s ago</p>",
        "<pre>a record of &lt;script&gt;&quot;&amp;</pre>",
        "<tr><td>worker</td><td>4</td><td>0</td><td>0s</td><td>–</td></tr>",
        "<tr><td>ops</td><td>ok</td><td>0</td><td>0</td><td>0</td></tr>",
        "<a href=\"?lang=zh\" hreflang=\"zh\" lang=\"zh\">中文</a>",
    ] {
        assert!(english.contains(expected), "{expected}\n{english}");
    }
    assert!(english.find("sink-parked").unwrap() < english.find("watch-limit").unwrap(), "the gravest first");
    let han = english.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).collect::<String>();
    assert_eq!(han, "中文");
    assert!(chinese.contains("<html lang=\"zh-Hans\">") && chinese.contains("<h2>未解除的告警: 2</h2>"));
    assert!(chinese.contains("pages/sealtail/sink-parked?lang=zh") && chinese.contains("1 次，1m30s 前"));
    assert!(!chinese.contains("finding") && !chinese.contains("Something"), "{chinese}");
}

#[test]
fn sources_and_sinks_that_are_not_well_are_marked() {
    let now = Instant::now();
    let telemetry = well(now);
    open(&telemetry, &[], now);
    let level = |files| Level { files, open: 0, unread: 0 };
    let meter = telemetry.meter();
    meter.see_sources([("worker".to_owned(), level(1)), (EVIL.to_owned(), level(0))].into(), now);
    meter.see_outbox([("ops".to_owned(), Kept { waiting: 21, dead: 14 })].into());
    meter.sink("ops").parked.set(true);
    let page = shown(&telemetry, Lang::En, now);
    for expected in [
        "<div class=\"verdict red\">",
        "<li class=\"red\">sink ops is parked until it is repaired</li>",
        "<li class=\"amber\">sink ops refused 14 messages for good</li>",
        "<li class=\"amber\">source &lt;script&gt;&quot;&amp; has named no file for 0s</li>",
        "<tr><td class=\"amber\">&lt;script&gt;&quot;&amp;</td><td>0</td>",
        "<tr><td>worker</td>",
        "<tr><td class=\"red\">ops</td><td>parked</td><td>21</td><td>14</td><td>0</td></tr>",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
}

#[test]
fn of_very_many_alerts_the_gravest_are_shown_and_the_rest_is_counted() {
    let now = Instant::now();
    let telemetry = well(now);
    let sectors: Vec<String> = (0..3_000).map(|number| format!("s-t01000-{number}")).collect();
    let light = sectors.iter().map(|sector| ("sealtail/file-unreadable", &**sector));
    let alerts: Vec<_> = light.chain([("sealtail/sink-parked", "ops")]).collect();
    open(&telemetry, &alerts, now);
    let page = shown(&telemetry, Lang::En, now);
    assert!(page.contains("<h2>Open alerts: 3001</h2>") && page.contains("… and 2901 more"), "{page}");
    assert_eq!(page.matches("<details>").count(), ALERTS_MAX);
    let first = page.find("<ul class=\"alerts\">").unwrap();
    assert!(page[first..].starts_with("<ul class=\"alerts\">\n<li class=\"error\">"), "{}", &page[first..]);
    let json = api::alerts(&View::of("seal-07", Lang::En, &telemetry, now)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["open"], &json["more"]), (&3_001.into(), &2_901.into()));
    assert_eq!(json["alerts"].as_array().unwrap().len(), ALERTS_MAX);
}

#[test]
fn the_page_of_a_signature_is_its_runbook_in_either_language() {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let ids: Vec<String> = catalogue.signatures().iter().map(|one| one.id.to_string()).collect();
    let knowledge = Knowledge { catalogue, vars: Vars::new() };
    for (id, lang) in ids.iter().flat_map(|id| Lang::ALL.map(|lang| (id, lang))) {
        let page = runbook::page(id, lang, &knowledge).unwrap();
        let title = &knowledge.catalogue.get(id).unwrap().runbook(lang).title;
        assert!(page.contains(&format!("<h1>{}</h1>", line(title))), "{page}");
        assert_eq!(page.matches("<li").count(), page.matches("</li>").count(), "{page}");
        assert!(page.contains("<li value=\"1\">") && page.ends_with("</html>\n"), "{page}");
    }
    let page = runbook::page("sealtail/sink-failing", Lang::En, &knowledge).unwrap();
    assert!(page.contains("<pre class=\"caution\"><code>sealtail check --send-test</code></pre>"), "{page}");
    for id in ["", "sealtail", "sealtail/none", "../../etc/passwd", "sealtail/sink-failing.zh"] {
        assert_eq!(runbook::page(id, Lang::En, &knowledge), None, "{id}");
    }
}

#[test]
fn an_alert_whose_messages_are_held_back_says_why() {
    let now = Instant::now();
    let telemetry = well(now);
    let id = "venus-cluster/worker-sealing-failed-permanent";
    let mutes = vec![
        Muted { silenced_for: Some(Duration::from_secs(7_200)), acknowledged_by: None },
        Muted { silenced_for: None, acknowledged_by: Some(format!("ann{EVIL}")) },
    ];
    open_muted(&telemetry, &[(id, "1"), (id, "2"), (id, "3")], mutes, now);
    for (lang, silenced, acknowledged) in
        [(Lang::En, " · silenced for 2h more<", "is on it<"), (Lang::Zh, " · 静默，还有 2h<", "正在处理<")]
    {
        let page = shown(&telemetry, lang, now);
        let counts = [silenced, acknowledged].map(|part| page.matches(part).count());
        assert_eq!(counts, [1, 1], "{page}");
    }
}
