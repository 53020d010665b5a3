//! What carriers, recipients and known signers can make of a re-wrapper: it
//! opens what they cannot, and writes for whom they may wait.

use coseal::{Opener, SigningKey};

use crate::common::{kinds, receiving, signing};
use crate::desk::{builder, kept, key, opened_by, ours};
use crate::parts::Parts;
use crate::world::{HOME, Origin, kek, rival, trust, verify};

fn by_kek() -> coseal::Rewrapper {
    builder().kek(b"kek-1", kek()).add_recipient(key(7).recipient_key()).build().unwrap()
}

fn by_key() -> coseal::Rewrapper {
    ours().add_recipient(key(7).recipient_key()).build().unwrap()
}

/// A known signer who can open nothing of another's puts its own name on the
/// other's header: same IV, same ciphertext, same recipients. The commitment
/// fits, because it binds IV and secret alone. Had that been enough, whoever
/// may read the thief's channel would get the other's whole epoch.
#[test]
fn a_strangers_epoch_is_not_handed_to_a_thiefs_readers() {
    let genuine = HOME.seal(b"for billing alone", 0, 1, 0);
    let [victim, thief] = [signing(), rival()].map(|key: SigningKey| key.verifying_key().key_id());
    let mut stolen = genuine.clone();
    let at = stolen.protected.windows(8).position(|window| window == victim.as_bytes()).unwrap();
    stolen.protected[at..at + 8].copy_from_slice(thief.as_bytes());
    stolen.sign_alone(&rival());
    assert_eq!(verify(&stolen.join()), Ok("spiffe://example.test/rival".into()));
    assert_eq!(stolen.ciphertext, genuine.ciphertext);
    assert_eq!(stolen.recipients, genuine.recipients);
    for cold in [by_kek(), by_key()] {
        assert_eq!(kinds(&cold.rewrap(&stolen.join()).unwrap_err()), "undecryptable");
        // Nor when the epoch is known.
        cold.rewrap(&genuine.join()).unwrap();
        assert_eq!(kinds(&cold.rewrap(&stolen.join()).unwrap_err()), "undecryptable");
        // Nor when the thief has an epoch of that ID as well.
        let own = Origin { signer: rival, secret: 2, ..HOME }.seal(b"mine", 0, 1, 0);
        cold.rewrap(&own.join()).unwrap();
        assert_eq!(kinds(&cold.rewrap(&stolen.join()).unwrap_err()), "undecryptable");
    }
}

/// A recipient of the epoch, or its signer, writes an entry for us that carries
/// another secret. No new recipient gets a secret under which the message does
/// not open.
#[test]
fn an_entry_with_another_secret_is_handed_to_nobody() {
    let genuine = HOME.seal(b"payload", 0, 1, 0);
    let other = Origin { secret: 2, ..HOME }.seal(b"payload", 0, 1, 0);
    let planted = Parts { recipients: other.recipients, ..genuine.clone() };
    for rewrapper in [by_key(), by_kek()] {
        assert_eq!(kinds(&rewrapper.rewrap(&planted.join()).unwrap_err()), "undecryptable");
        let new = rewrapper.rewrap(&genuine.join()).unwrap();
        assert_eq!(opened_by(key(7), &new), Ok(b"payload".to_vec()));
        assert_eq!(kinds(&rewrapper.rewrap(&planted.join()).unwrap_err()), "undecryptable");
        // What was refused left nothing behind.
        assert_eq!(rewrapper.rewrap(&genuine.join()).unwrap(), new);
    }
}

/// A signer seals two messages of one epoch under two secrets. The cached one
/// is held against each message's own commitment.
#[test]
fn a_known_secret_is_held_against_every_message() {
    let first = HOME.seal(b"first", 0, 1, 0);
    let second = Origin { secret: 2, ..HOME }.seal(b"second", 1, 1, 0);
    // The entries of the first, beside what the second secret sealed.
    let false_entries = Parts { recipients: first.recipients.clone(), ..second.clone() };
    for rewrapper in [by_key(), by_kek()] {
        let new = rewrapper.rewrap(&first.join()).unwrap();
        assert_eq!(opened_by(key(7), &new), Ok(b"first".to_vec()));
        assert_eq!(kinds(&rewrapper.rewrap(&false_entries.join()).unwrap_err()), "undecryptable");
        // With its own entries each opens, for the new recipient too, in turns.
        for _ in 0..2 {
            for (message, payload) in [(&second, &b"second"[..]), (&first, &b"first"[..])] {
                let new = rewrapper.rewrap(&message.join()).unwrap();
                assert_eq!(opened_by(key(7), &new), Ok(payload.to_vec()));
            }
        }
    }
}

/// Two signers whose epochs have one ID, by accident or on purpose, with one
/// KEK entry or two: each gets the entries of its own secret.
#[test]
fn epochs_of_one_id_from_two_signers_are_two() {
    let rivals = Origin { signer: rival, secret: 2, ..HOME };
    for rewrapper in [by_key(), by_kek()] {
        for turn in 0..3 {
            for (origin, subject) in
                [(&HOME, crate::common::SUBJECT), (&rivals, "spiffe://example.test/rival")]
            {
                let envelope = origin.seal(b"payload", turn, 1, 0).join();
                let new = rewrapper.rewrap(&envelope).unwrap();
                assert_eq!(kept(&new), kept(&envelope));
                let opener = Opener::builder(trust()).any_channel().archive().key(key(7)).build();
                let opener = opener.unwrap();
                let opened = opener.open(&new).unwrap();
                assert_eq!((opened.signer(), opened.payload()), (subject, &b"payload"[..]));
            }
        }
    }
}

/// A message whose tag is wrong opens for nobody. As the first of its epoch it
/// is refused; behind another, it is passed on and opens for nobody still.
#[test]
fn what_opens_for_nobody_opens_for_no_new_recipient() {
    let genuine = HOME.seal(b"payload", 0, 1, 0);
    let mut broken = HOME.seal(b"payload", 1, 1, 0);
    let last = broken.ciphertext.len() - 1;
    broken.ciphertext[last] ^= 1;
    broken.sign_alone(&signing());
    let rewrapper = by_key();
    assert_eq!(kinds(&rewrapper.rewrap(&broken.join()).unwrap_err()), "undecryptable");
    rewrapper.rewrap(&genuine.join()).unwrap();
    let new = rewrapper.rewrap(&broken.join()).unwrap();
    for key in [key(7), receiving()] {
        assert_eq!(opened_by(key, &new), Err("undecryptable"));
    }
}
