//! Parts of genuine envelopes in other genuine envelopes: across channels,
//! epochs, signers, batches and suites; parts left out; later receipts that
//! come and go.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "known/parts.rs"]
mod parts;
#[path = "known/world.rs"]
mod world;

use ciborium::Value;
use common::{CHANNEL, kinds, receiving};
use coseal::{Opener, OtherReceipt, Suite};
use parts::{Hash, Parts, Proof, Receipt, encode, int};
use world::{
    HOME, Origin, confined, notary, open, openers, refused, rival, stranger, trust, verifier,
    verify,
};

/// The exchangeable parts, by bit: header, ciphertext, the receipt's header,
/// its proof, its signature, recipients.
const PARTS: u32 = 6;

fn exchange(base: &Parts, donor: &Parts, taken: u32) -> Parts {
    let from = |bit: u32| if taken >> bit & 1 == 1 { donor } else { base };
    Parts {
        protected: from(0).protected.clone(),
        ciphertext: from(1).ciphertext.clone(),
        receipt: Receipt {
            protected: from(2).receipt.protected.clone(),
            proof: from(3).receipt.proof.clone(),
            signature: from(4).receipt.signature.clone(),
        },
        recipients: from(5).recipients.clone(),
        others: vec![],
    }
}

/// What the reading order says of a mixture, judged by equality alone: whose
/// statement, receipt and entries are they?
fn verdict(mixed: &Parts, sources: [(&Parts, &Origin); 2], entry: usize) -> Result<usize, String> {
    let fits = match &mixed.receipt.proof {
        None => mixed.receipt.size() == 1,
        Some(proof) => mixed.receipt.size() == proof.size,
    };
    if !fits {
        return refused("malformed/structure");
    }
    let named = sources.iter().find(|(parts, _)| parts.protected == mixed.protected).unwrap();
    if (named.1.signer)().verifying_key() == stranger().verifying_key() {
        return refused("untrusted/unknown_signer");
    }
    let statement =
        |parts: &Parts| (parts.protected.clone(), parts.ciphertext.clone(), parts.receipt.clone());
    let Some(whose) = sources.iter().position(|(parts, _)| statement(parts) == statement(mixed))
    else {
        return refused("untrusted/bad_signature");
    };
    if named.1.channel == CHANNEL
        && (named.1.signer)().verifying_key() == confined().verifying_key()
    {
        return refused("untrusted/not_allowed");
    }
    if sources[whose].0.recipients[entry] != mixed.recipients[entry] {
        return refused("undecryptable");
    }
    Ok(whose)
}

