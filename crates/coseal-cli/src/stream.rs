//! Inputs of any size → pieces that fit in memory, worked on by all cores,
//! and told in order.

pub(crate) mod items;
pub(crate) mod lines;
pub(crate) mod pipeline;

/// How much is read at once: large enough that the work on one block is worth
/// handing it to a thread, small enough that a few of them count for nothing.
const BLOCK: usize = 256 << 10;

/// An input that is read in blocks. A pipe gives few bytes at a time, and
/// clearing room for a whole block each time would cost more than copying those
/// few from a place of their own; a file fills whole blocks, and copying them
/// would cost more than clearing room.
#[derive(Debug)]
struct Blocks<R> {
    input: R,
    block: Box<[u8]>,
    /// The last block was read whole: the next one probably is as well.
    is_fast: bool,
}

impl<R: std::io::Read> Blocks<R> {
    fn new(input: R) -> Self {
        Self { input, block: vec![0; BLOCK].into(), is_fast: false }
    }

    /// Reads once, at most [`BLOCK`] bytes, and appends them. `Ok(0)` is the end.
    fn read_more(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
        let read = if self.is_fast {
            read_into_place(&mut self.input, buffer)?
        } else {
            let read = self.input.read(&mut self.block)?;
            buffer.extend_from_slice(self.block.get(..read).unwrap_or_default());
            read
        };
        self.is_fast = read == BLOCK;
        Ok(read)
    }
}

fn read_into_place(input: &mut impl std::io::Read, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    let old = buffer.len();
    buffer.resize(old + BLOCK, 0);
    let read = input.read(buffer.get_mut(old..).unwrap_or_default());
    buffer.truncate(old + *read.as_ref().unwrap_or(&0));
    read
}
