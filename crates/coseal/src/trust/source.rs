//! Where readers get the bundle in force.

use alloc::sync::Arc;

use super::TrustBundle;
use crate::sync::Mutex;

/// Gives the trust bundle in force. Synchronous and without I/O: it is asked
/// for every message. Feeds renew it elsewhere.
pub trait TrustSource: Send + Sync {
    /// The bundle in force.
    fn current(&self) -> Arc<TrustBundle>;
}

impl TrustSource for Arc<TrustBundle> {
    fn current(&self) -> Arc<TrustBundle> {
        Self::clone(self)
    }
}

impl<S: TrustSource> TrustSource for Arc<S> {
    fn current(&self) -> Arc<TrustBundle> {
        S::current(self)
    }
}

/// A bundle that can be replaced while readers run. Share it in an [`Arc`].
#[derive(Debug)]
pub struct TrustCell(Mutex<Arc<TrustBundle>>);

impl TrustCell {
    /// Starts with `bundle`.
    #[must_use]
    pub const fn new(bundle: Arc<TrustBundle>) -> Self {
        Self(Mutex::new(bundle))
    }

    /// Puts `bundle` in force. Whether it may follow the present one was
    /// checked when it was loaded, against [`TrustBundle::state`].
    pub fn replace(&self, bundle: Arc<TrustBundle>) {
        *self.0.lock() = bundle;
    }
}

impl TrustSource for TrustCell {
    fn current(&self) -> Arc<TrustBundle> {
        Arc::clone(&self.0.lock())
    }
}
