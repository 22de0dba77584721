//! What was found on its way to the correlator.

use std::sync::Arc;

use super::{Detector, Found};
use crate::model::alert::Context;
use crate::model::finding::Finding;
use crate::model::record::Names;
use crate::signature::Signature;

/// A finding, or the end of a state, with what was at hand around it. It borrows nothing from the log.
#[derive(Debug, Clone)]
pub struct Occurrence {
    /// The signature that matched.
    pub signature: Arc<Signature>,
    /// The finding.
    pub finding: Finding,
    /// It is no finding: the record ends the state that the signature is, for the group of `finding`.
    pub ends: bool,
    /// The binaries that the log shows near it.
    pub names: Names,
    /// Lines around the record.
    pub context: Context,
}

impl Occurrence {
    /// What was found in the log `path`, with up to `context_lines` lines on each side.
    pub fn of(found: Found<'_>, path: &str, context_lines: usize, detector: &Detector) -> Occurrence {
        let context =
            if context_lines == 0 { Context::default() } else { found.context(context_lines, detector) };
        let names = found.names(path);
        let Found { finding, signature, ends, .. } = found;
        Occurrence { signature, finding, ends, names, context }
    }
}
