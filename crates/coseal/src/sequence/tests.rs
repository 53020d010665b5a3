#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use alloc::string::ToString;
use alloc::vec;

use ciborium::Value;
use proptest::prelude::*;

use super::*;

/// The ends of all items of an input, and how it went on after the last one.
type Outcome = (Vec<u64>, Option<NotASequence>);

fn scan<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut scanner = Scanner::new();
    let mut ends = Vec::new();
    for mut chunk in chunks {
        loop {
            match scanner.push(chunk) {
                Ok(Some(taken)) => {
                    ends.push(scanner.offset());
                    assert_eq!(scanner.start(), scanner.offset());
                    chunk = &chunk[taken..];
                }
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(scanner.push(&[0]), Err(fault), "a fault must stay");
                    assert_eq!(scanner.finish(), Err(fault));
                    return (ends, Some(fault));
                }
            }
        }
    }
    (ends, scanner.finish().err())
}

/// The well-formedness check of RFC 8949, appendix C, written down again: the
/// end of the item at the front, `Ok(None)` for a break, `Err` otherwise.
fn well_formed(
    input: &[u8],
    at: &mut usize,
    breakable: bool,
    depth: usize,
) -> Result<Option<u8>, ()> {
    if depth > MAX_DEPTH {
        return Err(());
    }
    let take = |at: &mut usize, n: usize| {
        let bytes = input.get(*at..at.checked_add(n).ok_or(())?).ok_or(())?;
        *at += n;
        Ok::<_, ()>(bytes)
    };
    let initial = take(at, 1)?[0];
    let (major, info) = (initial >> 5, initial & 31);
    let argument = match info {
        0..=23 => u64::from(info),
        24..=27 => {
            take(at, 1 << (info - 24))?.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))
        }
        31 => match major {
            7 if breakable => return Ok(None),
            2 | 3 => {
                if depth + 1 > MAX_DEPTH {
                    return Err(());
                }
                while let Some(chunk) = {
                    // A chunk is definite: 31 in its head is allowed for the break only.
                    if input.get(*at).is_some_and(|byte| byte & 31 == 31 && *byte != 0xff) {
                        return Err(());
                    }
                    well_formed(input, at, true, depth + 1)?
                } {
                    if chunk != major {
                        return Err(());
                    }
                }
                return Ok(Some(major));
            }
            4 => {
                if depth + 1 > MAX_DEPTH {
                    return Err(());
                }
                while well_formed(input, at, true, depth + 1)?.is_some() {}
                return Ok(Some(major));
            }
            5 => {
                if depth + 1 > MAX_DEPTH {
                    return Err(());
                }
                while well_formed(input, at, true, depth + 1)?.is_some() {
                    well_formed(input, at, false, depth + 1)?.ok_or(())?;
                }
                return Ok(Some(major));
            }
            _ => return Err(()),
        },
        _ => return Err(()),
    };
    let items = match major {
        2 | 3 => {
            take(at, usize::try_from(argument).map_err(|_| ())?)?;
            0
        }
        4 => argument,
        5 => argument.saturating_mul(2),
        6 => 1,
        7 if initial == 0xf8 && argument < 32 => return Err(()),
        _ => 0,
    };
    if items > 0 && depth + 1 > MAX_DEPTH {
        return Err(());
    }
    for _ in 0..items {
        well_formed(input, at, false, depth + 1)?.ok_or(())?;
    }
    Ok(Some(major))
}

fn reference(input: &[u8]) -> (Vec<u64>, bool) {
    let (mut ends, mut at) = (Vec::new(), 0);
    while at < input.len() {
        if well_formed(input, &mut at, false, 0).is_err() {
            return (ends, false);
        }
        ends.push(at as u64);
    }
    (ends, true)
}

#[test]
fn each_kind_of_item_ends_where_it_ends() {
    let items: &[&str] = &[
        "00",
        "17",
        "1818",
        "19ffff",
        "1a00000000",
        "1b0000000000000000",
        "20",
        "3bffffffffffffffff",
        "40",
        "43010203",
        "580101",
        "60",
        "62c328",
        "80",
        "83010203",
        "9f010203ff",
        "9fff",
        "a0",
        "a10102",
        "bf0102ff",
        "bfff",
        "c000",
        "d86083404040",
        "d9d9f7c1c100",
        "e0",
        "f4",
        "f6",
        "f7",
        "f820",
        "f8ff",
        "f90000",
        "fa00000000",
        "fb0000000000000000",
        "5f4101420203ff",
        "5fff",
        "7f6161ff",
        "9f9f9fffffff",
        "bf9fffbfffff",
        "5b000000000000000141",
    ];
    let all: Vec<Vec<u8>> = items.iter().map(|item| hex::decode(item).unwrap()).collect();
    for item in &all {
        assert_eq!(scan([item.as_slice()]), (vec![item.len() as u64], None), "{item:02x?}");
        for cut in 0..item.len() {
            let (ends, fault) = scan([&item[..cut]]);
            assert!(ends.is_empty());
            let expected =
                (cut > 0).then_some(NotASequence { start: 0, at: cut as u64, fault: Fault::Ended });
            assert_eq!(fault, expected, "{item:02x?} cut at {cut}");
        }
    }
    let (ends, fault) = scan([all.concat().as_slice()]);
    assert_eq!((ends.len(), fault), (items.len(), None));
}

