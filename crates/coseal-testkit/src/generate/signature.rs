//! Receipts of the right shape that prove nothing.

use super::rules;
use super::test::{Cases, Row, Test};
use super::world::{BILLING, World};
use crate::build::cbor;
use crate::build::draft::{Draft, Sealed, seal_batch};
use crate::build::keys::{Signer, sha256, sig_structure};
use crate::build::merkle::{self, Proof, node};
use crate::build::plan::{Plan, message_id};
use crate::case::Suite;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("signature");
    bits(cases);
    signers(cases);
    bound_bytes(cases);
    trees(cases);
    splices(cases);
}

const BAD: &str = "untrusted/bad_signature";

fn bits(cases: &mut Cases) {
    for (name, at, comment) in [
        ("first_bit", 0, "The first bit of R is flipped."),
        ("middle_bit", 32, "The first bit of S is flipped."),
        ("last_byte", 63, "A bit of the last byte of S is flipped."),
    ] {
        cases.fault(name, BAD, rules::ED25519, comment, |draft| {
            let mut signature = draft.seal().signature;
            *signature.get_mut(at).expect("64 bytes") ^= 1;
            draft.receipt.signature = Some(signature);
        });
    }
    cases.fault("zeros", BAD, rules::ED25519, "A signature of zeros.", |draft| {
        draft.receipt.signature = Some(vec![0; 64]);
    });
    cases.fault("all_bits", BAD, rules::ED25519, "A signature of ones.", |draft| {
        draft.receipt.signature = Some(vec![0xff; 64]);
    });
}

fn signers(cases: &mut Cases) {
    let rule = rules::SENDER;
    let world = World::new();
    let signed_by = |signer: Signer| move |draft: &mut Draft| draft.receipt.signer = signer;
    let comment = "Signed by another known key; the header still names the first.";
    cases.fault("another_known_key", BAD, rule, comment, signed_by(world.billing.clone()));
    let comment = "A notary signs in the sender's shape.";
    cases.fault("notary_in_senders_shape", BAD, rule, comment, signed_by(world.notary.clone()));
    let comment = "Signed by a key that nobody knows.";
    cases.fault("stranger", BAD, rule, comment, signed_by(Signer::labelled("stranger")));
    let comment = "Signed by the root of the trust bundle.";
    cases.fault("root", BAD, rule, comment, signed_by(world.root.clone()));

    // A stranger's ciphertext under one's own name: it verifies as one's own,
    // and does not open.
    let theirs = Draft::new(world.plan(&cases.label("resealed"))).seal();
    let plan = Plan { signer: world.billing.clone(), subject: BILLING.to_owned(), ..theirs.plan };
    let mut draft = Draft::new(plan);
    draft.ciphertext = Some(theirs.ciphertext);
    draft.recipients = theirs.recipients;
    let comment =
        "Another known key puts its own name on a stranger's ciphertext and recipients, and signs.";
    cases.shut("resealed_under_another_name", "undecryptable", rule, comment, &draft.seal());
}

/// What is signed is not what should be.
fn bound_bytes(cases: &mut Cases) {
    let rule = rules::TREE;
    let edits: [Row<fn(&Draft) -> Vec<u8>>; 8] = [
        (
            "context_signature",
            |draft| {
                let protected = draft.receipt.protected();
                let items = [
                    cbor::text("Signature"),
                    cbor::bytes(protected),
                    cbor::bytes([]),
                    cbor::bytes(draft.leaf()),
                ];
                cbor::array(items)
            },
            "The context is that of COSE_Sign.",
        ),
        (
            "external_aad",
            |draft| sig_structure(&draft.receipt.protected(), b"orders", &draft.leaf()),
            "The external_aad is not empty.",
        ),
        (
            "bundle_external_aad",
            |draft| {
                sig_structure(
                    &draft.receipt.protected(),
                    crate::build::bundle::EXTERNAL_AAD,
                    &draft.leaf(),
                )
            },
            "The external_aad is that of trust bundles.",
        ),
        (
            "statement",
            |draft| sig_structure(&draft.receipt.protected(), b"", &draft.statement()),
            "The statement is signed, not its leaf.",
        ),
        (
            "root_alone",
            |draft| draft.leaf().to_vec(),
            "The root is signed without a structure around it.",
        ),
        (
            "leaf_without_prefix",
            |draft| sig_structure(&draft.receipt.protected(), b"", &sha256(&[&draft.statement()])),
            "The leaf is hashed without its 0x00.",
        ),
        (
            "leaf_with_node_prefix",
            |draft| {
                sig_structure(&draft.receipt.protected(), b"", &sha256(&[&[1], &draft.statement()]))
            },
            "The leaf is hashed with the 0x01 of nodes.",
        ),
        (
            "ciphertext_whole",
            |draft| {
                let items = [
                    cbor::text("coseal/v1"),
                    cbor::bytes(draft.protected()),
                    cbor::bytes(draft.ciphertext()),
                ];
                sig_structure(&draft.receipt.protected(), b"", &merkle::leaf(&cbor::array(items)))
            },
            "The statement holds the ciphertext instead of its digest.",
        ),
    ];
    for (name, bytes, comment) in edits {
        cases.fault(name, BAD, rule, comment, |draft| {
            draft.receipt.signed_bytes = Some(bytes(draft))
        });
    }
    let comment = "Signed with algorithm -8, written as -19: the protected part is signed, too.";
    cases.fault("algorithm_exchanged", BAD, rules::RECEIPT_ALG, comment, |draft| {
        draft.receipt.signature = Some(draft.seal().signature);
        draft.receipt.protected.set(1, cbor::int(-19));
    });
}

