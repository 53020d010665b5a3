//! The strict reader against `ciborium`: what it accepts, `ciborium` decodes
//! and writes again to the same bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::write::{Sink as _, Slots};
use super::*;
use crate::error::Error;
use crate::limits::DEPTH;
use alloc::vec;
use alloc::vec::Vec;

fn skip(bytes: &[u8], values: Values) -> Result<(), Error> {
    read_whole(bytes, |reader| reader.skip(DEPTH, values).map(drop))
}

#[test]
fn only_deterministic_cbor_passes() {
    let cases: &[(&str, Option<&str>)] = &[
        ("00", None),
        ("1817", Some("cbor")),
        ("190018", Some("cbor")),
        ("1b7fffffffffffffff", None),
        ("1b8000000000000000", Some("structure")),
        ("3b7fffffffffffffff", None),
        ("3b8000000000000000", Some("structure")),
        ("5f4100ff", Some("cbor")),
        ("9fff", Some("cbor")),
        ("bfff", Some("cbor")),
        ("61ff", Some("cbor")),
        ("6161", None),
        ("f4", None),
        ("f5", None),
        ("f6", None),
        ("f7", Some("structure")),
        ("f820", Some("structure")),
        ("f814", Some("cbor")),
        ("f90000", Some("structure")),
        ("ff", Some("cbor")),
        ("1c", Some("cbor")),
        ("a201000200", None),
        ("a202000100", Some("cbor")),
        ("a201000100", Some("cbor")),
        ("a2200001 00", Some("cbor")),
        ("0000", Some("cbor")),
        ("", Some("cbor")),
        ("4261", Some("cbor")),
        ("9bffffffffffffffff", Some("cbor")),
        ("5bffffffffffffffff", Some("cbor")),
        ("c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c100", None),
        ("c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c100", Some("cbor")),
    ];
    for (hex, expected) in cases {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        let kind = skip(&bytes, Values::Format).err().map(|error| error.kind().unwrap());
        assert_eq!(kind, *expected, "{hex}");
    }
}

#[test]
fn heads_are_written_as_they_are_read() {
    for value in
        [0, 23, 24, 255, 256, 65535, 65536, u32::MAX.into(), i64::MAX, -1, -24, -25, i64::MIN]
    {
        let mut bytes = Vec::new();
        bytes.int(value);
        let read = read_whole(&bytes, |reader| reader.int("")).unwrap();
        assert_eq!(read, value);
        let magnitude = if value < 0 { !value } else { value };
        assert_eq!(bytes.len(), write::shortest(magnitude.unsigned_abs()));
    }
}

#[test]
fn heads_are_written_as_ciborium_writes_them() {
    for value in (0..64).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits]) {
        let mut bytes = Vec::new();
        bytes.uint(value);
        let mut theirs = vec![];
        ciborium::into_writer(&value, &mut theirs).unwrap();
        assert_eq!(bytes, theirs);
    }
}

#[test]
fn every_kind_of_item_is_written_as_ciborium_writes_it() {
    use ciborium::Value;
    let mut bytes = Vec::new();
    bytes.array(6);
    bytes.map(1);
    bytes.text("a");
    bytes.bytes(&[1, 2]);
    bytes.tag(96);
    bytes.int(-5);
    bytes.bool(true);
    bytes.bool(false);
    bytes.null();
    bytes.uint(1 << 40);
    let theirs = Value::Array(vec![
        Value::Map(vec![(Value::Text("a".into()), Value::Bytes(vec![1, 2]))]),
        Value::Tag(96, Value::from(-5).into()),
        Value::Bool(true),
        Value::Bool(false),
        Value::Null,
        Value::from(1_u64 << 40),
    ]);
    let mut expected = vec![];
    ciborium::into_writer(&theirs, &mut expected).unwrap();
    assert_eq!(bytes, expected);
}

/// What the sealer trusts its computed lengths by.
#[test]
fn slots_are_full_when_each_byte_was_written_and_none_more() {
    let mut out = [0; 3];
    let mut slots = Slots::new(&mut out);
    assert!(!slots.is_full());
    slots.put(&[1, 2]);
    assert!(!slots.is_full());
    slots.put(&[3]);
    assert!(slots.is_full());
    slots.put(&[]);
    assert!(slots.is_full());
    slots.put(&[4]);
    assert!(!slots.is_full(), "a byte was dropped");
    assert_eq!(out, [1, 2, 3]);
    assert!(Slots::new(&mut []).is_full());
}

#[test]
fn keys_may_not_repeat_at_any_depth() {
    let twice = hex::decode("81a1 01 a2 00 00 00 00".replace(' ', "")).unwrap();
    assert_eq!(skip(&twice, Values::Any).unwrap_err().kind(), Some("cbor"));
}

fn same_after_ciborium(bytes: &[u8]) -> bool {
    let value: ciborium::Value = ciborium::from_reader(bytes).unwrap();
    let mut again = vec![];
    ciborium::into_writer(&value, &mut again).unwrap();
    again == bytes
}

proptest::proptest! {
    #[test]
    fn what_is_accepted_is_what_ciborium_writes(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..24)) {
        // Tags 2 and 3 become integers in ciborium.
        let bignum = bytes.iter().any(|byte| matches!(byte, 0xc2 | 0xc3));
        if !bignum && skip(&bytes, Values::Format).is_ok() {
            proptest::prop_assert!(same_after_ciborium(&bytes), "{bytes:02x?}");
        }
    }
}
