//! An input → the envelopes in it, as blocks of items that were cut out and
//! not looked into.
//!
//! An item that is too large for an envelope is passed over without being
//! kept, so memory is bounded whatever the input says. Where everything is to be
//! passed on, it comes in pieces, as does what follows the end of a sequence.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use coseal::limits;
use coseal::sequence::{NotASequence, Scanner};

use super::{BLOCK, Blocks, pipeline};
use crate::args::Encoding;
use crate::failure::Failure;
use crate::input::Input;

#[cfg(test)]
mod tests;

/// Most items in one block: what is told of them must fit in memory too.
const ITEMS: usize = 512;

/// Most buffers kept for another use: about as many as are under way.
const SPENT: usize = 32;

/// A run of items that lie in the same bytes.
#[derive(Debug)]
pub(crate) struct Block {
    /// The input's name.
    pub input: Arc<str>,
    /// Shared with the blocks before and after.
    bytes: Arc<Vec<u8>>,
    /// In the order of the input.
    pub items: Vec<Item>,
    /// Why nothing follows these items, where that is not the end of the input.
    pub end: Option<End>,
    /// How many bytes of the input were read for it.
    pub read: u64,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Counted from 0 in its input.
    pub index: u64,
    /// Where it begins in its input, in bytes.
    pub offset: u64,
    /// Where it ends there; nothing for a piece of one that goes on.
    pub end: Option<u64>,
    content: Content,
    /// Where it lies in the bytes of its block, with what separates it from the
    /// next; what was not kept does not lie there.
    raw: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// Where it lies in the bytes of its block.
    Here(Range<usize>),
    /// Passed over.
    TooLarge,
    /// No item: what is passed on of one, or behind the last.
    Piece,
}

/// Why an input ends before its end.
#[derive(Debug)]
pub(crate) enum End {
    /// What follows is no CBOR item.
    NotASequence(NotASequence, u64),
    /// Reading failed.
    Failed(Failure),
}

impl Block {
    /// A block that only tells that an input could not be read.
    pub(crate) fn failed(input: &str, failure: Failure) -> Self {
        Self {
            input: input.into(),
            bytes: Arc::default(),
            items: Vec::new(),
            end: Some(End::Failed(failure)),
            read: 0,
        }
    }

    /// The bytes of an item; `None` where it is larger than any envelope.
    pub(crate) fn bytes(&self, item: &Item) -> Option<&[u8]> {
        match &item.content {
            Content::Here(range) => self.bytes.get(range.clone()),
            Content::TooLarge | Content::Piece => None,
        }
    }

    /// The same with everything around it, as it stands in the input. Of an item
    /// that came in pieces, the last one.
    pub(crate) fn raw(&self, item: &Item) -> &[u8] {
        self.bytes.get(item.raw.clone()).unwrap_or_default()
    }
}

impl Item {
    /// Whether it is no item, but a piece to be passed on.
    pub(crate) const fn is_piece(&self) -> bool {
        matches!(self.content, Content::Piece)
    }
}

impl pipeline::Piece for Block {
    fn weight(&self) -> usize {
        self.items.iter().map(|item| item.raw.len()).sum()
    }
}

/// Cuts an input into blocks.
#[derive(Debug)]
pub(crate) struct Items<R = Input> {
    name: Arc<str>,
    input: Blocks<R>,
    framing: Framing,
    limit: usize,
    bytes: Arc<Vec<u8>>,
    /// Earlier ones, to be used again as soon as no block lies in them: new
    /// memory costs the system more than reading into it.
    spent: VecDeque<Arc<Vec<u8>>>,
    /// Where the item under way begins in `bytes`.
    start: usize,
    /// Where it begins in the input.
    offset: u64,
    /// Its bytes are not kept: it is larger than the limit.
    skipping: bool,
    /// Everything is passed on.
    passes_on: bool,
    /// Where reading began.
    base: u64,
    index: u64,
    read: u64,
    found: VecDeque<Item>,
    end: Option<End>,
    is_done: bool,
}

#[derive(Debug)]
enum Framing {
    Sequence(Scanner),
    Lines,
    /// Behind the end of a sequence: all the rest.
    Rest,
}

impl Framing {
    /// As [`Scanner::push`].
    fn push(&mut self, chunk: &[u8]) -> Result<Option<usize>, NotASequence> {
        match self {
            Self::Sequence(scanner) => scanner.push(chunk),
            Self::Lines => Ok(memchr::memchr(b'\n', chunk).map(|at| at + 1)),
            Self::Rest => Ok(None),
        }
    }
}

impl Items<Input> {
    /// Of an open input.
    pub(crate) fn of(input: Input, encoding: Encoding) -> Self {
        Self::new(&input.name.clone(), input, encoding, limits::ENVELOPE)
    }

    /// Of an input that was read up to an item: its number, and where it begins.
    /// Everything is passed on.
    pub(crate) fn passing_on(input: Input, encoding: Encoding, index: u64, offset: u64) -> Self {
        Self::of(input, encoding).from(index, offset)
    }
}

impl<R: Read> Items<R> {
    fn new(name: &str, input: R, encoding: Encoding, limit: usize) -> Self {
        let (framing, limit) = match encoding {
            Encoding::Cbor => (Framing::Sequence(Scanner::new()), limit),
            // Four characters for three bytes, and CR LF.
            Encoding::Base64 => (Framing::Lines, limit.div_ceil(3) * 4 + 2),
        };
        Self {
            name: name.into(),
            input: Blocks::new(input),
            framing,
            limit,
            bytes: Arc::default(),
            spent: VecDeque::new(),
            start: 0,
            offset: 0,
            skipping: false,
            passes_on: false,
            base: 0,
            index: 0,
            read: 0,
            found: VecDeque::new(),
            end: None,
            is_done: false,
        }
    }

