//! A strict reader of RFC 8949 core deterministic encoding (§4.2.1) over
//! borrowed bytes: well-formed, and of all encodings of a value the only one
//! that is allowed. Shortest heads, definite lengths, sorted keys, bounded
//! depth, valid UTF-8.

use crate::error::{Error, Result};
use crate::limits;

/// What the values inside a skipped item may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Whatever CBOR allows: asks for encoding faults only.
    Any,
    /// What the format allows anywhere: no floats, no simple values but false,
    /// true and null, integers in −2^63 … 2^63−1.
    Format,
    /// The same without tags: extension values.
    Untagged,
}

/// The head of an item. Lengths are not yet checked against the input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// 0 … 2^64−1
    Uint(u64),
    /// −1 − n
    Negative(u64),
    Bytes(usize),
    Text(usize),
    Array(usize),
    Map(usize),
    Tag(u64),
    Bool(bool),
    Null,
    /// A float or another simple value: well-formed, and never ours.
    Foreign,
}

impl Head {
    /// Of a major type other than 7.
    #[inline]
    const fn of(major: u8, argument: u64, length: usize) -> Self {
        match major {
            0 => Self::Uint(argument),
            1 => Self::Negative(argument),
            2 => Self::Bytes(length),
            3 => Self::Text(length),
            4 => Self::Array(length),
            5 => Self::Map(length),
            _ => Self::Tag(argument),
        }
    }
}

/// Reads items one after the other.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

/// Reads one item that must be the whole of `input`.
pub(crate) fn read_whole<'a, T>(
    input: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T>,
) -> Result<T> {
    let mut reader = Reader::new(input);
    let value = read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reads one item that lies inside a byte string, as [`read_whole`]. A fault
/// of encoding anywhere in it comes before a fault of shape.
pub(crate) fn read_embedded<'a, T>(
    input: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T>,
) -> Result<T> {
    read_whole(input, read).map_err(|error| check_cbor(input).err().unwrap_or(error))
}

