//! What became of bytes that were offered.

use std::sync::Arc;

use coseal::{Error, Time, TrustBundle};
use sha2::{Digest, Sha256};

/// What became of a bundle that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is in force from now on.
    Accepted,
    /// It was in force already.
    InForce,
}

/// What happened to a [`TrustKeeper`](crate::TrustKeeper).
#[derive(Debug)]
#[non_exhaustive]
pub enum TrustEvent<'a> {
    /// This bundle came into force.
    Accepted(&'a Arc<TrustBundle>),
    /// These bytes were refused; what was in force stays.
    Refused(&'a Refusal),
}

/// Bytes that were offered as a trust bundle and refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// SHA-256 of the bytes.
    pub digest: [u8; 32],
    /// Why: the code of the specification.
    pub code: &'static str,
    /// And the kind within it, where the code has kinds.
    pub kind: Option<&'static str>,
    /// The same in words.
    pub detail: String,
    /// When they were refused first.
    pub first_at: Time,
    /// When they were refused last.
    pub last_at: Time,
    /// How many times in a row they were, for this reason.
    pub times: u64,
}

impl Refusal {
    pub(super) fn new(bytes: &[u8], error: &Error, now: Time) -> Self {
        Self {
            digest: Sha256::digest(bytes).into(),
            code: error.code(),
            kind: error.kind(),
            detail: error.to_string(),
            first_at: now,
            last_at: now,
            times: 1,
        }
    }

    /// A feed offers the same bytes again and again: one refusal that goes on.
    pub(super) fn after(self, last: Option<&Self>) -> Self {
        let same = |last: &&Self| {
            (last.digest, last.code, last.kind) == (self.digest, self.code, self.kind)
        };
        match last.filter(same) {
            Some(last) => Self { first_at: last.first_at, times: last.times + 1, ..self },
            None => self,
        }
    }
}
