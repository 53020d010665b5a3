//! The shape of an envelope, a second time: the CDDL of the specification and
//! the sentences around it, over items of the slow reader. One answer, yes or
//! no: what is asked is whether the decoder draws the same line.

use crate::item::{self, Item};

/// What the decoder must say of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The whole, or the protected header, is not deterministic.
    NotCbor,
    /// Of another version; nothing else judged.
    OtherVersion,
    /// Deterministic so far, and not an envelope.
    Wrong,
    /// An envelope.
    Right,
}

/// Judges `input` as a decoder must.
#[must_use]
pub fn of_envelope(input: &[u8]) -> Shape {
    let Ok(whole) = item::deterministic(input) else {
        return Shape::NotCbor;
    };
    let parts = whole.tagged(96).and_then(Item::as_array).unwrap_or_default();
    if let Some(protected) = parts.first().and_then(Item::as_bytes) {
        match item::deterministic(protected) {
            Err(_) => return Shape::NotCbor,
            Ok(header) if version(&header).is_some_and(|version| version != 1) => {
                return Shape::OtherVersion;
            }
            Ok(_) => (),
        }
    }
    match parts {
        [protected, unprotected, ciphertext, recipients]
            if !whole.has_foreign_value()
                && is_header(protected).is_some()
                && is_receipts(unprotected).is_some()
                && is_ciphertext(ciphertext)
                && is_recipients(recipients) =>
        {
            Shape::Right
        }
        _ => Shape::Wrong,
    }
}

/// The integer at the head of the array under label -65537, of any size.
fn version(header: &Item) -> Option<i128> {
    match header.get(-65537)?.as_array()?.first()? {
        Item::Uint(n) => Some((*n).into()),
        Item::Negative(n) => Some(-1 - i128::from(*n)),
        _ => None,
    }
}

/// An item inside a byte string, of the format's values.
fn embedded(item: &Item) -> Option<Item> {
    item::deterministic(item.as_bytes()?).ok().filter(|item| !item.has_foreign_value())
}

fn true_or_none(holds: bool) -> Option<()> {
    holds.then_some(())
}

fn is_bytes(item: &Item, length: usize) -> Option<()> {
    true_or_none(item.as_bytes()?.len() == length)
}

fn is_text(item: &Item, most: usize) -> Option<&str> {
    item.as_text().filter(|text| (1..=most).contains(&text.len()))
}

fn is_time(item: &Item) -> Option<()> {
    true_or_none(item.as_uint()? < 1 << 53)
}

fn is_header(protected: &Item) -> Option<()> {
    true_or_none(protected.as_bytes()?.len() <= 16384)?;
    let header = embedded(protected)?;
    for (key, value) in header.as_map()? {
        true_or_none(key.as_int().is_some() || key.as_text().is_some())?;
        match key.as_int() {
            Some(1) => drop(value.as_int()?),
            Some(3) => drop(is_text(value, 255)?),
            Some(5) => is_bytes(value, 24)?,
            Some(15) => is_claims(value)?,
            Some(-65537) => is_origin(value)?,
            Some(-65538) => is_application(value)?,
            Some(-65663..=-65600) => {
                let tagged = value.any(&mut |item| matches!(item, Item::Tag(..)));
                true_or_none(value.depth() <= 4 && !tagged)?;
            }
            _ => (),
        }
    }
    let iv = header.get(5)?.as_bytes()?;
    [1, 15, -65537].iter().try_for_each(|label| header.get(*label).map(drop))?;
    true_or_none(iv[6] >> 4 == 7 && iv[8] >> 6 == 0b10)?;
    let names_previous = header.get(-65537)?.as_array()?.len() == 4;
    true_or_none(!names_previous || iv[16..] == [0; 8])
}

fn is_claims(claims: &Item) -> Option<()> {
    match &claims.labels()?[..] {
        [3] => (),
        [3, 4] => is_time(claims.get(4)?)?,
        _ => return None,
    }
    let channel = is_text(claims.get(3)?, 255)?;
    let forbidden = |c: char| c.is_control() || c == '*' || c == '>';
    true_or_none(!channel.chars().any(forbidden))
}

