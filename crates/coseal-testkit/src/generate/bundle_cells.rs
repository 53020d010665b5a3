//! The maps of a trust bundle, label by label: each label twice, and values of
//! the types that no other case has there. Every fault is signed.

use super::bundle::refuse;
use super::bundle_records::{RECORD, record, refused};
use super::maps::spelt;
use super::rules;
use super::test::BundleTest;
use super::test::{Cases, Row};
use super::words;
use super::world::{VALID_FROM, World};
use crate::build::bundle::BundleDraft;
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::sign1;
use crate::build::keys::{ED25519, Receiver, Signer, X25519, cose_key};
use crate::build::weak;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle");
    doubled(cases);
    frame_types(cases);
    body_types(cases);
    next_roots(cases);
    cases.theme("bundle_records");
    doubled_in_records(cases);
    record_types(cases);
    keys(cases);
}

const CBOR: &str = "malformed/cbor";
const STRUCTURE: &str = "malformed/structure";

fn twice(label: i64, told: &str) -> String {
    format!("Label {label} of {told} comes twice, with the same value.")
}

fn next_root() -> Fields {
    cose_key(ED25519, &Signer::labelled("next root").public())
}

/// Each label of each map twice, with the same value: whoever takes the first
/// and whoever takes the last find nothing wrong.
fn doubled(cases: &mut Cases) {
    for label in [1, 4] {
        let name = format!("protected_{label}_twice");
        let comment = twice(label, "the protected header");
        refuse(cases, &name, CBOR, rules::DUPLICATES, &comment, |draft| {
            draft.protected.double(label);
        });
    }
    for label in [1, 2, 3, 4, 5, 6, 7, 64] {
        let name = format!("label_{label}_twice");
        let comment = twice(label, "the bundle");
        refuse(cases, &name, CBOR, rules::DUPLICATES, &comment, |draft| {
            draft.body.set(7, cbor::array([next_root().encode()]));
            draft.body.set(64, cbor::uint(0));
            draft.body.double(label);
        });
    }
    for label in [1, -1, -2] {
        let name = format!("next_root_{}_twice", spelt(label));
        let comment = twice(label, "a next root");
        refuse(cases, &name, CBOR, rules::DUPLICATES, &comment, |draft| {
            let mut key = next_root();
            key.double(label);
            draft.body.set(7, cbor::array([key.encode()]));
        });
    }
}

fn doubled_in_records(cases: &mut Cases) {
    for label in [1, 2, 3, 4, 5, 6, 7, 64] {
        let mut fields = record()
            .with(5, cbor::uint(VALID_FROM + 1))
            .with(7, cbor::array([cbor::uint(VALID_FROM), cbor::uint(1)]))
            .with(64, cbor::uint(0));
        fields.double(label);
        let name = format!("label_{label}_twice");
        let comment = twice(label, "a record");
        refused(cases, &name, CBOR, rules::DUPLICATES, &comment, fields.encode());
    }
    for label in [1, -1, -2] {
        let mut key = cose_key(ED25519, &Signer::labelled("recorded").public());
        key.double(label);
        let name = format!("key_{}_twice", spelt(label));
        let comment = twice(label, "a key");
        let fields = record().with(1, key.encode());
        refused(cases, &name, CBOR, rules::DUPLICATES, &comment, fields.encode());
    }
    let key = Fields::new().with(1, cbor::uint(99)).with(2, cbor::uint(0));
    let (mut twice_there, mut skipped) = (key.clone(), record().with(1, key.encode()));
    twice_there.double(2);
    let comment = "Label 2 of a key comes twice, in a record that would be skipped.";
    let fields = record().with(1, twice_there.encode());
    refused(cases, "skipped_key_2_twice", CBOR, rules::DUPLICATES, comment, fields.encode());
    skipped.double(6);
    let comment = "Label 6 comes twice in a record that would be skipped.";
    refused(cases, "skipped_label_6_twice", CBOR, rules::DUPLICATES, comment, skipped.encode());
}

