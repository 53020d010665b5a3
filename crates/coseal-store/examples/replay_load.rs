//! Shows ten million messages to a replay memory, in several orders, and says
//! how many checks a second that is, and what is held a message:
//!
//! ```text
//! cargo run --release -p coseal-store --example replay_load
//! ```
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement may fail loudly")]

use std::time::{Duration, Instant};

use coseal::{
    EpochId, InMemoryReplay, Observed, Position, ReplayMemory, Sighting, SigningKey, Thumbprint,
    Time,
};
use coseal_store::ReplayFile;

const MESSAGES: u64 = 10_000_000;
const WINDOW: Duration = Duration::from_secs(600);
const SKEW: Duration = Duration::from_secs(60);
/// Messages in an epoch, as a sealer has them unless told.
const EPOCH: u64 = 1 << 20;

/// Where the message of a turn stands: (epoch, sequence, log, offset), given
/// something random.
type Order = fn(u64, u64) -> (u64, u64, u64, u64);

const ORDERS: [(&str, Order); 6] = [
    ("in order", |n, _| (n / EPOCH, n % EPOCH, 0, n)),
    ("in order, 12 logs, others between", |n, random| {
        (n / EPOCH, n % EPOCH, n % 12, n * 4 + random % 40)
    }),
    ("5 % reordered, 5 % redelivered", |n, random| {
        // A turn in twenty shows one of the thousand before: late, for the
        // first time, where it was left out; again, where it was not.
        let late = n.saturating_sub((random >> 40) % 1000);
        let turn = match random % 20 {
            0 => late / 20 * 20,
            1 => late,
            _ if n % 20 == 0 => n + 1,
            _ => n,
        };
        (turn / EPOCH, turn % EPOCH, 0, turn * 2)
    }),
    ("random within an epoch", |n, random| (n / EPOCH, random % EPOCH, 0, random % EPOCH)),
    ("hostile: far apart, any order", |_, random| (0, random, random >> 9, !random)),
    ("hostile: an epoch each", |_, random| (random, random, random >> 9, !random)),
];

fn main() {
    let signer = *SigningKey::from_bytes(&[1; 32]).verifying_key().thumbprint();
    let folder = tempfile::tempdir().unwrap();
    println!(
        "{:35} {:9} {:9} {:>8} {:>8}  new, redelivered, replayed",
        "order", "positions", "memory", "checks/s", "B/msg"
    );
    for (name, order) in ORDERS {
        // What costs a hundred bytes each is not shown ten million times.
        let messages = if name.starts_with("hostile") { MESSAGES / 5 } else { MESSAGES };
        for positions in [true, false] {
            let new = || InMemoryReplay::new(WINDOW, SKEW);
            show(name, order, messages, positions, signer, "process", new);
        }
    }
    for (name, order) in &ORDERS[..3] {
        let path = folder.path().join(name);
        ReplayFile::create(&path).unwrap();
        let open = || ReplayFile::open(&path, WINDOW, SKEW).unwrap();
        show(name, *order, MESSAGES, true, signer, "file", open);
        let length = std::fs::metadata(&path).unwrap().len();
        let begun = Instant::now();
        let memory = open();
        let took = begun.elapsed();
        println!("    {} MB on disk, opened again in {took:.1?}", length / 1_000_000);
        drop(memory);
    }
}

/// Messages a second that the times say, and so in a window: all of them.
const PACE: u64 = 50_000;
/// Messages between two flushes of a file.
const FLUSH: u64 = 10_000;

fn show<M: ReplayMemory + Held>(
    name: &str,
    order: Order,
    messages: u64,
    positions: bool,
    signer: Thumbprint,
    kind: &str,
    new: impl FnOnce() -> M,
) {
    let mut answers = [0_u64; 3];
    let mut took = Duration::ZERO;
    let mut memory = None;
    let mut flushes = Vec::new();
    let held = allocation_counter::measure(|| {
        let memory = memory.insert(new());
        let mut random = 88_172_645_463_325_252_u64;
        let begun = Instant::now();
        for turn in 0..messages {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let (epoch, sequence, log, offset) = order(turn, random);
            let now = Time::from_millis(turn * 1000 / PACE);
            let epoch = EpochId::from_bytes(epoch.to_be_bytes());
            let position = positions.then_some(Position { log, offset });
            let sighting = Sighting { signer, epoch, sequence, sealed_at: now, position, now };
            answers[match memory.observe(&sighting).unwrap() {
                Observed::New => 0,
                Observed::Redelivery => 1,
                Observed::Replay => 2,
            }] += 1;
            if kind == "file" && turn % FLUSH == FLUSH - 1 {
                let begun = Instant::now();
                memory.flush().unwrap();
                flushes.push(begun.elapsed());
            }
        }
        took = begun.elapsed();
    });
    let all = messages as f64;
    let checks = all / (took - flushes.iter().sum::<Duration>()).as_secs_f64();
    println!(
        "{name:35} {positions:9} {kind:9} {:6.1} M {:8.2}  {answers:?}",
        checks / 1e6,
        held.bytes_current as f64 / all,
    );
    let said = memory.map_or(0, |memory| memory.held());
    assert!(said as f64 >= 0.9 * held.bytes_current as f64 || kind == "file", "{said}");
    flushes.sort_unstable();
    if let (Some(median), Some(longest)) = (flushes.get(flushes.len() / 2), flushes.last()) {
        println!("    a flush of {FLUSH}: median {median:.1?}, longest {longest:.1?}");
    }
}

trait Held {
    fn held(&self) -> usize;
}

impl Held for InMemoryReplay {
    fn held(&self) -> usize {
        self.bytes()
    }
}

impl Held for ReplayFile {
    fn held(&self) -> usize {
        self.bytes()
    }
}
