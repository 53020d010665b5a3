//! How deep values lie, and CBOR in byte strings: more of what the decoder
//! refuses.

use super::rules;
use super::test::{Cases, Row};
use super::words;
use crate::build::cbor::{self, Fields, Item, NEGATIVE, UNSIGNED};
use crate::build::merkle::Proof;
use crate::build::plan::label;
use crate::case::{Hex, LongHex, Run};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("encoding");
    depths(cases);
    keys(cases);
    unlisted(cases);
    skipped(cases);
    embedded(cases);
}

fn depths(cases: &mut Cases) {
    let rule = rules::NESTING;
    // Tag, array, recipients, recipient, its map: five above the nested value.
    cases.variation(
        "nesting_16",
        rule,
        "16 deep: the innermost array of a recipient that is skipped.",
        |draft| {
            draft.recipients.push(other_with(cbor::nested(11, cbor::uint(0))));
        },
    );
    let comment = "16 deep, the innermost a tag: entries that are skipped may have tags.";
    cases.variation("nesting_16_tag", rule, comment, |draft| {
        draft.recipients.push(other_with(cbor::nested(10, cbor::tag(1, cbor::uint(0)))));
    });
    cases.fault("nesting_17", "malformed/cbor", rule, "17 deep.", |draft| {
        draft.recipients.push(other_with(cbor::nested(12, cbor::uint(0))));
    });
    let comment = "17 deep, a tag being the innermost.";
    cases.fault("nesting_17_tag", "malformed/cbor", rule, comment, |draft| {
        draft.recipients.push(other_with(cbor::nested(11, cbor::tag(1, cbor::uint(0)))));
    });
    let deep = |head: &[u8]| {
        let run = |hex: &[u8], times| Run { hex: Hex::from(hex), times };
        LongHex::Runs(vec![run(head, 100_000), run(&cbor::uint(0), 1)])
    };
    cases.refuse(
        "deep_arrays",
        "malformed/cbor",
        rule,
        "100000 arrays, one inside the other.",
        deep(&[0x81]),
    );
    cases.refuse(
        "deep_maps",
        "malformed/cbor",
        rule,
        "100000 maps, one inside the other.",
        deep(&[0xa1, 0x00]),
    );
    cases.refuse("deep_tags", "malformed/cbor", rule, "100000 tags on one item.", deep(&[0xc1]));

    let rule = rules::EXTENSION_NESTING;
    for (depth, name) in [(4, "extension_arrays_4"), (5, "extension_arrays_5")] {
        extension(cases, name, rule, depth, cbor::nested(depth, cbor::uint(0)));
    }
    for (depth, name) in [(4, "extension_maps_4"), (5, "extension_maps_5")] {
        let maps = (0..depth).fold(cbor::uint(0), |inner, _| cbor::map([(cbor::uint(0), inner)]));
        extension(cases, name, rule, depth, maps);
    }
    for (name, value) in [
        ("extension_tag", cbor::tag(1, cbor::uint(0))),
        ("extension_big_number", cbor::tag(2, cbor::bytes([1; 9]))),
        ("extension_tag_inside", cbor::array([cbor::tag(1, cbor::uint(0))])),
    ] {
        let comment = "A tag in an extension's value.";
        cases.fault(name, "malformed/structure", rules::EXTENSION_TAGS, comment, |draft| {
            draft.header.set(label::EXTENSION, value);
        });
    }
}

/// A map whose one key is nested this deep.
fn keyed(depth: usize) -> Item {
    cbor::map([(cbor::nested(depth, cbor::uint(0)), cbor::uint(0))])
}

/// A key of a map is as deep as a value.
fn keys(cases: &mut Cases) {
    let rule = rules::NESTING;
    let labelled = |depth: usize| {
        let mut fields = Fields::new().with(1, cbor::int(-99));
        fields.set_key(cbor::nested(depth, cbor::uint(0)), cbor::uint(0));
        cbor::array([cbor::bytes([]), fields.encode(), cbor::bytes([])])
    };
    let comment = "16 deep: a key in a map of a recipient that is skipped.";
    cases.variation("nesting_16_key", rule, comment, |draft| {
        draft.recipients.push(other_with(keyed(10)));
    });
    let comment = "16 deep: a key in the map of a recipient that is skipped.";
    cases.variation("nesting_16_label", rule, comment, |draft| {
        draft.recipients.push(labelled(11));
    });
    let comment = "17 deep: a key in a map of a recipient.";
    cases.fault("nesting_17_key", "malformed/cbor", rule, comment, |draft| {
        draft.recipients.push(other_with(keyed(11)));
    });
    let comment = "17 deep: a key in the map of a recipient.";
    cases.fault("nesting_17_label", "malformed/cbor", rule, comment, |draft| {
        draft.recipients.push(labelled(12));
    });
    let rule = rules::EXTENSION_NESTING;
    for (depth, name) in [(4, "extension_key_4"), (5, "extension_key_5")] {
        extension(cases, name, rule, depth, keyed(depth - 1));
    }
}

