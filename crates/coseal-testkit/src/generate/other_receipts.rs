//! Receipts after the sender's: reported, and never judged.

use super::rules;
use super::test::{Cases, Row, Test};
use super::words;
use super::world::{NOTARY, SEALED_S, VALID_FROM, World};
use crate::build::bundle::{BundlePlan, Record};
use crate::build::cbor::{self, Item};
use crate::build::draft::Draft;
use crate::build::keys::{Signer, seed};
use crate::build::merkle::Proof;
use crate::build::notary::NotaryReceipt;
use crate::build::plan::label;
use crate::build::weak;
use crate::case::ReceiptVerdict::{self, Invalid, Trusted, Unknown};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("other_receipts");
    notaries(cases);
    invalid(cases);
    sender_labels(cases);
    unknown(cases);
    many(cases);
}

/// Adds a message whose later receipts are these, and are worth this.
pub(super) fn carried(
    cases: &mut Cases,
    name: &str,
    comment: &str,
    bundle: &BundlePlan,
    receipts: impl Fn(&NotaryReceipt) -> Vec<(Vec<u8>, ReceiptVerdict)>,
) {
    let mut draft = Draft::new(World::new().plan(&cases.label(name)));
    let good = NotaryReceipt::over(&draft.seal(), &World::new().notary);
    let receipts = receipts(&good);
    let verdicts: Vec<ReceiptVerdict> = receipts.iter().map(|(_, verdict)| *verdict).collect();
    draft.other_receipts = receipts.into_iter().map(|(receipt, _)| cbor::bytes(receipt)).collect();
    let sealed = draft.seal();
    let test = Test::of(rules::OTHER_RECEIPTS, comment, &sealed).reported(&sealed, &verdicts);
    cases.add(name, test.bundle(bundle));
}

/// One receipt, made from a good one of the notary.
fn one(
    cases: &mut Cases,
    name: &str,
    verdict: ReceiptVerdict,
    comment: &str,
    edit: impl Fn(&mut NotaryReceipt),
) {
    carried(cases, name, comment, &World::new().bundle(), |good| {
        let mut receipt = good.clone();
        edit(&mut receipt);
        vec![(receipt.encode(), verdict)]
    });
}

fn notaries(cases: &mut Cases) {
    one(cases, "notary", Trusted, "A notary's receipt: leaf 5 of 11.", |_| ());
    one(cases, "notary_ed25519", Trusted, "A notary's receipt with algorithm -19.", |receipt| {
        receipt.protected.set(1, cbor::int(-19));
    });
    let world = World::new();
    let with_notary = |edit: &dyn Fn(&mut Record)| {
        let mut bundle = world.bundle();
        let record = bundle.records.iter_mut().find(|record| record.subject == NOTARY);
        edit(record.expect("the notary's record"));
        bundle
    };
    let good = |good: &NotaryReceipt, verdict| vec![(good.encode(), verdict)];
    let bundles = [
        (
            "notary_revoked",
            Unknown,
            with_notary(&|record| record.revocation = Some((VALID_FROM, 1, None))),
            "The notary's key is revoked.",
        ),
        (
            "notary_retired",
            Unknown,
            with_notary(&|record| record.valid_until = Some(VALID_FROM + 1)),
            "The notary's key had ended before the message was sealed.",
        ),
        (
            "notary_retired_then",
            Unknown,
            with_notary(&|record| record.valid_until = Some(SEALED_S)),
            "The notary's key ended at the sealing time.",
        ),
        (
            "notary_retires_later",
            Trusted,
            with_notary(&|record| record.valid_until = Some(SEALED_S + 1)),
            "The notary's key ends a second after the sealing time.",
        ),
        (
            "notary_valid_later",
            Trusted,
            with_notary(&|record| record.valid_from = SEALED_S + 86_400),
            "The notary's key is valid from a day after the sealing time: it may have signed then.",
        ),
        (
            "notary_not_allowed",
            Unknown,
            with_notary(&|record| record.channels = vec!["billing".to_owned()]),
            "The notary's key is for another channel.",
        ),
        (
            "notary_allowed_by_name",
            Trusted,
            with_notary(&|record| record.channels = vec!["orders".to_owned()]),
            "The notary's key is for this channel alone.",
        ),
    ];
    for (name, verdict, bundle, comment) in bundles {
        carried(cases, name, comment, &bundle, |receipt| good(receipt, verdict));
    }
    let mut bundle = world.bundle();
    bundle.records.retain(|record| record.subject != NOTARY);
    let comment = "The notary's key is not in the bundle.";
    carried(cases, "notary_unknown", comment, &bundle, |receipt| good(receipt, Unknown));
}