fn frame_types(cases: &mut Cases) {
    let rule = rules::BUNDLE_SHAPE;
    let draft = BundleDraft::new(&World::new().bundle());
    let parts = |signature: Item| {
        let (protected, body) = (cbor::bytes(draft.protected()), cbor::bytes(draft.body()));
        cbor::tag(18, cbor::array([protected, cbor::map([]), body, signature]))
    };
    let signatures: [Row<Item>; 4] = [
        ("signature_nil", cbor::nil(), "Nil as the signature."),
        ("signature_text", cbor::text(&"s".repeat(64)), "A text of 64 bytes as the signature."),
        ("signature_integer", cbor::uint(64), "An integer as the signature."),
        (
            "signature_in_array",
            cbor::array([cbor::bytes(draft.signature())]),
            "The signature in an array.",
        ),
    ];
    for (name, signature, comment) in signatures {
        let bytes = parts(signature);
        cases.add_bundle(name, BundleTest::refused(STRUCTURE, rule, comment, &bytes));
    }
    let labels: [(i64, Row<Item>); 4] = [
        (1, ("algorithm_nil", cbor::nil(), "Nil as the algorithm.")),
        (1, ("algorithm_2_63", cbor::uint(1 << 63), "The algorithm 2^63.")),
        (4, ("key_id_nil", cbor::nil(), "Nil as the key ID.")),
        (4, ("key_id_integer", cbor::uint(7), "An integer as the key ID.")),
    ];
    for (label, (name, value, comment)) in labels {
        refuse(cases, name, STRUCTURE, rule, comment, |draft| draft.protected.set(label, value));
    }
    let comment = "An array instead of the unprotected map.";
    refuse(cases, "unprotected_array", STRUCTURE, rule, comment, |draft| {
        draft.unprotected = cbor::array([]);
    });
    let comment = "An array instead of the protected header's map.";
    refuse(cases, "protected_array", STRUCTURE, rule, comment, |draft| {
        draft.protected_bytes = Some(cbor::array([]));
    });
    let comment = "The protected header has no bytes.";
    refuse(cases, "protected_empty", CBOR, rules::EMBEDDED, comment, |draft| {
        draft.protected_bytes = Some(Vec::new());
    });
    let text = cbor::text("coseal");
    let bytes = sign1(&draft.protected(), cbor::map([]), text, &draft.signature());
    let comment = "A text instead of the body.";
    cases.add_bundle("payload_text", BundleTest::refused(STRUCTURE, rule, comment, &bytes));
}

fn body_types(cases: &mut Cases) {
    let values: [(i64, Row<Item>); 15] = [
        (1, ("version_nil", cbor::nil(), "Nil as the version.")),
        (1, ("version_true", cbor::boolean(true), "True as the version.")),
        (1, ("version_array", cbor::array([cbor::uint(1)]), "The version in an array.")),
        (2, ("domain_nil", cbor::nil(), "Nil as the trust domain.")),
        (2, ("domain_integer", cbor::uint(7), "The trust domain as an integer.")),
        (3, ("sequence_nil", cbor::nil(), "Nil as the sequence.")),
        (3, ("sequence_bytes", cbor::bytes([7]), "A sequence as bytes.")),
        (4, ("issued_nil", cbor::nil(), "Nil as the issuing time.")),
        (4, ("issued_negative", cbor::int(-1), "Issued before 1970.")),
        (4, ("issued_2_63", cbor::uint(1 << 63), "An issuing time of 2^63.")),
        (5, ("expires_text", cbor::text("2027-09-21"), "The expiry as a text.")),
        (6, ("records_false", cbor::boolean(false), "False instead of records.")),
        (6, ("records_bytes", cbor::bytes(cbor::array([])), "The records in a byte string.")),
        (7, ("next_roots_nil", cbor::nil(), "Nil instead of no next roots.")),
        (7, ("next_roots_map", next_root().encode(), "One next root without an array.")),
    ];
    for (label, (name, value, comment)) in values {
        refuse(cases, name, STRUCTURE, rules::BUNDLE_BODY, comment, |draft| {
            draft.body.set(label, value);
        });
    }
}

