//! Inputs that try to cost more than their bytes: each is read a fixed number
//! of times, whatever is in it, and hashed once, or not at all where it is
//! refused before that. Counted, never timed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::{Work, measure};
use crate::hazmat::{RawEpoch, RawPlace};
use crate::header::EpochId;
use crate::wire::write::{Items, Sink};
use crate::{
    Envelope, Error, KeyId, Message, NewRecord, Opener, Pattern, ReceivingKey, Secret, SigningKey,
    Suite, Time, TrustAnchor, TrustBundle, Verifier, limits,
};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

const NOW: Time = Time::from_secs(1_800_000_000);

fn signing() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

fn receiving() -> ReceivingKey {
    ReceivingKey::from_bytes(&[3; 32])
}

fn anchor() -> TrustAnchor {
    TrustAnchor::pinned([signing().verifying_key().clone()])
}

/// A bundle with this many signing keys, ours among them.
fn bundle(records: usize) -> Vec<u8> {
    let mut edit = TrustBundle::make("example.test");
    for seed in (1..=records).rev() {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(seed as u64).to_be_bytes());
        let key = if seed == 1 { signing() } else { SigningKey::from_bytes(&key) };
        edit.add(NewRecord {
            key: key.verifying_key().clone().into(),
            subject: "spiffe://example.test/a".into(),
            valid_from: Time::from_secs(0),
            valid_until: None,
            channels: vec![Pattern::new(">").unwrap()],
        })
        .unwrap();
    }
    edit.sign(&signing(), NOW, Time::from_secs(2_000_000_000)).unwrap()
}

fn trust() -> Arc<TrustBundle> {
    Arc::new(TrustBundle::load(&bundle(1), &anchor(), NOW).unwrap())
}

fn epoch() -> RawEpoch {
    let id = EpochId::from_bytes([0xe0; 8]);
    let secret = Secret::take(&mut [0x5e; 32]);
    let mut epoch = RawEpoch::new(signing(), "orders", Suite::A256Gcm, id, secret).unwrap();
    epoch.add_recipient(receiving().recipient_key(), &Secret::take(&mut [0x77; 32])).unwrap();
    epoch
}

fn place(sequence: u64) -> RawPlace {
    let mut message_id = [0x5a; 16];
    message_id[..6].copy_from_slice(&NOW.as_millis().to_be_bytes()[2..]);
    message_id[6] = 0x7a;
    message_id[8] = 0xba;
    RawPlace { message_id, sequence, previous: None }
}

/// The first of `size` messages that are signed together.
fn sealed(payload: &[u8], size: u64) -> Vec<u8> {
    let batch: Vec<_> = (0..size).map(|n| (Message::new(payload), place(n))).collect();
    epoch().seal(&batch).unwrap().swap_remove(0)
}

fn opener() -> Opener {
    Opener::builder(trust()).any_channel().archive().key(receiving()).build().unwrap()
}

fn kinds(error: &Error) -> String {
    error.kind().map_or_else(|| error.code().into(), |kind| format!("{}/{kind}", error.code()))
}

/// Bytes that are hashed for a message: its ciphertext, and the statement around
/// its header and digest.
fn of_message(envelope: &[u8]) -> usize {
    let parsed = Envelope::decode(envelope).unwrap();
    let head = |length: usize| crate::wire::write::shortest(length as u64);
    let protected = parsed.protected().len();
    let statement = 12 + head(protected) + protected + 34;
    parsed.ciphertext().unwrap().len() + statement
}

/// The same, and a node for each step of the path.
fn to_be_hashed(envelope: &[u8]) -> usize {
    let parsed = Envelope::decode(envelope).unwrap();
    of_message(envelope) + 65 * parsed.receipt().path_len
}

#[test]
fn no_byte_of_a_message_is_hashed_twice() {
    let (verifier, opener) = (Verifier::new(trust()), opener());
    for size in [1, 2, 3, 64, 300] {
        for length in [0, 1, 1000, 20_000] {
            let envelope = sealed(&vec![7; length], size);
            let first = to_be_hashed(&envelope);
            // Where it stands in its tree is known from then on.
            let again = of_message(&envelope);
            let mut into = Vec::new();
            let mut in_place = envelope.clone();
            let costs = [
                (first, measure(|| verifier.verify(&envelope).map(drop).unwrap()).1),
                (first, measure(|| opener.open(&envelope).map(drop).unwrap()).1),
                (again, measure(|| opener.open_into(&envelope, &mut into).map(drop).unwrap()).1),
                (again, measure(|| opener.open_in_place(&mut in_place).map(drop).unwrap()).1),
            ];
            for (expected, Work { heads, hashed, .. }) in costs {
                assert_eq!(hashed, expected, "{length} bytes, one of {size}");
                // No more heads for more bytes, and two for each hash of a path.
                let path = usize::try_from(size.next_power_of_two().ilog2()).unwrap();
                assert!(heads <= 80 + 2 * path, "{heads} heads, {length} bytes, one of {size}");
            }
        }
    }
}

