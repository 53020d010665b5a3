//! No secret is printed: not by `Debug` of anything that holds one, not by an
//! error about one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHANNEL, NOW, place, seal_raw, trust};
use coseal::hazmat::RawEpoch;
use coseal::{
    EpochId, Kek, KeyProvider, Keyring, Message, Opener, PrivateKey, ReceivingKey, RecipientEntry,
    Rewrapper, Sealer, Secret, Signer, SigningKey, Suite, UnwrapRequest, VerifyingKey, Window,
};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// 32 bytes, no two pairs of neighbours alike.
fn secret(first: u8) -> [u8; 32] {
    std::array::from_fn(|at| u8::try_from(at * 37 % 251).unwrap().wrapping_mul(7) ^ first)
}

/// All the secrets that are put into the things below.
const SIGNING: u8 = 0xa1;
const RECEIVING: u8 = 0xb2;
const KEK: u8 = 0xc3;
const EPOCH: u8 = 0xd4;
const PAYLOAD: u8 = 0xe5;
const SEED: u8 = 0xf6;

fn secrets() -> [[u8; 32]; 6] {
    [SIGNING, RECEIVING, KEK, EPOCH, PAYLOAD, SEED].map(secret)
}

/// Panics where `text` shows four neighbouring bytes of a secret, in any of the
/// ways in which Rust and this crate print bytes. Fewer may be there by chance:
/// epoch IDs are random.
fn assert_silent(name: &str, text: &str) {
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let lower = squeezed.to_lowercase();
    for secret in secrets() {
        for run in secret.windows(4) {
            let list = |print: fn(&u8) -> String, between: &str| {
                run.iter().map(print).collect::<Vec<_>>().join(between)
            };
            let shown = [
                list(|byte| format!("{byte:02x}"), ""),
                list(|byte| format!("{byte:02x}"), ","),
                list(|byte| format!("{byte:x}"), ","),
                list(|byte| format!("{byte:#04x}"), ","),
                list(|byte| format!("\\x{byte:02x}"), ""),
                list(|byte| format!("{byte}"), ","),
            ];
            for shown in shown {
                assert!(!lower.contains(&shown), "{name} shows {shown}: {text}");
            }
        }
        let base64 = |bytes: &[u8]| {
            let pem =
                PrivateKey::Signing(SigningKey::from_bytes(bytes.try_into().unwrap())).to_pem();
            let line = pem.lines().nth(1).unwrap();
            // The seed is behind 16 bytes of identifiers.
            line[24..].to_owned()
        };
        for run in base64(&secret).as_bytes().windows(8) {
            let run = std::str::from_utf8(run).unwrap();
            assert!(!squeezed.contains(run), "{name} shows {run}: {text}");
        }
    }
}

fn silent(name: &str, value: &dyn Debug) {
    let text = [format!("{value:?}"), format!("{value:#?}"), format!("{value:02x?}")];
    text.iter().for_each(|text| assert_silent(name, text));
}

fn signing() -> SigningKey {
    SigningKey::from_bytes(&secret(SIGNING))
}

fn receiving() -> ReceivingKey {
    ReceivingKey::from_bytes(&secret(RECEIVING))
}

fn kek() -> Kek {
    Kek::from_bytes(&secret(KEK))
}

fn keyring() -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add_signing(signing());
    keyring.add_receiving(receiving()).unwrap();
    keyring.add_kek(b"kek-1", kek()).unwrap();
    keyring
}

/// The detector finds what it looks for, in every form.
#[test]
fn the_search_finds_secrets_that_are_printed() {
    let bytes = secret(EPOCH);
    let pem = SigningKey::from_bytes(&bytes).to_pem().to_string();
    for text in [
        format!("{bytes:?}"),
        format!("{bytes:#?}"),
        format!("{:?}", &bytes[7..11]),
        format!("{bytes:02x?}"),
        format!("{bytes:x?}"),
        format!("{bytes:#04x?}"),
        Kek::from_bytes(&bytes).to_hex().to_string(),
        Kek::from_bytes(&bytes).to_hex().to_uppercase(),
        format!("key ends in {}", &Kek::from_bytes(&bytes).to_hex()[56..]),
        format!(
            "b\"\\x{:02x}\\x{:02x}\\x{:02x}\\x{:02x}\"",
            bytes[3], bytes[4], bytes[5], bytes[6]
        ),
        pem,
    ] {
        let found = std::panic::catch_unwind(|| assert_silent("a leak", &text));
        assert!(found.is_err(), "not found: {text}");
    }
    assert_silent("nothing", "a text without secrets [1, 2, 3] 0badcafe");
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let (signing_key, receiving_key) = (signing(), receiving());
    silent("SigningKey", &signing_key);
    silent("ReceivingKey", &receiving_key);
    silent("Kek", &kek());
    silent("PrivateKey", &[PrivateKey::Signing(signing()), PrivateKey::Receiving(receiving())]);
    silent("Secret", &Secret::take(&mut secret(EPOCH)));
    silent("Keyring", &keyring());
    silent("Signer", &Signer::from(signing()));
    let remote = Signer::remote(signing().verifying_key().clone(), Arc::new(keyring()));
    silent("Signer", &remote);

    let builder = || {
        let builder = Sealer::builder(signing(), CHANNEL).kek(b"kek-1", kek()).clock(|| NOW);
        builder.recipient(receiving().recipient_key())
    };
    silent("SealerBuilder", &builder());
    let sealer = builder().build().unwrap();
    silent("Sealer", &sealer);
    let payload = secret(PAYLOAD);
    silent("Message", &Message::new(&payload));
    silent("UnsignedBatch", &sealer.encrypt_batch(&[Message::new(&payload)]).unwrap());

    let builder = || Opener::builder(trust()).channel(CHANNEL);
    silent("OpenerBuilder", &builder().archive().key(receiving()).kek(b"kek-1", kek()));
    let live = builder().live(Window::hours(1)).clock(|| NOW).provider(Arc::new(keyring()));
    silent("OpenerBuilder", &live);
    silent("Opener", &live.build().unwrap());
    let carried = Opener::builder(trust()).each_channel().live(Window::hours(1)).key(receiving());
    silent("CarriedOpener", &carried.build_carried().unwrap());

    let builder = || Rewrapper::builder(trust()).key(receiving()).kek(b"kek-1", kek());
    let builder = || builder().add_kek(b"kek-2", kek()).remove_kek(b"kek-3");
    silent("RewrapperBuilder", &builder());
    let rewrapper = builder().build().unwrap();
    silent("Rewrapper", &rewrapper);
    silent("fingerprint", &rewrapper.fingerprint());
}

