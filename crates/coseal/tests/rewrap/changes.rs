//! What changes, and what does not.

use coseal::{Rewrapped, Rewrapper};
use proptest::prelude::*;

use crate::common::{receiving, shapes};
use crate::desk::{
    builder, kek, kek_name, kept, key, name, names, opened_by, opened_by_kek, ours, sealed,
    unknown, unknown_name,
};
use crate::parts::Parts;
use crate::world::verify;

/// Of a re-wrapper, an envelope, and the counts it answers: the new envelope.
fn rewrap(rewrapper: &Rewrapper, envelope: &[u8], counts: (usize, usize, usize, usize)) -> Vec<u8> {
    let mut out = b"before".to_vec();
    let found = rewrapper.rewrap_into(envelope, &mut out).unwrap();
    let Rewrapped { added, renewed, removed, absent, .. } = found;
    assert_eq!((added, renewed, removed, absent), counts);
    let new = out.strip_prefix(b"before").unwrap().to_vec();
    assert_eq!(found.is_unchanged(), new == envelope);
    assert_eq!(kept(&new), kept(envelope), "something else than the recipients changed");
    assert_eq!(verify(&new), verify(envelope));
    assert_eq!(rewrapper.rewrap(envelope).unwrap(), new, "an epoch's entries are made once");
    new
}

/// Every shape there is: alone, in batches, full headers, both suites.
#[test]
fn the_new_recipient_opens_the_old_one_does_not_and_the_rest_is_the_same() {
    let opens = |key, envelope: &[u8]| opened_by(key, envelope);
    let shapes = shapes();
    assert!(shapes.len() >= 10);
    for (shape, envelope) in shapes {
        let payload = opens(receiving(), &envelope).unwrap();
        let old = receiving().recipient_key().key_id();
        let add = || ours().add_recipient(key(7).recipient_key());

        let both = add().build().unwrap().rewrap(&envelope).unwrap();
        assert_eq!(kept(&both), kept(&envelope), "{shape}");
        assert_eq!(opens(key(7), &both), Ok(payload.clone()), "{shape}");
        assert_eq!(opens(receiving(), &both), Ok(payload.clone()), "{shape}");

        let moved = add().remove_recipient(old).build().unwrap().rewrap(&envelope).unwrap();
        assert_eq!(kept(&moved), kept(&envelope), "{shape}");
        assert_eq!(opens(key(7), &moved), Ok(payload.clone()), "{shape}");
        assert_eq!(opens(receiving(), &moved), Err("no_key"), "{shape}");

        let alone = add().replace_all().build().unwrap().rewrap(&envelope).unwrap();
        assert_eq!(names(&alone), [name(7)], "{shape}");
        assert_eq!(opens(key(7), &alone), Ok(payload), "{shape}");
        // Parts, by another reader of CBOR.
        let (old, new) = (Parts::of(&envelope), Parts::of(&alone));
        assert_eq!(new, Parts { recipients: new.recipients.clone(), ..old }, "{shape}");
    }
}

#[test]
fn who_stays_keeps_place_and_entry() {
    let envelope = sealed(&[5, 3, 6], &[("kek-1", 9)]);
    let before = Parts::of(&envelope).recipients;
    let change = ours().remove_recipient(key(5).recipient_key().key_id());
    let change = change.add_recipient(key(7).recipient_key()).add_kek(b"kek-2", kek(8));
    let new = rewrap(&change.build().unwrap(), &envelope, (2, 0, 1, 0));
    assert_eq!(names(&new), [name(3), name(6), kek_name("kek-1"), name(7), kek_name("kek-2")]);
    assert_eq!(Parts::of(&new).recipients[..3], before[1..]);
    for opened in [opened_by(key(6), &new), opened_by(key(7), &new)] {
        assert_eq!(opened, Ok(b"payload".to_vec()));
    }
    assert_eq!(opened_by_kek("kek-1", kek(9), &new), Ok(b"payload".to_vec()));
    assert_eq!(opened_by_kek("kek-2", kek(8), &new), Ok(b"payload".to_vec()));
    assert_eq!(opened_by(key(5), &new), Err("no_key"));
}

