//! Trust bundles: records of kinds to come, and which fault of a record is told.

use super::bundle::faulty;
use super::bundle_records::{RECORD, of_unknown_type, record, refused};
use super::rules;
use super::test::{BundleTest, Cases, Row};
use super::world::World;
use crate::build::cbor::{self, Fields, Item};
use crate::build::keys::{ED25519, Signer, cose_key};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("bundle_records");
    kinds(cases);
    unjudged(cases);
    keys(cases);
    first_fault(cases);
}

/// Adds a bundle whose first record is this; it loads without it.
fn skipped(cases: &mut Cases, name: &str, comment: &str, record: Item) {
    let bytes = faulty(|draft| {
        let records = [record].into_iter().chain(draft.records.clone()).collect();
        draft.set_records(records);
    });
    let report = World::new().bundle().report(1);
    cases.add_bundle(name, BundleTest::accepted(report, rules::SKIPPED, comment, &bytes));
}

/// A key of this type, and what else it has.
fn key(kty: Item, rest: &[(i64, Item)]) -> Item {
    rest.iter()
        .fold(Fields::new().with(1, kty), |key, (label, value)| key.with(*label, value.clone()))
        .encode()
}

fn with_key(key: Item) -> Item {
    record().with(1, key).encode()
}

fn kinds(cases: &mut Cases) {
    let x = || (-2, cbor::bytes([3; 57]));
    let okp = || cbor::uint(1);
    let records: [Row<Item>; 6] = [
        (
            "skipped_ec2",
            with_key(key(
                cbor::uint(2),
                &[(-1, cbor::uint(1)), (-2, cbor::bytes([3; 32])), (-3, cbor::bytes([4; 32]))],
            )),
            "A P-256 key.",
        ),
        ("skipped_ed448", with_key(key(okp(), &[(-1, cbor::uint(7)), x()])), "An Ed448 key."),
        ("skipped_x448", with_key(key(okp(), &[(-1, cbor::uint(5)), x()])), "An X448 key."),
        (
            "skipped_akp",
            with_key(key(cbor::uint(7), &[(3, cbor::int(-48)), (-1, cbor::bytes([3; 200]))])),
            "An ML-DSA-44 key.",
        ),
        ("skipped_type", of_unknown_type().encode(), "A key type to come."),
        ("skipped_use", record().with(3, cbor::uint(3)).encode(), "A use to come."),
    ];
    for (name, record, comment) in &records {
        skipped(cases, name, comment, record.clone());
    }
    let bytes = faulty(|draft| {
        let all = records
            .iter()
            .map(|(_, record, _)| record.clone())
            .chain(draft.records.clone())
            .collect();
        draft.set_records(all);
    });
    let comment = "A record of each kind to come, before the known ones.";
    let report = World::new().bundle().report(6);
    let test = BundleTest::accepted(report, rules::SKIPPED, comment, &bytes);
    cases.add_bundle("skipped_all", test);
    let others: [Row<Item>; 7] = [
        ("skipped_type_text", with_key(key(cbor::text("PQ"), &[])), "A key type by a text."),
        (
            "skipped_type_negative",
            with_key(key(cbor::int(-1), &[])),
            "A key type from the private-use range.",
        ),
        (
            "skipped_curve_text",
            with_key(key(okp(), &[(-1, cbor::text("Ed25519")), x()])),
            "A curve by a text.",
        ),
        (
            "skipped_curve_negative",
            with_key(key(okp(), &[(-1, cbor::int(-65537)), x()])),
            "A curve from the private-use range.",
        ),
        (
            "skipped_type_curve_bytes",
            with_key(key(cbor::uint(2), &[(-1, cbor::bytes([6]))])),
            "A key type to come, where the label of curves has bytes.",
        ),
        ("skipped_use_0", record().with(3, cbor::uint(0)).encode(), "Use 0."),
        (
            "skipped_use_largest",
            record().with(3, cbor::uint(i64::MAX.cast_unsigned())).encode(),
            "Use 2^63 - 1.",
        ),
    ];
    for (name, record, comment) in others {
        skipped(cases, name, comment, record);
    }
}