/// Well-formed, deterministic, one item, not too deep; whatever its values.
#[cold]
pub(crate) fn check_cbor(input: &[u8]) -> Result<()> {
    read_whole(input, |reader| reader.skip(limits::DEPTH, Values::Any).map(drop))
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    /// Bytes read so far.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// Passes over bytes that another reader read.
    pub(crate) fn advance(&mut self, length: usize) {
        self.at += length.min(self.rest().len());
    }

    /// What was read since `start`.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.input.get(start..self.at).unwrap_or_default()
    }

    /// Everything not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<()> {
        if self.rest().is_empty() { Ok(()) } else { Err(Error::cbor("bytes follow the item")) }
    }

    /// Skips `prefix` if it stands here.
    pub(crate) fn skip_literal(&mut self, prefix: &[u8]) -> bool {
        let there = self.rest().starts_with(prefix);
        if there {
            self.at += prefix.len();
        }
        there
    }

    /// The next head, in its shortest form.
    ///
    /// Decoded here and not by `ciborium-ll`: an envelope has some ninety
    /// heads, and with that general decoder verifying 256 B in batches of 64
    /// took 3.7 us instead of 2.8. The tests hold this one against `ciborium`.
    #[inline]
    pub(crate) fn head(&mut self) -> Result<Head> {
        #[cfg(all(test, feature = "os"))]
        crate::meter::head();
        // Most heads are one byte, and neither simple nor a float.
        if let Some(&first) = self.rest().first()
            && first & 0x1f < 24
            && first < 0xe0
        {
            self.at += 1;
            return Ok(Head::of(first >> 5, u64::from(first & 0x1f), usize::from(first & 0x1f)));
        }
        self.long_head()
    }

    fn long_head(&mut self) -> Result<Head> {
        let rest = self.rest();
        let first = *rest.first().ok_or_else(cut_off)?;
        let (argument, taken) = match first & 0x1f {
            small @ 0..=23 => (u64::from(small), 1),
            width @ 24..=27 => long_argument(rest, width)?,
            31 => return Err(Error::cbor("a length is indefinite, or a break stands alone")),
            _ => return Err(Error::cbor("a head that does not exist")),
        };
        let head = match first >> 5 {
            7 => simple_or_float(argument, taken)?,
            _ if taken != shortest(argument) => {
                return Err(Error::cbor("a number or length is not in its shortest form"));
            }
            // What is longer than memory is longer than the input.
            major => match usize::try_from(argument) {
                Ok(length) => Head::of(major, argument, length),
                Err(_) if matches!(major, 0 | 1 | 6) => Head::of(major, argument, 0),
                Err(_) => return Err(cut_off()),
            },
        };
        self.at += taken;
        Ok(head)
    }

    /// The next `length` bytes.
    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let bytes = self.rest().get(..length).ok_or_else(cut_off)?;
        self.at += length;
        Ok(bytes)
    }

    #[inline]
    fn take_text(&mut self, length: usize) -> Result<&'a str> {
        core::str::from_utf8(self.take(length)?).map_err(|_| Error::cbor("text is not UTF-8"))
    }

    pub(crate) fn uint(&mut self, what: &'static str) -> Result<u64> {
        int_of(self.head()?).and_then(|n| n.try_into().ok()).ok_or_else(|| Error::structure(what))
    }

    /// Seconds since 1970.
    pub(crate) fn time(&mut self, what: &'static str) -> Result<u64> {
        match self.uint(what)? {
            n if n <= limits::TIME => Ok(n),
            _ => Err(Error::structure(what)),
        }
    }

    pub(crate) fn int(&mut self, what: &'static str) -> Result<i64> {
        int_of(self.head()?).ok_or_else(|| Error::structure(what))
    }

    /// A format version: any integer that CBOR can say, also one that no field
    /// of this version may hold.
    pub(crate) fn version(&mut self, what: &'static str) -> Result<i128> {
        match self.head()? {
            Head::Uint(n) => Ok(n.into()),
            Head::Negative(n) => Ok(-1 - i128::from(n)),
            Head::Bytes(_)
            | Head::Text(_)
            | Head::Array(_)
            | Head::Map(_)
            | Head::Tag(_)
            | Head::Bool(_)
            | Head::Null
            | Head::Foreign => Err(Error::structure(what)),
        }
    }

    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<&'a [u8]> {
        let Head::Bytes(length) = self.head()? else {
            return Err(Error::structure(what));
        };
        self.take(length)
    }

    #[inline]
    pub(crate) fn bytes_of<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N]> {
        // Lengths of 24..255 have one head of two bytes.
        if let (24..=255, Some(&[0x58, length])) = (N, self.rest().first_chunk())
            && usize::from(length) == N
        {
            let bytes = self.rest().get(2..).and_then(<[u8]>::first_chunk).ok_or_else(cut_off)?;
            self.at += 2 + N;
            return Ok(bytes);
        }
        self.bytes(what)?.try_into().map_err(|_| Error::structure(what))
    }

    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str> {
        let Head::Text(length) = self.head()? else {
            return Err(Error::structure(what));
        };
        self.take_text(length)
    }

    pub(crate) fn array(&mut self, what: &'static str) -> Result<usize> {
        let Head::Array(length) = self.head()? else {
            return Err(Error::structure(what));
        };
        Ok(length)
    }

    pub(crate) fn array_of(&mut self, length: usize, what: &'static str) -> Result<()> {
        if self.array(what)? == length { Ok(()) } else { Err(Error::structure(what)) }
    }

    pub(crate) fn map(&mut self, what: &'static str) -> Result<usize> {
        let Head::Map(length) = self.head()? else {
            return Err(Error::structure(what));
        };
        Ok(length)
    }

    pub(crate) fn tag(&mut self, tag: u64, what: &'static str) -> Result<()> {
        if self.head()? == Head::Tag(tag) { Ok(()) } else { Err(Error::structure(what)) }
    }

    /// An integer that must be this one: a label, a version.
    pub(crate) fn expect_int(&mut self, value: i64, what: &'static str) -> Result<()> {
        if self.int(what)? == value { Ok(()) } else { Err(Error::structure(what)) }
    }

    /// A head that has content is in `head`; reads that content.
    pub(crate) fn text_after(&mut self, head: Head) -> Result<Option<&'a str>> {
        let Head::Text(length) = head else {
            return Ok(None);
        };
        self.take_text(length).map(Some)
    }

    pub(crate) fn bytes_after(&mut self, head: Head) -> Result<Option<&'a [u8]>> {
        let Head::Bytes(length) = head else {
            return Ok(None);
        };
        self.take(length).map(Some)
    }

    /// Skips one item whose arrays, maps and tags nest at most `depth` deep,
    /// and returns its bytes. Recursion is bounded by `depth`.
    pub(crate) fn skip(&mut self, depth: usize, values: Values) -> Result<&'a [u8]> {
        let start = self.at;
        let head = self.head()?;
        let inner = || depth.checked_sub(1).ok_or_else(|| Error::cbor("nested too deep"));
        match head {
            Head::Uint(_) | Head::Negative(_) | Head::Bool(_) | Head::Null | Head::Foreign => {
                let ours = matches!(head, Head::Bool(_) | Head::Null) || int_of(head).is_some();
                if values != Values::Any && !ours {
                    return Err(Error::structure(
                        "a float, an unassigned simple value, or an integer beyond 64 bits",
                    ));
                }
            }
            Head::Bytes(length) => drop(self.take(length)?),
            Head::Text(length) => drop(self.take_text(length)?),
            Head::Array(length) => {
                let depth = inner()?;
                for _ in 0..length {
                    self.skip(depth, values)?;
                }
            }
            Head::Map(length) => {
                let depth = inner()?;
                let mut order = KeyOrder::new();
                for _ in 0..length {
                    order.check(self.skip(depth, values)?)?;
                    self.skip(depth, values)?;
                }
            }
            Head::Tag(_) if values == Values::Untagged => {
                return Err(Error::structure("a tag where none is allowed"));
            }
            Head::Tag(_) => drop(self.skip(inner()?, values)?),
        }
        Ok(self.since(start))
    }
}

