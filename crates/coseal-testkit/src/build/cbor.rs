//! A CBOR byte builder that does as it is told: nothing is sorted, checked or
//! shortened unless a function says so, because wrong bytes are built with it,
//! too.

/// An encoded data item, or what is passed off as one.
pub(crate) type Item = Vec<u8>;

pub(crate) const UNSIGNED: u8 = 0;
pub(crate) const NEGATIVE: u8 = 1;
pub(crate) const BYTES: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const ARRAY: u8 = 4;
pub(crate) const MAP: u8 = 5;
pub(crate) const TAG: u8 = 6;
pub(crate) const SIMPLE: u8 = 7;

/// A head with its shortest argument.
pub(crate) fn head(major: u8, argument: u64) -> Item {
    let width = match argument {
        0..24 => 0,
        24..0x100 => 1,
        0x100..0x1_0000 => 2,
        0x1_0000..0x1_0000_0000 => 4,
        _ => 8,
    };
    head_wide(major, argument, width)
}

/// A head whose argument takes `width` bytes: 0, 1, 2, 4 or 8, needed or not.
pub(crate) fn head_wide(major: u8, argument: u64, width: usize) -> Item {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = argument.to_be_bytes();
    let (info, tail): (u8, &[u8]) = match width {
        0 => (b7, &[]),
        1 => (24, &[b7]),
        2 => (25, &[b6, b7]),
        4 => (26, &[b4, b5, b6, b7]),
        8 => (27, &[b0, b1, b2, b3, b4, b5, b6, b7]),
        _ => unreachable!("CBOR arguments take 0, 1, 2, 4 or 8 bytes"),
    };
    [&[major << 5 | info], tail].concat()
}

/// A head without a length: an indefinite string, array or map, or (of major
/// type 7) the break that ends one.
pub(crate) fn indefinite(major: u8) -> Item {
    vec![major << 5 | 31]
}

/// The code that ends an indefinite item.
pub(crate) fn stop() -> Item {
    indefinite(SIMPLE)
}

pub(crate) fn uint(value: u64) -> Item {
    head(UNSIGNED, value)
}

pub(crate) fn int(value: i64) -> Item {
    match u64::try_from(value) {
        Ok(value) => uint(value),
        Err(_) => head(NEGATIVE, !value.cast_unsigned()),
    }
}

pub(crate) fn bytes(value: impl AsRef<[u8]>) -> Item {
    string(BYTES, value.as_ref())
}

pub(crate) fn text(value: &str) -> Item {
    string(TEXT, value.as_bytes())
}

/// A string of major type 2 or 3, whatever its bytes are.
pub(crate) fn string(major: u8, value: &[u8]) -> Item {
    [head(major, len(value)), value.to_vec()].concat()
}

pub(crate) fn array(items: impl IntoIterator<Item = Item>) -> Item {
    let items: Vec<Item> = items.into_iter().collect();
    [head(ARRAY, len(&items)), items.concat()].concat()
}

/// A map, in the order given.
pub(crate) fn map(entries: impl IntoIterator<Item = (Item, Item)>) -> Item {
    let entries: Vec<Item> =
        entries.into_iter().map(|(key, value)| [key, value].concat()).collect();
    [head(MAP, len(&entries)), entries.concat()].concat()
}

pub(crate) fn tag(number: u64, item: impl AsRef<[u8]>) -> Item {
    [head(TAG, number).as_slice(), item.as_ref()].concat()
}

/// A simple value below 24.
pub(crate) fn simple(value: u8) -> Item {
    vec![SIMPLE << 5 | value]
}

pub(crate) fn boolean(value: bool) -> Item {
    simple(if value { 21 } else { 20 })
}

pub(crate) fn nil() -> Item {
    simple(22)
}

/// A half-precision float with these bits.
pub(crate) fn half(bits: u16) -> Item {
    head_wide(SIMPLE, u64::from(bits), 2)
}

/// `item` inside `depth` arrays of one.
pub(crate) fn nested(depth: usize, item: impl AsRef<[u8]>) -> Item {
    [vec![ARRAY << 5 | 1; depth].as_slice(), item.as_ref()].concat()
}

fn len<T>(items: &[T]) -> u64 {
    // `usize` has at most 64 bits on every platform there is.
    items.len() as u64
}

/// The entries of a map. [`Fields::set`] keeps them in deterministic order;
/// `entries` is public to whoever wants another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) entries: Vec<(Item, Item)>,
}

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, label: i64, value: Item) -> Self {
        self.set(label, value);
        self
    }

    /// Adds or replaces the value of an integer label.
    pub(crate) fn set(&mut self, label: i64, value: Item) {
        self.set_key(int(label), value);
    }

    /// Adds or replaces the value of an encoded key.
    pub(crate) fn set_key(&mut self, key: Item, value: Item) {
        self.entries.retain(|(present, _)| *present != key);
        self.entries.push((key, value));
        // Bytewise order of the encoded keys, RFC 8949 §4.2.1.
        self.entries.sort();
    }

    pub(crate) fn remove(&mut self, label: i64) {
        let key = int(label);
        let before = self.entries.len();
        self.entries.retain(|(present, _)| *present != key);
        assert!(self.entries.len() < before, "label {label} is not there to be removed");
    }

    /// Writes the entry of `label` twice.
    pub(crate) fn double(&mut self, label: i64) {
        let key = int(label);
        let (at, entry) = self
            .entries
            .iter()
            .enumerate()
            .find(|(_, (present, _))| *present == key)
            .map(|(at, entry)| (at, entry.clone()))
            .expect("a label that is there");
        self.entries.insert(at, entry);
    }

    /// The map, its entries as they stand.
    pub(crate) fn encode(&self) -> Item {
        map(self.entries.iter().cloned())
    }
}
