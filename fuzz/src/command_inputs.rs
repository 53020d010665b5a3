//! What people hand to the command, besides envelopes and bundles: streams,
//! key files, names, the state of a trust bundle. The first byte says which.

use coseal::sequence::{NotASequence, Scanner};
use coseal::{
    EpochId, Kek, KeyId, Pattern, PrivateKey, PublicKey, ReceivingKey, RecipientKey, SigningKey,
    Suite, VerifyingKey,
};
use pem_rfc7468::LineEnding;

use crate::bundle::is_pattern;
use crate::item::{Fault, Item};
use crate::refusal::name;

/// The one first byte that is not taken modulo the number of kinds: so many
/// inputs were found before there was this one.
const STATE: u8 = 7;

/// Runs the target on `input`.
pub fn check(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    if *kind == STATE {
        return crate::state::check(rest);
    }
    match kind % 7 {
        0 => check_sequence(rest),
        1 => with_text(rest, check_pem),
        2 => check_der(rest),
        3 => with_text(rest, check_kek),
        4 => with_text(rest, check_pattern),
        5 => with_text(rest, check_names),
        _ => check_public_key(rest),
    }
}

fn with_text(bytes: &[u8], then: fn(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        then(text);
    }
}

/// The first byte says how long chunks are; 0, that they grow.
fn check_sequence(input: &[u8]) {
    let Some((size, input)) = input.split_first() else { return };
    let whole = scan([input]);
    assert_eq!(scan(input.chunks(1)), whole, "bytewise");
    if *size > 0 {
        assert_eq!(scan(input.chunks(usize::from(*size))), whole, "in chunks of {size}");
    } else {
        let cuts = (0..).map(|n| n * (n + 1) / 2).take_while(|cut| *cut < input.len());
        let cuts: Vec<_> = cuts.chain([input.len()]).collect();
        let chunks = cuts.windows(2).map(|cut| &input[cut[0]..cut[1]]);
        assert_eq!(scan(chunks), whole, "in growing chunks");
    }
    check_ends(input, &whole);
}

/// Where each item ends, and how the input does.
type Scanned = (Vec<u64>, Result<(), NotASequence>);

fn scan<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Scanned {
    let mut scanner = Scanner::new();
    let mut ends = Vec::new();
    for mut chunk in chunks {
        while !chunk.is_empty() {
            let before = scanner.offset();
            match scanner.push(chunk) {
                Ok(Some(length)) => {
                    assert!((1..=chunk.len()).contains(&length), "an end out of the chunk");
                    assert_eq!(scanner.offset(), before + length as u64);
                    assert_eq!(scanner.start(), scanner.offset());
                    assert!(!scanner.is_inside());
                    ends.push(scanner.offset());
                    chunk = &chunk[length..];
                }
                Ok(None) => {
                    assert_eq!(scanner.offset(), before + chunk.len() as u64);
                    chunk = &[];
                }
                Err(fault) => {
                    assert_eq!(scanner.push(chunk), Err(fault), "a fault that heals");
                    assert_eq!(scanner.finish(), Err(fault), "a fault that heals");
                    return (ends, Err(fault));
                }
            }
        }
    }
    let end = scanner.finish();
    assert_eq!(end.is_err(), scanner.is_inside());
    (ends, end)
}

/// The slow reader finds the same ends.
fn check_ends(input: &[u8], (ends, end): &Scanned) {
    use coseal::sequence::{Fault as Told, MAX_DEPTH};
    let mut at = 0;
    let mut expected = Vec::new();
    let fault = loop {
        if at == input.len() {
            break None;
        }
        match Item::read(&input[at..], MAX_DEPTH) {
            Ok((_, length)) => at += length,
            Err(fault) => break Some(fault),
        }
        expected.push(at as u64);
    };
    let told = end.as_ref().err().map(|told| told.fault);
    match (fault, told) {
        // The slow reader counts empty arrays and maps as a level of their own.
        (Some(Fault::TooDeep), _) => return,
        (None, None) | (Some(Fault::Cut), Some(Told::Ended)) => (),
        (Some(Fault::IllFormed), Some(Told::Reserved | Told::Break | Told::Chunk)) => (),
        (fault, told) => panic!("{fault:?}, but the scanner says {told:?}"),
    }
    assert_eq!(*ends, expected);
    if let Err(told) = end {
        assert_eq!(told.start, ends.last().copied().unwrap_or(0));
        assert!(told.at >= told.start && told.at <= input.len() as u64);
    }
}

