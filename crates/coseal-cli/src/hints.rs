//! An error → what to do about it, in one line.

use coseal::{Error, Malformed, Misdirected, Stale, Unsupported, Untrusted};

/// Advice where nothing more is known than the code.
pub(crate) fn for_code(code: &str) -> Option<&'static str> {
    match code {
        "misuse" => Some("coseal help tells what each command takes"),
        "carrier" => Some("the operating system says why; files that were there are as they were"),
        "entropy" => Some("the operating system gave no randomness: nothing was sealed"),
        _ => None,
    }
}

/// Advice on a message that was refused.
pub(crate) fn for_message(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Malformed(Malformed::NotASequence, _) => {
            "what follows is no envelope: was the input cut, or is it text for --encoding base64?"
        }
        Error::Malformed(Malformed::TooLarge, _) => {
            "no envelope of this command is larger than 64 MiB"
        }
        Error::Malformed(..) => {
            "is this a sealed envelope? coseal inspect shows what it says of itself"
        }
        Error::Unsupported(Unsupported::Version, _) => {
            "a later coseal sealed it: update this command"
        }
        Error::Unsupported(..) => {
            "another program or a later version sealed it: update this command"
        }
        Error::Untrusted(Untrusted::UnknownSigner, _) => {
            "is the trust bundle the current one? coseal trust show lists its keys"
        }
        Error::Untrusted(Untrusted::BundleExpired, _) => {
            "get the current trust bundle, or sign it again: coseal trust renew"
        }
        Error::Untrusted(Untrusted::BadSignature, _) => {
            "it was changed after it was sealed: get it from the producer again"
        }
        Error::Untrusted(Untrusted::NotAllowed, _) => {
            "coseal trust show lists the channels of each key"
        }
        Error::Untrusted(Untrusted::NotValidThen, _) => {
            "coseal trust show lists when each key is valid"
        }
        Error::Untrusted(Untrusted::Revoked, _) => {
            "whatever a revoked key sealed is refused; ask the producer to seal it again"
        }
        Error::Untrusted(Untrusted::WrongSigner, _) => {
            "it is genuine, but another signer's than the one given with --signer"
        }
        Error::Misdirected(Misdirected::Channel, _) => {
            "it is genuine, but was sealed for another channel than the one given with --channel"
        }
        Error::Stale(Stale::FromTheFuture, _) => "is one of the clocks wrong?",
        Error::Stale(Stale::Expired, _) => {
            "its producer gave it an expiry: a live reader refuses it from then on"
        }
        Error::Stale(Stale::TooOld, _) => "--max-age sets how old a message may be",
        Error::Stale(Stale::Replayed, _) => "the same message came before",
        Error::NoKey(_) => {
            "coseal inspect lists its recipients; coseal key id tells which one a key is"
        }
        Error::Undecryptable => {
            "it is genuine, but its recipients or its ciphertext do not fit the key"
        }
        Error::Untrusted(..)
        | Error::Misdirected(..)
        | Error::Stale(..)
        | Error::Entropy(_)
        | Error::Misuse(_)
        | Error::Carrier(_)
        | _ => return None,
    })
}

/// Advice on a key, a trust bundle or an argument that was refused.
pub(crate) fn for_file(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Malformed(Malformed::Key | Malformed::WeakKey, _) => {
            "coseal key new makes keys; openssl genpkey -algorithm ed25519 or x25519 does too"
        }
        Error::Malformed(..) => "it is damaged, or something else than its name says",
        Error::Unsupported(..) => "a later coseal wrote it: update this command",
        Error::Untrusted(Untrusted::BadSignature, _) => {
            "the trust bundle was changed after it was signed: get it again"
        }
        Error::Untrusted(Untrusted::UnknownRoot, _) => {
            "is this the right --pin for this trust bundle? Get both again from the root's operator"
        }
        Error::Untrusted(Untrusted::WrongDomain, _) => {
            "is this the right trust bundle? --domain names the domain it must be of"
        }
        Error::Untrusted(Untrusted::RolledBack, _) => {
            "somebody put an older trust bundle in place, or a fork of it: get the current one"
        }
        Error::Untrusted(Untrusted::BundleExpired, _) => {
            "get the current trust bundle, or sign it again: coseal trust renew"
        }
        Error::Stale(Stale::FromTheFuture, _) => "is the clock of this machine right?",
        Error::NoKey(_) => "coseal trust show lists the keys and their channels",
        Error::Untrusted(..)
        | Error::Misdirected(..)
        | Error::Stale(..)
        | Error::Undecryptable
        | Error::Entropy(_)
        | Error::Misuse(_)
        | Error::Carrier(_)
        | _ => return None,
    })
}
