//! Bytes in, bundle out.
//!
//! ```cddl
//! trust-bundle = #6.18([ bstr .cbor { 1 => -8, 4 => key-id }, {}, bstr .cbor bundle, bstr .size 64 ])
//! ```
//!
//! The signature is checked before the signed bytes are looked at.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use sha2::Digest;

use super::record::{KeyRecord, Parsed, read_key};
use super::{SkippedRecord, TrustAnchor, TrustBundle};
use crate::clock::Time;
use crate::error::{Error, Malformed, Result, Unsupported, Untrusted};
use crate::hash::Sha256;
use crate::key::{KeyId, PublicKey, VerifyingKey};
use crate::limits;
use crate::wire::write::Items;
use crate::wire::{Reader, TAG_SIGN1, Values, check_cbor, label, read_embedded, read_whole};

/// The `external_aad` of a bundle's signature.
const PURPOSE: &[u8] = b"coseal/v1 trust-bundle";

/// `["Signature1", protected, "coseal/v1 trust-bundle", payload]`, encoded
/// (RFC 9052 §4.4).
pub(super) fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + protected.len() + 64);
    out.array(4);
    out.text("Signature1");
    out.bytes(protected);
    out.bytes(PURPOSE);
    out.bytes(payload);
    out
}

pub(super) fn load(bytes: &[u8], anchor: &TrustAnchor, now: Time) -> Result<TrustBundle> {
    crate::wire::check_len(bytes, limits::BUNDLE)?;
    let outer = read_embedded(bytes, Outer::read)?;
    let root = anchor.root(&outer.root)?;
    if !root.verifies(&to_be_signed(outer.protected, outer.payload), outer.signature) {
        let detail = format!("the bundle's signature does not verify under root {}", outer.root);
        return Err(Error::Untrusted(Untrusted::BadSignature, detail.into()));
    }
    let body = Body::of(outer.payload)?;
    anchor.check_domain(body.domain)?;
    let digest = Sha256::digest(bytes).into();
    anchor.check_sequence(body.sequence, &digest)?;
    anchor.check_issued(body.issued_at, now)?;
    let (records, skipped) = read_records(&body)?;
    Ok(TrustBundle {
        domain: body.domain.into(),
        sequence: body.sequence,
        issued_at: body.issued_at,
        expires_at: body.expires_at,
        by_key_id: index(&records)?,
        records: records.into_iter().map(|(_, record)| Arc::from(record)).collect(),
        skipped,
        root: root.clone(),
        next_roots: body.next_roots,
        bytes: bytes.into(),
        digest,
    })
}

/// The signed message around a bundle.
struct Outer<'a> {
    root: KeyId,
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8; 64],
}

impl<'a> Outer<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.tag(TAG_SIGN1, "not a COSE_Sign1 message (tag 18)")?;
        reader.array_of(4, "a trust bundle is an array of four")?;
        let protected = reader.bytes("the protected header is not a byte string")?;
        let root = read_embedded(protected, |reader| {
            const WHAT: &str = "the protected header is not exactly {1: -8, 4: key ID}";
            if reader.map(WHAT)? != 2 {
                return Err(Error::structure(WHAT));
            }
            reader.expect_int(label::ALGORITHM, WHAT)?;
            reader.expect_int(label::EDDSA, WHAT)?;
            reader.expect_int(label::KEY_ID, WHAT)?;
            Ok(KeyId::from_bytes(*reader.bytes_of(WHAT)?))
        })?;
        if reader.map("the unprotected header is not a map")? != 0 {
            return Err(Error::structure("the unprotected header is not empty"));
        }
        let payload = reader.bytes("the bundle is not a byte string")?;
        let signature = reader.bytes_of("the signature is not 64 bytes long")?;
        Ok(Self { root, protected, payload, signature })
    }
}

/// A bundle taken apart, its records still encoded.
pub(super) struct Body<'a> {
    pub(super) domain: &'a str,
    pub(super) sequence: u64,
    issued_at: Time,
    pub(super) expires_at: Time,
    pub(super) records: Vec<&'a [u8]>,
    pub(super) next_roots: Vec<VerifyingKey>,
    /// Labels from 64 and their values, encoded.
    pub(super) extensions: Vec<&'a [u8]>,
}

/// The fields of a bundle, before it is known which are there.
#[derive(Default)]
struct Fields<'a> {
    domain: Option<&'a str>,
    sequence: Option<u64>,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
    records: Option<Vec<&'a [u8]>>,
    next_roots: Vec<VerifyingKey>,
    extensions: Vec<&'a [u8]>,
}

