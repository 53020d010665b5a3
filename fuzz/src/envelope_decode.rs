//! Bytes → the decoder, and every verb that begins with it.
//!
//! - The decoder accepts exactly what [`shape`](crate::shape) accepts, and
//!   calls faults of encoding, another version and faults of shape by their
//!   names, in that order.
//! - What its accessors tell is what the slow reader finds in the same place.
//! - What has the right shape is refused for what it uses, in the order of step
//!   2, before anybody asks who signed it.
//! - `verify`, `open`, `open_in_place` and `open_into` refuse it alike.

use coseal::sequence::Scanner;
use coseal::{Envelope, HeaderValue, RecipientEntry};

use crate::item::{self, Item};
use crate::refusal::name;
use crate::shape::{self, Shape};
use crate::verbs;

/// Runs the target on `input`.
pub fn check(input: &[u8]) {
    let decoded = Envelope::decode(input);
    let found = decoded.as_ref().err().map(name);
    match (shape::of_envelope(input), found.as_deref()) {
        (Shape::Right, None) | (Shape::NotCbor, Some("malformed/cbor")) => (),
        (Shape::OtherVersion, Some("unsupported/version")) => (),
        (Shape::Wrong, Some("malformed/structure")) => (),
        // Encoding faults inside embedded items are told as what they are.
        (Shape::Wrong, Some("malformed/cbor")) if has_unsound_string(input) => (),
        (shape, found) => panic!("{shape:?}, but the decoder says {found:?}"),
    }
    if let Ok(envelope) = &decoded {
        check_accessors(envelope, input);
        let mut scanner = Scanner::new();
        assert_eq!(scanner.push(input), Ok(Some(input.len())), "an envelope is one item");
    }
    let outcome = verbs::all_alike(input);
    match (found, outcome) {
        (Some(found), outcome) => {
            assert_eq!(outcome, Err(found), "the decoder and the verbs differ");
        }
        (None, outcome) => match (unsupported(input), outcome) {
            (Some(expected), outcome) => assert_eq!(outcome, Err(expected.to_owned())),
            (None, Ok(_)) => (),
            (None, Err(refusal)) => {
                assert!(!refusal.starts_with("unsupported/"), "{refusal}, though all is known");
            }
        },
    }
}

/// Step 2, of an envelope of the right shape.
fn unsupported(input: &[u8]) -> Option<&'static str> {
    let whole = item::deterministic(input).ok()?;
    let parts = whole.tagged(96)?.as_array()?;
    let header = item::deterministic(parts[0].as_bytes()?).ok()?;
    let listed = |(key, _): &(Item, Item)| {
        let known = |label| matches!(label, 1 | 3 | 5 | 15 | -65538 | -65537 | -65663..=-65600);
        key.as_int().is_some_and(known)
    };
    let receipt = item::deterministic(parts[1].get(394)?.as_array()?[0].as_bytes()?).ok()?;
    let protected = receipt.tagged(18)?.as_array()?[0].as_bytes()?;
    let algorithm = item::deterministic(protected).ok()?.get(1)?.as_int()?;
    if !header.as_map()?.iter().all(listed) {
        Some("unsupported/header")
    } else if !matches!(header.get(1)?.as_int()?, -65542 | -65541) {
        Some("unsupported/suite")
    } else if parts[2] == Item::NULL {
        Some("unsupported/detached")
    } else {
        (!matches!(algorithm, -8 | -19)).then_some("unsupported/receipt")
    }
}

/// Whether a byte string in it holds what is not deterministic, or an extension
/// that nests too deep: the faults of encoding that may lie inside strings.
fn has_unsound_string(input: &[u8]) -> bool {
    item::deterministic(input).is_ok_and(|item| unsound_string(&item))
}

fn unsound_string(item: &Item) -> bool {
    item.any(&mut |item| {
        item.as_bytes().is_some_and(|bytes| match item::deterministic(bytes) {
            Err(_) => true,
            Ok(inner) => unsound_string(&inner) || has_deep_extension(&inner),
        })
    })
}

fn has_deep_extension(header: &Item) -> bool {
    header.as_map().unwrap_or_default().iter().any(|(key, value)| {
        key.as_int().is_some_and(|label| (-65663..=-65600).contains(&label)) && value.depth() > 4
    })
}

fn check_accessors(envelope: &Envelope<'_>, input: &[u8]) {
    let whole = item::deterministic(input).expect("accepted");
    let [protected, unprotected, ciphertext, recipients] =
        whole.tagged(96).and_then(Item::as_array).expect("accepted")
    else {
        panic!("an envelope of other than four parts");
    };
    assert_eq!(Some(envelope.protected()), protected.as_bytes());
    assert_eq!(envelope.ciphertext(), ciphertext.as_bytes());
    let header = item::deterministic(envelope.protected()).expect("accepted");
    check_header(envelope, &header);
    let receipts = unprotected.get(394).and_then(Item::as_array).expect("accepted");
    let later: Vec<_> = receipts[1..].iter().filter_map(Item::as_bytes).collect();
    assert_eq!(envelope.other_receipts().collect::<Vec<_>>(), later);
    check_receipt(envelope, receipts[0].as_bytes().expect("accepted"));
    let recipients = recipients.as_array().expect("accepted");
    assert_eq!(envelope.recipients().count(), recipients.len());
    for (entry, item) in envelope.recipients().zip(recipients) {
        check_recipient(&entry, item);
    }
    // Whatever prints an envelope must not panic either.
    assert!(!format!("{envelope:?}").is_empty());
}

