//! What one reader is given after another: replays, redeliveries, a log.

use super::rules;
use super::test::{Cases, Row, Test, expect};
use super::world::{SEALED, SKEW, WINDOW, World};
use crate::build::cbor;
use crate::build::draft::{Draft, Sealed};
use crate::build::hpke::Wrapped;
use crate::build::plan::{Plan, Recipient, message_id, x25519_entry};
use crate::case::{Earlier, Hex, Position};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("replay");
    repetitions(cases);
    forgeries(cases);
    caches(cases);
    logs(cases);
}

const REPLAYED: &str = "stale/replayed";

fn at(log: &str, offset: u64) -> Option<Position> {
    Some(Position { log: log.to_owned(), offset })
}

fn before(envelope: &[u8], position: Option<Position>, result: &str) -> Earlier {
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
    distinct(cases);
}

/// What looks alike and is not the same message.
fn distinct(cases: &mut Cases) {
    let rule = rules::REPLAY;
    let world = World::new();
    let edits: [Row<&dyn Fn(&mut Plan)>; 3] = [
        ("next_sequence", &|plan| plan.sequence = 1, "The next message of the epoch."),
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
            |draft| {
                let wrapped =
                    Wrapped { encapsulated: World::new().stock.public, ciphertext: vec![0; 48] };
                draft.recipients = vec![x25519_entry(&World::new().stock.key_id(), &wrapped)];
            },
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
    let wrapped = Wrapped { encapsulated: World::new().stock.public, ciphertext: vec![0; 48] };
    draft.recipients = vec![x25519_entry(&World::new().stock.key_id(), &wrapped)];
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

/// In a log, age is measured against the latest verified message of the signer.
fn logs(cases: &mut Cases) {
    let rule = rules::TOO_OLD;
    let edge = WINDOW + SKEW;
    let world = World::new();
    let weekend = SEALED + 48 * 3_600_000;
    let later = |label: &str, by: u64| Plan {
        message_id: message_id(SEALED + by, label),
        ..world.plan(&format!("{label}: later"))
    };
    let name = "backlog";
    let sealed = cases.drafted(name, |_| ());
    let comment =
        "Two days old, the first message of its log that we read: nothing is newer there.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = weekend;
        open.position = at("orders/0", 17);
    });
    cases.add(name, test);
    for (name, by, result) in
        [("log_as_old_as_may_be", edge, "ok"), ("log_too_old", edge + 1, "stale/too_old")]
    {
        let newer = Draft::new(later(&cases.label(name), by)).seal();
        let sealed = cases.drafted(name, |_| ());
        let comment = format!("{by} ms older than the signer's latest message in the log.");
        let test = Test::of(rule, &comment, &sealed).open(|open| {
            open.now_ms = weekend;
            open.earlier = vec![before(&newer.envelope, at("orders/0", 17), "ok")];
            open.position = at("orders/0", 18);
        });
        cases.add(name, if expect(result).is_ok() { test } else { test.shut(result) });
    }
    let name = "log_newer_than_latest";
    let older = Draft::new(later(&cases.label(name), 0)).seal();
    let sealed = Draft::new(Plan {
        message_id: message_id(SEALED + 2 * edge, &cases.label(name)),
        ..world.plan(&cases.label(name))
    });
    let comment = "Far newer than the signer's latest message in the log.";
    let test = Test::of(rule, comment, &sealed.seal()).open(|open| {
        open.now_ms = weekend;
        open.earlier = vec![before(&older.envelope, at("orders/0", 17), "ok")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "log_of_another";
    let newer = Draft::new(later(&cases.label(name), edge + 1)).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message of the signer came in another log.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = weekend;
        open.earlier = vec![before(&newer.envelope, at("orders/1", 17), "ok")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "signer_of_another";
    let label = cases.label(name);
    let theirs =
        Plan { message_id: message_id(SEALED + edge + 1, &label), ..world.plan_of_billing(&label) };
    let newer = Draft::new(theirs).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message in the log is another signer's.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = weekend;
        open.earlier = vec![before(&newer.envelope, at("orders/0", 17), "ok")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "log_forged_newer";
    let mut forged = Draft::new(later(&cases.label(name), edge + 1));
    forged.receipt.signature = Some(vec![7; 64]);
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message in the log did not verify: it makes nothing old.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = weekend;
        open.earlier =
            vec![before(&forged.seal().envelope, at("orders/0", 17), "untrusted/bad_signature")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "log_latest_of_two";
    let newest = Draft::new(later(&cases.label(name), edge + 1)).seal();
    let newer = Draft::new(Plan { epoch_id: [3; 8], ..later(&cases.label(name), 1000) }).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The latest sealing time counts, not that of the message before.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = weekend;
        open.earlier = vec![
            before(&newest.envelope, at("orders/0", 17), "ok"),
            before(&newer.envelope, at("orders/0", 18), "ok"),
        ];
        open.position = at("orders/0", 19);
    });
    cases.add(name, test.shut("stale/too_old"));
}
