//! Every shape that a sealer writes.

use super::rules;
use super::test::{Cases, Test};
use super::world::{SEALED, SEALED_S, World};
use crate::build::draft::{Draft, seal_batch};
use crate::build::keys::{Receiver, seed};
use crate::build::merkle::Proof;
use crate::build::plan::{Plan, Recipient, message_id};
use crate::case::{HeaderValue, Hex, Kek, Suite};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("positive");
    let rule = rules::SHAPES;
    cases.message("alone", rule, "One message, one recipient, AES-256-GCM.", |_| ());
    cases.message("chacha20poly1305", rule, "The other suite.", |plan| {
        plan.suite = Suite::ChaCha20Poly1305
    });
    cases.message("empty_payload", rule, "An empty payload.", |plan| plan.payload.clear());
    cases.message(
        "empty_payload_chacha20poly1305",
        rule,
        "An empty payload with the other suite.",
        |plan| {
            plan.suite = Suite::ChaCha20Poly1305;
            plan.payload.clear();
        },
    );
    cases.message("content_type", rule, "A content type.", |plan| {
        plan.content_type = Some("application/json".to_owned());
    });
    cases.message("expiry", rule, "An expiry.", |plan| plan.expires = Some(SEALED_S + 3600));
    cases.message("previous", rule, "The first message of a later epoch.", |plan| {
        plan.previous = Some(([1; 8], 42))
    });
    cases.message("previous_of_nothing", rule, "The epoch before had no message.", |plan| {
        plan.previous = Some(([1; 8], 0));
    });
    cases.message("sequence", rule, "A later message of an epoch.", |plan| {
        plan.sequence = 1_048_575
    });
    everything(cases);
    recipients(cases);
    batches(cases);
    readers(cases);
}

fn everything(cases: &mut Cases) {
    cases.message("everything", rules::SHAPES, "Every label there is.", |plan| {
        plan.content_type = Some("text/plain; charset=utf-8".to_owned());
        plan.expires = Some(SEALED_S + 3600);
        plan.previous = Some(([1; 8], 42));
        plan.headers = [
            ("tenant", HeaderValue::Text("a".to_owned())),
            ("retry", HeaderValue::Int(-3)),
            ("urgent", HeaderValue::Bool(true)),
            ("key", HeaderValue::BytesHex(Hex(vec![1, 2]))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        plan.extensions =
            vec![(-65600, vec![0x01]), (-65601, vec![0x61, b'x']), (-65663, vec![0xf6])];
    });
}

fn recipients(cases: &mut Cases) {
    let rule = rules::SHAPES;
    let second = Receiver::labelled("second reader");
    let name = "two_recipients";
    let sealed = cases.planned(name, |plan| plan.recipients.push(Recipient::x25519(&second, name)));
    cases.accept("two_recipients_first", rule, "Two recipients: the first reads.", &sealed);
    let test = Test::of(rule, "Two recipients: the second reads.", &sealed);
    let test = test.open(|open| open.keyring.receiving_keys_hex = vec![Hex::from(&second.secret)]);
    cases.add("two_recipients_second", test);
    let name = "x25519_and_kek";
    let key = seed("kek");
    let sealed = cases
        .planned(name, |plan| plan.recipients.push(Recipient::Kek { id: b"kek-0".to_vec(), key }));
    cases.accept(
        "x25519_and_kek_x25519",
        rule,
        "An X25519 recipient and a KEK: the first reads.",
        &sealed,
    );
    let test =
        Test::of(rule, "An X25519 recipient and a KEK: the second reads.", &sealed).open(|open| {
            open.keyring.receiving_keys_hex.clear();
            open.keyring.keks = vec![Kek { id_hex: Hex::from(b"kek-0"), key_hex: Hex::from(&key) }];
        });
    cases.add("x25519_and_kek_kek", test);
    let name = "kek_chacha20poly1305";
    let sealed = cases.planned(name, |plan| {
        plan.suite = Suite::ChaCha20Poly1305;
        plan.recipients = vec![Recipient::Kek { id: b"kek-0".to_vec(), key }];
    });
    let test = Test::of(rule, "A KEK with the other suite.", &sealed).open(|open| {
        open.keyring.receiving_keys_hex.clear();
        open.keyring.keks = vec![Kek { id_hex: Hex::from(b"kek-0"), key_hex: Hex::from(&key) }];
    });
    cases.add(name, test);
}

/// Batches: every place in a tree of seven, and the ends of larger ones.
fn batches(cases: &mut Cases) {
    let rule = rules::TREE;
    let batch = |size: u64| {
        let world = World::new();
        let label = format!("positive/batch_of_{size}");
        let plans = (0..size).map(|n| Plan {
            sequence: n,
            message_id: message_id(SEALED + n, &format!("{label} {n}")),
            payload: format!("message {n}").into_bytes(),
            ..world.plan(&label)
        });
        seal_batch(plans.collect::<Vec<Plan>>())
    };
    for (size, indexes) in [
        (2, vec![0, 1]),
        (3, vec![0, 1, 2]),
        (7, vec![0, 1, 2, 3, 4, 5, 6]),
        (8, vec![0, 7]),
        (64, vec![0, 37, 63]),
        (65, vec![0, 64]),
        (100, vec![95, 96, 99]),
    ] {
        let sealed = batch(size);
        for index in indexes {
            let message = sealed.get(index).expect("a message of the batch");
            let comment = format!("Message {index} of a batch of {size}.");
            cases.accept(&format!("batch_{size}_{index}"), rule, &comment, message);
        }
    }
    let name = "batch_65536";
    let mut draft = Draft::new(World::new().plan(&cases.label(name)));
    draft.receipt.place(Proof::imagined(65_536, 40_000, name));
    cases.accept(
        name,
        rule,
        "Message 40000 of the largest batch that a sealer makes.",
        &draft.seal(),
    );
}

/// Ways to read one message.
fn readers(cases: &mut Cases) {
    let rule = rules::SHAPES;
    let sealed = cases.drafted("archive", |_| ());
    cases.add("archive", Test::of(rule, "An archival open.", &sealed).archive());
    let sealed = cases.drafted("verify_at", |_| ());
    let test = Test::of(rule, "A verify that is told the time and the window.", &sealed);
    cases.add("verify_at", test.at(super::world::NOW));
    let sealed = cases.drafted("verify_alone", |_| ());
    let test = Test::of(rule, "A verify, by one who holds no key.", &sealed).without_open();
    cases.add("verify_alone", test);
}