fn trees(cases: &mut Cases) {
    let rule = rules::TREE;
    let batch = |name: &str, size: u64| {
        let world = World::new();
        let plans: Vec<Plan> = (0..size).map(|n| numbered(&world, name, n)).collect();
        plans
    };
    // The draft of the message at `index`, with the right proof.
    let member = |plans: &[Plan], index: usize| {
        let drafts: Vec<Draft> = plans.iter().cloned().map(Draft::new).collect();
        let leaves: Vec<_> = drafts.iter().map(Draft::leaf).collect();
        let mut draft = drafts.into_iter().nth(index).expect("an index below the size");
        draft.receipt.place(Proof::among(&leaves, index));
        draft
    };
    let with_other_proof = |name: &str, draft: &Draft, edit: &dyn Fn(&mut Proof)| {
        let mut draft = draft.clone();
        draft.receipt.root = Some(draft.seal().root);
        edit(&mut draft.receipt.proof);
        assert_ne!(draft.receipt.proof.root(&draft.leaf()), draft.seal().root, "{name}");
        draft.seal().envelope
    };

    let plans = batch("of_eight", 8);
    let draft = member(&plans, 5);
    let edits: [Row<&dyn Fn(&mut Proof)>; 5] = [
        (
            "index_wrong",
            &|proof| proof.index = 4,
            "The proof of leaf 5 of 8, said to be that of 4.",
        ),
        (
            "index_mirrored",
            &|proof| proof.index = 2,
            "The proof of leaf 5 of 8, said to be that of 2.",
        ),
        ("siblings_swapped", &|proof| proof.path.swap(0, 1), "Two siblings change places."),
        ("siblings_reversed", &|proof| proof.path.reverse(), "The siblings from the root down."),
        (
            "sibling_changed",
            &|proof| proof.path.iter_mut().for_each(|sibling| sibling[31] ^= 1),
            "A bit of each sibling.",
        ),
    ];
    for (name, edit, comment) in edits {
        cases.refuse(name, BAD, rule, comment, &with_other_proof(name, &draft, edit));
    }
    // 6 and 8 leaves give leaf 0 paths of the same length.
    let comment = "A tree of 8, said to have 6: the size is signed.";
    let mut draft = member(&plans, 0);
    draft.receipt.signature = Some(draft.seal().signature);
    draft.receipt.place(Proof { size: 6, ..draft.receipt.proof.clone() });
    cases.refuse("size_exchanged", BAD, rule, comment, &draft.seal().envelope);

    let hashed: [Row<fn(&[u8; 32], &[u8; 32]) -> [u8; 32]>; 3] = [
        ("node_without_prefix", |l, r| sha256(&[l, r]), "Nodes are hashed without their 0x01."),
        (
            "node_with_leaf_prefix",
            |l, r| sha256(&[&[0], l, r]),
            "Nodes are hashed with the 0x00 of leaves.",
        ),
        ("node_sorted", |l, r| node(l.min(r), l.max(r)), "Nodes are hashed in order of value."),
    ];
    let plans = batch("of_seven", 7);
    for (name, hash, comment) in hashed {
        let mut draft = member(&plans, 3);
        let root = draft.receipt.proof.root_with(&draft.leaf(), hash);
        draft.receipt.root = Some(root);
        assert_ne!(root, draft.receipt.proof.root(&draft.leaf()), "{name}");
        cases.refuse(name, BAD, rule, comment, &draft.seal().envelope);
    }
    let plans = batch("of_three", 3);
    let mut draft = member(&plans, 2);
    let leaf = draft.leaf();
    let left = *draft.receipt.proof.path.first().expect("a sibling");
    draft.receipt.root = Some(node(&left, &node(&leaf, &leaf)));
    let comment = "The last of three is hashed with itself before it joins the others.";
    cases.refuse("odd_node_duplicated", BAD, rule, comment, &draft.seal().envelope);
    let mut draft = member(&plans, 2);
    draft.receipt.root = Some(node(&left, &node(&leaf, &[0; 32])));
    let comment = "The last of three is hashed with zeros before it joins the others.";
    cases.refuse("odd_node_padded", BAD, rule, comment, &draft.seal().envelope);
    let mut draft = member(&plans, 0);
    draft.receipt.root = Some(leaf);
    let comment = "The signature is over a leaf of the batch instead of its root.";
    cases.refuse("leaf_signed_for_batch", BAD, rule, comment, &draft.seal().envelope);
    // An inner node offered as a leaf: its hash is a leaf's only without prefixes.
    let plans = batch("of_four", 4);
    let mut draft = member(&plans, 1);
    let inner = draft.receipt.proof.clone();
    draft.receipt.root = Some(draft.seal().root);
    draft.receipt.place(Proof {
        size: 2,
        index: 0,
        path: inner.path.into_iter().skip(1).collect(),
    });
    let comment = "The upper half of a path, as if the leaf were an inner node.";
    cases.refuse("path_of_inner_node", BAD, rule, comment, &draft.seal().envelope);
}

