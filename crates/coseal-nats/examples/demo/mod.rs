//! What the examples share: a server's address, and keys that everybody knows.
//! Real ones come from key files and a trust bundle that is handed out: see
//! `coseal-store`, and `coseal help`.
#![allow(dead_code, reason = "each example uses its part")]

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use coseal::{
    NewRecord, Pattern, PublicKey, ReceivingKey, Result, Sealer, SealerBuilder, SigningKey, Time,
    TrustAnchor, TrustBundle,
};
use coseal_carrier::Sealers;

pub(crate) const SHOP: &str = "spiffe://example.org/shop";
pub(crate) const BILLING: &str = "spiffe://example.org/billing";

/// The server, and a client of it.
pub(crate) async fn connect() -> Result<async_nats::Client, async_nats::ConnectError> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".into());
    async_nats::connect(url).await
}

/// The streams of orders and of dead letters.
pub(crate) async fn streams(
    context: &jetstream::Context,
) -> Result<stream::Stream, jetstream::context::CreateStreamError> {
    let stream = |name: &str, subject: &str| stream::Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        ..stream::Config::default()
    };
    context.get_or_create_stream(stream("DEAD", "dead.>")).await?;
    context.get_or_create_stream(stream("ORDERS", "orders.>")).await
}

pub(crate) fn receiving(of: &str) -> ReceivingKey {
    ReceivingKey::from_bytes(&[if of == SHOP { 4 } else { 5 }; 32])
}

fn signing(of: &str) -> SigningKey {
    SigningKey::from_bytes(&[if of == SHOP { 2 } else { 3 }; 32])
}

/// Who may sign for which channel, and who can open it.
pub(crate) fn trust() -> Result<Arc<TrustBundle>> {
    let root = SigningKey::from_bytes(&[1; 32]);
    let now = Time::now();
    let mut edit = TrustBundle::make("example.org");
    let mut add = |subject: &str, key: PublicKey, channels: &str| {
        edit.add(NewRecord {
            key,
            subject: subject.to_owned(),
            valid_from: Time::from_secs(1_700_000_000),
            valid_until: None,
            channels: vec![Pattern::new(channels)?],
        })
    };
    for subject in [SHOP, BILLING] {
        add(subject, signing(subject).verifying_key().clone().into(), ">")?;
        add(subject, receiving(subject).recipient_key().clone().into(), ">")?;
    }
    let bundle = edit.sign(&root, now, now.plus(Duration::from_secs(86_400)))?;
    let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
    Ok(Arc::new(TrustBundle::load(&bundle, &anchor, now)?))
}

/// Seals as `from` for whoever is `to`, on any channel.
pub(crate) fn sealers(trust: &Arc<TrustBundle>, from: &'static str, to: &'static str) -> Sealers {
    Sealers::new("nats", Arc::new(Arc::clone(trust)), move |channel, bundle, now| {
        Ok(signer(from, channel).recipients(bundle.receiving_keys(to, channel, now)))
    })
}

/// Signs as `from`, for recipients yet to be named.
pub(crate) fn signer(from: &str, channel: &str) -> SealerBuilder {
    Sealer::builder(signing(from), channel)
}