impl<'a> Body<'a> {
    /// Takes the signed bytes of a bundle apart.
    pub(super) fn of(payload: &'a [u8]) -> Result<Self> {
        check_cbor(payload)?;
        read_whole(payload, Self::read)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        const NO_VERSION: &str = "the bundle does not begin with its format version (label 1)";
        let count = reader.map("the bundle is not a map")?;
        let Some(rest) = count.checked_sub(1) else {
            return Err(Error::structure(NO_VERSION));
        };
        // The one label that comes before. It exists in no version that is
        // known, but a later version is told as that.
        let has_label_0 = reader.skip_literal(&[0]);
        if has_label_0 {
            reader.skip(limits::DEPTH, Values::Any)?;
            if rest == 0 {
                return Err(Error::structure(NO_VERSION));
            }
        }
        reader.expect_int(1, NO_VERSION)?;
        let version = reader.version("the format version is not an integer")?;
        if version != 1 {
            // What follows may be in any shape, but not in any encoding.
            let detail = format!("bundle version {version}; this reader knows version 1");
            return Err(Error::Unsupported(Unsupported::Version, detail.into()));
        }
        if has_label_0 {
            return Err(Error::structure("a label below 64 that does not exist"));
        }
        let mut fields = Fields::default();
        for _ in 0..rest {
            fields.read_value(reader)?;
        }
        fields.finish()
    }
}

impl<'a> Fields<'a> {
    fn read_value(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let start = reader.offset();
        match reader.uint("a label of the bundle is not an unsigned integer")? {
            2 => self.domain = Some(reader.text("the trust domain is not text")?),
            3 => self.sequence = Some(reader.uint("the sequence is not an unsigned integer")?),
            4 => self.issued_at = Some(reader.time("issued-at is not a time in seconds")?),
            5 => self.expires_at = Some(reader.time("expires-at is not a time in seconds")?),
            6 => self.records = Some(split_records(reader)?),
            7 => self.next_roots = read_roots(reader)?,
            64.. => {
                reader.skip(limits::EXTENSION_DEPTH, Values::Untagged)?;
                self.extensions.push(reader.since(start));
            }
            _ => return Err(Error::structure("a label below 64 that does not exist")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Body<'a>> {
        let missing = |what| Error::structure(what);
        let issued_at = self.issued_at.ok_or_else(|| missing("no issued-at (label 4)"))?;
        let expires_at = self.expires_at.ok_or_else(|| missing("no expires-at (label 5)"))?;
        Ok(Body {
            domain: self.domain.ok_or_else(|| missing("no trust domain (label 2)"))?,
            sequence: self.sequence.ok_or_else(|| missing("no sequence (label 3)"))?,
            issued_at: Time::from_secs(issued_at),
            expires_at: Time::from_secs(expires_at),
            records: self.records.ok_or_else(|| missing("no records (label 6)"))?,
            next_roots: self.next_roots,
            extensions: self.extensions,
        })
    }
}

fn split_records<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a [u8]>> {
    let count = reader.array("the records are not an array")?;
    if count > limits::RECORDS {
        return Err(Error::structure("there are more than 65536 records"));
    }
    (0..count).map(|_| reader.skip(limits::DEPTH, Values::Format)).collect()
}

fn read_roots(reader: &mut Reader<'_>) -> Result<Vec<VerifyingKey>> {
    let count = reader.array("the next roots are not an array")?;
    if count == 0 {
        return Err(Error::structure("the list of next roots is empty"));
    }
    (0..count)
        .map(|_| match read_key(reader)? {
            Ok(PublicKey::Verifying(key)) => Ok(key),
            Ok(PublicKey::Recipient(_)) | Err(_) => {
                Err(Error::structure("a next root is not an Ed25519 key"))
            }
        })
        .collect()
}

type Numbered = (usize, Box<KeyRecord>);

fn read_records(body: &Body<'_>) -> Result<(Vec<Numbered>, Vec<SkippedRecord>)> {
    let mut records = Vec::new();
    let mut skipped = Vec::new();
    for (index, encoded) in body.records.iter().enumerate() {
        match KeyRecord::read(&mut Reader::new(encoded)).map_err(|error| in_record(index, error))? {
            Parsed::Record(record) => records.push((index, record)),
            Parsed::Skipped(reason) => skipped.push(SkippedRecord { index, reason }),
        }
    }
    Ok((records, skipped))
}

/// Names the record. A fault of shape inside one is `malformed/record`.
fn in_record(index: usize, error: Error) -> Error {
    let kind = if let Error::Malformed(kind @ (Malformed::WeakKey | Malformed::Cbor), _) = error {
        kind
    } else {
        Malformed::Record
    };
    Error::Malformed(kind, Cow::Owned(format!("record {index}: {error}")))
}

/// Sorted by key ID, each only once: two keys of one ID could be told apart by
/// nobody who looks one up.
fn index(records: &[Numbered]) -> Result<Vec<(KeyId, u32)>> {
    let mut index: Vec<(KeyId, u32)> =
        (0..).zip(records).map(|(position, (_, record))| (record.key_id(), position)).collect();
    index.sort_unstable();
    for pair in index.windows(2) {
        if let [(one, first), (two, second)] = pair
            && one == two
        {
            let number = |position: &u32| {
                let position = usize::try_from(*position).unwrap_or(usize::MAX);
                records.get(position).map_or(0, |(number, _)| *number)
            };
            let detail =
                format!("records {} and {} have one key ID, {one}", number(first), number(second));
            return Err(Error::Malformed(Malformed::DuplicateKey, detail.into()));
        }
    }
    Ok(index)
}
