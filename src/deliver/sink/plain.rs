//! An outbox message shortened to what is necessary, for a receiver that refused the whole of it.

use crate::base::text::cut;
use crate::model::alert::{Alert, Context, Digest, Message, OutboxMessage};

/// Characters of a record that are kept.
const RECORD_CHARS_MAX: usize = 1_000;
/// Characters of a text of the page, and of one value from a log.
const TEXT_CHARS_MAX: usize = 500;
/// Links, followers and causes: so many of each.
const PARTS_MAX: usize = 3;

/// The same message, under the same id and in the same form, with less in it: an alert without the
/// lines around its record, a digest with one line a signature.
pub(super) fn shorten(whole: &OutboxMessage) -> OutboxMessage {
    let message = match &whole.message {
        Message::Alert(alert) => Message::Alert(Box::new(alert_in_short((**alert).clone()))),
        Message::Digest { host, lang, digest } => {
            let mut short = Digest::default();
            short.add_by_signature(digest);
            Message::Digest { host: host.clone(), lang: *lang, digest: short }
        }
    };
    OutboxMessage { message, ..whole.clone() }
}

fn alert_in_short(mut alert: Alert) -> Alert {
    alert.context = Context::default();
    alert.record = cut(&alert.record, RECORD_CHARS_MAX);
    alert.meaning = cut(&alert.meaning, TEXT_CHARS_MAX);
    // The group names the alert, but a value longer than this names nothing to a person.
    for value in alert.fields.values_mut().chain(alert.group.values_mut()) {
        *value = cut(value, TEXT_CHARS_MAX);
    }
    // All steps stay, and no command is cut: half of one does something else.
    alert.action.iter_mut().for_each(|step| step.text = cut(&step.text, TEXT_CHARS_MAX));
    alert.other_releases.clear();
    alert.links.truncate(PARTS_MAX);
    alert.followers.truncate(PARTS_MAX);
    for follower in &mut alert.followers {
        (follower.newest, follower.earlier) = (None, Vec::new());
    }
    alert.possible_causes.truncate(PARTS_MAX);
    alert.confirmed.truncate(PARTS_MAX);
    alert
}
