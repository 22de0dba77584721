//! What an anchor costs: one that stands in many lines of a healthy log has their records looked at.

use super::spec;
use super::{Catalogue, Signature, Trust, lint, page};
use crate::base::diagnostic::{Diagnostic, Text};
use crate::model::alert::Lang;
use crate::signature::healthy;

/// So many of 1,000 lines of a healthy log may hold an anchor before it is worth a word.
const SHARE_PERMILLE_MAX: usize = 10;

/// Every anchor of the catalogue that stands in much of a healthy log, with its place. No faults: they
/// are found all the same.
pub fn costs(catalogue: &Catalogue) -> Vec<Diagnostic> {
    catalogue.signatures().iter().flat_map(|signature| of(signature)).collect()
}

fn of(signature: &Signature) -> Vec<Diagnostic> {
    let share = |anchor: &str| Some(healthy::share_permille(anchor)).filter(|it| *it > SHARE_PERMILLE_MAX);
    let Some(source) = signature.pages.text(Lang::En) else { return Vec::new() };
    if !signature.anchors.iter().any(|anchor| share(anchor).is_some()) {
        return Vec::new();
    }
    let text = Text::new(&source.path, &source.text);
    let page = page::read(&text, Lang::En);
    let header = page.first_fence.filter(|fence| lint::is_toml(&text, fence.info.clone()));
    let Some(header) = header else { return Vec::new() };
    let spec = spec::read(&text, header.inside, Trust::Tested);
    let notes = Text::new(&source.path, &source.text);
    for anchor in spec.anchors {
        if let Some(permille) = share(&anchor.value) {
            let message =
                format!("this anchor occurs in {}.{} % of a healthy log", permille / 10, permille % 10);
            let hint =
                "each of those lines is parsed and dropped; choose an anchor that only the failure writes";
            notes.fault_hint("common-anchor", anchor.span, message, hint);
        }
    }
    notes.into_faults()
}