/// The message that is number `n` of a batch.
fn numbered(world: &World, name: &str, n: u64) -> Plan {
    let plan = world.plan(&format!("signature/{name}"));
    Plan {
        sequence: n,
        message_id: message_id(super::world::SEALED, &format!("signature/{name} {n}")),
        payload: format!("message {n}").into_bytes(),
        ..plan
    }
}

/// Pieces of good envelopes, put together anew.
fn splices(cases: &mut Cases) {
    let rule = rules::STATEMENT;
    let world = World::new();
    let batch = seal_batch((0..2).map(|n| numbered(&world, "spliced", n)));
    let [first, second] = batch.as_slice() else { unreachable!("a batch of two") };
    let spliced = |edit: &dyn Fn(&mut Draft)| {
        let mut draft = Draft::new(first.plan.clone());
        draft.receipt.encoded = Some(first.receipt.clone());
        draft.protected = Some(first.protected.clone());
        draft.ciphertext = Some(first.ciphertext.clone());
        edit(&mut draft);
        draft.seal().envelope
    };
    assert_eq!(spliced(&|_| ()), first.envelope, "nothing is exchanged");
    let alone = Draft::new(numbered(&world, "alone", 0)).seal();
    let edits: [Row<&dyn Fn(&mut Draft)>; 6] = [
        (
            "receipt_of_sibling",
            &|draft| draft.receipt.encoded = Some(second.receipt.clone()),
            "The receipt of the other message of the batch.",
        ),
        (
            "receipt_of_other_message",
            &|draft| draft.receipt.encoded = Some(alone.receipt.clone()),
            "The receipt of a message sealed alone.",
        ),
        (
            "ciphertext_of_sibling",
            &|draft| draft.ciphertext = Some(second.ciphertext.clone()),
            "The ciphertext of the other message of the batch.",
        ),
        (
            "header_of_sibling",
            &|draft| draft.protected = Some(second.protected.clone()),
            "The header of the other message of the batch.",
        ),
        (
            "ciphertext_cut",
            &|draft| draft.ciphertext.iter_mut().for_each(|bytes| bytes.truncate(bytes.len() - 1)),
            "The last byte of the ciphertext is cut off.",
        ),
        (
            "ciphertext_longer",
            &|draft| draft.ciphertext.iter_mut().for_each(|bytes| bytes.push(0)),
            "A byte is added to the ciphertext.",
        ),
    ];
    for (name, edit, comment) in edits {
        cases.refuse(name, BAD, rule, comment, &spliced(edit));
    }
    let headers: [Row<fn(&mut Plan)>; 8] = [
        ("header_channel", |plan| plan.channel = "billing.eu".to_owned(), "Another channel."),
        ("header_epoch", |plan| plan.epoch_id[0] ^= 1, "Another epoch."),
        ("header_sequence", |plan| plan.sequence += 1, "Another sequence."),
        ("header_message_id", |plan| plan.message_id[15] ^= 1, "Another message ID."),
        ("header_suite", |plan| plan.suite = Suite::ChaCha20Poly1305, "The other suite."),
        ("header_expiry", |plan| plan.expires = Some(1_790_003_600), "An expiry is added."),
        ("header_previous", |plan| plan.previous = Some(([1; 8], 1)), "A previous epoch is added."),
        (
            "header_signer",
            |plan| plan.signer = Signer::labelled("billing"),
            "Another signer's name.",
        ),
    ];
    for (name, edit, comment) in headers {
        let mut plan = first.plan.clone();
        edit(&mut plan);
        let envelope = spliced(&|draft| draft.protected = Some(plan.header().encode()));
        let test = Test::new(
            rule,
            &format!("{comment} The receipt is that of the header before."),
            &envelope,
        );
        cases.add(name, test.channel(Some(&plan.channel)).refused(BAD));
    }
    batch_members(cases, &batch);
}

/// What is not exchanged verifies.
fn batch_members(cases: &mut Cases, batch: &[Sealed]) {
    for (n, sealed) in batch.iter().enumerate() {
        let comment = "As it was sealed: what the spliced ones are made of.";
        cases.accept(&format!("unspliced_{n}"), rules::STATEMENT, comment, sealed);
    }
}
