//! Trust bundles: their records and keys.

use super::bundle::refuse;
use super::rules;
use super::test::{BundleTest, Cases, Row};
use super::words;
use super::world::{ORDERS, VALID_FROM, World};
use crate::build::bundle::{BundleDraft, Record};
use crate::build::cbor::{self, Fields, Item};
use crate::build::keys::{ED25519, Receiver, Signer, X25519, cose_key};
use crate::build::weak;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle_records");
    good(cases);
    fields(cases);
    keys(cases);
    patterns(cases);
    revocations(cases);
    duplicates(cases);
    cases.theme("bundle_keys");
    weak_keys(cases);
}

pub(super) const RECORD: &str = "malformed/record";

/// A record as good as any.
pub(super) fn record() -> Fields {
    Record::sign(&Signer::labelled("recorded"), ORDERS, VALID_FROM, &["orders"]).fields()
}

/// A record of a key type to come.
pub(crate) fn of_unknown_type() -> Fields {
    let key = Fields::new().with(1, cbor::uint(99)).encode();
    Fields::new()
        .with(1, key)
        .with(2, cbor::text("urn:x"))
        .with(3, cbor::uint(1))
        .with(4, cbor::uint(0))
        .with(6, cbor::array([]))
}

/// Adds a bundle whose last record is this; it is refused.
pub(super) fn refused(
    cases: &mut Cases,
    name: &str,
    expect: &str,
    rule: &str,
    comment: &str,
    record: Item,
) {
    refuse(cases, name, expect, rule, comment, |draft| {
        let records = draft.records.iter().cloned().chain([record]).collect();
        draft.set_records(records);
    });
}

fn good(cases: &mut Cases) {
    let add =
        |cases: &mut Cases, name: &str, rule: &str, comment: &str, edit: &dyn Fn(&mut Record)| {
            let bundle = World::new().bundle_with(edit);
            cases.add_bundle(
                name,
                BundleTest::accepted(bundle.report(0), rule, comment, &bundle.sign()),
            );
        };
    let rule = rules::RECORD;
    add(cases, "subject_1", rule, "A subject of one byte.", &|record| {
        record.subject = "s".to_owned()
    });
    add(cases, "subject_2048", rule, "A subject of 2048 bytes.", &|record| {
        record.subject = format!("urn:{}", "s".repeat(2044));
    });
    add(cases, "no_patterns", rule, "A key for no channel.", &|record| record.channels.clear());
    add(cases, "patterns_256", rule, "256 patterns.", &|record| {
        record.channels = (0..256).map(|n| format!("orders.{n}")).collect();
    });
    add(cases, "pattern_255", rule, "A pattern of 255 bytes.", &|record| {
        record.channels = vec!["p".repeat(255)]
    });
    add(cases, "times_at_their_ends", rule, "Valid from 0 until 2^53 - 1.", &|record| {
        record.valid_from = 0;
        record.valid_until = Some((1 << 53) - 1);
    });
    for (name, until, comment) in [
        ("until_is_from", VALID_FROM, "Valid until the second that it is valid from: never."),
        ("until_before_from", VALID_FROM - 1, "Valid until a second before: never."),
    ] {
        add(cases, name, rule, comment, &|record| record.valid_until = Some(until));
    }
    let comment = "Compromised since a day after it was revoked.";
    add(cases, "compromised_after_revoked", rule, comment, &|record| {
        record.revocation = Some((VALID_FROM, 1, Some(VALID_FROM + 86_400)));
    });
    let rule = rules::PATTERN;
    add(cases, "equal_patterns", rule, "The same pattern twice.", &|record| {
        record.channels = vec!["orders".to_owned(); 2];
    });
    let comment = "Patterns with control characters: they cover nothing.";
    add(cases, "pattern_control_characters", rule, comment, &|record| {
        record.channels = ["orders\0", "\n.>", "\u{7f}", "\u{85}"].map(str::to_owned).into();
    });
    let bundle = World::new().bundle();
    let mut draft = BundleDraft::new(&bundle);
    let mut records = draft.records.clone();
    if let (Some(first), Some(record)) = (records.first_mut(), bundle.records.first()) {
        *first = record
            .fields()
            .with(64, cbor::nested(4, cbor::nil()))
            .with(1000, cbor::text("to come"))
            .encode();
    }
    draft.set_records(records);
    let comment = "Labels 64 and 1000 in a record.";
    let test = BundleTest::accepted(bundle.report(0), rules::IGNORED, comment, &draft.sign());
    cases.add_bundle("extensions", test);
}

