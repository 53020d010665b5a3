//! The rules that cases test, in the words of the format.

pub(crate) const SHORTEST: &str = "Encoding: shortest integers and lengths";
pub(crate) const DEFINITE: &str = "Encoding: definite lengths";
pub(crate) const WELL_FORMED: &str = "Encoding: well-formed CBOR, one item, no trailing bytes";
pub(crate) const KEY_ORDER: &str = "Encoding: map keys in bytewise order of their encodings";
pub(crate) const DUPLICATES: &str = "Encoding: no duplicate map keys";
pub(crate) const UTF8: &str = "Encoding: text is valid UTF-8";
pub(crate) const NESTING: &str = "Encoding: nesting at most 16";
pub(crate) const EXTENSION_NESTING: &str = "Encoding: extension values nest at most 4 deep";
pub(crate) const EXTENSION_TAGS: &str = "Encoding: extension values without tags";
pub(crate) const SIMPLE: &str = "Encoding: no floats and no simple values but false, true and null";
pub(crate) const INTEGERS: &str = "Encoding: integers lie in -2^63 to 2^63 - 1";
pub(crate) const TIMES_RANGE: &str = "Encoding: times lie in 0 to 2^53 - 1";
pub(crate) const EMBEDDED: &str =
    "Encoding: what stands in a byte string as CBOR is deterministic CBOR, too";
pub(crate) const FRAME: &str = "Structure: tag 96 and four items";
pub(crate) const UNPROTECTED: &str = "Structure: the unprotected map holds 394 and nothing else";
pub(crate) const RECEIPTS: &str =
    "Structure: the sender's receipt and at most three others of 1 to 16384 bytes";
pub(crate) const CIPHERTEXT: &str = "Structure: the ciphertext has at least 48 bytes";
pub(crate) const RECIPIENTS: &str = "Structure: 1 to 64 recipients of three items each";
pub(crate) const RECIPIENT: &str =
    "Recipients: -65543 in a protected part and -5 in an unprotected one have their shapes";
pub(crate) const OTHER_RECIPIENT: &str =
    "Recipients: any other algorithm makes an other-recipient, which is skipped";
pub(crate) const HEADER: &str = "Header: each label has its type";
pub(crate) const HEADER_SIZE: &str = "Limits: the protected header has at most 16384 bytes";
pub(crate) const CONTENT_TYPE: &str = "Header: a content type of 1 to 255 bytes";
pub(crate) const IV: &str = "Header: the iv is a message-id (16) and a sequence (8)";
pub(crate) const MESSAGE_ID: &str = "Header: the message-id is version 7, variant 10";
pub(crate) const CLAIMS: &str = "Header: the claims are the channel and an expiry";
pub(crate) const CHANNEL: &str =
    "Names: a channel of 1 to 255 bytes, without control characters, `*` and `>`";
pub(crate) const NO_NORMALISATION: &str =
    "Names: compared bytewise, no normalisation, no case folding";
pub(crate) const ORIGIN: &str = "Header: -65537 is [1, signer, epoch, ? previous]";
pub(crate) const PREVIOUS: &str = "Header: previous only with sequence 0";
pub(crate) const APPLICATION: &str =
    "Header: 1 to 32 application headers, names of 1 to 64 bytes, values to 4096";
pub(crate) const EXTENSIONS: &str =
    "Header: labels -65663 to -65600 are signed, reported, not judged";
pub(crate) const UNLISTED: &str = "Reading order 2: an unlisted header label";
pub(crate) const SUITE: &str = "Reading order 2: the suite";
pub(crate) const DETACHED: &str = "Reading order 2: a nil ciphertext";
pub(crate) const RECEIPT_ALG: &str = "Reading order 2: the receipt's algorithm is -8 or -19";
pub(crate) const VERSION: &str = "Reading order 1: the version comes before any judgement of shape";
pub(crate) const SIZE: &str = "Reading order 1: size";
pub(crate) const RECEIPT: &str = "Receipt: a COSE_Sign1 of its shape";
pub(crate) const ROLE: &str = "Receipt: the role is [1, tree size of 1 to 2^32]";
pub(crate) const PROOF: &str = "Receipt: one proof for trees of two and more, none for one leaf";
pub(crate) const PATH: &str = "Receipt: the path has the length for (index, size)";
pub(crate) const TREE: &str = "Receipt: RFC 9162 hashing, the root is signed";
pub(crate) const SENDER: &str =
    "Receipt: the first is the sender's, made by the key that the header names";
pub(crate) const ED25519: &str = "Receipt: S < L, A and R canonical and not of small order, encode([S]B - [k]A) equals R bytewise";
pub(crate) const STATEMENT: &str =
    "Receipt: the statement covers the protected header and the ciphertext";
pub(crate) const OTHER_RECEIPTS: &str = "Receipt: all others never change the verdict";
pub(crate) const UNKNOWN_SIGNER: &str =
    "Reading order 3: the signer's key-id is in the bundle, for signing";
