//! What was seen of one epoch: chunks of what came with positions, spans of
//! what came without or whose positions nobody can ask for any more.

use super::Position;
use super::chunk::{CHUNK_BITS, Chunk};
use super::pages::Pages;
use super::span::{SPAN_BITS, Span};

#[derive(Debug, Default)]
pub(super) struct Epoch {
    pub(super) chunks: Pages<Chunk>,
    pub(super) spans: Pages<Span>,
}

/// How a message was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    At(Position),
    Somewhere,
}

impl Epoch {
    pub(super) fn find(&self, sequence: u64) -> Option<Seen> {
        let [low, high, ..] = sequence.to_le_bytes();
        let chunk = self.chunks.find(sequence >> CHUNK_BITS);
        if let Some(position) = chunk.and_then(|chunk| chunk.find(low)) {
            return Some(Seen::At(position));
        }
        let span = self.spans.find(sequence >> SPAN_BITS)?;
        span.holds(u16::from_le_bytes([low, high])).then_some(Seen::Somewhere)
    }

    /// Memory held outside the epoch itself.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.bytes(Chunk::bytes) + self.spans.bytes(Span::bytes)
    }
}
