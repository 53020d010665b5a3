//! What goes wrong outside: kept whole, under the code `carrier`.

use std::fmt;

use coseal::Error;

/// Why a carrier failed, in words, where no library said it.
#[derive(Debug)]
struct Told(&'static str);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Told {}

pub(crate) fn told(what: &'static str) -> Error {
    Error::Carrier(Box::new(Told(what)))
}

/// The task that would have answered is gone.
pub(crate) fn ended() -> Error {
    told("this end of the carrier was closed")
}

/// An error of the client's, kept whole.
pub(crate) fn carrier(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Carrier(error.into())
}

/// The same error, for one more who waits.
pub(crate) fn alike(error: &Error) -> Error {
    match error {
        Error::Malformed(kind, detail) => Error::Malformed(*kind, detail.clone()),
        Error::Unsupported(kind, detail) => Error::Unsupported(*kind, detail.clone()),
        Error::Untrusted(kind, detail) => Error::Untrusted(*kind, detail.clone()),
        Error::Misdirected(kind, detail) => Error::Misdirected(*kind, detail.clone()),
        Error::Stale(kind, detail) => Error::Stale(*kind, detail.clone()),
        Error::NoKey(detail) => Error::NoKey(detail.clone()),
        Error::Undecryptable => Error::Undecryptable,
        Error::Entropy(detail) => Error::Entropy(detail.clone()),
        Error::Misuse(detail) => Error::Misuse(detail.clone()),
        Error::Carrier(cause) => Error::Carrier(cause.to_string().into()),
        _ => Error::Carrier(error.to_string().into()),
    }
}
