//! What a key file is encrypted under.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use coseal::{Error, Malformed};
use zeroize::Zeroizing;

use super::check_permissions;
use crate::read;
use crate::{Result, StoreError};

/// Longest passphrase that is read, in bytes: a long sentence.
const LIMIT: usize = 1024;

/// A passphrase: any bytes. Wiped on drop, silent when printed.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes the bytes over. A buffer that grew while it was filled has left
    /// copies behind: give it its room beforehand.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the first line of a file, without its line end. Nothing behind it
    /// is taken from the file, so that more may follow on a pipe.
    ///
    /// # Errors
    ///
    /// [`StoreError::Permissions`] where group or others can reach it,
    /// [`StoreError::Io`], `malformed/too_large`.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_from(&read::open(path)?, path)
    }

    /// The same of an open file, which errors call `name`.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_from(mut file: &File, name: &Path) -> Result<Self> {
        check_permissions(file, name)?;
        let mut line = Self::new(Vec::with_capacity(LIMIT + 1));
        let mut byte = Zeroizing::new([0]);
        loop {
            match file.read(&mut *byte) {
                Ok(0) => break,
                Ok(_) if *byte == *b"\n" => break,
                Ok(_) => line.0.extend_from_slice(&*byte),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(StoreError::io("read", name)(error)),
            }
            if line.0.len() > LIMIT {
                let detail = format!("the passphrase is longer than {LIMIT} bytes");
                let error = Error::Malformed(Malformed::TooLarge, detail.into());
                return Err(StoreError::core(name)(error));
            }
        }
        if line.0.last() == Some(&b'\r') {
            line.0.pop();
        }
        Ok(line)
    }

    /// Whether there is nothing to it. Nothing new is encrypted under such a one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

impl PartialEq for Passphrase {
    /// Not in constant time: who types a new passphrase twice knows both.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Passphrase {}
