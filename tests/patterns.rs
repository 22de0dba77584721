//! The built-in pages keep their own promises.

use jiff::tz::TimeZone;
use sealtail::alert::Lang;
use sealtail::detect::{Detector, samples};
use sealtail::signature::{Catalogue, builtin};

fn catalogue() -> Catalogue {
    let (catalogue, faults) = Catalogue::load(builtin::pages(), &[]);
    assert_no_faults(&faults);
    catalogue
}

fn assert_no_faults(faults: &[sealtail::diagnostic::Diagnostic]) {
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", shown.join("\n\n"));
}

#[test]
fn every_sample_comes_to_what_its_page_says() {
    let detector = Detector::new(catalogue(), TimeZone::UTC).unwrap();
    assert_no_faults(&samples::check(&detector));
}

#[test]
fn every_page_has_a_chinese_twin() {
    for signature in catalogue().signatures() {
        assert!(signature.pages.runbooks().contains_key(&Lang::Zh), "{} has no .zh.md", signature.id);
    }
}