/// Every subset of the parts, from every kind of donor, by readers who know
/// both epochs and both roots already and by readers who know nothing.
#[test]
fn every_mixture_of_two_envelopes_is_refused_as_the_order_demands() {
    let stock = || Origin { channel: "stock", epoch: 2, secret: 2, ..HOME };
    let donors: Vec<(&str, Origin, u64, u64, usize)> = vec![
        ("another channel", stock(), 0, 3, 1),
        ("another channel, one epoch", Origin { channel: "stock", ..HOME }, 0, 3, 1),
        ("another epoch", Origin { epoch: 3, secret: 3, ..HOME }, 0, 3, 1),
        ("another epoch ID, one secret", Origin { epoch: 3, ..HOME }, 0, 3, 1),
        ("another secret, one epoch ID", Origin { secret: 3, ..HOME }, 0, 3, 1),
        ("another signer", Origin { signer: rival, epoch: 4, secret: 4, ..HOME }, 0, 3, 1),
        ("another signer who knows the secret", Origin { signer: rival, ..HOME }, 0, 3, 1),
        ("a signer not allowed here", Origin { signer: confined, ..HOME }, 0, 3, 1),
        ("a stranger", Origin { signer: stranger, ..HOME }, 0, 3, 1),
        ("another suite, one epoch", Origin { suite: Suite::ChaCha20Poly1305, ..HOME }, 0, 3, 1),
        ("another batch", HOME, 3, 3, 1),
        ("a larger batch", HOME, 3, 4, 1),
        ("a neighbour in the batch", HOME, 0, 3, 0),
        ("the last of the batch", HOME, 0, 3, 2),
        ("sealed alone", HOME, 8, 1, 0),
    ];
    let base = HOME.seal(b"of the base", 0, 3, 1);
    let mut seen = std::collections::BTreeMap::new();
    for (name, origin, first, size, index) in donors {
        let donor = origin.seal(b"of the donor", first, size, index);
        let sources = [(&base, &HOME), (&donor, &origin)];
        let payloads = [&b"of the base"[..], b"of the donor"];
        let warm = openers();
        for opener in &warm {
            assert_eq!(open(opener, &base.join()), Ok(payloads[0].to_vec()));
            let known = verdict(&donor, sources, 0).map(|whose| payloads[whose].to_vec());
            assert_eq!(open(opener, &donor.join()), known, "{name}");
        }
        for taken in 0..1 << PARTS {
            let mixed = exchange(&base, &donor, taken);
            let envelope = mixed.join();
            for (entry, (warm, cold)) in warm.iter().zip(openers()).enumerate() {
                let expected =
                    verdict(&mixed, sources, entry).map(|whose| payloads[whose].to_vec());
                let told = format!("{name}, parts {taken:06b}, entry {entry}");
                assert_eq!(open(warm, &envelope), expected, "{told}, warm");
                assert_eq!(open(&cold, &envelope), expected, "{told}, cold");
                // An auditor says the same, but for what only an opener sees.
                let told_auditor = verify(&envelope).map(drop);
                match &expected {
                    Err(code) if code != "undecryptable" => {
                        assert_eq!(told_auditor.as_ref(), Err(code), "{told}");
                    }
                    _ => assert_eq!(told_auditor, Ok(()), "{told}"),
                }
                *seen.entry(expected.err().unwrap_or_else(|| "ok".into())).or_insert(0) += 1;
            }
        }
    }
    for code in [
        "ok",
        "malformed/structure",
        "undecryptable",
        "untrusted/bad_signature",
        "untrusted/not_allowed",
        "untrusted/unknown_signer",
    ] {
        assert!(seen.get(code).is_some_and(|count| *count >= 4), "{code}: {seen:?}");
    }
}

/// Header, ciphertext and receipt of another channel, with our recipients:
/// genuine, and refused by whoever expects this channel or this signer.
#[test]
fn a_genuine_message_of_another_place_is_misdirected() {
    let base = HOME.seal(b"payload", 0, 1, 0);
    let elsewhere = Origin { channel: "stock", signer: rival, ..HOME }.seal(b"payload", 0, 1, 0);
    let mixed = exchange(&base, &elsewhere, 0b01_1111).join();
    assert_eq!(verify(&mixed), Ok("spiffe://example.test/rival".into()));
    let builder = || Opener::builder(trust()).channel(CHANNEL).archive().key(receiving());
    assert_eq!(open(&builder().build().unwrap(), &mixed), refused("misdirected/channel"));
    let one = builder().signer(common::SUBJECT).build().unwrap();
    assert_eq!(open(&one, &mixed), refused("untrusted/wrong_signer"));
    assert_eq!(open(&one, &base.join()), Ok(b"payload".to_vec()));
}

