//! Which keys a set of envelopes still needs.

use coseal::{Envelope, Needed, RecipientId};

use crate::desk::{kek_name, key, name, ours, sealed, unknown, unknown_name};
use crate::parts::Parts;

fn needed<'a>(envelopes: impl IntoIterator<Item = &'a Vec<u8>>) -> Needed {
    let mut needed = Needed::new();
    for envelope in envelopes {
        needed.add(&Envelope::decode(envelope).unwrap());
    }
    needed
}

fn rows(needed: &Needed) -> Vec<(RecipientId, u64, u64)> {
    needed.keys().map(|(id, need)| (id.clone(), need.envelopes, need.only)).collect()
}

#[test]
fn keys_are_counted_by_envelope_and_by_who_else_is_there() {
    let mut doubled = Parts::of(&sealed(&[3, 5], &[]));
    doubled.recipients.push(doubled.recipients[0].clone());
    let mut with_unknown = Parts::of(&sealed(&[3], &[]));
    with_unknown.recipients.push(unknown(Some(&[1; 8])));
    let mut unknown_alone = Parts::of(&sealed(&[3], &[]));
    unknown_alone.recipients = vec![unknown(None)];
    let envelopes = [
        sealed(&[3], &[]),
        sealed(&[3], &[]),
        sealed(&[3, 5], &[]),
        sealed(&[], &[("kek-1", 9)]),
        sealed(&[5], &[("kek-1", 9)]),
        doubled.join(),
        with_unknown.join(),
        unknown_alone.join(),
    ];
    let found = needed(&envelopes);
    assert_eq!(found.envelopes(), 8);
    let mut expected = vec![
        (name(3), 5, 3),
        (name(5), 3, 0),
        (kek_name("kek-1"), 2, 1),
        (unknown_name(Some(&[1; 8])), 1, 0),
        (unknown_name(None), 1, 1),
    ];
    expected.sort();
    assert_eq!(rows(&found), expected);
    assert_eq!(found.unlisted(), 0);
    // In parts, and put together.
    let (one, two) = envelopes.split_at(3);
    let mut sum = needed(one);
    sum.merge(needed(two));
    assert_eq!(sum, found);
}

/// What it is for: re-wrap, look, and only then destroy.
#[test]
fn a_key_that_was_taken_out_everywhere_is_needed_by_nobody() {
    let envelopes = [sealed(&[3], &[]), sealed(&[3, 5], &[("kek-1", 9)])];
    assert_eq!(needed(&envelopes).of(&name(3)).envelopes, 2);
    let change = ours().add_recipient(key(7).recipient_key());
    let rewrapper = change.remove_recipient(key(3).recipient_key().key_id()).build().unwrap();
    let new: Vec<_> =
        envelopes.iter().map(|envelope| rewrapper.rewrap(envelope).unwrap()).collect();
    let found = needed(&new);
    assert_eq!(found.of(&name(3)).envelopes, 0);
    assert_eq!((found.of(&name(7)).envelopes, found.of(&name(7)).only), (2, 1));
}
