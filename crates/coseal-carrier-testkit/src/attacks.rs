//! What somebody does who can publish, record, change and repeat, and holds no
//! key that the consumer trusts.

use std::sync::Arc;

use crate::steps::{CHANNEL, Stage};
use crate::{Carrier, Keeps, Replies, World};

/// There is no downgrade: what is not sealed is refused like anything bad.
pub async fn plaintext<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.publish("before").await;
    let plaintext = br#"{"pay": 100}"#;
    stage.attack(plaintext).await;
    stage.publish("behind").await;
    stage.expect(&["before", "behind"]).await;
    stage.expect_letters(&[("malformed/cbor", plaintext)]).await;
}

/// Envelopes cut, prolonged and shaken up; bytes of no kind; nothing at all.
pub async fn garbage<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    let genuine = stage.sealed("never published");
    let mut flipped = genuine.clone();
    flipped[0] ^= 0x40;
    let mut noise = vec![0x5a; 1000];
    noise.iter_mut().zip(0_u32..).for_each(|(byte, n)| {
        *byte = n.wrapping_mul(2_654_435_761).to_le_bytes()[2];
    });
    let attacks = [
        genuine[..genuine.len() / 2].to_vec(),
        [&genuine[..], b"!"].concat(),
        flipped,
        noise,
        vec![0xff],
    ];
    for attack in &attacks {
        stage.attack(attack).await;
        stage.publish("good").await;
    }
    stage.expect(&["good"; 5]).await;
    let letters = stage.letters_once(attacks.len()).await;
    for (attack, (why, original)) in attacks.iter().zip(&letters) {
        assert_eq!(attack, original, "the original is untouched");
        assert!(why.starts_with("malformed/"), "{why}");
    }
}

/// A COSE_Encrypt message of somebody else's making.
pub async fn foreign_envelope<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    // 96([h'a10103', {}, 48 bytes, [[h'', {1: -6}, h'']]])
    let mut foreign = vec![0xd8, 0x60, 0x84, 0x43, 0xa1, 0x01, 0x03, 0xa0, 0x58, 48];
    foreign.extend([7; 48]);
    foreign.extend([0x81, 0x83, 0x40, 0xa1, 0x01, 0x25, 0x40]);
    stage.attack(&foreign).await;
    stage.publish("good").await;
    stage.expect(&["good"]).await;
    stage.expect_letters(&[("malformed/structure", &foreign)]).await;
}

/// A key ID that nobody knows asks for one look at the feed, and holds up
/// nobody.
pub async fn unknown_signer_at_full_speed<C: Carrier>() {
    const GOOD: usize = 20;
    const BETWEEN: usize = 25;
    let mut stage = Stage::<C>::new().await;
    let stranger = stage.world.stranger(CHANNEL).build().unwrap();
    let begun = std::time::Instant::now();
    let mut strange = Vec::new();
    for n in 0..GOOD {
        for _ in 0..BETWEEN {
            let envelope = stranger.seal(b"let me in").unwrap();
            stage.attack(&envelope).await;
            strange.push(envelope);
        }
        stage.publish(&n.to_string()).await;
    }
    for n in 0..GOOD {
        stage.expect(&[&n.to_string()]).await;
    }
    let letters: Vec<_> =
        strange.iter().map(|bytes| ("untrusted/unknown_signer", &bytes[..])).collect();
    stage.expect_letters(&letters).await;
    let most = 1 + begun.elapsed().as_secs() / 5;
    let asked = stage.world.asked();
    assert!((1..=most).contains(&asked), "the feed was asked {asked} times");
}

/// What was recorded is published again, on the same channel.
pub async fn recorded_again<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.publish("pay 100").await;
    stage.expect(&["pay 100"]).await;
    let recorded = stage.carrier.recorded(CHANNEL).await;
    let [recorded] = &recorded[..] else { panic!("one message was published") };
    stage.attack(recorded).await;
    stage.attack(recorded).await;
    stage.publish("good").await;
    stage.expect(&["good"]).await;
    stage.expect_letters(&[("stale/replayed", recorded), ("stale/replayed", recorded)]).await;
}

