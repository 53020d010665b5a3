//! Number → page, where the highest number is the one asked for most: a map
//! that holds that one beside its tree, so that one page costs no tree at all.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::mem;

#[derive(Debug)]
pub(super) struct Pages<T>(Option<Box<Inner<T>>>);

#[derive(Debug)]
struct Inner<T> {
    number: u64,
    page: T,
    below: BTreeMap<u64, T>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Default> Pages<T> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn find(&self, number: u64) -> Option<&T> {
        let inner = self.0.as_ref()?;
        if inner.number == number { Some(&inner.page) } else { inner.below.get(&number) }
    }

    pub(super) fn find_mut(&mut self, number: u64) -> Option<&mut T> {
        let inner = self.0.as_mut()?;
        if inner.number == number { Some(&mut inner.page) } else { inner.below.get_mut(&number) }
    }

    /// The page of that number, new and empty where there was none.
    pub(super) fn page(&mut self, number: u64) -> &mut T {
        let inner = self.0.get_or_insert_with(|| {
            Box::new(Inner { number, page: T::default(), below: BTreeMap::new() })
        });
        if inner.number < number {
            let before = mem::take(&mut inner.page);
            inner.below.insert(inner.number, before);
            inner.number = number;
        }
        if inner.number == number {
            &mut inner.page
        } else {
            inner.below.entry(number).or_default()
        }
    }

    /// Removes pages that are not to be kept.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(u64, &mut T) -> bool) {
        let Some(inner) = self.0.as_mut() else { return };
        inner.below.retain(|number, page| keep(*number, page));
        if !keep(inner.number, &mut inner.page) {
            match inner.below.pop_last() {
                Some((number, page)) => (inner.number, inner.page) = (number, page),
                None => self.0 = None,
            }
        }
    }

    /// All pages, in no order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.0.iter().flat_map(|inner| {
            let below = inner.below.iter().map(|(number, page)| (*number, page));
            below.chain([(inner.number, &inner.page)])
        })
    }

    /// Memory held outside `self`: `bytes` says what a page holds outside itself.
    pub(super) fn bytes(&self, bytes: impl Fn(&T) -> usize) -> usize {
        let Some(inner) = self.0.as_ref() else { return 0 };
        size_of::<Inner<T>>()
            + bytes(&inner.page)
            + tree_bytes::<u64, T>(inner.below.len())
            + inner.below.values().map(bytes).sum::<usize>()
    }
}

/// What a tree of so many entries takes: nodes of 11 places, of which 6 are
/// taken after insertions in order, the worst that the standard library makes
/// in the long run, and its pointers.
pub(super) const fn tree_bytes<K, V>(entries: usize) -> usize {
    entries.div_ceil(6) * (11 * size_of::<(K, V)>() + 32)
}
