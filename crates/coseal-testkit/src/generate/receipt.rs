//! The sender's receipt: each part of its shape.

use super::rules;
use super::test::{Cases, Row};
use super::world::World;
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::{Draft, proofs};
use crate::build::merkle::{Node, Proof};
use crate::build::notary::NotaryReceipt;
use crate::build::plan::label;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("receipt");
    frame(cases);
    protected(cases);
    role(cases);
    signature(cases);
    unprotected(cases);
    proof(cases);
    path(cases);
    large_trees(cases);
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

/// Two messages under one signature; the other one is made up.
fn of_two(draft: &mut Draft, name: &str) {
    draft.receipt.place(Proof::imagined(2, 0, name));
}

fn unprotected(cases: &mut Cases) {
    let rule = rules::PROOF;
    let alone: [Row<Item>; 3] = [
        (
            "proof_for_one_leaf",
            proofs(&Proof::alone().encode()),
            "A proof, though the tree has one leaf.",
        ),
        ("unprotected_array", cbor::array([]), "An array instead of the unprotected map."),
        (
            "unprotected_key_id",
            Fields::new().with(4, cbor::bytes([0; 8])).encode(),
            "An unsigned key ID.",
        ),
    ];
    for (name, unprotected, comment) in alone {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            draft.receipt.unprotected = Some(unprotected)
        });
    }
    cases.fault(
        "proof_missing",
        STRUCTURE,
        rule,
        "No proof, though the tree has two leaves.",
        |draft| {
            of_two(draft, "proof_missing");
            draft.receipt.unprotected = Some(Fields::new().encode());
        },
    );
    let maps: [Row<fn(Item) -> Item>; 10] = [
        ("proofs_nil", |_| outer(cbor::nil()), "Nil instead of proofs."),
        (
            "proofs_array",
            |proof| outer(cbor::array([proof])),
            "An array instead of the map of proofs.",
        ),
        ("proofs_empty", |_| outer(cbor::map([])), "An empty map of proofs."),
        (
            "proofs_other_label",
            |proof| inner(-2, cbor::array([proof])),
            "A consistency proof instead.",
        ),
        (
            "proofs_more_labels",
            |proof| {
                let list = cbor::array([proof]);
                outer(Fields::new().with(-1, list.clone()).with(-2, list).encode())
            },
            "A consistency proof beside.",
        ),
        ("inclusion_empty", |_| inner(-1, cbor::array([])), "No inclusion proof."),
        (
            "inclusion_two",
            |proof| inner(-1, cbor::array([proof.clone(), proof])),
            "Two inclusion proofs.",
        ),
        ("inclusion_unlisted", |proof| inner(-1, proof), "An inclusion proof without an array."),
        (
            "inclusion_text",
            |_| inner(-1, cbor::array([cbor::text("proof")])),
            "A text as the proof.",
        ),
        (
            "proofs_beside",
            |proof| {
                let list = Fields::new().with(-1, cbor::array([proof])).encode();
                Fields::new().with(396, list).with(4, cbor::bytes([0; 8])).encode()
            },
            "A key ID beside the proofs.",
        ),
    ];
    for (name, unprotected, comment) in maps {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            of_two(draft, name);
            let proof = cbor::bytes(draft.receipt.proof.encode());
            draft.receipt.unprotected = Some(unprotected(proof));
        });
    }
    // Who does not count the entries of a map finds payload and signature behind
    // it; who does finds that the receipt ends too early.
    for (name, inside, comment) in [
        (
            "proofs_swallow_payload",
            false,
            "Payload and signature as an entry of the unprotected map.",
        ),
        ("inclusion_swallows_payload", true, "Payload and signature as an entry beside the proof."),
    ] {
        cases.fault(name, "malformed/cbor", rules::EMBEDDED, comment, |draft| {
            of_two(draft, name);
            let proof = cbor::array([cbor::bytes(draft.receipt.proof.encode())]);
            let signature = cbor::bytes(draft.seal().signature);
            let mut proofs = Fields::new().with(-1, proof);
            if inside {
                proofs.set_key(cbor::nil(), signature.clone());
            }
            let mut unprotected = Fields::new().with(396, proofs.encode());
            if !inside {
                unprotected.set_key(cbor::nil(), signature);
            }
            let protected = cbor::bytes(draft.receipt.protected());
            let four = [cbor::head(cbor::ARRAY, 4), protected, unprotected.encode()].concat();
            draft.receipt.encoded = Some(cbor::tag(18, four));
        });
    }
    cases.fault("proof_unwrapped", STRUCTURE, rule, "The proof not in a byte string.", |draft| {
        of_two(draft, "proof_unwrapped");
        let list = cbor::array([draft.receipt.proof.encode()]);
        draft.receipt.unprotected = Some(inner(-1, list));
    });
}

fn outer(value: Item) -> Item {
    Fields::new().with(396, value).encode()
}

fn inner(label: i64, value: Item) -> Item {
    outer(Fields::new().with(label, value).encode())
}