/// Under a label that step 2 refuses, any value of the format and tags; its
/// nesting counts from the header's own start.
fn unlisted(cases: &mut Cases) {
    let rule = rules::UNLISTED;
    let (header, structure) = ("unsupported/header", "malformed/structure");
    let values: [(&str, &str, &str, Item); 7] = [
        ("tag", header, rule, cbor::tag(1, cbor::uint(0))),
        ("tag_inside", header, rule, cbor::array([cbor::tag(2, cbor::bytes([1; 9]))])),
        ("16_deep", header, rules::NESTING, cbor::nested(15, cbor::uint(0))),
        ("17_deep", "malformed/cbor", rules::NESTING, cbor::nested(16, cbor::uint(0))),
        ("float", structure, rules::SIMPLE, cbor::half(0x3e00)),
        ("simple_32", structure, rules::SIMPLE, cbor::head_wide(cbor::SIMPLE, 32, 1)),
        ("integer_2_63", structure, rules::INTEGERS, cbor::uint(1 << 63)),
    ];
    for (what, expect, rule, value) in values {
        let comment =
            format!("Under an unlisted label of the protected header: {}.", words::of(what));
        cases.fault(&format!("unlisted_{what}"), expect, rule, &comment, |draft| {
            draft.header.set(99, value);
        });
    }
}

/// In the protected part of a recipient that is skipped, and as its algorithm.
fn skipped(cases: &mut Cases) {
    let rule = rules::OTHER_RECIPIENT;
    let entry = |protected: Item, unprotected: Item| {
        cbor::array([cbor::bytes(protected), unprotected, cbor::bytes([])])
    };
    let protected_with = |value: Item| {
        entry(Fields::new().with(1, cbor::int(-99)).with(99, value).encode(), cbor::map([]))
    };
    let tagged = || Fields::new().with(1, cbor::tag(99, cbor::int(-5))).encode();
    let mut of_any_key = Fields::new().with(1, cbor::int(-99));
    of_any_key.set_key(cbor::bytes([1]), cbor::uint(0));
    of_any_key.set_key(cbor::array([]), cbor::uint(0));
    of_any_key.set_key(cbor::tag(1, cbor::uint(0)), cbor::uint(0));
    let good: [Row<Item>; 5] = [
        (
            "skipped_protected_tag",
            protected_with(cbor::tag(1, cbor::uint(0))),
            "A tag in the protected part of an entry that is skipped.",
        ),
        (
            "skipped_protected_keys",
            entry(of_any_key.encode(), cbor::map([])),
            "Bytes, an array and a tag as labels of a protected part.",
        ),
        (
            "skipped_keys",
            entry(Vec::new(), of_any_key.encode()),
            "Bytes, an array and a tag as labels of an unprotected map.",
        ),
        (
            "skipped_algorithm_tag",
            entry(Vec::new(), tagged()),
            "A tagged -5 as the algorithm: it is none.",
        ),
        (
            "skipped_protected_algorithm_tag",
            entry(tagged(), cbor::map([])),
            "A tagged number as the algorithm in the protected part: it is none.",
        ),
    ];
    for (name, entry, comment) in good {
        cases.variation(name, rule, comment, |draft| draft.recipients.insert(0, entry));
    }
    for (what, rule, value) in [
        ("float", rules::SIMPLE, cbor::half(0x3e00)),
        ("undefined", rules::SIMPLE, cbor::simple(23)),
        ("integer_2_63", rules::INTEGERS, cbor::uint(1 << 63)),
        ("integer_below_minus_2_63", rules::INTEGERS, cbor::head(NEGATIVE, 1 << 63)),
    ] {
        let name = format!("skipped_protected_{what}");
        let comment = format!(
            "In the protected part of an entry that would be skipped: {}.",
            words::of(what)
        );
        cases.fault(&name, "malformed/structure", rule, &comment, |draft| {
            draft.recipients.push(protected_with(value));
        });
    }
}

