//! Bytes that somebody changed: every bit of envelopes of every shape, every
//! truncation, two faults at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHANNEL, archive, kinds, receiving, shapes, trust, verifier};
use coseal::{Envelope, Opener};
use std::ops::Range;

/// Where the values of an envelope lie. Everything else is heads, labels and
/// constants.
struct Map {
    suite: Range<usize>,
    id: Range<usize>,
    sequence: Range<usize>,
    channel: Range<usize>,
    signer: Range<usize>,
    epoch: Range<usize>,
    signature: Range<usize>,
    path: Vec<Range<usize>>,
    ciphertext: Range<usize>,
    recipients: Range<usize>,
}

fn find(bytes: &[u8], needle: &[u8], from: usize) -> Range<usize> {
    let at = bytes[from..].windows(needle.len()).position(|window| window == needle);
    let start = from + at.unwrap_or_else(|| panic!("{needle:02x?} not found"));
    start..start + needle.len()
}

fn map(bytes: &[u8]) -> Map {
    let envelope = Envelope::decode(bytes).unwrap();
    let header = *envelope.unverified_header();
    let protected = find(bytes, envelope.protected(), 0);
    let within = |needle: &[u8]| find(bytes, needle, protected.start);
    let iv = {
        let mut iv = header.message_id().as_bytes().to_vec();
        iv.extend(header.sequence().to_be_bytes());
        within(&iv)
    };
    let ciphertext = find(bytes, envelope.ciphertext().unwrap(), protected.end);
    let receipt_end = ciphertext.start - if ciphertext.len() < 256 { 2 } else { 3 };
    let signature = receipt_end - 64..receipt_end;
    let hashes = envelope.receipt().path_len;
    // The hashes end before nil and the signature's head.
    let path_end = signature.start - 3;
    let path = (0..hashes).rev().map(|i| path_end - 34 * i - 32..path_end - 34 * i).collect();
    Map {
        suite: protected.start + 2..protected.start + 7,
        id: iv.start..iv.start + 16,
        sequence: iv.start + 16..iv.end,
        channel: within(header.channel().as_bytes()),
        signer: within(header.signer().as_bytes()),
        epoch: within(header.epoch().as_bytes()),
        recipients: ciphertext.end..bytes.len(),
        signature,
        path,
        ciphertext,
    }
}

/// What the reading order demands of a verifier when the bit at `at` flipped;
/// nothing where the byte is structure, which `check_structure` looks at.
fn demanded(name: &str, map: &Map, flipped: &[u8], at: usize) -> Option<&'static str> {
    const FORGED: Option<&str> = Some("untrusted/bad_signature");
    if map.id.contains(&at) {
        let version = flipped[map.id.start + 6] >> 4 == 7;
        let variant = flipped[map.id.start + 8] >> 6 == 2;
        return if version && variant { FORGED } else { Some("malformed/structure") };
    }
    if map.sequence.contains(&at) {
        return if name == "next epoch" { Some("malformed/structure") } else { FORGED };
    }
    if map.channel.contains(&at) {
        return match std::str::from_utf8(&flipped[map.channel.clone()]) {
            Err(_) => Some("malformed/cbor"),
            Ok(text) if text.contains(|c: char| c.is_control() || "*>".contains(c)) => {
                Some("malformed/structure")
            }
            Ok(_) => FORGED,
        };
    }
    if map.signer.contains(&at) {
        return Some("untrusted/unknown_signer");
    }
    let hashed = [&map.epoch, &map.signature, &map.ciphertext];
    if hashed.iter().any(|range| range.contains(&at)) || map.path.iter().any(|r| r.contains(&at)) {
        return FORGED;
    }
    // The two low bytes of the suite's number: another number, still an integer.
    if (map.suite.start + 3..map.suite.end).contains(&at) {
        let number = u16::from_be_bytes([flipped[map.suite.end - 2], flipped[map.suite.end - 1]]);
        return match number {
            4 | 5 => FORGED,
            _ => Some("unsupported/suite"),
        };
    }
    None
}

