//! What is left in memory: by a refusal that came after the payload had been
//! decrypted, and by a secret that is gone. Buffers that were freed and what
//! lies behind a vector's end are read through `/proc/self/mem`, since no safe
//! code can look there otherwise.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHANNEL, NOW, kinds, receiving, signing, trust};
use coseal::{
    Observed, Opener, ReplayMemory, Sealer, Secret, Sighting, Suite, Thumbprint, Time, Window,
};
use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use zeroize::Zeroize;

/// Each byte follows from the one before. So a search needs no copy of what it
/// looks for, which it would find.
fn next(byte: u8) -> u8 {
    byte.wrapping_mul(37).wrapping_add(101)
}

/// What nobody reads is written all the same: it is what may be left.
fn fill(out: &mut [u8]) {
    out.iter_mut().fold(7, |byte, out| {
        *out = byte;
        next(byte)
    });
    black_box(out);
}

/// As much as an allocator does not write over when it is freed, and less than
/// what goes back to the system at once.
const SIZE: usize = 16 * 1024;

/// More than a cipher has in hand at a time: the `aes` crate works on up to 64
/// blocks, 1 KiB, and leaves them on the stack.
const RUN: usize = 2048;

/// What a search needs, made beforehand: it must not write over what was freed.
struct Search {
    memory: File,
    maps: Vec<u8>,
    chunk: Vec<u8>,
}

impl Search {
    fn new() -> Self {
        let memory = File::open("/proc/self/mem").unwrap();
        Self { memory, maps: vec![0; 1024 * 1024], chunk: vec![0; 1024 * 1024] }
    }

    /// Bytes of [`fill`] in all that this process can write, in runs of at least
    /// [`RUN`].
    fn found(&mut self) -> usize {
        let mut file = File::open("/proc/self/maps").unwrap();
        let mut length = 0;
        loop {
            match file.read(&mut self.maps[length..]).unwrap() {
                0 => break,
                read => length += read,
            }
        }
        assert!(length < self.maps.len(), "there is more in memory");
        let maps = std::str::from_utf8(&self.maps[..length]).unwrap();
        let mut found = 0;
        for (range, rest) in maps.lines().map(|line| line.split_once(' ').unwrap()) {
            if rest.starts_with("rw") {
                let ends = range.split_once('-').unwrap();
                let [from, to] = [ends.0, ends.1].map(|hex| u64::from_str_radix(hex, 16).unwrap());
                found += found_between(&self.memory, &mut self.chunk, from..to);
            }
        }
        found
    }
}

fn found_between(memory: &File, buffer: &mut [u8], range: Range<u64>) -> usize {
    let (mut before, mut run, mut found) = (0, 0, 0);
    let mut at = range.start;
    while at < range.end {
        let length = buffer.len().min(usize::try_from(range.end - at).unwrap());
        let chunk = &mut buffer[..length];
        memory.read_exact_at(chunk, at).unwrap();
        for byte in chunk.iter() {
            run = if *byte == next(before) { run + 1 } else { 0 };
            found += match run {
                RUN => RUN,
                longer if longer > RUN => 1,
                _ => 0,
            };
            before = *byte;
        }
        chunk.zeroize();
        at += u64::try_from(length).unwrap();
    }
    found
}

/// A memory that has seen everything.
#[derive(Debug)]
struct Seen;

impl ReplayMemory for Seen {
    fn observe(&self, _: &Sighting) -> coseal::Result<Observed> {
        Ok(Observed::Replay)
    }

    fn latest(&self, _: u64, _: &Thumbprint) -> Option<Time> {
        None
    }

    fn flush(&self) -> coseal::Result<()> {
        Ok(())
    }
}

fn sealed(suite: Suite) -> Vec<u8> {
    let sealer = Sealer::builder(signing(), CHANNEL)
        .recipient(receiving().recipient_key())
        .suite(suite)
        .clock(|| NOW)
        .build()
        .unwrap();
    let mut payload = vec![0; SIZE];
    fill(&mut payload);
    let envelope = sealer.seal(&payload).unwrap();
    payload.zeroize();
    envelope
}

/// One test, since it looks at all the memory of its process.
#[test]
fn what_was_refused_and_what_was_dropped_is_nowhere() {
    let mut search = Search::new();
    for suite in [Suite::A256Gcm, Suite::ChaCha20Poly1305] {
        refuse(&mut search, suite);
    }
    drop_secrets(&mut search);

    // Nor does a search overlook what was freed.
    let mut freed = vec![0; SIZE];
    fill(&mut freed);
    let behind = vec![1; SIZE];
    drop(freed);
    assert!(search.found() > SIZE / 2, "what was freed was not found");
    drop(behind);
}

/// Refusals that come after the payload was decrypted.
fn refuse(search: &mut Search, suite: Suite) {
    let builder = || Opener::builder(trust()).channel(CHANNEL).live(Window::hours(1));
    let builder = || builder().key(receiving()).clock(|| NOW);
    let envelope = sealed(suite);
    assert_eq!(search.found(), 0, "the seal call left the payload");

    // A message that opens is found: so one looks.
    let mut payload = builder().build().unwrap().open(&envelope).unwrap().into_payload();
    assert!(search.found() >= SIZE - RUN, "the payload was not found");
    payload.zeroize();
    drop(payload);
    assert_eq!(search.found(), 0, "what the consumer wiped is still there");

    let mut refused = |way: &str, result: coseal::Result<coseal::Opened<'_>>| {
        assert_eq!(kinds(&result.map(drop).unwrap_err()), "stale/replayed", "{way}");
        assert_eq!(search.found(), 0, "{way} left the payload");
    };
    let opener = builder().replay_memory(Seen).build().unwrap();
    refused("open", opener.open(&envelope));
    refused("open_batch", opener.open_batch(&[&envelope]).remove(0));
    let mut into = Vec::with_capacity(2 * SIZE);
    into.extend_from_slice(b"before");
    refused("open_into", opener.open_into(&envelope, &mut into));
    assert_eq!(into, b"before");
    // Without room, too: the vector moves before anything is decrypted.
    refused("open_into", opener.open_into(&envelope, &mut b"before".to_vec()));
    let mut in_place = envelope.clone();
    refused("open_in_place", opener.open_in_place(&mut in_place));
}

fn drop_secrets(search: &mut Search) {
    let written = |bytes: &mut [u8; SIZE]| -> Result<(), ()> {
        fill(bytes);
        Ok(())
    };
    let secret = Secret::try_fill(written).unwrap();
    assert!(search.found() >= SIZE - RUN, "the secret was not found");
    drop(secret);
    assert_eq!(search.found(), 0, "a secret that was dropped is still there");

    let refused = Secret::<SIZE>::try_fill(|bytes| written(bytes).and(Err(())));
    assert_eq!(refused.map(drop), Err(()));
    assert_eq!(search.found(), 0, "a secret that was not finished is still there");

    let mut bytes = [0; SIZE];
    fill(&mut bytes);
    drop(Secret::take(&mut bytes));
    assert_eq!(search.found(), 0, "what a secret was made from is still there");
}
