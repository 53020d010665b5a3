//! Another process: makes the keys, and tells afterwards which secrets the
//! scanned one must have had in its hands. It says them inverted.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aead::{Aead, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use coseal::{
    Envelope, Error, Kek, KeyProvider, Keyring, NewRecord, Opener, Pattern, PrivateKey,
    ReceivingKey, RecipientEntry, Secret, SigningKey, Suite, Time, TrustBundle, UnwrapRequest,
    VerifyingKey,
};
use coseal_store::keys::{self, Passphrase, StoredKey};
use coseal_store::{BundleFile, Existing};
use curve25519_dalek::Scalar;
use hkdf::Hkdf;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::{Decode, SecretDocument};
use sha2::{Digest, Sha256, Sha512};

use super::scan::Needle;
use super::{CHANNEL, KEK_ID};

/// Makes everything in `folder`: keys encrypted under a random passphrase, and
/// the trust bundle.
pub(crate) fn make(folder: &Path) {
    let seed = SigningKey::generate().unwrap();
    // Text, because passphrases are; random, because it must not be anywhere by chance.
    let passphrase = hex::encode(&seed.verifying_key().as_bytes()[..20]);
    super::write_private(&folder.join("passphrase"), &passphrase);
    let passphrase = Passphrase::new(passphrase.into_bytes());
    let (signing, receiving) = (SigningKey::generate().unwrap(), ReceivingKey::generate().unwrap());
    let root = SigningKey::generate().unwrap();
    let mut planted = [0; 32];
    getrandom::fill(&mut planted).unwrap();
    fs::write(folder.join("planted"), planted).unwrap();
    let now = Time::now();
    let year = Duration::from_secs(365 * 86_400);
    let mut bundle = TrustBundle::make("example.org");
    let record = NewRecord {
        key: signing.verifying_key().clone().into(),
        subject: "spiffe://example.org/shop".into(),
        valid_from: now,
        valid_until: None,
        channels: vec![Pattern::new(CHANNEL).unwrap()],
    };
    bundle.add(record).unwrap();
    let bytes = bundle.sign(&root, now, now.plus(year)).unwrap();
    let file = BundleFile::at(folder.join("bundle")).pinned([root.verifying_key().clone()]);
    file.create(&bytes, now, Existing::Refuse).unwrap();
    let public = PrivateKey::Signing(root).public_key();
    keys::write_public_key(&folder.join("root.pub"), &public, Existing::Refuse).unwrap();
    let name = Path::new("new");
    let kek = Kek::generate().unwrap();
    for (file, key) in [
        ("signing", StoredKey::of(name, &PrivateKey::Signing(signing))),
        ("receiving", StoredKey::of(name, &PrivateKey::Receiving(receiving))),
        ("kek", StoredKey::of_kek(name, &kek)),
    ] {
        let key = key.encrypt(&passphrase).unwrap();
        key.write(&folder.join(file), Existing::Refuse).unwrap();
    }
}

