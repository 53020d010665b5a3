//! What is done → written, then told to the server, then to the caller.

use async_nats::jetstream::AckKind;
use coseal::Result;
use coseal_carrier::Written;
use futures_util::FutureExt;

use super::super::held::Out;
use super::{End, Work};
use crate::error::carrier;

impl Work {
    /// Begins to write what is done, unless something is being written: what is
    /// done meanwhile is written together.
    pub(super) async fn commit(&mut self) -> Result<(), End> {
        if self.committing.is_some() {
            return Ok(());
        }
        let Some(commit) = self.inbox.begin_commit() else { return Ok(()) };
        if self.settings.durable {
            let writing = tokio::task::spawn_blocking(|| commit.write());
            let written = async { writing.await.map_err(carrier)? };
            self.committing = Some(written.boxed());
        } else {
            let written = commit.write()?;
            self.committed(written).await;
        }
        Ok(())
    }

    pub(super) async fn committed(&mut self, written: Written) {
        let mut waiting = Vec::new();
        for done in written.done {
            let Some(Out { reply, waits, .. }) = self.held.remove(&done.id) else { continue };
            if let Some(reply) = reply {
                // What was refused is not to come again, to nobody.
                let kind = if done.refused { AckKind::Term } else { AckKind::Ack };
                self.tell(reply, kind).await;
            }
            waiting.extend(waits);
        }
        for waits in waiting {
            let _ = waits.send(Ok(()));
        }
    }
}