/// Keys in memory that tell what they were asked.
#[derive(Debug)]
struct Watched(Keyring, Mutex<Vec<String>>);

impl KeyProvider for Watched {
    fn holds(&self, entry: &RecipientEntry<'_>) -> bool {
        self.0.holds(entry)
    }

    fn unwrap(&self, request: &UnwrapRequest<'_>) -> coseal::Result<Secret<32>> {
        let secret = self.0.unwrap(request)?;
        assert_eq!(*secret.expose(), self::secret(EPOCH));
        silent("UnwrapRequest", request);
        silent("Secret", &secret);
        self.1.lock().unwrap().push(format!("{request:?}"));
        Ok(secret)
    }

    fn sign(&self, key: &VerifyingKey, message: &[u8]) -> coseal::Result<[u8; 64]> {
        self.0.sign(key, message)
    }
}

/// An epoch whose secret is known, at every stage, with warm caches.
#[test]
fn no_stage_of_reading_prints_the_epoch_secret_or_the_payload() {
    let id = EpochId::from_bytes([0xe0; 8]);
    let epoch_secret = Secret::take(&mut secret(EPOCH));
    let mut epoch =
        RawEpoch::new(common::signing(), CHANNEL, Suite::A256Gcm, id, epoch_secret).unwrap();
    let seed = Secret::take(&mut secret(SEED));
    epoch.add_recipient(receiving().recipient_key(), &seed).unwrap();
    epoch.add_kek(b"kek-1", &kek()).unwrap();
    silent("RawEpoch", &epoch);
    let payload = secret(PAYLOAD);
    let mut envelope = seal_raw(&epoch, Message::new(&payload), place(0));
    silent("Envelope", &coseal::Envelope::decode(&envelope).unwrap());
    let provider = Arc::new(Watched(keyring(), Mutex::default()));
    let opener = Opener::builder(trust()).channel(CHANNEL).archive().provider(provider.clone());
    let opener = opener.build().unwrap();
    {
        let opened = opener.open(&envelope).unwrap();
        assert_eq!(opened.payload(), payload);
        silent("Opened", &opened);
        silent("Verified", opened.verified());
    }
    silent("Opener", &opener);
    for _ in 0..20 {
        let opened = || opener.open(&envelope).map(drop);
        std::thread::scope(|scope| scope.spawn(opened).join().unwrap()).unwrap();
    }
    let rewrapper = Rewrapper::builder(trust()).provider(Arc::new(keyring()));
    let rewrapper = rewrapper.add_kek(b"kek-2", kek()).build().unwrap();
    silent("Rewrapped", &rewrapper.rewrap_into(&envelope, &mut Vec::new()).unwrap());
    silent("Rewrapper", &rewrapper);
    silent("Opened", &opener.open_in_place(&mut envelope).unwrap());
    assert_eq!(
        provider.1.lock().unwrap().len(),
        1,
        "the secret was found in the cache, by all threads"
    );
    silent("Watched", &provider);
}

/// What is said about a key that cannot be read quotes nothing of it.
#[test]
fn errors_about_keys_quote_nothing_of_them() {
    let pem = [
        SigningKey::from_bytes(&secret(SIGNING)).to_pem(),
        ReceivingKey::from_bytes(&secret(RECEIVING)).to_pem(),
    ];
    let mut told = BTreeSet::new();
    for pem in &pem {
        for at in 0..pem.len() {
            let changes = [
                format!("{}{}", &pem[..at], &pem[at + 1..]),
                format!("{}*{}", &pem[..at], &pem[at + 1..]),
                format!("{}A{}", &pem[..at], &pem[at + 1..]),
                pem[..at].to_owned(),
                format!("{}\n{}", &pem[..at], &pem[at..]),
            ];
            for text in changes {
                let found = [
                    PrivateKey::from_pem(&text).map(drop),
                    SigningKey::from_pem(&text).map(drop),
                    ReceivingKey::from_pem(&text).map(drop),
                    coseal::PublicKey::from_pem(&text).map(drop),
                ];
                for error in found.into_iter().filter_map(Result::err) {
                    assert_eq!((error.code(), error.kind()), ("malformed", Some("key")));
                    told.insert(format!("{error:?} {error}"));
                }
            }
        }
    }
    let hex = kek().to_hex();
    for at in 0..hex.len() {
        for text in [format!("{}x{}", &hex[..at], &hex[at + 1..]), hex[..at].to_owned()] {
            let error = Kek::from_hex(&text).unwrap_err();
            assert_eq!((error.code(), error.kind()), ("malformed", Some("key")));
            told.insert(format!("{error:?} {error}"));
        }
    }
    assert!(told.len() > 9, "{told:?}");
    told.iter().for_each(|text| assert_silent("an error", text));
}
