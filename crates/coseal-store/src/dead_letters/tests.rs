#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use coseal::Stale;

use super::*;
use crate::{ReplayFile, StoreError};

fn letter(original: &[u8], position: Option<Position>) -> DeadLetter {
    let error = Error::Stale(Stale::TooOld, "older than the window".into());
    DeadLetter::new(original, position, &error, Time::from_secs(1000))
}

const fn at(log: u64, offset: u64) -> Option<Position> {
    Some(Position { log, offset })
}

#[test]
fn the_list_survives_and_is_read_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead");
    DeadLetterFile::create(&path).unwrap();
    let file = DeadLetterFile::open(&path).unwrap();
    assert_eq!(file.list(None, 10).unwrap(), []);
    let mut letters = vec![
        letter(b"c", at(7, u64::MAX)),
        letter(b"a", at(7, 256)),
        letter(b"b", at(7, 3)),
        letter(b"b", at(300, 3)),
        letter(b"b", None),
        letter(b"", None),
        letter(b"b", at(0, 0)),
    ];
    assert_eq!(letters[0].code, "stale/too_old");
    file.record(&letters).unwrap();
    drop(file);

    let file = DeadLetterFile::open(&path).unwrap();
    letters.sort();
    assert_eq!(file.list(None, 10).unwrap(), letters);
    let first = file.list(None, 3).unwrap();
    assert_eq!(first, letters[..3]);
    assert_eq!(file.list(first.last(), 3).unwrap(), letters[3..6]);
    assert_eq!(file.list(letters.last(), 3).unwrap(), []);

    // Again, for another reason: one place, one entry.
    let no_key = Error::NoKey("no key".into());
    let again = DeadLetter::new(b"b", at(7, 3), &no_key, Time::from_secs(2000));
    file.record(std::slice::from_ref(&again)).unwrap();
    assert_eq!(again.code, "no_key");
    assert_eq!(file.list(None, 10).unwrap().len(), letters.len());
    assert!(file.list(None, 10).unwrap().contains(&again));

    file.remove(&[again, letter(b"never", None), letters[0].clone()]).unwrap();
    drop(file);
    let left = DeadLetterFile::open(&path).unwrap().list(None, 10).unwrap();
    letters.retain(|letter| letter.position != at(7, 3));
    assert_eq!(left, letters[1..]);
}

#[test]
fn only_these_bytes_at_this_place_are_on_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead");
    DeadLetterFile::create(&path).unwrap();
    let file = DeadLetterFile::open(&path).unwrap();
    file.record(&[letter(b"with", at(7, 9)), letter(b"without", None)]).unwrap();
    let place = |log, offset| Position { log, offset };
    assert!(file.holds(b"with", Some(&place(7, 9))).unwrap());
    assert!(file.holds(b"without", None).unwrap());
    for (original, position) in [
        (&b"with"[..], None),
        (b"With", at(7, 9)),
        (b"with", at(7, 8)),
        (b"with", at(8, 9)),
        (b"without", at(0, 0)),
        (b"without", at(7, 9)),
        (b"without!", None),
    ] {
        assert!(!file.holds(original, position.as_ref()).unwrap(), "{original:?} {position:?}");
    }
    file.record(&[letter(b"other", at(7, 9)), letter(b"behind", at(7, 300))]).unwrap();
    assert_eq!(file.offsets(7, 0).unwrap(), [9, 300]);
    assert_eq!(file.offsets(7, 10).unwrap(), [300]);
    for (log, from) in [(7, 301), (6, 0), (8, 0), (0, 0)] {
        assert!(file.offsets(log, from).unwrap().is_empty(), "{log} {from}");
    }
    let list: &dyn DeadLetterList = &file;
    let found = list.find(b"with", Some(&place(7, 9))).unwrap().unwrap();
    assert_eq!(found, letter(b"with", at(7, 9)));
}

#[test]
fn one_kind_of_file_is_not_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    ReplayFile::create(&path).unwrap();
    let error = DeadLetterFile::open(&path).unwrap_err().to_string();
    assert!(error.ends_with("this is no list of dead letters: it is a replay memory"), "{error}");
    assert!(matches!(DeadLetterFile::create(&path), Err(StoreError::Exists { .. })));

    let path = folder.path().join("other");
    DeadLetterFile::create(&path).unwrap();
    let database = Database::open(&path, KIND, |_, _| Ok(())).unwrap();
    for (key, value) in [(&[1; 48][..], &[0; 9][..]), (&[1; 49], &[0; 7]), (&[1; 49], &[0xff; 9])] {
        database.write([(key, Some(value))]).unwrap();
    }
    drop(database);
    let StoreError::Core { source, .. } = DeadLetterFile::open(&path).unwrap_err() else {
        panic!()
    };
    assert_eq!((source.code(), source.kind()), ("malformed", Some("structure")));
}
