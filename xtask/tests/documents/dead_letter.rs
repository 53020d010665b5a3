//! `schemas/dead-letter.*` against the letters that the room of the carriers
//! writes, and against what it refuses.

use coseal::{Error, Position, Stale, Time};
use coseal_carrier::RefusedMessage;

use crate::cddl::Schema;
use crate::command::read;

fn schema() -> Schema {
    Schema::load("schemas/dead-letter.cddl")
}

fn letter(original: &[u8]) -> RefusedMessage<'_> {
    let error = Error::Stale(Stale::TooOld, "sealed long ago".into());
    RefusedMessage::new(original, "kafka", "orders", &error, Time::from_millis(1))
}

fn full(original: &[u8]) -> RefusedMessage<'_> {
    let position = Some(Position { log: u64::MAX, offset: 7 });
    letter(original).at(position).key(Some(b"k")).header("a", Some(b"1")).header("b", None)
}

fn both(bytes: &[u8]) -> (bool, bool) {
    (schema().accepts(bytes).is_ok(), RefusedMessage::decode(bytes, 1 << 20).is_ok())
}

#[test]
fn the_example_is_what_is_written() {
    let text = read("schemas/dead-letter.md");
    let example = text.rsplit("```").nth(1).expect("an example");
    let digits: String = example
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(|line| line.split_whitespace())
        .collect();
    assert_eq!(digits, hex::encode(letter(b"x").encode()));
}

#[test]
fn letters_have_the_shape_of_the_schema() {
    let original = [7; 1000];
    let mut letters = vec![letter(b"").encode(), letter(b"x").encode(), full(b"x").encode()];
    letters.extend(full(&original).encode_within(600).unwrap());
    assert!(letters.len() > 4);
    for bytes in letters {
        schema().accepts(&bytes).unwrap();
        assert_eq!(both(&bytes), (true, true));
    }
}

#[test]
fn what_has_another_shape_is_refused_by_both() {
    let long = "x".repeat(1025);
    let change = |change: fn(&mut RefusedMessage<'_>)| {
        let mut letter = full(b"x");
        change(&mut letter);
        letter.encode()
    };
    let mut wrong = vec![
        change(|letter| letter.code = "".into()),
        change(|letter| letter.code = "x".repeat(65).into()),
        change(|letter| letter.kind = Some("".into())),
        change(|letter| letter.carrier = "".into()),
    ];
    let mut detailed = full(b"x");
    detailed.detail = long.into();
    wrong.push(detailed.encode());
    let good = letter(b"x").encode();
    let replaced = |from: &[u8], to: &[u8]| {
        let at = good.windows(from.len()).position(|window| window == from).unwrap();
        [&good[..at], to, &good[at + from.len()..]].concat()
    };
    wrong.extend([
        replaced(&[1, 1, 2], &[1, 2, 2]),
        replaced(&[2, 0x41], &[2, 0x61]),
        replaced(&[9, 1], &[9, 0x20]),
        replaced(&[9, 1], &[13, 1]),
        replaced(&[0xa8], &[0x88]),
    ]);
    for bytes in wrong {
        assert_eq!(both(&bytes), (false, false), "{}", hex::encode(bytes));
    }
}