fn invalid(cases: &mut Cases) {
    one(
        cases,
        "bad_signature",
        Invalid,
        "A bit of the notary's signature is flipped.",
        |receipt| {
            let mut signature = receipt.signature();
            *signature.first_mut().expect("64 bytes") ^= 1;
            receipt.signature = Some(signature);
        },
    );
    one(cases, "malleable_signature", Invalid, "S + L in the notary's signature.", |receipt| {
        receipt.signature = Some(weak::malleated(&receipt.signature()));
    });
    one(cases, "other_leaf", Invalid, "A notary's receipt over another statement.", |receipt| {
        receipt.leaf = seed("another leaf");
    });
    one(
        cases,
        "other_index",
        Invalid,
        "The proof says another index than that which was signed.",
        |receipt| {
            receipt.signature = Some(receipt.signature());
            receipt.proof.index = 4;
        },
    );
    one(cases, "another_signer", Invalid, "Names the notary, signed by another.", |receipt| {
        receipt.signer = World::new().billing;
    });
    for (name, size, index, comment) in [
        ("tree_largest", 1 << 32, (1 << 32) - 1, "The last entry of a log of 2^32."),
        ("tree_too_large", (1 << 32) + 1, 1 << 32, "The last entry of 2^32 + 1: one sibling."),
        ("tree_of_none", 0, 0, "The first entry of a log of none."),
    ] {
        let verdict = if size == 1 << 32 { Trusted } else { Invalid };
        one(cases, name, verdict, comment, |receipt| {
            receipt.proof = Proof::imagined(size, index, "notary's log");
        });
    }
    one(cases, "index_not_below_size", Invalid, "The proof says leaf 11 of 11.", |receipt| {
        receipt.signature = Some(receipt.signature());
        receipt.proof.index = 11;
    });
    one(cases, "path_too_long", Invalid, "The proof has a sibling too many.", |receipt| {
        receipt.signature = Some(receipt.signature());
        receipt.proof.path.push([5; 32]);
    });
    one(cases, "path_too_short", Invalid, "The proof has a sibling too few.", |receipt| {
        receipt.signature = Some(receipt.signature());
        receipt.proof.path.pop();
    });
    one(cases, "short_signature", Invalid, "The notary's signature has 63 bytes.", |receipt| {
        let mut signature = receipt.signature();
        signature.pop();
        receipt.signature = Some(signature);
    });
    for len in [65, 128] {
        let name = format!("signature_of_{len}");
        let comment =
            format!("A signature of {len} bytes, of which the first 64 are the notary's.");
        one(cases, &name, Invalid, &comment, |receipt| {
            let mut signature = receipt.signature().repeat(2);
            signature.truncate(len);
            receipt.signature = Some(signature);
        });
    }
    one(
        cases,
        "with_sender_label",
        Invalid,
        "A notary's receipt that carries the sender's label.",
        |receipt| {
            receipt.protected.set(label::ORIGIN, cbor::array([cbor::uint(1), cbor::uint(11)]));
        },
    );
}

