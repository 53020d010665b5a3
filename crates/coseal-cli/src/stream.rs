//! Inputs of any size → pieces that fit in memory, worked on by all cores,
//! and told in order.

pub(crate) mod items;
pub(crate) mod lines;
pub(crate) mod pipeline;

/// How much is read at once: large enough that the work on one block is worth
/// handing it to a thread, small enough that a few of them count for nothing.
const BLOCK: usize = 256 << 10;

/// An input that is read into a place of its own: a pipe gives few bytes at a
/// time, and clearing room for a whole block each time would cost more than
/// copying those few.
#[derive(Debug)]
struct Blocks<R> {
    input: R,
    block: Box<[u8]>,
}

impl<R: std::io::Read> Blocks<R> {
    fn new(input: R) -> Self {
        Self { input, block: vec![0; BLOCK].into() }
    }

    /// Reads once, at most [`BLOCK`] bytes, and appends them. `Ok(0)` is the end.
    fn read_more(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
        let read = self.input.read(&mut self.block)?;
        buffer.extend_from_slice(self.block.get(..read).unwrap_or_default());
        Ok(read)
    }
}