    fn from(self, index: u64, offset: u64) -> Self {
        Self { passes_on: true, index, offset, base: offset, read: offset, ..self }
    }

    /// Reads once and cuts what came.
    fn fill(&mut self) {
        // Only an item that fills all of the buffer may stay where it is.
        if self.start > 0 || self.skipping || Arc::get_mut(&mut self.bytes).is_none() {
            let mut fresh = self.empty_buffer();
            let kept =
                if self.skipping { &[] } else { self.bytes.get(self.start..).unwrap_or_default() };
            fresh.reserve(kept.len() + BLOCK);
            fresh.extend_from_slice(kept);
            let spent = std::mem::replace(&mut self.bytes, Arc::new(fresh));
            // Those of huge items are given back.
            if spent.capacity() <= 4 * BLOCK && self.spent.len() < SPENT {
                self.spent.push_back(spent);
            }
            self.start = 0;
        }
        let Some(bytes) = Arc::get_mut(&mut self.bytes) else {
            return;
        };
        let old = bytes.len();
        match self.input.read_more(bytes) {
            Ok(0) => self.finish(),
            Ok(read) => {
                self.read += read as u64;
                self.cut(old);
            }
            Err(error) => {
                self.end = Some(End::Failed(Failure::io(format!("read {}", self.name), &error)));
                self.is_done = true;
            }
        }
    }

    /// One that was used before, if no block lies in the oldest any more.
    fn empty_buffer(&mut self) -> Vec<u8> {
        let is_free = self.spent.front_mut().is_some_and(|oldest| Arc::get_mut(oldest).is_some());
        let oldest = if is_free { self.spent.pop_front() } else { None };
        let mut buffer = oldest.and_then(Arc::into_inner).unwrap_or_default();
        buffer.clear();
        buffer
    }

    /// Finds the items that end after `at`.
    fn cut(&mut self, mut at: usize) {
        let bytes = Arc::clone(&self.bytes);
        loop {
            match self.framing.push(bytes.get(at..).unwrap_or_default()) {
                Ok(Some(taken)) => {
                    at += taken;
                    self.item_ended(&bytes, at);
                }
                Ok(None) => break,
                Err(fault) => {
                    self.no_sequence(fault);
                    if !self.passes_on {
                        self.is_done = true;
                        return;
                    }
                    self.framing = Framing::Rest;
                    break;
                }
            }
        }
        self.skipping |= bytes.len() - self.start > self.limit;
        if self.passes_on && (self.skipping || matches!(self.framing, Framing::Rest)) {
            self.pass_on(bytes.len());
        }
    }

    /// The bytes up to `end` are passed on as they are.
    fn pass_on(&mut self, end: usize) {
        let raw = self.start..end;
        if !raw.is_empty() {
            let offset = self.read - (self.bytes.len() - self.start) as u64;
            let (index, content) = (self.index, Content::Piece);
            self.found.push_back(Item { index, offset, end: None, content, raw });
        }
        self.start = end;
    }

    /// What follows is no item. The scanner began where reading did.
    fn no_sequence(&mut self, mut fault: NotASequence) {
        fault.start += self.base;
        fault.at += self.base;
        self.end = Some(End::NotASequence(fault, self.index));
    }

    fn item_ended(&mut self, bytes: &[u8], end: usize) {
        let raw = self.start..end;
        let range = match self.framing {
            Framing::Sequence(_) | Framing::Rest => raw.clone(),
            Framing::Lines => trimmed(bytes, raw.clone()),
        };
        let length = if self.skipping { usize::MAX } else { end - self.start };
        // `read` counts to the end of `bytes`, the item ends before that.
        let ends_at = self.read - (bytes.len() - end) as u64;
        if length > self.limit || !range.is_empty() {
            let content =
                if length > self.limit { Content::TooLarge } else { Content::Here(range) };
            let (index, offset, end) = (self.index, self.offset, Some(ends_at));
            self.found.push_back(Item { index, offset, end, content, raw });
            self.index += 1;
        }
        self.offset = ends_at;
        self.start = end;
        self.skipping = false;
    }

    /// The input ended.
    fn finish(&mut self) {
        self.is_done = true;
        match &mut self.framing {
            Framing::Sequence(scanner) => {
                if let Err(fault) = scanner.finish() {
                    self.no_sequence(fault);
                    if self.passes_on {
                        self.pass_on(self.bytes.len());
                    }
                }
            }
            Framing::Rest => {}
            // The last line needs no LF.
            Framing::Lines => {
                let bytes = Arc::clone(&self.bytes);
                self.item_ended(&bytes, bytes.len());
            }
        }
    }
}

impl<R: Read> Iterator for Items<R> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        while self.found.is_empty() && !self.is_done {
            self.fill();
        }
        let items: Vec<Item> = self.found.drain(..self.found.len().min(ITEMS)).collect();
        let is_last = self.found.is_empty() && self.is_done;
        let end = if is_last { self.end.take() } else { None };
        (!items.is_empty() || end.is_some()).then(|| Block {
            input: Arc::clone(&self.name),
            bytes: Arc::clone(&self.bytes),
            items,
            end,
            read: self.read,
        })
    }
}

/// Without the white space at both ends: other systems end lines with CR LF.
fn trimmed(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let line = bytes.get(range.clone()).unwrap_or_default();
    let lead = line.len() - line.trim_ascii_start().len();
    let start = range.start + lead;
    start..start + line.trim_ascii().len()
}
