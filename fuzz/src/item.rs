//! The second reader of CBOR: slow, lenient, and written from RFC 8949 alone.
//!
//! [`Item::read`] is the pseudocode of RFC 8949 Appendix C, which accepts all
//! well-formed CBOR, indefinite lengths and long heads included. What is
//! deterministic is then found out the way §4.2.1 defines it: write the item
//! again in the one deterministic form, and compare. The strict reader of
//! `coseal` refuses while it reads, and shares none of this.

/// A data item. What does not survive in it (how long a head was, whether a
/// length was indefinite) is what deterministic encoding does away with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// 0 … 2^64−1.
    Uint(u64),
    /// −1 − n.
    Negative(u64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string; perhaps not UTF-8.
    Text(Vec<u8>),
    /// An array.
    Array(Vec<Self>),
    /// A map, its entries as they came.
    Map(Vec<(Self, Self)>),
    /// A tag and what it is on.
    Tag(u64, Box<Self>),
    /// A simple value.
    Simple(u8),
    /// A float, as its bytes: 2, 4 or 8 of them. No float is ever accepted, so
    /// nothing here depends on which of the three is the shortest.
    Float(Vec<u8>),
    /// A byte string that holds this item, encoded. Only [`Item::expand`] and
    /// those who build items make one.
    Embedded(Box<Self>),
}

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The input ends within the item.
    Cut,
    /// No well-formed item has this byte in this place.
    IllFormed,
    /// Arrays, maps, tags and indefinite strings nest deeper than allowed.
    TooDeep,
    /// Bytes follow the item.
    Trailing,
    /// Text is not UTF-8.
    NotUtf8,
    /// A map has two keys of one encoding.
    DoubleKey,
    /// Well-formed, and not the deterministic encoding of what it says.
    NotDeterministic,
}

/// Deepest nesting that the format allows.
pub const DEPTH: usize = 16;

/// Reads `input` as one item in core deterministic encoding (§4.2.1), nested
/// at most [`DEPTH`] deep, followed by nothing. Its values may be any.
///
/// # Errors
///
/// The fault; where there are several, any.
pub fn deterministic(input: &[u8]) -> Result<Item, Fault> {
    let (item, end) = Item::read(input, DEPTH)?;
    if end != input.len() {
        return Err(Fault::Trailing);
    }
    item.check_text_and_keys()?;
    if item.encode() == input { Ok(item) } else { Err(Fault::NotDeterministic) }
}

impl Item {
    /// Reads the first item of `input`, whatever its form; answers where it
    /// ends. Nothing is allocated that the input does not fill.
    ///
    /// # Errors
    ///
    /// `Cut`, `IllFormed`, `TooDeep`.
    pub fn read(input: &[u8], depth: usize) -> Result<(Self, usize), Fault> {
        let mut at = 0;
        match well_formed(input, &mut at, depth, false)? {
            Some(item) => Ok((item, at)),
            None => Err(Fault::IllFormed),
        }
    }

    /// An integer of the format.
    #[must_use]
    pub fn of_int(value: i64) -> Self {
        match u64::try_from(value) {
            Ok(value) => Self::Uint(value),
            Err(_) => Self::Negative(value.unsigned_abs() - 1),
        }
    }

    /// A byte string.
    #[must_use]
    pub fn bytes(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }

    /// A text string.
    #[must_use]
    pub fn text(value: &str) -> Self {
        Self::Text(value.as_bytes().to_vec())
    }