/// By KEK to a public key, and back.
#[test]
fn keks_open_are_added_and_are_taken_out() {
    let envelope = sealed(&[], &[("kek-1", 9)]);
    let change = builder().kek(b"kek-1", kek(9)).add_recipient(key(7).recipient_key());
    let new = rewrap(&change.remove_kek(b"kek-1").build().unwrap(), &envelope, (1, 0, 1, 0));
    assert_eq!(names(&new), [name(7)]);
    assert_eq!(opened_by_kek("kek-1", kek(9), &new), Err("no_key"));
    let change = builder().key(key(7)).add_kek(b"kek-1", kek(9)).replace_all();
    let back = rewrap(&change.build().unwrap(), &new, (1, 0, 1, 0));
    assert_eq!(back, envelope, "key wrap has one answer");
}

/// Only the entry that we opened is proven. What else has the name of a key to
/// add may be anybody's: it makes room.
#[test]
fn a_key_to_add_that_is_there_gets_an_entry_that_opens() {
    let genuine = sealed(&[3, 7], &[]);
    let add = ours().add_recipient(key(7).recipient_key()).build().unwrap();
    let new = rewrap(&add, &genuine, (0, 1, 0, 0));
    assert_eq!(names(&new), [name(3), name(7)]);
    assert_ne!(new, genuine);
    // Planted: the new key's name on an entry that opens nothing, twice.
    let mut planted = Parts::of(&genuine);
    let mut dead = planted.recipients[1].clone();
    let ciphertext = dead.as_array_mut().unwrap()[2].as_bytes_mut().unwrap();
    ciphertext[0] ^= 1;
    planted.recipients = vec![dead.clone(), planted.recipients[0].clone(), dead];
    let planted = planted.join();
    assert_eq!(opened_by(key(7), &planted), Err("undecryptable"));
    let new = rewrap(&add, &planted, (0, 1, 1, 0));
    assert_eq!(names(&new), [name(7), name(3)]);
    assert_eq!(opened_by(key(7), &new), Ok(b"payload".to_vec()));
    // Our own entry opened: it stays as it is.
    let own = ours().add_recipient(receiving().recipient_key()).replace_all().build().unwrap();
    let new = rewrap(&own, &genuine, (0, 0, 1, 0));
    assert_eq!(Parts::of(&new).recipients, Parts::of(&genuine).recipients[..1]);
    rewrap(&own, &new, (0, 0, 0, 0));
}

/// Whether anything is to be done is asked before who could do it.
#[test]
fn what_is_as_it_shall_be_comes_back_as_it_is_whoever_asks() {
    let old = receiving().recipient_key().key_id();
    let rewrapper = ours().add_recipient(key(7).recipient_key()).remove_recipient(old);
    let rewrapper = rewrapper.build().unwrap();
    let done = rewrapper.rewrap(&sealed(&[3], &[])).unwrap();
    assert_eq!(names(&done), [name(7)]);
    rewrap(&rewrapper, &done, (0, 0, 0, 1));
    // Where one name is missing, somebody has to be able to open.
    let others = sealed(&[5], &[]);
    assert_eq!(rewrapper.rewrap(&others).unwrap_err().code(), "no_key");
    // Nothing of it is to be taken out: no key is asked for.
    let only_removes = ours().remove_recipient(old).build().unwrap();
    rewrap(&only_removes, &others, (0, 0, 0, 1));
}

#[test]
fn keys_to_take_out_that_are_not_there_are_counted() {
    let id = |number: u8| key(number).recipient_key().key_id();
    let change = ours().remove_recipient(id(5)).remove_recipient(id(6)).remove_recipient(id(5));
    let rewrapper = change.remove_kek(b"none").build().unwrap();
    let new = rewrap(&rewrapper, &sealed(&[3, 6], &[]), (0, 0, 1, 2));
    assert_eq!(names(&new), [name(3)]);
    rewrap(&rewrapper, &new, (0, 0, 0, 3));
}

