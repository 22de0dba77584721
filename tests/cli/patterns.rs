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
        for key in ["anchors", "components", "links"] {
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
