//! Requests that the thread that reads answers.

use super::Watch;
use super::control::{Asked, Facts, Refused, Request, change, open_alerts};
use super::pipeline::{Now, Pipeline};
use crate::model::alert::Lang;
use crate::source::contract::Source;
use crate::watch::control::Reply;

/// An answer that waits for the commit of what it tells.
#[derive(Debug)]
pub(super) struct Promised {
    asked: Asked,
    reply: Result<Reply, Refused>,
}

impl Watch {
    /// Answers what was asked meanwhile: at once, or once the state has what was changed.
    pub(super) fn serve(&mut self, now: Now) {
        while let Some(asked) = self.desk.take() {
            if let Request::Alerts { lang } = asked.request {
                asked.answer(|_| Ok(self.pipeline.open_alerts(lang, now)));
                continue;
            }
            let reply = change(&mut self.pipeline.correlator, asked.request.clone(), now.moment);
            // What was held back may be told.
            self.pipeline.tick(now);
            self.promised.push(Promised { asked, reply: reply.map(Reply::Text) });
        }
        if !self.promised.is_empty() && self.commit() {
            for Promised { asked, reply } in self.promised.drain(..) {
                asked.answer(|_| reply);
            }
        }
    }
}

impl<S: Source> Pipeline<S> {
    /// The open alerts, and who is told of each.
    fn open_alerts(&self, lang: Lang, now: Now) -> Reply {
        let setup = &self.setup;
        let (catalogue, vars) = (setup.detector.catalogue(), &setup.vars);
        let facts = Facts { catalogue, vars, sinks: &setup.sinks, host: &setup.host };
        let (alerts, left_out) = open_alerts(&self.correlator, &facts, lang, now.moment);
        Reply::Alerts { alerts, left_out }
    }
}
