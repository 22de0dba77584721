//! `sealtail patterns`: the catalogue.

use crate::program::run;

#[test]
fn as_json() {
    let catalogue = run(&["patterns", "--json"]).json();
    let ids: Vec<_> = catalogue.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted() && ids.contains(&"venus-cluster/ext-unmarshal-response"), "{ids:?}");
    for line in &catalogue {
        for key in ["title", "severity", "path"] {
            assert!(line[key].as_str().is_some_and(|value| !value.is_empty()), "{key}: {line}");
        }
        // A check of the doctor looks at no line.
        let anchors = Some("anchors").filter(|_| line["check"] != true);
        for key in ["components", "links"].into_iter().chain(anchors) {
            assert!(line[key].as_array().is_some_and(|values| !values.is_empty()), "{key}: {line}");
        }
    }
}

#[test]
fn as_a_table() {
    let ids = run(&["patterns", "--json"]).json();
    for lang in ["en", "zh"] {
        let table = run(&["patterns", "--lang", lang]).stdout;
        assert!(ids.iter().all(|line| table.contains(line["id"].as_str().unwrap())), "{table}");
        assert_eq!(table.contains("外部处理器"), lang == "zh");
    }
}

#[test]
fn by_pack_severity_and_component() {
    let all = run(&["patterns", "--json"]).json();
    let chosen = |arguments: &[&str]| run(&[&["patterns", "--json"], arguments].concat()).json();
    let critical = chosen(&["--severity", "critical"]);
    assert!(!critical.is_empty() && critical.len() < all.len());
    assert!(critical.iter().all(|line| line["severity"] == "critical"));
    let both = chosen(&["--pack", "venus-cluster", "--component", "pc1", "--component", "manager"]);
    assert!(!both.is_empty() && both.len() < all.len());
    for line in &both {
        let components = line["components"].as_array().unwrap();
        assert!(line["id"].as_str().unwrap().starts_with("venus-cluster/"), "{line}");
        assert!(components.iter().any(|word| word == "pc1" || word == "manager"), "{line}");
    }
}

#[test]
fn a_slip_is_no_empty_catalogue() {
    for (arguments, hint) in [
        (["--component", "wdpsot"], "wdpost"),
        (["--pack", "venus"], "venus-cluster"),
        (["--severity", "bad"], "critical"),
    ] {
        let ran = run(&[&["patterns"], &arguments[..]].concat());
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    }
}
