//! The sender's receipt: each part of its shape.

use super::rules;
use super::test::{Cases, Row};
use super::world::World;
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::Draft;
use crate::build::notary::NotaryReceipt;
use crate::build::plan::label;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("receipt");
    frame(cases);
    protected(cases);
    role(cases);
    signature(cases);
    notary(cases);
}

const STRUCTURE: &str = "malformed/structure";

/// The four items of the receipt that `draft` would carry.
fn items(draft: &Draft) -> [Item; 4] {
    let sealed = draft.seal();
    [
        cbor::bytes(draft.receipt.protected()),
        Fields::new().encode(),
        cbor::nil(),
        cbor::bytes(sealed.signature),
    ]
}

fn frame(cases: &mut Cases) {
    let rule = rules::RECEIPT;
    let edits: [Row<fn(&Draft) -> Item>; 8] = [
        ("untagged", |draft| cbor::array(items(draft)), "No tag."),
        ("tag_17", |draft| cbor::tag(17, cbor::array(items(draft))), "Tag 17: COSE_Mac0."),
        ("tag_98", |draft| cbor::tag(98, cbor::array(items(draft))), "Tag 98: COSE_Sign."),
        (
            "three_items",
            |draft| cbor::tag(18, cbor::array(items(draft).into_iter().take(3))),
            "No signature.",
        ),
        (
            "five_items",
            |draft| cbor::tag(18, cbor::array(items(draft).into_iter().chain([cbor::nil()]))),
            "A fifth item.",
        ),
        ("a_map", |_| cbor::tag(18, cbor::map([])), "A map instead of the array."),
        ("an_integer", |_| cbor::uint(18), "An integer."),
        (
            "protected_unwrapped",
            |draft| {
                let [_, unprotected, payload, signature] = items(draft);
                let protected = draft.receipt.protected.encode();
                cbor::tag(18, cbor::array([protected, unprotected, payload, signature]))
            },
            "The protected part as a map.",
        ),
    ];
    for (name, edit, comment) in edits {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            draft.receipt.encoded = Some(edit(draft))
        });
    }
    let payloads: [Row<fn(&Draft) -> Item>; 4] = [
        ("payload_root", |draft| cbor::bytes(draft.leaf()), "The root is attached."),
        ("payload_empty", |_| cbor::bytes([]), "An empty payload is not a detached one."),
        ("payload_false", |_| cbor::boolean(false), "False instead of nil."),
        ("payload_undefined", |_| cbor::simple(23), "Undefined instead of nil."),
    ];
    for (name, payload, comment) in payloads {
        cases.fault(name, STRUCTURE, rule, comment, |draft| draft.receipt.payload = payload(draft));
    }
}

fn protected(cases: &mut Cases) {
    let rule = rules::RECEIPT;
    let edits: [Row<fn(&mut Fields)>; 10] = [
        ("algorithm_missing", |fields| fields.remove(1), "No algorithm."),
        ("structure_missing", |fields| fields.remove(395), "No verifiable data structure."),
        ("role_missing", |fields| fields.remove(label::ORIGIN), "No role."),
        ("algorithm_text", |fields| fields.set(1, cbor::text("EdDSA")), "The algorithm as a text."),
        ("algorithm_nil", |fields| fields.set(1, cbor::nil()), "Nil as the algorithm."),
        (
            "structure_2",
            |fields| fields.set(395, cbor::uint(2)),
            "Another verifiable data structure.",
        ),
        (
            "structure_text",
            |fields| fields.set(395, cbor::text("RFC9162_SHA256")),
            "The structure as a text.",
        ),
        (
            "key_id",
            |fields| fields.set(4, cbor::bytes([0; 8])),
            "A key ID: the header names the key.",
        ),
        ("claims", |fields| fields.set(15, cbor::map([])), "Claims in the receipt."),
        ("text_label", |fields| fields.set_key(cbor::text("a"), cbor::uint(0)), "A text label."),
    ];
    for (name, edit, comment) in edits {
        cases.fault(name, STRUCTURE, rule, comment, |draft| edit(&mut draft.receipt.protected));
    }
    cases.fault(
        "protected_array",
        STRUCTURE,
        rule,
        "The protected part holds an array.",
        |draft| {
            draft.receipt.protected_bytes = Some(cbor::array([]));
        },
    );
    let comment = "The protected part has no bytes.";
    cases.fault("protected_empty", "malformed/cbor", rules::EMBEDDED, comment, |draft| {
        draft.receipt.protected_bytes = Some(Vec::new());
    });
}