fn check_pem(pem: &str) {
    let private = PrivateKey::from_pem(pem);
    let public = PublicKey::from_pem(pem);
    assert!(private.is_err() || public.is_err(), "one file, two kinds of key");
    let signing = SigningKey::from_pem(pem).map(|key| key.verifying_key().key_id());
    let receiving = ReceivingKey::from_pem(pem).map(|key| key.recipient_key().key_id());
    match &private {
        Ok(key) => {
            let again = PrivateKey::from_pem(&key.to_pem()).expect("what we wrote");
            assert_eq!(again.public_key(), key.public_key());
            assert_eq!(again.to_pem(), key.to_pem());
            let written = key.public_key().to_pem();
            assert_eq!(PublicKey::from_pem(&written).expect("what we wrote"), key.public_key());
            let (signs, receives) = match key {
                PrivateKey::Signing(_) => (true, false),
                PrivateKey::Receiving(_) => (false, true),
            };
            assert_eq!((signing.is_ok(), receiving.is_ok()), (signs, receives));
            assert_eq!(signing.or(receiving).expect("one of them"), key.public_key().key_id());
        }
        Err(error) => {
            assert_eq!(name(error), "malformed/key");
            assert!(signing.is_err() && receiving.is_err());
        }
    }
    let verifying = VerifyingKey::from_pem(pem).map(|key| key.key_id());
    let recipient = RecipientKey::from_pem(pem).map(|key| key.key_id());
    match &public {
        Ok(key) => {
            assert_eq!(PublicKey::from_pem(&key.to_pem()).expect("what we wrote"), *key);
            assert_eq!(verifying.is_ok(), matches!(key, PublicKey::Verifying(_)));
            assert_eq!(verifying.or(recipient).expect("one of them"), key.key_id());
        }
        Err(error) => {
            assert!(matches!(&name(error)[..], "malformed/key" | "malformed/weak_key"));
            assert!(verifying.is_err() && recipient.is_err());
        }
    }
}

/// DER behind a sound PEM: the first byte says what it claims to be.
fn check_der(input: &[u8]) {
    let Some((label, der)) = input.split_first() else { return };
    let label = match label % 4 {
        0 => "PRIVATE KEY",
        1 => "PUBLIC KEY",
        2 => "ENCRYPTED PRIVATE KEY",
        _ => "CERTIFICATE",
    };
    let pem = pem_rfc7468::encode_string(label, LineEnding::LF, der).expect("it fits");
    check_pem(&pem);
    if !matches!(label, "PRIVATE KEY" | "PUBLIC KEY") {
        assert!(PrivateKey::from_pem(&pem).is_err() && PublicKey::from_pem(&pem).is_err());
    }
}

fn check_kek(text: &str) {
    let digits = text.trim();
    let sound = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match Kek::from_hex(text) {
        Ok(kek) => {
            assert!(sound, "taken, though not 64 digits");
            assert_eq!(*kek.to_hex(), digits.to_ascii_lowercase());
        }
        Err(error) => {
            assert!(!sound, "64 digits refused");
            assert_eq!(name(&error), "malformed/key");
            let other = Kek::from_hex("no digits").expect_err("no digits");
            assert_eq!(error.to_string(), other.to_string(), "the refusal tells of a secret");
        }
    }
}

/// A pattern, a line feed, a channel.
fn check_pattern(text: &str) {
    let (text, channel) = text.split_once('\n').unwrap_or((text, "orders.eu"));
    let tokens: Vec<_> = text.split('.').collect();
    let sound = is_pattern(text);
    match Pattern::new(text) {
        Ok(pattern) => {
            assert!(sound, "a pattern against the rules");
            assert_eq!(pattern.as_str(), text);
            let channel: Vec<_> = channel.split('.').collect();
            assert_eq!(pattern.covers(&channel.join(".")), covers(&tokens, &channel));
        }
        Err(error) => {
            assert!(!sound, "a sound pattern refused");
            assert_eq!(name(&error), "misuse");
        }
    }
}

/// The rule, token by token.
fn covers(pattern: &[&str], channel: &[&str]) -> bool {
    match (pattern, channel) {
        ([], []) => true,
        ([">"], [_, ..]) => true,
        (["*", pattern @ ..], [_, channel @ ..]) => covers(pattern, channel),
        ([wanted, pattern @ ..], [token, channel @ ..]) => {
            wanted == token && covers(pattern, channel)
        }
        _ => false,
    }
}

fn check_names(text: &str) {
    let is_id = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let key_id = text.parse::<KeyId>();
    assert_eq!(key_id.is_ok(), is_id);
    if let Ok(key_id) = key_id {
        assert_eq!(key_id.to_string(), text.to_ascii_lowercase());
    }
    let epoch = text.parse::<EpochId>();
    assert_eq!(epoch.is_ok(), is_id);
    if let Ok(epoch) = epoch {
        assert_eq!(epoch.to_string(), text.to_ascii_lowercase());
    }
    let suite = text.parse::<Suite>();
    assert_eq!(suite.is_ok(), matches!(text, "a256gcm" | "chacha20poly1305"));
    if let Ok(suite) = suite {
        assert_eq!(suite.to_string(), text);
        assert_eq!(Suite::from_algorithm(suite.algorithm()), Some(suite));
    }
}

/// 32 bytes as either key: what is taken comes back as it was.
fn check_public_key(bytes: &[u8]) {
    let Ok(bytes) = <&[u8; 32]>::try_from(bytes) else { return };
    match VerifyingKey::from_bytes(bytes) {
        Ok(key) => {
            assert_eq!(key.as_bytes(), bytes);
            check_pem(&key.to_pem());
        }
        Err(error) => assert_eq!(name(&error), "malformed/weak_key"),
    }
    match RecipientKey::from_bytes(bytes) {
        Ok(key) => {
            assert_eq!(key.as_bytes(), bytes);
            assert!(bytes[31] < 0x80, "an X25519 key with its highest bit set");
            check_pem(&key.to_pem());
        }
        Err(error) => assert_eq!(name(&error), "malformed/weak_key"),
    }
}
