//! This process' memory → where known bytes stand in it.
//!
//! What is searched for is kept inverted, and never put right: the search
//! itself must not be what it finds.

use std::fs::{self, File};
use std::hint::black_box;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// Most memory is never used: it is zeros, which are not searched.
const PAGE: usize = 4096;
static ZEROS: [u8; PAGE] = [0; PAGE];

/// Bytes of a needle.
const PART: usize = 16;

/// Bytes to search for, inverted.
#[derive(Debug)]
pub(crate) struct Needle {
    name: String,
    inverted: Vec<u8>,
}

impl Needle {
    /// `NAME=HEX`, the bytes inverted already. Each 16 bytes are searched for by
    /// themselves: the allocator writes over the beginning of what is freed.
    pub(crate) fn parse(line: &str) -> Vec<Self> {
        let (name, digits) = line.split_once('=').unwrap();
        let inverted = hex::decode(digits).unwrap();
        let parts = inverted.chunks_exact(PART);
        parts.map(|part| Self { name: name.to_owned(), inverted: part.to_vec() }).collect()
    }

    /// How `parse` wants it.
    pub(crate) fn write(name: &str, bytes: &[u8]) -> String {
        let inverted: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        format!("{name}={}", hex::encode(inverted))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.inverted == other.inverted
    }

    fn is_at(&self, memory: &[u8]) -> bool {
        let mut together = self.inverted.iter().zip(memory);
        memory.len() >= PART && together.all(|(ours, theirs)| black_box(ours ^ theirs) == 0xff)
    }
}

/// A place where a needle was found.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) name: String,
    /// The mapping that it lies in.
    pub(crate) mapping: Range<u64>,
}

/// Reads memory into one buffer, which is not searched itself.
pub(crate) struct Scanner {
    memory: File,
    buffer: Vec<u8>,
}

impl Scanner {
    pub(crate) fn new() -> Self {
        let memory = File::open("/proc/self/mem").unwrap();
        Self { memory, buffer: vec![0; CHUNK + PART] }
    }

    /// Every place where one of the needles stands, in all memory that can be
    /// written to.
    pub(crate) fn find(&mut self, needles: &[Needle]) -> Vec<Hit> {
        let mut by_start: Vec<Vec<&Needle>> = vec![Vec::new(); 1 << 16];
        for needle in needles {
            by_start[start(!needle.inverted[0], !needle.inverted[1])].push(needle);
        }
        let (mut hits, mut searched) = (Vec::new(), 0);
        for mapping in fs::read_to_string("/proc/self/maps").unwrap().lines() {
            let mut words = mapping.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            if rights.starts_with("rw") {
                let (start, end) = range.split_once('-').unwrap();
                let address = |digits| u64::from_str_radix(digits, 16).unwrap();
                searched += self.find_in(address(start)..address(end), &by_start, &mut hits);
            }
        }
        self.buffer.fill(0);
        assert!(searched > 1 << 20, "only {searched} bytes could be read");
        hits
    }

    /// Answers how many bytes could be read.
    fn find_in(
        &mut self,
        mapping: Range<u64>,
        by_start: &[Vec<&Needle>],
        hits: &mut Vec<Hit>,
    ) -> u64 {
        let ours = self.buffer.as_ptr() as u64;
        let ours = ours..ours + self.buffer.len() as u64;
        let mut at = mapping.start;
        while at < mapping.end {
            let length = usize::try_from(mapping.end - at).unwrap().min(self.buffer.len());
            let read = self.memory.read_at(&mut self.buffer[..length], at).unwrap_or(0);
            if read == 0 {
                break;
            }
            let read = &self.buffer[..read];
            let searched = read.len().min(CHUNK);
            for page in (0..searched).step_by(PAGE) {
                let end = (page + PAGE).min(searched);
                if read[page..end] == ZEROS[..end - page] {
                    continue;
                }
                let mut offset = page;
                while offset < end && offset + 1 < read.len() {
                    for needle in &by_start[start(read[offset], read[offset + 1])] {
                        if needle.is_at(&read[offset..]) && !ours.contains(&(at + offset as u64)) {
                            hits.push(Hit { name: needle.name.clone(), mapping: mapping.clone() });
                        }
                    }
                    offset += 1;
                }
            }
            at += searched as u64;
        }
        at - mapping.start
    }
}

fn start(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}
