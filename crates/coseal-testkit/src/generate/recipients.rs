//! Recipient entries: their shapes, and which of them a reader uses.

use super::rules;
use super::test::{Cases, Row, Test};
use super::world::World;
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::{Draft, Sealed};
use crate::build::hpke::Wrapped;
use crate::build::keys::{Receiver, seed};
use crate::build::plan::{
    A256KW, HPKE_ALG, Plan, Recipient, hpke_protected, kek_entry, x25519_entry,
};
use crate::case::{Hex, Kek};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("recipients");
    x25519_shapes(cases);
    kek_shapes(cases);
    others(cases);
    lookups(cases);
    keks(cases);
    transplants(cases);
    rewrapped(cases);
}

const STRUCTURE: &str = "malformed/structure";
const UNDECRYPTABLE: &str = "undecryptable";

fn x25519_shapes(cases: &mut Cases) {
    let key_id = || cbor::bytes([1; 8]);
    let good = || Fields::new().with(4, key_id()).with(-4, cbor::bytes([9; 32]));
    let with = |label: i64, value: Item| good().with(label, value);
    let without = |label: i64| {
        let mut fields = good();
        fields.remove(label);
        fields
    };
    let maps: [Row<Fields>; 8] = [
        ("x25519_key_id_missing", without(4), "No key ID."),
        ("x25519_key_id_7", with(4, cbor::bytes([1; 7])), "A key ID of 7 bytes."),
        ("x25519_key_id_9", with(4, cbor::bytes([1; 9])), "A key ID of 9 bytes."),
        ("x25519_key_id_text", with(4, cbor::text("key id!!")), "A key ID as a text."),
        ("x25519_encapsulated_missing", without(-4), "No encapsulated key."),
        (
            "x25519_encapsulated_31",
            with(-4, cbor::bytes([9; 31])),
            "An encapsulated key of 31 bytes.",
        ),
        (
            "x25519_encapsulated_33",
            with(-4, cbor::bytes([9; 33])),
            "An encapsulated key of 33 bytes.",
        ),
        ("x25519_more_labels", with(5, cbor::bytes([0; 12])), "A label more."),
    ];
    for (name, map, comment) in maps {
        let entry =
            cbor::array([cbor::bytes(hpke_protected()), map.encode(), cbor::bytes([0; 48])]);
        shape(cases, name, comment, entry);
    }
    for len in [0, 47, 49] {
        let entry = cbor::array([
            cbor::bytes(hpke_protected()),
            good().encode(),
            cbor::bytes(vec![0; len]),
        ]);
        shape(
            cases,
            &format!("x25519_ciphertext_{len}"),
            &format!("A ciphertext of {len} bytes."),
            entry,
        );
    }
    let protected = Fields::new().with(1, cbor::int(HPKE_ALG)).with(4, key_id()).encode();
    let entry = cbor::array([cbor::bytes(protected), good().encode(), cbor::bytes([0; 48])]);
    shape(cases, "x25519_protected_more_labels", "A label more in the protected part.", entry);
    let protected = Fields::new().with(0, cbor::uint(0)).with(1, cbor::int(HPKE_ALG)).encode();
    let entry = cbor::array([cbor::bytes(protected), good().encode(), cbor::bytes([0; 48])]);
    shape(cases, "x25519_label_before_algorithm", "The label 0 before the algorithm.", entry);
    let unprotected = good().with(1, cbor::int(HPKE_ALG)).encode();
    let entry = cbor::array([cbor::bytes(hpke_protected()), unprotected, cbor::bytes([0; 48])]);
    shape(
        cases,
        "x25519_algorithm_in_both",
        "The algorithm in both parts: a label more in one.",
        entry,
    );
}

/// An entry of the wrong shape, after a good one.
fn shape(cases: &mut Cases, name: &str, comment: &str, entry: Item) {
    cases.fault(name, STRUCTURE, rules::RECIPIENT, comment, |draft| draft.recipients.push(entry));
}

