//! The keeper's verb: an envelope and a private key that opens it in, the same
//! envelope for other recipients out. Header, ciphertext and receipts are the
//! same bytes; what changes are the recipients, which nobody signed.
//!
//! Nothing in an envelope is trusted here: its receipt is verified as an auditor
//! verifies it, and an epoch secret is handed on only after a message opened
//! under it. Entries that are left alone are left unproven: whether they open is
//! for their owners to find out.

#[cfg(feature = "os")]
mod builder;
#[cfg(feature = "os")]
mod change;
#[cfg(feature = "os")]
mod epochs;
mod needed;
#[cfg(feature = "os")]
mod rewrapper;

#[cfg(feature = "os")]
pub use builder::RewrapperBuilder;
pub use needed::{Need, Needed, RecipientId};
#[cfg(feature = "os")]
pub use rewrapper::{Rewrapped, Rewrapper};
