//! Locks for what is looked up, never held during cryptography.

#[cfg(feature = "os")]
mod imp {
    use std::sync::{Mutex as Inner, MutexGuard, PoisonError};

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(Inner<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(Inner::new(value))
        }

        /// A panic while the lock was held cannot leave these maps in a state
        /// that is worse than forgetting, so poison is ignored.
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(not(feature = "os"))]
mod imp {
    pub(crate) use spin::Mutex;
}

pub(crate) use imp::Mutex;

use alloc::collections::{BTreeMap, VecDeque};

/// One `T` for each of some threads, each in cache lines of its own: a line that
/// all threads write for every message costs more than hashing does.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    first: Lane<T>,
    others: [Lane<T>; 7],
}

/// Two lines: processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Lane<T>(Mutex<T>);

impl<T> Lanes<T> {
    pub(crate) fn new(value: impl Fn() -> T) -> Self {
        let lane = |_| Lane(Mutex::new(value()));
        Self { first: lane(0), others: core::array::from_fn(lane) }
    }

    /// The one of this thread, and of some others where there are many.
    pub(crate) fn own(&self) -> &Mutex<T> {
        &self.others.get(thread_number() % 8).unwrap_or(&self.first).0
    }
}

/// Threads, in the order in which they first asked.
#[cfg(feature = "os")]
fn thread_number() -> usize {
    use core::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    OWN.with(|number| *number)
}

#[cfg(not(feature = "os"))]
const fn thread_number() -> usize {
    0
}

/// A map that forgets its oldest entry when it is full.
#[derive(Debug)]
pub(crate) struct BoundedMap<K, V> {
    entries: BTreeMap<K, V>,
    order: VecDeque<K>,
    capacity: usize,
}

impl<K: Ord + Copy, V> BoundedMap<K, V> {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { entries: BTreeMap::new(), order: VecDeque::new(), capacity }
    }

    pub(crate) fn find(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.entries.insert(key, value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BoundedMap;

    #[test]
    fn a_full_map_forgets_its_oldest_entry() {
        let mut map = BoundedMap::new(2);
        map.insert(1, 'a');
        map.insert(2, 'b');
        map.insert(1, 'c');
        map.insert(3, 'd');
        assert_eq!(map.find(&1), None);
        assert_eq!(map.find(&2), Some(&'b'));
        assert_eq!(map.find(&3), Some(&'d'));
    }
}