fn fields(cases: &mut Cases) {
    let rule = rules::RECORD;
    for label in [1, 2, 3, 4, 6] {
        let mut fields = record();
        fields.remove(label);
        let comment = format!("Label {label} of a record is missing.");
        refused(cases, &format!("label_{label}_missing"), RECORD, rule, &comment, fields.encode());
    }
    let receiver = Receiver::labelled("recorded receiver");
    for label in [1, 2, 3, 4, 6] {
        let mut fields = Record::receive(&receiver, ORDERS, VALID_FROM, &["orders"]).fields();
        fields.remove(label);
        let name = format!("receiving_label_{label}_missing");
        let comment = format!("Label {label} of a receiving key's record is missing.");
        refused(cases, &name, RECORD, rule, &comment, fields.encode());
    }
    let values: [(&str, i64, Item, &str); 18] = [
        ("key_bytes", 1, cbor::bytes([3; 32]), "A key as bytes."),
        ("subject_bytes", 2, cbor::bytes(b"urn:x"), "A subject as bytes."),
        ("subject_empty", 2, cbor::text(""), "A subject of no byte."),
        ("subject_2049", 2, cbor::text(&"s".repeat(2049)), "A subject of 2049 bytes."),
        ("use_text", 3, cbor::text("sign"), "A use as a text."),
        ("use_nil", 3, cbor::nil(), "Nil as the use."),
        ("use_receive_for_ed25519", 3, cbor::uint(2), "An Ed25519 key to receive with."),
        ("valid_from_negative", 4, cbor::int(-1), "Valid from before 1970."),
        ("valid_from_text", 4, cbor::text("2026-09-21"), "Valid from a text."),
        ("valid_from_2_53", 4, cbor::uint(1 << 53), "Valid from 2^53."),
        ("valid_until_2_53", 5, cbor::uint(1 << 53), "Valid until 2^53."),
        ("valid_until_nil", 5, cbor::nil(), "Nil instead of no end."),
        ("channels_text", 6, cbor::text("orders"), "A pattern without an array."),
        ("channels_map", 6, cbor::map([]), "A map instead of the patterns."),
        ("label_8", 8, cbor::uint(0), "The unknown label 8."),
        ("label_63", 63, cbor::uint(0), "The unknown label 63, the last below 64."),
        ("label_negative", -1, cbor::uint(0), "The unknown label -1."),
        ("label_0", 0, cbor::uint(0), "The unknown label 0."),
    ];
    for (name, label, value, comment) in values {
        refused(cases, name, RECORD, rule, comment, record().with(label, value).encode());
    }
    let mut text = record();
    text.set_key(cbor::text("a"), cbor::uint(0));
    refused(cases, "label_text", RECORD, rule, "A text as a label.", text.encode());
    for (name, item, comment) in [
        ("record_array", cbor::array([]), "An array as a record."),
        ("record_nil", cbor::nil(), "Nil as a record."),
        ("record_empty", cbor::map([]), "A record with nothing in it."),
    ] {
        refused(cases, name, RECORD, rule, comment, item);
    }
    let deep = record().with(64, cbor::nested(5, cbor::uint(0))).encode();
    let comment = "An ignored value of a record 5 deep.";
    refused(cases, "extension_5_deep", "malformed/cbor", rules::EXTENSION_NESTING, comment, deep);
    let tagged = record().with(64, cbor::tag(1, cbor::uint(0))).encode();
    let comment = "A tag in an ignored value of a record.";
    refused(cases, "extension_tag", RECORD, rules::EXTENSION_TAGS, comment, tagged);
    let comment = "A tag on a subject.";
    let tagged = record().with(2, cbor::tag(32, cbor::text("urn:x"))).encode();
    refused(cases, "subject_tag", RECORD, rule, comment, tagged);
    // What the format has nowhere is judged with the body, wherever it stands.
    for (name, value, comment) in [
        ("subject_float", cbor::half(0x3e00), "A float as a subject."),
        ("subject_undefined", cbor::simple(23), "Undefined as a subject."),
        ("subject_2_63", cbor::uint(1 << 63), "2^63 as a subject."),
    ] {
        let value = record().with(2, value).encode();
        refused(cases, name, "malformed/structure", rules::SIMPLE, comment, value);
    }
}