fn is_origin(origin: &Item) -> Option<()> {
    let (required, previous) = origin.as_array()?.split_at_checked(3)?;
    true_or_none(required[0].as_int() == Some(1))?;
    is_bytes(&required[1], 8)?;
    is_bytes(&required[2], 8)?;
    match previous {
        [] => Some(()),
        [previous] => match previous.as_array()? {
            [epoch, count] => {
                is_bytes(epoch, 8)?;
                count.as_uint().map(drop)
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_application(headers: &Item) -> Option<()> {
    let headers = headers.as_map()?;
    true_or_none((1..=32).contains(&headers.len()))?;
    headers.iter().try_for_each(|(name, value)| {
        is_text(name, 64)?;
        let short = |length| length <= 4096;
        let sound = value.as_int().is_some()
            || matches!(value, Item::Simple(20 | 21))
            || value.as_text().map(str::len).is_some_and(short)
            || value.as_bytes().map(<[u8]>::len).is_some_and(short);
        true_or_none(sound)
    })
}

fn is_receipts(unprotected: &Item) -> Option<()> {
    true_or_none(unprotected.labels()? == [394])?;
    let (sender, later) = unprotected.get(394)?.as_array()?.split_first()?;
    true_or_none(later.len() <= 3)?;
    later
        .iter()
        .try_for_each(|receipt| true_or_none((1..=16384).contains(&receipt.as_bytes()?.len())))?;
    is_sender_receipt(&embedded(sender)?)
}

/// Whether `receipt` has the shape of a sender's receipt.
#[must_use]
pub fn is_sender_receipt(receipt: &Item) -> Option<()> {
    let [protected, unprotected, payload, signature] = receipt.tagged(18)?.as_array()? else {
        return None;
    };
    let protected = embedded(protected)?;
    true_or_none(protected.labels()? == [1, 395, -65537])?;
    let algorithm = protected.get(1)?.as_int()?;
    true_or_none(protected.get(395)?.as_int() == Some(1))?;
    let size = match protected.get(-65537)?.as_array()? {
        [one, size] if one.as_int() == Some(1) => size.as_uint()?,
        _ => return None,
    };
    true_or_none((1..=1 << 32).contains(&size) && *payload == Item::NULL)?;
    let signed = signature.as_bytes()?.len();
    true_or_none(signed == 64 || !matches!(algorithm, -8 | -19))?;
    if size == 1 {
        return true_or_none(unprotected.as_map()?.is_empty());
    }
    true_or_none(unprotected.labels()? == [396])?;
    let proofs = unprotected.get(396)?;
    true_or_none(proofs.labels()? == [-1])?;
    let [proof] = proofs.get(-1)?.as_array()? else {
        return None;
    };
    match embedded(proof)?.as_array()? {
        [same, index, path] => {
            let (same, index, path) = (same.as_uint()?, index.as_uint()?, path.as_array()?);
            true_or_none(same == size && index < size)?;
            true_or_none(path.len() == path_length(index, size))?;
            path.iter().try_for_each(|hash| is_bytes(hash, 32))
        }
        _ => None,
    }
}

/// How long the path of a leaf is, by the recursion of RFC 9162 §2.1.3.1.
#[must_use]
pub fn path_length(index: u64, size: u64) -> usize {
    if size <= 1 {
        return 0;
    }
    let left = split(size);
    1 + if index < left { path_length(index, left) } else { path_length(index - left, size - left) }
}

/// The largest power of two below `size`, which is above 1.
#[must_use]
pub fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

fn is_ciphertext(ciphertext: &Item) -> bool {
    *ciphertext == Item::NULL || ciphertext.as_bytes().is_some_and(|bytes| bytes.len() >= 48)
}

fn is_recipients(recipients: &Item) -> bool {
    recipients.as_array().is_some_and(|recipients| {
        (1..=64).contains(&recipients.len())
            && recipients.iter().all(|recipient| is_recipient(recipient).is_some())
    })
}

fn is_recipient(recipient: &Item) -> Option<()> {
    let [protected, unprotected, ciphertext] = recipient.as_array()? else {
        return None;
    };
    let labels = unprotected.as_map()?;
    ciphertext.as_bytes()?;
    if protected.as_bytes()?.is_empty() {
        if unprotected.get(1).and_then(Item::as_int) == Some(-5) {
            true_or_none(labels.len() == 2)?;
            let key_id = unprotected.get(4)?.as_bytes()?;
            true_or_none((1..=64).contains(&key_id.len()))?;
            return is_bytes(ciphertext, 40);
        }
    } else {
        let header = embedded(protected)?;
        let entries = header.as_map()?;
        if header.get(1).and_then(Item::as_int) == Some(-65543) {
            true_or_none(entries.len() == 1 && labels.len() == 2)?;
            is_bytes(unprotected.get(4)?, 8)?;
            is_bytes(unprotected.get(-4)?, 32)?;
            return is_bytes(ciphertext, 48);
        }
    }
    true_or_none(recipient.encode().len() <= 4096)
}
