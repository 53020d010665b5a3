//! What a reader remembers, and what differs from it by as little as can be: it
//! answers as a reader that remembers nothing.

use super::replay::before;
use super::rules;
use super::test::{Cases, Row, Test};
use super::world::{BILLING, SEALED, World};
use crate::build::cbor;
use crate::build::draft::{Draft, Sealed};
use crate::build::hpke::{Wrapped, wrap, wrap_under_kek};
use crate::build::keys::{Receiver, seed};
use crate::build::merkle::{self, Node, Proof};
use crate::build::plan::{Plan, Recipient, kek_entry, message_id, x25519_entry};
use crate::case::{Hex, Kek, Suite};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("replay");
    signatures(cases);
    other_signer(cases);
    trees(cases);
    entries(cases);
    bindings(cases);
    keks(cases);
}

const BAD: &str = "untrusted/bad_signature";

/// After `first`, which opens.
fn after(first: &Sealed, test: Test) -> Test {
    test.open(|open| open.earlier = vec![before(&first.envelope, None, "ok")])
}

/// Refused after `first`, which opens.
fn refused_after(cases: &mut Cases, name: &str, comment: &str, first: &Sealed, draft: &Draft) {
    let test = Test::new(rules::REMEMBERED_ROOT, comment, &draft.seal().envelope).refused(BAD);
    cases.add(name, after(first, test));
}

/// The same message again: a root is remembered with the signature over it and
/// with the protected header that was signed with it, and only if it verified.
fn signatures(cases: &mut Cases) {
    let name = "root_again_signature_bit";
    let first = cases.drafted(name, |_| ());
    let mut draft = Draft::new(first.plan.clone());
    let mut signature = first.signature.clone();
    *signature.last_mut().expect("64 bytes") ^= 1;
    draft.receipt.signature = Some(signature);
    let comment = "A message that was opened, again with a bit of its signature flipped.";
    refused_after(cases, name, comment, &first, &draft);

    let name = "root_again_other_algorithm";
    let first = cases.drafted(name, |_| ());
    let mut draft = Draft::new(first.plan.clone());
    draft.receipt.protected.set(1, cbor::int(-19));
    draft.receipt.signature = Some(first.signature.clone());
    let comment =
        "A message that was opened, again with the algorithm -19, which its signature is not over.";
    refused_after(cases, name, comment, &first, &draft);

    let name = "forged_twice";
    let sealed = cases.drafted(name, |draft| draft.receipt.signature = Some(vec![7; 64]));
    let comment = "The same forgery twice: what did not verify is not remembered as if it had.";
    let test = Test::new(rules::REMEMBERED_ROOT, comment, &sealed.envelope).refused(BAD);
    cases.add(name, test.open(|open| open.earlier = vec![before(&sealed.envelope, None, BAD)]));
}

/// A known signer signs a tree in which a leaf names another: that one did not
/// sign it.
fn other_signer(cases: &mut Cases) {
    let name = "root_again_other_signer";
    let world = World::new();
    let label = cases.label(name);
    let theirs = Plan { sequence: 1, ..world.plan_of_billing(&label) };
    let theirs =
        Plan { recipients: vec![Recipient::x25519(&world.stock, "their entry")], ..theirs };
    let mut drafts = [Draft::new(world.plan(&label)), Draft::new(theirs)];
    let leaves = drafts.each_ref().map(Draft::leaf);
    for (index, draft) in drafts.iter_mut().enumerate() {
        draft.receipt.signer = world.orders.clone();
        draft.receipt.place(Proof::among(&leaves, index));
    }
    let [first, second] = drafts;
    let comment = "The second leaf of a tree whose root was verified for the first; it names another signer, who did not sign it.";
    refused_after(cases, name, comment, &first.seal(), &second);
}

/// Messages of one epoch as drafts, and their leaves.
fn batch(label: &str, count: u64) -> (Vec<Draft>, Vec<Node>) {
    let drafts: Vec<Draft> =
        (0..count).map(|n| Draft::new(Plan { sequence: n, ..World::new().plan(label) })).collect();
    let leaves = drafts.iter().map(Draft::leaf).collect();
    (drafts, leaves)
}

/// The same root, or nearly: another size, another sibling, another place.
fn trees(cases: &mut Cases) {
    let name = "root_again_other_size";
    let (drafts, leaves) = batch(&cases.label(name), 3);
    let mut third = drafts.last().expect("the third of three").clone();
    third.receipt.place(Proof::among(&leaves, 2));
    let first = third.seal();
    let claimed = Proof { size: 2, index: 1, ..third.receipt.proof.clone() };
    assert_eq!(claimed.root(&first.leaf), first.root, "{name}: the same root");
    third.receipt.place(claimed);
    third.receipt.signature = Some(first.signature.clone());
    let comment = "A message that was opened as the third of three, again as the second of two: the root is the same, the size that was signed is not.";
    refused_after(cases, name, comment, &first, &third);

    let rows: [Row<fn(&mut Proof)>; 3] = [
        (
            "batch_again_other_sibling",
            |proof| proof.path = proof.path.iter().take(1).copied().chain([seed("none")]).collect(),
            "its upper sibling being another",
        ),
        (
            "batch_again_first_sibling",
            |proof| {
                proof.path = [seed("none")].into_iter().chain(proof.path.get(1).copied()).collect()
            },
            "its lower sibling being another",
        ),
        ("batch_again_other_index", |proof| proof.index = 0, "in the place of the first"),
    ];
    for (name, edit, how) in rows {
        let (mut drafts, leaves) = batch(&cases.label(name), 4);
        for (index, draft) in drafts.iter_mut().enumerate() {
            draft.receipt.place(Proof::among(&leaves, index));
        }
        let mut drafts = drafts.into_iter();
        let first = drafts.next().expect("the first of four").seal();
        let mut second = drafts.next().expect("the second of four");
        let signature = second.seal().signature;
        let mut proof = second.receipt.proof.clone();
        edit(&mut proof);
        assert_ne!(proof.root(&second.leaf()), merkle::root(&leaves), "{name}: another root");
        second.receipt.place(proof);
        second.receipt.signature = Some(signature);
        let comment = format!("The second of four messages, after the first was opened, {how}.");
        refused_after(cases, name, &comment, &first, &second);
    }
}

