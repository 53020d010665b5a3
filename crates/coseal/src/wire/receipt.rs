//! The receipts of an envelope: the sender's, which is read here, and up to
//! three later ones, which stay opaque in the reading order.
//!
//! ```cddl
//! receipt = #6.18([
//!   protected:   bstr .cbor { 1 => int, 395 => 1, -65537 => [ 1, tree-size: uint ] },
//!   unprotected: { ? 396 => { -1 => [ bstr .cbor [ tree-size: uint, leaf-index: uint, [ 1*32 bstr .size 32 ] ] ] } },
//!   payload:     nil,
//!   signature:   bstr .size 64,
//! ])
//! ```

use super::TAG_SIGN1;
use super::label;
use super::read::{Reader, read_embedded};
use crate::error::{Error, Result};
use crate::limits;

/// The sender's receipt, shape checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawReceipt<'a> {
    pub(crate) protected: &'a [u8],
    pub(crate) algorithm: i64,
    pub(crate) tree_size: u64,
    pub(crate) leaf_index: u64,
    pub(crate) path: Path<'a>,
    pub(crate) signature: &'a [u8],
}

/// A path entry: `58 20` and 32 bytes.
const PATH_ENTRY: usize = 34;

/// A Merkle path: hashes, each behind its two-byte head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a>(&'a [[u8; PATH_ENTRY]]);

impl<'a> Path<'a> {
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// From the leaf's sibling upwards.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8; 32]> + use<'a> {
        self.0.iter().filter_map(|entry| entry.last_chunk())
    }
}

/// An inclusion proof (RFC 9942): `[tree-size, leaf-index, path]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof<'a> {
    pub(crate) size: u64,
    pub(crate) index: u64,
    pub(crate) path: Path<'a>,
}

impl<'a> RawReceipt<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.tag(TAG_SIGN1, "the sender's receipt is not a COSE_Sign1")?;
        reader.array_of(4, "the sender's receipt is not an array of four")?;
        let protected = reader.bytes("the receipt's protected header is not a byte string")?;
        let (algorithm, tree_size) = read_embedded(protected, read_protected)?;
        let proof = read_proof_header(reader)?;
        if reader.head()? != super::read::Head::Null {
            return Err(Error::structure("the receipt's payload is not detached"));
        }
        let signature = reader.bytes("the receipt's signature is not a byte string")?;
        let known = matches!(algorithm, label::EDDSA | label::ED25519);
        if known && signature.len() != 64 {
            return Err(Error::structure("the receipt's signature is not 64 bytes long"));
        }
        let (leaf_index, path) = match proof {
            Some(proof) if tree_size > 1 => {
                let proof = read_embedded(proof, read_proof)?;
                check_proof(&proof, tree_size)?;
                (proof.index, proof.path)
            }
            None if tree_size == 1 => (0, Path(&[])),
            Some(_) => return Err(Error::structure("an inclusion proof in a tree of one leaf")),
            None => {
                return Err(Error::structure("no inclusion proof in a tree of several leaves"));
            }
        };
        Ok(Self { protected, algorithm, tree_size, leaf_index, path, signature })
    }
}

fn read_protected(reader: &mut Reader<'_>) -> Result<(i64, u64)> {
    const WHAT: &str = "the receipt's protected header has not the labels 1, 395 and -65537";
    // What every sealer writes; the general way gives the same.
    const USUAL: &[u8] = b"\xa3\x01\x27\x19\x01\x8b\x01\x3a\x00\x01\x00\x00\x82\x01";
    let algorithm = if reader.skip_literal(USUAL) {
        label::EDDSA
    } else {
        if reader.map(WHAT)? != 3 {
            return Err(Error::structure(WHAT));
        }
        reader.expect_int(label::ALGORITHM, WHAT)?;
        let algorithm = reader.int("the receipt's algorithm is not an integer")?;
        reader.expect_int(label::TREE_ALGORITHM, WHAT)?;
        reader.expect_int(1, "the receipt's tree is not RFC9162_SHA256")?;
        reader.expect_int(label::COSEAL, WHAT)?;
        reader.array_of(2, "the receipt's role is not [1, tree size]")?;
        reader.expect_int(1, "the receipt's role is not the sender's")?;
        algorithm
    };
    match reader.uint("the receipt's tree size is not an unsigned integer")? {
        size @ 1..=limits::TREE_SIZE => Ok((algorithm, size)),
        _ => Err(Error::structure("the receipt's tree size is not in 1..2^32")),
    }
}

