//! Memory: what a reader allocates for bytes that somebody made to cost more
//! than they are worth, and what it keeps. Counted by the allocator, per
//! thread; heads and hashed bytes are counted in `src/meter/tests.rs`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "known/parts.rs"]
mod parts;

use allocation_counter::{AllocationInfo, measure};
use ciborium::Value;
use common::{
    CHANNEL, NOW, archive, epoch, kinds, place, receiving, root, seal_raw, signing, trust,
};
use coseal::hazmat::RawEpoch;
use coseal::sequence::Scanner;
use coseal::{
    Envelope, EpochId, Message, Opener, Sealer, Secret, SigningKey, Suite, Time, TrustAnchor,
    TrustBundle, TrustCell, Verifier, Window,
};
use parts::{Parts, int};
use std::sync::Arc;

fn cost<T>(run: impl FnOnce() -> T) -> (T, AllocationInfo) {
    let mut value = None;
    let info = measure(|| value = Some(run()));
    (value.unwrap(), info)
}

/// An error tells what happened in words: that much may be allocated.
const WORDS: u64 = 512;

/// Heads that claim more than there is, at any place where one can stand.
fn claims() -> Vec<Vec<u8>> {
    let lengths: [&[u8]; 5] = [
        &[0x1a, 0xff, 0xff, 0xff, 0xff],
        &[0x1b, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00],
        &[0x1b, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    let majors = [0x40, 0x60, 0x80, 0xa0];
    let claim = |(major, length): (u8, &[u8])| [&[length[0] | major], &length[1..]].concat();
    majors.iter().flat_map(|major| lengths.map(|length| claim((*major, length)))).collect()
}

/// Nothing is reserved for a length that is only claimed: whatever the head
/// says, a refusal allocates its words and, where an envelope was to be opened
/// in its own buffer, one copy of it to find the earliest fault in.
#[test]
fn no_memory_is_reserved_for_a_claim() {
    let genuine = seal_raw(&epoch(Suite::A256Gcm, CHANNEL), Message::new(b"payload"), place(0));
    let (verifier, opener) = (Verifier::new(trust()), archive());
    let pinned = TrustAnchor::pinned([root().verifying_key().clone()]);
    let bundle = trust().bytes().to_vec();
    let mut refused = 0;
    for claim in claims() {
        for at in 0..genuine.len() {
            let input = [&genuine[..at], &claim, &genuine[at..]].concat();
            let (found, info) = cost(|| verifier.verify(&input).map(drop));
            assert_eq!(found.unwrap_err().code(), "malformed", "at {at}");
            assert!(info.bytes_total <= WORDS, "at {at}: {info:?}");
            let (found, info) = cost(|| Envelope::decode(&input).map(drop));
            assert_eq!(found.unwrap_err().code(), "malformed", "at {at}");
            assert!(info.bytes_total <= WORDS, "at {at}: {info:?}");
            let mut in_place = input.clone();
            let (found, info) = cost(|| opener.open_in_place(&mut in_place).map(drop));
            assert_eq!(found.unwrap_err().code(), "malformed", "at {at}");
            assert!(info.bytes_total <= WORDS + input.len() as u64, "at {at}: {info:?}");
            assert_eq!(in_place, input, "something was decrypted");
            refused += 1;
        }
        for at in 0..bundle.len() {
            let input = [&bundle[..at], &claim, &bundle[at..]].concat();
            let (found, info) = cost(|| TrustBundle::load(&input, &pinned, NOW).map(drop));
            assert!(found.is_err(), "at {at}");
            // What is to be verified is put together once.
            assert!(info.bytes_total <= 2 * WORDS + 2 * input.len() as u64, "at {at}: {info:?}");
        }
    }
    assert!(refused > 5000);
}

/// The claims of a bundle that its root did sign.
#[test]
fn no_memory_is_reserved_for_a_claim_that_is_signed() {
    let protected = parts::encode(&Value::Map(vec![
        (int(1), int(-8)),
        (int(4), parts::bytes(root().verifying_key().key_id().as_bytes())),
    ]));
    let pinned = TrustAnchor::pinned([root().verifying_key().clone()]);
    let genuine = Parts::bundle_payload(trust().bytes());
    for claim in claims() {
        for at in 0..genuine.len() {
            let payload = [&genuine[..at], &claim, &genuine[at..]].concat();
            let signature = parts::sign(&root(), &protected, b"coseal/v1 trust-bundle", &payload);
            let input = parts::encode(&Value::Tag(
                18,
                Box::new(Value::Array(vec![
                    parts::bytes(&protected),
                    Value::Map(vec![]),
                    parts::bytes(&payload),
                    parts::bytes(&signature),
                ])),
            ));
            let (found, info) = cost(|| TrustBundle::load(&input, &pinned, NOW).map(drop));
            assert_eq!(found.unwrap_err().code(), "malformed", "at {at}");
            assert!(info.bytes_total <= 2 * WORDS + 2 * input.len() as u64, "at {at}: {info:?}");
        }
    }
}

/// To verify costs nothing that depends on the message, and nothing at all
/// where its root is known; to open costs its payload, and to open in place
/// nothing.
#[test]
fn memory_does_not_grow_with_the_message() {
    let opener = archive();
    let mut colds = Vec::new();
    for length in [0_usize, 1000, 1_000_000] {
        let payload = vec![7; length];
        let envelope = seal_raw(&epoch(Suite::A256Gcm, CHANNEL), Message::new(&payload), place(0));
        let verifier = Verifier::new(trust());
        let (found, cold) = cost(|| verifier.verify(&envelope).map(drop));
        found.unwrap();
        colds.push(cold.bytes_total);
        let (found, warm) = cost(|| verifier.verify(&envelope).map(drop));
        found.unwrap();
        assert_eq!(warm.count_total, 0, "{warm:?}");
        // The first of an epoch is remembered; the second shows what all cost.
        opener.open(&envelope).unwrap();
        let (found, opened) = cost(|| opener.open(&envelope).map(drop));
        found.unwrap();
        assert_eq!(opened.bytes_total, length as u64, "{opened:?}");
        let mut in_place = envelope.clone();
        let (found, placed) = cost(|| opener.open_in_place(&mut in_place).map(drop));
        found.unwrap();
        assert_eq!(placed.count_total, 0, "{placed:?}");
        // Refused at its signature: no room was made for a payload.
        let mut forged = envelope.clone();
        let middle = forged.len() / 2;
        forged[middle] ^= 1;
        let (refused, info) = cost(|| opener.open(&forged).is_err());
        assert!(refused);
        assert!(info.bytes_total <= WORDS, "{info:?}");
        assert_eq!(info.bytes_current, 0, "something was kept");
    }
    // The first places of the memory of roots.
    assert!(colds.iter().all(|cold| *cold == colds[0] && *cold <= 8192), "{colds:?}");
}

/// All that the memory of proven roots may take in one thread, in bytes: what
/// any thread verified, and what this one met.
const ROOTS: i64 = 2 * 1024 * 192;

/// What is refused before its signature verified leaves nothing behind, in no
/// cache and no memory, however often it comes; what is refused later leaves its
/// root, in a memory that has an end.
#[test]
fn refused_messages_fill_no_cache() {
    let opener = Opener::builder(trust()).channel(CHANNEL).live(Window::minutes(10));
    let opener = opener.key(receiving()).clock(|| NOW).build().unwrap();
    let sealed = |signer: SigningKey, channel: &str, entry: u8, number: u64| {
        let mut id = [0; 8];
        id.copy_from_slice(&number.to_be_bytes());
        let secret = Secret::take(&mut [0x5e; 32]);
        let id = EpochId::from_bytes(id);
        let mut epoch = RawEpoch::new(signer, channel, Suite::A256Gcm, id, secret).unwrap();
        let key = coseal::ReceivingKey::from_bytes(&[entry; 32]);
        epoch.add_recipient(key.recipient_key(), &Secret::take(&mut [0x77; 32])).unwrap();
        Parts::of(&seal_raw(&epoch, Message::new(b"payload"), place(number)))
    };
    let stranger = || SigningKey::from_bytes(&[0x66; 32]);
    let flipped = |mut parts: Parts, change: &dyn Fn(&mut Parts)| {
        change(&mut parts);
        parts.join()
    };
    type Refused<'a> = (&'static str, Box<dyn Fn(u64) -> Vec<u8> + 'a>);
    let families: Vec<Refused<'_>> = vec![
        (
            "malformed/cbor",
            Box::new(|n| {
                let mut cut = sealed(signing(), CHANNEL, 3, n).join();
                cut.truncate(cut.len() - 1);
                cut
            }),
        ),
        ("untrusted/unknown_signer", Box::new(|n| sealed(stranger(), CHANNEL, 3, n).join())),
        (
            "untrusted/bad_signature",
            Box::new(|n| {
                flipped(sealed(signing(), CHANNEL, 3, n), &|parts| parts.receipt.signature[1] ^= 1)
            }),
        ),
        (
            "undecryptable",
            Box::new(|n| {
                let theirs = sealed(signing(), CHANNEL, 3, n + 1).recipients;
                flipped(sealed(signing(), CHANNEL, 3, n), &|parts| {
                    parts.recipients = theirs.clone()
                })
            }),
        ),
        ("no_key", Box::new(|n| sealed(signing(), CHANNEL, 4, n).join())),
        ("misdirected/channel", Box::new(|n| sealed(signing(), "orders.us", 3, n).join())),
    ];
    // The bundle in force is remembered once.
    let first = opener.open(&sealed(stranger(), CHANNEL, 3, 0).join()).map(drop);
    assert_eq!(first.unwrap_err().code(), "untrusted");
    for (code, family) in families {
        let inputs: Vec<Vec<u8>> = (0..50).map(family).collect();
        let mut kept = 0;
        for input in &inputs {
            let mut into = Vec::new();
            let (refused, info) = cost(|| {
                let found = opener.open_into(input, &mut into).map(drop);
                found.is_err_and(|error| kinds(&error) == code)
            });
            assert!(refused && into.is_empty(), "{code}");
            kept += info.bytes_current;
        }
        // A signature that verified is remembered, whoever the message was for:
        // its signer is known, and the memory is bounded.
        let remembered = matches!(code, "undecryptable" | "no_key" | "misdirected/channel");
        assert!(if remembered { kept <= ROOTS } else { kept == 0 }, "{code}: {kept}");
    }
}

/// Known signers fill the caches, and the caches have an end: beyond it, a
/// message that opens leaves as much behind as it displaces.
#[test]
fn accepted_messages_fill_caches_only_to_their_end() {
    let opener = archive();
    let sealed = |number: u64| {
        let id = EpochId::from_bytes(number.to_be_bytes());
        let secret = Secret::take(&mut [0x5e; 32]);
        let mut epoch = RawEpoch::new(signing(), CHANNEL, Suite::A256Gcm, id, secret).unwrap();
        let seed = Secret::take(&mut [0x77; 32]);
        epoch.add_recipient(receiving().recipient_key(), &seed).unwrap();
        seal_raw(&epoch, Message::new(b"payload"), place(number))
    };
    let open = |numbers: std::ops::Range<u64>| -> i64 {
        let kept = numbers.map(|number| {
            let envelope = sealed(number);
            let (found, info) = cost(|| opener.open(&envelope).map(drop));
            found.unwrap();
            info.bytes_current
        });
        kept.sum()
    };
    // 1024 roots and as many epochs, of all threads and of this one.
    let filled = open(0..1100);
    assert!(filled > 1024 * 100, "{filled}");
    assert!(filled < 1536 * 1024, "{filled}");
    let more = open(1100..1500);
    assert!(more.abs() < 16 * 1024, "{more} more bytes for 400 more epochs");
}

/// What was verified under one trust bundle is forgotten with it: signatures
/// are verified again under the next.
#[test]
fn another_trust_bundle_empties_the_memory_of_roots() {
    let cell = Arc::new(TrustCell::new(trust()));
    let verifier = Verifier::new(Arc::clone(&cell));
    let epoch = epoch(Suite::A256Gcm, CHANNEL);
    let envelopes: Vec<Vec<u8>> =
        (0..200).map(|n| seal_raw(&epoch, Message::new(b"payload"), place(n))).collect();
    let kept = |range: std::ops::Range<usize>| -> i64 {
        let each = envelopes[range].iter().map(|envelope| {
            let (found, info) = cost(|| verifier.verify(envelope).map(drop));
            found.unwrap();
            info.bytes_current
        });
        each.sum()
    };
    let filled = kept(0..200);
    assert!(filled > 200 * 64, "{filled}");
    assert_eq!(kept(0..200), 0, "they are known");
    let next = trust().edit().unwrap().sign(&root(), NOW, Time::from_secs(2_000_000_000)).unwrap();
    let pinned = TrustAnchor::pinned([root().verifying_key().clone()]);
    cell.replace(Arc::new(TrustBundle::load(&next, &pinned, NOW).unwrap()));
    let freed = kept(0..1);
    assert!(freed < -filled / 2, "{freed} after {filled}");
    assert!(kept(1..200) > 0, "they are verified again");
}

/// A live reader remembers what it saw over the window, and a chain without
/// gaps as one run: a million messages cost no more than one.
#[test]
fn messages_in_their_order_cost_the_replay_memory_nothing() {
    let opener = Opener::builder(trust()).channel(CHANNEL).live(Window::minutes(10));
    let opener = opener.key(receiving()).clock(|| NOW).build().unwrap();
    let sealer = Sealer::builder(signing(), CHANNEL).recipient(receiving().recipient_key());
    let sealer = sealer.clock(|| NOW).build().unwrap();
    let read = |messages: usize| -> i64 {
        let each = (0..messages).map(|_| {
            let envelope = sealer.seal(b"payload").unwrap();
            let (found, info) = cost(|| opener.open(&envelope).map(drop));
            found.unwrap();
            info.bytes_current
        });
        each.sum()
    };
    // Fills the memory of roots.
    let filled = read(500);
    assert!(filled <= ROOTS + 4096, "{filled}");
    let kept = read(2000);
    assert!(kept <= 64, "{kept} for 2000 messages");
}

/// Bundles that their root signed: memory in proportion to their bytes,
/// whatever they are full of.
#[test]
fn a_bundle_costs_a_fixed_multiple_of_its_bytes() {
    let pinned = TrustAnchor::pinned([root().verifying_key().clone()]);
    let pem = |n: u64| {
        let mut seed = [0x11; 32];
        seed[..8].copy_from_slice(&n.to_be_bytes());
        SigningKey::from_bytes(&seed).verifying_key().clone()
    };
    let load = |records: u64, patterns: usize, roots: u64| {
        let mut edit = TrustBundle::make("example.test");
        for n in 0..records {
            let channels = vec!["a"; patterns];
            edit.add(common::record(pem(n), "s", &channels)).unwrap();
        }
        (0..roots).for_each(|n| edit.add_root(pem(n)).unwrap());
        let bytes = edit.sign(&root(), NOW, Time::from_secs(2_000_000_000)).unwrap();
        let (bundle, info) = cost(|| TrustBundle::load(&bytes, &pinned, NOW));
        assert_eq!(bundle.unwrap().records().len() as u64, records);
        (bytes.len() as u64, info.bytes_max)
    };
    for (name, few, many, times) in [
        ("records", load(50, 1, 0), load(500, 1, 0), 16),
        ("patterns", load(5, 256, 0), load(50, 256, 0), 24),
        ("roots", load(1, 1, 50), load(1, 1, 500), 16),
    ] {
        for (bytes, peak) in [few, many] {
            assert!(peak <= times * bytes + 8192, "{name}: {peak} for {bytes}");
        }
        let per_byte = |(bytes, peak): (u64, u64)| peak * 100 / bytes;
        assert!(per_byte(many) <= per_byte(few) * 3 / 2, "{name}: {few:?} {many:?}");
    }
}

/// The scanner keeps where it is and how deep, and no byte.
#[test]
fn a_sequence_costs_its_depth_and_not_its_length() {
    let input: Vec<u8> = [
        // A string of a megabyte, and a deep nest after it.
        [&[0x5a, 0x00, 0x10, 0x00, 0x00][..], &vec![7; 1 << 20]].concat(),
        vec![0x9f; 100_000],
    ]
    .concat();
    for step in [1, 7, 4096, input.len()] {
        let ((items, fault), info) = cost(|| {
            let mut scanner = Scanner::new();
            let (mut items, mut fault) = (0, None);
            'input: for chunk in input.chunks(step) {
                let mut rest = chunk;
                while !rest.is_empty() {
                    match scanner.push(rest) {
                        Ok(Some(length)) => {
                            items += 1;
                            rest = &rest[length..];
                        }
                        Ok(None) => break,
                        Err(found) => {
                            fault = Some(found);
                            break 'input;
                        }
                    }
                }
            }
            (items, fault)
        });
        let fault = fault.unwrap();
        assert_eq!((items, fault.start), (1, (1 << 20) + 5), "in steps of {step}");
        assert_eq!(fault.at, fault.start + 1024, "in steps of {step}");
        assert!(info.bytes_max <= 32 * 1024, "in steps of {step}: {info:?}");
    }
}

/// What sealing allocates: nothing where there is room; in a batch, each
/// envelope and three things beside them.
#[test]
fn sealing_allocates_the_envelopes_and_next_to_nothing_else() {
    let sealer = Sealer::builder(signing(), CHANNEL).recipient(receiving().recipient_key());
    let sealer = sealer.build().unwrap();
    let payload = [7; 256];
    let with_headers = || {
        Message::new(&payload).content_type("text/plain").header("trace", "a").header("tenant", 7)
    };
    let mut out = Vec::with_capacity(4096);
    for message in [Message::new(&payload), with_headers()] {
        let (sealed, info) = cost(|| sealer.seal_into(message, &mut out));
        sealed.unwrap();
        assert_eq!(info.count_total, 0, "{info:?}");
    }
    for batch in [1_u64, 2, 64, 1000] {
        let messages = vec![Message::new(&payload); usize::try_from(batch).unwrap()];
        let (sealed, info) = cost(|| sealer.seal_batch(&messages).map(drop));
        sealed.unwrap();
        assert!(info.count_total <= batch + 3, "{batch}: {info:?}");
    }
}
