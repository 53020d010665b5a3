//! Requests and replies, sealed both ways.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Client;
use coseal::{OwnedValue, Sealer, SigningKey};
use coseal_carrier::Sealers;
use coseal_carrier_testkit::World;
use coseal_nats::{Outgoing, Replier, Requester};
use futures_util::StreamExt;
use futures_util::future::join_all;

use common::{Nats, connect, sealers};

const SUBJECT: &str = "orders.price";
const WAIT: Duration = Duration::from_secs(20);

/// One of a group that answers with its number and what was asked.
async fn serve(nats: &Nats, world: &Arc<World>, number: usize) {
    let client: Client = connect(&nats.server).await;
    let mut requests =
        nats.builder(world).queue_subscribe(&client, SUBJECT, "prices").await.unwrap();
    let signer = Arc::clone(world);
    let sign = move |channel: &str| Ok(signer.signer(channel));
    let replier = Replier::new(client, world.trust(), sign).unwrap();
    tokio::spawn(async move {
        while let Some(Ok(request)) = requests.next().await {
            let asked = String::from_utf8_lossy(request.payload()).into_owned();
            let answer = Outgoing::reply(format!("{number}: {asked}")).header("unit", "EUR");
            replier.reply(&request, answer).await.unwrap();
            request.ack().await.unwrap();
        }
    });
}

fn requester(nats: &Nats, world: &Arc<World>) -> Requester {
    nats.builder(world).requester(nats.client.clone(), sealers(world)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_gets_its_own_reply_from_one_of_a_group() {
    let world = Arc::new(World::new());
    let nats = Nats::without_stream().await;
    for number in 0..2 {
        serve(&nats, &world, number).await;
    }
    let mut travelling = nats.client.subscribe(">").await.unwrap();
    let requester = requester(&nats, &world);
    let ask = |n: usize| requester.request(Outgoing::new(SUBJECT, format!("item {n}")), WAIT);
    let replies = join_all((0..40).map(ask)).await;
    let mut by = [0, 0];
    for (n, reply) in replies.into_iter().enumerate() {
        let reply = reply.unwrap();
        let text = std::str::from_utf8(reply.payload()).unwrap();
        let (number, asked) = text.split_once(": ").unwrap();
        assert_eq!(asked, format!("item {n}"));
        by[number.parse::<usize>().unwrap()] += 1;
        assert_eq!(reply.signed().channel, format!("{SUBJECT}.reply"));
        assert_eq!(reply.signed().header("unit"), Some(&OwnedValue::Text("EUR".into())));
    }
    assert!(by[0] > 0 && by[1] > 0, "one of them got all: {by:?}");
    // Whoever listens reads neither.
    let mut heard = 0;
    while heard < 80 {
        let message = travelling.next().await.unwrap();
        let text = String::from_utf8_lossy(&message.payload);
        assert!(!text.contains("item"), "{text}");
        heard += usize::from(!message.payload.is_empty());
    }
    assert!(nats.letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_nobody_answers_in_time() {
    let world = Arc::new(World::new());
    let nats = Nats::without_stream().await;
    let requester = requester(&nats, &world);
    let begun = Instant::now();
    let error = requester.request(Outgoing::new(SUBJECT, "x"), WAIT).await.unwrap_err();
    assert_eq!(error.code(), "carrier");
    assert!(begun.elapsed() < WAIT, "it waited for nobody");
    // Somebody is there, and says nothing, or what he likes.
    let mut silent = nats.client.subscribe(SUBJECT).await.unwrap();
    let wait = Duration::from_millis(400);
    let error = requester.request(Outgoing::new(SUBJECT, "x"), wait).await.unwrap_err();
    assert_eq!(error.code(), "carrier");
    silent.next().await.unwrap();
    let client = nats.client.clone();
    tokio::spawn(async move {
        let request = silent.next().await.unwrap();
        client.publish(request.reply.unwrap(), "100 EUR".into()).await.unwrap();
    });
    let error = requester.request(Outgoing::new(SUBJECT, "x"), wait).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("malformed", Some("cbor")));
    assert_eq!(&*nats.letters().await[0].original, b"100 EUR");
}

/// The reply is for whoever signed the request, and for nobody whom the bundle
/// does not name.
#[tokio::test(flavor = "multi_thread")]
async fn a_requester_without_a_receiving_key_gets_no_reply() {
    let world = Arc::new(World::new());
    world.introduce_stranger();
    world.refresh();
    let nats = Nats::without_stream().await;
    let mut requests = nats.builder(&world).subscribe(&nats.client, SUBJECT).await.unwrap();
    let signer = Arc::clone(&world);
    let sign = move |channel: &str| Ok(signer.signer(channel));
    let replier = Replier::new(nats.client.clone(), world.trust(), sign).unwrap();
    let made = Arc::clone(&world);
    let strange = Sealers::new("nats", world.trust(), move |channel, _, _| {
        let stranger = Sealer::builder(SigningKey::from_bytes(&[9; 32]), channel);
        Ok(stranger.recipient(made.receiving().recipient_key()))
    });
    let requester = nats.builder(&world).requester(nats.client.clone(), strange).unwrap();
    let asking = tokio::spawn(async move {
        requester.request(Outgoing::new(SUBJECT, "x"), Duration::from_millis(300)).await
    });
    let request = requests.next().await.unwrap().unwrap();
    let error = replier.reply(&request, Outgoing::reply("y")).await.unwrap_err();
    assert_eq!(error.code(), "misuse");
    assert!(error.to_string().contains(&request.signed().signer), "{error}");
    assert_eq!(asking.await.unwrap().unwrap_err().code(), "carrier");
}