/// The encoded inclusion proof in an unprotected header, if there is one.
pub(crate) fn read_proof_header<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>> {
    const WHAT: &str = "the receipt's unprotected header is not one inclusion proof";
    if reader.skip_literal(&[0xa0]) {
        return Ok(None);
    }
    // What every sealer writes; the general way gives the same.
    if reader.skip_literal(&[0xa1, 0x19, 0x01, 0x8c, 0xa1, 0x20, 0x81]) {
        return reader.bytes(WHAT).map(Some);
    }
    if reader.map(WHAT)? != 1 {
        return Err(Error::structure(WHAT));
    }
    reader.expect_int(label::PROOFS, WHAT)?;
    if reader.map(WHAT)? != 1 {
        return Err(Error::structure(WHAT));
    }
    reader.expect_int(label::INCLUSION, WHAT)?;
    reader.array_of(1, WHAT)?;
    reader.bytes(WHAT).map(Some)
}

/// Reads an inclusion proof; whether it fits its tree is not looked at.
pub(crate) fn read_proof<'a>(reader: &mut Reader<'a>) -> Result<Proof<'a>> {
    reader.array_of(3, "the inclusion proof is not an array of three")?;
    let size = reader.uint("the proof's tree size is not an unsigned integer")?;
    let index = reader.uint("the proof's leaf index is not an unsigned integer")?;
    let length = reader.array("the proof's path is not an array")?;
    if length > limits::PATH {
        return Err(Error::structure("the proof's path is longer than 32 hashes"));
    }
    let start = reader.offset();
    for _ in 0..length {
        reader.bytes_of::<32>("a hash of the proof's path is not 32 bytes long")?;
    }
    // 32 bytes have one head, `58 20`: each entry is as long as the next.
    let (entries, _) = reader.since(start).as_chunks();
    Ok(Proof { size, index, path: Path(entries) })
}

fn check_proof(proof: &Proof<'_>, signed_size: u64) -> Result<()> {
    if proof.size != signed_size {
        return Err(Error::structure("the proof's tree size is not the signed one"));
    }
    if proof.index >= signed_size {
        return Err(Error::structure("the proof's leaf index is not below the tree size"));
    }
    if proof.path.len() != path_length(proof.index, signed_size) {
        return Err(Error::structure("the proof's path has not the length its index demands"));
    }
    Ok(())
}

/// Nodes on the path of leaf `index` in a tree of `size` leaves (RFC 9162
/// §2.1.3.1): one for each level at which the leaf's subtree has a sibling.
pub(crate) const fn path_length(index: u64, size: u64) -> usize {
    let mut index = index;
    let mut last = size.saturating_sub(1);
    let mut length = 0;
    while last > 0 {
        if index & 1 == 1 || index < last {
            length += 1;
        }
        index >>= 1;
        last >>= 1;
    }
    length
}

/// All receipts of an envelope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receipts<'a> {
    pub(crate) sender: RawReceipt<'a>,
    others: [&'a [u8]; limits::OTHER_RECEIPTS],
    count: usize,
}

impl<'a> Receipts<'a> {
    /// Reads the envelope's unprotected header.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        const WHAT: &str = "the unprotected header is not one list of receipts";
        if reader.map(WHAT)? != 1 {
            return Err(Error::structure(WHAT));
        }
        reader.expect_int(label::RECEIPTS, WHAT)?;
        let length = reader.array(WHAT)?;
        let count = match length.checked_sub(1) {
            Some(count) if count <= limits::OTHER_RECEIPTS => count,
            _ => return Err(Error::structure("an envelope carries one to four receipts")),
        };
        let sender = reader.bytes("the sender's receipt is not a byte string")?;
        let sender = read_embedded(sender, RawReceipt::read)?;
        let mut others = [&[][..]; limits::OTHER_RECEIPTS];
        for other in others.iter_mut().take(count) {
            *other = reader.bytes("a later receipt is not a byte string")?;
            if !(1..=limits::OTHER_RECEIPT).contains(&other.len()) {
                return Err(Error::structure("a later receipt is not 1..16384 bytes long"));
            }
        }
        Ok(Self { sender, others, count })
    }

    /// The receipts after the sender's, opaque.
    pub(crate) fn others(&self) -> &[&'a [u8]] {
        self.others.get(..self.count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::path_length;

    /// The recursive definition of RFC 9162 §2.1.3.1.
    fn by_definition(index: u64, size: u64) -> usize {
        if size == 1 {
            return 0;
        }
        let left = size.next_power_of_two() / 2;
        1 + if index < left {
            by_definition(index, left)
        } else {
            by_definition(index - left, size - left)
        }
    }

    #[test]
    fn path_lengths_follow_the_definition() {
        for size in 1..200 {
            for index in 0..size {
                assert_eq!(path_length(index, size), by_definition(index, size), "{index}/{size}");
            }
        }
        assert_eq!(path_length(0, 1 << 32), 32);
        assert_eq!(path_length((1 << 32) - 2, (1 << 32) - 1), 31);
    }
}
