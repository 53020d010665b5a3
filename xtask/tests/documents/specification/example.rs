//! Section 17: every value of it, against the reference vectors and against
//! what section 6 makes of them.

use std::fmt::Write as _;

use cddl::validator::cbor_value::{Value, decode_cbor};
use coseal_testkit::walk;

use super::derived::{Hpke, int, node, sha256};
use super::section;
use crate::command::read_json;

/// A file of the reference vectors.
struct File(serde_json::Value);

impl File {
    fn read(name: &str) -> Self {
        Self(read_json(&walk::reference().join(name)))
    }

    /// The same message among the cases, which know the values on the way.
    fn intermediate(name: &str) -> Self {
        Self(read_json(&walk::cases().join("reference").join(name))["intermediate"].clone())
    }

    fn bytes(&self, pointer: &str) -> Vec<u8> {
        let value = self.0.pointer(pointer).and_then(serde_json::Value::as_str);
        hex::decode(value.unwrap_or_else(|| panic!("no {pointer}"))).unwrap()
    }
}

/// The byte string at a place: an index for each array or map, of which the
/// value is meant; tags are passed over.
fn bytes_at(item: &[u8], place: &[usize]) -> Vec<u8> {
    let mut value = decode_cbor(item).unwrap();
    for index in place {
        while let Value::Tag(_, tagged) = value {
            value = *tagged;
        }
        value = if let Value::Map(mut entries) = value {
            entries.swap_remove(*index).1
        } else if let Value::Array(mut elements) = value {
            elements.swap_remove(*index)
        } else {
            panic!("{value:?} has no element {index}")
        };
    }
    let Value::Bytes(bytes) = value else { panic!("{value:?} is no byte string") };
    bytes
}

/// The sender's receipt of an envelope.
fn receipt(envelope: &[u8]) -> Vec<u8> {
    bytes_at(envelope, &[1, 0, 0])
}

/// The fenced blocks of a section.
fn blocks(text: &str) -> Vec<&str> {
    text.split("```").skip(1).step_by(2).map(|block| block.trim_start_matches("text")).collect()
}

fn is_dump(block: &str) -> bool {
    block.trim_start().starts_with(|first: char| first.is_ascii_digit())
}

/// What a section says: labels, and the bytes below each.
fn values(section: &str) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = Vec::new();
    for block in blocks(section).into_iter().filter(|block| !is_dump(block)) {
        for line in block.lines().filter(|line| !line.is_empty()) {
            match (line.strip_prefix("    "), values.last_mut()) {
                (Some(digits), Some((_, value))) => value.push_str(digits),
                (None, _) => values.push((line.to_owned(), String::new())),
                (Some(_), None) => panic!("{line} is below no label"),
            }
        }
    }
    values
}

/// The bytes that a section shows with their offsets, which must be right.
fn dump(section: &str) -> String {
    let mut bytes = String::new();
    for block in blocks(section).into_iter().filter(|block| is_dump(block)) {
        for line in block.lines().filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let offset: usize = words.next().unwrap().parse().unwrap();
            assert_eq!(offset * 2, bytes.len(), "the offset of {line}");
            bytes.push_str(words.next().unwrap());
        }
    }
    bytes
}

/// Compares the values of a section with those that are known, in order.
fn assert_values(heading: &str, known: &[(&str, Vec<u8>)]) {
    let mut expected = String::new();
    let mut told = String::new();
    for (label, value) in known {
        let _ = writeln!(expected, "{label}\n    {}", hex::encode(value));
    }
    for (label, value) in values(&section(heading)) {
        let _ = writeln!(told, "{label}\n    {value}");
    }
    assert_eq!(told, expected, "section {heading}");
}

fn assert_dump(heading: &str, item: &[u8]) {
    let section = section(heading);
    assert_eq!(dump(&section), hex::encode(item), "section {heading}");
    let length = format!("{} bytes", item.len());
    assert!(section.contains(&length), "section {heading} does not say {length}");
}

/// The COSE_Key of section 4.
fn cose_key(curve: u8, public: &[u8]) -> Vec<u8> {
    [&[0xa3, 0x01, 0x01, 0x20, curve, 0x21, 0x58, 0x20], public].concat()
}

#[test]
fn inputs_and_keys() {
    let file = File::read("seal_one.json");
    let (signing, receiving) = (file.bytes("/verifying_key_hex"), {
        let private: [u8; 32] = file.bytes("/recipient_secret_keys_hex/0").try_into().unwrap();
        Hpke::public(private).to_vec()
    });
    assert_values(
        "### 17.1 ",
        &[
            ("signing key (Ed25519 seed)", file.bytes("/signing_key_hex")),
            ("its public key", signing.clone()),
            ("receiving key (X25519 private)", file.bytes("/recipient_secret_keys_hex/0")),
            ("epoch ID", file.bytes("/epoch_id_hex")),
            ("epoch secret", file.bytes("/epoch_secret_hex")),
            ("ephemeral_ikm", file.bytes("/ephemeral_ikm_hex/0")),
            ("message ID", file.bytes("/message_ids_hex/0")),
            ("payload: the text \"hello coseal\"", b"hello coseal".to_vec()),
        ],
    );
    assert_eq!(file.bytes("/payloads_hex/0"), b"hello coseal");
    let keys = [cose_key(6, &signing), cose_key(4, &receiving)];
    assert_eq!(sha256(&[&keys[0]])[..8], file.bytes("/signer_hex"));
    assert_values(
        "### 17.2 ",
        &[
            ("COSE_Key of the signing key", keys[0].clone()),
            ("signer's thumbprint; key ID = the first 8 bytes", sha256(&[&keys[0]])),
            ("public key of the receiving key", receiving),
            ("its COSE_Key", keys[1].clone()),
            ("its thumbprint; key ID = the first 8 bytes", sha256(&[&keys[1]])),
        ],
    );
}

