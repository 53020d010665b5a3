//! What can go wrong: one list of codes and kinds, shared by this crate, the
//! vectors' `expect`, the command's `code:` line and every binding.
//!
//! Facts computed from public bytes are told in full; facts that depend on a
//! secret are not told at all.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::fmt;

/// What happened, in words, for people. Not part of the contract: match on
/// the variant, or on [`Error::code`] and [`Error::kind`].
pub type Detail = Cow<'static, str>;

/// The result of everything here that can be refused.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why something was refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not what the format says.
    Malformed(Malformed, Detail),
    /// Well-formed, but of a kind that this version does not know.
    Unsupported(Unsupported, Detail),
    /// No reason to believe it.
    Untrusted(Untrusted, Detail),
    /// Genuine, but not meant for this place.
    Misdirected(Misdirected, Detail),
    /// Genuine, but not at this time.
    Stale(Stale, Detail),
    /// None of the recipients is a key of ours.
    NoKey(Detail),
    /// The epoch secret, the commitment or the tag did not fit. Which of them
    /// is not told: it depends on secrets.
    Undecryptable,
    /// The operating system gave no randomness.
    Entropy(Detail),
    /// The caller did something wrong.
    Misuse(Detail),
    /// Something outside that carries messages or keys failed: a broker, a
    /// store, a key provider. Its own error, kept whole.
    Carrier(Box<dyn core::error::Error + Send + Sync>),
}

/// What to do about a refused message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The message is bad for ever.
    Discard,
    /// Our side may be behind: fetch the trust bundle or the key, then ask again.
    RetryAfterRefresh,
    /// Our own fault, or the platform's: going on would lose messages.
    Stop,
}

