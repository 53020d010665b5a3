//! An envelope taken apart, so that parts can be exchanged, and put together
//! again: with `ciborium`, nothing of the library, and the formulas of the
//! specification written out.
#![allow(dead_code, reason = "each test file uses its part")]

use ciborium::Value;
use coseal::{KeyProvider, Keyring, SigningKey};
use sha2::{Digest, Sha256};

pub(crate) type Hash = [u8; 32];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parts {
    pub(crate) protected: Vec<u8>,
    pub(crate) receipt: Receipt,
    /// The receipts after the sender's.
    pub(crate) others: Vec<Vec<u8>>,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) recipients: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Receipt {
    pub(crate) protected: Vec<u8>,
    pub(crate) proof: Option<Proof>,
    pub(crate) signature: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proof {
    pub(crate) size: u64,
    pub(crate) index: u64,
    pub(crate) path: Vec<Hash>,
}

pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).unwrap();
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Value {
    ciborium::from_reader(bytes).unwrap()
}

pub(crate) fn int(value: impl Into<ciborium::value::Integer>) -> Value {
    Value::Integer(value.into())
}

pub(crate) fn bytes(value: &[u8]) -> Value {
    Value::Bytes(value.to_vec())
}

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn octets(value: &Value) -> Vec<u8> {
    value.as_bytes().unwrap().clone()
}

fn uint(value: &Value) -> u64 {
    value.as_integer().unwrap().try_into().unwrap()
}

fn untagged(value: &Value, expected: u64) -> &Value {
    let Value::Tag(tag, inner) = value else { panic!("no tag: {value:?}") };
    assert_eq!(*tag, expected);
    inner
}

impl Parts {
    pub(crate) fn of(envelope: &[u8]) -> Self {
        let value = decode(envelope);
        let [protected, unprotected, ciphertext, recipients] = items(untagged(&value, 96)) else {
            panic!("not an array of four");
        };
        let [(_, receipts)] = &unprotected.as_map().unwrap()[..] else {
            panic!("not one unprotected header");
        };
        let (first, others) = items(receipts).split_first().unwrap();
        let parts = Self {
            protected: octets(protected),
            receipt: Receipt::of(&octets(first)),
            others: others.iter().map(octets).collect(),
            ciphertext: octets(ciphertext),
            recipients: items(recipients).to_vec(),
        };
        assert_eq!(parts.join(), envelope, "what is put together is what was taken apart");
        parts
    }

    pub(crate) fn join(&self) -> Vec<u8> {
        self.join_with(&[self.receipt.encode()], bytes(&self.ciphertext))
    }

    /// The same with other receipts before those after the sender's, and any
    /// value for the ciphertext.
    pub(crate) fn join_with(&self, receipts: &[Vec<u8>], ciphertext: Value) -> Vec<u8> {
        let receipts = receipts.iter().chain(&self.others).map(|receipt| bytes(receipt)).collect();
        encode(&Value::Tag(
            96,
            Box::new(Value::Array(vec![
                bytes(&self.protected),
                Value::Map(vec![(int(394), Value::Array(receipts))]),
                ciphertext,
                Value::Array(self.recipients.clone()),
            ])),
        ))
    }

    /// The signed bytes of a trust bundle.
    pub(crate) fn bundle_payload(bundle: &[u8]) -> Vec<u8> {
        octets(&items(untagged(&decode(bundle), 18))[2])
    }

    /// `["coseal/v1", protected, SHA-256(ciphertext)]`, hashed behind 0x00.
    pub(crate) fn leaf(&self) -> Hash {
        let statement = Value::Array(vec![
            Value::Text("coseal/v1".into()),
            bytes(&self.protected),
            bytes(&Sha256::digest(&self.ciphertext)),
        ]);
        Sha256::new().chain_update([0]).chain_update(encode(&statement)).finalize().into()
    }

    /// Signs this very header and ciphertext alone, in a tree of one leaf.
    pub(crate) fn sign_alone(&mut self, key: &SigningKey) {
        self.receipt.protected = Receipt::protected_of(1);
        self.receipt.proof = None;
        self.receipt.signature = sign(key, &self.receipt.protected, b"", &self.leaf());
    }
}

impl Receipt {
    fn of(encoded: &[u8]) -> Self {
        let value = decode(encoded);
        let [protected, unprotected, Value::Null, signature] = items(untagged(&value, 18)) else {
            panic!("not a detached COSE_Sign1");
        };
        let proof = unprotected.as_map().unwrap().first().map(|(_, proofs)| {
            let (_, inclusion) = &proofs.as_map().unwrap()[0];
            Proof::of(&octets(&items(inclusion)[0]))
        });
        Self { protected: octets(protected), proof, signature: octets(signature) }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let unprotected = self.proof.iter().map(|proof| (int(396), proof.as_header())).collect();
        encode(&Value::Tag(
            18,
            Box::new(Value::Array(vec![
                bytes(&self.protected),
                Value::Map(unprotected),
                Value::Null,
                bytes(&self.signature),
            ])),
        ))
    }

    /// `{1: -8, 395: 1, -65537: [1, size]}`.
    pub(crate) fn protected_of(size: u64) -> Vec<u8> {
        encode(&Value::Map(vec![
            (int(1), int(-8)),
            (int(395), int(1)),
            (int(-65537), Value::Array(vec![int(1), int(size)])),
        ]))
    }

    /// The tree size that is signed.
    pub(crate) fn size(&self) -> u64 {
        let header = decode(&self.protected);
        let (_, role) = header.as_map().unwrap().last().unwrap();
        uint(&items(role)[1])
    }
}

impl Proof {
    fn of(encoded: &[u8]) -> Self {
        let value = decode(encoded);
        let [size, index, path] = items(&value) else { panic!("not a proof") };
        let path = items(path).iter().map(|hash| octets(hash).try_into().unwrap()).collect();
        Self { size: uint(size), index: uint(index), path }
    }

    /// `{-1: [bstr .cbor [size, index, path]]}`.
    pub(crate) fn as_header(&self) -> Value {
        let path = self.path.iter().map(|hash| bytes(hash)).collect();
        let proof = Value::Array(vec![int(self.size), int(self.index), Value::Array(path)]);
        Value::Map(vec![(int(-1), Value::Array(vec![bytes(&encode(&proof))]))])
    }
}

/// Ed25519 over `["Signature1", protected, external, payload]`.
pub(crate) fn sign(key: &SigningKey, protected: &[u8], external: &[u8], payload: &[u8]) -> Vec<u8> {
    let message = encode(&Value::Array(vec![
        Value::Text("Signature1".into()),
        bytes(protected),
        bytes(external),
        bytes(payload),
    ]));
    // The key cannot be copied; its PEM can.
    let mut keyring = Keyring::new();
    keyring.add_signing(SigningKey::from_pem(&key.to_pem()).unwrap());
    keyring.sign(key.verifying_key(), &message).unwrap().to_vec()
}