/// Next roots that are of no use, in every label of a key.
fn next_roots(cases: &mut Cases) {
    let without = |label: i64| {
        let mut key = next_root();
        key.remove(label);
        key
    };
    let keys: [Row<Fields>; 8] = [
        ("next_root_type_missing", without(1), "A next root without its type."),
        ("next_root_curve_missing", without(-1), "A next root without its curve."),
        ("next_root_x_missing", without(-2), "A next root without its bytes."),
        ("next_root_type_text", next_root().with(1, cbor::text("OKP")), "A type as a text."),
        ("next_root_curve_text", next_root().with(-1, cbor::text("Ed25519")), "A curve as a text."),
        (
            "next_root_x_text",
            next_root().with(-2, cbor::text(&"x".repeat(32))),
            "The bytes of a next root as a text.",
        ),
        ("next_root_x_nil", next_root().with(-2, cbor::nil()), "Nil as the bytes of a next root."),
        ("next_root_33_bytes", cose_key(ED25519, &[3; 33]), "A next root of 33 bytes."),
    ];
    for (name, key, comment) in keys {
        refuse(cases, name, STRUCTURE, rules::BUNDLE_BODY, comment, |draft| {
            draft.body.set(7, cbor::array([key.encode()]));
        });
    }
    // It cannot sign, and it is not sound: one point of loading, two faults.
    for point in weak::small_order_x25519().into_iter().take(5) {
        let name = format!("next_root_x25519_{}", point.name);
        let comment =
            format!("A next root of the other curve, of small order ({}).", words::of(point.name));
        refuse(cases, &name, "malformed", rules::WEAK_KEY, &comment, |draft| {
            let key = cose_key(X25519, &point.bytes);
            draft.body.set(7, cbor::array([key.encode()]));
        });
    }
    let comment = "Two next roots, the second of small order.";
    refuse(
        cases,
        "next_root_second_weak",
        "malformed/weak_key",
        rules::WEAK_KEY,
        comment,
        |draft| {
            let weak = cose_key(ED25519, &[&[1], [0; 31].as_slice()].concat());
            draft.body.set(7, cbor::array([next_root().encode(), weak.encode()]));
        },
    );
}