/// The sender's label, where nobody but the sender may write it.
fn sender_labels(cases: &mut Cases) {
    let labelled = |value: Item| {
        move |receipt: &mut NotaryReceipt| receipt.protected.set(label::ORIGIN, value.clone())
    };
    let values: [(&str, ReceiptVerdict, Item); 6] = [
        ("nil", Invalid, cbor::nil()),
        ("4_deep", Invalid, cbor::nested(4, cbor::uint(0))),
        ("5_deep", Unknown, cbor::nested(5, cbor::uint(0))),
        ("tag", Unknown, cbor::tag(1, cbor::uint(0))),
        ("float", Unknown, cbor::half(0x3e00)),
        ("integer_2_63", Unknown, cbor::uint(1 << 63)),
    ];
    for (what, verdict, value) in values {
        let comment =
            format!("A notary's receipt with the sender's label, under it {}.", words::of(what));
        one(cases, &format!("sender_label_{what}"), verdict, &comment, labelled(value));
    }
    let role = || cbor::array([cbor::uint(1), cbor::uint(11)]);
    let mut bundle = World::new().bundle();
    bundle.records.retain(|record| record.subject != NOTARY);
    let comment = "The sender's label in the receipt of a notary that is not in the bundle.";
    carried(cases, "sender_label_unknown_notary", comment, &bundle, |good| {
        let mut receipt = good.clone();
        labelled(role())(&mut receipt);
        vec![(receipt.encode(), Unknown)]
    });
    // Who it is comes before what is wrong with it.
    let faults: [Row<fn(&mut NotaryReceipt)>; 3] = [
        ("short_path", |receipt| receipt.proof.path.truncate(3), "with a sibling too few"),
        ("index_not_below_size", |receipt| receipt.proof.index = 11, "over leaf 11 of 11"),
        ("bad_signature", |receipt| receipt.signature = Some(vec![7; 64]), "with a bad signature"),
    ];
    for (what, fault, how) in faults {
        let name = format!("unknown_notary_{what}");
        let comment = format!("The receipt of a notary that is not in the bundle, {how}.");
        carried(cases, &name, &comment, &bundle, |good| {
            let signature = Some(good.signature());
            let mut receipt = NotaryReceipt { signature, ..good.clone() };
            fault(&mut receipt);
            vec![(receipt.encode(), Unknown)]
        });
    }
    let comment = "33 siblings: no proof has so many.";
    one(cases, "path_of_33", Unknown, comment, |receipt| {
        receipt.signature = Some(receipt.signature());
        receipt.proof.path = vec![[5; 32]; 33];
    });
    let comment = "32 siblings, where the place has fewer.";
    one(cases, "path_of_32", Invalid, comment, |receipt| {
        receipt.signature = Some(receipt.signature());
        receipt.proof.path = vec![[5; 32]; 32];
    });
}

fn unknown(cases: &mut Cases) {
    one(
        cases,
        "other_algorithm",
        Unknown,
        "A receipt of an algorithm that is not ours.",
        |receipt| {
            receipt.protected.set(1, cbor::int(-7));
        },
    );
    one(
        cases,
        "other_structure",
        Unknown,
        "A receipt over another verifiable data structure.",
        |receipt| {
            receipt.protected.set(395, cbor::uint(2));
        },
    );
    one(cases, "no_key_id", Unknown, "A receipt that names no key.", |receipt| {
        receipt.protected.remove(4)
    });
    one(cases, "sender_label_no_key_id", Unknown, "The sender's label, and no key.", |receipt| {
        receipt.protected.remove(4);
        receipt.protected.set(label::ORIGIN, cbor::array([cbor::uint(1), cbor::uint(11)]));
    });
    one(cases, "log_of_one", Trusted, "A notary's log of one leaf.", |receipt| {
        receipt.proof = Proof::imagined(1, 0, "notary's log");
    });
    one(cases, "long_key_id", Unknown, "A receipt that names its key by 32 bytes.", |receipt| {
        receipt.protected.set(4, cbor::bytes(receipt.signer.thumbprint()));
    });
    one(cases, "receiving_key_id", Unknown, "A receipt that names a receiving key.", |receipt| {
        receipt.protected.set(4, cbor::bytes(World::new().stock.key_id()));
    });
    one(cases, "attached_payload", Unknown, "A receipt with its root attached.", |receipt| {
        receipt.payload = cbor::bytes(receipt.proof.root(&receipt.leaf));
    });
    let world = World::new();
    let opaque: [Row<Vec<u8>>; 6] = [
        ("one_byte", vec![0], "A receipt of one byte."),
        ("not_cbor", vec![0xff; 40], "A receipt that is not CBOR."),
        ("indefinite", vec![0x9f, 0xff], "A receipt that is not deterministic CBOR."),
        ("float", cbor::half(0x3e00), "A receipt that is a float: opaque bytes all the same."),
        (
            "deep",
            cbor::nested(1000, cbor::uint(0)),
            "A receipt nested 1000 deep: opaque bytes all the same.",
        ),
        ("largest", vec![0x5a; 16384], "A receipt of 16384 bytes."),
    ];
    for (name, bytes, comment) in opaque {
        carried(cases, &format!("opaque_{name}"), comment, &world.bundle(), |_| {
            vec![(bytes.clone(), Unknown)]
        });
    }
    let comment = "A receipt of tag 98.";
    carried(cases, "tag_98", comment, &world.bundle(), |good| {
        let receipt = good.encode();
        let (_, untagged) = receipt.split_first().expect("a tag");
        vec![(cbor::tag(98, untagged), Unknown)]
    });
    let comment = "A receipt of five items.";
    carried(cases, "five_items", comment, &world.bundle(), |good| {
        let receipt = good.encode();
        let (_, four) = receipt.split_at(2);
        vec![(cbor::tag(18, [&[0x85], four, &cbor::nil()].concat()), Unknown)]
    });
    one(cases, "more_labels", Unknown, "A label more in the protected header.", |receipt| {
        receipt.protected.set(3, cbor::text("text/plain"));
    });
    let comment = "The sender's label, and another one more.";
    one(cases, "sender_label_more_labels", Unknown, comment, |receipt| {
        receipt.protected.set(3, cbor::text("text/plain"));
        receipt.protected.set(label::ORIGIN, cbor::array([cbor::uint(1), cbor::uint(11)]));
    });
    let comment = "A receipt of no tag at all.";
    carried(cases, "untagged", comment, &world.bundle(), |good| {
        let receipt = good.encode();
        let (_, untagged) = receipt.split_first().expect("a tag");
        vec![(untagged.to_vec(), Unknown)]
    });
    let comment = "A receipt with a byte after it.";
    carried(cases, "trailing_byte", comment, &world.bundle(), |good| {
        vec![([good.encode(), vec![0]].concat(), Unknown)]
    });
}