/// What stands behind the label that makes a record a skipped one, and what is
/// missing in it.
fn unjudged(cases: &mut Cases) {
    let to_come = || record().with(3, cbor::uint(3));
    let without = |labels: &[i64]| {
        let mut fields = to_come();
        labels.iter().for_each(|label| fields.remove(*label));
        fields.encode()
    };
    let mut labelled = of_unknown_type().with(8, cbor::uint(0)).with(-1, cbor::uint(0));
    labelled.set_key(cbor::text("a"), cbor::uint(0));
    labelled.set_key(cbor::array([]), cbor::uint(0));
    let rows: [Row<Item>; 10] = [
        (
            "skipped_type_alone",
            Fields::new().with(1, key(cbor::uint(99), &[])).encode(),
            "A key type to come, and no other label.",
        ),
        (
            "skipped_type_then_faults",
            of_unknown_type().with(2, cbor::uint(0)).with(4, cbor::nil()).encode(),
            "A key type to come, and then subject and time of other types.",
        ),
        ("skipped_type_then_labels", labelled.encode(), "A key type to come, and unknown labels."),
        (
            "skipped_type_then_depth",
            of_unknown_type().with(64, cbor::nested(5, cbor::uint(0))).encode(),
            "A key type to come, and an extension's value 5 deep.",
        ),
        (
            "skipped_type_with_tags",
            record().with(1, key(cbor::uint(99), &[(-1, cbor::tag(1, cbor::uint(0)))])).encode(),
            "A key type to come, whose key has a tag in it.",
        ),
        (
            "skipped_use_then_tag",
            to_come().with(4, cbor::tag(1, cbor::uint(0))).encode(),
            "A use to come, and then a tagged time.",
        ),
        (
            "skipped_use_then_label_8",
            to_come().with(8, cbor::uint(0)).encode(),
            "A use to come, and the unknown label 8.",
        ),
        ("skipped_use_without_key", without(&[1]), "A use to come, and no key."),
        ("skipped_use_without_subject", without(&[2]), "A use to come, and no subject."),
        (
            "skipped_use_alone",
            Fields::new().with(3, cbor::uint(3)).encode(),
            "A use to come, and no other label.",
        ),
    ];
    for (name, record, comment) in rows {
        skipped(cases, name, comment, record);
    }
    // 2.1 and 2.2 hold in what is skipped, too, tags apart.
    for (name, value, rule, comment) in [
        ("skipped_float", cbor::half(0x3e00), rules::SIMPLE, "A float"),
        ("skipped_integer_2_63", cbor::uint(1 << 63), rules::INTEGERS, "2^63"),
    ] {
        let comment = format!("{comment} in a record that would be skipped.");
        let record = of_unknown_type().with(4, value).encode();
        refused(cases, name, "malformed/structure", rule, &comment, record);
    }
}

/// Key types, curves and uses that name nothing: faults, and not kinds to come.
fn keys(cases: &mut Cases) {
    let rule = rules::RECORD;
    let values: [Row<fn() -> Item>; 5] = [
        ("bytes", || cbor::bytes([1]), "Bytes"),
        ("nil", cbor::nil, "Nil"),
        ("true", || cbor::boolean(true), "True"),
        ("array", || cbor::array([cbor::uint(1)]), "An array"),
        ("tag", || cbor::tag(1, cbor::uint(99)), "A tagged integer"),
    ];
    for (what, value, comment) in values {
        let unknown_type = with_key(key(value(), &[(-1, cbor::uint(7))]));
        let comment_of = |place: &str| format!("{comment} as the {place} of a key.");
        let comment = comment_of("type");
        refused(cases, &format!("key_type_{what}"), RECORD, rule, &comment, unknown_type);
        let unknown_curve = with_key(key(cbor::uint(1), &[(-1, value())]));
        let comment = comment_of("curve");
        refused(cases, &format!("key_curve_{what}"), RECORD, rule, &comment, unknown_curve);
    }
    let missing = with_key(Fields::new().with(-1, cbor::uint(7)).encode());
    let comment = "A curve to come, and no key type.";
    refused(cases, "key_curve_without_type", RECORD, rule, comment, missing);
    let negative = record().with(3, cbor::int(-1)).encode();
    refused(cases, "use_negative", RECORD, rule, "A use of -1.", negative);
}

