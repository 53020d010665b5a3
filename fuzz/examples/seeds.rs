//! Every vector → inputs for the targets, in `FOLDER/TARGET/`.
//!
//!     cargo run --example seeds -- FOLDER
//!
//! Walks `test-vectors/` and takes each value by the name of its key, whatever
//! the file is otherwise: what it does not recognise it skips, and what it
//! takes need not be sound.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use coseal::{ReceivingKey, SigningKey};
use coseal_fuzz::fixture::{ENVELOPES, seed};
use coseal_fuzz::item::Item;
use coseal_fuzz::sign;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The fuzzer runs with this `-max_len`: longer seeds would be cut.
const LONGEST: usize = 4096;

/// State files: sound without a root and with one, and of a later version.
const STATES: &[&str] = &[
    r#"{"version":1,"domain":"d","sequence":7,"digest":"0000000000000000000000000000000000000000000000000000000000000000","roots":[]}"#,
    r#"{"version":1,"domain":"","sequence":0,"digest":"00000000000000000000000000000000000000000000000000000000000000ff","roots":["08e1848c6ffb4c429279fc7691dc4977457fb20e87fbf0213b23bdda33bc6e57"]}"#,
    r#"{"version":2}"#,
];

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "corpus".into());
    let mut seeds = Seeds { folder: folder.into(), written: 0 };
    for path in json_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-vectors"))? {
        let text = fs::read(&path)?;
        let value = serde_json::from_slice(&text)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        seeds.take("", &value)?;
    }
    // Without changes: the fuzzer makes them.
    for number in 0..ENVELOPES.len() {
        seeds.put("open", &[u8::try_from(number).map_err(io::Error::other)?])?;
    }
    for state in STATES {
        seeds.put_command(&[7], state.as_bytes())?;
    }
    println!("{} seeds", seeds.written);
    Ok(())
}

fn json_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(json_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

struct Seeds {
    folder: PathBuf,
    written: usize,
}

impl Seeds {
    fn put(&mut self, target: &str, input: &[u8]) -> io::Result<()> {
        if input.len() > LONGEST {
            return Ok(());
        }
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)?;
        let name = hex::encode(&Sha256::digest(input)[..20]);
        self.written += 1;
        fs::write(folder.join(name), input)
    }

    /// For the target of what the command is given besides: `kind` first.
    fn put_command(&mut self, kind: &[u8], input: &[u8]) -> io::Result<()> {
        self.put("command_inputs", &[kind, input].concat())
    }

    /// `key` is the name of the nearest object member around `value`.
    fn take(&mut self, key: &str, value: &Value) -> io::Result<()> {
        if let Some(bytes) = bytes_of(value) {
            self.take_bytes(key, &bytes)?;
        }
        match value {
            Value::String(text) => self.take_text(key, text),
            Value::Array(values) => values.iter().try_for_each(|value| self.take(key, value)),
            Value::Object(members) => members.iter().try_for_each(|(name, value)| {
                // KEKs may be members under their ID.
                self.take(if key == "keks" && name != "id_hex" { "kek" } else { name }, value)
            }),
            _ => Ok(()),
        }
    }

    fn take_bytes(&mut self, key: &str, bytes: &[u8]) -> io::Result<()> {
        if key.contains("envelope") {
            self.put("envelope_decode", bytes)?;
            self.put("differential_cbor", bytes)?;
            self.put_command(&[0, 7], bytes)?;
            for receipt in receipts(bytes) {
                self.put("differential_cbor", &receipt)?;
                self.put("receipt", &[&[0], &receipt[..]].concat())?;
            }
        } else if key.contains("bundle") {
            self.put("trust_bundle", bytes)?;
            if let Some(payload) = payload(bytes) {
                self.put("trust_bundle", &payload)?;
                self.put("trust_bundle", &sign::bundle(&seed::ROOT, &payload))?;
            }
        } else if let Ok(key_bytes) = <&[u8; 32]>::try_from(bytes)
            && key.contains("key")
        {
            self.put_command(&[6], bytes)?;
            for pem in [
                SigningKey::from_bytes(key_bytes).to_pem(),
                ReceivingKey::from_bytes(key_bytes).to_pem(),
            ] {
                self.put_command(&[1], pem.as_bytes())?;
                let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).map_err(io::Error::other)?;
                self.put_command(&[2, 0], &der)?;
            }
            let public = SigningKey::from_bytes(key_bytes).verifying_key().to_pem();
            self.put_command(&[1], public.as_bytes())?;
        } else if key == "protected_hex" {
            self.put("differential_cbor", bytes)?;
        }
        Ok(())
    }

    fn take_text(&mut self, key: &str, text: &str) -> io::Result<()> {
        match key {
            "channels" => self.put_command(&[4], format!("{text}\norders.eu").as_bytes()),
            "kek" => self.put_command(&[3], text.as_bytes()),
            "suite" | "key_id_hex" | "signer_hex" => self.put_command(&[5], text.as_bytes()),
            _ => Ok(()),
        }
    }
}

/// Hexadecimal digits, or runs of them, that stand for bytes.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    let decode = |value: &Value| hex::decode(value.as_str()?).ok();
    match value {
        Value::String(_) => decode(value),
        Value::Array(runs) => {
            let run = |run: &Value| {
                let times = usize::try_from(run.get("times")?.as_u64()?).ok()?;
                let bytes = decode(run.get("hex")?)?;
                let fits = bytes.len().saturating_mul(times) <= LONGEST;
                fits.then(|| bytes.repeat(times))
            };
            runs.iter().map(run).collect::<Option<Vec<_>>>().map(|runs| runs.concat())
        }
        _ => None,
    }
}

fn receipts(envelope: &[u8]) -> Vec<Vec<u8>> {
    let found = || {
        let (envelope, _) = Item::read(envelope, 64).ok()?;
        let receipts = envelope.tagged(96)?.as_array()?.get(1)?.get(394)?.as_array()?.to_vec();
        Some(receipts.iter().filter_map(Item::as_bytes).map(<[u8]>::to_vec).collect())
    };
    found().unwrap_or_default()
}

fn payload(bundle: &[u8]) -> Option<Vec<u8>> {
    let (bundle, _) = Item::read(bundle, 64).ok()?;
    Some(bundle.tagged(18)?.as_array()?.get(2)?.as_bytes()?.to_vec())
}
