//! Chunks of a CBOR sequence (RFC 8742) → where each item ends.
//!
//! Several envelopes in one file or pipe are a CBOR sequence: one item after
//! the other, with nothing between. [`Scanner`] finds the boundaries without
//! keeping a byte, so an item may be larger than memory, and costs the same
//! however the input is cut into chunks.
//!
//! Nothing here is trusted, and nothing is judged but the framing: an item is
//! whatever RFC 8949 calls well-formed. Indefinite lengths, integers longer
//! than needed, any tag and text that is not UTF-8 pass, so that an item that
//! is no envelope can be refused by itself and the next one still be found.
//!
//! ```
//! use coseal::sequence::Scanner;
//!
//! let mut scanner = Scanner::new();
//! let input = [0x83, 1, 2, 3, 0x61, b'a'];          // [1, 2, 3] and "a"
//! assert_eq!(scanner.push(&input)?, Some(4));
//! assert_eq!(scanner.push(&input[4..5])?, None);    // more is needed
//! assert_eq!(scanner.push(&input[5..])?, Some(1));
//! scanner.finish()?;
//! # Ok::<(), coseal::sequence::NotASequence>(())
//! ```

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, Malformed};

#[cfg(test)]
mod tests;

/// How deep items may nest before the bytes count as no sequence.
///
/// Sixty-four times what an envelope may nest, so that foreign items are still
/// skipped, and small enough that the stack stays below 32 KiB.
pub const MAX_DEPTH: usize = 1024;

/// Finds the end of each item of a CBOR sequence that is pushed in chunks.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    /// What is open around the next byte, outermost first.
    stack: Vec<Frame>,
    /// A head of which some argument bytes are missing.
    head: Option<Head>,
    /// Bytes of a string still to be passed over.
    skip: u64,
    /// Bytes passed since the scanner was made.
    offset: u64,
    /// Where the item under way began.
    start: u64,
    /// Once an input is no sequence, it stays none.
    fault: Option<NotASequence>,
}

/// Something that is open: it ends when its content has ended.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// An array, a map or a tag with this many items to come; never 0.
    Items(u64),
    /// An array of indefinite length.
    Array,
    /// A map of indefinite length; a break may not stand between key and value.
    Map { value_next: bool },
    /// A string of indefinite length, of this major type.
    Chunks(u8),
}

/// The first byte of an item whose argument is being read.
#[derive(Clone, Copy, Debug)]
struct Head {
    initial: u8,
    missing: u8,
    argument: u64,
}

const BREAK: u8 = 0xff;
/// Major type 7, value in the next byte.
const SIMPLE: u8 = 0xf8;

impl Scanner {
    /// A scanner that stands before the first item.
    #[must_use]
    pub const fn new() -> Self {
        Self { stack: Vec::new(), head: None, skip: 0, offset: 0, start: 0, fault: None }
    }

