//! What goes wrong without anybody's ill will: what must not be lost then, and
//! what must not come twice without its mark.

use crate::steps::{QUIET, Stage};
use crate::{Carrier, Consumer, Keeps};

/// Nothing goes wrong.
pub async fn good_messages_arrive_in_order<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    let payloads: Vec<String> = (0..100).map(|n| format!("message {n}")).collect();
    for payload in &payloads {
        stage.publish(payload).await;
    }
    for payload in &payloads {
        stage.expect(&[payload]).await;
    }
    stage.expect_nothing().await;
    stage.expect_letters(&[]).await;
}

/// Our side was behind: the feed brings the signer of a message that is held.
pub async fn bundle_comes_late<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.world.introduce_stranger();
    let envelope = stage.strange("we have not met");
    stage.attack(&envelope).await;
    stage.publish("behind").await;
    stage.expect(&["we have not met", "behind"]).await;
    assert_eq!(stage.world.asked(), 1);
    stage.expect_letters(&[]).await;
}

/// Our own bundle has expired: nothing is judged, nothing is lost.
pub async fn own_bundle_expired<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.world.expire_bundle();
    stage.publish("one").await;
    stage.publish("two").await;
    stage.expect_nothing().await;
    stage.expect_letters(&[]).await;
    stage.world.renew_bundle();
    stage.expect(&["one", "two"]).await;
    stage.expect_letters(&[]).await;
}

/// Where dead letters cannot be written, nothing is committed and nothing is
/// lost, also when the consumer ends so.
pub async fn dead_letters_not_writable<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.carrier.block_dead_letters(true).await;
    stage.attack(b"bad").await;
    stage.publish("good").await;
    // Whether what lies behind is delivered meanwhile is the carrier's affair.
    let early = tokio::time::timeout(QUIET, stage.consumer.next()).await;
    let came = early.is_ok();
    drop(early);
    assert_eq!(stage.letters().await, []);
    let keeps = C::KEEPS == Keeps::UntilDone;
    if keeps {
        stage = stage.kill().await;
    }
    stage.carrier.block_dead_letters(false).await;
    if keeps || !came {
        let good = stage.next().await;
        assert_eq!(good.payload, b"good");
        stage.consumer.acknowledge(good.message).await;
    }
    stage.expect_letters(&[("malformed/structure", b"bad")]).await;
}

/// Dropping a message acknowledges nothing: where the carrier keeps it, it
/// comes again, marked.
pub async fn dropped_before_its_acknowledgement<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.publish("dropped").await;
    stage.publish("behind").await;
    let dropped = stage.next().await;
    assert_eq!((&dropped.payload[..], dropped.redelivered), (&b"dropped"[..], false));
    drop(dropped.message);
    if C::KEEPS == Keeps::Nothing {
        stage.expect(&["behind"]).await;
        stage.expect_nothing().await;
        return;
    }
    // In which order is the carrier's affair.
    let mut found = Vec::new();
    for _ in 0..2 {
        let received = stage.next().await;
        let payload = String::from_utf8(received.payload).unwrap();
        found.push((payload, received.redelivered));
        stage.consumer.acknowledge(received.message).await;
    }
    found.sort();
    assert_eq!(found, [("behind".to_owned(), false), ("dropped".to_owned(), true)]);
    stage.expect_nothing().await;
    stage.expect_letters(&[]).await;
}

/// The consumer's process ends between opening and acknowledgement.
pub async fn killed_before_the_acknowledgement<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    for payload in ["done", "held", "unseen"] {
        stage.publish(payload).await;
    }
    stage.expect(&["done"]).await;
    let held = stage.next().await;
    assert_eq!(held.payload, b"held");
    let mut stage = stage.kill().await;
    drop(held);
    if C::KEEPS == Keeps::Nothing {
        stage.publish("later").await;
        stage.expect(&["later"]).await;
        return;
    }
    // This process never saw it: a mark is possible, a loss is not.
    for payload in ["held", "unseen"] {
        let received = stage.next().await;
        assert_eq!(String::from_utf8(received.payload).unwrap(), payload);
        stage.consumer.acknowledge(received.message).await;
    }
    stage.expect_nothing().await;
    stage.expect_letters(&[]).await;
}

/// What was refused and dead-lettered does not come again, nor does what was
/// done behind it.
pub async fn killed_behind_a_refusal<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.attack(b"bad").await;
    stage.publish("done").await;
    stage.expect(&["done"]).await;
    stage.expect_letters(&[("malformed/structure", b"bad")]).await;
    let mut stage = stage.kill().await;
    stage.publish("later").await;
    stage.expect(&["later"]).await;
    stage.expect_letters(&[("malformed/structure", b"bad")]).await;
}

/// The broker ends and starts again in the middle.
pub async fn carrier_restarted<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.publish("before").await;
    stage.expect(&["before"]).await;
    stage.publish("held").await;
    let held = stage.next().await;
    stage.carrier.restart().await;
    stage.publish("behind").await;
    stage.consumer.acknowledge(held.message).await;
    // What was out when it ended may come again, marked; nothing else may.
    loop {
        let received = stage.next().await;
        let payload = String::from_utf8(received.payload).unwrap();
        stage.consumer.acknowledge(received.message).await;
        if payload == "behind" {
            assert!(!received.redelivered);
            break;
        }
        assert!(payload == "held" && received.redelivered, "{payload} came unmarked");
    }
    stage.expect_letters(&[]).await;
}

/// A message that is too long for the carrier is an error of its producer's,
/// and the others' business goes on.
pub async fn above_the_maximum<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.publish("before").await;
    let long = vec![0; stage.carrier.max_message()];
    let refused = stage.carrier.publish(&stage.world, stage.channel, &long).await;
    assert!(refused.is_err(), "it was published");
    stage.publish("behind").await;
    stage.expect(&["before", "behind"]).await;
    stage.expect_letters(&[]).await;
}
