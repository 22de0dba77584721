//! The scanner held against a plain search.

use proptest::prelude::*;

use super::*;

/// Lines that hold a candidate, by number.
fn lines_found(scanner: &Scanner, bytes: &[u8]) -> Vec<usize> {
    let mut lines: Vec<usize> = scanner
        .candidates(bytes)
        .map(|at| bytes[..at].iter().filter(|&&byte| byte == b'\n').count())
        .collect();
    lines.dedup();
    lines
}

/// Anchors over a small alphabet, so that they overlap and hold one another: short ones, long ones,
/// and both.
fn anchors() -> impl Strategy<Value = Vec<String>> {
    let (short, long) = ("[ab名]{1,5}", "[ab]{7,40}");
    prop_oneof![
        prop::collection::vec(short, 1..80),
        prop::collection::vec(long, 1..80),
        prop::collection::vec(prop_oneof![1 => short, 4 => long, 1 => "(ab){5,9}"], 1..80),
    ]
}

/// Bytes in which some of `anchors` surely stand, whole or cut.
fn around(anchors: &[String]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let anchors = anchors.to_vec();
    let some = (0..anchors.len(), 0..4usize).prop_map(move |(index, cut)| {
        let anchor = anchors[index].as_bytes();
        anchor[..anchor.len().saturating_sub(cut)].to_vec()
    });
    let piece = prop_oneof![3 => some, 2 => haystack(), 1 => "[ab]{0,30}".prop_map(String::into_bytes)];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn anchors_and_bytes() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    anchors().prop_flat_map(|anchors| (Just(anchors.clone()), around(&anchors)))
}

fn haystack() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => "[ab名]{1,6}".prop_map(String::into_bytes),
        2 => Just(b"\n".to_vec()),
        1 => Just(b"\x1b[31m".to_vec()),
        1 => Just(b"\xff\0c".to_vec()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_line_is_a_candidate_exactly_if_an_anchor_stands_in_it((anchors, bytes) in anchors_and_bytes()) {
        let scanner = Scanner::new(&anchors).unwrap();
        let unfiltered = Scanner::unfiltered(&anchors).unwrap();
        prop_assert_eq!(lines_found(&unfiltered, &bytes), lines_found(&scanner, &bytes));
        let naive = bytes.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| {
            let holds = |text: &[u8]| {
                anchors.iter().any(|anchor| memchr::memmem::find(text, anchor.as_bytes()).is_some())
            };
            holds(line) || (line.contains(&ESCAPE) && holds(shipped::text(line).as_bytes()))
        });
        let naive: Vec<usize> = naive.map(|(number, _)| number).collect();
        prop_assert_eq!(lines_found(&scanner, &bytes), naive);
    }

    #[test]
    fn every_anchor_of_a_text_is_named(anchors in anchors(), text in "[ab名c]{0,40}") {
        let scanner = Scanner::new(&anchors).unwrap();
        let naive = anchors.iter().enumerate().filter(|(_, anchor)| text.contains(anchor.as_str()));
        let naive: Vec<usize> = naive.map(|(index, _)| index).collect();
        prop_assert_eq!(scanner.anchors_in(&text), naive);
    }
}

#[test]
fn an_anchor_is_found_behind_the_escapes_of_json() {
    let scanner = Scanner::new(&["left: `\"a\\\\b\"`", "plain"]).unwrap();
    let line = |text: &str| format!(r#"{{"log":{},"stream":"stderr","time":"t"}}"#, serde_json::json!(text));
    let log = [line("x\n"), line("  left: `\"a\\\\b\"`\n"), line("plain\n"), "plain".to_owned()];
    assert_eq!(lines_found(&scanner, log.join("\n").as_bytes()), [1, 2, 3]);
    let elsewhere = br#"{"log":"x\n","stream":"plain","time":"plain"}"#;
    assert!(lines_found(&scanner, elsewhere).is_empty());
}

#[test]
fn what_docker_respells_is_found() {
    let plain = br#"{"log":"a needle\n","stream":"stderr","time":"2022-06-24T06:33:24Z"}"#;
    let coloured =
        br#"{"log":"\u001b[31mnee\u001b[0mdle\n","stream":"stderr","time":"2022-06-24T06:33:24Z"}"#;
    let quoted = br#"{"log":"the \"hay\" \u003c\n","stream":"stderr","time":"2022-06-24T06:33:24Z"}"#;
    let bytes = [&plain[..], coloured, quoted].join(&b'\n');
    for (anchors, lines) in [
        (vec!["needle"], vec![0, 1]),
        (vec!["the \"hay\""], vec![2]),
        (vec!["needle", "\" <"], vec![0, 1, 2]),
    ] {
        assert_eq!(lines_found(&Scanner::new(&anchors).unwrap(), &bytes), lines, "{anchors:?}");
    }
}

#[test]
fn skipping_leaves_out_what_was_skipped() {
    let scanner = Scanner::new(&["needle"]).unwrap();
    let bytes = b"needle\nneedle\n\x1b[1mnee\x1b[0mdle\nneedle";
    let mut candidates = scanner.candidates(bytes);
    assert_eq!(candidates.next(), Some(5));
    candidates.skip_to(13);
    assert_eq!(candidates.next(), Some(14));
    assert_eq!(candidates.next(), Some(bytes.len() - 1));
    assert_eq!(candidates.next(), None);
}

#[test]
fn a_line_of_which_the_start_was_left_out_is_not_given_again() {
    let scanner = Scanner::new(&["needle"]).unwrap();
    let bytes = b"needle \x1b[1m needle \x1b[1m\nnee\x1b[0mdle\n";
    assert_eq!(scanner.candidates(bytes).collect::<Vec<_>>(), [5, 17, 24]);
    let mut candidates = scanner.candidates(bytes);
    candidates.skip_to(6);
    assert_eq!(candidates.collect::<Vec<_>>(), [17, 24]);
    let bytes = b"needle, needle \x1b[1m";
    assert_eq!(scanner.candidates(bytes).collect::<Vec<_>>(), [5, 13]);
}