fn kek_shapes(cases: &mut Cases) {
    let good = || Fields::new().with(1, cbor::int(A256KW)).with(4, cbor::bytes(b"kek"));
    let entry = |fields: Fields, ciphertext: &[u8]| {
        cbor::array([cbor::bytes([]), fields.encode(), cbor::bytes(ciphertext)])
    };
    let mut nameless = good();
    nameless.remove(4);
    let maps: [Row<Fields>; 5] = [
        ("kek_id_missing", nameless, "No key ID."),
        ("kek_id_empty", good().with(4, cbor::bytes([])), "A key ID of no byte."),
        ("kek_id_65", good().with(4, cbor::bytes([7; 65])), "A key ID of 65 bytes."),
        ("kek_id_text", good().with(4, cbor::text("kek")), "A key ID as a text."),
        ("kek_more_labels", good().with(-4, cbor::bytes([9; 32])), "A label more."),
    ];
    for (name, map, comment) in maps {
        shape(cases, name, comment, entry(map, &[0; 40]));
    }
    for len in [0, 39, 41, 48] {
        let name = format!("kek_ciphertext_{len}");
        shape(
            cases,
            &name,
            &format!("A wrapped epoch secret of {len} bytes."),
            entry(good(), &vec![0; len]),
        );
    }
}

fn others(cases: &mut Cases) {
    let rule = rules::OTHER_RECIPIENT;
    let entry = |protected: Item, fields: Fields| {
        cbor::array([cbor::bytes(protected), fields.encode(), cbor::bytes([0; 40])])
    };
    let alg = |alg: i64| Fields::new().with(1, cbor::int(alg));
    let key = || Fields::new().with(4, cbor::bytes([1; 8])).with(-4, cbor::bytes([9; 32]));
    let skipped: [Row<Item>; 13] = [
        ("other_direct", entry(Vec::new(), alg(-6)), "Direct use of a shared key."),
        ("other_largest", entry(Vec::new(), alg(i64::MAX)), "The largest algorithm number."),
        (
            "other_text",
            entry(Vec::new(), Fields::new().with(1, cbor::text("ML-KEM"))),
            "An algorithm by a text.",
        ),
        (
            "other_protected",
            entry(alg(-31).encode(), Fields::new()),
            "An algorithm in the protected part.",
        ),
        (
            "other_label_before_algorithm",
            entry(alg(-31).with(0, cbor::uint(0)).encode(), Fields::new()),
            "The label 0 before the algorithm in the protected part.",
        ),
        ("other_no_algorithm", entry(Vec::new(), Fields::new()), "No algorithm."),
        (
            "other_empty_map",
            entry(Fields::new().encode(), alg(-99)),
            "A protected part that is an empty map.",
        ),
        (
            "other_kek_under_empty_map",
            entry(Fields::new().encode(), alg(A256KW).with(4, cbor::bytes(b"kek"))),
            "A256KW beside a protected part that is an empty map: no algorithm there.",
        ),
        (
            "other_hpke_unprotected",
            entry(Vec::new(), key().with(1, cbor::int(HPKE_ALG))),
            "HPKE in the unprotected part.",
        ),
        (
            "other_kek_protected",
            entry(alg(A256KW).encode(), Fields::new().with(4, cbor::bytes(b"kek"))),
            "A256KW in the protected part.",
        ),
        (
            "other_any_map",
            entry(
                Vec::new(),
                alg(-99).with(4, cbor::map([(cbor::text("a"), cbor::array([cbor::nil()]))])),
            ),
            "A key ID of a type that is not ours.",
        ),
        ("other_4096", other_of(4096), "An entry of 4096 bytes."),
        (
            "other_no_bytes",
            cbor::array([cbor::bytes([]), cbor::map([]), cbor::bytes([])]),
            "Nothing in any of the three.",
        ),
    ];
    for (name, entry, comment) in skipped {
        cases.variation(name, rule, comment, |draft| draft.recipients.insert(0, entry));
    }
    let comment = "An entry of 4097 bytes.";
    cases.fault("other_4097", STRUCTURE, rule, comment, |draft| {
        draft.recipients.insert(0, other_of(4097))
    });

    let comment = "An entry of 4096 bytes, a byte too many in its protected part.";
    cases.fault("other_4096_broken", "malformed/cbor", rules::EMBEDDED, comment, |draft| {
        let entry = |fill: usize| {
            let protected = [alg(-99).encode(), vec![0]].concat();
            let entry = [cbor::bytes(protected), cbor::map([]), cbor::bytes(vec![0; fill])];
            cbor::array(entry)
        };
        let broken = entry(8192 - entry(4096).len());
        assert_eq!(broken.len(), 4096, "an entry of the wanted length");
        draft.recipients.insert(0, broken);
    });

    let sealed = cases.drafted("other_alone", |draft| {
        draft.recipients = vec![entry(Vec::new(), alg(-99))];
    });
    let comment = "No recipient of a known algorithm: it verifies.";
    cases.shut("other_alone", "no_key", rule, comment, &sealed);
}