/// Whatever is refused before the signature costs no hash; what is refused at
/// the signature costs those of a message, and not one more.
#[test]
fn what_is_refused_early_is_not_hashed() {
    let envelope = sealed(&vec![7; 100_000], 3);
    let parsed = Envelope::decode(&envelope).unwrap();
    let find =
        |needle: &[u8]| envelope.windows(needle.len()).position(|window| window == needle).unwrap();
    let ciphertext = find(parsed.ciphertext().unwrap());
    let flip = |at: usize, bits: u8| {
        let mut changed = envelope.clone();
        changed[at] ^= bits;
        changed
    };
    let key_id: &KeyId = &signing().verifying_key().key_id();
    let cases = [
        ("malformed/cbor", [&envelope[..], &[0]].concat(), 0),
        ("malformed/cbor", envelope[..envelope.len() - 1].to_vec(), 0),
        ("malformed/structure", flip(find(&place(0).message_id) + 6, 0x70), 0),
        ("unsupported/suite", flip(find(parsed.protected()) + 6, 0x40), 0),
        ("untrusted/unknown_signer", flip(find(key_id.as_bytes()), 1), 0),
        ("untrusted/bad_signature", flip(ciphertext, 1), to_be_hashed(&envelope)),
        ("untrusted/bad_signature", flip(ciphertext - 10, 1), to_be_hashed(&envelope)),
    ];
    for (code, changed, hashed) in cases {
        let verifier = Verifier::new(trust()).max_len(changed.len());
        let (found, work) = measure(|| verifier.verify(&changed).map(drop));
        assert_eq!(kinds(&found.unwrap_err()), code);
        assert_eq!(work.hashed, hashed, "{code}");
        let verifier = verifier.max_len(changed.len() - 1);
        let (found, work) = measure(|| verifier.verify(&changed).map(drop));
        assert_eq!(kinds(&found.unwrap_err()), "malformed/too_large");
        assert_eq!(work, Work::default(), "neither read nor hashed");
    }
}

fn text(out: &mut Vec<u8>, length: usize) {
    out.bytes_head(length);
    let at = out.len() - crate::wire::write::shortest(length as u64);
    out[at] += 0x20;
    out.resize(out.len() + length, b'a');
}

/// Keys of a map that differ in their last byte only.
fn long_keys(out: &mut Vec<u8>, count: usize, length: usize) {
    out.map(count);
    for number in 0..count {
        text(out, length);
        let last = out.len() - 2;
        let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
        out[last] = high & 0x7f;
        out[last + 1] = low & 0x7f;
        out.uint(0);
    }
}

/// An envelope with something else in place of one of its parts.
fn with(part: usize, fill: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let genuine = sealed(b"payload", 1);
    let parsed = Envelope::decode(&genuine).unwrap();
    let ends = |needle: &[u8]| {
        genuine.windows(needle.len()).position(|window| window == needle).unwrap() + needle.len()
    };
    let (protected, ciphertext) = (ends(parsed.protected()), ends(parsed.ciphertext().unwrap()));
    let head = ciphertext - parsed.ciphertext().unwrap().len() - 2;
    let cuts = [0, 3, protected, head, ciphertext, genuine.len()];
    let mut out = Vec::new();
    for number in 0..5 {
        if number == part {
            fill(&mut out);
        } else {
            out.put(&genuine[cuts[number]..cuts[number + 1]]);
        }
    }
    out
}

/// Something to put in the place of a part, as large as it is told.
type Hostile = (&'static str, &'static dyn Fn(&mut Vec<u8>, usize));

