//! An input → its lines, in the batches in which they will be sealed.
//!
//! Lines end at LF only. A CR belongs to its line, an empty line is a line,
//! and a final LF begins no other.

use std::io::Read;
use std::ops::Range;

use super::{Blocks, pipeline};
use crate::failure::Failure;

#[cfg(test)]
mod tests;

/// What one batch may come to when sealed, in bytes: keeps memory flat where
/// lines are long.
pub(crate) const BATCH_BYTES: usize = 16 << 20;

/// How lines are gathered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Most lines in a batch.
    pub batch: usize,
    /// How many bytes sealing adds to a line, at most.
    pub overhead: usize,
    /// Longest line.
    pub limit: usize,
}

/// Whole batches of lines.
#[derive(Debug, Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    batches: Vec<Vec<Range<usize>>>,
    /// Why nothing follows, where that is not the end of the input.
    pub end: Option<Failure>,
    /// How many bytes of the input were read for it.
    pub read: u64,
}

impl Block {
    /// The lines of each batch.
    pub(crate) fn batches(&self) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
        let line = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        self.batches.iter().map(move |batch| batch.iter().map(line))
    }
}

impl pipeline::Piece for Block {
    fn weight(&self) -> usize {
        self.bytes.len()
    }
}

/// Gathers the lines of an input.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    name: String,
    input: Blocks<R>,
    rules: Rules,
    bytes: Vec<u8>,
    /// Batches that are complete, and the one that is not.
    complete: Vec<Vec<Range<usize>>>,
    open: Vec<Range<usize>>,
    /// What the open batch comes to when sealed.
    weight: usize,
    /// Where the line under way begins.
    start: usize,
    /// Lines that ended so far.
    lines: u64,
    read: u64,
    end: Option<Failure>,
    is_done: bool,
}

impl<R: Read> Lines<R> {
    /// Of an input of this name.
    pub(crate) fn new(name: &str, input: R, rules: Rules) -> Self {
        Self {
            name: name.to_owned(),
            input: Blocks::new(input),
            rules,
            bytes: Vec::new(),
            complete: Vec::new(),
            open: Vec::new(),
            weight: 0,
            start: 0,
            lines: 0,
            read: 0,
            end: None,
            is_done: false,
        }
    }

    /// Reads once and gathers what came.
    fn fill(&mut self) {
        let old = self.bytes.len();
        match self.input.read_more(&mut self.bytes) {
            Ok(0) => {
                if self.start < old {
                    self.line_ended(old, old);
                }
                self.stop(None);
            }
            Ok(read) => {
                self.read += read as u64;
                let mut at = old;
                while let Some(length) =
                    self.bytes.get(at..).and_then(|rest| memchr::memchr(b'\n', rest))
                {
                    at += length + 1;
                    self.line_ended(at - 1, at);
                    if self.is_done {
                        return;
                    }
                }
                if self.bytes.len() - self.start > self.rules.limit {
                    self.too_large();
                }
            }
            Err(error) => self.stop(Some(Failure::io(format!("read {}", self.name), &error))),
        }
    }

    /// A line ends before `end`, the next one begins at `next`.
    fn line_ended(&mut self, end: usize, next: usize) {
        let line = self.start..end;
        if line.len() > self.rules.limit {
            return self.too_large();
        }
        let weight = line.len() + self.rules.overhead;
        if self.open.len() >= self.rules.batch
            || (!self.open.is_empty() && self.weight + weight > BATCH_BYTES)
        {
            self.close();
        }
        self.open.push(line);
        self.weight += weight;
        self.start = next;
        self.lines += 1;
        if self.open.len() >= self.rules.batch {
            self.close();
        }
    }

    fn too_large(&mut self) {
        let what =
            format!("line {} of {} is larger than 64 MiB when sealed", self.lines + 1, self.name);
        let failure = Failure::misuse(what)
            .hint("split it into several messages: readers refuse envelopes of more than 64 MiB");
        self.stop(Some(failure));
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.complete.push(std::mem::take(&mut self.open));
        }
        self.weight = 0;
    }

    /// Nothing follows: what was gathered is sealed nevertheless.
    fn stop(&mut self, end: Option<Failure>) {
        self.close();
        self.end = end;
        self.is_done = true;
    }

    /// Takes the complete batches along with the bytes that they lie in.
    fn take(&mut self) -> Block {
        // What lies after them stays: the open batch and the line under way.
        let kept = self.open.first().map_or(self.start, |line| line.start);
        let rest = self.bytes.get(kept..).unwrap_or_default().to_vec();
        let mut bytes = std::mem::replace(&mut self.bytes, rest);
        bytes.truncate(kept);
        for line in &mut self.open {
            *line = line.start - kept..line.end - kept;
        }
        self.start -= kept;
        Block {
            bytes,
            batches: std::mem::take(&mut self.complete),
            end: self.end.take(),
            read: self.read,
        }
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        while self.complete.is_empty() && !self.is_done {
            self.fill();
        }
        (!self.complete.is_empty() || self.end.is_some()).then(|| self.take())
    }
}
