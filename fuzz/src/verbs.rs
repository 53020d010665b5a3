//! One envelope through every verb of fresh archival readers: they must come
//! to the same end.

use coseal::Opener;

use crate::fixture::{ENVELOPES, archive, verifier};
use crate::refusal::{is_of_verification, name};

/// Runs all verbs; answers the payload, or the name of the refusal.
///
/// # Errors
///
/// The refusal on which they agree.
pub fn all_alike(envelope: &[u8]) -> Result<Vec<u8>, String> {
    let opened = open_three_ways(&archive(), envelope);
    check_verification(envelope, &opened);
    opened
}

/// `open`, `open_in_place` and `open_into` of one reader. Nothing but the
/// payload may come out, and nothing where they refuse.
///
/// # Errors
///
/// The refusal on which they agree.
pub fn open_three_ways(opener: &Opener, envelope: &[u8]) -> Result<Vec<u8>, String> {
    let opened = opener.open(envelope).map(|opened| {
        assert_eq!(opened.verified().protected(), opened.protected());
        (format!("{:?}", opened.verified()), opened.into_payload())
    });
    let opened = opened.map_err(|error| name(&error));

    let mut into = b"before".to_vec();
    let appended = opener.open_into(envelope, &mut into).map(|opened| opened.payload().to_vec());
    let payload = opened.as_ref().map(|(_, payload)| payload.clone()).map_err(String::clone);
    assert_eq!(appended.map_err(|error| name(&error)), payload, "open_into differs");
    let expected = [b"before", payload.as_deref().unwrap_or_default()].concat();
    assert_eq!(into, expected, "open_into left other bytes");

    let mut own = envelope.to_vec();
    let in_place = opener
        .open_in_place(&mut own)
        .map(|opened| (format!("{:?}", opened.verified()), opened.into_payload()));
    assert_eq!(in_place.map_err(|error| name(&error)), opened, "open_in_place differs");
    if opened.is_err() && own != envelope {
        for sealed in ENVELOPES.iter() {
            let mut windows = own.windows(sealed.payload.len());
            let released = windows.any(|window| window == sealed.payload);
            assert!(!released, "a refusal released {:?}", sealed.payload);
        }
    }
    payload
}

/// `verify` and `judge` say what `open` said, as far as they go.
fn check_verification(envelope: &[u8], opened: &Result<Vec<u8>, String>) {
    let verifier = verifier();
    let verified = verifier.verify(envelope);
    let verdict = verifier.judge(envelope);
    assert_eq!(verdict.is_valid(), verified.is_ok());
    assert_eq!(verdict.error().map(name), verified.as_ref().err().map(name));
    assert!(!format!("{verdict:?}").is_empty());
    match (&verified, opened) {
        (Ok(_), Ok(_)) => (),
        (Ok(_), Err(refusal)) => {
            assert!(
                matches!(&refusal[..], "no_key" | "undecryptable"),
                "{refusal}, yet it verifies"
            );
        }
        (Err(error), Ok(_)) => panic!("opened what does not verify: {error:?}"),
        (Err(error), Err(refusal)) => {
            assert_eq!(name(error), *refusal, "verify and open differ");
            assert!(is_of_verification(refusal), "{refusal} is not of steps 1 to 5");
        }
    }
    // Before the signature verified, a verdict tells nothing of the header.
    let proven = match verdict.error().map(name).as_deref() {
        None => true,
        Some("untrusted/not_allowed" | "untrusted/not_valid_then" | "untrusted/revoked") => true,
        Some(_) => false,
    };
    assert_eq!(verdict.findings().is_some(), proven, "findings of {verdict:?}");
}