/// An entry that nobody knows, of exactly `len` bytes.
fn other_of(len: usize) -> Item {
    let entry = |fill: usize| {
        let fields = Fields::new().with(1, cbor::int(-99)).encode();
        cbor::array([cbor::bytes([]), fields, cbor::bytes(vec![0; fill])])
    };
    let around = entry(len).len() - len;
    let entry = entry(len - around);
    assert_eq!(entry.len(), len, "an entry of the wanted length");
    entry
}

/// Which entry is used: the first that the keyring holds the key of.
fn lookups(cases: &mut Cases) {
    let rule = rules::FIRST_ENTRY;
    let world = World::new();
    let other = Receiver::labelled("another reader");
    let good = |draft: &Draft, n: u8| {
        draft.plan.encode_recipient(&Recipient::x25519(&world.stock, &format!("lookup {n}")))
    };
    let broken = x25519_entry(
        &world.stock.key_id(),
        &Wrapped { encapsulated: other.public, ciphertext: vec![0; 48] },
    );

    let sealed = cases.drafted("no_key", |draft| {
        draft.recipients = vec![draft.plan.encode_recipient(&Recipient::x25519(&other, "no_key"))];
    });
    cases.shut("no_key", "no_key", rule, "The one entry is for another key.", &sealed);
    let sealed = cases.drafted("empty_keyring", |_| ());
    let test = Test::of(rule, "The reader has no key at all.", &sealed);
    let test = test.open(|open| open.keyring.receiving_keys_hex.clear()).shut("no_key");
    cases.add("empty_keyring", test);
    cases.variation("ours_is_second", rule, "Ours is the second entry.", |draft| {
        let theirs = draft.plan.encode_recipient(&Recipient::x25519(&other, "ours_is_second"));
        draft.recipients.insert(0, theirs);
    });
    let sealed = cases.drafted("second_key_of_keyring", |_| ());
    let test = Test::of(rule, "Ours is the second key of the keyring.", &sealed);
    let test =
        test.open(|open| open.keyring.receiving_keys_hex.insert(0, Hex::from(&other.secret)));
    cases.add("second_key_of_keyring", test);
    let sealed = cases.drafted("broken_then_good", |draft| {
        draft.recipients = vec![broken.clone(), good(draft, 1)]
    });
    let comment = "Two entries for our key: the first is broken, the second is not tried.";
    cases.shut("broken_then_good", UNDECRYPTABLE, rule, comment, &sealed);
    cases.variation(
        "good_then_broken",
        rule,
        "Two entries for our key: the second is broken.",
        |draft| {
            draft.recipients = vec![good(draft, 1), broken.clone()];
        },
    );

    let second = Receiver::labelled("our second key");
    let both = |test: Test| {
        test.open(|open| open.keyring.receiving_keys_hex.insert(0, Hex::from(&second.secret)))
    };
    let name = "array_order_not_keyring_order";
    let sealed = cases.drafted(name, |draft| {
        let second_entry = x25519_entry(
            &second.key_id(),
            &Wrapped { encapsulated: other.public, ciphertext: vec![0; 48] },
        );
        draft.recipients = vec![good(draft, 1), second_entry];
    });
    let comment = "Two of our keys: the entry that comes first counts, not the key that does; the second entry is broken.";
    cases.add(name, both(Test::of(rule, comment, &sealed)));
    let name = "first_of_two_keys_broken";
    let sealed = cases.drafted(name, |draft| {
        let second_entry = x25519_entry(
            &second.key_id(),
            &Wrapped { encapsulated: other.public, ciphertext: vec![0; 48] },
        );
        draft.recipients = vec![second_entry, good(draft, 1)];
    });
    let comment = "Two of our keys: the first entry is broken, no other is tried.";
    cases.add(name, both(Test::of(rule, comment, &sealed)).shut(UNDECRYPTABLE));
}

