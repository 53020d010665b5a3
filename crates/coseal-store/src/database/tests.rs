#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::fs;

use super::*;

const KIND: Kind = "list of numbers";

fn nothing(_: &[u8], _: &[u8]) -> coseal::Result<()> {
    Ok(())
}

type Records = Vec<(Vec<u8>, Vec<u8>)>;

fn open(path: &Path) -> Result<(Database, Records)> {
    let mut records = Vec::new();
    let database = Database::open(path, KIND, |key, value| {
        records.push((key.to_vec(), value.to_vec()));
        Ok(())
    })?;
    Ok((database, records))
}

fn code(error: &StoreError) -> (&str, Option<&str>) {
    let StoreError::Core { source, .. } = error else { panic!("{error}") };
    (source.code(), source.kind())
}

#[test]
fn what_was_written_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    Database::create(&path, KIND).unwrap();
    let (database, records) = open(&path).unwrap();
    assert_eq!(records, []);
    database.write([(&b"1"[..], Some(&b"one"[..])), (b"2", Some(b"two")), (b"3", None)]).unwrap();
    database.write([(&b"2"[..], Some(&b"zwei"[..])), (b"1", None)]).unwrap();
    drop(database);
    let (database, records) = open(&path).unwrap();
    assert_eq!(records, [(b"2".to_vec(), b"zwei".to_vec())]);
    database.write([(&b"4"[..], Some(&b"four"[..]))]).unwrap();
    let mut seen = Vec::new();
    let more = |key: &[u8], _: &[u8]| {
        seen.push(key.to_vec());
        Ok(false)
    };
    database.read(b"3", more).unwrap();
    assert_eq!(seen, [b"4"]);
}

#[test]
fn a_database_is_private_and_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    fs::write(&path, "").unwrap();
    assert!(matches!(Database::create(&path, KIND), Err(StoreError::Exists { .. })));
    fs::remove_file(&path).unwrap();
    let missing = Database::open(&path, KIND, nothing).unwrap_err();
    assert!(matches!(&missing, StoreError::Io { action: "open", .. }), "{missing}");
    assert!(!path.exists());
    Database::create(&path, KIND).unwrap();
    assert!(matches!(Database::create(&path, KIND), Err(StoreError::Exists { .. })));
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn one_process_has_it_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    Database::create(&path, KIND).unwrap();
    let first = open(&path).unwrap();
    let second = open(&path).err().unwrap();
    assert!(matches!(second, StoreError::InUse { .. }));
    assert_eq!(second.to_string(), format!("{} is in use by another process", path.display()));
    drop(first);
    assert!(open(&path).is_ok());
}

#[test]
fn another_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    Database::create(&path, KIND).unwrap();
    let whole = fs::read(&path).unwrap();
    let cases: [(&str, Vec<u8>); 5] = [
        ("empty", Vec::new()),
        ("text", b"these are no numbers\n".repeat(9000)),
        ("zeros", vec![0; whole.len()]),
        ("cut", whole[..whole.len() - 4096].to_vec()),
        ("cut to its head", whole[..100].to_vec()),
    ];
    for (name, bytes) in cases {
        fs::write(&path, &bytes).unwrap();
        let error = open(&path).err().unwrap();
        assert_eq!(code(&error), ("malformed", Some("structure")), "{name}: {error}");
        assert!(error.to_string().contains("this is no list of numbers: "), "{name}: {error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name}");
    }
}

#[test]
fn another_database_is_refused_and_still_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    let refused = || {
        let error = open(&path).err().unwrap();
        (code(&error).0.to_owned(), error.to_string().rsplit(": ").next().unwrap().to_owned())
    };

    Database::create(&path, "list of letters").unwrap();
    assert_eq!(refused(), ("malformed".to_owned(), "it is a list of letters".to_owned()));
    assert!(Database::open(&path, "list of letters", nothing).is_ok());

    let foreign: TableDefinition<'_, &str, u64> = TableDefinition::new("theirs");
    fs::remove_file(&path).unwrap();
    let database = redb::Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(foreign).unwrap().insert("n", 7).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(refused(), ("malformed".to_owned(), "it does not say what it is".to_owned()));
    let database = redb::Database::open(&path).unwrap();
    let theirs = database.begin_read().unwrap().open_table(foreign).unwrap();
    assert_eq!(theirs.get("n").unwrap().unwrap().value(), 7);
    drop((theirs, database));

    fs::remove_file(&path).unwrap();
    Database::create(&path, KIND).unwrap();
    let database = redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(ABOUT).unwrap().insert("version", "2").unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open(&path).err().unwrap();
    assert_eq!(code(&error), ("unsupported", Some("version")), "{error}");
}

/// A flipped bit is found, or was nowhere that matters: what was written last
/// is never replaced by what was written before.
#[test]
fn what_is_damaged_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    Database::create(&path, KIND).unwrap();
    let (database, _) = open(&path).unwrap();
    let mut expected = Vec::new();
    for number in 0..60_u8 {
        let record = (vec![number], vec![number; 3000]);
        database.write([(&record.0[..], Some(&record.1[..]))]).unwrap();
        expected.push(record);
    }
    drop(database);
    let whole = fs::read(&path).unwrap();
    let (mut refused, mut harmless) = (0, 0);
    // The head, where the two last states are named, and samples.
    let flags = (0..16).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    let states = (16..320).step_by(3).map(|at| (at, at % 8));
    let samples = (320..whole.len()).step_by(whole.len() / 100).map(|at| (at, at % 8));
    for (at, bit) in flags.chain(states).chain(samples) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << bit;
        fs::write(&path, &damaged).unwrap();
        match open(&path) {
            Ok((_, records)) => {
                assert!(records == expected, "byte {at}: {} records", records.len());
                harmless += 1;
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Core { .. }), "byte {at}: {error}");
                assert!(fs::read(&path).unwrap() == damaged, "byte {at}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100 && harmless > 0, "{refused} {harmless}");
}
