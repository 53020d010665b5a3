//! A bucket as the feed of a trust keeper.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::kv;
use bytes::Bytes;
use coseal::{
    NewRecord, Pattern, ReceivingKey, Sealer, SigningKey, Time, TrustAnchor, TrustBundle,
    TrustSource,
};
use coseal_nats::{Consumer, DeadLetters, Outgoing, Producer, TrustFeed};
use coseal_store::TrustKeeper;
use tokio::time::{sleep, timeout};

use common::{DEAD_SUBJECT, Nats};

const PATIENCE: Duration = Duration::from_secs(20);
const CHANNEL: &str = "orders.eu";

fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn producer() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

fn receiving() -> ReceivingKey {
    ReceivingKey::from_bytes(&[3; 32])
}

/// Bundles of sequence 1, 2 and 3; from the second on the producer is known.
fn bundles() -> [Vec<u8>; 3] {
    let (now, day) = (Time::now(), Duration::from_secs(86_400));
    let anchor = TrustAnchor::pinned([root().verifying_key().clone()]);
    let load = |bytes: &[u8]| TrustBundle::load(bytes, &anchor, now).unwrap();
    let first = TrustBundle::make("example.test").sign(&root(), now, now.plus(day)).unwrap();
    let mut edit = load(&first).edit().unwrap();
    edit.add(NewRecord {
        key: producer().verifying_key().clone().into(),
        subject: "spiffe://example.test/producer".into(),
        valid_from: Time::from_secs(1_600_000_000),
        valid_until: None,
        channels: vec![Pattern::new("orders.>").unwrap()],
    })
    .unwrap();
    let second = edit.sign(&root(), now, now.plus(day)).unwrap();
    let third = load(&second).edit().unwrap().sign(&root(), now, now.plus(day)).unwrap();
    [first, second, third]
}

fn keeper(first: &[u8]) -> Arc<TrustKeeper> {
    let anchor = TrustAnchor::pinned([root().verifying_key().clone()]).domain("example.test");
    Arc::new(TrustKeeper::builder(anchor).start(first).unwrap())
}

async fn bucket(nats: &Nats) -> kv::Store {
    let config = kv::Config { bucket: "trust".into(), history: 5, ..kv::Config::default() };
    nats.context.create_key_value(config).await.unwrap()
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_in_force_and_never_rolled_back() {
    let nats = Nats::without_stream().await;
    let bucket = bucket(&nats).await;
    let [first, second, third] = bundles();
    let keeper = keeper(&first);
    // What was put before anybody watched.
    bucket.put("bundle", second.clone().into()).await.unwrap();
    let offered = Arc::clone(&keeper);
    let feed =
        TrustFeed::start(bucket.clone(), "bundle", move |bytes| offered.offer(bytes).map(drop));
    until("the second bundle", || keeper.current().sequence() == 2).await;
    // Somebody puts the first one back, and rubbish, and deletes all.
    bucket.put("bundle", first.into()).await.unwrap();
    let kind = || keeper.last_refusal().and_then(|refusal| refusal.kind);
    until("a refusal", || kind() == Some("rolled_back")).await;
    bucket.put("bundle", Bytes::from_static(b"rubbish")).await.unwrap();
    until("a refusal", || kind() != Some("rolled_back")).await;
    bucket.delete("bundle").await.unwrap();
    feed.refresh().await.unwrap();
    assert_eq!(keeper.current().sequence(), 2);
    // A watch outlives the server.
    nats.restart().await;
    bucket.put("bundle", third.into()).await.unwrap();
    until("the third bundle", || keeper.current().sequence() == 3).await;
    assert_eq!(feed.refresh().await.map_err(|error| error.to_string()), Ok(()));
}

/// A consumer that meets an unknown signer asks the bucket, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_asks_the_bucket() {
    let nats = Nats::without_stream().await;
    let bucket = bucket(&nats).await;
    let [first, second, _] = bundles();
    let keeper = keeper(&first);
    let offered = Arc::clone(&keeper);
    let feed =
        TrustFeed::start(bucket.clone(), "bundle", move |bytes| offered.offer(bytes).map(drop));
    let mut consumer = Consumer::builder(Arc::clone(&keeper) as _, Duration::from_secs(600))
        .key(receiving())
        .refresh(feed.asking())
        .dead_letters(DeadLetters::subject(nats.context.clone(), DEAD_SUBJECT))
        .subscribe(&nats.client, CHANNEL)
        .await
        .unwrap();
    let seal =
        |channel: &str| Sealer::builder(producer(), channel).recipient(receiving().recipient_key());
    let sealers = coseal_carrier::Sealers::new("nats", Arc::clone(&keeper) as _, {
        move |channel, _, _| Ok(seal(channel))
    });
    let producer = Producer::builder(sealers).core(nats.client.clone()).unwrap();
    // It does not wait for the watch to bring it: what was put is read.
    bucket.put("bundle", second.into()).await.unwrap();
    producer.publish(Outgoing::new(CHANNEL, "hello")).await.unwrap();
    let message = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(message.payload(), b"hello");
    assert_eq!(message.signed().signer, "spiffe://example.test/producer");
    assert!(nats.letters().await.is_empty());
}