/// A case whose reader holds this KEK and no X25519 key.
pub(super) fn with_kek(test: Test, id: &[u8], key: [u8; 32]) -> Test {
    test.open(|open| {
        open.keyring.receiving_keys_hex.clear();
        open.keyring.keks = vec![Kek { id_hex: Hex::from(id), key_hex: Hex::from(&key) }];
    })
}

fn keks(cases: &mut Cases) {
    let rule = rules::FIRST_ENTRY;
    let key = seed("kek");
    for (name, id, comment) in [
        ("kek", b"kek-0".as_slice(), "A KEK."),
        ("kek_id_1", b"k", "A KEK whose ID has one byte."),
        ("kek_id_64", &[0xff; 64], "A KEK whose ID has 64 bytes, none of them text."),
    ] {
        let sealed = cases
            .planned(name, |plan| plan.recipients = vec![Recipient::Kek { id: id.to_vec(), key }]);
        cases.add(name, with_kek(Test::of(rules::UNWRAP, comment, &sealed), id, key));
    }
    let name = "kek_of_another_name";
    let sealed = cases.planned(name, |plan| {
        plan.recipients = vec![Recipient::Kek { id: b"kek-1".to_vec(), key }]
    });
    let comment = "The right KEK under another ID.";
    cases.add(name, with_kek(Test::of(rule, comment, &sealed), b"kek-0", key).shut("no_key"));
    let name = "kek_wrong";
    let sealed = cases.planned(name, |plan| {
        plan.recipients = vec![Recipient::Kek { id: b"kek-0".to_vec(), key }]
    });
    let comment = "Another KEK under the right ID.";
    let test = with_kek(Test::of(rules::UNWRAP, comment, &sealed), b"kek-0", seed("another kek"));
    cases.add(name, test.shut(UNDECRYPTABLE));

    // The algorithm is part of what is looked up.
    let name = "kek_id_is_key_id";
    let world = World::new();
    let id = world.stock.key_id().to_vec();
    let sealed =
        cases.planned(name, |plan| plan.recipients = vec![Recipient::Kek { id: id.clone(), key }]);
    let comment = "A KEK entry whose ID is that of our X25519 key; we hold no KEK.";
    cases.shut(name, "no_key", rule, comment, &sealed);
    let name = "x25519_key_id_is_kek_id";
    let sealed = cases.drafted(name, |_| ());
    let comment = "An X25519 entry whose key ID is the ID of our KEK; we hold no X25519 key.";
    cases.add(name, with_kek(Test::of(rule, comment, &sealed), &id, key).shut("no_key"));
    let name = "kek_before_x25519";
    let sealed =
        cases.drafted(name, |draft| draft.recipients.insert(0, kek_entry(b"kek-0", &[0; 40])));
    let comment = "A broken KEK entry before a good X25519 one, and we hold both keys.";
    let test = with_kek(Test::of(rule, comment, &sealed), b"kek-0", key);
    let test =
        test.open(|open| open.keyring.receiving_keys_hex = vec![Hex::from(&world.stock.secret)]);
    cases.add(name, test.shut(UNDECRYPTABLE));
}

