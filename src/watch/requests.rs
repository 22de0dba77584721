//! Requests that the thread that reads answers.

use super::Watch;
use super::control::{Asked, Refused, Request, shown, takers};
use super::pipeline::Pipeline;
use crate::model::alert::Lang;
use crate::source::contract::Source;
use crate::watch::control::Reply;

impl Watch {
    /// Answers what was asked meanwhile.
    pub(super) fn serve(&mut self) {
        while let Some(asked) = self.desk.take() {
            self.pipeline.answer(asked);
        }
    }
}

impl<S: Source> Pipeline<S> {
    fn answer(&mut self, asked: Asked) {
        asked.answer(|request| match request {
            Request::Alerts { lang } => Ok(self.open_alerts(lang)),
            _ => Err(Refused::new("this is not for the thread that reads")),
        });
    }

    /// The open alerts, and who is told of each.
    fn open_alerts(&self, lang: Lang) -> Reply {
        let setup = &self.setup;
        let open = self.correlator.shown().map(|notice| {
            let sinks = takers(&setup.sinks, &notice, &setup.host).map(|sink| sink.name.clone()).collect();
            (notice, sinks)
        });
        let (alerts, left_out) = shown(open.collect(), setup.detector.catalogue(), &setup.vars, lang);
        Reply::Alerts { alerts, left_out }
    }
}