fn extension(cases: &mut Cases, name: &str, rule: &str, depth: usize, value: Item) {
    let comment = format!("An extension's value {depth} deep.");
    if depth <= 4 {
        cases.message(name, rule, &comment, |plan| {
            plan.extensions = vec![(label::EXTENSION, value)]
        });
    } else {
        cases.fault(name, "malformed/cbor", rule, &comment, |draft| {
            draft.header.set(label::EXTENSION, value)
        });
    }
}

/// A recipient of an algorithm that nobody knows, with this in its map.
pub(crate) fn other_with(value: Item) -> Item {
    let fields = Fields::new().with(1, cbor::int(-99)).with(99, value);
    cbor::array([cbor::bytes([]), fields.encode(), cbor::bytes([])])
}

fn embedded(cases: &mut Cases) {
    let rule = rules::EMBEDDED;
    let longer = |bytes: Vec<u8>| [bytes, vec![0]].concat();
    cases.fault(
        "protected_trailing",
        "malformed/cbor",
        rule,
        "A byte follows the protected header's map.",
        |draft| {
            draft.protected = Some(longer(draft.header.encode()));
        },
    );
    cases.fault(
        "protected_truncated",
        "malformed/cbor",
        rule,
        "The protected header lacks its last byte.",
        |draft| {
            let mut header = draft.header.encode();
            header.pop();
            draft.protected = Some(header);
        },
    );
    cases.fault(
        "protected_not_cbor",
        "malformed/cbor",
        rule,
        "The protected header is a head without its argument.",
        |draft| {
            draft.protected = Some(vec![0x19]);
        },
    );
    let comment = "The protected header has no bytes.";
    cases.fault("protected_empty", "malformed/cbor", rule, comment, |draft| {
        draft.protected = Some(Vec::new())
    });
    cases.fault(
        "receipt_trailing",
        "malformed/cbor",
        rule,
        "A byte follows the receipt.",
        |draft| {
            draft.receipt.encoded = Some(longer(draft.seal().receipt));
        },
    );
    cases.fault(
        "receipt_truncated",
        "malformed/cbor",
        rule,
        "The receipt lacks its last byte.",
        |draft| {
            let mut receipt = draft.seal().receipt;
            receipt.pop();
            draft.receipt.encoded = Some(receipt);
        },
    );
    cases.fault(
        "receipt_empty",
        "malformed/cbor",
        rule,
        "The sender's receipt has no bytes.",
        |draft| {
            draft.receipt.encoded = Some(Vec::new());
        },
    );
    cases.fault(
        "receipt_protected_trailing",
        "malformed/cbor",
        rule,
        "A byte follows the receipt's map.",
        |draft| {
            draft.receipt.protected_bytes = Some(longer(draft.receipt.protected.encode()));
        },
    );
    cases.fault(
        "recipient_protected_trailing",
        "malformed/cbor",
        rule,
        "A byte follows a recipient's map.",
        |draft| {
            draft.recipients.push(cbor::array([
                cbor::bytes([0xa1, 0x01, 0x38, 0x62, 0x00]),
                Fields::new().encode(),
                cbor::bytes([]),
            ]));
        },
    );
    cases.fault(
        "recipient_protected_not_shortest",
        "malformed/cbor",
        rule,
        "A recipient's map is not deterministic.",
        |draft| {
            draft.recipients.push(cbor::array([
                cbor::bytes([0xa1, 0x01, 0x39, 0x00, 0x62]),
                Fields::new().encode(),
                cbor::bytes([]),
            ]));
        },
    );
    for (name, comment) in [
        ("proof_trailing", "A byte follows the proof."),
        ("proof_not_shortest", "The proof's tree size takes a byte too many."),
    ] {
        cases.fault(name, "malformed/cbor", rule, comment, |draft| {
            draft.receipt.place(Proof::imagined(2, 0, name));
            let proof = draft.receipt.proof.encode();
            let (head, rest) = proof.split_at(2);
            draft.receipt.proof_bytes = Some(match name {
                "proof_trailing" => longer(proof),
                _ => {
                    let (array, _) = head.split_at(1);
                    [array, &cbor::head_wide(UNSIGNED, 2, 1), rest].concat()
                }
            });
        });
    }
}
