//! Where readers get the bundle in force.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::TrustBundle;
use crate::sync::Mutex;

/// Gives the trust bundle in force. Synchronous and without I/O: it is asked
/// for every message. Feeds renew it elsewhere.
pub trait TrustSource: Send + Sync {
    /// The bundle in force.
    fn current(&self) -> Arc<TrustBundle>;

    /// Whether `bundle` is the one in force. This is what is asked for every
    /// message; a source that many threads share can answer it without counting
    /// who holds its bundle.
    fn is_current(&self, bundle: &Arc<TrustBundle>) -> bool {
        Arc::ptr_eq(&self.current(), bundle)
    }
}

impl TrustSource for Arc<TrustBundle> {
    fn current(&self) -> Arc<TrustBundle> {
        Self::clone(self)
    }

    fn is_current(&self, bundle: &Self) -> bool {
        Self::ptr_eq(self, bundle)
    }
}

impl<S: TrustSource + ?Sized> TrustSource for Arc<S> {
    fn current(&self) -> Arc<TrustBundle> {
        S::current(self)
    }

    fn is_current(&self, bundle: &Arc<TrustBundle>) -> bool {
        S::is_current(self, bundle)
    }
}

/// A bundle that can be replaced while readers run. Share it in an [`Arc`].
#[derive(Debug)]
pub struct TrustCell {
    bundle: Mutex<Arc<TrustBundle>>,
    /// Where it lies. Whoever compares holds the one it compares with, so no
    /// other can have come to lie there.
    address: AtomicUsize,
}

impl TrustCell {
    /// Starts with `bundle`.
    #[must_use]
    pub fn new(bundle: Arc<TrustBundle>) -> Self {
        let address = AtomicUsize::new(Arc::as_ptr(&bundle).addr());
        Self { bundle: Mutex::new(bundle), address }
    }

    /// Puts `bundle` in force. Whether it may follow the present one was
    /// checked when it was loaded, against [`TrustBundle::state`].
    pub fn replace(&self, bundle: Arc<TrustBundle>) {
        let mut present = self.bundle.lock();
        self.address.store(Arc::as_ptr(&bundle).addr(), Ordering::Release);
        *present = bundle;
    }
}

impl TrustSource for TrustCell {
    fn current(&self) -> Arc<TrustBundle> {
        Arc::clone(&self.bundle.lock())
    }

    fn is_current(&self, bundle: &Arc<TrustBundle>) -> bool {
        self.address.load(Ordering::Acquire) == Arc::as_ptr(bundle).addr()
    }
}