/// Tells the secrets of the keys, and those of the envelopes sealed with them.
pub(crate) fn tell(folder: &Path) {
    let passphrase = fs::read(folder.join("passphrase")).unwrap();
    let stored = |name: &str| {
        let stored = StoredKey::read(&folder.join(name)).unwrap();
        stored.decrypt(&Passphrase::new(passphrase.clone())).unwrap()
    };
    say("planted", &fs::read(folder.join("planted")).unwrap());
    say("passphrase", &passphrase);
    for name in ["signing", "receiving", "kek"] {
        let (key, block) = file_key(&folder.join(name), &passphrase);
        say(&format!("key that encrypts the file {name}"), &key);
        say(&format!("scrypt's first block of the file {name}"), &block);
    }
    for name in ["signing", "receiving"] {
        // One line of base64; its beginning is that of every such key.
        let stored = stored(name);
        say(
            &format!("{name} key in PEM"),
            &stored.expose().lines().nth(1).unwrap().as_bytes()[16..],
        );
    }
    let seed = raw(&stored("signing"));
    say("signing key", &seed);
    let expanded: [u8; 64] = Sha512::digest(seed).into();
    let mut scalar = [0; 32];
    scalar.copy_from_slice(&expanded[..32]);
    say("signing key's hash", &scalar);
    say("signing key's prefix", &expanded[32..]);
    clamp(&mut scalar);
    say("signing key's clamped scalar", &scalar);
    say("signing key's scalar", Scalar::from_bytes_mod_order(scalar).as_bytes());
    let receiving = raw(&stored("receiving"));
    say("receiving key", &receiving);
    let mut clamped = receiving;
    clamp(&mut clamped);
    say("receiving key, clamped", &clamped);
    say("KEK", &hex::decode(stored("kek").expose().trim()).unwrap());
    say("KEK in digits", &stored("kek").expose().trim().as_bytes()[..64]);

    let mut keyring = Keyring::new();
    keyring.add_receiving(stored("receiving").receiving_key().unwrap()).unwrap();
    keyring.add_kek(KEK_ID, stored("kek").kek().unwrap()).unwrap();
    let spy = Arc::new(Spy { keyring, seen: Mutex::new(Vec::new()), receiving });
    let root = keys::read_verifying_key(&folder.join("root.pub")).unwrap();
    let trust = BundleFile::at(folder.join("bundle")).pinned([root]).load(Time::now()).unwrap();
    let opener = Opener::builder(Arc::new(trust))
        .provider(spy.clone())
        .channel(CHANNEL)
        .archive()
        .build()
        .unwrap();
    for number in 0.. {
        let Ok(envelope) = fs::read(folder.join(format!("envelope-{number}"))) else { break };
        opener.open(&envelope).unwrap();
        let parsed = Envelope::decode(&envelope).unwrap();
        let header = parsed.unverified_header();
        let iv = [&header.message_id().as_bytes()[..], &header.sequence().to_be_bytes()].concat();
        // One unwrap serves all messages of the epoch.
        let secret = *spy.seen.lock().unwrap().last().unwrap();
        let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(&iv), &secret);
        let (mut key, mut commitment) = ([0; 32], [0; 32]);
        let suite = match header.suite() {
            Some(Suite::ChaCha20Poly1305) => [0x3a, 0x00, 0x01, 0x00, 0x05],
            _ => [0x3a, 0x00, 0x01, 0x00, 0x04],
        };
        hkdf.expand_multi_info(&[b"coseal/v1 key", &suite], &mut key).unwrap();
        hkdf.expand_multi_info(&[b"coseal/v1 commit", &suite], &mut commitment).unwrap();
        assert!(envelope.windows(32).any(|part| part == commitment), "a wrong derivation");
        say(&format!("PRK of message {number}"), &prk);
        say(&format!("key of message {number}"), &key);
    }
}

fn say(name: &str, bytes: &[u8]) {
    println!("{}", Needle::write(name, bytes));
}

fn clamp(scalar: &mut [u8; 32]) {
    scalar[0] &= 248;
    scalar[31] &= 127;
    scalar[31] |= 64;
}

/// The 32 bytes that a PKCS#8 key of version 1 ends with.
fn raw(key: &StoredKey) -> [u8; 32] {
    let (_, document) = SecretDocument::from_pem(key.expose()).unwrap();
    document.as_bytes().last_chunk().copied().unwrap()
}