fn keys(cases: &mut Cases) {
    let rule = rules::RECORD;
    let public = Signer::labelled("recorded").public();
    let good = || cose_key(ED25519, &public);
    let mut without = good();
    without.remove(-2);
    let mut no_curve = good();
    no_curve.remove(-1);
    let mut no_type = good();
    no_type.remove(1);
    let keys: [Row<Fields>; 8] = [
        ("key_31", cose_key(ED25519, &[3; 31]), "A key of 31 bytes."),
        ("key_33", cose_key(ED25519, &[3; 33]), "A key of 33 bytes."),
        ("key_without_x", without, "A key without its bytes."),
        ("key_without_curve", no_curve, "A key without its curve."),
        ("key_without_type", no_type, "A key without its type."),
        ("key_more_labels", good().with(2, cbor::bytes([0; 8])), "A key that names itself."),
        ("key_private", good().with(-4, cbor::bytes([5; 32])), "A key with its private half."),
        (
            "key_x_text",
            good().with(-2, cbor::text(&"x".repeat(32))),
            "A key as a text of 32 bytes.",
        ),
    ];
    for (name, key, comment) in keys {
        refused(cases, name, RECORD, rule, comment, record().with(1, key.encode()).encode());
    }
    let receiver = Receiver::labelled("recorded receiver");
    let x25519 = cose_key(X25519, &receiver.public);
    let signing = record().with(1, x25519.encode()).encode();
    refused(cases, "use_sign_for_x25519", RECORD, rule, "An X25519 key to sign with.", signing);
    let short =
        record().with(1, cose_key(X25519, &[3; 31]).encode()).with(3, cbor::uint(2)).encode();
    refused(cases, "x25519_key_31", RECORD, rule, "An X25519 key of 31 bytes.", short);
}

fn patterns(cases: &mut Cases) {
    let rule = rules::PATTERN;
    let long = "p".repeat(256);
    for (name, pattern, comment) in [
        ("pattern_empty", "", "A pattern of no byte."),
        ("pattern_256", long.as_str(), "A pattern of 256 bytes."),
        ("pattern_star_after_text", "orders*", "A star inside a longer token."),
        ("pattern_star_before_text", "*orders", "A star inside a longer token."),
        ("pattern_two_stars", "**", "A token of two stars."),
        ("pattern_greater_after_text", "orders>", "A greater-than sign inside a longer token."),
        ("pattern_greater_before_text", "orders.>eu", "A greater-than sign inside a longer token."),
        ("pattern_greater_in_the_middle", "orders.>.eu", "A greater-than sign that is not last."),
        ("pattern_star_and_greater", "*>", "A token of both signs."),
    ] {
        let good =
            record().with(6, cbor::array([cbor::text("orders"), cbor::text(pattern)])).encode();
        refused(cases, name, RECORD, rule, comment, good);
    }
    let bytes = record().with(6, cbor::array([cbor::bytes(b"orders")])).encode();
    refused(cases, "pattern_bytes", RECORD, rule, "A pattern as bytes.", bytes);
    let many = record().with(6, cbor::array((0..257).map(|n| cbor::text(&format!("orders.{n}")))));
    refused(cases, "patterns_257", RECORD, rule, "257 patterns.", many.encode());
}

