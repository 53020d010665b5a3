//! A path → an embedded database of one of our kinds: keys and values that are
//! on disk when a write returns, held by one process at a time. What is in the
//! file is not trusted: every page is checked when it is opened.

use std::path::{Path, PathBuf};

use coseal::{Error, Malformed, Unsupported};
use redb::{Builder, ReadableDatabase, TableDefinition};

use crate::aside::Aside;
use crate::{Existing, Mode, Result, StoreError};

/// What the file is: its kind and the version of that.
const ABOUT: TableDefinition<&str, &str> = TableDefinition::new("about");
const RECORDS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");

/// Memory for pages of the file, in bytes. What is asked for often is held
/// elsewhere: this only has to take what one write touches.
const CACHE: usize = 4 << 20;

/// What a database is for, as its errors call it. All are of version 1.
pub(crate) type Kind = &'static str;

/// The version that is written, and the only one that is read.
const VERSION: &str = "1";

#[derive(Debug)]
pub(crate) struct Database {
    database: redb::Database,
    path: PathBuf,
    kind: Kind,
}

impl Database {
    /// Makes an empty one, where nothing is.
    pub(crate) fn create(path: &Path, kind: Kind) -> Result<()> {
        Self::begin(path, kind)?.commit()
    }

    /// The same, which has its name when the answer is committed.
    pub(crate) fn begin(path: &Path, kind: Kind) -> Result<Aside> {
        let aside = Aside::create(path, Existing::Refuse, Mode::Private)?;
        initialise(aside.path(), kind).map_err(fault("create", path, kind))?;
        Ok(aside)
    }

    /// Opens one, and shows every record it has.
    pub(crate) fn open(
        path: &Path,
        kind: Kind,
        mut record: impl FnMut(&[u8], &[u8]) -> coseal::Result<()>,
    ) -> Result<Self> {
        let opened = builder().open(path).map_err(redb::Error::from);
        let database = opened.map_err(fault("open", path, kind))?;
        let database = Self { database, path: path.to_owned(), kind };
        database.check_kind()?;
        database.read(&[], |key, value| record(key, value).map(|()| true))?;
        Ok(database)
    }

    fn check_kind(&self) -> Result<()> {
        let about = about(&self.database);
        let (kind, version) = about.map_err(fault("read", &self.path, self.kind))?;
        match (kind.as_deref(), version.as_deref()) {
            (Some(kind), Some(VERSION)) if kind == self.kind => Ok(()),
            (Some(kind), Some(version)) if kind == self.kind => {
                let detail = format!(
                    "this {kind} is of version {version}; this program knows version {VERSION}"
                );
                let error = Error::Unsupported(Unsupported::Version, detail.into());
                Err(StoreError::core(&self.path)(error))
            }
            (Some(kind), _) => Err(self.not_ours(&format!("it is a {kind}"))),
            (None, _) => Err(self.not_ours("it does not say what it is")),
        }
    }

    /// Writes and removes records, all or none. They are on disk when this
    /// returns, and no later corruption of the file goes back behind it unseen.
    pub(crate) fn write<'a>(
        &self,
        records: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<()> {
        self.commit(records).map_err(fault("write", &self.path, self.kind))
    }

    fn commit<'a>(
        &self,
        records: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        // With one phase a commit that cannot be read is taken for one that was
        // interrupted, and the one before it is believed.
        transaction.set_two_phase_commit(true);
        let mut table = transaction.open_table(RECORDS)?;
        for (key, value) in records {
            match value {
                Some(value) => drop(table.insert(key, value)?),
                None => drop(table.remove(key)?),
            }
        }
        drop(table);
        Ok(transaction.commit()?)
    }

    /// Shows the records from `first` on, in order, until `record` has enough.
    pub(crate) fn read(
        &self,
        first: &[u8],
        record: impl FnMut(&[u8], &[u8]) -> coseal::Result<bool>,
    ) -> Result<()> {
        let read = self.walk(first, record).map_err(fault("read", &self.path, self.kind))?;
        read.map_err(StoreError::core(&self.path))
    }

    fn walk(
        &self,
        first: &[u8],
        mut record: impl FnMut(&[u8], &[u8]) -> coseal::Result<bool>,
    ) -> Result<coseal::Result<()>, redb::Error> {
        let records = self.database.begin_read()?.open_table(RECORDS)?;
        for entry in records.range(first..)? {
            let (key, value) = entry?;
            match record(key.value(), value.value()) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    fn not_ours(&self, why: &str) -> StoreError {
        StoreError::core(&self.path)(malformed(self.kind, why))
    }
}

fn initialise(path: &Path, kind: Kind) -> Result<(), redb::Error> {
    let database = builder().create(path)?;
    let transaction = database.begin_write()?;
    let mut about = transaction.open_table(ABOUT)?;
    about.insert("kind", kind)?;
    about.insert("version", VERSION)?;
    drop(about);
    drop(transaction.open_table(RECORDS)?);
    transaction.commit()?;
    Ok(database.close()?)
}

/// Kind and version, where it says so.
fn about(database: &redb::Database) -> Result<(Option<String>, Option<String>), redb::Error> {
    let about = match database.begin_read()?.open_table(ABOUT) {
        Ok(about) => about,
        // Some other program's.
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok((None, None)),
        Err(error) => return Err(error.into()),
    };
    let text = |value: redb::AccessGuard<'_, &str>| value.value().to_owned();
    Ok((about.get("kind")?.map(text), about.get("version")?.map(text)))
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    // Otherwise what was altered is believed, or ends the process. All of it is
    // read anyway.
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
}

fn malformed(kind: Kind, why: &str) -> Error {
    Error::Malformed(Malformed::Structure, format!("this is no {kind}: {why}").into())
}

fn fault(action: &'static str, path: &Path, kind: Kind) -> impl FnOnce(redb::Error) -> StoreError {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};

    move |error| {
        if matches!(error, redb::Error::DatabaseAlreadyOpen) {
            return StoreError::InUse { path: path.to_owned() };
        }
        if matches!(error, redb::Error::PreviousIo) {
            let source = std::io::Error::other("an earlier write failed; open it again");
            return StoreError::io(action, path)(source);
        }
        let error = if let redb::Error::Io(source) = error {
            if !matches!(source.kind(), InvalidData | UnexpectedEof) {
                return StoreError::io(action, path)(source);
            }
            source.to_string()
        } else {
            error.to_string()
        };
        StoreError::core(path)(malformed(kind, &error))
    }
}

#[cfg(test)]
mod tests;