    /// A map from integers.
    #[must_use]
    pub fn map(entries: impl IntoIterator<Item = (i64, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (Self::of_int(key), value)).collect())
    }

    /// nil.
    pub const NULL: Self = Self::Simple(22);

    /// In core deterministic encoding: shortest heads, definite lengths, keys
    /// in bytewise order of their encodings.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.write(true)
    }

    /// The same with the keys of maps in the order they have here.
    #[must_use]
    pub fn encode_unsorted(&self) -> Vec<u8> {
        self.write(false)
    }

    fn write(&self, sorted: bool) -> Vec<u8> {
        let string = |major, content: &[u8]| [&head(major, content.len() as u64), content].concat();
        match self {
            Self::Uint(n) => head(0, *n),
            Self::Negative(n) => head(1, *n),
            Self::Bytes(content) => string(2, content),
            Self::Embedded(item) => string(2, &item.write(sorted)),
            Self::Text(content) => string(3, content),
            Self::Array(items) => {
                let mut out = head(4, items.len() as u64);
                items.iter().for_each(|item| out.extend(item.write(sorted)));
                out
            }
            Self::Map(entries) => {
                let mut encoded: Vec<_> =
                    entries.iter().map(|(k, v)| (k.write(sorted), v.write(sorted))).collect();
                if sorted {
                    encoded.sort();
                }
                let mut out = head(5, entries.len() as u64);
                encoded.into_iter().for_each(|(key, value)| out.extend([key, value].concat()));
                out
            }
            Self::Tag(tag, item) => [head(6, *tag), item.write(sorted)].concat(),
            Self::Simple(n @ 0..=23) => vec![0xe0 | n],
            Self::Simple(n) => vec![0xf8, *n],
            Self::Float(bits) => {
                let initial = match bits.len() {
                    2 => 0xf9,
                    4 => 0xfa,
                    _ => 0xfb,
                };
                [&[initial], &bits[..]].concat()
            }
        }
    }

    /// The items directly within this one, keys before their values.
    fn children(&self) -> Vec<&Self> {
        match self {
            Self::Array(items) => items.iter().collect(),
            Self::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Self::Tag(_, item) | Self::Embedded(item) => vec![item],
            _ => Vec::new(),
        }
    }

    /// Whether `wanted` is true of this item or of any within.
    pub fn any(&self, wanted: &mut dyn FnMut(&Self) -> bool) -> bool {
        wanted(self) || self.children().into_iter().any(|child| child.any(wanted))
    }

    /// Whether some value in it is none of the format's: a float, a simple
    /// value but false, true and null, an integer beyond 64 bits with sign.
    #[must_use]
    pub fn has_foreign_value(&self) -> bool {
        self.any(&mut |item| match item {
            Self::Float(_) => true,
            Self::Simple(n) => !(20..=22).contains(n),
            Self::Uint(n) | Self::Negative(n) => *n > i64::MAX as u64,
            _ => false,
        })
    }

    /// Levels of arrays, maps and tags.
    #[must_use]
    pub fn depth(&self) -> usize {
        let inner = self.children().into_iter().map(Self::depth).max().unwrap_or(0);
        inner + usize::from(matches!(self, Self::Array(_) | Self::Map(_) | Self::Tag(..)))
    }

    fn check_text_and_keys(&self) -> Result<(), Fault> {
        match self {
            Self::Text(bytes) if std::str::from_utf8(bytes).is_err() => return Err(Fault::NotUtf8),
            Self::Map(entries) => {
                let mut keys: Vec<_> = entries.iter().map(|(key, _)| key.encode()).collect();
                keys.sort();
                if keys.windows(2).any(|pair| pair[0] == pair[1]) {
                    return Err(Fault::DoubleKey);
                }
            }
            _ => (),
        }
        self.children().into_iter().try_for_each(Self::check_text_and_keys)
    }
}

/// What a caller expects an item to be.
impl Item {
    /// An integer in −2^63 … 2^63−1.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Uint(n) => i64::try_from(*n).ok(),
            Self::Negative(n) => i64::try_from(*n).ok().map(|n| -1 - n),
            _ => None,
        }
    }

    /// An unsigned integer below 2^63.
    #[must_use]
    pub fn as_uint(&self) -> Option<u64> {
        self.as_int().and_then(|n| n.try_into().ok())
    }

    /// A byte string.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// An array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A map.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of an integer label in a map.
    #[must_use]
    pub fn get(&self, label: i64) -> Option<&Self> {
        let mut entries = self.as_map()?.iter();
        entries.find(|(key, _)| key.as_int() == Some(label)).map(|(_, value)| value)
    }

    /// The map's integer labels, if it has no other keys.
    #[must_use]
    pub fn labels(&self) -> Option<Vec<i64>> {
        self.as_map()?.iter().map(|(key, _)| key.as_int()).collect()
    }

    /// What the tag `tag` is on.
    #[must_use]
    pub fn tagged(&self, tag: u64) -> Option<&Self> {
        match self {
            Self::Tag(found, item) if *found == tag => Some(item),
            _ => None,
        }
    }

    /// Takes byte strings that hold an item apart, in place and at any depth.
    /// Strings that hold none, or would not come out the same, stay.
    pub fn expand(&mut self) {
        match self {
            Self::Bytes(bytes) => {
                // A short string that happens to be an item stays a string.
                let inner = if bytes.len() < 4 { Err(Fault::Cut) } else { deterministic(bytes) };
                if let Ok(mut item) = inner
                    && item.as_bytes().is_none()
                {
                    item.expand();
                    *self = Self::Embedded(Box::new(item));
                }
            }
            Self::Array(items) => items.iter_mut().for_each(Self::expand),
            Self::Map(entries) => entries.iter_mut().for_each(|(_, value)| value.expand()),
            Self::Tag(_, item) | Self::Embedded(item) => item.expand(),
            _ => (),
        }
    }
}