/// The second message of `first`'s epoch.
fn second_of(first: &Sealed, label: &str) -> Plan {
    let message_id = message_id(SEALED, &format!("{label}: second"));
    Plan { sequence: 1, message_id, ..first.plan.clone() }
}

/// Adds a message that does not open after `first`, which does.
fn shut_after(cases: &mut Cases, name: &str, comment: &str, first: &Sealed, draft: &Draft) {
    let test = Test::of(rules::REMEMBERED_EPOCH, comment, &draft.seal()).shut("undecryptable");
    cases.add(name, after(first, test));
}

/// Another entry with the same wrapped bytes.
fn entries(cases: &mut Cases) {
    let stock = World::new().stock;
    let second_key = Receiver::labelled("our second key");
    let wrapped_of = |plan: &Plan, label: &str| {
        let ikm = seed(&format!("{label}: encapsulation"));
        wrap(&stock.public, ikm, &plan.hpke_info(), &plan.epoch_secret)
    };
    let name = "epoch_again_other_encapsulated";
    let first = cases.drafted(name, |_| ());
    let mut draft = Draft::new(second_of(&first, name));
    let wrapped = wrapped_of(&first.plan, &cases.label(name));
    assert_eq!(first.recipients, [x25519_entry(&stock.key_id(), &wrapped)], "{name}: its entry");
    let other = Wrapped { encapsulated: second_key.public, ..wrapped };
    draft.recipients = vec![x25519_entry(&stock.key_id(), &other)];
    let comment = "The second message of an epoch, its entry that of the first with another encapsulated key.";
    shut_after(cases, name, comment, &first, &draft);

    let name = "epoch_again_other_key_id";
    let first = cases.drafted(name, |_| ());
    let mut draft = Draft::new(second_of(&first, name));
    let wrapped = wrapped_of(&first.plan, &cases.label(name));
    draft.recipients = vec![x25519_entry(&second_key.key_id(), &wrapped)];
    let comment = "The second message of an epoch, its entry that of the first under the ID of another of our keys.";
    let test = Test::of(rules::REMEMBERED_EPOCH, comment, &draft.seal()).shut("undecryptable");
    let test = after(&first, test)
        .open(|open| open.keyring.receiving_keys_hex.push(Hex::from(&second_key.secret)));
    cases.add(name, test);
}

/// The same entry, where it is bound to something else.
fn bindings(cases: &mut Cases) {
    let rows: [Row<fn(&mut Plan)>; 3] = [
        (
            "epoch_again_other_signer",
            |plan| {
                plan.signer = World::new().billing;
                BILLING.clone_into(&mut plan.subject);
            },
            "of another signer, who took the epoch ID",
        ),
        ("epoch_again_other_epoch", |plan| plan.epoch_id = [9; 8], "under another epoch ID"),
        (
            "epoch_again_other_suite",
            |plan| plan.suite = Suite::ChaCha20Poly1305,
            "of the other suite",
        ),
    ];
    for (name, edit, what) in rows {
        let first = cases.drafted(name, |_| ());
        let mut plan = second_of(&first, name);
        edit(&mut plan);
        let mut draft = Draft::new(plan);
        draft.recipients = first.recipients.clone();
        let comment = format!(
            "After a message was opened, one {what}, under the same epoch secret and with the same entry, which is bound to the first."
        );
        shut_after(cases, name, &comment, &first, &draft);
    }
}

/// A KEK entry is bound to nothing, and remembered all the same.
fn keks(cases: &mut Cases) {
    let (key, other) = (seed("kek"), seed("another kek"));
    let with_keks = |test: Test| {
        test.open(|open| {
            let kek = |id: &[u8], key| Kek { id_hex: Hex::from(id), key_hex: Hex::from(key) };
            open.keyring.keks = vec![kek(b"kek-0", &key), kek(b"kek-1", &other)];
        })
    };
    let first_of = |cases: &Cases, name: &str| {
        cases.planned(name, |plan| {
            plan.recipients = vec![Recipient::Kek { id: b"kek-0".to_vec(), key }];
        })
    };
    let name = "epoch_again_other_kek_id";
    let first = first_of(cases, name);
    let mut draft = Draft::new(second_of(&first, name));
    draft.recipients = vec![kek_entry(b"kek-1", &wrap_under_kek(&key, &first.plan.epoch_secret))];
    let comment = "The second message of an epoch, its KEK entry that of the first under the ID of another of our KEKs.";
    let test = Test::of(rules::REMEMBERED_EPOCH, comment, &draft.seal()).shut("undecryptable");
    cases.add(name, with_keks(after(&first, test)));
    let name = "epoch_again_kek_other_suite";
    let first = first_of(cases, name);
    let plan = Plan { suite: Suite::ChaCha20Poly1305, ..second_of(&first, name) };
    let comment = "The second message of an epoch, of the other suite, with the KEK entry of the first: it is bound to no suite.";
    let test = Test::of(rules::REMEMBERED_EPOCH, comment, &Draft::new(plan).seal());
    cases.add(name, with_keks(after(&first, test)));
}
