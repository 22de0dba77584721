//! Any bytes as a log, in buffers of any size: the same findings as in one piece; looked at early,
//! none is missed and none told twice.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use sealtail::detect::{Detector, Found, Stream};
use sealtail::frame::End;
use sealtail::model::finding::Finding;
use sealtail::signature::{Catalogue, builtin};

/// A buffer that grows is read again each time, so many cuts are slow.
const CUTS_MAX: usize = 64;

static DETECTOR: LazyLock<Option<Detector>> =
    LazyLock::new(|| Detector::new(Catalogue::load(builtin::pages(), &[]).0, TimeZone::UTC).ok());

/// Reads the first bytes of `data` as the sizes of buffers and the rest as a log.
pub fn run(data: &[u8]) {
    let detector = DETECTOR.as_ref().expect("the built-in anchors fit into one automaton");
    let Some((sizes, log)) = data.split_first_chunk::<4>() else { return };
    let whole = read(detector, log, &[], End::More);
    assert_eq!(read(detector, log, sizes, End::More), whole);
    let early = read(detector, log, sizes, End::Held);
    assert_eq!(places(&early).len(), early.len(), "none is told twice");
    assert!(places(&whole).is_subset(&places(&early)), "none is missed");
    for finding in &whole {
        let end = finding.place.offset + finding.place.length;
        assert!(end <= log.len() as u64, "{:?} lies in the log", finding.place);
    }
}

/// The findings of `log` in buffers that grow by `sizes`, over and over, and then the rest; all of it
/// at once, if there are none.
fn read(detector: &Detector, log: &[u8], sizes: &[u8], end: End) -> Vec<Finding> {
    let mut stream = Stream::new(detector);
    let mut findings = Vec::new();
    // What ends a state is no finding, and may be seen again.
    let mut keep = |found: Found<'_>| findings.extend((!found.ends).then_some(found.finding));
    let (mut settled, mut given) = (0, 0);
    for size in sizes.iter().cycle().take(CUTS_MAX) {
        // Small ones cut inside words, large ones across records.
        given += 1 + usize::from(*size) * usize::from(*size) / 8;
        if given >= log.len() {
            break;
        }
        settled += stream.advance(&log[settled..given], end, &mut keep);
    }
    settled += stream.advance(&log[settled..], End::Final, &mut keep);
    assert_eq!(settled, log.len(), "the end settles everything");
    findings
}

/// Where what was found: looked at early, a record may be shown shorter.
fn places(findings: &[Finding]) -> BTreeSet<(u64, &str)> {
    findings.iter().map(|finding| (finding.place.offset, &*finding.signature)).collect()
}