fn proof(cases: &mut Cases) {
    let rule = rules::PROOF;
    let sibling = || cbor::array([cbor::bytes([5; 32])]);
    let two = || cbor::uint(2);
    let proofs: [Row<Item>; 15] = [
        ("proof_of_two", cbor::array([two(), cbor::uint(0)]), "A proof without its path."),
        (
            "proof_of_four",
            cbor::array([two(), cbor::uint(0), sibling(), cbor::nil()]),
            "A fourth item.",
        ),
        ("proof_map", cbor::map([]), "A map instead of the array."),
        (
            "proof_size_3",
            cbor::array([cbor::uint(3), cbor::uint(0), sibling()]),
            "The proof says 3, the role 2.",
        ),
        (
            "proof_size_1",
            cbor::array([cbor::uint(1), cbor::uint(0), sibling()]),
            "The proof says 1, the role 2.",
        ),
        (
            "proof_size_text",
            cbor::array([cbor::text("2"), cbor::uint(0), sibling()]),
            "A tree size as a text.",
        ),
        ("index_2", cbor::array([two(), two(), sibling()]), "Leaf 2 of two."),
        (
            "index_3",
            cbor::array([two(), cbor::uint(3), sibling()]),
            "Leaf 3 of two, whose path would have one sibling.",
        ),
        ("index_negative", cbor::array([two(), cbor::int(-1), sibling()]), "Leaf -1 of two."),
        ("index_text", cbor::array([two(), cbor::text("0"), sibling()]), "An index as a text."),
        (
            "path_not_an_array",
            cbor::array([two(), cbor::uint(0), cbor::bytes([5; 32])]),
            "A sibling without an array.",
        ),
        ("path_empty", cbor::array([two(), cbor::uint(0), cbor::array([])]), "An empty path."),
        (
            "sibling_31",
            cbor::array([two(), cbor::uint(0), cbor::array([cbor::bytes([5; 31])])]),
            "A sibling of 31 bytes.",
        ),
        (
            "sibling_33",
            cbor::array([two(), cbor::uint(0), cbor::array([cbor::bytes([5; 33])])]),
            "A sibling of 33 bytes.",
        ),
        (
            "sibling_text",
            cbor::array([two(), cbor::uint(0), cbor::array([cbor::text(&"5".repeat(32))])]),
            "A sibling as a text.",
        ),
    ];
    for (name, proof, comment) in proofs {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            of_two(draft, name);
            draft.receipt.proof_bytes = Some(proof);
        });
    }
}

/// A path with siblings too many or too few for its place.
fn path(cases: &mut Cases) {
    let rule = rules::PATH;
    for (size, index, len) in [
        (2, 0, 2),
        (3, 0, 1),
        (3, 0, 3),
        (3, 2, 2),
        (5, 4, 3),
        (5, 3, 2),
        (64, 37, 5),
        (64, 37, 7),
        (64, 37, 33),
    ] {
        let name = format!("path_of_{len}_for_{index}_of_{size}");
        let right = Proof::imagined(size, index, &name).path.len();
        let comment =
            format!("A path of {len} siblings for leaf {index} of {size}, which has {right}.");
        cases.fault(&name, STRUCTURE, rule, &comment, |draft| {
            let path: Vec<Node> = (0..len).map(|level| [level; 32]).collect();
            // The root that is signed is that of a proof of the right length.
            draft.receipt.place(Proof::imagined(size, index, &name));
            draft.receipt.proof_bytes = Some(Proof { size, index, path }.encode());
        });
    }
    let comment = "The last of three, its node duplicated to make four: a sibling too many.";
    cases.fault("odd_node_duplicated_in_path", STRUCTURE, rules::TREE, comment, |draft| {
        let leaf = draft.leaf();
        let left = [5; 32];
        draft.receipt.place(Proof { size: 3, index: 2, path: vec![left] });
        let with_twin = Proof { size: 4, index: 2, path: vec![leaf, left] };
        draft.receipt.root = Some(with_twin.root(&leaf));
        draft.receipt.proof_bytes = Some(Proof { size: 3, ..with_twin }.encode());
    });
}

fn large_trees(cases: &mut Cases) {
    let largest = 1 << 32;
    for (name, size, index, comment) in [
        ("largest_tree_first", largest, 0, "The first leaf of 2^32."),
        ("largest_tree_last", largest, largest - 1, "The last leaf of 2^32."),
        ("large_odd_tree", (1 << 31) + 1, 1 << 31, "The last leaf of 2^31 + 1: one sibling."),
        ("large_odd_tree_first", (1 << 31) + 1, 0, "The first leaf of 2^31 + 1: 32 siblings."),
    ] {
        cases.variation(name, rules::ROLE, comment, |draft| {
            draft.receipt.place(Proof::imagined(size, index, name));
        });
    }
    for (name, size, index, comment) in [
        ("too_large_tree", largest + 1, 0, "The first leaf of 2^32 + 1."),
        ("too_large_tree_last", largest + 1, largest, "The last leaf of 2^32 + 1: one sibling."),
        ("far_too_large_tree", 1 << 62, 0, "The first leaf of 2^62."),
    ] {
        cases.fault(name, STRUCTURE, rules::ROLE, comment, |draft| {
            draft.receipt.place(Proof::imagined(size, index, name));
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
