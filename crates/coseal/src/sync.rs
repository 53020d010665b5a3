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

/// Threads that never get in each other's way.
const LANES: usize = 16;

/// One `T` for each of some threads, each in cache lines of its own: a line that
/// all threads write for every message costs more than hashing does.
#[derive(Debug)]
pub(crate) struct Lanes<T>([Lane<T>; LANES]);

/// Two lines: processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Lane<T>(Mutex<T>);

impl<T> Lanes<T> {
    pub(crate) fn new(value: impl Fn() -> T) -> Self {
        Self(core::array::from_fn(|_| Lane(Mutex::new(value()))))
    }

    /// The one of this thread, and of some others where there are many.
    pub(crate) fn own(&self) -> &Mutex<T> {
        let [first, ..] = &self.0;
        &self.0.get(thread::number() % LANES).unwrap_or(first).0
    }
}

#[cfg(feature = "os")]
mod thread {
    use alloc::collections::BTreeSet;
    use std::sync::{Mutex, PoisonError};

    /// Threads are numbered from 0; the numbers of those that ended are given
    /// again, so that as many as there are lanes never share one.
    struct Number(usize);

    static FREE: Mutex<(BTreeSet<usize>, usize)> = Mutex::new((BTreeSet::new(), 0));

    std::thread_local! {
        static OWN: Number = Number::take();
    }

    impl Number {
        fn take() -> Self {
            let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
            let (ended, next) = &mut *free;
            Self(ended.pop_first().unwrap_or_else(|| {
                *next += 1;
                *next - 1
            }))
        }
    }

    impl Drop for Number {
        fn drop(&mut self) {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).0.insert(self.0);
        }
    }

    /// That of this thread; 0 where it is ending.
    pub(super) fn number() -> usize {
        OWN.try_with(|own| own.0).unwrap_or(0)
    }
}

#[cfg(not(feature = "os"))]
mod thread {
    pub(super) const fn number() -> usize {
        0
    }
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
    use super::{BoundedMap, LANES};

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

    #[cfg(feature = "os")]
    #[test]
    fn numbers_of_threads_that_ended_are_given_again() {
        let number = super::thread::number;
        let own = number();
        // Other tests have threads, too, but never so many at once.
        for _ in 0..50 * LANES {
            let other = std::thread::scope(|scope| scope.spawn(number).join());
            assert!(other.is_ok_and(|other| other != own && other < 10 * LANES));
        }
        assert_eq!(number(), own);
    }
}
