//! The highest trust bundle seen, across restarts: what keeps an older one, or
//! a fork of the same one, from being believed again.

use std::io;
use std::path::{Path, PathBuf};

use coseal::{Error, Malformed, TrustState, Unsupported, Untrusted, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::lock::Lock;
use crate::{Existing, Mode, Result, StoreError, aside, read};

#[cfg(test)]
mod tests;

/// Largest state file, in bytes: room for more root keys than a bundle can name.
const LIMIT: usize = 16 << 20;

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// A file that remembers one trust domain's highest bundle.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The state kept at `path`, which need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// What is remembered; `None` before the first time.
    ///
    /// # Errors
    ///
    /// `malformed/structure`, `unsupported/version`; `misuse` for a pipe or a
    /// device; [`StoreError::Io`].
    pub fn read(&self) -> Result<Option<TrustState>> {
        read::refuse_pipe(&self.path)?;
        match std::fs::File::open(&self.path) {
            Ok(file) => self.decode(&file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("open", &self.path)(error)),
        }
    }

    /// Shows `step` what is remembered and remembers what it answers, with
    /// nobody else in between. `step` runs again where the state has to be
    /// moved, or another process was first to create the file.
    ///
    /// # Errors
    ///
    /// `untrusted/rolled_back` where the answer lies below what is remembered;
    /// those of [`read`](Self::read), and those of `step`.
    pub fn advance<T, E: From<StoreError>>(
        &self,
        mut step: impl FnMut(Option<TrustState>) -> Result<(TrustState, T), E>,
    ) -> Result<T, E> {
        // Files are replaced whole, so what is there can be read without a lock.
        // Where nothing moves, nobody waits for anybody.
        if let Some(seen) = self.read()? {
            let (next, value) = step(Some(seen.clone()))?;
            forward(&seen, &next).map_err(StoreError::core(&self.path))?;
            if seen.sequence == next.sequence {
                return Ok(value);
            }
        }
        loop {
            let lock = Lock::acquire(&self.path)?;
            let seen = lock.as_ref().map(|lock| self.decode(lock.file())).transpose()?;
            let (next, value) = step(seen.clone())?;
            if let Some(seen) = &seen {
                forward(seen, &next).map_err(StoreError::core(&self.path))?;
                if seen.sequence == next.sequence {
                    return Ok(value);
                }
            }
            let existing = if seen.is_some() { Existing::Replace } else { Existing::Refuse };
            match aside::write(&self.path, &encode(&next), existing, Mode::Private) {
                Ok(()) => return Ok(value),
                // Another process wrote the first state: judge against that one.
                Err(StoreError::Exists { .. }) if seen.is_none() && self.path.is_file() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Where the state is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn decode(&self, file: &std::fs::File) -> Result<TrustState> {
        let bytes = read::bounded(file, &self.path, LIMIT)?;
        decode(&bytes).map_err(StoreError::core(&self.path))
    }
}

/// Refuses a step back, and a step aside.
fn forward(seen: &TrustState, next: &TrustState) -> coseal::Result<()> {
    if seen.domain != next.domain {
        let detail = format!(
            "the state is of the trust domain {:?}, the bundle of {:?}",
            seen.domain, next.domain
        );
        return Err(Error::Untrusted(Untrusted::WrongDomain, detail.into()));
    }
    let forked = next.sequence == seen.sequence && next.digest != seen.digest;
    if next.sequence < seen.sequence || forked {
        let detail =
            format!("bundle {} was seen already; this one is {}", seen.sequence, next.sequence);
        return Err(Error::Untrusted(Untrusted::RolledBack, detail.into()));
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u64,
    domain: String,
    sequence: u64,
    digest: String,
    roots: Vec<String>,
}

/// Read first, so that a later version is named as such, not as malformed.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

fn encode(state: &TrustState) -> Vec<u8> {
    let stored = Stored {
        version: VERSION,
        domain: state.domain.clone(),
        sequence: state.sequence,
        digest: hex::encode(state.digest),
        roots: state.roots.iter().map(|root| hex::encode(root.as_bytes())).collect(),
    };
    // Strings and numbers only: this cannot fail.
    let mut bytes = serde_json::to_vec_pretty(&stored).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn decode(bytes: &[u8]) -> coseal::Result<TrustState> {
    let malformed = |what: &str| {
        Error::Malformed(Malformed::Structure, format!("this is no state file: {what}").into())
    };
    let Version { version } =
        serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))?;
    if version != VERSION {
        let detail = format!(
            "this state file is of version {version}; this program knows version {VERSION}"
        );
        return Err(Error::Unsupported(Unsupported::Version, detail.into()));
    }
    let stored: Stored =
        serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))?;
    let key = |digits: &String| {
        let bytes =
            bytes32(digits).ok_or_else(|| malformed("a root is not 64 hexadecimal digits"))?;
        VerifyingKey::from_bytes(&bytes)
    };
    Ok(TrustState {
        domain: stored.domain,
        sequence: stored.sequence,
        digest: bytes32(&stored.digest)
            .ok_or_else(|| malformed("the digest is not 64 hexadecimal digits"))?,
        roots: stored.roots.iter().map(key).collect::<coseal::Result<_>>()?,
    })
}

fn bytes32(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}
