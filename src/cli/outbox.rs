//! `sealtail outbox`.

use anyhow::Result;

use super::{OutboxArgs, OutboxTask, Selection};
use crate::watch::control::{self, Request};

pub(super) fn run(args: OutboxArgs) -> Result<u8> {
    args.state.print(match args.task {
        OutboxTask::List { json } => Request::Outbox { json },
        OutboxTask::Retry(selection) => Request::Retry(selection.into()),
        OutboxTask::Drop { selection, yes } => Request::Drop { selection: selection.into(), yes },
    })
}

impl From<Selection> for control::Selection {
    fn from(Selection { ids, sink, all }: Selection) -> control::Selection {
        control::Selection { ids, sink, all }
    }
}
