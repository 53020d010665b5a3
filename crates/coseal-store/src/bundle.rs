//! Trust bundle files: loaded under the pinned roots and the state, edited by
//! one at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use coseal::{Time, TrustAnchor, TrustBundle, TrustState, VerifyingKey, limits};

use crate::lock::{Lock, is_same_file};
use crate::{Existing, Mode, Result, StateFile, StoreError, aside, read};

#[cfg(test)]
mod tests;

/// A trust bundle file and what it must satisfy to be believed.
#[derive(Clone, Debug)]
pub struct BundleFile {
    path: PathBuf,
    roots: Arc<[VerifyingKey]>,
    domain: Option<String>,
    state: Option<StateFile>,
}

impl BundleFile {
    /// The bundle at `path`. It is believed under no root until some are pinned.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), roots: Arc::new([]), domain: None, state: None }
    }

    /// The root keys that may have signed it.
    #[must_use]
    pub fn pinned(mut self, roots: impl IntoIterator<Item = VerifyingKey>) -> Self {
        self.roots = roots.into_iter().collect();
        self
    }

    /// The trust domain it must be of.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Where the highest bundle seen is remembered. Without this a rollback goes unnoticed.
    #[must_use]
    pub fn state(mut self, path: impl Into<PathBuf>) -> Self {
        self.state = Some(StateFile::at(path));
        self
    }

    /// Reads and checks it, and remembers it as seen.
    ///
    /// # Errors
    ///
    /// [`StoreError::Core`] with those of [`TrustBundle::load`]; [`StoreError::Io`].
    pub fn load(&self, now: Time) -> Result<TrustBundle> {
        let load = |seen| self.check(&read_bundle(&self.path)?, seen, now);
        match &self.state {
            Some(state) => state.advance(|seen| {
                let bundle = load(seen)?;
                Ok((bundle.state(), bundle))
            }),
            None => load(None),
        }
    }

    /// Writes a bundle that does not follow another one.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load), for bytes that would not be believed; then nothing is written.
    /// [`StoreError::Exists`].
    pub fn create(&self, bytes: &[u8], now: Time, existing: Existing) -> Result<TrustBundle> {
        self.check_state()?;
        let _lock = Lock::acquire(&self.path)?;
        let seen = self.state.as_ref().map(StateFile::read).transpose()?.flatten();
        let bundle = self.check(bytes, seen, now)?;
        aside::write(&self.path, bytes, existing, Mode::Shared)?;
        self.remember(&bundle)?;
        Ok(bundle)
    }

    /// Replaces it by what `edit` makes of it. Edits by other processes wait,
    /// so that none is lost; where anything fails, the file is as it was.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load), for the present bytes and for the new
    /// ones, and those of `edit`.
    pub fn edit<E: From<StoreError>>(
        &self,
        now: Time,
        edit: impl FnOnce(&TrustBundle) -> Result<Vec<u8>, E>,
    ) -> Result<TrustBundle, E> {
        self.check_state()?;
        let _lock = Lock::acquire(&self.path)?;
        let present = self.load(now)?;
        let bytes = edit(&present)?;
        // Whoever believes the present bundle must believe the new one.
        let bundle = self.check(&bytes, Some(present.state()), now)?;
        aside::write(&self.path, &bytes, Existing::Replace, Mode::Shared)?;
        self.remember(&bundle)?;
        Ok(bundle)
    }

    /// Bundle and state are two files: as one, an edit would wait for itself.
    fn check_state(&self) -> Result<()> {
        match &self.state {
            Some(state) if is_same_file(state.path(), &self.path) => {
                let detail = "the state and the trust bundle are the same file";
                Err(StoreError::core(&self.path)(coseal::Error::Misuse(detail.into())))
            }
            _ => Ok(()),
        }
    }

    /// Where the bundle is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn check(&self, bytes: &[u8], seen: Option<TrustState>, now: Time) -> Result<TrustBundle> {
        let mut anchor = TrustAnchor::pinned(self.roots.iter().cloned());
        if let Some(domain) = &self.domain {
            anchor = anchor.domain(domain);
        }
        if let Some(seen) = seen {
            anchor = anchor.seen(seen);
        }
        TrustBundle::load(bytes, &anchor, now).map_err(StoreError::core(&self.path))
    }

    /// After the bundle is in its place: if the power fails between the two,
    /// the state is behind, which is harmless.
    fn remember(&self, bundle: &TrustBundle) -> Result<()> {
        let Some(state) = &self.state else { return Ok(()) };
        state.advance(|seen| {
            // The name is free again as soon as the new bundle has it, so the
            // next edit may be remembered already.
            let later = seen.filter(|seen| seen.sequence > bundle.sequence());
            Ok((later.unwrap_or_else(|| bundle.state()), ()))
        })
    }
}

/// The bytes of a trust bundle file, believed by nobody yet.
///
/// # Errors
///
/// `malformed/too_large`; [`StoreError::Io`].
pub fn read_bundle(path: &Path) -> Result<Vec<u8>> {
    let bytes = read::bounded(&read::open(path)?, path, limits::BUNDLE)?;
    Ok(bytes.to_vec())
}
