//! The maps of an envelope, label by label: each label twice, and values of the
//! types that no other case has there. Every fault is signed, so that a reader
//! which misses it opens the message.

use super::maps::{
    Entry, Map, claims, header, kek, other, other_label, other_protected, receipt, receipt_proofs,
    receipt_unprotected, receipts, spelt, x25519, x25519_protected,
};
use super::rules;
use super::test::{Cases, Row};
use crate::build::cbor::{self, Fields, Item};
use crate::build::plan::{A256KW, label};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("encoding");
    doubled(cases);
    cases.theme("header");
    header_types(cases);
    origin_types(cases);
    cases.theme("receipt");
    receipt_types(cases);
    cases.theme("recipients");
    recipient_types(cases);
    other_algorithms(cases);
    broken_before_others(cases);
}

const STRUCTURE: &str = "malformed/structure";

/// Each label of each map twice, with the same value: whoever takes the first
/// and whoever takes the last find nothing wrong.
fn doubled(cases: &mut Cases) {
    let maps: [(&str, &str, Map, &[i64]); 12] = [
        ("header", "the protected header", header, &[1, 3, 5, 15, -65537, -65538, -65600]),
        ("claims", "the claims", claims, &[3, 4]),
        ("unprotected", "the unprotected map", receipts, &[394]),
        ("receipt", "the receipt's protected map", receipt, &[1, 395, -65537]),
        ("receipt_unprotected", "the receipt's unprotected map", receipt_unprotected, &[396]),
        ("receipt_proofs", "the receipt's map of proofs", receipt_proofs, &[-1]),
        ("x25519_protected", "an X25519 entry's protected part", x25519_protected, &[1]),
        ("x25519", "an X25519 entry's unprotected map", x25519, &[4, -4]),
        ("kek", "a KEK entry's unprotected map", kek, &[1, 4]),
        ("other", "the unprotected map of an entry that is skipped", other, &[1]),
        (
            "other_protected",
            "the protected part of an entry that is skipped",
            other_protected,
            &[1],
        ),
        ("other_label", "the unprotected map of an entry that is skipped", other_label, &[99]),
    ];
    for (map, told, edit, labels) in maps {
        for &label in labels {
            let name = format!("{map}_{}_twice", spelt(label));
            let comment = format!("Label {label} of {told} comes twice, with the same value.");
            cases.fault(&name, "malformed/cbor", rules::DUPLICATES, &comment, |draft| {
                edit(draft, &|fields| fields.double(label));
            });
        }
    }
}

/// A map, a label, what else stands there: name, value, comment.
type Cell = (Map, i64, Row<Item>);

fn refuse(cases: &mut Cases, rule: &str, cells: impl IntoIterator<Item = Cell>) {
    for (edit, label, (name, value, comment)) in cells {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            edit(draft, &|fields| fields.set(label, value.clone()));
        });
    }
}

