//! Sound envelopes, changed in every way that a broker, a recipient or another
//! known signer could → readers with the keys.
//!
//! - Nothing opens that was changed, its recipients and later receipts
//!   excepted; and what opens is what was sealed.
//! - Whether it verifies depends on header, ciphertext and the sender's receipt
//!   alone.
//! - `open`, `open_in_place` and `open_into` agree, and release nothing when
//!   they refuse; a reader that knows the epoch already says the same as one
//!   that does not.
//! - What a live reader refuses is not remembered: the sound envelope still
//!   opens, once.

mod plan;

use arbitrary::{Arbitrary, Unstructured};
use coseal::Position;

use crate::fixture::{ENVELOPES, Sealed, Signed, archive, identity, key_id, live, verifier};
use crate::refusal::{is_of_shape, is_unsupported, name};
use crate::verbs::{all_alike, open_three_ways};
use plan::Plan;

/// Runs the target on `input`.
pub fn check(input: &[u8]) {
    if let Ok(plan) = Plan::arbitrary_take_rest(Unstructured::new(input)) {
        check_plan(&plan);
    }
}

fn check_plan(plan: &Plan) {
    let changed = plan.carry_out();
    let opened = all_alike(&changed);
    let message = Signed::of(&changed);
    if let Ok(payload) = &opened {
        let message = message.as_ref().expect("opened");
        let original = original(message).expect("opened what nobody sealed");
        assert_eq!(*payload, original.payload, "opened to another payload");
    }
    check_warm(plan.base(), &changed, &opened);
    check_verified(plan, &changed, message.as_ref());
    check_live(plan.base(), &changed, &opened);
    check_positions(&changed);
}

/// The sealed envelope that says the same.
fn original(message: &Signed) -> Option<&'static Sealed> {
    ENVELOPES.iter().find(|sealed| sealed.signed.is_of_same_message(message))
}

/// A reader that has opened the sound envelope already.
fn check_warm(base: &Sealed, changed: &[u8], opened: &Result<Vec<u8>, String>) {
    let reader = archive();
    let sound = || reader.open(&base.bytes).map(|opened| identity(&opened));
    assert_eq!(sound().map_err(|error| name(&error)), base.opened);
    assert_eq!(open_three_ways(&reader, changed), *opened, "a warm reader says otherwise");
    assert_eq!(sound().map_err(|error| name(&error)), base.opened);
}

fn check_verified(plan: &Plan, changed: &[u8], message: Option<&Signed>) {
    let verifier = verifier();
    let verified = verifier.verify(changed).map(|verified| verified.key_id());
    let Some(message) = message else {
        verified.expect_err("verifies, though it does not decode");
        return;
    };
    if let Ok(signer) = verified {
        let signed_now = plan.signer().map(key_id) == Some(signer);
        let known = original(message).is_some();
        assert!(known || signed_now, "verifies, though {signer} never signed it");
    }
    // Recipients and later receipts are nobody's word.
    if let Some(sealed) = ENVELOPES.iter().find(|sealed| sealed.signed == *message) {
        let found = verified.map(drop).map_err(|error| name(&error));
        assert_eq!(found, sealed.verified, "recipients or later receipts changed the verdict");
    }
}

fn check_live(base: &Sealed, changed: &[u8], archived: &Result<Vec<u8>, String>) {
    let reader = live();
    let opened = reader.open(changed).map(|opened| {
        assert!(!opened.redelivered());
        identity(&opened)
    });
    match (&opened, archived) {
        (Ok(_), archived) => {
            archived.as_ref().expect("live, but not from an archive");
            let again = reader.open(changed).map(drop).map_err(|error| name(&error));
            assert_eq!(again, Err("stale/replayed".into()));
        }
        (Err(error), Err(refusal)) if is_of_shape(refusal) || is_unsupported(refusal) => {
            assert_eq!(name(error), *refusal);
        }
        (Err(error), Ok(_)) => {
            let name = name(error);
            assert!(name.starts_with("stale/") || name == "misdirected/channel", "{name}");
        }
        (Err(_), Err(_)) => (),
    }
    // The sound envelope is new, unless it is the message that was just opened.
    let after = reader.open(&base.bytes).map(|opened| identity(&opened));
    let seen = opened.is_ok_and(|identity| base.live.as_ref() == Ok(&identity));
    let expected = if seen { Err("stale/replayed".to_owned()) } else { base.live.clone() };
    assert_eq!(after.map_err(|error| name(&error)), expected);
}

fn check_positions(changed: &[u8]) {
    let reader = live();
    let here = Position { log: 1, offset: 7 };
    let open = |position: &Position| {
        let opened = reader.open_at(changed, position);
        opened.map(|opened| opened.redelivered()).map_err(|error| name(&error))
    };
    let first = open(&here);
    assert_ne!(first, Ok(true), "a redelivery of what was never delivered");
    if first.is_ok() {
        assert_eq!(open(&here), Ok(true));
        assert_eq!(open(&Position { offset: 8, ..here }), Err("stale/replayed".into()));
        assert_eq!(open(&here), Ok(true));
    } else {
        assert_eq!(open(&here), first, "the second look differs");
    }
}