/// Declares the kinds of one code together with their names.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$kdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$kdoc])* $variant,)+ }

        impl $name {
            /// All names, in the order of the specification.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The name in the specification.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

kinds! {
    /// Kinds of [`Error::Malformed`].
    Malformed {
        /// Larger than the stated limit.
        TooLarge = "too_large",
        /// Ill-formed CBOR, not deterministic, bad UTF-8, trailing bytes, too deep.
        Cbor = "cbor",
        /// CBOR, but not this structure.
        Structure = "structure",
        /// A stream that does not go on with a CBOR item.
        NotASequence = "not_a_sequence",
        /// A record of a trust bundle.
        Record = "record",
        /// Two records of a trust bundle with one key ID.
        DuplicateKey = "duplicate_key",
        /// A public key of small order, or not canonical.
        WeakKey = "weak_key",
        /// A key file.
        Key = "key",
    }
}

kinds! {
    /// Kinds of [`Error::Unsupported`].
    Unsupported {
        /// A later version of the format.
        Version = "version",
        /// A header label that this version must not ignore.
        Header = "header",
        /// A cipher suite.
        Suite = "suite",
        /// The ciphertext travels apart from its envelope.
        Detached = "detached",
        /// The algorithm of the sender's receipt.
        Receipt = "receipt",
    }
}

kinds! {
    /// Kinds of [`Error::Untrusted`].
    Untrusted {
        /// Our trust bundle has expired.
        BundleExpired = "bundle_expired",
        /// The trust bundle has no such signing key.
        UnknownSigner = "unknown_signer",
        /// The receipt does not verify.
        BadSignature = "bad_signature",
        /// The signer may not sign for this channel.
        NotAllowed = "not_allowed",
        /// The signer's key was not valid at the sealing time.
        NotValidThen = "not_valid_then",
        /// The signer's key is revoked.
        Revoked = "revoked",
        /// Not the signer the caller asked for.
        WrongSigner = "wrong_signer",
        /// A trust bundle under a root we do not know.
        UnknownRoot = "unknown_root",
        /// A trust bundle of another trust domain.
        WrongDomain = "wrong_domain",
        /// A trust bundle older than one already seen, or a fork of it.
        RolledBack = "rolled_back",
    }
}

kinds! {
    /// Kinds of [`Error::Misdirected`].
    Misdirected {
        /// Sealed for another channel.
        Channel = "channel",
        /// Sealed for another partition.
        Partition = "partition",
        /// Sealed for another record key.
        RecordKey = "record_key",
        /// A reply to another request.
        Reply = "reply",
    }
}

kinds! {
    /// Kinds of [`Error::Stale`].
    Stale {
        /// Made later than now.
        FromTheFuture = "from_the_future",
        /// Past the expiry that its signer set.
        Expired = "expired",
        /// Older than the window.
        TooOld = "too_old",
        /// Seen before, elsewhere.
        Replayed = "replayed",
    }
}

/// Every code with its kinds, in the order of the specification.
pub const CODES: &[(&str, &[&str])] = &[
    ("malformed", Malformed::NAMES),
    ("unsupported", Unsupported::NAMES),
    ("untrusted", Untrusted::NAMES),
    ("misdirected", Misdirected::NAMES),
    ("stale", Stale::NAMES),
    ("no_key", &[]),
    ("undecryptable", &[]),
    ("entropy", &[]),
    ("misuse", &[]),
    ("carrier", &[]),
];

impl Error {
    /// The stable name of what went wrong, as in the specification.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(..) => "malformed",
            Self::Unsupported(..) => "unsupported",
            Self::Untrusted(..) => "untrusted",
            Self::Misdirected(..) => "misdirected",
            Self::Stale(..) => "stale",
            Self::NoKey(_) => "no_key",
            Self::Undecryptable => "undecryptable",
            Self::Entropy(_) => "entropy",
            Self::Misuse(_) => "misuse",
            Self::Carrier(_) => "carrier",
        }
    }

    /// The stable name of the kind within the code, where the code has kinds.
    #[must_use]
    pub const fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Malformed(kind, _) => Some(kind.as_str()),
            Self::Unsupported(kind, _) => Some(kind.as_str()),
            Self::Untrusted(kind, _) => Some(kind.as_str()),
            Self::Misdirected(kind, _) => Some(kind.as_str()),
            Self::Stale(kind, _) => Some(kind.as_str()),
            Self::NoKey(_)
            | Self::Undecryptable
            | Self::Entropy(_)
            | Self::Misuse(_)
            | Self::Carrier(_) => None,
        }
    }

    /// What to do with the message.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Untrusted(Untrusted::UnknownSigner | Untrusted::BundleExpired, _)
            | Self::NoKey(_) => Disposition::RetryAfterRefresh,
            Self::Entropy(_) | Self::Misuse(_) | Self::Carrier(_) => Disposition::Stop,
            Self::Malformed(..)
            | Self::Unsupported(..)
            | Self::Untrusted(..)
            | Self::Misdirected(..)
            | Self::Stale(..)
            | Self::Undecryptable => Disposition::Discard,
        }
    }

    pub(crate) fn structure(detail: impl Into<Detail>) -> Self {
        Self::Malformed(Malformed::Structure, detail.into())
    }

    pub(crate) fn cbor(detail: impl Into<Detail>) -> Self {
        Self::Malformed(Malformed::Cbor, detail.into())
    }

    pub(crate) fn misuse(detail: impl Into<Detail>) -> Self {
        Self::Misuse(detail.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(_, detail)
            | Self::Unsupported(_, detail)
            | Self::Untrusted(_, detail)
            | Self::Misdirected(_, detail)
            | Self::Stale(_, detail)
            | Self::NoKey(detail)
            | Self::Entropy(detail)
            | Self::Misuse(detail) => f.write_str(detail),
            Self::Undecryptable => f.write_str("the payload cannot be decrypted with our keys"),
            Self::Carrier(source) => fmt::Display::fmt(source, f),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Carrier(source) => source.source(),
            Self::Malformed(..)
            | Self::Unsupported(..)
            | Self::Untrusted(..)
            | Self::Misdirected(..)
            | Self::Stale(..)
            | Self::NoKey(_)
            | Self::Undecryptable
            | Self::Entropy(_)
            | Self::Misuse(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn only_our_side_being_behind_asks_for_a_refresh() {
        let refresh = [
            Error::Untrusted(Untrusted::UnknownSigner, "".into()),
            Error::Untrusted(Untrusted::BundleExpired, "".into()),
            Error::NoKey("".into()),
        ];
        for error in refresh {
            assert_eq!(error.disposition(), Disposition::RetryAfterRefresh);
        }
        let bad = Error::Untrusted(Untrusted::Revoked, "".into());
        assert_eq!(bad.disposition(), Disposition::Discard);
        assert_eq!(Error::misuse("x").disposition(), Disposition::Stop);
    }

    #[test]
    fn every_code_of_the_list_has_its_error() {
        let error = Error::Stale(Stale::TooOld, "old".into());
        let (_, kinds) = CODES.iter().find(|(code, _)| *code == error.code()).expect("listed");
        assert!(kinds.contains(&error.kind().expect("has kinds")));
        assert_eq!(error.to_string(), "old");
    }
}
