//! What is to be known of every record, whether a signature matches or not.
//!
//! *Extract in parallel and keep nothing, learn in order*: an [`Observe`] makes a small observation of each record that is
//! over. It has no state, so any thread may run it. Observations come out of [`Stream::advance_observed`] in the order
//! of the log, each once, and whoever takes them may learn from them.
//!
//! [`Stream::advance_observed`]: super::Stream::advance_observed

use crate::frame::View;

/// Makes an observation of each record of a stream.
pub trait Observe: Sync {
    /// What is kept of a record.
    type Observation: Send;

    /// Whether anything is asked at all. Where not, records in which nothing is found are not even framed.
    const IS_ASKED: bool = true;

    /// What there is to know of a record that is over.
    fn observe(&self, record: &View<'_>) -> Self::Observation;
}

/// Nobody asks.
impl Observe for () {
    type Observation = ();

    const IS_ASKED: bool = false;

    fn observe(&self, _: &View<'_>) {}
}