/// A head in its shortest form (§4.2.1, first rule).
#[must_use]
pub fn head(major: u8, argument: u64) -> Vec<u8> {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    match argument {
        0..=23 => vec![major | bytes[7]],
        24..=0xff => [&[major | 24], &bytes[7..]].concat(),
        0x100..=0xffff => [&[major | 25], &bytes[6..]].concat(),
        0x1_0000..=0xffff_ffff => [&[major | 26], &bytes[4..]].concat(),
        _ => [&[major | 27], &bytes[..]].concat(),
    }
}

fn take<'a>(input: &'a [u8], at: &mut usize, length: u64) -> Result<&'a [u8], Fault> {
    let rest = &input[*at..];
    let length = usize::try_from(length).map_err(|_| Fault::Cut)?;
    let taken = rest.get(..length).ok_or(Fault::Cut)?;
    *at += length;
    Ok(taken)
}

/// `well_formed (breakable)` of Appendix C; nothing is a break.
fn well_formed(
    input: &[u8],
    at: &mut usize,
    depth: usize,
    breakable: bool,
) -> Result<Option<Item>, Fault> {
    let initial = take(input, at, 1)?[0];
    let (major, info) = (initial >> 5, initial & 0x1f);
    let argument = match info {
        24..=27 => {
            let bytes = take(input, at, 1 << (info - 24))?;
            bytes.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte))
        }
        28..=30 => return Err(Fault::IllFormed),
        31 => return indefinite(input, at, major, depth, breakable),
        _ => u64::from(info),
    };
    let inner = || depth.checked_sub(1).ok_or(Fault::TooDeep);
    let next =
        |at: &mut usize, depth| well_formed(input, at, depth, false)?.ok_or(Fault::IllFormed);
    Ok(Some(match major {
        0 => Item::Uint(argument),
        1 => Item::Negative(argument),
        2 => Item::Bytes(take(input, at, argument)?.to_vec()),
        3 => Item::Text(take(input, at, argument)?.to_vec()),
        4 => {
            let depth = inner()?;
            let items = (0..argument).map(|_| next(at, depth));
            Item::Array(items.collect::<Result<_, _>>()?)
        }
        5 => {
            let depth = inner()?;
            let entries = (0..argument).map(|_| Ok((next(at, depth)?, next(at, depth)?)));
            Item::Map(entries.collect::<Result<_, _>>()?)
        }
        6 => {
            let depth = inner()?;
            Item::Tag(argument, Box::new(next(at, depth)?))
        }
        _ => match info {
            0..=23 => Item::Simple(info),
            24 if argument < 32 => return Err(Fault::IllFormed),
            24 => Item::Simple(argument.to_be_bytes()[7]),
            _ => Item::Float(argument.to_be_bytes()[8 - (1 << (info - 24))..].to_vec()),
        },
    }))
}

