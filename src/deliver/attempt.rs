//! One attempt: a message is sent once, and once more in plain form if the whole of it was found unfit.

use super::carrier::{Carrier, Form, PipeClosed};
use crate::deliver::sink::Outcome;
use crate::model::alert::OutboxMessage;

/// Sends `message`; if the whole of it is malformed or too large to the receiver, its plain form at
/// once under the same id. So what waits behind it waits for one attempt more, and no longer.
pub(super) async fn whole_or_plain(
    sink: &str,
    carrier: &Carrier,
    message: &OutboxMessage,
) -> Result<Outcome, PipeClosed> {
    let outcome = carrier.send(message, Form::Whole).await?;
    let Outcome::Unfit { reason } = outcome else { return Ok(outcome) };
    if !carrier.has_plain() {
        return Ok(Outcome::Unfit { reason });
    }
    match carrier.send(message, Form::Plain).await? {
        Outcome::Delivered => {
            tracing::warn!(
                sink,
                id = message.id,
                "message refused as a whole, delivered in plain form: {reason}"
            );
            Ok(Outcome::Delivered)
        }
        // Of the two reasons it is the first that tells what is wrong with the message.
        Outcome::Unfit { .. } | Outcome::Refused { .. } => Ok(Outcome::Unfit { reason }),
        // Next time it begins with the whole message again.
        outcome @ (Outcome::Retry { .. } | Outcome::Revoked { .. }) => Ok(outcome),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::base::secret::Secret;
    use crate::deliver::outbound::Client;
    use crate::deliver::sink::{HttpSink, PrintSink, Reply, Request};
    use crate::model::alert::Message;
    use crate::model::alert::tests::sample;

    /// A sink that panics on every whole message, and on plain ones if `plain`.
    #[derive(Debug)]
    struct Panicking {
        url: Secret,
        plain: bool,
    }

    impl HttpSink for Panicking {
        fn url(&self) -> &Secret {
            &self.url
        }

        fn request(&self, _: &OutboxMessage, _: Timestamp) -> Request {
            panic!("on purpose, in a sink");
        }

        fn plain(&self, message: &OutboxMessage, now: Timestamp) -> Request {
            if self.plain {
                return self.request(message, now);
            }
            Request { url: self.url.clone(), headers: vec![], body: String::new() }
        }

        fn outcome(&self, _: &Reply, _: Timestamp) -> Outcome {
            Outcome::Delivered
        }
    }

    impl PrintSink for Panicking {
        fn print(&self, _: &OutboxMessage) -> String {
            panic!("on purpose, in a sink");
        }
    }

    #[tokio::test]
    async fn a_message_that_breaks_its_sink_goes_in_plain_form_or_is_unfit() {
        let message = OutboxMessage {
            id: "1".to_owned(),
            message: Message::Alert(Box::new(sample())),
            created: "2022-06-24T06:00:01Z".to_owned(),
        };
        let panicking = |plain| Panicking { url: Secret::new("http://127.0.0.1:1/"), plain };
        let http = |plain| {
            let sink = panicking(plain);
            Carrier::Http { client: Client::new(&sink.url).unwrap(), sink: Box::new(sink) }
        };
        for (carrier, expected) in [
            // The plain form is sent: nobody listens there.
            (http(false), "Retry { after: None, reason: \"refused: "),
            (http(true), "Unfit { reason: \"sealtail panicked on this message; "),
            (
                Carrier::Stdout(Box::new(panicking(true))),
                "Unfit { reason: \"sealtail panicked on this message; ",
            ),
        ] {
            let outcome = format!("{:?}", whole_or_plain("ops", &carrier, &message).await);
            assert!(outcome.starts_with(&format!("Ok({expected}")), "{outcome}");
        }
    }
}
