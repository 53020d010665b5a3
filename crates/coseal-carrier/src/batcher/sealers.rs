//! A channel → the sealer for it. Made when first asked for; kept in a bounded
//! number; made anew when the trust bundle changes, because it says who the
//! recipients are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use coseal::{ChainEnd, Result, Sealer, SealerBuilder, Thumbprint, Time, TrustBundle, TrustSource};

use crate::telemetry::BatchMeters;

/// Sealers that are kept unless said otherwise: more channels than one
/// producer uses in turn. One is a few kilobytes, and an encapsulation for each
/// recipient to make.
const MOST: usize = 1024;

/// A sealer is made anew after this time: keys of recipients come and go by the
/// clock, too, with no new bundle.
const LIFETIME: Duration = Duration::from_secs(3600);

type Make = Box<dyn Fn(&str, &TrustBundle, Time) -> Result<SealerBuilder> + Send + Sync>;

/// Sealers of one producer, one for each channel.
pub struct Sealers {
    trust: Arc<dyn TrustSource>,
    /// What the sealers were made by.
    bundle: Arc<TrustBundle>,
    make: Make,
    kept: BTreeMap<String, Kept>,
    most: usize,
    lifetime: Duration,
    uses: u64,
    meters: BatchMeters,
}

struct Kept {
    sealer: Sealer,
    made_at: Time,
    made_by: Arc<TrustBundle>,
    /// When it was used last, as a number of uses.
    used: u64,
}

impl Sealers {
    /// Asks `make` for the sealer of a channel, by the trust bundle in force,
    /// at this time: who signs, and who can open.
    pub fn new(
        carrier: &'static str,
        trust: Arc<dyn TrustSource>,
        make: impl Fn(&str, &TrustBundle, Time) -> Result<SealerBuilder> + Send + Sync + 'static,
    ) -> Self {
        Self {
            bundle: trust.current(),
            trust,
            make: Box::new(make),
            kept: BTreeMap::new(),
            most: MOST,
            lifetime: LIFETIME,
            uses: 0,
            meters: BatchMeters::new(carrier),
        }
    }

    /// The most sealers that are kept; 1024 unless said. The one that was used
    /// last longest ago makes way.
    #[must_use]
    pub const fn most(mut self, sealers: usize) -> Self {
        self.most = sealers;
        self
    }

    /// How long a sealer is used; an hour unless said.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The sealer of a channel.
    ///
    /// # Errors
    ///
    /// Those of `make`, and of [`SealerBuilder::build`].
    pub fn sealer(&mut self, now: Time, channel: &str) -> Result<&Sealer> {
        if !self.trust.is_current(&self.bundle) {
            self.bundle = self.trust.current();
        }
        self.uses += 1;
        let fits = |kept: &Kept| {
            let age = now.since(kept.made_at).max(kept.made_at.since(now));
            Arc::ptr_eq(&kept.made_by, &self.bundle) && age < self.lifetime
        };
        if !self.kept.get(channel).is_some_and(fits) {
            self.renew(now, channel)?;
        }
        let kept = self.kept.get_mut(channel);
        let kept =
            kept.ok_or_else(|| coseal::Error::Misuse("internal: a sealer was not kept".into()))?;
        kept.used = self.uses;
        Ok(&kept.sealer)
    }

    /// Ends all chains, in order: what a later sealer of each channel may
    /// continue.
    #[must_use]
    pub fn close(self) -> Vec<(String, ChainEnd)> {
        let ends = self.kept.into_iter();
        ends.filter_map(|(channel, kept)| Some((channel, kept.sealer.close()?))).collect()
    }

    pub(super) const fn meters(&self) -> &BatchMeters {
        &self.meters
    }

    /// Makes the sealer of a channel anew. The chain goes on if the key is the
    /// same, so that auditors see no gap.
    fn renew(&mut self, now: Time, channel: &str) -> Result<()> {
        let builder = (self.make)(channel, &self.bundle, now)?;
        let signer: Thumbprint = *builder.verifying_key().thumbprint();
        let before = self.kept.remove(channel).map(|kept| kept.sealer);
        let end = before
            .filter(|sealer| *sealer.verifying_key().thumbprint() == signer)
            .and_then(Sealer::close);
        let builder = match end {
            Some(end) => builder.continue_from(end),
            None => builder,
        };
        let sealer = builder.build()?;
        while self.kept.len() >= self.most.max(1) {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(channel, _)| channel.clone()) else { break };
            self.kept.remove(&oldest);
        }
        let made_by = Arc::clone(&self.bundle);
        self.kept.insert(channel.to_owned(), Kept { sealer, made_at: now, made_by, used: 0 });
        Ok(())
    }
}

impl fmt::Debug for Sealers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealers")
            .field("kept", &self.kept.keys())
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