pub(crate) const BUNDLE_EXPIRED: &str = "Times: a bundle is expired iff now >= expires + skew";
pub(crate) const ALLOWED: &str = "Reading order 5: may this key sign for this channel";
pub(crate) const PATTERN: &str =
    "Names: `*` is exactly one token, a final `>` one or more; tokens may be empty";
pub(crate) const VALID_THEN: &str = "Times: a key is valid iff 1000 from <= t < 1000 until";
pub(crate) const REVOKED: &str =
    "Reading order 5: a revoked key refuses, whatever time the message claims";
pub(crate) const WRONG_SIGNER: &str = "Reading order 5: is it the signer the caller asked for";
pub(crate) const WRONG_CHANNEL: &str = "Reading order 5: is it the channel the caller expects";
pub(crate) const FUTURE: &str = "Times: from_the_future iff t > now + skew";
pub(crate) const EXPIRED: &str = "Times: expired iff now >= 1000 exp + skew";
pub(crate) const TOO_OLD: &str = "Times: too_old iff reference - t > window + skew";
pub(crate) const SUMS: &str = "Times: sums do not wrap, a larger one counts as 2^64 - 1";
pub(crate) const FACTS: &str = "Times: what is told about a time, once the receipt verified";
pub(crate) const VERIFY_TIMELESS: &str =
    "Times: without a time, expiry and age are facts, not refusals";
pub(crate) const ARCHIVE: &str = "Times: an archival open reports expiry and freshness";
pub(crate) const FIRST_ENTRY: &str =
    "Reading order 6: the first entry whose (alg, kid) the keyring holds; no other is tried";
pub(crate) const UNWRAP: &str = "Reading order 6: the epoch secret is unwrapped";
pub(crate) const ZERO_SHARED: &str = "Cryptography: an all-zero shared secret is refused";
pub(crate) const ENCAPSULATED: &str =
    "Cryptography: X25519 masks the top bit and reduces; the encapsulated key counts as it stands";
pub(crate) const COMMITMENT: &str = "Reading order 7: the commitment, then the AEAD";
pub(crate) const KEY_WRAP: &str =
    "Cryptography: AES key wrap has an integrity check, the default initial value";
pub(crate) const REMEMBERED_ROOT: &str =
    "Caches: verified roots under public key, Sig_structure and signature; only successes";
pub(crate) const REMEMBERED_EPOCH: &str =
    "Caches: epoch secrets under the signer's thumbprint, epoch ID, suite and the whole entry";
pub(crate) const REPLAY: &str = "Reading order 8: the same message at another position is a replay";
pub(crate) const REPLAY_ARCHIVE: &str = "Reading order 8: an archival reader judges no replay";
pub(crate) const REFERENCE: &str =
    "Times: in a log, age counts from the signing key's latest message that was opened there";
pub(crate) const REWRAP: &str = "The recipients are outside the signature";
pub(crate) const EARLIEST: &str =
    "Reading order: the error is that of the earliest step that fails";
pub(crate) const SHAPES: &str = "Structure: what a sealer may write";
pub(crate) const BUNDLE_SHAPE: &str = "Trust bundle: a COSE_Sign1 of its shape";
pub(crate) const BUNDLE_BODY: &str =
    "Trust bundle: each label has its type; unknown labels below 64 refuse";
pub(crate) const BUNDLE_VERSION: &str = "Trust bundle: format version 1";
pub(crate) const BUNDLE_LIMITS: &str = "Limits: a bundle of 16 MiB and 65536 records";
pub(crate) const BUNDLE_ORDER: &str =
    "Trust bundle: the error is that of the earliest point that fails";
pub(crate) const RECORD_ORDER: &str =
    "Trust bundle: labels in wire order; what is missing, and the fit of use and curve, last";
pub(crate) const RECORD: &str = "Trust bundle: each record has its shape; it names the record";
pub(crate) const SKIPPED: &str =
    "Trust bundle: a record of unknown key type, curve or use is skipped";
pub(crate) const IGNORED: &str = "Trust bundle: labels from 64 are ignored";
pub(crate) const WEAK_KEY: &str = "Trust bundle: small-order or non-canonical keys refuse";
pub(crate) const DUPLICATE_KEY: &str = "Trust bundle: duplicate key-ids refuse";
pub(crate) const ROOT: &str = "Trust bundle: signed by a pinned root";
pub(crate) const WEAK_ROOT: &str =
    "Trust bundle: a root that is no sound key is refused where it is pinned";
pub(crate) const NO_TRACE: &str =
    "Trust bundle: one that does not load never displaces one that did";
pub(crate) const NEXT_ROOT: &str =
    "Trust bundle: with state, bundle N+1 comes under the signer of N and the keys of N[7]";
pub(crate) const ROLLED_BACK: &str =
    "Trust bundle: no lower sequence, nor the same with other bytes";
pub(crate) const DOMAIN: &str = "Trust bundle: of the configured domain";
pub(crate) const BUNDLE_FUTURE: &str = "Trust bundle: not issued later than now + skew";
