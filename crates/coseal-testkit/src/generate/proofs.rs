//! The sender's receipt: where the message stands in its tree. Each fault is
//! signed so that a reader which misses it finds a good signature.

use super::rules;
use super::test::{Cases, Row};
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::{Draft, proofs};
use crate::build::keys::sha256;
use crate::build::merkle::{self, Node, Proof};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("receipt");
    unprotected(cases);
    proof(cases);
    path(cases);
    large_trees(cases);
}

const STRUCTURE: &str = "malformed/structure";

/// Two messages under one signature; the other one is made up.
fn of_two(draft: &mut Draft, name: &str) {
    draft.receipt.place(Proof::imagined(2, 0, name));
}

fn unprotected(cases: &mut Cases) {
    let rule = rules::PROOF;
    let alone: [Row<Item>; 4] = [
        (
            "proof_for_one_leaf",
            proofs(&Proof::alone().encode()),
            "A proof, though the tree has one leaf.",
        ),
        ("unprotected_array", cbor::array([]), "An array instead of the unprotected map."),
        ("unprotected_nil", cbor::nil(), "Nil instead of the unprotected map."),
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
            draft.receipt.root = Some(draft.leaf());
            draft.receipt.unprotected = Some(Fields::new().encode());
        },
    );
    let maps: [Row<fn(Item) -> Item>; 13] = [
        ("proofs_nil", |_| outer(cbor::nil()), "Nil instead of proofs."),
        ("inclusion_nil", |_| inner(-1, cbor::nil()), "Nil instead of inclusion proofs."),
        ("inclusion_of_nil", |_| inner(-1, cbor::array([cbor::nil()])), "Nil as the proof."),
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
        ("proofs_label_1", |proof| inner(1, cbor::array([proof])), "The label 1 instead of -1."),
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
            let proof = draft.receipt.proof.encode();
            let unprotected = unprotected(cbor::bytes(&proof));
            if !unprotected.windows(proof.len()).any(|window| window == proof) {
                // Who misses the proof takes the leaf for the root.
                draft.receipt.root = Some(draft.leaf());
            }
            draft.receipt.unprotected = Some(unprotected);
        });
    }
    swallowing(cases);
    cases.fault("proof_unwrapped", STRUCTURE, rule, "The proof not in a byte string.", |draft| {
        of_two(draft, "proof_unwrapped");
        let list = cbor::array([draft.receipt.proof.encode()]);
        draft.receipt.unprotected = Some(inner(-1, list));
    });
}

/// Who does not count the entries of a map finds payload and signature behind
/// it; who does finds that the receipt ends too early, or, where they follow once
/// more, that there is a label more.
fn swallowing(cases: &mut Cases) {
    let (cbor, structure) = (("malformed/cbor", rules::EMBEDDED), (STRUCTURE, rules::PROOF));
    for (name, inside, (expect, rule), comment) in [
        (
            "proofs_swallow_payload",
            false,
            cbor,
            "Payload and signature as an entry of the unprotected map.",
        ),
        (
            "inclusion_swallows_payload",
            true,
            cbor,
            "Payload and signature as an entry beside the proof.",
        ),
        (
            "proofs_repeat_payload",
            false,
            structure,
            "Payload and signature as an entry of the unprotected map, and in their place.",
        ),
        (
            "inclusion_repeats_payload",
            true,
            structure,
            "Payload and signature as an entry beside the proof, and in their place.",
        ),
    ] {
        cases.fault(name, expect, rule, comment, |draft| {
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
            if expect == STRUCTURE {
                draft.receipt.unprotected = Some(unprotected.encode());
                return;
            }
            let protected = cbor::bytes(draft.receipt.protected());
            let four = [cbor::head(cbor::ARRAY, 4), protected, unprotected.encode()].concat();
            draft.receipt.encoded = Some(cbor::tag(18, four));
        });
    }
}

fn outer(value: Item) -> Item {
    Fields::new().with(396, value).encode()
}

fn inner(label: i64, value: Item) -> Item {
    outer(Fields::new().with(label, value).encode())
}

/// The root that a reader comes to which does not see the fault, from the
/// message's leaf. It is what is signed, so that the fault alone decides.
type Lax = fn(&Node) -> Node;

const SIBLING: Node = [5; 32];

/// It takes the sibling for what it is.
fn with_sibling(leaf: &Node) -> Node {
    merkle::node(leaf, &SIBLING)
}

/// It finds no sibling: the tree has one leaf.
fn alone(leaf: &Node) -> Node {
    *leaf
}

