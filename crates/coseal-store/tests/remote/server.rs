//! The other process: it has the keys, and answers questions as it was told to.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use coseal::{KeyProvider, Keyring, PrivateKey, ReceivingKey, SigningKey};
use coseal_store::{Existing, keys};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR};
use pkcs8::der::SecretDocument;

use super::provider::{FINE, NO_KEY, SIGN, UNDECRYPTABLE, UNWRAP};
use super::scan::Needle;

/// Makes the keys where there are none yet, says what they are, inverted, and
/// serves for ever.
pub(crate) fn serve(folder: &Path, manner: &str) {
    let (signing, receiving) = (folder.join("signing"), folder.join("receiving"));
    if !signing.exists() {
        let new = PrivateKey::Signing(SigningKey::generate().unwrap());
        keys::write_private_key(&signing, &new, Existing::Refuse).unwrap();
        keys::write_public_key(&folder.join("signing.pub"), &new.public_key(), Existing::Refuse)
            .unwrap();
        let new = PrivateKey::Receiving(ReceivingKey::generate().unwrap());
        keys::write_private_key(&receiving, &new, Existing::Refuse).unwrap();
        keys::write_public_key(&folder.join("receiving.pub"), &new.public_key(), Existing::Refuse)
            .unwrap();
    }
    let mut keyring = Keyring::new();
    keyring.add_signing(keys::read_signing_key(&signing).unwrap());
    let server = Server { keyring, receiving: raw(&receiving), manner: manner.to_owned() };
    let socket = folder.join("socket");
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    println!("{}", Needle::write("signing key", &raw(&signing)));
    println!("{}", Needle::write("receiving key", &server.receiving));
    println!("ready");
    for stream in listener.incoming() {
        server.answer(&mut stream.unwrap());
    }
}

struct Server {
    keyring: Keyring,
    receiving: [u8; 32],
    manner: String,
}

impl Server {
    fn answer(&self, stream: &mut UnixStream) {
        let mut head = [0; 5];
        // Who asked may have had enough.
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let mut body = vec![0; u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let (status, mut answer) = match head[0] {
            SIGN => self.sign(&body),
            UNWRAP => self.unwrap(&body),
            _ => (NO_KEY, Vec::new()),
        };
        let mut length = u32::try_from(answer.len()).unwrap();
        match self.manner.as_str() {
            "hanging" => thread::sleep(Duration::from_secs(600)),
            "dying" => {
                let _ = stream.write_all(&[status, 0]);
                std::process::exit(0);
            }
            "rambling" => drop(stream.write_all(&[0xff; 4096])),
            "closing" => return,
            "short" => {
                answer.truncate(3);
                length = 3;
            }
            "boasting" => length = u32::MAX,
            "lying" => answer.iter_mut().for_each(|byte| *byte ^= 1),
            "refusing" => return drop(stream.write_all(&[UNDECRYPTABLE, 0, 0, 0, 0])),
            "poor" => return drop(stream.write_all(&[NO_KEY, 0, 0, 0, 0])),
            _ => {}
        }
        let said = [&[status], &length.to_be_bytes()[..], &answer].concat();
        for byte in said.chunks(if self.manner == "trickling" { 1 } else { said.len() }) {
            if stream.write_all(byte).is_err() {
                return;
            }
            if self.manner == "trickling" {
                thread::sleep(Duration::from_millis(100));
            }
        }
    }

    fn sign(&self, body: &[u8]) -> (u8, Vec<u8>) {
        let (key, message) = body.split_first_chunk().unwrap();
        let key = coseal::VerifyingKey::from_bytes(key).unwrap();
        match self.keyring.sign(&key, message) {
            Ok(signature) => (FINE, signature.to_vec()),
            Err(_) => (NO_KEY, Vec::new()),
        }
    }

    /// HPKE by itself, as a KMS would do it: all it is told is in the question.
    fn unwrap(&self, body: &[u8]) -> (u8, Vec<u8>) {
        let (_, rest) = body.split_first_chunk::<8>().unwrap();
        let (encapsulated, rest) = rest.split_first_chunk::<32>().unwrap();
        let (ciphertext, info) = rest.split_first_chunk::<48>().unwrap();
        let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&self.receiving).unwrap();
        let encapsulated =
            <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).unwrap();
        let opened = hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            info,
        )
        .and_then(|mut context| context.open(ciphertext, b""));
        opened.map_or((UNDECRYPTABLE, Vec::new()), |secret| (FINE, secret))
    }
}

/// The 32 bytes that a PKCS#8 key of version 1 ends with.
fn raw(path: &Path) -> [u8; 32] {
    let (_, document) = SecretDocument::from_pem(&fs::read_to_string(path).unwrap()).unwrap();
    document.as_bytes().last_chunk().copied().unwrap()
}
