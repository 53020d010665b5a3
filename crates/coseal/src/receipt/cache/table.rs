//! A bounded map from numbers that are spread evenly, or follow each other.

use alloc::vec::Vec;
use core::fmt;

/// Slots it begins with.
const SMALLEST: usize = 16;

/// One slot a number; whoever comes later takes it. Doubles, up to its bound,
/// when two want the same. Nothing is reserved before the first insertion, and
/// nothing is allocated once it has reached its bound.
pub(super) struct Table<T> {
    slots: Vec<Option<(u64, T)>>,
    most: usize,
}

impl<T> Table<T> {
    /// Of at most `most` slots, a power of two.
    pub(super) const fn new(most: usize) -> Self {
        Self { slots: Vec::new(), most }
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        match self.slots.get(self.slot_of(number))? {
            Some((found, value)) if *found == number => Some(value),
            Some(_) | None => None,
        }
    }

    pub(super) fn insert(&mut self, number: u64, value: T) {
        while self.slots.len() < self.most && self.is_taken(number) {
            self.grow();
        }
        let at = self.slot_of(number);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some((number, value));
        }
    }

    /// By a number that is another; where there is no slot yet, as well.
    fn is_taken(&self, number: u64) -> bool {
        match self.slots.get(self.slot_of(number)) {
            Some(slot) => slot.as_ref().is_some_and(|(other, _)| *other != number),
            None => true,
        }
    }

    fn grow(&mut self) {
        let size = (2 * self.slots.len()).clamp(SMALLEST.min(self.most), self.most);
        let old = core::mem::take(&mut self.slots);
        self.slots.resize_with(size, || None);
        for (number, value) in old.into_iter().flatten() {
            let at = self.slot_of(number);
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = Some((number, value));
            }
        }
    }

    /// The low bits: the number of slots is a power of two.
    fn slot_of(&self, number: u64) -> usize {
        let mask = (self.slots.len() as u64).wrapping_sub(1);
        usize::try_from(number & mask).unwrap_or(usize::MAX)
    }
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn numbers_in_a_row_fill_it_to_its_bound_and_then_take_the_oldest_places() {
        let mut table = Table::new(64);
        assert_eq!(table.get(0), None);
        for number in 0..64 {
            table.insert(number, number);
        }
        assert_eq!(table.slots.len(), 64);
        assert!((0..64).all(|number| table.get(number) == Some(&number)));
        table.insert(65, 65);
        assert_eq!((table.get(1), table.get(65), table.get(2)), (None, Some(&65), Some(&2)));
        assert_eq!(table.slots.len(), 64);
    }

    #[test]
    fn a_number_inserted_again_has_its_new_value() {
        let mut table = Table::new(16);
        table.insert(7, 'a');
        table.insert(7, 'b');
        assert_eq!(table.get(7), Some(&'b'));
        assert_eq!(table.get(7 + 16), None);
    }
}
