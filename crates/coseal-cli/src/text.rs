//! Text that came from outside → text that may stand on a terminal.
//!
//! Envelopes, bundles and file names are written by others: what is in them
//! must not move the cursor, colour the screen or reverse the line.

use std::fmt;
use std::io;

/// Shows a string with everything but visible characters and spaces escaped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return f.write_str(self.0);
        }
        escape(self.0, is_hidden, f)
    }
}

/// The same with spaces escaped too: a name between other columns of a row,
/// which must not look like several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a>(pub &'a str);

impl Name<'_> {
    /// Appends it to what is a row of millions: most names need no escape, and
    /// formatting one would cost as much as finding that out.
    pub(crate) fn push_to(self, out: &mut Vec<u8>) {
        if self.is_harmless() {
            out.extend_from_slice(self.0.as_bytes());
        } else {
            out.extend_from_slice(self.to_string().as_bytes());
        }
    }

    fn is_harmless(self) -> bool {
        self.0.bytes().all(|byte| matches!(byte, b'!'..=b'~'))
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_harmless() {
            return f.write_str(self.0);
        }
        escape(self.0, |each| each.is_whitespace() || is_hidden(each), f)
    }
}

fn escape(text: &str, is_evil: fn(char) -> bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(is_evil) {
        let (plain, evil) = rest.split_at(at);
        f.write_str(plain)?;
        let mut evil = evil.chars();
        for character in evil.by_ref().take(1) {
            write!(f, "{}", character.escape_unicode())?;
        }
        rest = evil.as_str();
    }
    f.write_str(rest)
}

/// What nobody sees in a name: with it, two names look like one. Besides what
/// is unsafe, the Default_Ignorable_Code_Point of Unicode, and the braille
/// pattern without dots. A payload may have it: emoji need some of these.
pub(crate) fn is_hidden(character: char) -> bool {
    is_unsafe(character)
        || matches!(character,
            '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Controls, and what changes the order or the presence of the text around it.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a payload may be shown on a terminal as it is: lines of plain text.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    let harmless = |character| matches!(character, '\n' | '\t') || !is_unsafe(character);
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(harmless))
}

/// Writes JSON on one line, with the same characters escaped as in [`Plain`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PlainJson;

impl serde_json::ser::Formatter for PlainJson {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut units = [0; 2];
        for character in fragment.chars() {
            if is_hidden(character) {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                write!(writer, "{character}")?;
            }
        }
        Ok(())
    }
}

/// Appends `value` as one line of JSON.
pub(crate) fn json_line(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Into memory, and every key is a string: this cannot fail.
    let written =
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, PlainJson));
    debug_assert!(written.is_ok(), "rows are plain data");
    out.push(b'\n');
}

/// Whether it begins with the scheme of a URI. A file of such a name is `./name:rest`.
pub(crate) fn is_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|each| each.is_ascii_alphanumeric() || matches!(each, '+' | '-' | '.'))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn nothing_but_text_reaches_the_terminal() {
        let evil = "a\u{1b}[31m\u{9b}2J\u{202e}b\r\n\u{7f}é 漢\\";
        assert_eq!(Plain(evil).to_string(), r"a\u{1b}[31m\u{9b}2J\u{202e}b\u{d}\u{a}\u{7f}é 漢\");
        assert!(
            !is_plain(b"\x1b[31m")
                && !is_plain("\u{9b}".as_bytes())
                && !is_plain(b"\xff")
                && !is_plain(b"\r")
        );
        assert!(is_plain("{\"é\":\t1}\n".as_bytes()));
    }

    #[test]
    fn a_name_is_one_word_without_anything_hidden() {
        let name = "a b\u{a0}c\u{3000}d\u{3164}\u{115f}\u{180e}\u{2800}\u{fe0f}\u{e0100}é漢";
        let shown = r"a\u{20}b\u{a0}c\u{3000}d\u{3164}\u{115f}\u{180e}\u{2800}\u{fe0f}\u{e0100}é漢";
        assert_eq!(Name(name).to_string(), shown);
        for name in [name, "plain", "two words"] {
            let mut pushed = b">".to_vec();
            Name(name).push_to(&mut pushed);
            assert_eq!(pushed, format!(">{}", Name(name)).into_bytes());
        }
        // A sentence has spaces, and hides as little.
        assert_eq!(Plain("a b\u{3164}").to_string(), r"a b\u{3164}");
        assert!(is_plain("\u{2764}\u{fe0f}".as_bytes()), "an emoji is text");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let evil = "a\u{1b}\u{9b}\u{202e}\u{e0041}\"é\n\u{7f}\u{3164}";
        let mut line = Vec::new();
        json_line(&mut line, &evil);
        let text = String::from_utf8(line).unwrap();
        assert!(!text.trim_end().chars().any(is_hidden), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), evil);
        assert!(text.contains("\\u202e\\udb40\\udc41\\\"é"), "{text}");
    }
}