    /// Reads on, at most to the end of the item under way.
    ///
    /// `Some(n)`: that item ends after `n` bytes of `chunk`; push the rest to
    /// find the next one. `None`: all of `chunk` belongs to it, and more is
    /// needed.
    ///
    /// # Errors
    ///
    /// [`NotASequence`] at the first byte that no well-formed item can have in
    /// its place, and at every push after that.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<usize>, NotASequence> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut rest = chunk;
        loop {
            let ended = if self.skip > 0 {
                let step = usize::try_from(self.skip).unwrap_or(usize::MAX).min(rest.len());
                rest = rest.get(step..).unwrap_or_default();
                self.skip -= step as u64;
                self.offset += step as u64;
                if self.skip > 0 {
                    return Ok(None);
                }
                self.item_ended()
            } else {
                let Some((&byte, tail)) = rest.split_first() else {
                    return Ok(None);
                };
                rest = tail;
                let ended = self.byte(byte).map_err(|fault| self.fail(fault))?;
                self.offset += 1;
                ended
            };
            if ended {
                self.start = self.offset;
                return Ok(Some(chunk.len() - rest.len()));
            }
        }
    }

    /// The input ends here.
    ///
    /// # Errors
    ///
    /// [`NotASequence`] if that is inside an item, or if an earlier byte was at fault.
    pub fn finish(&mut self) -> Result<(), NotASequence> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.is_inside() => Err(self.fail(Fault::Ended)),
            None => Ok(()),
        }
    }

    /// How many bytes were passed.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the item under way began, or the next one begins.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// Whether an item was begun and has not ended.
    #[must_use]
    pub const fn is_inside(&self) -> bool {
        self.offset > self.start
    }

    fn fail(&mut self, fault: Fault) -> NotASequence {
        let found = NotASequence { start: self.start, at: self.offset, fault };
        self.fault = Some(found);
        found
    }

    /// Takes a byte of a head; says whether the whole item ended with it.
    fn byte(&mut self, byte: u8) -> Result<bool, Fault> {
        if let Some(mut head) = self.head.take() {
            head.argument = head.argument << 8 | u64::from(byte);
            head.missing -= 1;
            if head.missing > 0 {
                self.head = Some(head);
                return Ok(false);
            }
            return self.begin(head.initial, head.argument);
        }
        let (major, info) = (byte >> 5, byte & 31);
        if let Some(Frame::Chunks(of)) = self.stack.last() {
            let is_chunk = major == *of && info < 28;
            if !is_chunk && byte != BREAK {
                return Err(Fault::Chunk);
            }
        }
        match info {
            0..=23 => self.begin(byte, u64::from(info)),
            24..=27 => {
                self.head = Some(Head { initial: byte, missing: 1 << (info - 24), argument: 0 });
                Ok(false)
            }
            28..=30 => Err(Fault::Reserved),
            _ => match major {
                2 | 3 => self.open(Frame::Chunks(major)),
                4 => self.open(Frame::Array),
                5 => self.open(Frame::Map { value_next: false }),
                7 => self.close(),
                _ => Err(Fault::Reserved),
            },
        }
    }

    /// The head is complete.
    fn begin(&mut self, initial: u8, argument: u64) -> Result<bool, Fault> {
        match initial >> 5 {
            2 | 3 if argument > 0 => {
                self.skip = argument;
                Ok(false)
            }
            4 if argument > 0 => self.open(Frame::Items(argument)),
            // Saturating: no input reaches 2^64 items, so the end is never missed.
            5 if argument > 0 => self.open(Frame::Items(argument.saturating_mul(2))),
            6 => self.open(Frame::Items(1)),
            7 if initial == SIMPLE && argument < 32 => Err(Fault::Reserved),
            _ => Ok(self.item_ended()),
        }
    }

    fn open(&mut self, frame: Frame) -> Result<bool, Fault> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.stack.push(frame);
        Ok(false)
    }

    /// A break ends what was opened with an indefinite length, nothing else.
    fn close(&mut self) -> Result<bool, Fault> {
        match self.stack.pop() {
            Some(Frame::Array | Frame::Chunks(_) | Frame::Map { value_next: false }) => {
                Ok(self.item_ended())
            }
            Some(Frame::Items(_) | Frame::Map { value_next: true }) | None => Err(Fault::Break),
        }
    }

    /// An item ended, and with it everything it was the last part of. Each
    /// frame is popped once for the one time it was pushed: linear in all.
    fn item_ended(&mut self) -> bool {
        while let Some(frame) = self.stack.last_mut() {
            match frame {
                Frame::Items(1) => {
                    self.stack.pop();
                }
                Frame::Items(left) => {
                    *left -= 1;
                    return false;
                }
                Frame::Map { value_next } => {
                    *value_next = !*value_next;
                    return false;
                }
                Frame::Array | Frame::Chunks(_) => return false,
            }
        }
        true
    }
}

/// Bytes that are no CBOR sequence: from [`start`](Self::start) on, no item is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotASequence {
    /// Where the last item ended and none begins.
    pub start: u64,
    /// The byte at fault, or the length of an input that ended too early.
    pub at: u64,
    /// What is wrong there.
    pub fault: Fault,
}

/// Why bytes are no well-formed CBOR item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A first byte, or a simple value, that RFC 8949 reserves.
    Reserved,
    /// A break where nothing of indefinite length is open, or between key and value.
    Break,
    /// Within a string of indefinite length, something other than a definite string of its type.
    Chunk,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The input ends within the item.
    Ended,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserved => "a reserved value",
            Self::Break => "a break out of place",
            Self::Chunk => "a foreign item within a string",
            Self::TooDeep => "too many levels",
            Self::Ended => "the input ends",
        })
    }
}

impl fmt::Display for NotASequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no CBOR item at byte {}: {} at byte {}", self.start, self.fault, self.at)
    }
}

impl core::error::Error for NotASequence {}

impl From<NotASequence> for Error {
    fn from(found: NotASequence) -> Self {
        Self::Malformed(Malformed::NotASequence, format!("{found}").into())
    }
}