/// What was recorded on one channel is published on another.
pub async fn recorded_from_another_channel<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    let world = Arc::clone(&stage.world);
    stage.carrier.publish(&world, "orders.us", b"elsewhere").await.unwrap();
    let recorded = stage.carrier.recorded("orders.us").await.remove(0);
    stage.attack(&recorded).await;
    stage.publish("good").await;
    stage.expect(&["good"]).await;
    stage.expect_letters(&[("misdirected/channel", &recorded)]).await;
}

/// A copy whose recipients are broken comes before the message itself: it must
/// not shadow it, now or after a restart.
pub async fn recipients_broken<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    let genuine = stage.sealed("genuine");
    let mut broken = genuine.clone();
    *broken.last_mut().unwrap() ^= 1;
    stage.attack(&broken).await;
    stage.attack(&genuine).await;
    stage.expect(&["genuine"]).await;
    stage.expect_letters(&[("undecryptable", &broken)]).await;
    if C::KEEPS == Keeps::UntilDone {
        let mut stage = stage.kill().await;
        stage.attack(&genuine).await;
        stage.publish("good").await;
        stage.expect(&["good"]).await;
        let letters = [("undecryptable", &broken[..]), ("stale/replayed", &genuine)];
        stage.expect_letters(&letters).await;
    }
}

/// A known signer seals for a channel that is not its own.
pub async fn signer_not_allowed<C: Carrier>() {
    let mut stage = Stage::<C>::on("invoices").await;
    let envelope = stage.sealed("not mine");
    stage.attack(&envelope).await;
    stage.expect_letters(&[("untrusted/not_allowed", &envelope)]).await;
}

/// Whoever stole a key is refused from the moment when that is known.
pub async fn revoked_signer<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    stage.publish("good").await;
    stage.expect(&["good"]).await;
    let stolen = stage.sealed("stolen");
    stage.world.revoke_producer();
    stage.attack(&stolen).await;
    stage.expect_letters(&[("untrusted/revoked", &stolen)]).await;
}

/// The longest message there can be has a dead letter, too.
pub async fn as_long_as_the_carrier_takes<C: Carrier>() {
    let mut stage = Stage::<C>::new().await;
    let longest = vec![0x61; stage.carrier.max_message()];
    stage.attack(&longest).await;
    stage.publish("good").await;
    stage.expect(&["good"]).await;
    let [(why, original)] = &stage.letters_once(1).await[..] else { panic!("one letter") };
    assert!(why.starts_with("malformed/"), "{why}");
    assert!(*original == longest, "the original is untouched");
}

/// The reply to one request is brought to another.
pub async fn reply_moved<C: Replies>() {
    let world = Arc::new(World::new());
    let carrier = C::start(&world).await;
    let one = carrier.request(&world, CHANNEL, b"may I?").await;
    let two = carrier.request(&world, CHANNEL, b"may I, too?").await;
    let yes = carrier.answer(&world, &one, b"yes").await;
    let no = carrier.answer(&world, &two, b"no").await;
    let refused = |reason: &str| Err(reason.to_owned());
    assert_eq!(carrier.bring(&world, &two, &yes).await, refused("misdirected/reply"));
    assert_eq!(carrier.bring(&world, &one, &no).await, refused("misdirected/reply"));
    assert_eq!(carrier.bring(&world, &two, &no).await, Ok(b"no".to_vec()));
    assert_eq!(carrier.bring(&world, &one, &yes).await, Ok(b"yes".to_vec()));
    // A message of the channel itself is no reply.
    let three = carrier.request(&world, CHANNEL, b"may I, still?").await;
    let other = world.sealer(CHANNEL).build().unwrap().seal(b"yes").unwrap();
    assert_eq!(carrier.bring(&world, &three, &other).await, refused("misdirected/channel"));
}
