//! `--replay-memory`: what earlier runs of `coseal open` have seen, and what
//! this one sees.
//!
//! It is written when the output is where it should be, not before: who dies in
//! between opens a message twice, and loses none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coseal::{Observed, ReplayMemory, Sighting, Thumbprint, Time};
use coseal_store::{Aside, ReplayFile, StoreError};

use crate::args::messages::Open;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::trust::SKEW;

/// A replay memory in a file, shared by the opener and by who writes it at last.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    file: Arc<ReplayFile>,
    name: String,
}

impl Remembered {
    /// What the caller named, if he did. A new one has no name yet: nobody
    /// shall take it for whole before this run has ended in order.
    pub(crate) fn of(args: &Open) -> Result<Option<(Self, Option<Aside>)>> {
        let Some(max_age) = args.max_age else { return Ok(None) };
        if let Some(path) = &args.new_replay_memory {
            interrupt::listen();
            let begun = ReplayFile::begin(path, max_age, SKEW);
            let (file, aside) = begun.map_err(|error| taken(path, error))?;
            interrupt::removes(aside.path());
            return Ok(Some((Self::new(file, path), Some(aside))));
        }
        args.replay_memory.as_deref().map(|path| Ok((Self::open(path, max_age)?, None))).transpose()
    }

    fn open(path: &Path, max_age: Duration) -> Result<Self> {
        let file = ReplayFile::open(path, max_age, SKEW).map_err(|error| missing(path, error))?;
        Ok(Self::new(file, path))
    }

    fn new(file: ReplayFile, path: &Path) -> Self {
        Self { file: Arc::new(file), name: path.display().to_string() }
    }

    /// Everything that was opened is where it should be.
    pub(crate) fn keep(&self, aside: Option<Aside>) -> Result<()> {
        self.file.flush().map_err(|error| {
            let what = format!("what was opened is not remembered in {}", self.name);
            let failure = Failure::core(what, &error);
            failure.hint("the output is whole; a later run would open the same messages again")
        })?;
        if let Some(aside) = aside {
            aside.commit()?;
        }
        Ok(())
    }
}

impl ReplayMemory for Remembered {
    fn observe(&self, sighting: &Sighting) -> coseal::Result<Observed> {
        self.file.observe(sighting)
    }

    fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time> {
        self.file.latest(log, signer)
    }

    fn flush(&self) -> coseal::Result<()> {
        self.file.flush()
    }
}

/// Nobody should replace it by an empty one in passing.
fn taken(path: &Path, error: StoreError) -> Failure {
    let is_taken = matches!(error, StoreError::Exists { .. });
    let failure = Failure::from(error);
    if is_taken {
        return failure.hint(format!("--replay-memory {} goes on with it", path.display()));
    }
    failure
}

/// The first run has none, and a later one has lost it: that is not the same.
fn missing(path: &Path, error: StoreError) -> Failure {
    let is_missing = matches!(&error, StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
    let failure = Failure::from(error);
    if is_missing {
        return failure.hint(format!(
            "--new-replay-memory {} makes an empty one; where one was lost, docs/runbooks says how to fill it first",
            path.display()
        ));
    }
    failure
}
