//! The durable replay memory: what was flushed is there again, what can be
//! forgotten leaves the file, what is no such file is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use coseal::{EpochId, Observed, Position, ReplayMemory, Sighting, SigningKey, Thumbprint, Time};
use coseal_store::{ReplayFile, StoreError};
use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};

const WINDOW: Duration = Duration::from_secs(600);
const SKEW: Duration = Duration::from_secs(60);
/// Where a memory keeps what it knows.
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

struct Desk {
    _folder: tempfile::TempDir,
    path: PathBuf,
    signer: Thumbprint,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replay");
        ReplayFile::create(&path).unwrap();
        let signer = *SigningKey::from_bytes(&[1; 32]).verifying_key().thumbprint();
        Self { _folder: folder, path, signer }
    }

    fn open(&self) -> ReplayFile {
        ReplayFile::open(&self.path, WINDOW, SKEW).unwrap()
    }

    fn sighting(&self, sequence: u64, secs: u64, position: Option<Position>) -> Sighting {
        let (signer, now) = (self.signer, Time::from_secs(secs));
        let epoch = EpochId::from_bytes([1; 8]);
        Sighting { signer, epoch, sequence, sealed_at: now, position, now }
    }

    fn len(&self) -> u64 {
        fs::metadata(&self.path).unwrap().len()
    }
}

const fn at(offset: u64) -> Option<Position> {
    Some(Position { log: 3, offset })
}

#[test]
fn what_was_flushed_is_never_forgotten() {
    let desk = Desk::new();
    let memory = desk.open();
    for sequence in 0..1000 {
        let seen = desk.sighting(sequence, 5000, at(sequence * 7));
        assert_eq!(memory.observe(&seen).unwrap(), Observed::New);
        let bare = desk.sighting(1_000_000 + sequence * 3, 5000, None);
        assert_eq!(memory.observe(&bare).unwrap(), Observed::New);
    }
    memory.flush().unwrap();
    for sequence in 1000..1010 {
        memory.observe(&desk.sighting(sequence, 6000, at(sequence))).unwrap();
    }
    let bytes = memory.bytes();
    assert!((1000..100_000).contains(&bytes), "{bytes}");
    drop(memory);

    let memory = desk.open();
    assert_eq!(memory.latest(3, &desk.signer), Some(Time::from_secs(5000)));
    assert_eq!(memory.latest(0, &desk.signer), None);
    for sequence in 0..1000 {
        let seen = desk.sighting(sequence, 5000, at(sequence * 7));
        assert_eq!(memory.observe(&seen).unwrap(), Observed::Redelivery);
        let bare = desk.sighting(1_000_000 + sequence * 3, 5000, None);
        assert_eq!(memory.observe(&bare).unwrap(), Observed::Replay);
        let between = desk.sighting(1_000_001 + sequence * 3, 5000, None);
        assert_eq!(memory.observe(&between).unwrap(), Observed::New);
    }
    // What was not flushed is delivered again.
    for sequence in 1000..1010 {
        let unflushed = desk.sighting(sequence, 6000, at(sequence));
        assert_eq!(memory.observe(&unflushed).unwrap(), Observed::New);
    }
}

#[test]
fn what_is_forgotten_leaves_the_file_and_stays_refused() {
    let desk = Desk::new();
    let memory = desk.open();
    let mut longest = 0;
    // A day, a message with a position and one without every two seconds.
    for secs in (10_000..96_400).step_by(2) {
        let seen = desk.sighting(secs, secs, at(secs * secs % 65_537));
        assert_eq!(memory.observe(&seen).unwrap(), Observed::New);
        let epoch = EpochId::from_bytes((secs / 1000).to_be_bytes());
        let bare = Sighting { epoch, ..desk.sighting(secs * 5, secs, None) };
        assert_eq!(memory.observe(&bare).unwrap(), Observed::New);
        if secs % 500 == 0 {
            memory.flush().unwrap();
            longest = longest.max(desk.len());
        }
    }
    memory.flush().unwrap();
    assert!(memory.bytes() < 50_000, "{}", memory.bytes());
    drop(memory);
    let database = Database::open(&desk.path).unwrap();
    let records = database.begin_read().unwrap().open_table(RECORDS).unwrap().len().unwrap();
    drop(database);
    // Twelve minutes and their margin lie in a few pages.
    assert!(records < 16, "{records}");
    assert!(longest < 1 << 20, "{longest}");

    let memory = desk.open();
    let old = Sighting { now: Time::from_secs(96_400), ..desk.sighting(40_000, 40_000, None) };
    assert_eq!(memory.observe(&old).unwrap(), Observed::Replay);
    let recent = desk.sighting(96_000, 96_000, at(96_000 * 96_000 % 65_537));
    assert_eq!(memory.observe(&recent).unwrap(), Observed::Redelivery);
}

#[test]
fn a_flush_without_news_writes_nothing() {
    let desk = Desk::new();
    let memory = desk.open();
    memory.observe(&desk.sighting(1, 5000, at(1))).unwrap();
    memory.flush().unwrap();
    let before = fs::read(&desk.path).unwrap();
    assert_eq!(memory.observe(&desk.sighting(1, 5000, at(1))).unwrap(), Observed::Redelivery);
    assert_eq!(memory.observe(&desk.sighting(1, 5000, at(2))).unwrap(), Observed::Replay);
    memory.flush().unwrap();
    assert!(fs::read(&desk.path).unwrap() == before);
}

/// Whoever's flush returned finds everything it had observed, though others
/// observe and flush at the same time.
#[test]
fn many_at_once_lose_nothing() {
    const THREADS: u64 = 4;
    let desk = Desk::new();
    let memory = desk.open();
    thread::scope(|scope| {
        for lane in 0..THREADS {
            let (memory, desk) = (&memory, &desk);
            scope.spawn(move || {
                for turn in 0..25 {
                    for step in 0..40 {
                        let sequence = (turn * 40 + step) * THREADS + lane;
                        let seen = desk.sighting(sequence, 5000, at(sequence));
                        assert_eq!(memory.observe(&seen).unwrap(), Observed::New);
                    }
                    if turn < 20 {
                        memory.flush().unwrap();
                    }
                }
            });
        }
    });
    drop(memory);
    let memory = desk.open();
    for lane in 0..THREADS {
        for step in 0..800 {
            let sequence = step * THREADS + lane;
            let seen = desk.sighting(sequence, 5000, at(sequence));
            assert_eq!(memory.observe(&seen).unwrap(), Observed::Redelivery, "{sequence}");
        }
    }
}

#[test]
fn a_memory_that_is_missing_or_taken_or_no_memory_is_told() {
    let desk = Desk::new();
    let first = desk.open();
    let open = || ReplayFile::open(&desk.path, WINDOW, SKEW).unwrap_err();
    assert!(matches!(open(), StoreError::InUse { .. }));
    drop(first);
    fs::write(&desk.path, b"{}").unwrap();
    let error = open().to_string();
    assert!(error.contains(": this is no replay memory: "), "{error}");
    fs::remove_file(&desk.path).unwrap();
    assert!(matches!(open(), StoreError::Io { .. }));
    assert!(!desk.path.exists(), "lost is lost");

    // Ours, but what is in it is not what this program writes.
    ReplayFile::create(&desk.path).unwrap();
    let database = Database::open(&desk.path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(RECORDS).unwrap().insert(&[9][..], &[0; 8][..]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let StoreError::Core { source, .. } = open() else { panic!() };
    assert_eq!((source.code(), source.kind()), ("malformed", Some("structure")));
}
