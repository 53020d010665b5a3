//! What nobody who takes an envelope apart can do without: the head of every
//! CBOR item read once, and strings stepped over. No shortest form, no order of
//! keys, no numbers looked at, nothing kept.

use ciborium::Value;

/// An envelope, and the byte strings in it that hold CBOR again: the protected
/// headers, the receipt and its proof.
#[derive(Debug)]
pub struct Walk<'a> {
    envelope: &'a [u8],
    inner: Vec<Vec<u8>>,
}

impl<'a> Walk<'a> {
    /// Finds the inner ones.
    #[must_use]
    pub fn new(envelope: &'a [u8]) -> Self {
        let mut inner = Vec::new();
        if let Ok(value) = ciborium::from_reader(envelope) {
            find(&value, &mut inner);
        }
        Self { envelope, inner }
    }

    /// Walks them all. Answers the number of items.
    #[must_use]
    pub fn run(&self) -> usize {
        let inner: usize = self.inner.iter().map(|bytes| walk(bytes)).sum();
        walk(self.envelope) + inner
    }
}

/// Byte strings that are one map, array or tag of CBOR. Random bytes that look
/// so are as good as never met.
fn find(value: &Value, inner: &mut Vec<Vec<u8>>) {
    if let Some(bytes) = value.as_bytes() {
        let mut rest = bytes.as_slice();
        if let Ok(embedded) = ciborium::from_reader::<Value, _>(&mut rest)
            && rest.is_empty()
            && (embedded.is_map() || embedded.is_array() || embedded.is_tag())
        {
            inner.push(bytes.clone());
            find(&embedded, inner);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        find(item, inner);
    }
    for (_, value) in value.as_map().into_iter().flatten() {
        find(value, inner);
    }
    if let Some((_, value)) = value.as_tag() {
        find(value, inner);
    }
}

fn walk(mut bytes: &[u8]) -> usize {
    let (mut items, mut left) = (0, 1_usize);
    while left > 0 {
        let Some((first, rest)) = bytes.split_first() else { return items };
        let (argument, rest) = match first & 0x1f {
            short @ 0..24 => (usize::from(short), rest),
            24 => read::<1>(rest),
            25 => read::<2>(rest),
            26 => read::<4>(rest),
            _ => read::<8>(rest),
        };
        let skipped = match first >> 5 {
            2 | 3 => argument,
            4 => {
                left += argument;
                0
            }
            5 => {
                left += 2 * argument;
                0
            }
            6 => {
                left += 1;
                0
            }
            _ => 0,
        };
        bytes = rest.get(skipped..).unwrap_or_default();
        items += 1;
        left -= 1;
    }
    items
}

fn read<const N: usize>(bytes: &[u8]) -> (usize, &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<N>() else { return (0, &[]) };
    (head.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)), rest)
}

#[cfg(test)]
mod tests {
    use super::Walk;
    use crate::rig::Rig;
    use coseal::Suite;

    #[test]
    fn every_item_of_an_envelope_is_met() {
        let rig = Rig::new(Suite::A256Gcm, 1).expect("entropy");
        let [envelope] = rig.batch(64, 1).expect("entropy").try_into().expect("one");
        let walk = Walk::new(&envelope);
        // Header, receipt, the receipt's header, the recipient's; alone there is no proof.
        assert_eq!(walk.inner.len(), 4);
        // tag, array, protected, {394: [receipt]}, ciphertext, [[protected, {4, -4}, key]]
        let outer = 1 + 1 + 1 + 4 + 1 + 1 + 1 + 1 + 5 + 1;
        // Its protected part: {1: alg}.
        let recipient = 3;
        // {1: suite, 5: iv, 15: {3: channel}, -65537: [1, signer, epoch]}
        let header = 1 + 2 + 2 + 4 + 5;
        // tag, array, protected, {}, nil, signature; {1: -8, 395: 1, -65537: [1, 1]}
        let receipt = 6 + 1 + 2 + 2 + 4;
        assert_eq!(walk.run(), outer + recipient + header + receipt);
    }
}