/// Left out: each part that can be.
#[test]
fn whatever_is_stripped_is_missed() {
    let genuine = HOME.seal(b"payload", 0, 3, 1);
    let check = |envelope: &[u8], code: &str| {
        assert_eq!(verify(envelope), refused(code));
        for opener in openers() {
            let error = opener.open(envelope).unwrap_err();
            assert_eq!(kinds(&error), code);
            let mut in_place = envelope.to_vec();
            assert_eq!(kinds(&opener.open_in_place(&mut in_place).unwrap_err()), code);
            assert_eq!(in_place, envelope, "something was decrypted");
        }
    };
    let change = |change: &dyn Fn(&mut Parts)| {
        let mut parts = genuine.clone();
        change(&mut parts);
        parts.join()
    };
    let text = parts::bytes;
    check(&genuine.join_with(&[], text(&genuine.ciphertext)), "malformed/structure");
    check(&genuine.join_with(&[vec![]], text(&genuine.ciphertext)), "malformed/cbor");
    check(&genuine.join_with(&[genuine.receipt.encode()], Value::Null), "unsupported/detached");
    check(&genuine.join_with(&[genuine.receipt.encode()], text(b"")), "malformed/structure");
    check(&change(&|parts| parts.recipients.clear()), "malformed/structure");
    check(&change(&|parts| parts.receipt.proof = None), "malformed/structure");
    check(&change(&|parts| parts.receipt.signature.clear()), "malformed/structure");
    check(&change(&|parts| parts.receipt.protected.clear()), "malformed/cbor");
    check(&change(&|parts| parts.protected.clear()), "malformed/cbor");
    // Commitment, payload or tag.
    for range in [0..32, 32..39, 39..55] {
        let strip = |parts: &mut Parts| drop(parts.ciphertext.drain(range.clone()));
        let short = genuine.ciphertext.len() - range.len() < 48;
        let code = if short { "malformed/structure" } else { "untrusted/bad_signature" };
        check(&change(&strip), code);
    }
    // Each entry of the receipt's header; those of the message's header are
    // stripped in `known_labels.rs`.
    let without = |encoded: &[u8], at: usize| {
        let Value::Map(mut entries) = parts::decode(encoded) else { panic!("not a map") };
        entries.remove(at);
        encode(&Value::Map(entries))
    };
    for at in 0..3 {
        let strip =
            |parts: &mut Parts| parts.receipt.protected = without(&parts.receipt.protected, at);
        check(&change(&strip), "malformed/structure");
    }
}

/// A witness's receipt (RFC 9942) over the same statement, in a tree of one.
fn witnessed(leaf: &Hash) -> Vec<u8> {
    let protected = encode(&Value::Map(vec![
        (int(1), int(-8)),
        (int(4), parts::bytes(notary().verifying_key().key_id().as_bytes())),
        (int(395), int(1)),
    ]));
    let proof = Some(Proof { size: 1, index: 0, path: vec![] });
    let signature = parts::sign(&notary(), &protected, b"", leaf);
    Receipt { protected, proof, signature }.encode()
}

/// Later receipts are outside the sender's signature. Stripped, doubled or
/// brought from another message they change what is reported of them, and
/// nothing else.
#[test]
fn later_receipts_come_and_go_and_change_no_verdict() {
    let genuine = HOME.seal(b"payload", 0, 3, 1);
    let other = HOME.seal(b"another", 0, 3, 1);
    let trusted = OtherReceipt::Trusted {
        key_id: notary().verifying_key().key_id(),
        subject: "spiffe://example.test/notary".into(),
    };
    let invalid = OtherReceipt::Invalid { key_id: notary().verifying_key().key_id() };
    let (own, foreign) = (witnessed(&genuine.leaf()), witnessed(&other.leaf()));
    let sender = genuine.receipt.encode();
    let cases = [
        (vec![], vec![]),
        (vec![own.clone()], vec![trusted.clone()]),
        (vec![foreign.clone()], vec![invalid.clone()]),
        (vec![own.clone(), own.clone()], vec![trusted.clone(), trusted.clone()]),
        (vec![foreign.clone(), own.clone()], vec![invalid, trusted.clone()]),
        (vec![sender.clone(), own.clone()], vec![OtherReceipt::Unknown, trusted]),
    ];
    for (others, reported) in cases {
        let envelope = Parts { others, ..genuine.clone() }.join();
        let verifier = verifier();
        assert_eq!(verifier.verify(&envelope).unwrap().other_receipts(), reported);
        for opener in openers() {
            assert_eq!(open(&opener, &envelope), Ok(b"payload".to_vec()));
        }
    }
    // In the sender's place, a witness's receipt is not of that shape.
    for receipts in [vec![own.clone()], vec![own, sender], vec![foreign]] {
        let envelope = genuine.join_with(&receipts, parts::bytes(&genuine.ciphertext));
        assert_eq!(verify(&envelope), refused("malformed/structure"));
    }
}
