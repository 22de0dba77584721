//! The heartbeat: a request to a dead-man's switch at an interval, for as long as sealtail is healthy.
//!
//! The receiver raises the alarm when none comes: that covers a box without power as well as a state
//! that cannot be written. A heartbeat says that sealtail is healthy *now*: it is sent once, past the
//! outbox, and one that failed is not sent later.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::base::secret::Secret;
use crate::deliver::outbound::Direct;
use crate::telemetry::Telemetry;

/// Before the first heartbeat: how often it checks whether the first scan of the files is complete.
const READY_EVERY: Duration = Duration::from_millis(200);

/// Where it is sent, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address; it is a password.
    pub url: Secret,
    /// The time from one to the next.
    pub every: Duration,
}

/// The running heartbeat; it stops when this is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    task: JoinHandle<()>,
}

impl Heartbeat {
    /// Sends heartbeats from now on, inside the runtime it is called from. `host` is the name of the box.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub fn start(settings: &Settings, host: &str, telemetry: Telemetry) -> Result<Heartbeat, String> {
        let address = Direct::new(settings.url.clone())?;
        // Services that keep the body show it: it names the box and the version.
        let body = json!({ "host": host, "sealtail": env!("CARGO_PKG_VERSION") }).to_string();
        let task = tokio::spawn(beat(address, body, settings.every, telemetry));
        Ok(Heartbeat { task })
    }

    /// Waits until its task ends by itself, which it does only by a panic.
    pub async fn ended(&mut self) {
        // The panic was logged.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What became of the last one; each change is logged once.
#[derive(PartialEq, Eq)]
enum Last {
    Arrived,
    Failed,
    Held,
}

async fn beat(address: Direct, body: String, every: Duration, telemetry: Telemetry) {
    while telemetry.health().ready().is_err() {
        sleep(READY_EVERY).await;
    }
    let meter = telemetry.meter();
    let mut last = Last::Arrived;
    let mut due = interval(every);
    // After a suspend one is enough.
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        #[cfg(test)]
        telemetry.faults().trip("heartbeat");
        let now = match telemetry.health().healthy(Instant::now()) {
            Err(why) => {
                meter.heartbeats_held.add(1);
                if last != Last::Held {
                    tracing::warn!("heartbeat held back while sealtail is not healthy: {why}");
                }
                Last::Held
            }
            Ok(()) => match address.post(body.clone()).await {
                Ok(()) => {
                    meter.heartbeats.add(1);
                    if last != Last::Arrived {
                        tracing::info!("heartbeat delivered again");
                    }
                    Last::Arrived
                }
                Err(why) => {
                    meter.heartbeats_failed.add(1);
                    if last != Last::Failed {
                        tracing::warn!("heartbeat not delivered, the next one is sent at its time: {why}");
                    }
                    Last::Failed
                }
            },
        };
        last = now;
    }
}
