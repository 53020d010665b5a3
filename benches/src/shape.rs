//! What is measured: how large a payload, in how large a batch, under which
//! suite, for how many recipients; and the one name each of these has
//! everywhere, `256B/batch64/a256gcm`.

use coseal::Suite;
use std::fmt;

/// Bytes of payload.
pub const SIZES: [usize; 5] = [64, 256, 1 << 10, 16 << 10, 1 << 20];
/// Messages sealed together; 1 is alone.
pub const BATCHES: [usize; 4] = [1, 16, 64, 256];
/// Both.
pub const SUITES: [Suite; 2] = [Suite::A256Gcm, Suite::ChaCha20Poly1305];
/// Bytes of payload in a batch; more would measure the memory.
pub const MOST: usize = 16 << 20;
/// Recipients, where there is not one. Their entries are written once an epoch
/// and read once an epoch: a message has to carry them and to be taken apart
/// around them, which counts where it is small.
pub const MANY: u8 = 8;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Of the payload, in bytes.
    pub size: usize,
    /// Messages sealed together.
    pub batch: usize,
    /// Under which they are encrypted.
    pub suite: Suite,
    /// Of each.
    pub recipients: u8,
}

impl Shape {
    /// All, but batches of at most `most` bytes of payload.
    pub fn all(most: usize) -> impl Iterator<Item = Self> {
        let each = SUITES.into_iter().flat_map(|suite| {
            SIZES.into_iter().flat_map(move |size| {
                BATCHES.into_iter().map(move |batch| Self { size, batch, suite, recipients: 1 })
            })
        });
        each.flat_map(|one| [Some(one), one.to_many()])
            .flatten()
            .filter(move |shape| shape.batch == 1 || shape.size * shape.batch <= most)
    }

    /// Those that are taken apart without more. Neither the suite nor the payload
    /// has a part in that, which the largest shows.
    pub fn to_decode() -> impl Iterator<Item = Self> {
        let shape = Self { size: 256, batch: 1, suite: Suite::A256Gcm, recipients: 1 };
        let many = Self { batch: 64, recipients: MANY, ..shape };
        let large = Self { size: 1 << 20, ..shape };
        BATCHES.into_iter().map(move |batch| Self { batch, ..shape }).chain([many, large])
    }

    /// The same for many recipients, where that is another thing: the suite and
    /// the other sizes of batches are not.
    fn to_many(self) -> Option<Self> {
        let matters = self.size <= 1 << 10
            && matches!(self.batch, 1 | 64)
            && matches!(self.suite, Suite::A256Gcm);
        matters.then_some(Self { recipients: MANY, ..self })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            size @ 0..1024 => write!(f, "{size}B/")?,
            size @ 1024..0x10_0000 => write!(f, "{}KiB/", size >> 10)?,
            size => write!(f, "{}MiB/", size >> 20)?,
        }
        match self.batch {
            1 => f.write_str("alone/")?,
            batch => write!(f, "batch{batch}/")?,
        }
        write!(f, "{}", self.suite)?;
        match self.recipients {
            1 => Ok(()),
            recipients => write!(f, "/{recipients}recipients"),
        }
    }
}
