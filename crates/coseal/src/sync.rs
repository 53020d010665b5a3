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
