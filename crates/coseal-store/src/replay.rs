//! A file → a replay memory that survives its process: what was flushed is
//! never forgotten, what was not is delivered again by the carrier.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coseal::{Error, Observed, ReplayIndex, ReplayMemory, Sighting, Thumbprint, Time};

use crate::database::Database;
use crate::{Aside, Result, StoreError};

const KIND: &str = "replay memory";

/// A durable replay memory, in a file that one process holds at a time.
///
/// Messages are looked up in memory, so a check costs what it costs
/// [`InMemoryReplay`](coseal::InMemoryReplay), and the memory held is the same.
/// [`flush`](ReplayMemory::flush) writes what changed since the last one, in
/// pages of 256 sequences (65,536 where there are no positions), and returns
/// when it is on disk. What nobody can ask for any more is forgotten here as
/// there.
///
/// A memory that was lost is not made anew in silence: [`open`](Self::open)
/// fails where there is no file. A file on a machine whose clock once stood far
/// ahead refuses what comes without positions until that time: remove it then,
/// and rebuild it as [`ReplayMemory`] says.
#[derive(Debug)]
pub struct ReplayFile {
    index: Mutex<ReplayIndex>,
    /// One flush at a time, so that none overwrites what a later one wrote.
    database: Mutex<Database>,
}

impl ReplayFile {
    /// Makes an empty memory at `path`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] where something is there; [`StoreError::Io`].
    pub fn create(path: impl AsRef<Path>) -> Result<()> {
        Database::create(path.as_ref(), KIND)
    }

    /// Makes an empty memory that will be at `path`: when it is filled and
    /// flushed, the second of the two gives it its name. Dropping that instead
    /// leaves nothing, so nobody takes a memory for whole that was not filled.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn begin(
        path: impl AsRef<Path>,
        window: Duration,
        skew: Duration,
    ) -> Result<(Self, Aside)> {
        let aside = Database::begin(path.as_ref(), KIND)?;
        Ok((Self::open(aside.path(), window, skew)?, aside))
    }

    /// Opens the memory at `path`, which remembers every message for `window`
    /// and two `skew`s from now on.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] where another process has it;
    /// `malformed/structure` where it is something else, or damaged;
    /// `unsupported/version`; [`StoreError::Io`], also where nothing is there.
    pub fn open(path: impl AsRef<Path>, window: Duration, skew: Duration) -> Result<Self> {
        let mut index = ReplayIndex::durable(window, skew);
        let database = Database::open(path.as_ref(), KIND, |key, value| index.restore(key, value))?;
        Ok(Self { index: Mutex::new(index), database: Mutex::new(database) })
    }

    /// The memory held, in bytes, beside some 4 MiB for the file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.index().bytes()
    }

    /// As in the core, a panic elsewhere leaves nothing here that is worse than
    /// forgetting what was not flushed.
    fn index(&self) -> MutexGuard<'_, ReplayIndex> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_changes(&self) -> Result<()> {
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.index().take_changes();
        if changes.is_empty() {
            return Ok(());
        }
        // Messages are looked up meanwhile.
        let records = changes.iter().map(|record| (&*record.key, record.value.as_deref()));
        database.write(records).inspect_err(|_| self.index().put_back(&changes))
    }
}

impl ReplayMemory for ReplayFile {
    fn observe(&self, sighting: &Sighting) -> coseal::Result<Observed> {
        Ok(self.index().observe(sighting))
    }

    fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time> {
        self.index().latest(log, signer)
    }

    fn may_have_forgotten(&self, sighting: &Sighting) -> bool {
        self.index().may_have_forgotten(sighting)
    }

    fn flush(&self) -> coseal::Result<()> {
        self.write_changes().map_err(|error: StoreError| Error::Carrier(error.into()))
    }
}