/// A flip in structure: ill-formed by another reader's word must be
/// `malformed/cbor`; otherwise it is refused before, or by, the signature.
fn check_structure(flipped: &[u8], found: &str) -> bool {
    let mut rest = flipped;
    let parsed: Result<ciborium::Value, _> = ciborium::from_reader(&mut rest);
    if parsed.is_err() || !rest.is_empty() {
        return found == "malformed/cbor";
    }
    matches!(
        found,
        "malformed/cbor"
            | "malformed/structure"
            | "unsupported/version"
            | "unsupported/header"
            | "unsupported/suite"
            | "unsupported/receipt"
            | "untrusted/bad_signature"
    )
}

#[test]
fn every_flipped_bit_is_refused_by_the_step_that_the_order_demands() {
    let verifier = verifier();
    let shapes = shapes();
    assert!(shapes.len() >= 8);
    for (name, envelope) in shapes {
        let map = map(&envelope);
        // A fresh opener each time would hide what a warm cache lets through.
        let opener = archive();
        opener.open(&envelope).unwrap();
        let original = opener.open(&envelope).unwrap().payload().to_vec();
        for bit in 0..envelope.len() * 8 {
            let (at, mut flipped) = (bit / 8, envelope.clone());
            flipped[at] ^= 1 << (bit % 8);
            let told = || format!("{name}, byte {at} of {}, bit {}", envelope.len(), bit % 8);
            let mut in_place = flipped.clone();
            let mut into = b"before".to_vec();
            let opened = opener.open(&flipped);
            if map.recipients.contains(&at) {
                check_recipient_flip(&verifier, &opener, &flipped, &original, &told());
                continue;
            }
            let error = verifier.verify(&flipped).expect_err(&told());
            let found = kinds(&error);
            match demanded(name, &map, &flipped, at) {
                Some(code) => assert_eq!(found, code, "{}", told()),
                None => assert!(check_structure(&flipped, &found), "{}: {found}", told()),
            }
            assert_eq!(kinds(&opened.expect_err(&told())), found, "{}", told());
            assert_eq!(kinds(&opener.open_in_place(&mut in_place).unwrap_err()), found);
            assert_eq!(in_place, flipped, "{}: a refusal changed the buffer", told());
            assert_eq!(kinds(&opener.open_into(&flipped, &mut into).unwrap_err()), found);
            assert_eq!(into, b"before", "{}: a refusal released bytes", told());
        }
    }
}

/// Recipients are outside the signature: such a flip may verify. It must then
/// not open, unless it hit an entry that is not ours.
fn check_recipient_flip(
    verifier: &coseal::Verifier,
    opener: &Opener,
    flipped: &[u8],
    original: &[u8],
    told: &str,
) {
    let verified = verifier.verify(flipped);
    let mut into = Vec::new();
    match (&verified, opener.open_into(flipped, &mut into).map(drop)) {
        (Err(error), Err(other)) => {
            assert_eq!(error.code(), "malformed", "{told}");
            assert_eq!(kinds(error), kinds(&other), "{told}");
            assert!(into.is_empty(), "{told}");
        }
        (Ok(_), Err(error)) => {
            assert!(matches!(error.code(), "no_key" | "undecryptable"), "{told}: {error:?}");
            assert!(into.is_empty(), "{told}");
        }
        (Ok(_), Ok(())) => {
            let ours = |bytes: &[u8]| {
                Envelope::decode(bytes)
                    .unwrap()
                    .recipients()
                    .find(|entry| {
                        matches!(entry, coseal::RecipientEntry::X25519 { key_id, .. }
                        if *key_id == receiving().recipient_key().key_id())
                    })
                    .map(|entry| format!("{entry:?}"))
            };
            assert!(ours(flipped).is_some(), "{told}: opened without an entry of ours");
            assert_eq!(into, original, "{told}");
        }
        (Err(_), Ok(())) => panic!("{told}: opened what does not verify"),
    }
}

#[test]
fn a_flip_in_our_own_entry_does_not_open() {
    for (name, envelope) in shapes() {
        let entry_start = map(&envelope).recipients.start + 1;
        for bit in 0..105 * 8 {
            let mut flipped = envelope.clone();
            flipped[entry_start + bit / 8] ^= 1 << (bit % 8);
            // A fresh one: nothing of this epoch is known to it.
            let error = archive().open(&flipped).expect_err(name);
            let code = error.code();
            assert!(matches!(code, "malformed" | "no_key" | "undecryptable"), "{name}: {error:?}");
        }
    }
}

