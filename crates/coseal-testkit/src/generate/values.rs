//! Values that the format has nowhere (2.2), where anything else may stand.

use super::bundle;
use super::bundle_records::{of_unknown_type, refused as refused_record};
use super::rules;
use super::test::Cases;
use super::words;
use crate::build::cbor::{self, Fields, Item, NEGATIVE, SIMPLE};
use crate::build::draft::Draft;
use crate::build::plan::label;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("encoding");
    envelopes(cases);
    text_labels(cases);
    cases.theme("bundle");
    for (what, value) in nowhere() {
        let comment = format!("In an ignored value of a bundle: {}.", words::of(what));
        let name = format!("ignored_{what}");
        bundle::refuse(cases, &name, STRUCTURE, rules::SIMPLE, &comment, |draft| {
            draft.body.set(64, cbor::array([value]));
        });
    }
    cases.theme("bundle_records");
    for (what, value) in nowhere() {
        let comment = format!("In a record that would be skipped: {}.", words::of(what));
        let name = format!("skipped_record_{what}");
        let record = of_unknown_type().with(64, cbor::array([value])).encode();
        refused_record(cases, &name, STRUCTURE, rules::SIMPLE, &comment, record);
    }
}

const STRUCTURE: &str = "malformed/structure";

/// Well-formed and deterministic.
fn nowhere() -> [(&'static str, Item); 9] {
    [
        ("float_single", cbor::head_wide(SIMPLE, 0x47c3_5000, 4)),
        ("float_double", cbor::head_wide(SIMPLE, 1.1f64.to_bits(), 8)),
        ("simple_0", cbor::simple(0)),
        ("simple_16", cbor::simple(16)),
        ("simple_19", cbor::simple(19)),
        ("simple_undefined", cbor::simple(23)),
        ("simple_255", cbor::head_wide(SIMPLE, 255, 1)),
        ("uint_2_64_minus_1", cbor::uint(u64::MAX)),
        ("int_minus_2_64", cbor::head(NEGATIVE, u64::MAX)),
    ]
}

fn envelopes(cases: &mut Cases) {
    let places: [(&str, &str, fn(&mut Draft, Item)); 5] = [
        ("extension", "the value of an extension", |draft, value| {
            draft.header.set(label::EXTENSION, cbor::array([value]));
        }),
        ("unlisted", "the value of an unlisted label", |draft, value| {
            draft.header.set(99, cbor::array([value]));
        }),
        ("unlisted_text", "the value of a text label", |draft, value| {
            draft.header.set_key(cbor::text("a"), cbor::array([value]));
        }),
        ("skipped_entry", "an entry that would be skipped", |draft, value| {
            draft.recipients.push(super::nesting::other_with(value));
        }),
        (
            "skipped_protected",
            "the protected part of an entry that would be skipped",
            |draft, value| {
                let protected = Fields::new().with(1, cbor::int(-99)).with(99, value).encode();
                let entry = [cbor::bytes(protected), cbor::map([]), cbor::bytes([])];
                draft.recipients.push(cbor::array(entry));
            },
        ),
    ];
    for (place, told, put) in places {
        for (what, value) in nowhere() {
            let comment = format!("In {told}: {}.", words::of(what));
            let name = format!("{place}_{what}");
            cases.fault(&name, STRUCTURE, rules::SIMPLE, &comment, |draft| put(draft, value));
        }
    }
}

/// Under a text label, too: any value of the format, and tags.
fn text_labels(cases: &mut Cases) {
    let header = "unsupported/header";
    let rows: [(&str, &str, &str, Item); 7] = [
        ("nil", header, rules::UNLISTED, cbor::nil()),
        ("tag", header, rules::UNLISTED, cbor::tag(1, cbor::uint(0))),
        ("tag_inside", header, rules::UNLISTED, cbor::array([cbor::tag(2, cbor::bytes([1; 9]))])),
        ("16_deep", header, rules::NESTING, cbor::nested(15, cbor::uint(0))),
        ("17_deep", "malformed/cbor", rules::NESTING, cbor::nested(16, cbor::uint(0))),
        ("float", STRUCTURE, rules::SIMPLE, cbor::half(0x3e00)),
        ("integer_2_63", STRUCTURE, rules::INTEGERS, cbor::uint(1 << 63)),
    ];
    for (what, expect, rule, value) in rows {
        let comment = format!("Under a text label of the protected header: {}.", words::of(what));
        cases.fault(&format!("text_label_{what}"), expect, rule, &comment, |draft| {
            draft.header.set_key(cbor::text("a"), value);
        });
    }
}
