//! What a reader starts from: pinned roots, or what it saw before.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::clock::Time;
use crate::error::{Error, Result, Stale, Untrusted};
use crate::key::{KeyId, VerifyingKey};
use crate::receipt::tree::Hash;

/// Clocks may differ by this much.
pub(crate) const SKEW: Duration = Duration::from_secs(60);

/// What is remembered of the highest bundle seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustState {
    /// Its trust domain.
    pub domain: String,
    /// Its sequence.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// The keys that may sign the next one: its own root and those it names.
    pub roots: Vec<VerifyingKey>,
}

/// Decides which bundles are believed.
#[derive(Debug, Clone)]
pub struct TrustAnchor {
    pins: Vec<VerifyingKey>,
    domain: Option<String>,
    skew: Duration,
    seen: Option<TrustState>,
}

impl TrustAnchor {
    /// Believes bundles that one of these roots signed.
    #[must_use]
    pub fn pinned(roots: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self { pins: roots.into_iter().collect(), domain: None, skew: SKEW, seen: None }
    }

    /// Believes bundles of this trust domain only.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How far clocks may differ; 60 s unless said.
    #[must_use]
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// The highest bundle seen so far. From now on its roots decide, not the
    /// pins: a pinned root that was rotated out cannot come back.
    #[must_use]
    pub fn seen(mut self, state: TrustState) -> Self {
        self.seen = Some(state);
        self
    }

    /// The root of this key ID, if bundles may be signed by it.
    pub(super) fn root(&self, key_id: &KeyId) -> Result<&VerifyingKey> {
        let roots = self.seen.as_ref().map_or(&self.pins, |state| &state.roots);
        roots.iter().find(|root| root.key_id() == *key_id).ok_or_else(|| {
            let whose = if self.seen.is_some() {
                "neither signed the newest bundle seen nor is named in it"
            } else {
                "is not among the pinned ones"
            };
            let detail = format!("the bundle is signed by root {key_id}, which {whose}");
            Error::Untrusted(Untrusted::UnknownRoot, detail.into())
        })
    }

    pub(super) fn check_domain(&self, domain: &str) -> Result<()> {
        let seen = self.seen.as_ref().map(|state| state.domain.as_str());
        for expected in [self.domain.as_deref(), seen].into_iter().flatten() {
            if expected != domain {
                let detail = format!("the bundle is of trust domain {domain:?}, not {expected:?}");
                return Err(Error::Untrusted(Untrusted::WrongDomain, detail.into()));
            }
        }
        Ok(())
    }

    pub(super) fn check_sequence(&self, sequence: u64, digest: &Hash) -> Result<()> {
        let Some(seen) = &self.seen else {
            return Ok(());
        };
        let detail = if sequence < seen.sequence {
            format!("bundle {sequence} is older than bundle {}, seen before", seen.sequence)
        } else if sequence == seen.sequence && seen.digest != *digest {
            format!("a fork: this is not the bundle {sequence} that was seen before")
        } else {
            return Ok(());
        };
        Err(Error::Untrusted(Untrusted::RolledBack, detail.into()))
    }

    pub(super) fn check_issued(&self, issued_at: Time, now: Time) -> Result<()> {
        if issued_at <= now.plus(self.skew) {
            return Ok(());
        }
        let detail = format!("the bundle was issued at {issued_at}, which is later than {now}");
        Err(Error::Stale(Stale::FromTheFuture, detail.into()))
    }
}
