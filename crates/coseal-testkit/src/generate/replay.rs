//! What one reader is given after another: replays, redeliveries, caches.

use super::rules;
use super::test::{Cases, Row, Test, expect};
use super::world::{ORDERS, SEALED, VALID_FROM, World};
use crate::build::bundle::{BundlePlan, Record};
use crate::build::cbor::{self, Item};
use crate::build::draft::{Draft, Sealed};
use crate::build::hpke::Wrapped;
use crate::build::keys::Signer;
use crate::build::plan::{Plan, Recipient, message_id, x25519_entry};
use crate::case::{Earlier, Hex, Position};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("replay");
    repetitions(cases);
    forgeries(cases);
    caches(cases);
}

const REPLAYED: &str = "stale/replayed";

pub(super) fn at(log: &str, offset: u64) -> Option<Position> {
    Some(Position { log: log.to_owned(), offset })
}

pub(super) fn before(envelope: &[u8], position: Option<Position>, result: &str) -> Earlier {
    Earlier { envelope_hex: Hex::from(envelope), position, expect: expect(result) }
}

fn repetitions(cases: &mut Cases) {
    let rule = rules::REPLAY;
    let good = |cases: &Cases, name: &str| cases.drafted(name, |_| ());
    let sealed = good(cases, "twice");
    let test = Test::of(rule, "The same envelope twice, the carrier having no positions.", &sealed)
        .open(|open| open.earlier = vec![before(&sealed.envelope, None, "ok")]);
    cases.add("twice", test.shut(REPLAYED));
    let places = [
        ("same_position", at("orders/0", 17), true, "at the same position: a redelivery"),
        ("next_position", at("orders/0", 18), false, "at the next offset"),
        ("earlier_position", at("orders/0", 3), false, "at an offset before"),
        ("other_log", at("orders/1", 17), false, "at the same offset of another partition"),
    ];
    for (name, position, redelivery, place) in places {
        let sealed = good(cases, name);
        let comment = format!("The same envelope twice, the second time {place}.");
        let test = Test::of(rule, &comment, &sealed).open(|open| {
            open.earlier = vec![before(&sealed.envelope, at("orders/0", 17), "ok")];
            open.position = position;
            open.redelivered = redelivery;
        });
        cases.add(name, if redelivery { test } else { test.shut(REPLAYED) });
    }
    let sealed = good(cases, "redelivered_twice");
    let comment = "A redelivery after a redelivery and a refused replay.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.earlier = vec![
            before(&sealed.envelope, at("orders/0", 17), "ok"),
            before(&sealed.envelope, at("orders/0", 17), "ok"),
            before(&sealed.envelope, at("orders/0", 18), REPLAYED),
        ];
        open.position = at("orders/0", 17);
        open.redelivered = true;
    });
    cases.add("redelivered_twice", test);
    let sealed = good(cases, "rewrapped");
    let mut again = Draft::new(sealed.plan.clone());
    again.recipients = vec![
        sealed.plan.encode_recipient(&Recipient::x25519(&World::new().stock, "wrapped again")),
    ];
    let again = again.seal();
    let comment =
        "The same message with another entry: unsigned bytes are no part of its identity.";
    let test = Test::of(rule, comment, &again)
        .open(|open| open.earlier = vec![before(&sealed.envelope, None, "ok")]);
    cases.add("rewrapped", test.shut(REPLAYED));

    let sealed = good(cases, "equivocation");
    let other = Draft::new(Plan {
        message_id: message_id(SEALED + 1, "equivocation"),
        payload: b"something else".to_vec(),
        ..sealed.plan.clone()
    })
    .seal();
    let comment = "Another message with the same signer, epoch and sequence.";
    let test = Test::of(rule, comment, &other)
        .open(|open| open.earlier = vec![before(&sealed.envelope, None, "ok")]);
    cases.add("equivocation", test.shut(REPLAYED));
    let name = "equivocation_same_position";
    let sealed = good(cases, name);
    let other = Draft::new(Plan {
        message_id: message_id(SEALED + 1, name),
        payload: b"something else".to_vec(),
        ..sealed.plan.clone()
    })
    .seal();
    let comment = "Another message with the same signer, epoch and sequence, at the same position: a redelivery, with its own payload.";
    let test = Test::of(rule, comment, &other).open(|open| {
        open.earlier = vec![before(&sealed.envelope, at("orders/0", 17), "ok")];
        open.position = at("orders/0", 17);
        open.redelivered = true;
    });
    cases.add(name, test);
    for (name, first, second, comment) in [
        ("position_after_none", None, at("orders/0", 17), "first without a position"),
        ("none_after_position", at("orders/0", 17), None, "the second time without a position"),
    ] {
        let sealed = good(cases, name);
        let comment = format!("The same envelope twice, {comment}.");
        let test = Test::of(rule, &comment, &sealed).open(|open| {
            open.earlier = vec![before(&sealed.envelope, first, "ok")];
            open.position = second;
        });
        cases.add(name, test.shut(REPLAYED));
    }
    let name = "archive_twice";
    let sealed = good(cases, name);
    let comment = "An archival reader opens the same envelope as often as it is asked.";
    let test = Test::of(rules::REPLAY_ARCHIVE, comment, &sealed).archive();
    cases.add(name, test.open(|open| open.earlier = vec![before(&sealed.envelope, None, "ok")]));
    distinct(cases);
}

