//! Bytes that feeds bring → the trust bundle in force: the only holder of the
//! pins and of the highest sequence seen.
//!
//! No feed is trusted. What it brings is checked against the bundle in force
//! and, where there is a state file, against what this host ever believed; it
//! is in force for every reader at once, or for none.

mod report;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coseal::{
    Clock, Error, Result, SystemClock, Time, TrustAnchor, TrustBundle, TrustCell, TrustSource,
    TrustState,
};

use crate::{StateFile, StoreError};

pub use report::{Offered, Refusal, TrustEvent};

type Observer = Box<dyn Fn(&TrustEvent<'_>) + Send + Sync>;

/// Makes a [`TrustKeeper`].
pub struct TrustKeeperBuilder {
    anchor: TrustAnchor,
    state: Option<StateFile>,
    clock: Box<dyn Clock>,
    observer: Option<Observer>,
}

impl TrustKeeperBuilder {
    /// Where the highest bundle seen is remembered. Without this an older one
    /// is believed after a restart.
    #[must_use]
    pub fn state(mut self, path: impl Into<PathBuf>) -> Self {
        self.state = Some(StateFile::at(path));
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Is called with every bundle that is accepted and every one that is
    /// refused, whichever feed brought it: for logs and metrics. The same bytes
    /// refused again for the same reason are told once. Called by the thread
    /// that offered, with nothing locked.
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(&TrustEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Starts with the bundle in `bytes`.
    ///
    /// # Errors
    ///
    /// Those of [`TrustBundle::load`]; `carrier` where the state file cannot be
    /// read or written.
    pub fn start(self, bytes: &[u8]) -> Result<TrustKeeper> {
        let Self { anchor, state, clock, observer } = self;
        let check = Check { anchor, state };
        let now = clock.now();
        let in_force = TrustCell::new(Arc::new(check.load(bytes, None, now)?));
        let history = Mutex::new(History { since: now, refusal: None });
        Ok(TrustKeeper { check, clock, observer, in_force, offering: Mutex::new(()), history })
    }
}

impl fmt::Debug for TrustKeeperBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustKeeperBuilder")
            .field("anchor", &self.anchor)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Keeps the trust bundle in force while feeds bring later ones. A bundle that
/// is refused displaces nothing and is reported.
///
/// Readers take it as their [`TrustSource`], in an [`Arc`]: each message is
/// judged by exactly one bundle, and the next one by a later one as soon as
/// [`offer`](Self::offer) returns.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use coseal::{SigningKey, Time, TrustAnchor, TrustBundle, TrustSource, Verifier};
/// use coseal_store::{Offered, TrustKeeper};
///
/// # let root = SigningKey::generate()?;
/// # let (now, year) = (Time::now(), Duration::from_secs(365 * 86_400));
/// # let first = TrustBundle::make("example.org").sign(&root, now, now.plus(year))?;
/// # let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
/// # let bundle = TrustBundle::load(&first, &anchor, now)?;
/// # let second = bundle.edit()?.sign(&root, now, now.plus(year))?;
/// # let folder = tempfile::tempdir()?;
/// # let state = folder.path().join("trust.state");
/// let anchor = TrustAnchor::pinned([root.verifying_key().clone()]).domain("example.org");
/// let keeper = Arc::new(TrustKeeper::builder(anchor).state(state).start(&first)?);
/// let verifier = Verifier::new(Arc::clone(&keeper));
///
/// assert_eq!(keeper.offer(&second)?, Offered::Accepted);
/// assert_eq!(keeper.current().sequence(), 2);
/// assert!(keeper.offer(&first).is_err());
/// assert_eq!(keeper.last_refusal().map(|refusal| refusal.kind), Some(Some("rolled_back")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TrustKeeper {
    check: Check,
    clock: Box<dyn Clock>,
    observer: Option<Observer>,
    in_force: TrustCell,
    /// Held during an offer, so that they come one after the other; those who
    /// ask how things stand do not wait for a disk.
    offering: Mutex<()>,
    history: Mutex<History>,
}

#[derive(Debug)]
struct History {
    since: Time,
    refusal: Option<Refusal>,
}

impl TrustKeeper {
    /// Begins to describe a keeper: which roots it starts from, and for which
    /// trust domain.
    #[must_use]
    pub fn builder(anchor: TrustAnchor) -> TrustKeeperBuilder {
        TrustKeeperBuilder { anchor, state: None, clock: Box::new(SystemClock), observer: None }
    }

    /// Puts the bundle in `bytes` in force, if it may follow the present one.
    /// It is remembered in the state file before: a restart never goes below
    /// what was in force. An expired one is taken as well; live readers refuse
    /// everything then.
    ///
    /// # Errors
    ///
    /// Those of [`TrustBundle::load`]; `carrier` where the state file cannot be
    /// read or written: offer it again then. What was in force stays.
    pub fn offer(&self, bytes: &[u8]) -> Result<Offered> {
        let offering = locked(&self.offering);
        let present = self.current();
        if present.bytes() == bytes {
            return Ok(Offered::InForce);
        }
        let now = self.clock.now();
        match self.check.load(bytes, Some(present.state()), now) {
            Ok(bundle) => {
                let bundle = Arc::new(bundle);
                self.in_force.replace(Arc::clone(&bundle));
                locked(&self.history).since = now;
                drop(offering);
                self.tell(&TrustEvent::Accepted(&bundle));
                Ok(Offered::Accepted)
            }
            Err(error) => {
                let refusal = Refusal::new(bytes, &error, now).after(self.last_refusal().as_ref());
                locked(&self.history).refusal = Some(refusal.clone());
                drop(offering);
                if refusal.times == 1 {
                    self.tell(&TrustEvent::Refused(&refusal));
                }
                Err(error)
            }
        }
    }

    /// The last bytes that were refused, whatever was accepted since.
    #[must_use]
    pub fn last_refusal(&self) -> Option<Refusal> {
        locked(&self.history).refusal.clone()
    }

    /// Since when the present bundle is in force here.
    #[must_use]
    pub fn in_force_since(&self) -> Time {
        locked(&self.history).since
    }

    /// How long the bundle in force lives from `now` on; nothing where it has
    /// expired. Live readers believe it for their skew longer.
    #[must_use]
    pub fn expires_in(&self, now: Time) -> Duration {
        self.current().expires_at().since(now)
    }

    fn tell(&self, event: &TrustEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

/// Nothing that may panic leaves it half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TrustSource for TrustKeeper {
    fn current(&self) -> Arc<TrustBundle> {
        self.in_force.current()
    }

    fn is_current(&self, bundle: &Arc<TrustBundle>) -> bool {
        self.in_force.is_current(bundle)
    }
}

impl fmt::Debug for TrustKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustKeeper")
            .field("sequence", &self.current().sequence())
            .field("check", &self.check)
            .finish_non_exhaustive()
    }
}

/// What a bundle must satisfy.
#[derive(Debug)]
struct Check {
    anchor: TrustAnchor,
    state: Option<StateFile>,
}

impl Check {
    /// Checks a bundle and remembers it as seen. `present` is what is in force.
    fn load(&self, bytes: &[u8], present: Option<TrustState>, now: Time) -> Result<TrustBundle> {
        let follow = |seen: Option<TrustState>| {
            // Another process may have gone ahead; or the file was lost, or put
            // back, while we ran.
            let highest = match (seen, present.clone()) {
                (Some(seen), Some(present)) if seen.sequence > present.sequence => Some(seen),
                (seen, None) => seen,
                (_, present) => present,
            };
            let anchor = self.anchor.clone();
            let anchor = match highest {
                Some(seen) => anchor.seen(seen),
                None => anchor,
            };
            TrustBundle::load(bytes, &anchor, now)
        };
        let Some(state) = &self.state else {
            return follow(None);
        };
        let remembered = state.advance(|seen| {
            let bundle = follow(seen).map_err(Fault::Bundle)?;
            Ok((bundle.state(), bundle))
        });
        remembered.map_err(|fault| match fault {
            Fault::Bundle(error) => error,
            Fault::State(error) => Error::Carrier(error.into()),
        })
    }
}

/// Whose fault it is: a broken state file is none of the bundle's.
enum Fault {
    Bundle(Error),
    State(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::State(error)
    }
}

#[cfg(test)]
mod tests;