fn header_types(cases: &mut Cases) {
    let cells: [Cell; 14] = [
        (
            header,
            1,
            ("algorithm_array", cbor::array([cbor::int(-65541)]), "The suite in an array."),
        ),
        (header, 3, ("content_type_nil", cbor::nil(), "Nil instead of no content type.")),
        (header, 3, ("content_type_false", cbor::boolean(false), "False as a content type.")),
        (header, 5, ("iv_nil", cbor::nil(), "Nil as the iv.")),
        (header, 15, ("claims_nil", cbor::nil(), "Nil as the claims.")),
        (claims, 3, ("channel_integer", cbor::uint(7), "A channel as an integer.")),
        (claims, 4, ("expiry_bytes", cbor::bytes([0x6a; 4]), "An expiry as bytes.")),
        (claims, 4, ("expiry_false", cbor::boolean(false), "False as the expiry.")),
        (header, label::ORIGIN, ("origin_nil", cbor::nil(), "Nil as the origin.")),
        (header, label::ORIGIN, ("origin_version", cbor::uint(1), "The version without an array.")),
        (
            header,
            label::APPLICATION,
            ("application_false", cbor::boolean(false), "False instead of the map."),
        ),
        (
            header,
            label::APPLICATION,
            ("application_text", cbor::text("a"), "A text instead of the map."),
        ),
        (claims, 3, ("channel_false", cbor::boolean(false), "False as the channel.")),
        (header, 15, ("claims_text", cbor::text("orders"), "The channel instead of the claims.")),
    ];
    refuse(cases, rules::HEADER, cells);
    cases.theme("algorithms");
    let beyond: [Cell; 2] = [
        (header, 1, ("suite_2_63", cbor::uint(1 << 63), "The suite 2^63.")),
        (
            header,
            1,
            ("suite_below_minus_2_63", cbor::head(cbor::NEGATIVE, 1 << 63), "The suite -2^63 - 1."),
        ),
    ];
    refuse(cases, rules::INTEGERS, beyond);
    let beyond: [Cell; 2] = [
        (receipt, 1, ("receipt_2_63", cbor::uint(1 << 63), "The receipt's algorithm 2^63.")),
        (
            receipt,
            1,
            (
                "receipt_below_minus_2_63",
                cbor::head(cbor::NEGATIVE, 1 << 63),
                "The receipt's algorithm -2^63 - 1.",
            ),
        ),
    ];
    refuse(cases, rules::INTEGERS, beyond);
    cases.theme("header");
}

/// The items of label -65537.
fn origin_types(cases: &mut Cases) {
    let previous = |epoch: Item, messages: Item| cbor::array([epoch, messages]);
    let epoch = || cbor::bytes([1; 8]);
    let items: [(usize, Row<Item>); 10] = [
        (1, ("signer_nil", cbor::nil(), "Nil as the key ID.")),
        (2, ("epoch_text", cbor::text("an epoch"), "An epoch ID as a text of 8 bytes.")),
        (2, ("epoch_nil", cbor::nil(), "Nil as the epoch ID.")),
        (
            3,
            (
                "previous_epoch_9",
                previous(cbor::bytes([1; 9]), cbor::uint(1)),
                "A previous epoch ID of 9 bytes.",
            ),
        ),
        (
            3,
            (
                "previous_epoch_text",
                previous(cbor::text("an epoch"), cbor::uint(1)),
                "A previous epoch ID as a text of 8 bytes.",
            ),
        ),
        (
            3,
            (
                "previous_epoch_nil",
                previous(cbor::nil(), cbor::uint(1)),
                "Nil as the previous epoch ID.",
            ),
        ),
        (
            3,
            (
                "previous_2_63",
                previous(epoch(), cbor::uint(1 << 63)),
                "The epoch before had 2^63 messages.",
            ),
        ),
        (3, ("previous_nil", previous(epoch(), cbor::nil()), "Nil as the number of messages.")),
        (3, ("previous_false", cbor::boolean(false), "False as the previous epoch.")),
        (
            3,
            (
                "previous_map",
                cbor::map([(epoch(), cbor::uint(1))]),
                "A map instead of the array of the previous epoch.",
            ),
        ),
    ];
    for (at, (name, item, comment)) in items {
        cases.fault(name, STRUCTURE, rules::ORIGIN, comment, |draft| {
            let mut origin = draft.plan.origin();
            origin.truncate(at);
            let rest = draft.plan.origin().into_iter().skip(at + 1);
            draft
                .header
                .set(label::ORIGIN, cbor::array(origin.into_iter().chain([item]).chain(rest)));
        });
    }
}

