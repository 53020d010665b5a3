//! A file that others replace → offers to the keeper.

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::read::refuse_pipe;
use crate::{Offered, Result, StoreError, TrustKeeper, read_bundle};

/// A trust bundle file that is offered to a [`TrustKeeper`] whenever it is
/// looked at.
///
/// It is read whole every time: notifications of the system do not come over
/// network file systems or into every container, and neither size nor times of
/// a file tell for certain that it changed. Bytes that are in force already cost
/// a read and a comparison.
///
/// Whoever writes the file should replace it by renaming. One that is caught
/// half written is refused like any bad bundle, displaces nothing, and is read
/// again the next time.
#[derive(Debug, Clone)]
pub struct WatchedFile {
    path: PathBuf,
    keeper: Arc<TrustKeeper>,
}

impl WatchedFile {
    /// The file at `path`, for `keeper`.
    pub fn new(path: impl Into<PathBuf>, keeper: Arc<TrustKeeper>) -> Self {
        Self { path: path.into(), keeper }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file and offers what is in it. Starts no thread; the caller
    /// says when.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] where it cannot be read, as when it is gone;
    /// [`StoreError::Core`] where it is no regular file, and with those of [`TrustKeeper::offer`]. What was in
    /// force stays.
    pub fn poll(&self) -> Result<Offered> {
        refuse_pipe(&self.path)?;
        let bytes = read_bundle(&self.path)?;
        self.keeper.offer(&bytes).map_err(StoreError::core(&self.path))
    }

    /// Looks at the file every `interval`, in a thread of its own, until the
    /// answer is dropped. `tell` is called with whatever is accepted, and with
    /// every other outcome that differs from the one before: that the file is
    /// gone or refused, once, and that it is as it should be again. Should it
    /// panic, or the keeper's observer, bundles still come in.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] where there is no thread to be had.
    pub fn spawn(
        self,
        interval: Duration,
        mut tell: impl FnMut(&Result<Offered>) + Send + 'static,
    ) -> Result<Watch> {
        let (stop, stopped) = mpsc::channel::<()>();
        let path = self.path.clone();
        let watch = move || {
            let mut last = None;
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let round = AssertUnwindSafe(|| {
                    let outcome = self.poll();
                    let fault = outcome.as_ref().err().map(kind_of);
                    let before = std::mem::replace(&mut last, fault);
                    if last != before || matches!(outcome, Ok(Offered::Accepted)) {
                        tell(&outcome);
                    }
                });
                // Its message was printed. A revocation must not wait for ever
                // because somebody failed to log the bundle before it.
                let _ = panic::catch_unwind(round);
            }
        };
        let thread = thread::Builder::new().name("coseal-trust".into()).spawn(watch);
        let thread = thread.map_err(StoreError::io("start a thread to watch", &path))?;
        Ok(Watch { stop: Some(stop), thread: Some(thread) })
    }
}

/// What a fault is told once for: the words may have a time in them.
fn kind_of(error: &StoreError) -> String {
    if let StoreError::Core { source, .. } = error
        && let Some(kind) = source.kind()
    {
        return format!("{}/{kind}", source.code());
    }
    error.to_string()
}

/// A file being watched. Ends, and waits for the thread, when dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct Watch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // Where `tell` panicked, that was told by its own message.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
