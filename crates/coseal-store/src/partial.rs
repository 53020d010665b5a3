//! A long job's output → a file that gets its name when the job is done, and a
//! state beside it from which the same job goes on after a crash.
//!
//! Until then the output is `NAME.partial`, and how far it came stands in
//! `NAME.partial.state`. What is marked is on the disk; what was written behind
//! the last mark is cut off and done again. Nothing that is found is trusted to
//! be what was left: a job goes on only where it has the same options, the part
//! of the input that it read is the same, and so is the output.

mod extent;
mod names;
mod state;

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use same_file::Handle;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aside::resolve;
use crate::{Existing, Result, StoreError, is_same_file};
use extent::Extent;
use names::{Names, acquire, create, remove};
use state::Stored;

#[cfg(test)]
mod tests;

/// A mark is due after this long: what a crash costs.
const PAUSE: Duration = Duration::from_secs(1);

/// It is due as well where this part of the output lies behind the last one, so
/// that short jobs have some, too.
const PART: u64 = 8;

/// But a mark waits for the disk: for less than this it is not worth it.
const LEAST: u64 = 64 << 10;

/// What a job is, besides its output: it goes on only where both are the same.
#[derive(Clone, Copy, Debug)]
pub struct Job<'j> {
    /// A regular file, read from its beginning to its end.
    pub input: &'j Path,
    /// Everything else that decides about the output, the same for the same. It
    /// stands in the state: no secrets.
    pub options: &'j str,
}

/// How far a job came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark<T> {
    /// Bytes of the input that are done with.
    pub read: u64,
    /// What the job wants to remember besides.
    pub notes: T,
}

/// Where a job stands when it begins.
#[derive(Debug)]
pub enum Begun<T> {
    /// At its beginning.
    New(Box<Partial>),
    /// Where it was interrupted.
    Again(Box<Partial>, Mark<T>),
    /// At its end: when it was interrupted, the output had its name already.
    Done(Mark<T>),
}

/// The output of a job that is under way. Dropping it leaves it to be continued.
#[derive(Debug)]
pub struct Partial {
    names: Names,
    options: String,
    source: Source,
    file: BufWriter<File>,
    written: Extent,
    marked: u64,
    marked_at: Instant,
}

/// The input, read a second time: what was done with is hashed at every mark.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    file: File,
    length: u64,
    done: Extent,
}

impl Partial {
    /// Begins a job whose output will have the name `target`, or goes on with
    /// it. Where `target` is a symbolic link, the file that it leads to is
    /// meant. It may be the input itself.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] as for [`Aside`](crate::Aside);
    /// [`StoreError::Unfinished`] where another job is under way, or what is
    /// there is not what was left; [`StoreError::InUse`] where this one is;
    /// [`StoreError::Core`] where the state is none; [`StoreError::Io`].
    pub fn begin<T>(target: &Path, existing: Existing, job: &Job<'_>) -> Result<Begun<T>>
    where
        T: Serialize + DeserializeOwned + Default + Clone,
    {
        // Whether it may be replaced is asked below: it may be this job's own.
        let (target, replaced) = resolve(target, Existing::Replace)?;
        let names = Names::of(target, existing);
        let source = Source::open(job.input)?;
        let found = acquire(&names.partial)?;
        if found.is_none()
            && let Some(stored) = state::read::<T>(&names.state)?
            && stored.complete
            && stored.options == job.options
            && names.hold(&stored.output)?
            // Nobody else's job: what was read is what would be read now, unless
            // the output has taken its place.
            && (is_same_file(job.input, &names.target) || Source::open(job.input)?.is(&stored)?)
        {
            remove(&names.state)?;
            return Ok(Begun::Done(stored.mark()));
        }
        if replaced.is_some() && existing == Existing::Refuse {
            return Err(StoreError::Exists { path: names.target });
        }
        let file = match found {
            Some(file) => file,
            None => create(&names.partial, replaced.as_ref())?,
        };
        let found = file.metadata().map_err(StoreError::io("read", &names.partial))?;
        let mut partial = Box::new(Self::new(names, job, source, file));
        // Where nothing was written, nothing is lost by beginning anew.
        if found.len() == 0 {
            partial.write_state(0, &T::default(), false)?;
            return Ok(Begun::New(partial));
        }
        let stored = state::read(&partial.names.state)?;
        let stored = stored.ok_or_else(|| partial.names.unfinished("its state is missing"))?;
        partial.resume(&stored)?;
        Ok(Begun::Again(partial, stored.mark()))
    }

    fn new(names: Names, job: &Job<'_>, source: Source, file: File) -> Self {
        Self {
            names,
            options: job.options.to_owned(),
            source,
            file: BufWriter::new(file),
            written: Extent::default(),
            marked: 0,
            marked_at: Instant::now(),
        }
    }

    /// Takes up what was left, if it is what was marked.
    fn resume<T>(&mut self, stored: &Stored<T>) -> Result<()> {
        let Self { names, options, source, file, written, .. } = self;
        if stored.options != *options {
            return Err(names.unfinished("it was begun with other options"));
        }
        let length = stored.input.length;
        if length > source.length || stored.input_length != source.length {
            return Err(names.unfinished("the input has another length than it had"));
        }
        source
            .done
            .advance(&mut source.file, length)
            .map_err(StoreError::io("read", &source.path))?;
        if !source.done.is(&stored.input) {
            return Err(names.unfinished("the input is not what it was"));
        }
        let file = file.get_mut();
        let io = |action| StoreError::io(action, &names.partial);
        if file.metadata().map_err(io("read"))?.len() < stored.output.length {
            return Err(names.unfinished("a part of it is gone"));
        }
        written.advance(file, stored.output.length).map_err(io("read"))?;
        if !written.is(&stored.output) {
            return Err(names.unfinished("it is not what was written"));
        }
        file.set_len(written.length()).map_err(io("cut"))?;
        file.seek(SeekFrom::Start(written.length())).map_err(io("write"))?;
        self.marked = self.written.length();
        Ok(())
    }

    /// Where the output is until it has its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.names.partial
    }