#[test]
fn payload() {
    let (file, way) = (File::read("seal_one.json"), File::intermediate("seal_one.json"));
    let ciphertext = bytes_at(&file.bytes("/envelope_hex"), &[2]);
    let alg = int(-65_541);
    let sequence = [0; 8].to_vec();
    assert_eq!(file.bytes("/protected_hex"), way.bytes("/protected_hex"));
    assert_values(
        "### 17.3 ",
        &[
            ("protected", file.bytes("/protected_hex")),
            ("iv", [file.bytes("/message_ids_hex/0"), sequence].concat()),
            ("alg", alg.clone()),
            ("PRK", way.bytes("/prk_hex")),
            ("info of the data key", [b"coseal/v1 key", &alg[..]].concat()),
            ("data key", file.bytes("/message_key_hex")),
            ("info of the commitment", [b"coseal/v1 commit", &alg[..]].concat()),
            ("commitment", file.bytes("/commitment_hex")),
            ("aad", way.bytes("/enc_structure_hex")),
            ("AEAD output: 12 bytes and the tag", ciphertext[32..].to_vec()),
            ("ciphertext", ciphertext),
        ],
    );
}

#[test]
fn recipient() {
    let (file, way) = (File::read("seal_one.json"), File::intermediate("seal_one.json"));
    let envelope = file.bytes("/envelope_hex");
    let info = way.bytes("/hpke_info_hex");
    // A head of 31 bytes, then `extra`: section 6.1.
    let extra = info[info.len() - 60..].to_vec();
    let private = file.bytes("/recipient_secret_keys_hex/0").try_into().unwrap();
    let steps = Hpke::steps(&file.bytes("/ephemeral_ikm_hex/0"), private, &info);
    let mut known = vec![("extra", extra), ("info", info)];
    known.extend(steps);
    let ciphertext = bytes_at(&envelope, &[3, 0, 2]);
    known.push(("ct", ciphertext));
    assert_values("### 17.4 ", &known);
}

#[test]
fn receipts_of_one_and_of_a_batch() {
    let (file, way) = (File::read("seal_one.json"), File::intermediate("seal_one.json"));
    let envelope = file.bytes("/envelope_hex");
    let one = receipt(&envelope);
    assert_eq!(file.bytes("/leaf_hex"), file.bytes("/root_hex"));
    assert_values(
        "### 17.5 ",
        &[
            ("SHA-256(ciphertext)", sha256(&[&bytes_at(&envelope, &[2])])),
            ("statement", way.bytes("/statement_hex")),
            ("leaf, and root", file.bytes("/root_hex")),
            ("receipt.protected", bytes_at(&one, &[0])),
            ("Sig_structure", way.bytes("/sig_structure_hex")),
            ("signature", bytes_at(&one, &[3])),
        ],
    );
    assert_dump("### 17.6 ", &envelope);

    let name = "batch_of_three_middle.json";
    let (file, way) = (File::read(name), File::intermediate(name));
    let envelope = file.bytes("/envelope_hex");
    let one = receipt(&envelope);
    // Label 396, key -1, the first proof, its third element.
    let proof = bytes_at(&one, &[1, 0, 0, 0]);
    let (left, right) = (bytes_at(&proof, &[2, 0]), bytes_at(&proof, &[2, 1]));
    let leaf = file.bytes("/leaf_hex");
    let pair = node(&left, &leaf);
    let root = node(&pair, &right);
    assert_eq!(root, file.bytes("/root_hex"));
    assert_values(
        "### 17.7 ",
        &[
            ("protected", file.bytes("/protected_hex")),
            ("SHA-256(ciphertext)", sha256(&[&bytes_at(&envelope, &[2])])),
            ("statement", way.bytes("/statement_hex")),
            ("leaf of message 8, index 1", leaf),
            ("leaf of message 7, index 0: first of the path", left),
            ("node(leaf 0, leaf 1)", pair),
            ("leaf of message 9, index 2: second of the path", right),
            ("root = node(node(leaf 0, leaf 1), leaf 2)", root),
            ("receipt.protected", bytes_at(&one, &[0])),
            ("Sig_structure", way.bytes("/sig_structure_hex")),
            ("signature", bytes_at(&one, &[3])),
        ],
    );
    assert_dump("### 17.7 ", &one);
}

#[test]
fn trust_bundle() {
    let file = File::read("trust_bundle.json");
    let bundle = file.bytes("/trust_bundle_hex");
    let root = file.bytes("/root_public_key_hex");
    let protected = bytes_at(&bundle, &[0]);
    let payload = bytes_at(&bundle, &[2]);
    let head = [
        &[0x84, 0x6a][..],
        b"Signature1",
        &[0x40 + u8::try_from(protected.len()).unwrap()],
        &protected,
        &[0x56],
        b"coseal/v1 trust-bundle",
        &[0x59],
        &u16::try_from(payload.len()).unwrap().to_be_bytes(),
    ]
    .concat();
    assert_values(
        "### 17.8 ",
        &[
            ("root's public key", root.clone()),
            ("its thumbprint; key ID = the first 8 bytes", sha256(&[&cose_key(6, &root)])),
            ("head of Sig_structure: everything before the payload's bytes", head),
        ],
    );
    assert_dump("### 17.8 ", &bundle);
}
