//! What a producer and a consumer of streams do beyond the attacks and faults
//! that all carriers stand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{self, RetentionPolicy};
use coseal::{Envelope, InMemoryReplay, OwnedValue};
use coseal_carrier::RefusedMessage;
use coseal_carrier_testkit::World;
use coseal_nats::{
    Consumer, DeadLetters, OrderedStart, Outgoing, Producer, Received, Redrive, Redriven,
};
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};

use common::{DEAD, DEAD_SUBJECT, Nats, STREAM, jetstream_producer, sealers};

const CHANNEL: &str = "orders.eu";
const PATIENCE: Duration = Duration::from_secs(30);
const ACK_WAIT: Duration = Duration::from_secs(2);

async fn next(consumer: &mut Consumer) -> Received {
    timeout(PATIENCE, consumer.next()).await.expect("a message is missing").unwrap().unwrap()
}

async fn consumer(nats: &Nats, world: &Arc<World>) -> Consumer {
    let durable = nats.durable(CHANNEL, ACK_WAIT).await;
    nats.builder(world).jetstream(&nats.context, durable).await.unwrap()
}

async fn reasons(nats: &Nats, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let letters = nats.letters().await;
        if letters.len() >= count || begun.elapsed() > PATIENCE {
            return letters.iter().map(RefusedMessage::reason).collect();
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_recognises_copies_by_the_message_id() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    let own = producer.publish(Outgoing::new(CHANNEL, "a")).await.unwrap();
    let named = || Outgoing::new(CHANNEL, "b").message_id("order-7");
    let first = producer.publish(named()).await.unwrap();
    let second = producer.publish(named()).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "order-8");
    producer.publish(Outgoing::new(CHANNEL, "c").nats_headers(headers)).await.unwrap();
    assert_eq!(own.stored, Some((STREAM.to_owned(), 1)));
    assert!(!own.duplicate && !first.duplicate && second.duplicate);
    assert_eq!(first.stored, second.stored);
    let mut consumer = consumer(&nats, &world).await;
    let signed_id = OwnedValue::Text;
    for (id, signed) in [
        (own.id.to_string(), None),
        ("order-7".into(), Some(signed_id("order-7".into()))),
        ("order-8".into(), Some(signed_id("order-8".into()))),
    ] {
        let message = next(&mut consumer).await;
        assert_eq!(message.unsigned().headers.get("Nats-Msg-Id").unwrap().as_str(), id);
        assert_eq!(message.signed().header("coseal.carrier-id").cloned(), signed);
        message.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_queues_is_signed_together_and_published_in_order() {
    const MESSAGES: usize = 500;
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    let mut deliveries = Vec::new();
    for n in 0..MESSAGES {
        deliveries.push(producer.enqueue(Outgoing::new(CHANNEL, n.to_string())).await.unwrap());
    }
    producer.flush().await.unwrap();
    for (delivery, place) in deliveries.into_iter().zip(1..) {
        assert_eq!(delivery.await.unwrap().stored, Some((STREAM.to_owned(), place)));
    }
    let stored = nats.stored(STREAM).await;
    let sizes =
        stored.iter().map(|(_, bytes)| Envelope::decode(bytes).unwrap().receipt().tree_size);
    assert!(sizes.clone().all(|size| size <= 64) && sizes.max() > Some(1));
    let ends = producer.close().await.unwrap();
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].0, CHANNEL);
    let mut consumer = consumer(&nats, &world).await;
    for n in 0..MESSAGES {
        let message = next(&mut consumer).await;
        assert_eq!(message.payload(), n.to_string().as_bytes());
        message.ack_soon();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_producer_takes_nothing() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    let other = producer.clone();
    let delivery = producer.enqueue(Outgoing::new(CHANNEL, "last")).await.unwrap();
    producer.close().await.unwrap();
    assert!(delivery.await.unwrap().stored.is_some(), "closing lost what was enqueued");
    assert_eq!(other.publish(Outgoing::new(CHANNEL, "late")).await.unwrap_err().code(), "carrier");
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_and_unsigned_are_apart() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let message = Outgoing::new(CHANNEL, "{}")
        .content_type("application/json")
        .header("tenant", "a")
        .traceparent(parent.parse().unwrap())
        .expires_in(Duration::from_secs(3600))
        .nats_header("Tenant", "b")
        .nats_header("tenant", "c");
    producer.publish(message).await.unwrap();
    let mut consumer = consumer(&nats, &world).await;
    let message = next(&mut consumer).await;
    let (signed, unsigned) = (message.signed(), message.unsigned());
    assert_eq!(signed.content_type.as_deref(), Some("application/json"));
    assert_eq!(signed.header("tenant"), Some(&OwnedValue::Text("a".into())));
    assert_eq!(signed.traceparent().unwrap().as_str(), parent);
    assert!(signed.expires_at.is_some() && signed.channel == CHANNEL);
    assert_eq!(unsigned.headers.get("Tenant").unwrap().as_str(), "b");
    assert_eq!(unsigned.headers.get("tenant").unwrap().as_str(), "c");
    assert_eq!(unsigned.position.unwrap().offset, 1);
    // What carriers believe is not for applications to write.
    let forged = Outgoing::new(CHANNEL, "x").message_id("x").header("coseal.request", "y");
    assert_eq!(producer.publish(forged).await.unwrap_err().code(), "misuse");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_back_comes_again_later() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    producer.publish(Outgoing::new(CHANNEL, "later")).await.unwrap();
    let mut consumer = consumer(&nats, &world).await;
    let delay = Duration::from_millis(700);
    let begun = Instant::now();
    next(&mut consumer).await.nak(delay);
    let message = next(&mut consumer).await;
    assert!(begun.elapsed() >= delay, "it came after {:?}", begun.elapsed());
    assert!(message.redelivered());
    assert_eq!(message.unsigned().deliveries, 2);
    message.nak(None);
    // The second wait is twice the first.
    let begun = Instant::now();
    next(&mut consumer).await.ack().await.unwrap();
    assert!((200..2000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_consumer_ends_when_its_caller_is_done() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    for n in 0..10 {
        producer.publish(Outgoing::new(CHANNEL, n.to_string())).await.unwrap();
    }
    let mut first = consumer(&nats, &world).await;
    let held = next(&mut first).await;
    first.drain();
    producer.publish(Outgoing::new(CHANNEL, "10")).await.unwrap();
    let mut came = 1;
    while let Ok(Some(message)) = timeout(Duration::from_millis(500), first.next()).await {
        message.unwrap().ack().await.unwrap();
        came += 1;
    }
    assert!(!format!("{first:?}").is_empty());
    held.ack().await.unwrap();
    assert!(timeout(PATIENCE, first.next()).await.unwrap().is_none(), "it did not end");
    // The rest is there for the next one, without waiting for anything.
    let mut second = consumer(&nats, &world).await;
    let begun = Instant::now();
    for n in came..=10 {
        assert_eq!(next(&mut second).await.payload(), n.to_string().as_bytes());
    }
    assert!(begun.elapsed() < ACK_WAIT);
}

/// As a [`futures_util::Stream`], over several subjects.
#[tokio::test(flavor = "multi_thread")]
async fn wildcards_bring_each_message_over_its_own_channel() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    for channel in ["orders.eu", "orders.us.west", "orders.eu"] {
        producer.publish(Outgoing::new(channel, channel)).await.unwrap();
    }
    let recorded = nats.stored(STREAM).await.remove(0).1;
    nats.context.publish("orders.us.west", recorded.into()).await.unwrap().await.unwrap();
    let durable = nats.durable("orders.>", ACK_WAIT).await;
    let mut consumer = nats.builder(&world).jetstream(&nats.context, durable).await.unwrap();
    let came: Vec<_> = consumer
        .by_ref()
        .take(3)
        .map(|message| {
            let message = message.unwrap();
            let came = (message.subject().to_string(), message.signed().channel.clone());
            message.ack_soon();
            came
        })
        .collect()
        .await;
    let of = |channel: &str| (channel.to_owned(), channel.to_owned());
    assert_eq!(came, [of("orders.eu"), of("orders.us.west"), of("orders.eu")]);
    assert_eq!(reasons(&nats, 1).await, ["misdirected/channel"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_reader_goes_on_over_a_restart_of_the_server() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    for n in 0..20 {
        producer.publish(Outgoing::new(CHANNEL, n.to_string())).await.unwrap();
    }
    let start = OrderedStart::beginning().filter(CHANNEL);
    let builder = nats.builder(&world);
    let mut reader = builder.ordered(&nats.context, STREAM, start).await.unwrap();
    for n in 0..10 {
        assert_eq!(next(&mut reader).await.payload(), n.to_string().as_bytes());
    }
    nats.restart().await;
    producer.publish(Outgoing::new(CHANNEL, "20")).await.unwrap();
    let mut last = 0;
    for n in 10..=20 {
        let message = next(&mut reader).await;
        assert_eq!(message.payload(), n.to_string().as_bytes());
        assert!(!message.redelivered());
        last = message.unsigned().position.unwrap().offset;
    }
    // Whoever goes on where it stood knows what came before.
    let recorded = nats.stored(STREAM).await.remove(4).1;
    nats.context.publish(CHANNEL, recorded.into()).await.unwrap().await.unwrap();
    producer.publish(Outgoing::new(CHANNEL, "21")).await.unwrap();
    let start = OrderedStart::at(last + 1).filter(CHANNEL);
    let builder = nats.builder(&world);
    let mut later = builder.ordered(&nats.context, STREAM, start).await.unwrap();
    assert_eq!(next(&mut later).await.payload(), b"21");
    assert_eq!(reasons(&nats, 1).await[0], "stale/replayed");
}

/// What a consumer saw before it was started anew, it knows from the stream:
/// what lies further back than that it refuses.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_known_after_a_restart() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    let begin = async || {
        let durable = nats.durable(CHANNEL, ACK_WAIT).await;
        Consumer::builder(world.trust(), Duration::from_secs(1))
            .skew(Duration::ZERO)
            .key(world.receiving())
            .dead_letters(DeadLetters::subject(nats.context.clone(), DEAD_SUBJECT))
            .jetstream(&nats.context, durable)
            .await
            .unwrap()
    };
    let replay = async |place: usize| {
        let recorded = nats.stored(STREAM).await.remove(place).1;
        nats.context.publish(CHANNEL, recorded.into()).await.unwrap().await.unwrap();
    };
    producer.publish(Outgoing::new(CHANNEL, "pay 100")).await.unwrap();
    let mut consumer = begin().await;
    next(&mut consumer).await.ack().await.unwrap();
    consumer.abort();
    replay(0).await;
    let consumer = begin().await;
    assert_eq!(reasons(&nats, 1).await, ["stale/replayed"]);
    // Its signer falls silent, and the window passes.
    sleep(Duration::from_millis(2500)).await;
    nats.context.publish(CHANNEL, "noise".into()).await.unwrap().await.unwrap();
    assert_eq!(reasons(&nats, 2).await[1], "malformed/cbor");
    // The server is told of it before this one ends.
    while nats.durable(CHANNEL, ACK_WAIT).await.get_info().await.unwrap().num_ack_pending > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    consumer.abort();
    replay(0).await;
    let mut consumer = begin().await;
    producer.publish(Outgoing::new(CHANNEL, "good")).await.unwrap();
    assert_eq!(next(&mut consumer).await.payload(), b"good");
    assert_eq!(reasons(&nats, 3).await[2], "stale/too_old");
}

/// Status lines are the server's to write, and anybody can write them.
#[tokio::test(flavor = "multi_thread")]
async fn status_lines_are_not_believed() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    let mut consumer = consumer(&nats, &world).await;
    let lines = ["409 Consumer Deleted", "409 Leadership Change", "408 Timeout", "100 Idle", "503"];
    for line in lines {
        let header = format!("NATS/1.0 {line}\r\nNats-Pending-Messages: 100000\r\n\r\n");
        let (header_len, body) = (header.len(), "believe me");
        let total = header_len + body.len();
        nats.server
            .say(format!("HPUB {CHANNEL} {header_len} {total}\r\n{header}{body}\r\n").as_bytes());
        producer.publish(Outgoing::new(CHANNEL, line)).await.unwrap();
        let message = next(&mut consumer).await;
        assert_eq!(message.payload(), line.as_bytes());
        message.ack().await.unwrap();
    }
    assert_eq!(reasons(&nats, lines.len()).await, vec!["malformed/cbor"; lines.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_rightly_is_refused_at_the_start() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let work = stream::Config {
        name: "WORK".into(),
        subjects: vec!["work.>".into()],
        retention: RetentionPolicy::WorkQueue,
        ..stream::Config::default()
    };
    let work = nats.context.create_stream(work).await.unwrap();
    let config = pull::Config { durable_name: Some("w".into()), ..pull::Config::default() };
    let queue = work.create_consumer(config).await.unwrap();
    let builder = || nats.builder(&world);
    let misuse = |started: coseal::Result<Consumer>| {
        let error = started.expect_err("it started");
        assert_eq!(error.code(), "misuse");
        error.to_string()
    };
    // The stream forgets what was acknowledged, so nobody could tell a copy.
    let told = misuse(builder().jetstream(&nats.context, queue.clone()).await);
    assert!(told.contains("memory"), "{told}");
    let memory = Arc::new(InMemoryReplay::new(world.window(), Duration::from_secs(60)));
    builder().memory(memory).jetstream(&nats.context, queue.clone()).await.unwrap();
    // Nowhere to put what is refused.
    let bare = Consumer::builder(world.trust(), world.window()).key(world.receiving());
    misuse(bare.jetstream(&nats.context, queue.clone()).await);
    // Letters that would come back as messages.
    let own = || DeadLetters::subject(nats.context.clone(), "orders.dead");
    let durable = nats.durable("orders.>", ACK_WAIT).await;
    let told = misuse(builder().dead_letters(own()).jetstream(&nats.context, durable).await);
    assert!(told.contains("orders.dead"), "{told}");
    misuse(builder().dead_letters(own()).subscribe(&nats.client, "orders.*").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_in_a_file() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letters");
    let durable = nats.durable(CHANNEL, ACK_WAIT).await;
    let builder = nats.builder(&world).dead_letters(DeadLetters::file(&path).unwrap());
    let mut consumer = builder.jetstream(&nats.context, durable).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("From", "nobody");
    let raw = nats.context.publish_with_headers(CHANNEL, headers, "bad".into()).await;
    raw.unwrap().await.unwrap();
    jetstream_producer(&nats, &world).publish(Outgoing::new(CHANNEL, "good")).await.unwrap();
    next(&mut consumer).await.ack().await.unwrap();
    let begun = Instant::now();
    let bytes = loop {
        let bytes = std::fs::read(&path).unwrap();
        if !bytes.is_empty() {
            break bytes;
        }
        assert!(begun.elapsed() < PATIENCE, "no letter");
        sleep(Duration::from_millis(10)).await;
    };
    let letter = RefusedMessage::decode(&bytes, bytes.len()).unwrap();
    assert_eq!((&*letter.original, letter.reason().as_str()), (&b"bad"[..], "malformed/structure"));
    assert_eq!((&*letter.source, letter.position.unwrap().offset), (CHANNEL, 1));
    assert_eq!(letter.headers, [("From".into(), Some(b"nobody"[..].into()))]);
}

async fn redriven(redrive: &mut Redrive) -> Vec<Redriven> {
    let mut all = Vec::new();
    while let Some(next) = timeout(PATIENCE, redrive.next()).await.expect("it ends") {
        all.push(next.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_redriven_where_the_list_names_them() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let memory = Arc::new(InMemoryReplay::new(world.window(), Duration::from_secs(60)));
    let delivered = Arc::new(InMemoryReplay::new(Duration::MAX, Duration::ZERO));
    let builder = || nats.builder(&world).memory(Arc::clone(&memory) as _);
    let durable = nats.durable(CHANNEL, ACK_WAIT).await;
    let consumer = builder().jetstream(&nats.context, durable).await.unwrap();
    let stranger = world.stranger(CHANNEL).build().unwrap();
    let envelope = stranger.seal(b"we have not met").unwrap();
    for bytes in [envelope.clone(), b"noise".to_vec()] {
        nats.context.publish(CHANNEL, bytes.into()).await.unwrap().await.unwrap();
    }
    assert_eq!(reasons(&nats, 2).await.len(), 2);
    // Until it was told of both, the list does not name them.
    while nats.list.letters().len() < 2 {
        sleep(Duration::from_millis(10)).await;
    }
    drop(consumer);
    // Somebody puts a letter of his own there: a good message, never refused.
    let mut forged = nats.letters().await.remove(0);
    forged.original = stranger.seal(b"smuggled").unwrap().into();
    let put = nats.context.publish(DEAD_SUBJECT, forged.encode().into()).await;
    put.unwrap().await.unwrap();
    world.introduce_stranger();
    world.refresh();
    for passes in [1, 0] {
        let redrive =
            builder().redrive(&nats.context, DEAD, &["orders.>"], Arc::clone(&delivered) as _);
        let mut redrive = redrive.await.unwrap();
        let mut passed = Vec::new();
        let mut left = Vec::new();
        for redriven in redriven(&mut redrive).await {
            match redriven {
                Redriven::Passed(message) => passed.push(message),
                Redriven::Left { letter, why } => left.push((letter.reason(), why.is_some())),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(passed.len(), passes);
        // The forged one is not even judged.
        let expected =
            [("malformed/cbor".into(), true), ("untrusted/unknown_signer".into(), false)];
        assert_eq!(left, expected);
        for message in passed {
            assert_eq!(message.payload, b"we have not met");
            redrive.acknowledge(*message).await.unwrap();
        }
    }
    assert_eq!(nats.letters().await.len(), 2, "the letter of what was delivered is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_message_waits_for_nobody() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = Producer::builder(sealers(&world));
    let producer = producer.max_linger(Duration::from_millis(600));
    let lingering = producer.jetstream(nats.context.clone()).unwrap();
    let prompt = jetstream_producer(&nats, &world);
    let begun = Instant::now();
    lingering.publish(Outgoing::new(CHANNEL, "lingers")).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(600));
    let begun = Instant::now();
    prompt.publish(Outgoing::new(CHANNEL, "prompt")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
}

/// A header block that the client cannot read breaks its connection, whenever
/// it is delivered. It holds up nobody behind it.
#[tokio::test(flavor = "multi_thread")]
async fn header_blocks_that_break_the_client_hold_up_nobody() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let producer = jetstream_producer(&nats, &world);
    let header = "NATS/1.0 what\r\n\r\n";
    let (header_len, body) = (header.len(), "x");
    let total = header_len + body.len();
    nats.server
        .say(format!("HPUB {CHANNEL} {header_len} {total}\r\n{header}{body}\r\n").as_bytes());
    for n in 0..5 {
        producer.publish(Outgoing::new(CHANNEL, n.to_string())).await.unwrap();
    }
    let mut consumer = consumer(&nats, &world).await;
    let mut came = Vec::new();
    while came.len() < 5 {
        let message = next(&mut consumer).await;
        if !message.redelivered() {
            came.push(String::from_utf8(message.payload().to_vec()).unwrap());
        }
        message.ack().await.unwrap();
    }
    came.sort();
    assert_eq!(came, ["0", "1", "2", "3", "4"]);
}
