//! Positions of a kind of place that only a newer version knows.

use super::super::positions::{put_rows, rows};
use super::*;
use crate::model::position::Newer;

/// Spaces and numbers that no program of this version would write.
const NEWER: &str = r#"{"kind":"journal",  "source":"units","cursor":"s=1;i=2a","progress":{"entry":1e3}}"#;

fn newer_row(store: &Store) -> String {
    let rows = store.read(rows).unwrap();
    rows.into_iter().find(|(number, _)| *number == 7).unwrap().1.get().to_owned()
}

#[test]
fn a_position_of_a_newer_kind_is_kept_as_it_is() {
    let directory = used();
    let store = open(&directory);
    let row = (7, serde_json::from_str(NEWER).unwrap());
    let mut inner = store.inner().unwrap();
    store.write(&mut inner, Durability::Now, |transaction| put_rows(transaction, &[row])).unwrap();
    drop(inner);
    let commit = Commit { positions: vec![(1, Some(position(10))), (2, None)], ..Commit::default() };
    store.commit(&commit, Durability::Now, now()).unwrap();
    store.export(now()).unwrap();
    drop(store);
    let store = open(&directory);
    assert_eq!(store.positions().unwrap(), [(1, position(10))]);
    assert_eq!(store.newer_positions().unwrap(), [(7, "journal".to_owned())]);
    assert_eq!(newer_row(&store), NEWER);
    drop(store);
    // The export has it, too.
    fs::write(directory.path().join("state.redb"), "").unwrap();
    let opened = Store::open(directory.path(), now()).unwrap();
    assert!(opened.recovered.is_some());
    assert_eq!(opened.store.positions().unwrap(), [(1, position(10))]);
    assert_eq!(newer_row(&opened.store), NEWER);
}

#[test]
fn a_position_that_is_damaged_is_none_of_a_newer_kind() {
    let whole = serde_json::to_string(&position(10)).unwrap();
    assert!(whole.contains(r#""kind":"file""#), "{whole}");
    for (row, stored) in [
        (whole.clone(), Some(Ok(position(10)))),
        // Of before there were kinds.
        (whole.replace(r#""kind":"file","#, ""), Some(Ok(position(10)))),
        (whole.replace(r#""kind":"file""#, r#""kind":"bus""#), Some(Err(Newer { kind: "bus".to_owned() }))),
        (whole.replace("identity", "identify"), None),
        (whole.replace("offset", "offsets"), None),
        (whole.replace(r#""kind":"file""#, r#""kind":7"#), None),
        (whole[1..].to_owned(), None),
    ] {
        assert_eq!(Position::read(row.as_bytes()).ok(), stored, "{row}");
    }
}
