//! Where the output goes: from a file to a file, into one that can be continued;
//! else wherever the other commands write.

use std::io::Write;
use std::path::Path;

use coseal_store::{Begun, Existing, Job, Mark, Partial};

use super::tally::Tally;
use crate::args::messages::Rewrap;
use crate::failure::{Failure, Result, writing};
use crate::interrupt;
use crate::output::{Output, refuse_named};

/// An open output.
#[derive(Debug)]
pub(super) enum Sink {
    /// A pipe, a device, or a file made of what cannot be read again.
    Direct(Output),
    /// A file.
    Partial(Box<Partial>),
}

/// What was found where the output goes.
#[derive(Debug)]
pub(super) enum Opened {
    New(Sink),
    /// The same job was interrupted here.
    Again(Sink, Mark<Tally>),
    /// The same job was interrupted when it was done.
    Done(Tally),
}

/// Opens what the caller asked for, unless it would be written over one of the
/// `named` files.
pub(super) fn open<'p>(
    args: &Rewrap,
    named: impl Iterator<Item = &'p Path>,
    options: &str,
) -> Result<Opened> {
    let out = args.out.out.as_deref().filter(|_| !args.out.is_standard());
    let Some(out) = out.filter(|out| is_file_to_file(&args.input, out)) else {
        return Ok(Opened::New(Sink::Direct(Output::beside(&args.out, named)?)));
    };
    refuse_named(out, named)?;
    let existing = if args.out.force { Existing::Replace } else { Existing::Refuse };
    let begun = Partial::begin(out, existing, &Job { input: &args.input, options })?;
    interrupt::asks();
    Ok(match begun {
        Begun::New(partial) => Opened::New(Sink::Partial(partial)),
        Begun::Again(partial, mark) => Opened::Again(Sink::Partial(partial), mark),
        Begun::Done(mark) => Opened::Done(mark.notes),
    })
}

/// Whether the input can be read again, and the output be taken up again.
fn is_file_to_file(input: &Path, out: &Path) -> bool {
    let is_file = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.is_file());
    input.as_os_str() != "-" && is_file(input) && (is_file(out) || !out.exists())
}

impl Sink {
    /// Writes all of it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Direct(out) => out.write_all(bytes).map_err(out.failure()),
            Self::Partial(partial) => {
                partial.write_all(bytes).map_err(|error| writing(partial.path())(error))
            }
        }
    }

    /// There is nothing to be written at the moment: whoever reads it gets what there is.
    pub(super) fn idle(&mut self) -> Result<()> {
        match self {
            Self::Direct(out) => out.flush().map_err(out.failure()),
            Self::Partial(_) => Ok(()),
        }
    }

    /// The output stands for the first `read` bytes of the input. Remembered if
    /// that is worth it, or `now`.
    pub(super) fn mark(&mut self, read: u64, tally: &Tally, now: bool) -> Result<()> {
        if let Self::Partial(partial) = self
            && (now || partial.is_due())
        {
            partial.mark(read, tally)?;
        }
        Ok(())
    }

    /// Everything is written.
    pub(super) fn finish(self, read: u64, tally: &Tally) -> Result<()> {
        match self {
            Self::Direct(out) => out.finish().map(drop),
            Self::Partial(partial) => Ok(partial.commit(read, tally)?),
        }
    }

    /// The file that holds what was done, where that can be gone on with.
    pub(super) fn partial(&self) -> Option<&Path> {
        match self {
            Self::Direct(_) => None,
            Self::Partial(partial) => Some(partial.path()),
        }
    }

    /// What the caller can do about a failure.
    pub(super) fn hint(&self, failure: Failure) -> Failure {
        match self.partial() {
            None => failure,
            Some(path) => failure.hint(format!(
                "what was done is kept in {}: the same command goes on from there",
                path.display()
            )),
        }
    }
}
