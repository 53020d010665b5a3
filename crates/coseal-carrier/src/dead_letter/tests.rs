#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use coseal::Stale;
use proptest::prelude::*;

use super::*;

fn error() -> Error {
    Error::Stale(Stale::TooOld, "sealed long ago".into())
}

fn letter(original: &[u8]) -> RefusedMessage<'_> {
    RefusedMessage::new(original, "kafka", "orders", &error(), Time::from_millis(1_800_000_000_123))
}

fn full(original: &[u8]) -> RefusedMessage<'_> {
    letter(original)
        .at(Some(Position { log: u64::MAX, offset: 7 }))
        .key(Some(b"customer"))
        .header("content-type", Some(b"application/cose"))
        .header("gone", None)
}

fn kind(result: Result<RefusedMessage<'_>>) -> String {
    let error = result.unwrap_err();
    error.kind().unwrap().to_owned()
}

#[test]
fn a_letter_has_the_bytes_that_the_specification_shows() {
    let bytes = RefusedMessage { refused_at: Time::from_millis(1), ..letter(b"x") }.encode();
    let expected = [
        &[0xa8, 1, 1, 2, 0x41, b'x', 3, 0x65][..],
        b"stale",
        &[4, 0x67],
        b"too_old",
        &[5, 0x6f],
        b"sealed long ago",
        &[6, 0x65],
        b"kafka",
        &[7, 0x66],
        b"orders",
        &[9, 1],
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn what_is_written_is_read() {
    for letter in [letter(b""), letter(&[0xff; 70_000]), full(b"x")] {
        let bytes = letter.encode();
        assert_eq!(RefusedMessage::decode(&bytes, 1 << 20).unwrap(), letter);
        let owned = RefusedMessage::decode(&bytes, 1 << 20).unwrap().into_owned();
        assert_eq!(owned, letter);
    }
    assert_eq!(full(b"x").reason(), "stale/too_old");
}

#[test]
fn nothing_else_is_read() {
    let bytes = full(b"payload").encode();
    for length in 0..bytes.len() {
        assert_eq!(kind(RefusedMessage::decode(&bytes[..length], 1 << 20)), "structure");
    }
    let prolonged = [&bytes[..], &[0]].concat();
    assert_eq!(kind(RefusedMessage::decode(&prolonged, 1 << 20)), "structure");
    assert_eq!(kind(RefusedMessage::decode(&bytes, bytes.len() - 1)), "too_large");
    let mut later = bytes.clone();
    assert_eq!(later[..3], [0xab, 1, 1]);
    later[2] = 2;
    assert_eq!(kind(RefusedMessage::decode(&later, 1 << 20)), "version");
    // A label too few, in another order, twice, unknown; a length not as short
    // as it can be.
    for (from, to) in [
        (&[2, 0x47][..], &[2, 0x58, 7][..]),
        (&[0xab, 1, 1], &[0xb8, 11, 1, 1]),
        (&[0xab, 1, 1], &[0xbf, 1, 1]),
        (&[0xab, 1, 1, 2], &[0xab, 1, 1, 1]),
        (&[0xab, 1, 1, 2], &[0xab, 1, 1, 13]),
        (&[0xab, 1, 1, 2], &[0xab, 2, 1, 1]),
        (&[4, 0x67], &[3, 0x67]),
        (&[6, 0x65], &[6, 0x45]),
    ] {
        assert!(bytes.windows(from.len()).any(|window| window == from), "{from:?}");
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        let changed = [&bytes[..at], to, &bytes[at + from.len()..]].concat();
        assert_eq!(kind(RefusedMessage::decode(&changed, 1 << 20)), "structure", "{to:?}");
    }
}

#[test]
fn a_long_detail_is_cut_between_characters() {
    let error = Error::Misuse("ä".repeat(2000).into());
    let letter = RefusedMessage::new(b"x", "nats", "a.b", &error, Time::from_millis(0));
    assert_eq!(letter.detail.len(), DETAIL);
    assert!(RefusedMessage::decode(&letter.encode(), 1 << 20).is_ok());
    assert_eq!(letter.reason(), "misuse");
}

#[test]
fn a_message_as_long_as_its_carrier_takes_has_a_letter() {
    let original: Vec<u8> = (0..100_000).map(|n: u32| n.to_le_bytes()[1]).collect();
    let letter = full(&original);
    let parts = letter.encode_within(40_000).unwrap();
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| part.len() <= 40_000));
    let mut whole = Parts::new(1 << 20);
    // In any order, and more than once.
    for index in [2, 0, 2] {
        let part = RefusedMessage::decode(&parts[index], 40_000).unwrap();
        assert!(matches!(whole.add(part), Whole::Missing));
    }
    let last = RefusedMessage::decode(&parts[1], 40_000).unwrap();
    let Whole::Message(found) = whole.add(last) else { panic!() };
    assert_eq!(found, letter);
    assert_eq!((whole.held, whole.order.len(), whole.begun.len()), (0, 0, 0));
}

#[test]
fn headers_that_leave_no_room_are_left_out() {
    let headers = [0; 50_000];
    let letter = full(b"payload").header("long", Some(&headers));
    let [bytes] = &letter.encode_within(40_000).unwrap()[..] else { panic!() };
    let read = RefusedMessage::decode(bytes, 40_000).unwrap();
    assert_eq!(&*read.original, b"payload");
    assert!(read.headers.is_empty() && read.key.is_none());
    assert!(read.detail.starts_with("(key and headers left out"));
    assert!(letter.encode_within(100).is_err(), "nothing fits");
}

#[test]
fn parts_that_do_not_fit_together_are_no_message() {
    let original = [7; 1000];
    let parts = letter(&original).encode_within(600).unwrap();
    let mut forged = RefusedMessage::decode(&parts[1], 600).unwrap().into_owned();
    forged.original.to_mut()[0] ^= 1;
    let mut whole = Parts::new(1 << 20);
    let first = RefusedMessage::decode(&parts[0], 600).unwrap();
    assert!(matches!(whole.add(first.clone()), Whole::Missing));
    for index in 1..parts.len() - 1 {
        let part = RefusedMessage::decode(&parts[index + 1], 600).unwrap();
        assert!(matches!(whole.add(part), Whole::Missing));
    }
    assert!(matches!(whole.add(forged), Whole::Broken));
    // What is held is bounded.
    let mut whole = Parts::new(1000);
    for number in 0..100 {
        let position = Some(Position { log: 0, offset: number });
        assert!(matches!(whole.add(first.clone().at(position)), Whole::Missing));
        assert!(whole.held <= 1000 && whole.begun.len() == whole.order.len());
    }
}

proptest! {
    #[test]
    fn random_bytes_are_no_letter_or_the_one_that_is_written_so(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<proptest::sample::Index>(),
    ) {
        // Near a letter, too.
        let good = full(&bytes).encode();
        let index = at.index(good.len());
        let mut near = good.clone();
        near[index] = near[index].wrapping_add(bytes.first().copied().unwrap_or(1));
        for candidate in [&mut bytes, &mut near] {
            if let Ok(letter) = RefusedMessage::decode(candidate, 1 << 20) {
                prop_assert_eq!(&letter.encode(), candidate);
            }
        }
    }
}
