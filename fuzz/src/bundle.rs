//! The judgement of a trust bundle's payload, a second time: section 8.4 of the
//! specification over items of the slow reader. The answer is every refusal
//! that the specification allows; none, where the bundle must load.

use coseal::{RecipientKey, Time, VerifyingKey};

use crate::item::{self, Item};

/// A refusal, as the vectors spell it.
pub type Refusal = &'static str;

const CBOR: Refusal = "malformed/cbor";
const STRUCTURE: Refusal = "malformed/structure";
const RECORD: Refusal = "malformed/record";
const WEAK: Refusal = "malformed/weak_key";

/// What a loader may say of a payload whose root and signature are right, at
/// `latest`: now and the skew.
#[must_use]
pub fn refusals(payload: &[u8], latest: Time) -> Vec<Refusal> {
    let Ok(bundle) = item::deterministic(payload) else {
        return vec![CBOR];
    };
    match bundle.get(1) {
        Some(Item::Uint(1)) | None => (),
        Some(Item::Uint(_) | Item::Negative(_)) => return vec!["unsupported/version"],
        Some(_) => (),
    }
    let mut found = Vec::new();
    of_shape(&bundle, &mut found);
    if !found.is_empty() {
        return found;
    }
    let issued_at = bundle.get(4).and_then(Item::as_uint).map(Time::from_secs);
    if issued_at > Some(latest) {
        return vec!["stale/from_the_future"];
    }
    let mut key_ids = Vec::new();
    for record in bundle.get(6).and_then(Item::as_array).unwrap_or_default() {
        let key_id = of_record(record, &mut found);
        if !found.is_empty() {
            return found;
        }
        key_ids.extend(key_id);
    }
    key_ids.sort();
    if key_ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return vec!["malformed/duplicate_key"];
    }
    found
}

fn of_shape(bundle: &Item, found: &mut Vec<Refusal>) {
    if bundle.has_foreign_value() || bundle.as_map().is_none() {
        found.push(STRUCTURE);
    }
    for (label, value) in bundle.as_map().unwrap_or_default() {
        let sound = match label.as_uint() {
            Some(1) => value.as_int() == Some(1),
            Some(2) => value.as_text().is_some(),
            Some(3) => value.as_uint().is_some(),
            Some(4 | 5) => is_time(value),
            Some(6) => value.as_array().is_some_and(|records| records.len() <= 65536),
            Some(7) => value.as_array().is_some_and(|roots| {
                // Every root is looked at: a weak one may be told first.
                let wrong = roots.iter().filter(|root| !is_root(root, found)).count();
                !roots.is_empty() && wrong == 0
            }),
            Some(64..) => is_extension(value, STRUCTURE, found),
            _ => false,
        };
        if !sound {
            found.push(STRUCTURE);
        }
    }
    if (1..=6).any(|label| bundle.get(label).is_none()) {
        found.push(STRUCTURE);
    }
}

fn is_time(item: &Item) -> bool {
    item.as_uint().is_some_and(|secs| secs < 1 << 53)
}

/// Pushes what is wrong with an extension's value; false where nothing else
/// would say so.
fn is_extension(value: &Item, tagged: Refusal, found: &mut Vec<Refusal>) -> bool {
    if value.depth() > 4 {
        found.push(CBOR);
    }
    if value.any(&mut |item| matches!(item, Item::Tag(..))) {
        found.push(tagged);
    }
    true
}

/// An Ed25519 key in its one form. A key that no honest party publishes may be
/// told as that, also where it is of the wrong curve.
fn is_root(root: &Item, found: &mut Vec<Refusal>) -> bool {
    match (root.labels().as_deref(), curve(root), key_bytes(root)) {
        (Some([1, -1, -2]), Some(6), Some(bytes)) => {
            if VerifyingKey::from_bytes(&bytes).is_err() {
                found.push(WEAK);
            }
            true
        }
        (Some([1, -1, -2]), Some(4), Some(bytes)) => {
            if RecipientKey::from_bytes(&bytes).is_err() {
                found.push(WEAK);
            }
            false
        }
        _ => false,
    }
}