#[test]
fn each_fault_names_its_place() {
    for (input, at, fault) in [
        ("1c", 0, Fault::Reserved),
        ("831c", 1, Fault::Reserved),
        ("fe", 0, Fault::Reserved),
        ("1f", 0, Fault::Reserved),
        ("3f", 0, Fault::Reserved),
        ("df", 0, Fault::Reserved),
        ("f81f", 1, Fault::Reserved),
        ("ff", 0, Fault::Break),
        ("81ff", 1, Fault::Break),
        ("c0ff", 1, Fault::Break),
        ("bf01ff", 2, Fault::Break),
        ("a201ff", 2, Fault::Break),
        ("5f00ff", 1, Fault::Chunk),
        ("5f6161ff", 1, Fault::Chunk),
        ("5f5f4101ffff", 1, Fault::Chunk),
        ("7f4101ff", 1, Fault::Chunk),
    ] {
        let mut bytes = vec![0x83, 1, 2, 3];
        bytes.extend(hex::decode(input).unwrap());
        let expected = NotASequence { start: 4, at: 4 + at, fault };
        assert_eq!(scan([bytes.as_slice()]), (vec![4], Some(expected)), "{input}");
    }
}

#[test]
fn the_error_tells_where_the_sequence_ends() {
    let (_, fault) = scan([[0x01, 0x82, 0x1c].as_slice()]);
    let error = Error::from(fault.unwrap());
    assert_eq!((error.code(), error.kind()), ("malformed", Some("not_a_sequence")));
    assert_eq!(error.to_string(), "no CBOR item at byte 1: a reserved value at byte 2");
}

#[test]
fn nesting_is_bounded() {
    for opening in [0x81_u8, 0x9f, 0xc1] {
        let mut input = vec![opening; MAX_DEPTH];
        input.push(0);
        if opening == 0x9f {
            input.extend([0xff; MAX_DEPTH]);
        }
        assert_eq!(scan([input.as_slice()]), (vec![input.len() as u64], None));
        input.insert(0, opening);
        let expected = NotASequence { start: 0, at: MAX_DEPTH as u64, fault: Fault::TooDeep };
        assert_eq!(scan([input.as_slice()]), (vec![], Some(expected)));
    }
}

#[test]
fn items_larger_than_memory_are_passed_over() {
    let chunk = vec![0xff; 1 << 20];
    let mut scanner = Scanner::new();
    assert_eq!(scanner.push(&hex::decode("5b0000001000000000").unwrap()), Ok(None));
    for _ in 0..(1 << 16) - 1 {
        assert_eq!(scanner.push(&chunk), Ok(None));
    }
    assert_eq!(scanner.push(&chunk), Ok(Some(chunk.len())));
    assert_eq!((scanner.offset(), scanner.is_inside()), ((64 << 30) + 9, false));

    // The largest length there is: never reached, never wrapped.
    let mut scanner = Scanner::new();
    assert_eq!(scanner.push(&hex::decode("bbffffffffffffffff").unwrap()), Ok(None));
    assert_eq!(scanner.push(&[0; 4096]), Ok(None));
    assert_eq!(scanner.finish().unwrap_err().fault, Fault::Ended);
}

/// Bytes that often begin like CBOR, and are cut and broken at random.
fn cbor_like() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(&[0x80_u8, 0x81, 0x82, 0x9f, 0xa0, 0xa1, 0xbf, 0xc1, 0xd8, 0x5f, 0x7f, 0xff, 0x41, 0x61, 0x40, 0x00, 0x18, 0xf8][..]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..64)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|n| Value::Integer(n.into())),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        ".{0,40}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        any::<f64>().prop_map(Value::Float),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner.clone()), 0..8).prop_map(Value::Map),
            (any::<u64>(), inner).prop_map(|(tag, value)| Value::Tag(tag, value.into())),
        ]
    })
}

/// `input` cut at the given places.
fn cut<'a>(input: &'a [u8], at: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = at.iter().map(|index| index.index(input.len() + 1)).collect();
    cuts.extend([0, input.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn chunking_changes_nothing(input in cbor_like(), at in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let whole = scan([input.as_slice()]);
        prop_assert_eq!(&scan(cut(&input, &at)), &whole);
        prop_assert_eq!(&scan(input.chunks(1)), &whole);
    }

    #[test]
    fn any_bytes_are_read_as_appendix_c_reads_them(input in cbor_like()) {
        let (ends, fault) = scan([input.as_slice()]);
        prop_assert_eq!((ends, fault.is_none()), reference(&input));
    }

    #[test]
    fn what_ciborium_writes_ends_where_ciborium_stopped(
        values in prop::collection::vec(value(), 0..6),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let (mut input, mut ends) = (Vec::new(), Vec::new());
        for value in &values {
            ciborium::into_writer(value, &mut input).unwrap();
            ends.push(input.len() as u64);
        }
        prop_assert_eq!(scan(cut(&input, &at)), (ends, None));
    }

    /// ciborium reads some ill-formed items too (simple values below 32 in two
    /// bytes, nested chunks), which is why it is not the reference above.
    #[test]
    fn what_ciborium_reads_ends_where_it_stopped(input in cbor_like()) {
        let mut rest = input.as_slice();
        if ciborium::from_reader::<Value, _>(&mut rest).is_ok() {
            let mut scanner = Scanner::new();
            if let Ok(end) = scanner.push(&input) {
                prop_assert_eq!(end, Some(input.len() - rest.len()));
            }
        }
    }
}
