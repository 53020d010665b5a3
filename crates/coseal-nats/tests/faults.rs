//! What goes wrong around a consumer and a producer: nothing is lost, and
//! nothing comes twice without a mark.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream};
use async_nats::{ConnectOptions, Event};
use coseal_carrier_testkit::World;
use coseal_carrier_testkit::nats::{MAX_PAYLOAD, NatsServer};
use coseal_nats::{Consumer, DeadLetters, Outgoing, Producer};
use tokio::time::{sleep, timeout};

use common::{DEAD_SUBJECT, Nats, STREAM, jetstream_producer, sealers};

const CHANNEL: &str = "orders.eu";
const PATIENCE: Duration = Duration::from_secs(60);

/// Payloads as they came, each with its mark.
async fn collect(consumer: &mut Consumer, distinct: usize) -> Vec<(String, bool)> {
    let mut came = Vec::new();
    let mut seen = BTreeMap::new();
    while seen.len() < distinct {
        let next = timeout(PATIENCE, consumer.next()).await;
        let message = next.expect("a message is missing").unwrap().unwrap();
        let payload = String::from_utf8(message.payload().to_vec()).unwrap();
        *seen.entry(payload.clone()).or_insert(0) += 1;
        came.push((payload, message.redelivered()));
        // Where the connection just broke, it comes again, marked.
        message.ack().await.unwrap();
    }
    came
}

/// Ended in order, and by −9, while messages are published and consumed.
#[tokio::test(flavor = "multi_thread")]
async fn server_restarted_in_the_middle() {
    const MESSAGES: usize = 1500;
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let durable = nats.durable(CHANNEL, Duration::from_secs(1)).await;
    let mut consumer = nats.builder(&world).jetstream(&nats.context, durable).await.unwrap();
    let producer = jetstream_producer(&nats, &world);
    let publishing = tokio::spawn(async move {
        let mut deliveries = Vec::new();
        for n in 0..MESSAGES {
            let message = Outgoing::new(CHANNEL, format!("message {n}"));
            deliveries.push(producer.enqueue(message).await.unwrap());
            if n % 10 == 0 {
                sleep(Duration::from_millis(10)).await;
            }
        }
        for delivery in deliveries {
            delivery.await.expect("it is published in the end");
        }
    });
    let breaking = async {
        sleep(Duration::from_millis(400)).await;
        nats.server.restart();
        sleep(Duration::from_millis(700)).await;
        nats.server.kill();
        sleep(Duration::from_millis(100)).await;
        nats.server.begin();
    };
    let (came, ()) = tokio::join!(collect(&mut consumer, MESSAGES), breaking);
    publishing.await.unwrap();
    let unmarked: Vec<_> = came.iter().filter(|(_, marked)| !marked).collect();
    let mut distinct: Vec<_> = unmarked.iter().map(|(payload, _)| payload).collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), unmarked.len(), "something came twice without a mark");
    let all: std::collections::BTreeSet<_> = came.iter().map(|(payload, _)| payload).collect();
    assert_eq!(all.len(), MESSAGES);
    let letters = nats.letters().await;
    assert!(letters.is_empty(), "{letters:?}");
}

/// The variable by which this program knows that it is the one to be killed.
const VICTIM: &str = "COSEAL_NATS_TEST_VICTIM";

/// A real process, and a real −9, between opening and acknowledgement.
#[tokio::test(flavor = "multi_thread")]
async fn consumer_killed_between_opening_and_acknowledgement() {
    if let Ok(url) = std::env::var(VICTIM) {
        return be_killed(&url).await;
    }
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let durable = nats.durable(CHANNEL, Duration::from_secs(1)).await;
    let producer = jetstream_producer(&nats, &world);
    for payload in ["done", "held", "unseen"] {
        producer.publish(Outgoing::new(CHANNEL, payload)).await.unwrap();
    }
    let url = nats.server.url();
    let killed = tokio::task::spawn_blocking(move || {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "consumer_killed_between_opening_and_acknowledgement", "--nocapture"])
            .env(VICTIM, url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let held = lines.map(Result::unwrap).find(|line| line.ends_with("opened held"));
        victim.kill().unwrap();
        victim.wait().unwrap();
        held.is_some()
    });
    assert!(killed.await.unwrap(), "it ended before it had opened the message");
    let mut consumer = nats.builder(&world).jetstream(&nats.context, durable).await.unwrap();
    let came = collect(&mut consumer, 2).await;
    let payloads: Vec<_> = came.iter().map(|(payload, _)| payload.as_str()).collect();
    assert_eq!(payloads, ["held", "unseen"], "what was done came again, or order was lost");
    assert!(came[0].1, "it had been delivered, and is not marked");
    assert!(nats.letters().await.is_empty());
}

async fn be_killed(url: &str) {
    let world = Arc::new(World::new());
    let client = async_nats::connect(url).await.unwrap();
    let context = jetstream::new(client);
    let stream = context.get_stream(STREAM).await.unwrap();
    let durable = stream.get_consumer("reader-orders-eu").await.unwrap();
    let mut consumer = Consumer::builder(world.trust(), world.window())
        .key(world.receiving())
        .dead_letters(DeadLetters::subject(context.clone(), DEAD_SUBJECT))
        .jetstream(&context, durable)
        .await
        .unwrap();
    consumer.next().await.unwrap().unwrap().ack().await.unwrap();
    // The acknowledgement leaves this process before it ends.
    context.client().flush().await.unwrap();
    let held = consumer.next().await.unwrap().unwrap();
    println!("\nopened {}", String::from_utf8_lossy(held.payload()));
    std::future::pending::<()>().await;
}