#[test]
fn every_truncation_is_malformed() {
    for (name, envelope) in shapes() {
        for length in 0..envelope.len() {
            let error = verifier().verify(&envelope[..length]).expect_err(name);
            assert_eq!(kinds(&error), "malformed/cbor", "{name} at {length}");
            let mut cut = envelope[..length].to_vec();
            let error = archive().open_in_place(&mut cut).expect_err(name);
            assert_eq!(kinds(&error), "malformed/cbor", "{name} at {length}");
        }
        let mut longer = envelope.clone();
        longer.push(0);
        assert_eq!(kinds(&verifier().verify(&longer).unwrap_err()), "malformed/cbor", "{name}");
    }
}

#[test]
fn of_two_faults_the_earlier_step_is_told() {
    let (_, envelope) = shapes().remove(0);
    let map = map(&envelope);
    let last = envelope.len() - 1;
    // Faults by step, each a change to a sound envelope.
    type Fault = (u8, &'static str, Box<dyn Fn(&mut Vec<u8>)>);
    let at = |index: usize, bits: u8| move |bytes: &mut Vec<u8>| bytes[index] ^= bits;
    let faults: Vec<Fault> = vec![
        (1, "malformed/cbor", Box::new(|bytes| bytes.push(0))),
        (1, "malformed/structure", Box::new(at(map.id.start + 6, 0x10))),
        (2, "unsupported/suite", Box::new(at(map.suite.end - 1, 0x40))),
        (3, "untrusted/unknown_signer", Box::new(at(map.signer.start, 1))),
        (4, "untrusted/bad_signature", Box::new(at(map.signature.start, 1))),
        (6, "undecryptable", Box::new(at(last, 1))),
    ];
    for (first_step, first_code, first) in &faults {
        for (second_step, _, second) in &faults {
            if first_step >= second_step {
                continue;
            }
            let mut bytes = envelope.clone();
            first(&mut bytes);
            second(&mut bytes);
            let error = archive().open(&bytes).unwrap_err();
            assert_eq!(kinds(&error), *first_code, "steps {first_step} and {second_step}");
        }
    }
}

#[test]
fn the_wrong_channel_and_signer_come_after_the_signature() {
    let (_, mut envelope) = shapes().remove(0);
    let stock = || Opener::builder(trust()).channel("stock").archive().key(receiving());
    let error = stock().build().unwrap().open(&envelope).unwrap_err();
    assert_eq!(kinds(&error), "misdirected/channel");
    let error = stock().signer("somebody").build().unwrap().open(&envelope).unwrap_err();
    assert_eq!(kinds(&error), "untrusted/wrong_signer");
    let signature = map(&envelope).signature.start;
    envelope[signature] ^= 1;
    let error = stock().build().unwrap().open(&envelope).unwrap_err();
    assert_eq!(kinds(&error), "untrusted/bad_signature");
    assert_eq!(CHANNEL, "orders");
}

#[test]
fn a_version_we_do_not_know_hides_every_other_fault_of_shape() {
    let (_, envelope) = shapes().remove(0);
    let label = find(&envelope, &[0x3a, 0x00, 0x01, 0x00, 0x00, 0x83, 0x01], 0);
    let mut bytes = envelope.clone();
    bytes[label.end - 1] = 2;
    bytes[map(&envelope).id.start + 6] = 0; // not a UUID of version 7
    assert_eq!(kinds(&verifier().verify(&bytes).unwrap_err()), "unsupported/version");
    bytes.push(0);
    assert_eq!(kinds(&verifier().verify(&bytes).unwrap_err()), "malformed/cbor");
}

#[test]
fn the_size_is_looked_at_before_anything_else() {
    let (_, envelope) = shapes().remove(0);
    let small = verifier().max_len(envelope.len() - 1);
    assert_eq!(kinds(&small.verify(&envelope).unwrap_err()), "malformed/too_large");
    verifier().max_len(envelope.len()).verify(&envelope).unwrap();
    let garbage = vec![0xff; 100];
    assert_eq!(kinds(&verifier().max_len(99).verify(&garbage).unwrap_err()), "malformed/too_large");
}