#[test]
fn recipients_of_unknown_algorithms_stay_unless_told() {
    let mut parts = Parts::of(&sealed(&[3], &[]));
    let (with, without) = (unknown(Some(&[1; 8])), unknown(None));
    parts.recipients = vec![with.clone(), parts.recipients[0].clone(), without.clone()];
    let envelope = parts.join();
    let add = || ours().add_recipient(key(7).recipient_key());

    let new = rewrap(&add().build().unwrap(), &envelope, (1, 0, 0, 0));
    assert_eq!(names(&new), [unknown_name(Some(&[1; 8])), name(3), unknown_name(None), name(7)]);
    assert_eq!(Parts::of(&new).recipients[0], with);
    assert_eq!(Parts::of(&new).recipients[2], without);

    let named = coseal::KeyId::from_bytes([1; 8]);
    let new = rewrap(&ours().remove_recipient(named).build().unwrap(), &envelope, (0, 0, 1, 0));
    assert_eq!(names(&new), [name(3), unknown_name(None)]);

    let new = rewrap(&add().replace_all().build().unwrap(), &envelope, (1, 0, 3, 0));
    assert_eq!(names(&new), [name(7)]);
}

#[test]
fn an_envelope_takes_64_recipients_and_no_more() {
    let many: Vec<u8> = (100..162).chain([3]).collect();
    let envelope = sealed(&many, &[]);
    assert_eq!(names(&envelope).len(), 63);
    let one = ours().add_recipient(key(7).recipient_key()).build().unwrap();
    let full = rewrap(&one, &envelope, (1, 0, 0, 0));
    assert_eq!(names(&full).len(), 64);
    assert_eq!(opened_by(key(7), &full), Ok(b"payload".to_vec()));
    let two = ours().add_recipient(key(7).recipient_key()).add_kek(b"kek", kek(9));
    let error = two.build().unwrap().rewrap(&envelope).unwrap_err();
    assert_eq!(error.code(), "misuse");
    assert!(error.to_string().contains("65 recipients"), "{error}");
    // Who goes makes room.
    let swap = ours().add_recipient(key(7).recipient_key()).add_kek(b"kek", kek(9));
    let swap = swap.remove_recipient(key(100).recipient_key().key_id()).build().unwrap();
    assert_eq!(names(&rewrap(&swap, &envelope, (2, 0, 1, 0))).len(), 64);
    // All 64 by us.
    let all =
        (100..164).fold(ours().replace_all(), |all, n| all.add_recipient(key(n).recipient_key()));
    let new = rewrap(&all.build().unwrap(), &envelope, (2, 62, 1, 0));
    assert_eq!(names(&new).len(), 64);
    for n in 100..164 {
        assert_eq!(opened_by(key(n), &new), Ok(b"payload".to_vec()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a model that knows names alone.
    #[test]
    fn recipients_become_what_was_asked(
        before in prop::collection::vec(10..16_u8, 0..5),
        own_at in 0..5_usize,
        add in prop::collection::vec(10..16_u8, 0..4),
        remove in prop::collection::vec(10..17_u8, 0..4),
        replaces: bool,
    ) {
        let mut before = before;
        before.insert(own_at.min(before.len()), 3);
        let envelope = {
            let mut parts = Parts::of(&sealed(&[3], &[]));
            parts.recipients = before
                .iter()
                .map(|number| Parts::of(&sealed(&[*number], &[])).recipients[0].clone())
                .collect();
            parts.join()
        };
        let mut change = ours();
        for number in &add {
            change = change.add_recipient(key(*number).recipient_key());
        }
        for number in &remove {
            change = change.remove_recipient(key(*number).recipient_key().key_id());
        }
        if replaces {
            change = change.replace_all();
        }
        let allowed = !(add.is_empty() && (replaces || remove.is_empty()))
            && !add.iter().any(|number| remove.contains(number));
        let built = change.build();
        prop_assert_eq!(built.is_ok(), allowed);
        let Ok(rewrapper) = built else { return Ok(()) };

        let mut expected: Vec<u8> = Vec::new();
        for number in &before {
            let stays = add.contains(number) || !(replaces || remove.contains(number));
            if stays && !(add.contains(number) && expected.contains(number)) {
                expected.push(*number);
            }
        }
        for number in &add {
            if !expected.contains(number) {
                expected.push(*number);
            }
        }
        let new = rewrapper.rewrap(&envelope).unwrap();
        let expected_names: Vec<_> = expected.iter().map(|number| name(*number)).collect();
        prop_assert_eq!(names(&new), expected_names);
        prop_assert_eq!(kept(&new), kept(&envelope));
        for number in expected {
            prop_assert_eq!(opened_by(key(number), &new), Ok(b"payload".to_vec()));
        }
    }
}