fn curve(key: &Item) -> Option<i64> {
    (key.get(1)?.as_int()? == 1).then(|| key.get(-1)?.as_int())?
}

fn key_bytes(key: &Item) -> Option<[u8; 32]> {
    key.get(-2)?.as_bytes()?.try_into().ok()
}

/// Judges a record; answers its key ID, unless it is skipped or refused.
fn of_record(record: &Item, found: &mut Vec<Refusal>) -> Option<[u8; 8]> {
    let Some(fields) = record.as_map() else {
        found.push(RECORD);
        return None;
    };
    for (label, value) in fields {
        let sound = match label.as_uint() {
            Some(1) => match of_key(value, found) {
                Key::Sound => true,
                Key::Wrong => false,
                Key::Unknown if found.is_empty() => return None,
                Key::Unknown => true,
            },
            Some(2) => value.as_text().is_some_and(|text| (1..=2048).contains(&text.len())),
            Some(3) => match value.as_uint() {
                Some(1 | 2) => true,
                Some(_) if found.is_empty() => return None,
                Some(_) => true,
                None => false,
            },
            Some(4 | 5) => is_time(value),
            Some(6) => value.as_array().is_some_and(|patterns| {
                patterns.len() <= 256
                    && patterns.iter().all(|pattern| pattern.as_text().is_some_and(is_pattern))
            }),
            Some(7) => match value.as_array() {
                Some([at, reason]) => is_time(at) && reason.as_uint().is_some(),
                Some([at, reason, since]) => {
                    is_time(at) && reason.as_uint().is_some() && is_time(since)
                }
                _ => false,
            },
            Some(64..) => is_extension(value, RECORD, found),
            _ => false,
        };
        if !sound {
            found.push(RECORD);
        }
    }
    let usage = record.get(3).and_then(Item::as_uint);
    let key = record.get(1);
    let fits = matches!((usage, key.and_then(curve)), (Some(1), Some(6)) | (Some(2), Some(4)));
    if !fits || [2, 4, 6].iter().any(|label| record.get(*label).is_none()) {
        found.push(RECORD);
    }
    if !found.is_empty() {
        return None;
    }
    let key = key?;
    let bytes = key_bytes(key)?;
    let found = match curve(key)? {
        6 => VerifyingKey::from_bytes(&bytes).ok()?.key_id(),
        _ => RecipientKey::from_bytes(&bytes).ok()?.key_id(),
    };
    Some(*found.as_bytes())
}

enum Key {
    Sound,
    Wrong,
    Unknown,
}

fn of_key(key: &Item, found: &mut Vec<Refusal>) -> Key {
    let names = |item: &&Item| item.as_int().is_some() || item.as_text().is_some();
    match key.get(1).filter(names) {
        None => return Key::Wrong,
        Some(key_type) if key_type.as_int() != Some(1) => return Key::Unknown,
        Some(_) => (),
    }
    match key.get(-1).filter(names).map(Item::as_int) {
        None => return Key::Wrong,
        Some(Some(4 | 6)) => (),
        Some(_) => return Key::Unknown,
    }
    if key.labels().as_deref() != Some(&[1, -1, -2]) {
        return Key::Wrong;
    }
    let Some(bytes) = key_bytes(key) else { return Key::Wrong };
    let weak = match curve(key) {
        Some(6) => VerifyingKey::from_bytes(&bytes).is_err(),
        _ => RecipientKey::from_bytes(&bytes).is_err(),
    };
    if weak {
        found.push(WEAK);
    }
    Key::Sound
}

/// 1 to 255 bytes; between dots, `*` stands alone, and `>` alone and last.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    let tokens: Vec<_> = text.split('.').collect();
    let plain = |token: &&str| !token.contains(['*', '>']);
    let Some((last, before)) = tokens.split_last() else { return false };
    (1..=255).contains(&text.len())
        && before.iter().all(|token| *token == "*" || plain(token))
        && (matches!(*last, "*" | ">") || plain(last))
}
