//! Rows of the store, as sealtail writes them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sealtail::correlate::{Correlator, Policy, Sighting};
use sealtail::detect::{Detector, Stream};
use sealtail::frame::End;
use sealtail::model::alert::{Digest, Lang, Message, OutboxMessage};
use sealtail::model::position::{FilePlace, Identity, Mark, Place, Position, Progress, Seen};
use sealtail::signature::{Catalogue, builtin};

/// A position, and the open alerts and letters that the samples of the built-in pages lead to.
pub fn seeds() -> Vec<Vec<u8>> {
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let detector = Detector::new(catalogue, TimeZone::UTC).unwrap();
    let policy = Policy { repeat_every: Duration::from_secs(3_600), resolve_after: Duration::from_secs(900) };
    let mut correlator = Correlator::new(policy, []);
    let mut digest = Digest::default();
    let mut rows = vec![serde_json::to_vec(&position()).unwrap()];
    for page in builtin::pages() {
        Stream::new(&detector).advance(page.page.text.as_bytes(), End::Final, |found| {
            let sighting = Sighting {
                signature: &found.signature,
                context: found.context(2, &detector),
                names: found.names(&page.page.path),
                host: "seal-07",
                source: "worker",
                path: &page.page.path,
                finding: found.finding,
                ends: false,
            };
            for notice in correlator.observe(vec![sighting], Timestamp::UNIX_EPOCH) {
                let alert = notice.render(detector.catalogue(), Lang::En, &Default::default());
                digest.add(&alert);
                rows.push(letter(Message::Alert(Box::new(alert))));
            }
        });
    }
    rows.push(letter(Message::Digest { host: "seal-07".to_owned(), lang: Lang::Zh, digest }));
    rows.extend(correlator.changes().into_iter().filter_map(|(_, alert)| Some(alert?.encode())));
    rows
}

fn letter(message: Message) -> Vec<u8> {
    let (id, created) = ("msg_000000000000000000000000".to_owned(), "2022-06-24T06:35:02Z".to_owned());
    serde_json::to_vec(&OutboxMessage { id, created, message }).unwrap()
}

fn position() -> Position {
    let mark = |length| Mark { length, hash: "0123456789abcdef0123456789abcdef".to_owned() };
    Position {
        source: "worker".to_owned(),
        path: "/var/log/venus-worker/worker.log".to_owned(),
        place: Place::File(FilePlace {
            identity: Identity { device: 1, inode: 2, head: mark(1_024), tail: mark(64), ahead: mark(200) },
            seen: Seen { unread: 5_000, modified: (1_656_052_404, 100_000_000) },
        }),
        progress: Progress {
            offset: 4_096,
            line: 17,
            reported: vec!["venus-cluster/once-poisoned".to_owned()],
            ..Progress::default()
        },
    }
}
