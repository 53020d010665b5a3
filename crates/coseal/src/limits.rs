//! Every hard cap, with the reason for its number. Each is checked before
//! anything is allocated.

/// Largest envelope taken by default, in bytes. Brokers default to 1 MiB a
/// message and rarely allow more than a few tens; readers may configure less
/// or more.
pub const ENVELOPE: usize = 64 << 20;

/// Largest protected header, in bytes: 32 application headers of useful size,
/// small enough to be hashed and encoded without a thought.
pub const PROTECTED: usize = 16_384;

/// Longest channel name, in bytes; Kafka allows 249, NATS subjects stay below.
pub const CHANNEL: usize = 255;

/// Longest content type, in bytes (RFC 6838 §4.2 allows 127 for each half).
pub const CONTENT_TYPE: usize = 255;

/// Most application headers in one message.
pub const HEADERS: usize = 32;

/// Longest name of an application header, in bytes.
pub const HEADER_NAME: usize = 64;

/// Longest text or byte value of an application header, in bytes.
pub const HEADER_VALUE: usize = 4096;

/// Most recipients of one envelope. Each costs its reader a look, and its
/// sealer an encapsulation an epoch.
pub const RECIPIENTS: usize = 64;

/// Longest recipient of an unknown algorithm, encoded, in bytes: room for a
/// post-quantum encapsulation.
pub const OTHER_RECIPIENT: usize = 4096;

/// Longest key ID of a KEK, in bytes.
pub const KEK_ID: usize = 64;

/// Most receipts after the sender's.
pub const OTHER_RECEIPTS: usize = 3;

/// Longest receipt after the sender's, in bytes.
pub const OTHER_RECEIPT: usize = 16_384;

/// Largest tree a receipt can speak of, in leaves.
pub const TREE_SIZE: u64 = 1 << 32;

/// Longest Merkle path: log2 of [`TREE_SIZE`].
pub const PATH: usize = 32;

/// Most messages sealed under one signature: bounds what is held in memory
/// until the root is known.
pub const BATCH: usize = 65_536;

/// Most messages that an epoch may be configured to take. AES-GCM would allow
/// far more, as each message has a key of its own.
pub const EPOCH_MESSAGES: u64 = 1 << 32;

/// Deepest nesting of arrays, maps and tags.
pub const DEPTH: usize = 16;

/// Deepest nesting of arrays and maps in an extension value.
pub const EXTENSION_DEPTH: usize = 4;

/// Latest time, in seconds: integers that every JSON reader keeps exact.
pub const TIME: u64 = (1 << 53) - 1;

/// Largest trust bundle, in bytes.
pub const BUNDLE: usize = 16 << 20;

/// Most records in a trust bundle.
pub const RECORDS: usize = 65_536;

/// Most channel patterns in a record.
pub const PATTERNS: usize = 256;

/// Longest subject, in bytes (RFC 3986 sets none; SPIFFE says 2048).
pub const SUBJECT: usize = 2048;

/// Most keys that are listed as needed by a set of envelopes: as many as a
/// bundle has records. Whoever carries envelopes can name 64 in each.
pub const NEEDED: usize = RECORDS;
