//! The first bytes of a file: how many, and their SHA-256.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::state::Part;

/// How much is read at once.
const BLOCK: usize = 256 << 10;

#[derive(Clone, Debug, Default)]
pub(super) struct Extent {
    length: u64,
    hash: Sha256,
}

impl Extent {
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes were added.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.hash.update(bytes);
    }

    /// Reads on until there are `length`.
    pub(super) fn advance(&mut self, file: &mut impl Read, length: u64) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        let mut rest = file.take(length.saturating_sub(self.length));
        loop {
            match rest.read(&mut block) {
                Ok(0) if self.length == length => return Ok(()),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.add(block.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// As it is stored.
    pub(super) fn part(&self) -> Part {
        Part { length: self.length, sha256: hex::encode(self.hash.clone().finalize()) }
    }

    /// Whether these are the bytes that were stored.
    pub(super) fn is(&self, part: &Part) -> bool {
        self.part() == *part
    }
}