fn record_types(cases: &mut Cases) {
    let revoked = |items: &[Item]| cbor::array(items.iter().cloned());
    let (at, one) = (|| cbor::uint(VALID_FROM), || cbor::uint(1));
    let values: [(i64, Row<Item>); 30] = [
        (1, ("key_nil", cbor::nil(), "Nil as the key.")),
        (1, ("key_array", cbor::array([one(), cbor::uint(6)]), "A key as an array.")),
        (2, ("subject_nil", cbor::nil(), "Nil as the subject.")),
        (2, ("subject_integer", cbor::uint(7), "A subject as an integer.")),
        (3, ("use_bytes", cbor::bytes([1]), "A use as bytes.")),
        (3, ("use_true", cbor::boolean(true), "True as the use.")),
        (3, ("use_array", cbor::array([one()]), "A use in an array.")),
        (4, ("valid_from_nil", cbor::nil(), "Nil as the beginning.")),
        (4, ("valid_from_bytes", cbor::bytes([1]), "The beginning as bytes.")),
        (5, ("valid_until_text", cbor::text("2027-09-21"), "Valid until a text.")),
        (5, ("valid_until_negative", cbor::int(-1), "Valid until before 1970.")),
        (5, ("valid_until_false", cbor::boolean(false), "False instead of no end.")),
        (6, ("channels_nil", cbor::nil(), "Nil instead of the patterns.")),
        (6, ("channels_bytes", cbor::bytes(b"orders"), "The patterns as bytes.")),
        (6, ("pattern_nil", cbor::array([cbor::nil()]), "Nil as a pattern.")),
        (6, ("pattern_integer", cbor::array([one()]), "A pattern as an integer.")),
        (
            6,
            ("pattern_in_array", revoked(&[revoked(&[cbor::text(">")])]), "A pattern in an array."),
        ),
        (7, ("revocation_text", cbor::text("lost"), "A revocation as a text.")),
        (7, ("revocation_false", cbor::boolean(false), "False instead of no revocation.")),
        (7, ("revocation_map", cbor::map([(at(), one())]), "A revocation as a map.")),
        (7, ("revoked_at_nil", revoked(&[cbor::nil(), one()]), "Revoked at nil.")),
        (7, ("revoked_at_text", revoked(&[cbor::text("2026-09-21"), one()]), "Revoked at a text.")),
        (7, ("reason_nil", revoked(&[at(), cbor::nil()]), "Nil as the reason.")),
        (7, ("reason_negative", revoked(&[at(), cbor::int(-1)]), "The reason -1.")),
        (7, ("reason_bytes", revoked(&[at(), cbor::bytes([1])]), "A reason as bytes.")),
        (
            7,
            (
                "compromised_since_nil",
                revoked(&[at(), one(), cbor::nil()]),
                "Nil instead of no time of compromise.",
            ),
        ),
        (
            7,
            (
                "compromised_since_text",
                revoked(&[at(), one(), cbor::text("2026-09-21")]),
                "Compromised since a text.",
            ),
        ),
        (
            7,
            (
                "compromised_since_negative",
                revoked(&[at(), one(), cbor::int(-1)]),
                "Compromised since before 1970.",
            ),
        ),
        (
            7,
            (
                "compromised_since_false",
                revoked(&[at(), one(), cbor::boolean(false)]),
                "False instead of no time of compromise.",
            ),
        ),
        (4, ("valid_from_tagged", cbor::tag(1, at()), "The beginning with the tag of times.")),
    ];
    for (label, (name, value, comment)) in values {
        let fields = record().with(label, value);
        refused(cases, name, RECORD, rules::RECORD, comment, fields.encode());
    }
    // What the format has nowhere is judged with the body, wherever it stands.
    let beyond: [(i64, Row<Item>); 4] = [
        (4, ("valid_from_2_63", cbor::uint(1 << 63), "Valid from 2^63.")),
        (5, ("valid_until_2_63", cbor::uint(1 << 63), "Valid until 2^63.")),
        (7, ("reason_2_63", revoked(&[at(), cbor::uint(1 << 63)]), "The reason 2^63.")),
        (3, ("use_2_63", cbor::uint(1 << 63), "The use 2^63.")),
    ];
    for (label, (name, value, comment)) in beyond {
        let fields = record().with(label, value);
        refused(cases, name, STRUCTURE, rules::INTEGERS, comment, fields.encode());
    }
}

fn keys(cases: &mut Cases) {
    let public = Receiver::labelled("recorded receiver").public;
    let good = || cose_key(X25519, &public);
    let without = |label: i64| {
        let mut key = good();
        key.remove(label);
        key
    };
    let keys: [Row<Fields>; 7] = [
        (
            "x25519_key_more_labels",
            good().with(2, cbor::bytes([0; 8])),
            "An X25519 key that names itself.",
        ),
        (
            "x25519_key_private",
            good().with(-4, cbor::bytes([5; 32])),
            "An X25519 key with its private half.",
        ),
        ("x25519_key_33", cose_key(X25519, &[3; 33]), "An X25519 key of 33 bytes."),
        ("x25519_key_without_x", without(-2), "An X25519 key without its bytes."),
        (
            "x25519_key_with_y",
            good().with(-3, cbor::bytes([3; 32])),
            "An X25519 key with a second coordinate.",
        ),
        (
            "x25519_key_x_text",
            good().with(-2, cbor::text(&"x".repeat(32))),
            "An X25519 key as a text of 32 bytes.",
        ),
        ("x25519_key_x_nil", good().with(-2, cbor::nil()), "Nil as the bytes of an X25519 key."),
    ];
    for (name, key, comment) in keys {
        let fields = record().with(1, key.encode()).with(3, cbor::uint(2));
        refused(cases, name, RECORD, rules::RECORD, comment, fields.encode());
    }
    let comment = "Nil as the bytes of a key.";
    let key = cose_key(ED25519, &Signer::labelled("recorded").public()).with(-2, cbor::nil());
    refused(
        cases,
        "key_x_nil",
        RECORD,
        rules::RECORD,
        comment,
        record().with(1, key.encode()).encode(),
    );
}