/// A caller that takes three times as long as the server waits is brought
/// nothing twice, and no more than it asked for.
#[tokio::test(flavor = "multi_thread")]
async fn slow_caller_is_brought_nothing_twice() {
    const IN_FLIGHT: usize = 4;
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let durable = nats.durable(CHANNEL, Duration::from_millis(500)).await;
    let producer = jetstream_producer(&nats, &world);
    for n in 0..12 {
        producer.publish(Outgoing::new(CHANNEL, n.to_string())).await.unwrap();
    }
    let builder = nats.builder(&world).max_in_flight(IN_FLIGHT);
    let mut consumer = builder.jetstream(&nats.context, durable.clone()).await.unwrap();
    for n in 0..12 {
        let message = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
        if n < 2 {
            sleep(Duration::from_millis(1500)).await;
            let out = durable.get_info().await.unwrap().num_ack_pending;
            assert!(out <= IN_FLIGHT, "{out} messages were fetched ahead");
        }
        assert_eq!(message.payload(), n.to_string().as_bytes());
        assert_eq!((message.redelivered(), message.unsigned().deliveries), (false, 1));
        message.ack().await.unwrap();
    }
    assert!(timeout(Duration::from_millis(700), consumer.next()).await.is_err(), "one came again");
}

/// Where the caller has held a message for too long, the server may bring it
/// again: marked.
#[tokio::test(flavor = "multi_thread")]
async fn held_for_too_long() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let durable = nats.durable(CHANNEL, Duration::from_millis(500)).await;
    let producer = jetstream_producer(&nats, &world);
    producer.publish(Outgoing::new(CHANNEL, "slow")).await.unwrap();
    let builder = nats.builder(&world).hold_at_most(Duration::from_millis(600));
    let mut consumer = builder.jetstream(&nats.context, durable).await.unwrap();
    let first = consumer.next().await.unwrap().unwrap();
    let begun = Instant::now();
    let second = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(900), "it was not held at all");
    assert!(!first.redelivered() && second.redelivered());
    assert_eq!(first.signed().id, second.signed().id);
}

/// Core NATS drops what a slow listener does not take, and tells; what comes,
/// comes in order, once.
#[tokio::test(flavor = "multi_thread")]
async fn slow_listener_is_told() {
    let world = Arc::new(World::new());
    let nats = Nats::without_stream().await;
    let told = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&told);
    let options = ConnectOptions::new().subscription_capacity(8).event_callback(move |event| {
        tell.fetch_or(matches!(event, Event::SlowConsumer(_)), Ordering::Relaxed);
        std::future::ready(())
    });
    let slow = options.connect(nats.server.url()).await.unwrap();
    let builder = nats.builder(&world).max_in_flight(2);
    let mut consumer = builder.subscribe(&slow, CHANNEL).await.unwrap();
    let producer = Producer::builder(sealers(&world)).core(nats.client.clone()).unwrap();
    for n in 0..200_u32 {
        producer.publish(Outgoing::new(CHANNEL, n.to_string())).await.unwrap();
    }
    let mut last = None;
    while let Ok(next) = timeout(Duration::from_secs(1), consumer.next()).await {
        let message = next.unwrap().unwrap();
        let n: u32 = std::str::from_utf8(message.payload()).unwrap().parse().unwrap();
        assert!(last < Some(n) && !message.redelivered());
        last = Some(n);
        message.ack().await.unwrap();
    }
    assert!(last.is_some() && told.load(Ordering::Relaxed), "{last:?}");
    assert!(nats.letters().await.is_empty());
}

/// Too long for the server, or for the stream: the caller learns the numbers,
/// and nothing else is held up.
#[tokio::test(flavor = "multi_thread")]
async fn above_the_maximum() {
    let world = Arc::new(World::new());
    let nats = Nats::start().await;
    let narrow = stream::Config {
        name: "NARROW".into(),
        subjects: vec!["narrow".into()],
        max_message_size: 1000,
        ..stream::Config::default()
    };
    nats.context.create_stream(narrow).await.unwrap();
    let over_streams = jetstream_producer(&nats, &world);
    let over_core = Producer::builder(sealers(&world)).core(nats.client.clone()).unwrap();
    for producer in [&over_streams, &over_core] {
        let before = producer.enqueue(Outgoing::new(CHANNEL, "before")).await.unwrap();
        let long = producer.enqueue(Outgoing::new(CHANNEL, vec![0; MAX_PAYLOAD])).await.unwrap();
        let behind = producer.enqueue(Outgoing::new(CHANNEL, "behind")).await.unwrap();
        before.await.unwrap();
        behind.await.unwrap();
        let error = long.await.unwrap_err();
        assert_eq!(error.code(), "misuse");
        assert!(error.to_string().contains(&MAX_PAYLOAD.to_string()), "{error}");
    }
    let long = over_streams.publish(Outgoing::new("narrow", vec![0; 1000])).await;
    assert_eq!(long.unwrap_err().code(), "misuse");
    over_streams.publish(Outgoing::new("narrow", "short")).await.unwrap();
}

/// Nobody there: the caller learns it, in the time that it gave.
#[tokio::test(flavor = "multi_thread")]
async fn publishing_is_given_up_in_time() {
    let world = Arc::new(World::new());
    let server = NatsServer::start();
    let context = jetstream::new(common::connect(&server).await);
    let builder = Producer::builder(sealers(&world)).give_up_after(Duration::from_millis(500));
    let producer = builder.jetstream(context).unwrap();
    let begun = Instant::now();
    let error = producer.publish(Outgoing::new("nowhere", "lost")).await.unwrap_err();
    assert_eq!(error.code(), "carrier");
    assert!((500..5000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}
