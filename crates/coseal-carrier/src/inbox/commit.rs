//! What has to be durable before the carrier is told that messages are done.
//! The types say the order: only what was written can be committed.

use std::fmt;
use std::sync::Arc;

use coseal::{DeadLetter, DeadLetterList, Position, ReplayMemory, Result};

/// What is to be written before something is committed. It belongs to no
/// thread: writing blocks, and may happen elsewhere while the inbox goes on.
#[must_use = "nothing is committed before this is written"]
pub struct Commit {
    pub(crate) memories: Vec<Arc<dyn ReplayMemory>>,
    pub(crate) list: Arc<dyn DeadLetterList>,
    pub(crate) letters: Vec<DeadLetter>,
    pub(crate) passed: Vec<DeadLetter>,
    pub(crate) written: Written,
}

/// What the carrier may be told now.
#[derive(Debug, Default)]
#[must_use = "what is not committed comes back"]
pub struct Written {
    /// Of each log, where to go on from: everything before is done.
    pub prefixes: Vec<Position>,
    /// Messages that are done, where each is told for itself.
    pub done: Vec<Done>,
}

/// A message that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// The number of its ticket.
    pub id: u64,
    /// Where the carrier holds it.
    pub position: Option<Position>,
    /// It was dead-lettered: it is not to be brought again.
    pub refused: bool,
}

impl Commit {
    /// Writes the list of dead letters and the memory of what was seen. Blocks
    /// where they are durable.
    ///
    /// # Errors
    ///
    /// `carrier` where one of them fails. Then stop: nothing of this may be
    /// committed, and what it held comes back after a restart.
    pub fn write(self) -> Result<Written> {
        if !self.letters.is_empty() {
            self.list.record(&self.letters)?;
        }
        for memory in &self.memories {
            memory.flush()?;
        }
        // Only once they are seen for good: a crash in between lists them still.
        if !self.passed.is_empty() {
            self.list.remove(&self.passed)?;
        }
        Ok(self.written)
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("letters", &self.letters.len())
            .field("passed", &self.passed.len())
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