fn revocations(cases: &mut Cases) {
    let rule = rules::RECORD;
    let numbers = |numbers: &[u64]| cbor::array(numbers.iter().map(|&number| cbor::uint(number)));
    let wrong: [Row<Item>; 9] = [
        ("revocation_empty", cbor::array([]), "An empty revocation."),
        ("revocation_of_one", numbers(&[VALID_FROM]), "A revocation without a reason."),
        ("revocation_of_four", numbers(&[VALID_FROM, 1, VALID_FROM, 0]), "A fourth item."),
        ("revocation_integer", cbor::uint(VALID_FROM), "A revocation without an array."),
        ("revocation_nil", cbor::nil(), "Nil instead of no revocation."),
        ("revoked_at_2_53", numbers(&[1 << 53, 1]), "Revoked at 2^53."),
        (
            "revoked_at_negative",
            cbor::array([cbor::int(-1), cbor::uint(1)]),
            "Revoked before 1970.",
        ),
        (
            "reason_text",
            cbor::array([cbor::uint(VALID_FROM), cbor::text("lost")]),
            "A reason as a text.",
        ),
        ("compromised_since_2_53", numbers(&[VALID_FROM, 1, 1 << 53]), "Compromised since 2^53."),
    ];
    for (name, revocation, comment) in wrong {
        refused(cases, name, RECORD, rule, comment, record().with(7, revocation).encode());
    }
    for (name, reason, since) in [
        ("reason_compromised", 1, Some(VALID_FROM - 10)),
        ("reason_superseded", 2, None),
        ("reason_ceased", 3, None),
        ("reason_0", 0, None),
        ("reason_4", 4, Some(VALID_FROM - 10)),
        ("reason_largest", i64::MAX.cast_unsigned(), None),
    ] {
        let bundle = World::new()
            .bundle_with(|record| record.revocation = Some((VALID_FROM, reason, since)));
        let comment = format!("Reason {reason}: all but 2 and 3 count as compromised.");
        cases.add_bundle(
            name,
            BundleTest::accepted(bundle.report(0), rule, &comment, &bundle.sign()),
        );
    }
}

fn duplicates(cases: &mut Cases) {
    let rule = rules::DUPLICATE_KEY;
    let duplicate = "malformed/duplicate_key";
    let world = World::new();
    let again = Record::sign(&world.orders, ORDERS, VALID_FROM, &["orders"]).fields().encode();
    refused(cases, "same_record_twice", duplicate, rule, "A record twice.", again);
    let other = Record::sign(&world.orders, "urn:another", 0, &["billing"]).fields().encode();
    refused(cases, "same_key_twice", duplicate, rule, "One key in two records.", other);
    let receiving = Record::receive(&world.stock, "urn:another", 0, &[]).fields().encode();
    refused(
        cases,
        "same_receiving_key_twice",
        duplicate,
        rule,
        "One receiving key in two records.",
        receiving,
    );
}

fn weak_keys(cases: &mut Cases) {
    let rule = rules::WEAK_KEY;
    let weak = "malformed/weak_key";
    for point in weak::small_order_ed25519() {
        let key = cose_key(ED25519, &point.bytes).encode();
        let comment = format!("An Ed25519 key of small order ({}).", words::of(point.name));
        let name = format!("ed25519_{}", point.name);
        refused(cases, &name, weak, rule, &comment, record().with(1, key).encode());
    }
    let key = cose_key(ED25519, &weak::unreduced_large_order_ed25519()).encode();
    let comment = "An Ed25519 key of large order that is not reduced (y = p + 3).";
    refused(cases, "ed25519_unreduced", weak, rule, comment, record().with(1, key).encode());
    let key = cose_key(ED25519, &weak::no_point_ed25519()).encode();
    let comment = "An Ed25519 key that is not on the curve (y = 2).";
    refused(cases, "ed25519_no_point", weak, rule, comment, record().with(1, key).encode());

    let receiving = |public: &[u8]| {
        let key = cose_key(X25519, public).encode();
        record().with(1, key).with(3, cbor::uint(2)).encode()
    };
    for point in weak::small_order_x25519() {
        let comment = format!("An X25519 key of small order ({}).", words::of(point.name));
        let name = format!("x25519_{}", point.name);
        refused(cases, &name, weak, rule, &comment, receiving(&point.bytes));
    }
    let comment = "An X25519 key of large order that is not reduced (u = p + 9).";
    refused(cases, "x25519_unreduced", weak, rule, comment, receiving(&weak::unreduced_x25519()));
    let mut top_bit = Receiver::labelled("recorded receiver").public;
    if let Some(last) = top_bit.last_mut() {
        *last |= 0x80;
    }
    let comment = "An X25519 key of large order with its top bit set.";
    refused(cases, "x25519_top_bit", weak, rule, comment, receiving(&top_bit));
}
