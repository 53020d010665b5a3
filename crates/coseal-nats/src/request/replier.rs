//! A request → its reply.

use std::fmt;
use std::sync::Arc;

use async_nats::Client;
use coseal::{Error, Result, SealerBuilder, TrustSource};
use coseal_carrier::Sealers;

use super::reply_channel;
use crate::{CARRIER, Outgoing, Producer, Published, Received};

/// Between the channel and the requester in the name of a sealer: neither has
/// control characters.
const BETWEEN: char = '\n';

/// Seals replies to requests, and sends them.
#[derive(Clone)]
pub struct Replier {
    producer: Producer,
}

impl Replier {
    /// Asks `sign` for a sealer of a reply channel that has no recipients yet:
    /// they are the receiving keys that the bundle names for whoever signed the
    /// request. Call it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn new(
        client: Client,
        trust: Arc<dyn TrustSource>,
        sign: impl Fn(&str) -> Result<SealerBuilder> + Send + Sync + 'static,
    ) -> Result<Self> {
        let sealers = Sealers::new(CARRIER, trust, move |name, bundle, now| {
            let (channel, requester) = name
                .split_once(BETWEEN)
                .ok_or_else(|| Error::Misuse("internal: a reply to nobody".into()))?;
            let keys = bundle.receiving_keys(requester, channel, now);
            if keys.is_empty() {
                let detail = format!("{requester:?} has no key to open {channel:?} with");
                return Err(Error::Misuse(detail.into()));
            }
            Ok(sign(channel)?.recipients(keys))
        });
        Ok(Self { producer: Producer::builder(sealers).core(client)? })
    }

    /// Sends `answer`, made by [`Outgoing::reply`], to whoever signed `request`.
    /// Acknowledging the request is another matter.
    ///
    /// # Errors
    ///
    /// `misuse` where nobody waits for a reply, or the signer of the request
    /// has no receiving key for the reply's channel; those of
    /// [`Producer::publish`].
    pub async fn reply(&self, request: &Received, answer: Outgoing) -> Result<Published> {
        let Some(subject) = request.unsigned().reply.clone() else {
            return Err(Error::Misuse("nobody waits for a reply to this message".into()));
        };
        let signed = request.signed();
        let sealer = format!("{}{BETWEEN}{}", reply_channel(&signed.channel), signed.signer);
        self.producer.publish(answer.answering(subject, sealer, signed.id)).await
    }
}

impl fmt::Debug for Replier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replier").finish_non_exhaustive()
    }
}