const HOSTILE: &[Hostile] = &[
    ("zeros", &|out, size| out.resize(out.len() + size, 0)),
    ("an array of nulls", &|out, size| {
        out.array(size);
        out.resize(out.len() + size, 0xf6);
    }),
    ("an array of empty maps", &|out, size| {
        out.array(size);
        out.resize(out.len() + size, 0xa0);
    }),
    ("nested arrays", &|out, size| out.resize(out.len() + size, 0x81)),
    ("nested maps", &|out, size| out.resize(out.len() + size, 0xa1)),
    ("nested tags", &|out, size| out.resize(out.len() + size, 0xc1)),
    ("arrays nested as deep as allowed, side by side", &|out, size| {
        out.array(size / 12);
        for _ in 0..size / 12 {
            out.put(&[0x81; 11]);
            out.put(&[0x00]);
        }
    }),
    ("maps nested in keys as deep as allowed, side by side", &|out, size| {
        out.array(size / 23);
        for _ in 0..size / 23 {
            out.put(&[0xa1; 11]);
            out.put(&[0x00; 12]);
        }
    }),
    ("a map of long keys", &|out, size| long_keys(out, size / 120, 115)),
    ("a map in a map as its key", &|out, size| {
        out.map(1);
        long_keys(out, size / 120, 115);
        out.uint(0);
    }),
    ("recipients of an unknown kind", &|out, size| {
        let count = 64;
        out.array(count);
        for _ in 0..count {
            out.array(3);
            out.bytes(b"");
            long_keys(out, size.min(3900 * count) / count / 40, 33);
            out.bytes(b"");
        }
    }),
    ("a recipient that is almost one", &|out, size| {
        out.array(64);
        for _ in 0..64 {
            out.put(&[0x83, 0x47, 0xa1, 0x01, 0x3a, 0x00, 0x01, 0x00, 0x06, 0xa2, 0x04, 0x48]);
            out.put(&[7; 8]);
            out.put(&[0x23, 0x58, 0x20]);
            out.resize(out.len() + size / 64, 0);
        }
    }),
    ("a byte string in byte strings", &|out, size| {
        let mut inner = vec![0; size];
        for _ in 0..8 {
            let mut outer = Vec::new();
            outer.bytes(&inner);
            inner = outer;
        }
        out.put(&inner);
    }),
    ("a header of long keys", &|out, size| {
        let mut header = Vec::new();
        long_keys(&mut header, size / 120, 115);
        out.bytes(&header);
    }),
    ("a header of nested arrays", &|out, size| out.bytes(&vec![0x81; size])),
    ("receipts of nested maps", &|out, size| {
        out.map(1);
        out.int(394);
        out.array(4);
        for _ in 0..4 {
            out.bytes(&vec![0xa1; size / 4]);
        }
    }),
    ("a claim of everything", &|out, size| {
        out.put(&[0x9b, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        out.resize(out.len() + size, 0x80);
    }),
    ("a claim of a map of everything", &|out, size| {
        out.put(&[0xbb, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        long_keys(out, 0, 0);
        out.resize(out.len() + size, 0x00);
    }),
    ("text that is cut off", &|out, size| {
        out.put(&[0x7b, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff]);
        out.resize(out.len() + size, b'a');
    }),
];

/// How often an input is read at most: by the pass that walks its shape, by
/// those that look for the earliest fault, and within them once more for what
/// lies in a byte string.
const PASSES: usize = 4;

/// In every place where a part stands, and alone: the heads that are read are
/// at most a fixed multiple of the bytes, and grow no faster than them.
#[test]
fn what_is_read_grows_no_faster_than_the_input() {
    let (verifier, opener) = (Verifier::new(trust()), opener());
    let mut most = 0;
    for (name, hostile) in HOSTILE {
        for part in 0..6 {
            let cost = |size: usize| {
                let input = with(part, &|out| hostile(out, size));
                let input = if part < 5 {
                    input
                } else {
                    let mut alone = Vec::new();
                    hostile(&mut alone, size);
                    alone
                };
                let mut into = b"before".to_vec();
                let mut in_place = input.clone();
                let (found, verified) = measure(|| verifier.verify(&input).map(drop));
                let (opened, cost) = measure(|| opener.open_into(&input, &mut into).map(drop));
                let (there, placed) = measure(|| opener.open_in_place(&mut in_place).map(drop));
                // What is refused is refused everywhere; where it is not, in the
                // place of unsigned recipients, it does not open.
                let told = format!("{name} in place of part {part}");
                let code = kinds(&opened.expect_err(&told));
                assert_eq!(kinds(&there.expect_err(&told)), code, "{told}");
                match found {
                    Ok(()) => assert_eq!(code, "no_key", "{told}"),
                    Err(error) => assert_eq!(kinds(&error), code, "{told}"),
                }
                assert_eq!((&into[..], &in_place), (&b"before"[..], &input), "{told}: released");
                let heads = verified.heads.max(cost.heads).max(placed.heads);
                assert!(heads <= PASSES * input.len() + 200, "{told}: {heads} of {}", input.len());
                let hashed = verified.hashed.max(cost.hashed).max(placed.hashed);
                assert!(hashed <= input.len() + 400, "{told}: {hashed} hashed");
                (input.len(), heads)
            };
            let (small, few) = cost(2_500);
            let (large, many) = cost(25_000);
            most = most.max(many * 100 / large);
            // Ten times the bytes: ten times the heads, not a hundred times.
            assert!(
                many * small <= few.max(200) * large * 2,
                "{name} in place of part {part}: {few} heads of {small} bytes, {many} of {large}",
            );
        }
    }
    // The families are hostile enough to come near the bound.
    assert!(most > 250, "{most} heads for a hundred bytes");
}

/// As many as the format allows of everything that repeats.
#[test]
fn the_largest_frame_there_is_stays_within_its_passes() {
    let names: Vec<String> = (0..32).map(|number| format!("{number:064}")).collect();
    let message =
        names.iter().fold(Message::new(b"payload"), |message, name| message.header(name, "v"));
    let mut epoch = epoch();
    for seed in 0..63 {
        let other = ReceivingKey::from_bytes(&[0x80 + seed; 32]);
        let fresh = Secret::take(&mut [0x20 + seed; 32]);
        epoch.add_recipient(other.recipient_key(), &fresh).unwrap();
    }
    let envelope = epoch.seal(&[(message, place(0))]).unwrap().remove(0);
    let opener = Opener::builder(trust()).any_channel().archive();
    // Ours is the first, and the last is another's.
    let opener = opener.key(ReceivingKey::from_bytes(&[0x80 + 62; 32])).build().unwrap();
    let (opened, work) = measure(|| opener.open(&envelope).map(drop));
    opened.unwrap();
    // Header: a name and a value for each; recipients: three strings each, read
    // once with the frame and once when ours is looked for.
    let expected = 100 + 2 * 32 + 2 * 3 * 64;
    assert!(work.heads <= expected, "{} heads", work.heads);
    assert_eq!(work.hashed, to_be_hashed(&envelope));
}

/// Bundles are read and hashed in proportion to their bytes, and a bundle of a
/// stranger is neither hashed nor taken apart.
#[test]
fn a_bundle_costs_its_bytes() {
    let anchor = anchor();
    let heads: Vec<(usize, usize)> = [50, 100, 200]
        .map(|records| {
            let bytes = bundle(records);
            let (loaded, work) = measure(|| TrustBundle::load(&bytes, &anchor, NOW));
            assert_eq!(loaded.unwrap().records().len(), records);
            // The digest of its bytes, and a thumbprint of 40 for each key.
            assert_eq!(work.hashed, bytes.len() + 40 * records);
            assert!(work.heads <= PASSES * bytes.len());
            (records, work.heads)
        })
        .to_vec();
    let each = |pair: &[(usize, usize)]| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0);
    assert_eq!(each(&heads[..2]), each(&heads[1..]), "{heads:?}: each record costs the same");

    let bytes = bundle(200);
    let stranger = TrustAnchor::pinned([SigningKey::from_bytes(&[9; 32]).verifying_key().clone()]);
    let (refused, work) = measure(|| TrustBundle::load(&bytes, &stranger, NOW));
    assert_eq!(kinds(&refused.unwrap_err()), "untrusted/unknown_root");
    assert!(work.heads < 20 && work.hashed == 0, "{work:?}");
    let mut forged = bytes.clone();
    forged[100] ^= 1;
    let (refused, work) = measure(|| TrustBundle::load(&forged, &anchor, NOW));
    assert_eq!(kinds(&refused.unwrap_err()), "untrusted/bad_signature");
    assert!(work.heads < 20 && work.hashed == 0, "{work:?}");
    let long = vec![0; limits::BUNDLE + 1];
    let (refused, work) = measure(|| TrustBundle::load(&long, &anchor, NOW));
    assert_eq!(kinds(&refused.unwrap_err()), "malformed/too_large");
    assert_eq!(work, Work::default());
    for (name, hostile) in HOSTILE {
        let mut input = Vec::new();
        hostile(&mut input, 100_000);
        let (refused, work) = measure(|| TrustBundle::load(&input, &anchor, NOW));
        assert_eq!(refused.unwrap_err().code(), "malformed", "{name}");
        assert!(work.heads <= PASSES * input.len() && work.hashed == 0, "{name}: {work:?}");
    }
}