fn receipt_types(cases: &mut Cases) {
    let role = |role: Item, size: Item| cbor::array([role, size]);
    let one = || cbor::uint(1);
    let cells: [Cell; 9] = [
        (receipt, 1, ("algorithm_bytes", cbor::bytes([0x27]), "The algorithm as bytes.")),
        (receipt, 395, ("structure_nil", cbor::nil(), "Nil as the structure.")),
        (receipt, 395, ("structure_true", cbor::boolean(true), "True as the structure.")),
        (receipt, label::ORIGIN, ("role_nil", cbor::nil(), "Nil as the role and the size.")),
        (receipt, label::ORIGIN, ("role_item_nil", role(cbor::nil(), one()), "Nil as the role.")),
        (
            receipt,
            label::ORIGIN,
            ("role_true", role(cbor::boolean(true), one()), "True as the role."),
        ),
        (
            receipt,
            label::ORIGIN,
            (
                "role_map",
                cbor::map([(one(), one())]),
                "A map instead of the array of role and size.",
            ),
        ),
        (
            receipt,
            label::ORIGIN,
            ("size_bytes", role(one(), cbor::bytes([1])), "A tree size as bytes."),
        ),
        (
            receipt,
            label::ORIGIN,
            ("size_2_63", role(one(), cbor::uint(1 << 63)), "A tree size of 2^63."),
        ),
    ];
    refuse(cases, rules::RECEIPT, cells);
}

fn recipient_types(cases: &mut Cases) {
    let cells: [Cell; 6] = [
        (x25519, 4, ("x25519_key_id_nil", cbor::nil(), "Nil as the key ID.")),
        (
            x25519,
            -4,
            (
                "x25519_encapsulated_text",
                cbor::text(&"9".repeat(32)),
                "An encapsulated key as a text of 32 bytes.",
            ),
        ),
        (x25519, -4, ("x25519_encapsulated_nil", cbor::nil(), "Nil as the encapsulated key.")),
        (kek, 4, ("kek_id_nil", cbor::nil(), "Nil as the ID of the KEK.")),
        (kek, 4, ("kek_id_integer", cbor::uint(7), "An integer as the ID of the KEK.")),
        (kek, 4, ("kek_id_array", cbor::array([cbor::bytes(b"kek")]), "An ID in an array.")),
    ];
    refuse(cases, rules::RECIPIENT, cells);
}

/// What is no number is no algorithm of ours, in either part.
fn other_algorithms(cases: &mut Cases) {
    let values: [Row<Item>; 6] = [
        ("nil", cbor::nil(), "Nil"),
        ("bytes", cbor::bytes([0x24]), "Bytes"),
        ("array", cbor::array([cbor::int(A256KW)]), "An array"),
        ("map", cbor::map([]), "A map"),
        ("false", cbor::boolean(false), "False"),
        ("text", cbor::text("A256KW"), "A text"),
    ];
    let parts: [(&str, Map, &str); 2] = [
        ("other_algorithm", other, "unprotected map"),
        ("other_protected_algorithm", other_protected, "protected part"),
    ];
    for (what, value, told) in values {
        for (place, edit, part) in parts {
            let name = format!("{place}_{what}");
            let comment = format!("{told} as the algorithm in the {part}: the entry is skipped.");
            cases.variation(&name, rules::OTHER_RECIPIENT, &comment, |draft| {
                edit(draft, &|fields| fields.set(1, value.clone()));
                // Before the one that is used.
                draft.recipients.reverse();
            });
        }
    }
}

/// The first of many entries is broken where only its own content shows it.
fn broken_before_others(cases: &mut Cases) {
    let comment = "A protected part with a byte too many, before 50 entries without a fault.";
    cases.fault("broken_before_50", "malformed/cbor", rules::EMBEDDED, comment, |draft| {
        let protected = [Fields::new().with(1, cbor::int(-99)).encode(), vec![0]].concat();
        let broken = cbor::array([cbor::bytes(protected), cbor::map([]), cbor::bytes(Vec::new())]);
        let other = Entry::other(Fields::new(), Fields::new().with(1, cbor::int(-99)));
        let good = std::iter::repeat_n(other.encode(), 49);
        let ours = std::mem::take(&mut draft.recipients);
        draft.recipients = [broken].into_iter().chain(good).chain(ours).collect();
    });
}