/// Two faults in one record, or a fault before the label that would skip it.
fn first_fault(cases: &mut Cases) {
    let rule = rules::RECORD_ORDER;
    let (weak, cbor_kind) = ("malformed/weak_key", "malformed/cbor");
    let small_order = || cose_key(ED25519, &[&[1u8], [0; 31].as_slice()].concat()).encode();
    let deep = || record().with(64, cbor::nested(5, cbor::uint(0)));
    let without = |label: i64| {
        let mut fields = deep();
        fields.remove(label);
        fields.encode()
    };
    let mut text = deep();
    text.set_key(cbor::text("a"), cbor::uint(0));
    let short = cose_key(ED25519, &[3; 31]).encode();
    let rows: [(&str, &str, Item, &str); 13] = [
        (
            "label_0_before_type",
            RECORD,
            of_unknown_type().with(0, cbor::uint(0)).encode(),
            "Label 0, and a key type to come.",
        ),
        (
            "label_0_before_weak_key",
            RECORD,
            record().with(0, cbor::uint(0)).with(1, small_order()).encode(),
            "Label 0, and a key of small order.",
        ),
        (
            "key_before_use",
            RECORD,
            record().with(1, short).with(3, cbor::uint(3)).encode(),
            "A key of 31 bytes, and a use to come.",
        ),
        (
            "weak_key_before_use",
            weak,
            record().with(1, small_order()).with(3, cbor::uint(3)).encode(),
            "A key of small order, and a use to come.",
        ),
        (
            "weak_key_before_subject",
            weak,
            record().with(1, small_order()).with(2, cbor::uint(0)).encode(),
            "A key of small order, and a subject of another type.",
        ),
        (
            "subject_before_use",
            RECORD,
            record().with(2, cbor::text("")).with(3, cbor::uint(3)).encode(),
            "A subject of no byte, and a use to come.",
        ),
        (
            "pattern_before_extension",
            RECORD,
            deep().with(6, cbor::array([cbor::text("a*")])).encode(),
            "A wrong pattern, and an ignored value 5 deep.",
        ),
        (
            "label_8_before_extension",
            RECORD,
            deep().with(8, cbor::uint(0)).encode(),
            "The unknown label 8, and an ignored value 5 deep.",
        ),
        (
            "extension_before_label_negative",
            cbor_kind,
            deep().with(-1, cbor::uint(0)).encode(),
            "An ignored value 5 deep, and the label -1, which is encoded behind it.",
        ),
        (
            "extension_before_label_text",
            cbor_kind,
            text.encode(),
            "An ignored value 5 deep, and a text as a label.",
        ),
        (
            "extension_before_missing_key",
            cbor_kind,
            without(1),
            "An ignored value 5 deep, and no key: what is missing is noticed last.",
        ),
        (
            "extension_before_missing_subject",
            cbor_kind,
            without(2),
            "An ignored value 5 deep, and no subject: what is missing is noticed last.",
        ),
        (
            "extension_before_fit_of_use",
            cbor_kind,
            deep().with(3, cbor::uint(2)).encode(),
            "An ignored value 5 deep, and an Ed25519 key to receive with: that is judged last.",
        ),
    ];
    for (name, expect, record, comment) in rows {
        refused(cases, name, expect, rule, comment, record);
    }
    let weak_record = || record().with(1, small_order()).encode();
    let faulty_record = || {
        let other = Signer::labelled("another recorded").public();
        record().with(1, cose_key(ED25519, &other).encode()).with(8, cbor::uint(0)).encode()
    };
    for (name, expect, records, comment) in [
        (
            "weak_record_before_faulty",
            weak,
            [weak_record(), faulty_record()],
            "A record with a weak key, and one with the label 8 after it.",
        ),
        (
            "faulty_record_before_weak",
            RECORD,
            [faulty_record(), weak_record()],
            "A record with the label 8, and one with a weak key after it.",
        ),
    ] {
        let bytes = faulty(|draft| draft.set_records(records.into()));
        cases.add_bundle(name, BundleTest::refused(expect, rules::BUNDLE_ORDER, comment, &bytes));
    }
    let bytes = faulty(|draft| {
        let first = draft.records.first().cloned();
        let records = draft.records.iter().cloned().chain(first).chain([faulty_record()]);
        draft.set_records(records.collect());
    });
    let comment =
        "A record twice, and one with the label 8 after them: doubles are looked for last.";
    let test = BundleTest::refused(RECORD, rules::BUNDLE_ORDER, comment, &bytes);
    cases.add_bundle("faulty_record_before_double", test);
}
