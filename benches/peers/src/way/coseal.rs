//! coseal. The reader holds the epoch secret and reads every message for the
//! first time: it verifies one signature a batch.

use super::Way;
use crate::Failed;
use coseal::{Message, Suite};
use coseal_benches::rig::Rig;
use std::time::{Duration, Instant};

pub(crate) struct Coseal {
    rig: Rig,
    batch: u32,
    /// Of the same epoch; opened before the clock runs.
    earlier: Vec<u8>,
}

impl Coseal {
    pub(crate) fn new(batch: u32) -> Result<Self, Failed> {
        let rig = Rig::new(Suite::A256Gcm, 1)?;
        let earlier = rig.sealer.seal(b"earlier")?;
        Ok(Self { rig, batch, earlier })
    }
}

impl Way for Coseal {
    fn name(&self) -> &'static str {
        if self.batch == 1 { "coseal-alone" } else { "coseal-batch64" }
    }

    fn batch(&self) -> u32 {
        self.batch
    }

    fn seal(&self, payload: &[u8]) -> Result<Vec<Vec<u8>>, Failed> {
        if self.batch == 1 {
            return Ok(vec![self.rig.sealer.seal(payload)?]);
        }
        let messages = vec![Message::new(payload); self.batch as usize];
        Ok(self.rig.sealer.seal_batch(&messages)?)
    }

    fn open(&self, sealed: &[Vec<u8>]) -> Result<(Vec<Vec<u8>>, Duration), Failed> {
        let opener = self.rig.new_opener()?;
        opener.open(&self.earlier)?;
        let start = Instant::now();
        let opened: coseal::Result<Vec<Vec<u8>>> = sealed
            .iter()
            .map(|envelope| opener.open(envelope).map(|opened| opened.into_payload()))
            .collect();
        let took = start.elapsed();
        Ok((opened?, took))
    }
}
