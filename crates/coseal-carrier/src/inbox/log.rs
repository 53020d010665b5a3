//! Which messages of a log are done: what is done without a gap before it may
//! be committed, and nothing else.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use coseal::ReplayMemory;

/// What is known of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Not brought yet, or given back.
    New,
    /// With the caller, done, or committed.
    Unasked,
}

/// One log, as it was assigned.
pub(super) struct Log {
    pub(super) generation: u64,
    pub(super) memory: Option<Arc<dyn ReplayMemory>>,
    /// What was dead-lettered, from where reading began.
    pub(super) listed: BTreeSet<u64>,
    /// Where reading would have to begin if it began now.
    next: u64,
    /// What of that was told.
    told: u64,
    /// What lies behind, in order.
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
struct Slot {
    offset: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// With the caller, or with its dead letter.
    Out,
    Done,
    GivenBack,
}

impl Log {
    pub(super) const fn new(
        generation: u64,
        next: u64,
        memory: Option<Arc<dyn ReplayMemory>>,
        listed: BTreeSet<u64>,
    ) -> Self {
        Self { generation, memory, listed, next, told: next, slots: VecDeque::new() }
    }

    pub(super) fn find(&self, offset: u64) -> Known {
        if offset < self.next {
            return Known::Unasked;
        }
        match self.place(offset).ok().and_then(|place| self.slots.get(place)) {
            Some(Slot { state: State::Out | State::Done, .. }) => Known::Unasked,
            Some(Slot { state: State::GivenBack, .. }) | None => Known::New,
        }
    }

    /// A message was given to the caller.
    pub(super) fn deliver(&mut self, offset: u64) {
        match self.place(offset) {
            Ok(place) => self.set(place, State::Out),
            Err(place) => self.slots.insert(place, Slot { offset, state: State::Out }),
        }
    }

    pub(super) fn done(&mut self, offset: u64) {
        self.turn(offset, State::Done);
        while let Some(slot) = self.slots.front()
            && slot.state == State::Done
        {
            // No carrier has this many positions.
            self.next = slot.offset.saturating_add(1);
            self.slots.pop_front();
        }
    }

    pub(super) fn give_back(&mut self, offset: u64) {
        self.turn(offset, State::GivenBack);
    }

    /// The first that was given back.
    pub(super) fn returned(&self) -> Option<u64> {
        self.slots.iter().find(|slot| slot.state == State::GivenBack).map(|slot| slot.offset)
    }

    /// Positions that are remembered.
    pub(super) fn held(&self) -> usize {
        self.slots.len()
    }

    /// What may be committed and was not told: the position to go on from.
    pub(super) fn release(&mut self) -> Option<u64> {
        (self.next > self.told).then(|| {
            self.told = self.next;
            self.next
        })
    }

    /// What the caller had, it is done with or gives back.
    fn turn(&mut self, offset: u64, state: State) {
        if let Ok(place) = self.place(offset)
            && self.slots.get(place).is_some_and(|slot| slot.state == State::Out)
        {
            self.set(place, state);
        }
    }

    fn set(&mut self, place: usize, state: State) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.state = state;
        }
    }

    /// Where an offset is, or where it belongs: at the end, almost always.
    fn place(&self, offset: u64) -> Result<usize, usize> {
        match self.slots.back() {
            Some(last) if last.offset >= offset => {
                self.slots.binary_search_by_key(&offset, |slot| slot.offset)
            }
            _ => Err(self.slots.len()),
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("next", &self.next)
            .field("told", &self.told)
            .field("held", &self.slots.len())
            .finish_non_exhaustive()
    }
}
