//! Application headers: signed, readable by anyone, meaningful to the
//! application alone.

use crate::error::{Detail, Error, Result};
use crate::limits;
use crate::wire::{Head, Items, KeyOrder, Reader, int_of};

/// The value of an application header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderValue<'a> {
    /// Text of at most 4096 bytes.
    Text(&'a str),
    /// At most 4096 bytes.
    Bytes(&'a [u8]),
    /// An integer.
    Int(i64),
    /// True or false.
    Bool(bool),
}

impl<'a> From<&'a str> for HeaderValue<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for HeaderValue<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for HeaderValue<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a> From<&'a alloc::string::String> for HeaderValue<'a> {
    fn from(value: &'a alloc::string::String) -> Self {
        Self::Text(value)
    }
}

impl From<i32> for HeaderValue<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for HeaderValue<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for HeaderValue<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for HeaderValue<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Reads the map and returns its bytes.
pub(super) fn read<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8]> {
    let start = reader.offset();
    let count = reader.map("the application headers are not a map")?;
    if !(1..=limits::HEADERS).contains(&count) {
        return Err(Error::structure("there are not 1..32 application headers"));
    }
    let mut order = KeyOrder::new();
    for _ in 0..count {
        let key = reader.offset();
        let name = reader.text("an application header's name is not text")?;
        order.check(reader.since(key))?;
        let value = read_value(reader)?;
        check_application_header(name, &value).map_err(Error::structure)?;
    }
    Ok(reader.since(start))
}

fn read_value<'a>(reader: &mut Reader<'a>) -> Result<HeaderValue<'a>> {
    let head = reader.head()?;
    if let Some(int) = int_of(head) {
        return Ok(HeaderValue::Int(int));
    }
    if let Head::Bool(value) = head {
        return Ok(HeaderValue::Bool(value));
    }
    if let Some(text) = reader.text_after(head)? {
        return Ok(HeaderValue::Text(text));
    }
    if let Some(bytes) = reader.bytes_after(head)? {
        return Ok(HeaderValue::Bytes(bytes));
    }
    Err(Error::structure("an application header is not text, bytes, an integer or a boolean"))
}

/// The rules for one header; `Err` says which is broken.
pub(crate) fn check_application_header(name: &str, value: &HeaderValue<'_>) -> Result<(), Detail> {
    if !(1..=limits::HEADER_NAME).contains(&name.len()) {
        return Err("the name of an application header is not 1..64 bytes long".into());
    }
    let length = match value {
        HeaderValue::Text(text) => text.len(),
        HeaderValue::Bytes(bytes) => bytes.len(),
        HeaderValue::Int(_) | HeaderValue::Bool(_) => 0,
    };
    if length > limits::HEADER_VALUE {
        return Err("the value of an application header is longer than 4096 bytes".into());
    }
    Ok(())
}

pub(crate) fn write_value(out: &mut impl Items, value: &HeaderValue<'_>) {
    match *value {
        HeaderValue::Text(text) => out.text(text),
        HeaderValue::Bytes(bytes) => out.bytes(bytes),
        HeaderValue::Int(int) => out.int(int),
        HeaderValue::Bool(value) => out.bool(value),
    }
}

/// The headers of a map that [`read`] took.
pub(super) fn iterate<'a>(
    map: Option<&'a [u8]>,
) -> impl Iterator<Item = (&'a str, HeaderValue<'a>)> + use<'a> {
    let mut reader = Reader::new(map.unwrap_or_default());
    let count = reader.map("").unwrap_or(0);
    (0..count).map_while(move |_| Some((reader.text("").ok()?, read_value(&mut reader).ok()?)))
}