fn role(cases: &mut Cases) {
    let pair = |role: i64, size: u64| cbor::array([cbor::int(role), cbor::uint(size)]);
    let roles: [Row<Item>; 12] = [
        ("role_0", pair(0, 1), "Role 0."),
        ("role_2", pair(2, 1), "Role 2."),
        ("role_minus_1", pair(-1, 1), "Role -1."),
        ("role_empty", cbor::array([]), "An empty role."),
        ("role_of_one", cbor::array([cbor::uint(1)]), "A role without a tree size."),
        (
            "role_of_three",
            cbor::array([cbor::uint(1), cbor::uint(1), cbor::uint(1)]),
            "A third item.",
        ),
        ("role_integer", cbor::uint(1), "A role without an array."),
        ("role_text", cbor::array([cbor::text("1"), cbor::uint(1)]), "A role as a text."),
        ("size_0", pair(1, 0), "A tree of no leaf."),
        ("size_text", cbor::array([cbor::uint(1), cbor::text("1")]), "A tree size as a text."),
        ("size_negative", cbor::array([cbor::uint(1), cbor::int(-1)]), "A negative tree size."),
        ("size_nil", cbor::array([cbor::uint(1), cbor::nil()]), "Nil as the tree size."),
    ];
    for (name, role, comment) in roles {
        cases.fault(name, STRUCTURE, rules::ROLE, comment, |draft| {
            draft.receipt.protected.set(label::ORIGIN, role);
        });
    }
}

fn signature(cases: &mut Cases) {
    for (alg, len) in [(-8, 0), (-8, 63), (-8, 65), (-19, 63), (-19, 65), (-8, 128)] {
        let name = format!("signature_of_{len}_by_alg_{}", -alg);
        let comment = format!("A signature of {len} bytes, the algorithm being {alg}.");
        cases.fault(&name, STRUCTURE, rules::RECEIPT, &comment, |draft| {
            draft.receipt.protected.set(1, cbor::int(alg));
            let mut signature = draft.seal().signature.repeat(2);
            signature.truncate(len);
            draft.receipt.signature = Some(signature);
        });
    }
    for (name, item, comment) in [
        ("signature_nil", cbor::nil(), "Nil as the signature."),
        ("signature_text", cbor::text(&"s".repeat(64)), "A text of 64 bytes as the signature."),
    ] {
        cases.fault(name, STRUCTURE, rules::RECEIPT, comment, |draft| {
            let [protected, unprotected, payload, _] = items(draft);
            let receipt = cbor::tag(18, cbor::array([protected, unprotected, payload, item]));
            draft.receipt.encoded = Some(receipt);
        });
    }
}

/// Receipts that are not the sender's, in the sender's place.
fn notary(cases: &mut Cases) {
    let rule = rules::SENDER;
    let world = World::new();
    let comment = "A notary's receipt in the place of the sender's.";
    cases.fault("notary_first", STRUCTURE, rule, comment, |draft| {
        draft.receipt.encoded = Some(NotaryReceipt::over(&draft.seal(), &world.notary).encode());
    });
    let comment = "The sender's own receipt after the manner of a notary: no role in it.";
    cases.fault("sender_as_notary_first", STRUCTURE, rule, comment, |draft| {
        draft.receipt.encoded = Some(NotaryReceipt::over(&draft.seal(), &world.orders).encode());
    });
    let comment = "A notary's receipt first, the sender's after it.";
    cases.fault("notary_before_sender", STRUCTURE, rule, comment, |draft| {
        let sealed = draft.seal();
        draft.receipt.encoded = Some(NotaryReceipt::over(&sealed, &world.notary).encode());
        draft.other_receipts = vec![cbor::bytes(sealed.receipt)];
    });
}
