//! The heartbeat: a dead-man's switch hears from sealtail for as long as it is well.
//!
//! Whoever listens raises the alarm when nothing comes: that covers a box without power as well as a
//! state that cannot be written. What is said is that sealtail is well *now*, so it is said once, past
//! the outbox, and never made up for.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::complaint::Desk;
use crate::outbound::Direct;
use crate::secret::Secret;

/// How often is looked whether the files have been looked at, before the first one.
const READY_EVERY: Duration = Duration::from_millis(200);

/// Whom it goes to, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address; it is a password.
    pub url: Secret,
    /// The time from one to the next.
    pub every: Duration,
}

/// The heartbeat at work; it stops when this is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    beating: JoinHandle<()>,
}

impl Heartbeat {
    /// Beats from now on, inside the runtime it is called from. `host` is the name of the box.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub fn start(settings: &Settings, host: &str, desk: Desk) -> Result<Heartbeat, String> {
        let address = Direct::new(settings.url.clone())?;
        // Services that keep what they hear show it: it says who speaks.
        let body = json!({ "host": host, "sealtail": env!("CARGO_PKG_VERSION") }).to_string();
        let beating = tokio::spawn(beat(address, body, settings.every, desk));
        Ok(Heartbeat { beating })
    }

    /// Waits until it ends by itself, which it only does when it broke.
    pub async fn ended(&mut self) {
        // That it panicked has been said.
        let _ = (&mut self.beating).await;
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

/// What became of the last one; each change is said once.
#[derive(PartialEq, Eq)]
enum Last {
    Arrived,
    Failed,
    Held,
}

async fn beat(address: Direct, body: String, every: Duration, desk: Desk) {
    while desk.pulse().ready().is_err() {
        sleep(READY_EVERY).await;
    }
    let meter = desk.meter();
    let mut last = Last::Arrived;
    let mut due = interval(every);
    // After a suspend one is enough.
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        #[cfg(test)]
        desk.pulse().comes_to("heartbeat");
        let now = match desk.pulse().well(Instant::now()) {
            Err(why) => {
                meter.heartbeats_held.add(1);
                if last != Last::Held {
                    tracing::warn!("the heartbeat is held back: {why}");
                }
                Last::Held
            }
            Ok(()) => match address.post(body.clone()).await {
                Ok(()) => {
                    meter.heartbeats.add(1);
                    if last != Last::Arrived {
                        tracing::info!("the heartbeat arrives again");
                    }
                    Last::Arrived
                }
                Err(why) => {
                    meter.heartbeats_failed.add(1);
                    if last != Last::Failed {
                        tracing::warn!("the heartbeat does not arrive, it goes on trying: {why}");
                    }
                    Last::Failed
                }
            },
        };
        last = now;
    }
}
