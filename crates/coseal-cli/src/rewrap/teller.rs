//! What became of the blocks, in the order of the input: written, told, counted
//! and remembered.

use super::block::Done;
use super::sink::Sink;
use super::tally::Tally;
use crate::failure::{Exit, Failure, Result, Stop};
use crate::progress::Progress;
use crate::{interrupt, report};

/// Where results go.
#[derive(Debug)]
pub(super) struct Teller {
    sink: Sink,
    tally: Tally,
    progress: Progress,
    /// How many bytes of the input were read.
    read: u64,
}

impl Teller {
    /// From a byte of the input on, with what it came to before.
    pub(super) const fn new(sink: Sink, tally: Tally, progress: Progress, read: u64) -> Self {
        Self { sink, tally, progress, read }
    }

    /// Nothing to do.
    pub(super) fn idle(&mut self) -> Result<()> {
        self.sink.idle()
    }

    /// Writes and tells what became of the next block.
    pub(super) fn tell(&mut self, done: Done) -> Result<()> {
        self.sink.write(&done.out)?;
        // One hint for each code is enough, however many envelopes are refused.
        let mut hinted = self.tally.clone();
        for mut failure in done.told {
            if hinted.has_refused(&failure.code) {
                failure.hint = None;
            }
            hinted.refuse(&failure.code);
            self.progress.pause(|| report::failure(&failure));
        }
        self.tally.add(&done.tally);
        self.read = done.read;
        self.progress.at(done.read);
        let is_asked = interrupt::is_asked();
        if let Some((next, read)) = done.next {
            self.tally.next = next;
            self.sink.mark(read, &self.tally, is_asked || done.stop.is_some())?;
        }
        if let Some(failure) = done.stop {
            return Err(failure.into());
        }
        if is_asked && let Some(path) = self.sink.partial() {
            self.progress.clear();
            let path = path.display();
            report::warning(&format!(
                "interrupted: what was done is kept in {path}. The same command goes on from there; rm {path} {path}.state gives it up"
            ));
            interrupt::exit();
        }
        Ok(())
    }

    /// The input ended, or nothing more can be done.
    pub(super) fn finish(self, ended: Result<()>) -> Result<Exit> {
        let Self { sink, tally, progress, read } = self;
        progress.clear();
        match ended {
            Ok(()) => sink.finish(read, &tally)?,
            // Nobody reads on; what was refused until here was refused.
            Err(Stop::ClosedPipe) => return Ok(tally.exit()),
            Err(Stop::Failure(failure)) => {
                let failure: Failure = *failure;
                return Err(sink.hint(failure).into());
            }
        }
        tally.tell();
        Ok(tally.exit())
    }
}