/// What looks alike and is not the same message.
fn distinct(cases: &mut Cases) {
    let rule = rules::REPLAY;
    let world = World::new();
    let edits: [Row<&dyn Fn(&mut Plan)>; 4] = [
        ("next_sequence", &|plan| plan.sequence = 1, "The next message of the epoch."),
        (
            "sequence_2_32",
            &|plan| plan.sequence = 1 << 32,
            "The message 2^32 of the epoch: the lower half of its sequence is that of the first.",
        ),
        ("other_epoch", &|plan| plan.epoch_id = [9; 8], "The first message of another epoch."),
        (
            "other_signer",
            &|plan| {
                *plan = Plan {
                    signer: world.billing.clone(),
                    subject: super::world::BILLING.to_owned(),
                    ..plan.clone()
                }
            },
            "The first message of another signer, who took the same epoch ID.",
        ),
    ];
    for (name, edit, comment) in edits {
        let first = cases.drafted(name, |_| ());
        let mut plan = first.plan.clone();
        edit(&mut plan);
        let second = Draft::new(plan).seal();
        let test = Test::of(rule, comment, &second).open(|open| {
            open.earlier = vec![before(&first.envelope, at("orders/0", 17), "ok")];
            open.position = at("orders/0", 18);
        });
        cases.add(name, test);
    }
    let name = "other_key_of_the_signer";
    let (second_key, bundle) = second_key();
    let first = cases.drafted(name, |_| ());
    let second = Draft::new(Plan { signer: second_key, ..first.plan.clone() }).seal();
    let comment = "The same subject, epoch ID and sequence under another key of the subject.";
    let test = Test::of(rule, comment, &second).bundle(&bundle);
    cases.add(name, test.open(|open| open.earlier = vec![before(&first.envelope, None, "ok")]));
}

/// Another key of the subject of `orders`, and a bundle with both.
pub(super) fn second_key() -> (Signer, BundlePlan) {
    let second = Signer::labelled("orders, second");
    let mut bundle = World::new().bundle();
    bundle.records.push(Record::sign(&second, ORDERS, VALID_FROM, &["orders"]));
    (second, bundle)
}

/// An entry for our key that does not open.
pub(super) fn broken_entry() -> Item {
    let stock = World::new().stock;
    let wrapped = Wrapped { encapsulated: stock.public, ciphertext: vec![0; 48] };
    x25519_entry(&stock.key_id(), &wrapped)
}