fn proof(cases: &mut Cases) {
    let rule = rules::PROOF;
    let of = |size: Item, index: Item, path: Item| cbor::array([size, index, path]);
    let (zero, two) = (|| cbor::uint(0), || cbor::uint(2));
    let siblings = || cbor::array([cbor::bytes(SIBLING)]);
    let only = |sibling: Item| of(two(), zero(), cbor::array([sibling]));
    let size = |size: Item| of(size, zero(), siblings());
    let proofs: [Row<(Item, Lax)>; 18] = [
        ("proof_of_two", (cbor::array([two(), zero()]), alone), "A proof without its path."),
        (
            "proof_of_four",
            (cbor::array([two(), zero(), siblings(), cbor::nil()]), with_sibling),
            "A fourth item.",
        ),
        ("proof_map", (cbor::map([]), alone), "A map instead of the array."),
        ("proof_nil", (cbor::nil(), alone), "Nil instead of the array."),
        ("proof_size_3", (size(cbor::uint(3)), with_sibling), "The proof says 3, the role 2."),
        ("proof_size_1", (size(cbor::uint(1)), with_sibling), "The proof says 1, the role 2."),
        ("proof_size_text", (size(cbor::text("2")), with_sibling), "A tree size as a text."),
        ("proof_size_nil", (size(cbor::nil()), with_sibling), "Nil as the tree size."),
        ("proof_size_2_63", (size(cbor::uint(1 << 63)), with_sibling), "A tree size of 2^63."),
        (
            "path_not_an_array",
            (of(two(), zero(), cbor::bytes(SIBLING)), with_sibling),
            "A sibling without an array.",
        ),
        ("path_nil", (of(two(), zero(), cbor::nil()), alone), "Nil as the path."),
        ("path_empty", (of(two(), zero(), cbor::array([])), alone), "An empty path."),
        (
            "sibling_31",
            (only(cbor::bytes([5; 31])), |leaf| sha256(&[&[1], leaf, &[5; 31]])),
            "A sibling of 31 bytes.",
        ),
        (
            "sibling_33",
            (only(cbor::bytes([5; 33])), |leaf| sha256(&[&[1], leaf, &[5; 33]])),
            "A sibling of 33 bytes.",
        ),
        (
            "sibling_33_cut",
            (only(cbor::bytes([5; 33])), with_sibling),
            "A sibling of 33 bytes. The root that is signed is that of its first 32.",
        ),
        (
            "sibling_empty",
            (only(cbor::bytes([])), |leaf| sha256(&[&[1], leaf])),
            "A sibling of no byte.",
        ),
        (
            "sibling_text",
            (only(cbor::text(&"5".repeat(32))), |leaf| merkle::node(leaf, &[b'5'; 32])),
            "A sibling as a text.",
        ),
        ("sibling_nil", (only(cbor::nil()), alone), "Nil as the sibling."),
    ];
    for (name, (proof, lax), comment) in proofs {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            of_two(draft, name);
            draft.receipt.root = Some(lax(&draft.leaf()));
            draft.receipt.proof_bytes = Some(proof);
        });
    }
    indices(cases);
    // Trees that differ in size and not in this leaf's place: the same root.
    for (name, signed, told) in [
        ("proof_size_4_role_3", 3, 4),
        ("proof_size_3_role_4", 4, 3),
        ("proof_size_below_role_largest", 1 << 32, (1 << 32) - 1),
    ] {
        let comment = format!("The proof says {told}, the role {signed}: the path fits both.");
        cases.fault(name, STRUCTURE, rule, &comment, |draft| {
            let right = Proof::imagined(signed, 0, name);
            let wrong = Proof { size: told, ..right.clone() };
            assert_eq!(right.root(&draft.leaf()), wrong.root(&draft.leaf()), "{name}");
            draft.receipt.place(right);
            draft.receipt.proof_bytes = Some(wrong.encode());
        });
    }
}

/// Leaves that a tree of two does not have. The sibling is the leaf itself, so
/// that whoever takes the index for left comes to the same root as whoever
/// takes it for right.
fn indices(cases: &mut Cases) {
    let wrong: [Row<Item>; 7] = [
        ("index_2", cbor::uint(2), "Leaf 2 of two."),
        ("index_3", cbor::uint(3), "Leaf 3 of two, whose path would have one sibling."),
        ("index_2_32", cbor::uint(1 << 32), "Leaf 2^32 of two."),
        ("index_2_63", cbor::uint(1 << 63), "Leaf 2^63 of two."),
        ("index_negative", cbor::int(-1), "Leaf -1 of two."),
        ("index_text", cbor::text("0"), "An index as a text."),
        ("index_nil", cbor::nil(), "Nil as the index."),
    ];
    for (name, index, comment) in wrong {
        cases.fault(name, STRUCTURE, rules::PROOF, comment, |draft| {
            let leaf = draft.leaf();
            draft.receipt.place(Proof { size: 2, index: 0, path: vec![leaf] });
            let siblings = cbor::array([cbor::bytes(leaf)]);
            draft.receipt.proof_bytes = Some(cbor::array([cbor::uint(2), index, siblings]));
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
        let right = merkle::turns(index, size).len();
        let comment =
            format!("A path of {len} siblings for leaf {index} of {size}, which has {right}.");
        let path: Vec<Node> = (0..len).map(|level| [level; 32]).collect();
        let proof = Proof { size, index, path };
        // Signed is what 7.4 comes to if it never fails: behind the last level
        // every sibling is hashed as a left one.
        let left_over = proof.path.iter().skip(right);
        cases.fault(&name, STRUCTURE, rule, &comment, |draft| {
            draft.receipt.place(proof.clone());
            let top = proof.root(&draft.leaf());
            let root = left_over.fold(top, |below, sibling| merkle::node(sibling, &below));
            draft.receipt.root = Some(root);
        });
        if proof.path.len() > right {
            let name = format!("{name}_cut");
            let comment = format!("{comment} The root that is signed leaves the others out.");
            cases.fault(&name, STRUCTURE, rule, &comment, |draft| draft.receipt.place(proof));
        }
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
