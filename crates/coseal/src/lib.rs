//! Seal messages for queues: a producer seals, a consumer opens and verifies,
//! an auditor verifies years later, offline, with no key that decrypts.
//!
//! The modules stand in the order in which a message is read. No I/O happens
//! here, and no async runtime is known; time and randomness come from outside
//! or, with the feature `os` (default), from the operating system.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "os")]
extern crate std;

pub mod limits;
mod wire;
mod header;
mod trust;
mod receipt;
mod authorize;
mod epoch;
mod keyring;
mod recipient;
mod cipher;
mod replay;
mod seal;
mod open;
mod verify;
mod rewrap;

mod clock;
mod dead_letter;
#[cfg(feature = "os")]
mod entropy;
mod envelope;
pub mod error;
mod hash;
pub mod hazmat;
mod key;
mod message;
#[cfg(all(test, feature = "os"))]
mod meter;
mod secret;
pub mod sequence;
mod suite;
mod sync;
mod verdict;

pub use authorize::{Authentic, ClaimedTime, Facts, Verified};
#[cfg(feature = "os")]
pub use clock::SystemClock;
pub use clock::{Clock, Time};
pub use dead_letter::{DeadLetter, DeadLetterList, InMemoryDeadLetters};
pub use envelope::{Envelope, ReceiptInfo};
pub use error::{
    Disposition, Error, Malformed, Misdirected, Result, Stale, Unsupported, Untrusted,
};
pub use header::{EpochId, Header, HeaderValue, MessageId, Previous};
pub use key::{
    Kek, KeyId, PrivateKey, PublicKey, ReceivingKey, RecipientKey, SigningKey, Thumbprint,
    VerifyingKey,
};
pub use keyring::{KeyProvider, Keyring, UnwrapRequest};
pub use message::Message;
pub use open::{CarriedOpener, Opened, Opener, OpenerBuilder, Place, Window, state};
pub use receipt::OtherReceipt;
pub use replay::{
    InMemoryReplay, Observed, Position, ReplayIndex, ReplayMemory, ReplayRecord, Sighting,
};
pub use rewrap::{Need, Needed, RecipientId};
#[cfg(feature = "os")]
pub use rewrap::{Rewrapped, Rewrapper, RewrapperBuilder};
pub use seal::Signer;
#[cfg(feature = "os")]
pub use seal::{ChainEnd, Sealer, SealerBuilder, UnsignedBatch};
pub use secret::Secret;
pub use suite::Suite;
pub use trust::{
    KeyRecord, NewRecord, Pattern, Reason, Revocation, SkippedRecord, TrustAnchor, TrustBundle,
    TrustCell, TrustEditor, TrustSource, TrustState, Usage,
};
pub use verdict::{Findings, OwnedValue, Verdict, VerdictBundle, VerdictSigner};
pub use verify::Verifier;
pub use wire::RecipientEntry;

/// Compiles and runs what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
