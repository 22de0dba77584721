//! Any bytes as what the store kept: read or refused, and what is read goes on.

use std::time::Duration;

use jiff::Timestamp;
use sealtail::base::secret::Secret;
use sealtail::correlate::{Correlator, OpenAlert, Policy};
use sealtail::deliver::sink::{Carried, Destination, Slack, Stdout, Webhook};
use sealtail::model::alert::{Lang, OutboxMessage};
use sealtail::model::position::Position;
use sealtail::signature::Catalogue;

/// Reads `data` as each kind of row.
pub fn run(data: &[u8]) {
    if let Some(alert) = OpenAlert::decode(data) {
        open_alert(alert);
    }
    if let Ok(letter) = serde_json::from_slice::<OutboxMessage>(data) {
        self::letter(&letter);
    }
    if let Ok(position) = serde_json::from_slice::<Position>(data) {
        let again = serde_json::to_vec(&position).and_then(|row| serde_json::from_slice::<Position>(&row));
        assert!(again.is_ok_and(|again| again == position));
    }
}

/// It comes back as it was kept, and a clock that jumps does it no harm.
fn open_alert(alert: OpenAlert) {
    assert_eq!(OpenAlert::decode(&alert.encode()).as_ref(), Some(&alert));
    let policy = Policy { repeat_every: Duration::from_secs(3_600), resolve_after: Duration::from_secs(900) };
    let mut correlator = Correlator::new(policy, [("fingerprint".to_owned(), alert)]);
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        for notice in correlator.tick(now) {
            let alert = notice.render(&Catalogue::new([]), Lang::En, &Default::default());
            assert_eq!(alert.fingerprint, "fingerprint");
        }
    }
}

/// Every sink can tell it, in JSON.
fn letter(letter: &OutboxMessage) {
    let url = Secret::new("http://127.0.0.1/");
    for destination in [
        Destination::Webhook(Webhook { url: url.clone(), key: None }),
        Destination::Slack(Slack { url }),
        Destination::Stdout(Stdout { json: true }),
        Destination::Stdout(Stdout { json: false }),
    ] {
        match destination.carried() {
            Carried::Http(sink) => {
                let request = sink.request(letter, Timestamp::UNIX_EPOCH);
                assert!(serde_json::from_str::<serde_json::Value>(&request.body).is_ok());
            }
            Carried::Stdout(sink) => {
                let text = sink.print(letter);
                assert!(text.ends_with('\n'), "{text:?}");
            }
        }
    }
}
