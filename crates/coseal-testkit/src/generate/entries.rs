//! Recipient entries that some other key, or some laxer look-up, would open.

use super::recipients::with_kek;
use super::replay::broken_entry;
use super::rules;
use super::test::{Cases, Row, Test};
use super::world::World;
use crate::build::cbor::{self, Fields};
use crate::build::hpke::{wrap, wrap_under_kek, wrap_under_kek_with};
use crate::build::keys::{Receiver, seed};
use crate::build::plan::{A256KW, Recipient, kek_entry, x25519_entry};
use crate::case::Hex;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("recipients");
    initial_values(cases);
    names(cases);
    order(cases);
}

const UNDECRYPTABLE: &str = "undecryptable";

/// AES key wrap has an integrity check: its initial value, all of it.
fn initial_values(cases: &mut Cases) {
    let key = seed("kek");
    let values: [Row<[u8; 8]>; 4] = [
        ("zero", [0; 8], "zeros"),
        ("first_half", [0xa6, 0xa6, 0xa6, 0xa6, 0, 0, 0, 0], "half of it"),
        ("second_half", [0, 0, 0, 0, 0xa6, 0xa6, 0xa6, 0xa6], "the other half of it"),
        ("last_byte", [0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa7], "it and a bit"),
    ];
    for (what, initial, comment) in values {
        let name = format!("kek_initial_value_{what}");
        let sealed = cases.drafted(&name, |draft| {
            let wrapped = wrap_under_kek_with(&key, &draft.plan.epoch_secret, initial);
            draft.recipients = vec![kek_entry(b"kek-0", &wrapped)];
        });
        let comment = format!(
            "The right epoch secret under the right KEK, wrapped with {comment} instead of the default initial value."
        );
        let test = with_kek(Test::of(rules::KEY_WRAP, &comment, &sealed), b"kek-0", key);
        cases.add(&name, test.shut(UNDECRYPTABLE));
    }
}

/// Entries are looked up by their IDs; no key is tried on one of another ID.
fn names(cases: &mut Cases) {
    let rule = rules::FIRST_ENTRY;
    let world = World::new();
    let other = Receiver::labelled("another reader");
    let name = "x25519_key_id_of_another";
    let sealed = cases.drafted(name, |draft| {
        let plan = &draft.plan;
        let info = plan.hpke_info();
        let wrapped = wrap(&world.stock.public, seed(name), &info, &plan.epoch_secret);
        draft.recipients = vec![x25519_entry(&other.key_id(), &wrapped)];
    });
    let comment = "An entry under another reader's key ID, which our key would open.";
    cases.shut(name, "no_key", rule, comment, &sealed);

    let key = seed("kek");
    let ids: [Row<&[u8]>; 4] = [
        ("kek_id_longer", b"kek-01", "that begins with the ID of our KEK"),
        ("kek_id_shorter", b"kek-", "that the ID of our KEK begins with"),
        ("kek_id_zero_padded", b"kek-0\0", "that is the ID of our KEK and a zero byte"),
        ("kek_id_case", b"KEK-0", "that is the ID of our KEK in capitals"),
    ];
    for (name, id, what) in ids {
        let sealed = cases
            .planned(name, |plan| plan.recipients = vec![Recipient::Kek { id: id.to_vec(), key }]);
        let comment = format!("The right KEK under an ID {what}.");
        let test = with_kek(Test::of(rule, &comment, &sealed), b"kek-0", key);
        cases.add(name, test.shut("no_key"));
    }
    let name = "kek_under_empty_map_alone";
    let sealed = cases.drafted(name, |draft| {
        let fields = Fields::new().with(1, cbor::int(A256KW)).with(4, cbor::bytes(b"kek-0"));
        let wrapped = wrap_under_kek(&key, &draft.plan.epoch_secret);
        let protected = cbor::bytes(Fields::new().encode());
        draft.recipients = vec![cbor::array([protected, fields.encode(), cbor::bytes(wrapped)])];
    });
    let comment = "A KEK entry but for its protected part, which is an empty map and has no algorithm; we hold the KEK.";
    let test = with_kek(Test::of(rules::OTHER_RECIPIENT, comment, &sealed), b"kek-0", key);
    cases.add(name, test.shut("no_key"));
}

/// The order of the array decides, whatever the algorithms are.
fn order(cases: &mut Cases) {
    let (world, key) = (World::new(), seed("kek"));
    let name = "x25519_before_kek";
    let sealed = cases.drafted(name, |draft| {
        let wrapped = wrap_under_kek(&key, &draft.plan.epoch_secret);
        draft.recipients = vec![broken_entry(), kek_entry(b"kek-0", &wrapped)];
    });
    let comment = "A broken X25519 entry before a good KEK one, and we hold both keys.";
    let test = with_kek(Test::of(rules::FIRST_ENTRY, comment, &sealed), b"kek-0", key);
    let test =
        test.open(|open| open.keyring.receiving_keys_hex = vec![Hex::from(&world.stock.secret)]);
    cases.add(name, test.shut(UNDECRYPTABLE));
}