fn check_header(envelope: &Envelope<'_>, item: &Item) {
    let header = envelope.unverified_header();
    assert_eq!(Some(header.algorithm()), item.get(1).and_then(Item::as_int));
    assert_eq!(header.content_type(), item.get(3).and_then(Item::as_text));
    let iv = item.get(5).and_then(Item::as_bytes).expect("accepted");
    assert_eq!(header.message_id().as_bytes()[..], iv[..16]);
    assert_eq!(header.sequence().to_be_bytes()[..], iv[16..]);
    let claims = item.get(15).expect("accepted");
    assert_eq!(Some(header.channel()), claims.get(3).and_then(Item::as_text));
    let expiry = header.expires_at().map(|time| time.as_secs());
    assert_eq!(expiry, claims.get(4).and_then(Item::as_uint));
    let origin = item.get(-65537).and_then(Item::as_array).expect("accepted");
    assert_eq!(Some(&header.signer().as_bytes()[..]), origin[1].as_bytes());
    assert_eq!(Some(&header.epoch().as_bytes()[..]), origin[2].as_bytes());
    let previous = origin.get(3).and_then(Item::as_array).map(|previous| {
        (previous[0].as_bytes().expect("accepted"), previous[1].as_uint().expect("accepted"))
    });
    let told = header.previous();
    let told = told.as_ref().map(|told| (&told.epoch.as_bytes()[..], told.messages));
    assert_eq!(told, previous);
    let headers = item.get(-65538).and_then(Item::as_map).unwrap_or_default();
    assert_eq!(header.headers().count(), headers.len());
    for ((name, value), (name_item, value_item)) in header.headers().zip(headers) {
        assert_eq!(Some(name), name_item.as_text());
        let same = match value {
            HeaderValue::Text(text) => value_item.as_text() == Some(text),
            HeaderValue::Bytes(bytes) => value_item.as_bytes() == Some(bytes),
            HeaderValue::Int(int) => value_item.as_int() == Some(int),
            HeaderValue::Bool(value) => *value_item == Item::Simple(20 + u8::from(value)),
            other => panic!("{other:?} is no value of this version"),
        };
        assert!(same, "header {name:?} is told as {value:?}");
    }
    let extensions: Vec<_> = item
        .as_map()
        .expect("accepted")
        .iter()
        .filter_map(|(key, value)| Some((key.as_int()?, value.encode())))
        .filter(|(label, _)| (-65663..=-65600).contains(label))
        .collect();
    let told: Vec<_> = header.extensions().map(|(label, value)| (label, value.to_vec())).collect();
    assert_eq!(told, extensions);
}

fn check_receipt(envelope: &Envelope<'_>, bytes: &[u8]) {
    let told = envelope.receipt();
    let receipt = item::deterministic(bytes).expect("accepted");
    let parts = receipt.tagged(18).and_then(Item::as_array).expect("accepted");
    let protected = item::deterministic(parts[0].as_bytes().expect("accepted")).expect("accepted");
    assert_eq!(Some(told.algorithm), protected.get(1).and_then(Item::as_int));
    let role = protected.get(-65537).and_then(Item::as_array).expect("accepted");
    assert_eq!(Some(told.tree_size), role[1].as_uint());
    assert_eq!(told.path_len, shape::path_length(told.leaf_index, told.tree_size));
    assert!(told.leaf_index < told.tree_size);
}

fn check_recipient(entry: &RecipientEntry<'_>, item: &Item) {
    let parts = item.as_array().expect("accepted");
    let (protected, unprotected) = (parts[0].as_bytes().expect("accepted"), &parts[1]);
    let ciphertext = parts[2].as_bytes();
    let in_protected = item::deterministic(protected).ok().and_then(|map| map.get(1)?.as_int());
    let in_unprotected = unprotected.get(1).and_then(Item::as_int);
    match entry {
        RecipientEntry::X25519 { key_id, encapsulated, ciphertext: wrapped } => {
            assert_eq!(in_protected, Some(-65543));
            assert_eq!(Some(&key_id.as_bytes()[..]), unprotected.get(4).and_then(Item::as_bytes));
            assert_eq!(Some(&encapsulated[..]), unprotected.get(-4).and_then(Item::as_bytes));
            assert_eq!(Some(&wrapped[..]), ciphertext);
        }
        RecipientEntry::Kek { key_id, ciphertext: wrapped } => {
            assert!(protected.is_empty());
            assert_eq!(in_unprotected, Some(-5));
            assert_eq!(Some(*key_id), unprotected.get(4).and_then(Item::as_bytes));
            assert_eq!(Some(&wrapped[..]), ciphertext);
        }
        RecipientEntry::Other { algorithm, key_id } => {
            let expected = if protected.is_empty() { in_unprotected } else { in_protected };
            assert_eq!(*algorithm, expected);
            let named = unprotected.get(4).and_then(Item::as_bytes);
            assert_eq!(*key_id, named.filter(|id| (1..=64).contains(&id.len())));
        }
        other => panic!("{other:?} is no recipient of this version"),
    }
}
