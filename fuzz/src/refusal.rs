//! Names of refusals, as the vectors spell them.

use coseal::Error;

/// `code/kind`, or `code` where it has no kinds.
#[must_use]
pub fn name(error: &Error) -> String {
    error.kind().map_or_else(|| error.code().into(), |kind| format!("{}/{kind}", error.code()))
}

/// Whether `error` may come out of steps 1 to 5 of an archival reader.
#[must_use]
pub fn is_of_verification(name: &str) -> bool {
    is_of_shape(name) || is_unsupported(name) || name.starts_with("untrusted/")
}

/// Step 1.
#[must_use]
pub fn is_of_shape(name: &str) -> bool {
    matches!(name, "malformed/cbor" | "malformed/structure" | "unsupported/version")
}

/// Step 2.
#[must_use]
pub fn is_unsupported(name: &str) -> bool {
    let kinds = ["header", "suite", "detached", "receipt"];
    name.strip_prefix("unsupported/").is_some_and(|kind| kinds.contains(&kind))
}
