#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::{fs, thread};

use coseal::{Envelope, Previous, ReceivingKey, SigningKey};

use super::*;

struct Desk {
    folder: tempfile::TempDir,
}

fn builder(seed: u8, channel: &str) -> SealerBuilder {
    let recipient = ReceivingKey::from_bytes(&[9; 32]);
    Sealer::builder(SigningKey::from_bytes(&[seed; 32]), channel)
        .recipient(recipient.recipient_key())
}

/// The epoch of the next message, and the one before, where it names one.
fn next(sealer: &Sealer) -> (EpochId, Option<Previous>) {
    let envelope = sealer.seal(b"payload").unwrap();
    let header = *Envelope::decode(&envelope).unwrap().unverified_header();
    (header.epoch(), header.previous())
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("chains")
    }

    fn open(&self) -> ChainFile {
        ChainFile::open_or_create(self.path()).unwrap()
    }
}

#[test]
fn a_sealer_goes_on_where_the_last_one_ended_in_order() {
    let desk = Desk::new();
    let chains = desk.open();
    let first = chains.begin(builder(1, "orders")).unwrap();
    let (epoch, previous) = next(&first);
    assert_eq!(previous, None);
    next(&first);
    chains.end(first).unwrap();
    drop(chains);

    let chains = desk.open();
    // Of another channel, or of another key: a chain of its own.
    for other in [builder(1, "order"), builder(1, "orders.eu"), builder(2, "orders")] {
        let other = chains.begin(other).unwrap();
        assert_eq!(next(&other).1, None);
    }
    let second = chains.begin(builder(1, "orders")).unwrap();
    let (_, previous) = next(&second);
    assert_eq!(previous, Some(Previous { epoch, messages: 2 }));
    // It was taken: nobody else gets it, whatever becomes of that sealer.
    assert_eq!(next(&chains.begin(builder(1, "orders")).unwrap()).1, None);
    drop(second);
    assert_eq!(next(&chains.begin(builder(1, "orders")).unwrap()).1, None);
    drop(chains);
    assert_eq!(next(&desk.open().begin(builder(1, "orders")).unwrap()).1, None);
}

#[test]
fn a_sealer_that_sealed_nothing_leaves_the_chain_as_it_was() {
    let desk = Desk::new();
    let chains = desk.open();
    chains.end(chains.begin(builder(1, "orders")).unwrap()).unwrap();
    let first = chains.begin(builder(1, "orders")).unwrap();
    let (epoch, previous) = next(&first);
    assert_eq!(previous, None);
    chains.end(first).unwrap();
    chains.end(chains.begin(builder(1, "orders")).unwrap()).unwrap();
    let (_, previous) = next(&chains.begin(builder(1, "orders")).unwrap());
    assert_eq!(previous, Some(Previous { epoch, messages: 1 }));
}

#[test]
fn what_cannot_be_built_takes_the_end_all_the_same() {
    let desk = Desk::new();
    let chains = desk.open();
    let first = chains.begin(builder(1, "orders")).unwrap();
    next(&first);
    chains.end(first).unwrap();
    let error = chains.begin(builder(1, "orders").epoch_messages(0)).unwrap_err();
    assert!(matches!(&error, StoreError::Core { source: Error::Misuse(_), .. }), "{error}");
    assert_eq!(next(&chains.begin(builder(1, "orders")).unwrap()).1, None);
}

#[test]
fn sealers_at_once_go_on_with_one_end_each() {
    let desk = Desk::new();
    let chains = desk.open();
    let sealers: Vec<_> = (0..8).map(|_| chains.begin(builder(1, "orders")).unwrap()).collect();
    let mut ends = BTreeSet::new();
    for sealer in sealers {
        ends.insert(next(&sealer).0);
        chains.end(sealer).unwrap();
    }
    let taken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let (_, previous) = next(&chains.begin(builder(1, "orders")).unwrap());
                taken.lock().unwrap().extend(previous.map(|end| end.epoch));
            });
        }
    });
    let taken = taken.into_inner().unwrap();
    assert_eq!(taken.len(), 8, "each once");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), ends);
}

#[test]
fn one_process_at_a_time_has_it() {
    let desk = Desk::new();
    let chains = desk.open();
    let error = ChainFile::open_or_create(desk.path()).unwrap_err();
    assert!(matches!(&error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().ends_with("chains is in use by another process"), "{error}");
    drop(chains);
    desk.open();
}

#[test]
fn what_is_no_file_of_chains_is_told_and_left_alone() {
    let desk = Desk::new();
    let refused = |path: &Path| {
        let error = ChainFile::open_or_create(path).unwrap_err();
        let StoreError::Core { source, .. } = &error else { panic!("{error}") };
        assert_eq!((source.code(), source.kind()), ("malformed", Some("structure")), "{error}");
    };
    for what in [&b""[..], b"not a database"] {
        fs::write(desk.path(), what).unwrap();
        refused(&desk.path());
        assert_eq!(fs::read(desk.path()).unwrap(), what);
        fs::remove_file(desk.path()).unwrap();
    }
    let letters = desk.folder.path().join("letters");
    crate::DeadLetterFile::create(&letters).unwrap();
    refused(&letters);
    crate::DeadLetterFile::open(&letters).unwrap();

    // Records that nobody wrote.
    let good = [&[7; 32][..], b"orders", &[0], &[1; 8]].concat();
    let count = 5_u64.to_be_bytes();
    for (key, value) in [
        (&b""[..], &count[..]),
        (&good[..39], &count),
        (&[&[7; 32][..], &[0], &[1; 8]].concat(), &count),
        (&[&[7; 32][..], b"or\0ders", &[0], &[1; 8]].concat(), &count),
        (&good, b"5"),
        (&good, &[]),
    ] {
        Database::create(&desk.path(), KIND).unwrap();
        let database = Database::open(&desk.path(), KIND, |_, _| Ok(())).unwrap();
        database.write([(&*good, Some(&count[..])), (key, Some(value))]).unwrap();
        drop(database);
        let error = ChainFile::open_or_create(desk.path()).unwrap_err();
        assert!(error.to_string().contains("no end of a chain"), "{error}");
        fs::remove_file(desk.path()).unwrap();
    }
}