/// `well_formed_indefinite` of Appendix C.
fn indefinite(
    input: &[u8],
    at: &mut usize,
    major: u8,
    depth: usize,
    breakable: bool,
) -> Result<Option<Item>, Fault> {
    if major == 7 {
        return if breakable { Ok(None) } else { Err(Fault::IllFormed) };
    }
    let depth = match major {
        2..=5 => depth.checked_sub(1).ok_or(Fault::TooDeep)?,
        _ => return Err(Fault::IllFormed),
    };
    let mut next = |breakable| well_formed(input, at, depth, breakable);
    Ok(Some(match major {
        2 | 3 => {
            let mut content = Vec::new();
            // A chunk is a definite string of the same type.
            while let Some(&initial) = input.get(*at) {
                match initial {
                    0xff => {
                        *at += 1;
                        return Ok(Some(match major {
                            2 => Item::Bytes(content),
                            _ => Item::Text(content),
                        }));
                    }
                    _ if initial >> 5 != major || initial & 0x1f == 31 => {
                        return Err(Fault::IllFormed);
                    }
                    _ => match well_formed(input, at, depth, false)? {
                        Some(Item::Bytes(chunk) | Item::Text(chunk)) => content.extend(chunk),
                        _ => return Err(Fault::IllFormed),
                    },
                }
            }
            return Err(Fault::Cut);
        }
        4 => {
            let mut items = Vec::new();
            while let Some(item) = next(true)? {
                items.push(item);
            }
            Item::Array(items)
        }
        _ => {
            let mut entries = Vec::new();
            while let Some(key) = next(true)? {
                entries.push((key, next(false)?.ok_or(Fault::IllFormed)?));
            }
            Item::Map(entries)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(hex: &str) -> Option<Fault> {
        deterministic(&hex::decode(hex).expect("hex")).err()
    }

    /// Examples of RFC 8949 Appendix A that are deterministic, and its
    /// Appendix F of what is not well-formed.
    #[test]
    fn the_examples_of_the_rfc_are_judged_right() {
        for good in [
            "00",
            "17",
            "1818",
            "1903e8",
            "1bffffffffffffffff",
            "3bffffffffffffffff",
            "20",
            "f4",
            "f6",
            "f7",
            "f0",
            "f8ff",
            "f90000",
            "fb3ff199999999999a",
            "40",
            "4401020304",
            "60",
            "62c3bc",
            "80",
            "83010203",
            "a0",
            "a201020304",
            "a26161016162820203",
            "c11a514b67b0",
            "d818456449455446",
            "c249010000000000000000",
        ] {
            assert_eq!(kind(good), None, "{good}");
        }
        for long in [
            "1800",
            "190018",
            "5f42010243030405ff",
            "7f657374726561646d696e67ff",
            "9fff",
            "bf61610161629f0203ffff",
            "a20201 0100".replace(' ', "").as_str(),
            "5800",
            "d81000",
        ] {
            assert_eq!(kind(long), Some(Fault::NotDeterministic), "{long}");
        }
        for cut in [
            "",
            "18",
            "19",
            "1a01",
            "41",
            "61",
            "81",
            "818181818181818181",
            "a1",
            "a100",
            "c0",
            "5f4100",
            "9f",
            "9f01",
            "bf",
            "bf0102",
            "a20102",
            "9bffffffffffffffff",
        ] {
            assert_eq!(kind(cut), Some(Fault::Cut), "{cut}");
        }
        for bad in [
            "1c",
            "3d",
            "5e",
            "7c",
            "9d",
            "be",
            "dc",
            "fc",
            "f800",
            "f818",
            "f81f",
            "5f00ff",
            "5f6100ff",
            "5f5f4100ffff",
            "7f4100ff",
            "ff",
            "81ff",
            "a1ff",
            "a100ff",
            "c0ff",
            "9f81ff",
            "bf00ff",
            "1f",
            "3f",
            "df",
        ] {
            assert_eq!(kind(bad), Some(Fault::IllFormed), "{bad}");
        }
        assert_eq!(kind("0000"), Some(Fault::Trailing));
        assert_eq!(kind("61ff"), Some(Fault::NotUtf8));
        assert_eq!(kind("a201000100"), Some(Fault::DoubleKey));
        assert_eq!(kind("8180".repeat(8).replace("80", "81").as_str()), Some(Fault::Cut));
        assert_eq!(kind(&format!("{}00", "81".repeat(16))), None);
        assert_eq!(kind(&format!("{}00", "81".repeat(17))), Some(Fault::TooDeep));
    }

    #[test]
    fn foreign_values_are_found_at_any_depth() {
        let foreign = |hex: &str| {
            deterministic(&hex::decode(hex).expect("hex")).expect("item").has_foreign_value()
        };
        for ours in ["00", "1b7fffffffffffffff", "3b7fffffffffffffff", "83f4f5f6", "a0"] {
            assert!(!foreign(ours), "{ours}");
        }
        for not_ours in ["1b8000000000000000", "3b8000000000000000", "81f7", "a100f90000", "a1e000"]
        {
            assert!(foreign(not_ours), "{not_ours}");
        }
    }

    #[test]
    fn strings_that_hold_items_are_taken_apart_and_put_together() {
        let inner = Item::map([(1, Item::bytes(b"some bytes"))]);
        let outer = Item::Array(vec![Item::bytes(&inner.encode()), Item::bytes(b"xy")]);
        let mut expanded = outer.clone();
        expanded.expand();
        assert_eq!(
            expanded,
            Item::Array(vec![Item::Embedded(Box::new(inner)), Item::bytes(b"xy"),])
        );
        assert_eq!(expanded.encode(), outer.encode());
    }
}
