//! The bundle in force, for readers that many threads share.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use super::{TrustBundle, TrustSource};
use crate::sync::Lanes;

/// A source, and for each thread the bundle that it had in force. Threads that
/// counted in one place who uses it would wait for each other at every message.
pub(crate) struct InForce {
    source: Box<dyn TrustSource>,
    held: Lanes<Option<Arc<Held>>>,
}

/// A bundle that is counted apart from others that hold it.
#[derive(Debug)]
pub(crate) struct Held(Arc<TrustBundle>);

impl Held {
    pub(crate) const fn bundle(&self) -> &Arc<TrustBundle> {
        &self.0
    }
}

impl Deref for Held {
    type Target = TrustBundle;

    fn deref(&self) -> &TrustBundle {
        &self.0
    }
}

impl InForce {
    pub(crate) fn new(source: Box<dyn TrustSource>) -> Self {
        Self { source, held: Lanes::new(|| None) }
    }

    /// The bundle in force now.
    pub(crate) fn current(&self) -> Arc<Held> {
        let own = self.held.own();
        let held = own.lock().clone();
        match held {
            Some(held) if self.source.is_current(&held.0) => held,
            _ => {
                let fresh = Arc::new(Held(self.source.current()));
                *own.lock() = Some(Arc::clone(&fresh));
                fresh
            }
        }
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InForce(..)")
    }
}

#[cfg(all(test, feature = "os"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::{SigningKey, Time, TrustAnchor, TrustCell};

    fn bundle(domain: &str) -> Arc<TrustBundle> {
        let root = SigningKey::from_bytes(&[1; 32]);
        let now = Time::from_secs(1_800_000_000);
        let bytes = TrustBundle::make(domain).sign(&root, now, now).unwrap();
        let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
        Arc::new(TrustBundle::load(&bytes, &anchor, now).unwrap())
    }

    /// A source that says no more than it must.
    struct Plain(TrustCell);

    impl TrustSource for Plain {
        fn current(&self) -> Arc<TrustBundle> {
            self.0.current()
        }
    }

    #[test]
    fn every_thread_follows_its_source() {
        let cell = Arc::new(TrustCell::new(bundle("a")));
        let plain = Arc::new(Plain(TrustCell::new(bundle("a"))));
        let in_force =
            [InForce::new(Box::new(Arc::clone(&cell))), InForce::new(Box::new(Arc::clone(&plain)))];
        let everywhere = |domain: &str| {
            for in_force in &in_force {
                for _ in 0..20 {
                    std::thread::scope(|scope| {
                        scope.spawn(|| assert_eq!(in_force.current().domain(), domain));
                    });
                }
                let (one, two) = (in_force.current(), in_force.current());
                assert!(Arc::ptr_eq(&one, &two), "no new one where nothing changed");
            }
        };
        for domain in ["a", "b", "c", "b"] {
            cell.replace(bundle(domain));
            plain.0.replace(bundle(domain));
            everywhere(domain);
        }
    }

    /// However often bundles come and go, in whatever place of the memory.
    #[test]
    fn an_old_bundle_is_never_taken_for_a_new_one() {
        let cell = Arc::new(TrustCell::new(bundle("0")));
        let in_force = InForce::new(Box::new(Arc::clone(&cell)));
        for round in 0..1000 {
            let domain = alloc::format!("{round}");
            cell.replace(bundle(&domain));
            assert_eq!(in_force.current().domain(), domain);
        }
    }
}