    /// Whether enough was written since the last mark for another.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let behind = self.written.length() - self.marked;
        behind >= LEAST
            && (behind >= self.written.length() / PART || self.marked_at.elapsed() >= PAUSE)
    }

    /// What was written until here is what becomes of the first `read` bytes of
    /// the input: a crash from now on loses nothing of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`]; the last mark stays then.
    pub fn mark<T: Serialize>(&mut self, read: u64, notes: &T) -> Result<()> {
        self.write_state(read, notes, false)
    }

    /// Everything is written: gives the output its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] where something took the name meanwhile;
    /// [`StoreError::Unfinished`] where the input, which it would replace, was
    /// changed meanwhile; [`StoreError::Io`]. What was written stays, to be
    /// continued.
    pub fn commit<T: Serialize>(mut self, read: u64, notes: &T) -> Result<()> {
        self.write_state(read, notes, true)?;
        if is_same_file(&self.source.path, &self.names.target) && self.source.has_changed()? {
            // To be replaced, with what somebody added meanwhile.
            return Err(self.names.unfinished("the input was changed while it was read"));
        }
        self.names.give()
    }

    fn write_state<T: Serialize>(&mut self, read: u64, notes: &T, complete: bool) -> Result<()> {
        // Before the state says so.
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(StoreError::io("write", &self.names.partial))?;
        let Source { path, file, done, .. } = &mut self.source;
        done.advance(file, read).map_err(StoreError::io("read", path))?;
        let stored = Stored::new(&self.options, &self.source, &self.written, notes, complete);
        state::write(&self.names.state, &stored)?;
        (self.marked, self.marked_at) = (self.written.length(), Instant::now());
        Ok(())
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written.add(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Source {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let length = file.metadata().map_err(StoreError::io("read", path))?.len();
        Ok(Self { path: path.to_owned(), file, length, done: Extent::default() })
    }

    /// Whether all of it is what a job had read when it was done.
    fn is<T>(mut self, stored: &Stored<T>) -> Result<bool> {
        if stored.input.length != self.length {
            return Ok(false);
        }
        let read = self.done.advance(&mut self.file, self.length);
        read.map_err(StoreError::io("read", &self.path))?;
        Ok(self.done.is(&stored.input))
    }

    /// Whether another file has the name now, or something was added.
    fn has_changed(&self) -> Result<bool> {
        let io = |error| StoreError::io("read", &self.path)(error);
        let opened = self.file.try_clone().and_then(Handle::from_file).map_err(io)?;
        let named = Handle::from_path(&self.path).map_err(io)?;
        let length = named.as_file().metadata().map_err(io)?.len();
        Ok(opened != named || length != self.length)
    }
}
