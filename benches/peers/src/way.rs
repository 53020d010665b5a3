//! A way to seal messages and to open them.
//!
//! Every way says the same of a message where its signature, or what it has
//! instead, covers it: the channel, the signer, an ID, the time and a number in
//! a sequence. coseal always does; a comparison with less would be with less.

use crate::Failed;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) mod aws;
pub(crate) mod by_hand;
pub(crate) mod coseal;
pub(crate) mod jose;

/// The channel that a message is bound to.
pub(crate) const CHANNEL: &str = "orders";

/// The signer's name.
pub(crate) const SIGNER: &str = "0123456789abcdef";

/// What else is said of one message.
pub(crate) struct Facts {
    pub(crate) id: [u8; 16],
    /// Milliseconds since 1970.
    pub(crate) sealed_at: u64,
    pub(crate) sequence: u64,
}

impl Facts {
    pub(crate) fn new() -> Result<Self, Failed> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        let sealed_at = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        Ok(Self { id, sealed_at, sequence: NEXT.fetch_add(1, Ordering::Relaxed) })
    }
}

/// The ID as text: 32 hexadecimal digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One of them, with its keys.
pub(crate) trait Way {
    fn name(&self) -> &'static str;

    /// Messages sealed in one call.
    fn batch(&self) -> u32 {
        1
    }

    /// Seals the payload as often as a batch has messages.
    fn seal(&self, payload: &[u8]) -> Result<Vec<Vec<u8>>, Failed>;

    /// Opens what was sealed, verifies who sealed it, and answers the payloads.
    /// The time is that of opening alone: what it takes to open the same again as
    /// if it were for the first time is not in it.
    fn open(&self, sealed: &[Vec<u8>]) -> Result<(Vec<Vec<u8>>, Duration), Failed>;
}

/// That it opens to the payload, and that no message with a bit changed in its
/// middle opens at all.
pub(crate) fn check(way: &dyn Way, sealed: &[Vec<u8>], payload: &[u8]) -> Result<(), Failed> {
    let name = way.name();
    let (opened, _) = way.open(sealed)?;
    if opened.len() != way.batch() as usize || opened.iter().any(|opened| opened != payload) {
        return Err(format!("{name}: what was opened is not what was sealed").into());
    }
    for message in sealed {
        let mut changed = message.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        if way.open(&[changed]).is_ok() {
            return Err(format!("{name}: a changed bit was not refused").into());
        }
        if message.windows(payload.len()).any(|part| part == payload) {
            return Err(format!("{name}: the payload is there to read").into());
        }
    }
    Ok(())
}
