//! The few items of CBOR that a dead letter has, written deterministically and
//! read strictly: shortest heads, definite lengths, nothing borrowed twice.

/// Writes items behind what `out` holds.
pub(super) struct Writer<'o>(pub(super) &'o mut Vec<u8>);

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const NULL: u8 = 0xf6;

impl Writer<'_> {
    fn head(&mut self, major: u8, value: u64) {
        let [.., b4, b5, b6, b7] = value.to_be_bytes();
        let major = major << 5;
        match value {
            0..=23 => self.0.push(major | b7),
            24..=0xff => self.0.extend([major | 24, b7]),
            0x100..=0xffff => self.0.extend([major | 25, b6, b7]),
            0x1_0000..=0xffff_ffff => self.0.extend([major | 26, b4, b5, b6, b7]),
            _ => {
                self.0.push(major | 27);
                self.0.extend(value.to_be_bytes());
            }
        }
    }

    pub(super) fn uint(&mut self, value: u64) {
        self.head(UINT, value);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn array(&mut self, items: usize) {
        self.head(ARRAY, items as u64);
    }

    pub(super) fn map(&mut self, pairs: usize) {
        self.head(MAP, pairs as u64);
    }

    pub(super) fn null(&mut self) {
        self.0.push(NULL);
    }
}

/// Reads items from the front of what is left. `None`: not what was asked for,
/// or not deterministic.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn head(&mut self, major: u8) -> Option<u64> {
        let (&initial, rest) = self.0.split_first()?;
        if initial >> 5 != major {
            return None;
        }
        self.0 = rest;
        let (value, least) = match initial & 31 {
            info @ 0..=23 => return Some(info.into()),
            24 => (self.take(1)?, 24),
            25 => (self.take(2)?, 0x100),
            26 => (self.take(4)?, 0x1_0000),
            27 => (self.take(8)?, 0x1_0000_0000),
            _ => return None,
        };
        let value = value.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        (value >= least).then_some(value)
    }

    pub(super) fn uint(&mut self) -> Option<u64> {
        self.head(UINT)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.head(BYTES)?;
        self.take(length.try_into().ok()?)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.head(TEXT)?;
        std::str::from_utf8(self.take(length.try_into().ok()?)?).ok()
    }

    pub(super) fn array(&mut self) -> Option<u64> {
        self.head(ARRAY)
    }

    pub(super) fn map(&mut self) -> Option<u64> {
        self.head(MAP)
    }

    /// Bytes, or null.
    pub(super) fn bytes_or_null(&mut self) -> Option<Option<&'a [u8]>> {
        if let Some((&NULL, rest)) = self.0.split_first() {
            self.0 = rest;
            return Some(None);
        }
        self.bytes().map(Some)
    }
}
