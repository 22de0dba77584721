//! What becomes of delivery whose parts break.

use super::*;
use crate::deliver::sink::{Destination, Route, Stdout};

/// The longest a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The outbox is asked where blocking is allowed, and that is not where the sink's own task runs.
#[tokio::test]
async fn an_outbox_that_breaks_while_a_sink_asks_it_ends_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path(), Timestamp::now()).unwrap().store);
    let destination = Destination::Stdout(Stdout { json: true });
    let sink = Sink { name: "out".to_owned(), route: Route::default(), max_per_minute: 0, destination };
    let telemetry = Telemetry::default();
    telemetry.faults().inject("the outbox");
    let mut delivery = Delivery::start(store, vec![sink], &telemetry).unwrap();
    let ended = tokio::time::timeout(PATIENCE, delivery.ended()).await;
    assert_eq!(ended, Ok(End::Broken), "it neither goes on nor hangs");
}