/// Entries of another message, epoch or signer.
fn transplants(cases: &mut Cases) {
    let rule = rules::UNWRAP;
    let world = World::new();
    let with_entry_of = |cases: &Cases, name: &str, edit: &dyn Fn(&mut Plan)| -> Sealed {
        let mut plan = world.plan(&format!("{}: the other", cases.label(name)));
        edit(&mut plan);
        let entries = plan.encode_recipients();
        cases.drafted(name, |draft| draft.recipients = entries)
    };
    let name = "entry_of_another_epoch";
    let sealed = with_entry_of(cases, name, &|_| ());
    let comment = "The entry of another epoch of the same signer: HPKE is bound to the epoch.";
    cases.shut(name, UNDECRYPTABLE, rule, comment, &sealed);
    let name = "entry_of_another_signer";
    let label = cases.label(name);
    let same_epoch = world.plan(&label);
    let sealed = with_entry_of(cases, name, &|plan| {
        *plan = Plan { signer: world.billing.clone(), ..same_epoch.clone() };
    });
    let comment = "The right epoch secret and epoch ID, wrapped in another signer's name.";
    cases.shut(name, UNDECRYPTABLE, rule, comment, &sealed);
    let name = "entry_of_another_suite";
    let same_epoch = world.plan(&cases.label(name));
    let sealed = with_entry_of(cases, name, &|plan| {
        *plan = Plan { suite: crate::case::Suite::ChaCha20Poly1305, ..same_epoch.clone() };
    });
    let comment = "The right epoch secret, wrapped for the other suite.";
    cases.shut(name, UNDECRYPTABLE, rule, comment, &sealed);
    let name = "entry_with_a_bit_flipped";
    let sealed = cases.drafted(name, |draft| {
        let entry = draft.recipients.first_mut().and_then(|entry| entry.last_mut());
        *entry.expect("a byte of a tag") ^= 1;
    });
    cases.shut(name, UNDECRYPTABLE, rule, "A bit of the wrapped epoch secret's tag.", &sealed);
    let name = "kek_entry_of_another_epoch";
    let key = seed("kek");
    let sealed = with_entry_of(cases, name, &|plan| {
        plan.recipients = vec![Recipient::Kek { id: b"kek-0".to_vec(), key }];
    });
    let comment =
        "The KEK entry of another epoch unwraps; the commitment of the message does not match.";
    let test = with_kek(Test::of(rules::COMMITMENT, comment, &sealed), b"kek-0", key);
    cases.add(name, test.shut(UNDECRYPTABLE));
    let name = "kek_entry_with_a_bit_flipped";
    let sealed = cases.drafted(name, |draft| {
        let mut wrapped = crate::build::hpke::wrap_under_kek(&key, &draft.plan.epoch_secret);
        *wrapped.first_mut().expect("40 bytes") ^= 1;
        draft.recipients = vec![kek_entry(b"kek-0", &wrapped)];
    });
    let comment = "A bit of the wrapped epoch secret.";
    cases.add(name, with_kek(Test::of(rule, comment, &sealed), b"kek-0", key).shut(UNDECRYPTABLE));
}

/// The recipients may change: the signature stays valid.
fn rewrapped(cases: &mut Cases) {
    let rule = rules::REWRAP;
    let world = World::new();
    let name = "rewrapped";
    let sealed = cases.drafted(name, |draft| {
        // Sealed for another reader, wrapped for ours by one who held the secret.
        let entry =
            draft.plan.encode_recipient(&Recipient::x25519(&world.stock, "rewrapped later"));
        draft.recipients = vec![entry];
    });
    cases.accept(
        name,
        rule,
        "Wrapped anew for our key; the receipt is that of the first sealing.",
        &sealed,
    );
    let name = "entry_of_the_same_epoch";
    let plan = world.plan(&cases.label(name));
    let second = Plan {
        sequence: 1,
        message_id: crate::build::plan::message_id(super::world::SEALED, "the second"),
        ..plan.clone()
    };
    let mut draft = Draft::new(second);
    draft.recipients = vec![plan.encode_recipient(&Recipient::x25519(&world.stock, "the first"))];
    let comment = "The entry of another message of the epoch: an entry grants the epoch.";
    cases.accept(name, rule, comment, &draft.seal());
}
