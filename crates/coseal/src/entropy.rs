//! Randomness from the operating system.

use crate::error::{Error, Result};
use crate::secret::Secret;
use alloc::format;

#[cfg(all(test, feature = "os"))]
mod tests;

/// Fills `bytes` with one call.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    #[cfg(all(test, feature = "os"))]
    tests::ask()?;
    getrandom::fill(bytes).map_err(|error| {
        Error::Entropy(format!("the operating system gave no randomness: {error}").into())
    })
}

pub(crate) fn secret<const N: usize>() -> Result<Secret<N>> {
    Secret::try_fill(|bytes| fill(bytes))
}
