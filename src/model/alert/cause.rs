//! How an alert stands to others: what it explains, and what explains it.

use serde::{Deserialize, Serialize};

use crate::model::record::Fields;

/// Findings of another signature that an alert explains: they are no alert of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// Id of their signature.
    pub signature: String,
    /// Title of its page, in the language of the alert.
    pub title: String,
    /// How many there were so far.
    pub count: u64,
    /// The newest of them. Alerts of former versions have none.
    #[serde(flatten)]
    pub newest: Option<FollowerFinding>,
    /// A few that came before it, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<FollowerFinding>,
}

/// A finding that is told in the alert of its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowerFinding {
    /// The file.
    pub path: String,
    /// The line of its record, counted from 1.
    pub line: u64,
    /// Its fields.
    pub fields: Fields,
    /// Text of its record, cut to a few lines.
    pub record: String,
}

/// An alert that may explain another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PossibleCause {
    /// Id of its signature.
    pub signature: String,
    /// Title of its page, in the language of the alert.
    pub title: String,
    /// Names it.
    pub fingerprint: String,
}

/// The alert that explains another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Id of its signature.
    pub signature: String,
    /// Names it.
    pub fingerprint: String,
}

/// A cause that was looked for on the box, and is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Id of the check of the doctor.
    pub check: String,
    /// What was found, with its place, in the language of the alert.
    pub text: String,
}
