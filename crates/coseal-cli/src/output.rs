//! A path, `-` or nothing → where bytes are written.
//!
//! A regular file is written aside and gets its name when everything is
//! written: a command that is killed, or fails, leaves no half of it. Devices
//! and pipes are written directly.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use coseal_store::{Aside, Existing, Mode};

use crate::args::messages::Out;
use crate::failure::{Failure, Result, Stop, writing};
use crate::interrupt;

/// An open output.
#[derive(Debug)]
pub(crate) struct Output {
    name: PathBuf,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Direct(BufWriter<File>),
    Aside(Box<BufWriter<Aside>>),
}

impl Output {
    /// What the caller asked for.
    fn open(out: &Out) -> Result<Self> {
        match &out.out {
            Some(path) if !out.is_standard() => {
                Self::file(path, if out.force { Existing::Replace } else { Existing::Refuse })
            }
            _ => Self::standard(),
        }
    }

    /// The same, unless it would be written over one of the `named` files.
    pub(crate) fn beside<'p>(out: &Out, named: impl IntoIterator<Item = &'p Path>) -> Result<Self> {
        if let Some(path) = out.out.as_deref().filter(|_| !out.is_standard()) {
            refuse_named(path, named)?;
        }
        Self::open(out)
    }

    /// Standard output.
    pub(crate) fn standard() -> Result<Self> {
        let name = PathBuf::from("standard output");
        let file = standard_output().map_err(writing(&name))?;
        Ok(Self { name, sink: Sink::Direct(BufWriter::new(file)) })
    }

    fn file(path: &Path, existing: Existing) -> Result<Self> {
        let name = path.to_owned();
        let sink = match std::fs::metadata(path) {
            // Replacing /dev/null by a file would be a surprise.
            Ok(found) if !found.is_file() && !found.is_dir() => {
                let file = File::options().write(true).open(path).map_err(writing(path))?;
                Sink::Direct(BufWriter::new(file))
            }
            _ => {
                interrupt::listen();
                let aside = Aside::create(path, existing, Mode::Shared)?;
                interrupt::removes(aside.path());
                Sink::Aside(Box::new(BufWriter::new(aside)))
            }
        };
        Ok(Self { name, sink })
    }

    /// What a failed write means.
    pub(crate) fn failure(&self) -> impl FnOnce(io::Error) -> Stop {
        writing(&self.name)
    }

    /// Everything is written: gives a file its name. That nobody reads the rest
    /// is no failure, but the answer to it is `false`.
    pub(crate) fn finish(self) -> Result<bool> {
        match self.sink {
            Sink::Direct(mut file) => match file.flush().map_err(writing(&self.name)) {
                Err(Stop::ClosedPipe) => Ok(false),
                other => other.map(|()| true),
            },
            Sink::Aside(aside) => {
                let aside =
                    aside.into_inner().map_err(|error| writing(&self.name)(error.into_error()))?;
                aside.commit()?;
                Ok(true)
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Direct(file) => file.write(bytes),
            Sink::Aside(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Direct(file) => file.flush(),
            Sink::Aside(file) => file.flush(),
        }
    }
}

impl Out {
    /// Whether that is standard output, asked for or not.
    pub(crate) fn is_standard(&self) -> bool {
        self.out.as_deref().is_none_or(|path| path.as_os_str() == "-")
    }
}

/// Refuses to write over a key, a trust bundle or a state that the same command
/// was told to use, whatever --force says.
pub(crate) fn refuse_named<'p>(
    out: &Path,
    named: impl IntoIterator<Item = &'p Path>,
) -> Result<()> {
    match named.into_iter().find(|path| coseal_store::is_same_file(out, path)) {
        None => Ok(()),
        Some(path) => Err(Failure::misuse(format!(
            "{} would be written over {}, which this command uses",
            out.display(),
            path.display()
        ))
        .hint("give the output another name")
        .into()),
    }
}

/// Whether the bytes would land on a terminal that nobody asked for by `-o -`.
pub(crate) fn is_unasked_terminal(out: &Out) -> bool {
    out.out.is_none() && is_terminal()
}

/// Whether standard output is watched.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether what goes there may be coloured.
pub(crate) fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Refuses to write binary to such a terminal.
pub(crate) fn refuse_terminal(out: &Out, what: &str) -> Result<()> {
    if is_unasked_terminal(out) {
        return Err(Failure::misuse(format!("{what} and would go to a terminal"))
            .hint("-o FILE writes a file; -o - writes to the terminal all the same")
            .into());
    }
    Ok(())
}

/// Standard output without the library's line buffer.
#[cfg(unix)]
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn standard_output() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}
