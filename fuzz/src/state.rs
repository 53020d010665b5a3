//! The file in which a reader keeps what it saw of a trust bundle. It is ours,
//! but whoever may write there must not get more than a refusal.

use std::fs;

use coseal::{TrustState, VerifyingKey};
use coseal_store::{StateFile, StoreError};
use serde_json::Value;

use crate::refusal::name;

/// The members of a state file, in any order, and no others.
const MEMBERS: [&str; 5] = ["version", "domain", "sequence", "digest", "roots"];

/// Reads `bytes` as a state file. What is read is what stands there, and can
/// be written; what a plain reader of JSON finds sound is read.
pub(crate) fn check(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        StateFile::at(&path).read()
    };
    let plain = serde_json::from_slice::<Value>(bytes).ok();
    match read(bytes) {
        Ok(state) => {
            let state = state.expect("a file is there");
            assert_eq!(plain.as_ref().and_then(sound), Some(state));
        }
        Err(StoreError::Core { source, .. }) => {
            let name = name(&source);
            let kinds = ["malformed/structure", "malformed/weak_key", "unsupported/version"];
            assert!(kinds.contains(&&name[..]), "{name}");
        }
        Err(error) => panic!("{error}"),
    }
    // Doubled members are gone now, which a plain reader does not see.
    let Some(plain) = plain else { return };
    let read_again = read(plain.to_string().as_bytes());
    match sound(&plain) {
        Some(state) => {
            assert_eq!(read_again.expect("sound"), Some(state.clone()));
            write(&path, state);
        }
        None => assert!(read_again.is_err(), "{plain} is no state"),
    }
}

/// A step forward, and what is read then.
fn write(path: &std::path::Path, mut state: TrustState) {
    let file = StateFile::at(path);
    let Some(sequence) = state.sequence.checked_add(1) else { return };
    state.sequence = sequence;
    let step = |_| Ok::<_, StoreError>((state.clone(), ()));
    file.advance(step).expect("a step forward");
    assert_eq!(file.read().expect("what we wrote"), Some(state.clone()));
    state.sequence -= 1;
    let error =
        file.advance(|_| Ok::<_, StoreError>((state.clone(), ()))).expect_err("a step back");
    assert!(
        matches!(&error, StoreError::Core { source, .. } if name(source) == "untrusted/rolled_back")
    );
}

/// The state that a value says, if it says one.
fn sound(value: &Value) -> Option<TrustState> {
    let members = value.as_object()?;
    let known = MEMBERS.iter().all(|member| members.contains_key(*member));
    if members.len() != MEMBERS.len() || !known || members["version"].as_u64() != Some(1) {
        return None;
    }
    let roots = members["roots"].as_array()?.iter();
    Some(TrustState {
        domain: members["domain"].as_str()?.to_owned(),
        sequence: members["sequence"].as_u64()?,
        digest: digits(&members["digest"])?,
        roots: roots
            .map(|root| VerifyingKey::from_bytes(&digits(root)?).ok())
            .collect::<Option<_>>()?,
    })
}

/// 64 hexadecimal digits.
fn digits(value: &Value) -> Option<[u8; 32]> {
    let text = value.as_str()?.as_bytes();
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = text.iter().map(digit).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, digit| sum * 16 + digit)).collect();
    <[u8; 32]>::try_from(bytes).ok().filter(|_| digits.len() == 64)
}