/// The key that PBES2 derived, and the block that scrypt began its last round
/// with, as it is and in the order that vector instructions like.
fn file_key(path: &Path, passphrase: &[u8]) -> ([u8; 32], [u8; 128]) {
    let text = fs::read_to_string(path).unwrap();
    let (_, document) = SecretDocument::from_pem(&text).unwrap();
    let info = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).unwrap();
    let kdf = &info.encryption_algorithm.pbes2().unwrap().kdf;
    let parameters = kdf.scrypt().unwrap();
    let cost = scrypt::Params::try_from(parameters).unwrap();
    let mut key = [0; 32];
    scrypt::scrypt(passphrase, parameters.salt.as_ref(), &cost, &mut key).unwrap();
    let round = 128 * usize::from(parameters.block_size);
    let mut blocks = vec![0; round * usize::from(parameters.parallelization)];
    pbkdf2::pbkdf2_hmac::<Sha256>(passphrase, parameters.salt.as_ref(), 1, &mut blocks);
    let mut both = [0; 128];
    let (plain, diagonal) = both.split_at_mut(64);
    plain.copy_from_slice(&blocks[blocks.len() - round..][..64]);
    for (word, to) in diagonal.chunks_exact_mut(4).enumerate() {
        to.copy_from_slice(&plain[20 * word % 64..][..4]);
    }
    (key, both)
}

/// Opens with keys in memory, and derives by hand what HPKE derives inside.
#[derive(Debug)]
struct Spy {
    keyring: Keyring,
    seen: Mutex<Vec<[u8; 32]>>,
    receiving: [u8; 32],
}

impl KeyProvider for Spy {
    fn holds(&self, entry: &RecipientEntry<'_>) -> bool {
        self.keyring.holds(entry)
    }

    fn unwrap(&self, request: &UnwrapRequest<'_>) -> coseal::Result<Secret<32>> {
        let secret = self.keyring.unwrap(request)?;
        let epoch = self.seen.lock().unwrap().len();
        say(&format!("secret of epoch {epoch}"), secret.expose());
        if let RecipientEntry::X25519 { encapsulated, ciphertext, .. } = request.entry {
            // RFC 9180 §4.1 and §5.1, base mode.
            let private = x25519_dalek::StaticSecret::from(self.receiving);
            let public = x25519_dalek::PublicKey::from(&private);
            let shared = private.diffie_hellman(&(*encapsulated).into());
            let kem = b"KEM\x00\x20";
            let prk = extract(kem, b"", b"eae_prk", shared.as_bytes());
            let context = [&encapsulated[..], public.as_bytes()].concat();
            let kem_secret: [u8; 32] = expand(kem, &prk, b"shared_secret", &context);
            let suite = b"HPKE\x00\x20\x00\x01\x00\x03";
            let id = extract(suite, b"", b"psk_id_hash", b"");
            let info = extract(suite, b"", b"info_hash", &request.info());
            let schedule = extract(suite, &kem_secret, b"secret", b"");
            let key: [u8; 32] = expand(suite, &schedule, b"key", &[&[0], &id[..], &info].concat());
            let nonce: [u8; 12] =
                expand(suite, &schedule, b"base_nonce", &[&[0], &id[..], &info].concat());
            let opened = ChaCha20Poly1305::new(&key.into()).decrypt(&nonce.into(), &ciphertext[..]);
            assert_eq!(opened.unwrap(), secret.expose(), "a wrong derivation");
            say(&format!("Diffie-Hellman value of epoch {epoch}"), shared.as_bytes());
            say(&format!("HPKE's PRK of epoch {epoch}"), &prk);
            say(&format!("HPKE's shared secret of epoch {epoch}"), &kem_secret);
            say(&format!("HPKE's secret of epoch {epoch}"), &schedule);
            say(&format!("HPKE's key of epoch {epoch}"), &key);
        }
        self.seen.lock().unwrap().push(*secret.expose());
        Ok(secret)
    }

    fn sign(&self, _: &VerifyingKey, _: &[u8]) -> coseal::Result<[u8; 64]> {
        Err(Error::NoKey("a reader".into()))
    }
}

fn extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(salt), &[b"HPKE-v1", suite, label, ikm].concat()).0.into()
}

fn expand<const N: usize>(suite: &[u8], prk: &[u8; 32], label: &[u8], info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let info = [&[0, u8::try_from(N).unwrap()], b"HPKE-v1".as_slice(), suite, label, info].concat();
    Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&info, &mut out).unwrap();
    out
}