fn many(cases: &mut Cases) {
    let world = World::new();
    let comment = "Three receipts: trusted, invalid, unknown.";
    carried(cases, "three", comment, &world.bundle(), |good| {
        let forged = NotaryReceipt { signature: Some(vec![7; 64]), ..good.clone() };
        let stranger = Signer::labelled("another notary");
        let mut strange = NotaryReceipt { signer: stranger.clone(), ..good.clone() };
        strange.protected.set(4, cbor::bytes(stranger.key_id()));
        vec![(good.encode(), Trusted), (forged.encode(), Invalid), (strange.encode(), Unknown)]
    });
    let comment = "Two receipts of two notaries.";
    let second = Signer::labelled("second notary");
    let mut bundle = world.bundle();
    bundle.records.push(Record::sign(
        &second,
        "spiffe://example.test/notary/2",
        VALID_FROM,
        &["orders"],
    ));
    carried(cases, "two_notaries", comment, &bundle, |good| {
        let mut other = NotaryReceipt { signer: second.clone(), ..good.clone() };
        other.protected.set(4, cbor::bytes(second.key_id()));
        vec![(other.encode(), Trusted), (good.encode(), Trusted)]
    });
    let comment = "The same receipt twice.";
    carried(cases, "twice", comment, &world.bundle(), |good| {
        vec![(good.encode(), Trusted), (good.encode(), Trusted)]
    });
    let comment = "A later receipt by the sender's own key.";
    carried(cases, "by_the_sender", comment, &world.bundle(), |good| {
        let mut own = NotaryReceipt { signer: world.orders.clone(), ..good.clone() };
        own.protected.set(4, cbor::bytes(world.orders.key_id()));
        vec![(own.encode(), Trusted)]
    });
    let name = "in_a_batch";
    let mut draft = Draft::new(world.plan(&cases.label(name)));
    draft.receipt.place(Proof::imagined(7, 4, name));
    let notarised = NotaryReceipt::over(&draft.seal(), &world.notary);
    draft.other_receipts = vec![cbor::bytes(notarised.encode())];
    let sealed = draft.seal();
    let comment =
        "A notary's receipt on a message of a batch: over the message, not over the batch.";
    cases
        .add(name, Test::of(rules::OTHER_RECEIPTS, comment, &sealed).reported(&sealed, &[Trusted]));
    let name = "over_the_root";
    let mut draft = Draft::new(world.plan(&cases.label(name)));
    draft.receipt.place(Proof::imagined(7, 4, name));
    let sealed = draft.seal();
    let over_root =
        NotaryReceipt { leaf: sealed.root, ..NotaryReceipt::over(&sealed, &world.notary) };
    draft.other_receipts = vec![cbor::bytes(over_root.encode())];
    let sealed = draft.seal();
    let comment = "A notary's receipt over the root of the batch instead of the message.";
    cases
        .add(name, Test::of(rules::OTHER_RECEIPTS, comment, &sealed).reported(&sealed, &[Invalid]));
}