#[cold]
fn cut_off() -> Error {
    Error::cbor("cut off")
}

/// The argument in the 1, 2, 4 or 8 bytes behind the first, and the head's
/// length.
#[inline]
fn long_argument(head: &[u8], width: u8) -> Result<(u64, usize)> {
    let rest = head.get(1..).unwrap_or_default();
    let argument = match width {
        24 => rest.first().map(|byte| (u64::from(*byte), 2)),
        25 => rest.first_chunk().map(|bytes| (u16::from_be_bytes(*bytes).into(), 3)),
        26 => rest.first_chunk().map(|bytes| (u32::from_be_bytes(*bytes).into(), 5)),
        _ => rest.first_chunk().map(|bytes| (u64::from_be_bytes(*bytes), 9)),
    };
    argument.ok_or_else(cut_off)
}

/// Major type 7: values up to 23 in one byte, from 32 in two; in three, five
/// or nine a float.
fn simple_or_float(argument: u64, taken: usize) -> Result<Head> {
    match (argument, taken) {
        (20, 1) => Ok(Head::Bool(false)),
        (21, 1) => Ok(Head::Bool(true)),
        (22, 1) => Ok(Head::Null),
        (0..=31, 2) => Err(Error::cbor("a simple value in a form that does not exist")),
        _ => Ok(Head::Foreign),
    }
}

/// The integer of a head, where it lies in −2^63 … 2^63−1.
pub(crate) fn int_of(head: Head) -> Option<i64> {
    match head {
        Head::Uint(n) => i64::try_from(n).ok(),
        Head::Negative(n) => i64::try_from(n).ok().map(|n| -1 - n),
        Head::Bytes(_)
        | Head::Text(_)
        | Head::Array(_)
        | Head::Map(_)
        | Head::Tag(_)
        | Head::Bool(_)
        | Head::Null
        | Head::Foreign => None,
    }
}

/// Checks that the keys of a map come in bytewise order of their encodings,
/// none twice.
pub(crate) struct KeyOrder<'a> {
    last: &'a [u8],
}

impl<'a> KeyOrder<'a> {
    pub(crate) const fn new() -> Self {
        // No key is encoded in zero bytes: everything sorts after this.
        Self { last: &[] }
    }

    pub(crate) fn check(&mut self, key: &'a [u8]) -> Result<()> {
        if key <= self.last {
            return Err(Error::cbor("the keys of a map are doubled or not in order"));
        }
        self.last = key;
        Ok(())
    }
}

/// Bytes of the shortest head with this argument.
pub(crate) const fn shortest(argument: u64) -> usize {
    match argument {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}