/// What was refused does not stand in the way of what is good.
fn forgeries(cases: &mut Cases) {
    let rule = rules::REPLAY;
    let edits: [(&str, fn(&mut Draft), &str, &str); 3] = [
        (
            "after_forgery",
            |draft| draft.receipt.signature = Some(vec![7; 64]),
            "untrusted/bad_signature",
            "A forgery of the message came first.",
        ),
        (
            "after_broken_entry",
            |draft| draft.recipients = vec![broken_entry()],
            "undecryptable",
            "The message with a broken entry came first.",
        ),
        (
            "after_foreign_entry",
            |draft| draft.recipients = vec![super::nesting::other_with(cbor::uint(0))],
            "no_key",
            "The message without an entry for us came first.",
        ),
    ];
    for (name, edit, result, comment) in edits {
        let good = cases.drafted(name, |_| ());
        let bad = cases.drafted(name, edit);
        let test = Test::of(rule, comment, &good).open(|open| {
            open.earlier = vec![before(&bad.envelope, at("orders/0", 17), result)];
            open.position = at("orders/0", 18);
        });
        cases.add(name, test);
    }
}

/// Caches of epoch secrets and roots: a success before proves nothing.
fn caches(cases: &mut Cases) {
    let rule = rules::UNWRAP;
    let pair = |cases: &Cases, name: &str| {
        let first = cases.drafted(name, |_| ());
        let second = Plan {
            sequence: 1,
            message_id: message_id(SEALED, &format!("{name}: second")),
            ..first.plan.clone()
        };
        (first, second)
    };
    let after = |first: &Sealed, test: Test| {
        test.open(|open| open.earlier = vec![before(&first.envelope, None, "ok")])
    };
    let name = "epoch_again";
    let (first, second) = pair(cases, name);
    let comment = "The second message of an epoch, with the entry of the first.";
    cases.add(name, after(&first, Test::of(rule, comment, &Draft::new(second).seal())));

    let name = "epoch_again_broken_entry";
    let (first, second) = pair(cases, name);
    let mut draft = Draft::new(second);
    draft.recipients = vec![broken_entry()];
    let comment = "The second message of an epoch, with a broken entry: the epoch secret of the first is not for it.";
    cases.add(name, after(&first, Test::of(rule, comment, &draft.seal())).shut("undecryptable"));

    let name = "epoch_again_no_entry";
    let (first, second) = pair(cases, name);
    let mut draft = Draft::new(second);
    draft.recipients = vec![super::nesting::other_with(cbor::uint(0))];
    let comment = "The second message of an epoch, without an entry for us: the epoch secret of the first is not for it.";
    cases.add(name, after(&first, Test::of(rule, comment, &draft.seal())).shut("no_key"));

    let name = "epoch_again_bad_tag";
    let (first, second) = pair(cases, name);
    let mut draft = Draft::new(second);
    let mut ciphertext = draft.ciphertext();
    *ciphertext.last_mut().expect("a tag") ^= 1;
    draft.ciphertext = Some(ciphertext);
    let comment = "The second message of an epoch, whose tag is wrong.";
    cases.add(
        name,
        after(&first, Test::of(rules::COMMITMENT, comment, &draft.seal())).shut("undecryptable"),
    );

    let name = "epoch_again_forged";
    let (first, second) = pair(cases, name);
    let mut draft = Draft::new(second);
    draft.receipt.signature = Some(first.signature.clone());
    let comment = "A recipient, who knows the epoch secret, seals a message of the epoch under the first's signature.";
    let test = Test::new(rules::STATEMENT, comment, &draft.seal().envelope)
        .refused("untrusted/bad_signature");
    cases.add(name, after(&first, test));

    let name = "batch_again_other_leaf";
    let batch = crate::build::draft::seal_batch(
        (0..2).map(|n| Plan { sequence: n, ..World::new().plan(&format!("replay/{name}")) }),
    );
    let [first, second] = batch.as_slice() else { unreachable!("a batch of two") };
    let comment = "The other message of a batch whose root was verified.";
    cases.add("batch_again", after(first, Test::of(rules::TREE, comment, second)));
    let mut draft = Draft::new(second.plan.clone());
    draft.ciphertext = Some([second.ciphertext.as_slice(), &[0]].concat());
    draft.receipt.encoded = Some(second.receipt.clone());
    let comment = "The other message of a batch whose root was verified, with a byte added to its ciphertext.";
    let test =
        Test::new(rules::TREE, comment, &draft.seal().envelope).refused("untrusted/bad_signature");
    cases.add(name, after(first, test));
}
