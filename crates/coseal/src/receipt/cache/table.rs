//! A bounded map from numbers that are spread evenly, or follow each other.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Slots it begins with.
const SMALLEST: usize = 16;

/// Slots that a number may lie in: with one alone, two of some dozen would too
/// often want the same.
const WAYS: usize = 4;

/// Doubles, up to its bound, when a number finds all its slots taken; then
/// whoever comes later takes one of them. Nothing is reserved before the first
/// insertion, and nothing is allocated once it has reached its bound.
pub(super) struct Table<T> {
    slots: Vec<Option<(u64, T)>>,
    most: usize,
    /// Whose turn it is to be displaced.
    turn: usize,
}

impl<T> Table<T> {
    /// Of at most `most` slots, a power of two.
    pub(super) const fn new(most: usize) -> Self {
        Self { slots: Vec::new(), most, turn: 0 }
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let slots = self.slots.get(self.slots_of(number))?;
        slots.iter().flatten().find(|(found, _)| *found == number).map(|(_, value)| value)
    }

    pub(super) fn insert(&mut self, number: u64, value: T) {
        let at = loop {
            if let Some(at) = self.free_slot(number) {
                break at;
            }
            if self.slots.len() >= self.most {
                self.turn = (self.turn + 1) % WAYS;
                break self.slots_of(number).start + self.turn;
            }
            self.grow();
        };
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some((number, value));
        }
    }

    /// Where it lies already, or may lie.
    fn free_slot(&self, number: u64) -> Option<usize> {
        let slots = self.slots_of(number);
        let found = self.slots.get(slots.clone())?;
        let own = |slot: &Option<(u64, T)>| slot.as_ref().is_some_and(|(n, _)| *n == number);
        let at = found.iter().position(own).or_else(|| found.iter().position(Option::is_none))?;
        Some(slots.start + at)
    }

    fn grow(&mut self) {
        let size = (2 * self.slots.len()).clamp(SMALLEST.min(self.most), self.most);
        let old = core::mem::take(&mut self.slots);
        self.slots.resize_with(size, || None);
        for (number, value) in old.into_iter().flatten() {
            // Those that shared slots part, or share as many.
            if let Some(at) = self.free_slot(number)
                && let Some(slot) = self.slots.get_mut(at)
            {
                *slot = Some((number, value));
            }
        }
    }

    /// By the low bits: the number of slots is a power of two.
    fn slots_of(&self, number: u64) -> Range<usize> {
        let mask = (self.slots.len() / WAYS).saturating_sub(1) as u64;
        let start = WAYS * usize::try_from(number & mask).unwrap_or_default();
        start..start + WAYS
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
    fn numbers_in_a_row_fill_it_to_its_bound_and_then_displace() {
        let mut table = Table::new(64);
        assert_eq!(table.get(0), None);
        for number in 0..64 {
            table.insert(number, number);
        }
        assert_eq!(table.slots.len(), 64);
        assert!((0..64).all(|number| table.get(number) == Some(&number)));
        table.insert(65, 65);
        assert_eq!(table.get(65), Some(&65));
        assert_eq!((0..64).filter(|number| table.get(*number).is_none()).count(), 1);
        assert_eq!(table.slots.len(), 64);
    }

    #[test]
    fn four_of_the_same_slots_stay_and_a_fifth_displaces_one() {
        let mut table = Table::new(64);
        for number in (0..5).map(|n| n << 32) {
            table.insert(number, number);
            assert_eq!(table.get(number), Some(&number));
        }
        assert_eq!(table.slots.len(), 64);
        assert_eq!((0..5).filter(|n| table.get(n << 32).is_some()).count(), 4);
    }

    #[test]
    fn those_of_the_same_slots_displace_each_other_in_turn() {
        let mut table = Table::new(16);
        // The last four of sixteen slots.
        for n in 0..12 {
            table.insert(3 + 4 * n, n);
            assert_eq!(table.get(3 + 4 * n), Some(&n));
        }
        for n in 0..12 {
            assert_eq!(table.get(3 + 4 * n).is_some(), n >= 8, "{n}");
        }
    }

    #[test]
    fn a_number_inserted_again_has_its_new_value() {
        let mut table = Table::new(16);
        table.insert(7, 'a');
        table.insert(7, 'b');
        assert_eq!(table.get(7), Some(&'b'));
        assert_eq!(table.get(7 + 16), None);
        assert_eq!(table.slots.iter().flatten().count(), 1);
    }
}
