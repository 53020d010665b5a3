//! A file → where the chains of this host's sealers ended, so that the next
//! sealer can go on with one, and nobody ever goes on with the same one twice.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use coseal::{ChainEnd, EpochId, Error, Malformed, Sealer, SealerBuilder, VerifyingKey};

use crate::database::Database;
use crate::{Result, StoreError};

#[cfg(test)]
mod tests;

const KIND: &str = "file of chains";

/// Ends of chains, in a file that one process holds at a time. Of any number of
/// sealers: an end belongs to a signing key and a channel.
///
/// A sealer that was ended in order leaves its end here. The next one of the
/// same key and channel *takes* it: it is gone from the file, on disk, before
/// that sealer seals anything. So whatever happens, no two chains name the same
/// predecessor; a process that crashed leaves nothing, and the next sealer
/// begins a new chain, which claims nothing.
///
/// A file that is lost loses no more than that. One that is put back from a
/// backup, or copied to a second host, makes two chains go on with one end:
/// remove it instead.
///
/// ```
/// # use coseal::{ReceivingKey, Sealer, SigningKey};
/// use coseal_store::ChainFile;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("chains");
/// # let (key, billing) = (SigningKey::from_bytes(&[1; 32]), ReceivingKey::generate()?);
/// # let key = || SigningKey::from_bytes(&[1; 32]);
/// let chains = ChainFile::open_or_create(&path)?;
/// let builder = Sealer::builder(key(), "orders.eu").recipient(billing.recipient_key());
/// let sealer = chains.begin(builder)?;
/// let envelope = sealer.seal(b"payload")?;
/// // … once all of them are published:
/// chains.end(sealer)?;
/// # drop(chains);
/// # let chains = ChainFile::open_or_create(&path)?;
/// # let builder = Sealer::builder(key(), "orders.eu").recipient(billing.recipient_key());
/// # let next = chains.begin(builder)?.seal(b"next")?;
/// # let next = coseal::Envelope::decode(&next)?;
/// # assert_eq!(next.unverified_header().previous().map(|end| end.messages), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ChainFile {
    /// Locked while an end is taken, so that no two sealers take the same one.
    database: Mutex<Database>,
    path: PathBuf,
    process: u32,
}

impl ChainFile {
    /// Opens the file at `path`, or makes an empty one where nothing is.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] where another process has it;
    /// `malformed/structure` where it is something else, or damaged;
    /// `unsupported/version`; [`StoreError::Io`].
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match Database::create(path, KIND) {
            Ok(()) | Err(StoreError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        let database = Database::open(path, KIND, |key, value| decode(key, value).map(drop))?;
        let process = std::process::id();
        Ok(Self { database: Mutex::new(database), path: path.to_owned(), process })
    }

    /// Builds a sealer that goes on with a chain of its key and channel, if one
    /// was ended here; that end is taken, also where building fails.
    ///
    /// # Errors
    ///
    /// Those of [`SealerBuilder::build`], in [`StoreError::Core`];
    /// [`StoreError::Io`]; [`StoreError::InUse`] in a process that was forked
    /// off the one that opened the file.
    pub fn begin(&self, builder: SealerBuilder) -> Result<Sealer> {
        let end = self.take(builder.verifying_key(), builder.channel())?;
        let builder = match end {
            Some(end) => builder.continue_from(end),
            None => builder,
        };
        builder.build().map_err(StoreError::core(&self.path))
    }

    /// Ends a sealer in order: the next one of its key and channel may go on
    /// with its chain. To be called when everything that it sealed is where it
    /// should be; a sealer that is only dropped leaves nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`]; [`StoreError::InUse`] as in [`begin`](Self::begin).
    /// The chain ends then.
    pub fn end(&self, sealer: Sealer) -> Result<()> {
        let place = place(sealer.verifying_key(), sealer.channel());
        let Some(ChainEnd { epoch, messages }) = sealer.close() else { return Ok(()) };
        let key = [&place[..], epoch.as_bytes()].concat();
        self.database()?.write([(&*key, Some(&messages.to_be_bytes()[..]))])
    }

    fn take(&self, signer: &VerifyingKey, channel: &str) -> Result<Option<ChainEnd>> {
        let place = place(signer, channel);
        let mut found = None;
        let database = self.database()?;
        database.read(&place, |key, value| {
            if let Some(epoch) = key.strip_prefix(&*place) {
                found = Some((key.to_vec(), end(epoch, value)?));
            }
            Ok(false)
        })?;
        let Some((key, end)) = found else { return Ok(None) };
        database.write([(&*key, None)])?;
        Ok(Some(end))
    }

    /// A forked process has the parent's file, and a memory of its own of what
    /// is in it.
    fn database(&self) -> Result<MutexGuard<'_, Database>> {
        if self.process != std::process::id() {
            return Err(StoreError::InUse { path: self.path.clone() });
        }
        Ok(self.database.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the keys of a signer and a channel begin with. No channel has a NUL in
/// it, so none is the beginning of another.
fn place(signer: &VerifyingKey, channel: &str) -> Vec<u8> {
    [signer.thumbprint().as_bytes(), channel.as_bytes(), &[0]].concat()
}

/// The thumbprint, the channel, a NUL and the epoch's ID; the number of messages.
fn decode(key: &[u8], value: &[u8]) -> coseal::Result<ChainEnd> {
    let (place, epoch) = key.split_last_chunk::<8>().ok_or_else(not_an_end)?;
    match place.split_first_chunk::<32>() {
        Some((_, [channel @ .., 0])) if !channel.is_empty() && !channel.contains(&0) => {
            end(epoch, value)
        }
        _ => Err(not_an_end()),
    }
}

fn end(epoch: &[u8], value: &[u8]) -> coseal::Result<ChainEnd> {
    let epoch = epoch.try_into().map_err(|_| not_an_end())?;
    let messages = u64::from_be_bytes(value.try_into().map_err(|_| not_an_end())?);
    Ok(ChainEnd { epoch: EpochId::from_bytes(epoch), messages })
}

fn not_an_end() -> Error {
    Error::Malformed(Malformed::Structure, "it has a record that is no end of a chain".into())
}
