//! What NATS brings → opened messages, in a stream; what is refused → dead
//! letters; what the caller is done with → acknowledged.
//!
//! A task drives the room that all carriers share, so that signals of progress
//! go out, and dead letters are written, while the caller works. Nothing that
//! arrives is trusted: neither subjects, headers nor status lines.

mod builder;
mod held;
mod log;
mod ordered;
mod pull;
mod read_back;
mod received;
mod redrive;
mod work;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use coseal::Result;
use futures_util::Stream;
use tokio::sync::mpsc;

pub(crate) use builder::Settings;
pub use builder::{ConsumerBuilder, OrderedStart};
use log::Spot;
pub(crate) use log::covers;
use pull::{Event, Pull};
use received::Command;
pub use received::Received;
pub use redrive::{Passed, Redrive, Redriven};

/// Messages of a subscription or a stream, opened. A [`Stream`] that ends when
/// it was [drained](Self::drain), and after an error that stops it.
///
/// Dropping it gives back what it held and nobody took.
pub struct Consumer {
    messages: mpsc::UnboundedReceiver<Result<Received>>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Consumer {
    /// The next message; `None` where there will be none. Refused messages are
    /// dead-lettered on the way. May be dropped without losing anything.
    ///
    /// # Errors
    ///
    /// What the consumer had to stop for: our own fault, or the platform's.
    /// Nothing more comes then.
    pub async fn next(&mut self) -> Option<Result<Received>> {
        self.messages.recv().await
    }

    /// Fetches nothing more. What was opened already still comes; the stream
    /// ends when the caller is done with all of it.
    pub fn drain(&self) {
        let _ = self.commands.send(Command::Drain);
    }

    /// Ends here and now, as if the process did: nothing more is written,
    /// acknowledged or given back. What was under way comes again when the
    /// server has waited for it long enough.
    pub fn abort(self) {
        let _ = self.commands.send(Command::Abort);
    }
}

impl Stream for Consumer {
    type Item = Result<Received>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context)
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("waiting", &self.messages.len()).finish_non_exhaustive()
    }
}
