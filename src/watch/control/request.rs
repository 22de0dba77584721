//! Requests and their replies: what stands in the lines of the socket.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::alerts::Shown;
use crate::correlate::Silence;
use crate::model::alert::Lang;
use crate::source::wake::Bell;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// The open alerts.
    Alerts {
        /// The language of title and runbook.
        lang: Lang,
    },
    /// How far each file has been read.
    Positions {
        /// As JSON lines.
        json: bool,
    },
    /// Read files again, or skip them.
    Reset {
        /// Globs of files.
        path: Vec<String>,
        /// Where reading goes on.
        to: Place,
        /// Do it: otherwise it is only said.
        yes: bool,
    },
    /// What waits for each sink, and the dead letters.
    Outbox {
        /// As JSON lines.
        json: bool,
    },
    /// Send dead letters again.
    Retry(Selection),
    /// Delete dead letters.
    Drop {
        /// Which.
        selection: Selection,
        /// Do it: otherwise it is only said.
        yes: bool,
    },
    /// Hold messages of such alerts back. Its end is by the clock of the box.
    Silence(Silence),
    /// The silences that have not ended.
    Silences {
        /// As JSON lines.
        json: bool,
    },
    /// End a silence.
    EndSilence {
        /// Its id, or the beginning that it alone has.
        id: String,
    },
    /// Somebody is on an alert.
    Ack {
        /// Its fingerprint, or the beginning that it alone has.
        id: String,
        /// Who.
        who: String,
    },
}

/// Where reading goes on after a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    /// At the first byte.
    Start,
    /// After the last complete line.
    End,
}

/// Dead letters: by id, those of a sink, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Selection {
    /// Ids, as the list shows them.
    pub ids: Vec<String>,
    /// Those of one sink.
    pub sink: Option<String>,
    /// All.
    pub all: bool,
}

/// What it takes to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The state, beside everything else.
    Store,
    /// The thread that reads.
    Reading,
    /// That nothing reads or sends.
    Rest,
}

impl Request {
    /// What it takes to answer it.
    pub fn needs(&self) -> Needs {
        match self {
            Request::Alerts { .. }
            | Request::Silence(_)
            | Request::Silences { .. }
            | Request::EndSilence { .. }
            | Request::Ack { .. } => Needs::Reading,
            Request::Reset { yes: true, .. } => Needs::Rest,
            _ => Needs::Store,
        }
    }
}

/// What comes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// To be printed as it is; coloured.
    Text(String),
    /// Open alerts, the gravest first.
    Alerts {
        /// As many as there is room for.
        alerts: Vec<Shown>,
        /// How many more there are.
        left_out: usize,
    },
    /// Why it was not done, and what to do.
    Refused(String),
}

/// Why a request was not done, with what to do about it.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl Refused {
    /// With these words.
    pub fn new(why: impl Into<String>) -> Refused {
        Refused(why.into())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl From<crate::store::StoreError> for Refused {
    fn from(error: crate::store::StoreError) -> Refused {
        Refused(error.to_string())
    }
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Refused {
        Refused(error.to_string())
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Refused {
        Refused(error.to_string())
    }
}

/// A request, and who waits for its reply.
#[derive(Debug)]
pub(crate) struct Asked {
    pub request: Request,
    reply: oneshot::Sender<Reply>,
}

impl Asked {
    /// A request, and where its reply will be.
    pub fn new(request: Request) -> (Asked, oneshot::Receiver<Reply>) {
        let (reply, waiting) = oneshot::channel();
        (Asked { request, reply }, waiting)
    }

    /// Answers it by what `answer` says. Whoever asked may have gone, which is no matter.
    pub fn answer(self, answer: impl FnOnce(Request) -> Result<Reply, Refused>) {
        let reply = answer(self.request).unwrap_or_else(|Refused(why)| Reply::Refused(why));
        let _ = self.reply.send(reply);
    }
}

/// Requests that wait for the thread that reads.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    waiting: Arc<Mutex<VecDeque<Asked>>>,
    bell: Bell,
}

impl Desk {
    /// One whose requests ring `bell`.
    pub fn new(bell: Bell) -> Desk {
        Desk { waiting: Arc::default(), bell }
    }

    /// Adds a request.
    pub fn put(&self, asked: Asked) {
        // One step: a panic leaves no half of it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(asked);
        self.bell.ring();
    }

    /// Takes the oldest.
    pub fn take(&self) -> Option<Asked> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
