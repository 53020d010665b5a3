//! A path or `-` → bytes to read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::failure::{Failure, Result};

/// An open input.
#[derive(Debug)]
pub(crate) struct Input {
    /// As the caller named it.
    pub name: String,
    file: File,
}

impl Input {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let cannot = |error| Failure::io(format!("open {name}"), &error);
        let file = if path.as_os_str() == "-" {
            standard_input().map_err(cannot)?
        } else {
            File::open(path).map_err(cannot)?
        };
        let found = file.metadata().map_err(cannot)?;
        if found.is_dir() {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Self { name, file })
    }

    /// What reading failed with.
    pub(crate) fn failure(&self, error: &io::Error) -> Failure {
        Failure::io(format!("read {}", self.name), error)
    }

    /// Goes on at `offset`.
    pub(crate) fn skip_to(&mut self, offset: u64) -> Result<(), Failure> {
        self.file.seek(SeekFrom::Start(offset)).map(drop).map_err(|error| self.failure(&error))
    }

    /// The first `limit` bytes, or all of it.
    pub(crate) fn read_at_most(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        (&self.file)
            .take(limit as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| self.failure(&error))?;
        Ok(bytes)
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// Standard input without the library's own buffer, which would keep bytes back.
#[cfg(unix)]
pub(crate) fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
pub(crate) fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}
