//! Names of channels, and patterns over them.

use crate::error::Detail;
use crate::limits;

/// The rules for a channel's name; `Err` says which is broken. Compared
/// bytewise: no normalisation, no case folding.
pub(crate) fn check_channel(channel: &str) -> Result<(), Detail> {
    if !(1..=limits::CHANNEL).contains(&channel.len()) {
        return Err("a channel's name is not 1..255 bytes long".into());
    }
    if channel.contains(|c: char| c.is_control() || c == '*' || c == '>') {
        return Err("a channel's name contains '*', '>' or a control character".into());
    }
    Ok(())
}

/// Channel patterns: tokens between dots, `*` for exactly one token, a final
/// `>` for one or more.
pub(crate) mod pattern {
    use super::{Detail, limits};

    /// The rules for a pattern; `Err` says which is broken.
    pub(crate) fn check(pattern: &str) -> Result<(), Detail> {
        if !(1..=limits::CHANNEL).contains(&pattern.len()) {
            return Err("a channel pattern is not 1..255 bytes long".into());
        }
        let mut tokens = pattern.split('.').peekable();
        while let Some(token) = tokens.next() {
            let wild = token.contains(['*', '>']);
            let sound = token == "*" || (token == ">" && tokens.peek().is_none());
            if wild && !sound {
                return Err("in a channel pattern '*' is a whole token and '>' the last one".into());
            }
        }
        Ok(())
    }

    /// Whether a checked pattern covers a checked channel.
    pub(crate) fn covers(pattern: &str, channel: &str) -> bool {
        let mut tokens = channel.split('.');
        for wanted in pattern.split('.') {
            match (wanted, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => (),
                (wanted, Some(token)) if wanted == token => (),
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_they_say() {
        let cases = [
            ("orders", "orders", true),
            ("orders", "Orders", false),
            ("orders", "orders.eu", false),
            ("orders.*.eu", "orders.a.eu", true),
            ("orders.*.eu", "orders..eu", true),
            ("orders.*.eu", "orders.a.b.eu", false),
            ("orders.*", "orders", false),
            ("audit.>", "audit", false),
            ("audit.>", "audit.", true),
            ("audit.>", "audit.a.b", true),
            (">", "anything.at.all", true),
            ("*", "a.b", false),
            ("*.>", "a", false),
            ("", "", true),
        ];
        for (wanted, channel, expected) in cases {
            assert_eq!(pattern::covers(wanted, channel), expected, "{wanted} / {channel}");
        }
    }

    #[test]
    fn names_and_patterns_have_rules() {
        for bad in ["", "a*", "a.>.b", "a.b>", "**", "a.*b"] {
            assert!(pattern::check(bad).is_err(), "{bad:?}");
        }
        for good in [">", "*", "a..b", ".", "*.*", "a.>"] {
            assert!(pattern::check(good).is_ok(), "{good:?}");
        }
        for bad in ["", "a*", ">", "a\n", "a\u{85}"] {
            assert!(check_channel(bad).is_err(), "{bad:?}");
        }
        assert!(check_channel(&"a".repeat(255)).is_ok());
        assert!(check_channel(&"a".repeat(256)).is_err());
    }
}
