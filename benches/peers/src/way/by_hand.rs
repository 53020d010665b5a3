//! By hand, with the primitives that coseal is made of: a `COSE_Sign1` (Ed25519)
//! around a `COSE_Encrypt` (A256GCM) for one recipient (ECDH-ES + A256KW,
//! X25519). One signature and one key agreement a message.

use super::{CHANNEL, Facts, SIGNER, Way};
use crate::Failed;
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_kw::KwAes256;
use coset::cbor::value::Value;
use coset::{
    Algorithm, CborSerializable, CoseEncrypt, CoseEncryptBuilder, CoseKdfContextBuilder, CoseKey,
    CoseKeyBuilder, CoseRecipientBuilder, CoseSign1, CoseSign1Builder, HeaderBuilder, Label,
    ProtectedHeader, SuppPubInfo, iana,
};
use coset::{AsCborValue as _, iana::EnumI64 as _};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use sha2::Sha256;
use std::time::{Duration, Instant};
use x25519_dalek::{PublicKey, StaticSecret};

pub(crate) struct ByHand {
    signing: SigningKey,
    verifying: VerifyingKey,
    secret: StaticSecret,
    public: PublicKey,
}

/// CWT claims in a header (RFC 9597): 3 the audience, 6 the time, 7 an ID.
const CLAIMS: i64 = 15;
const AUDIENCE: i64 = 3;
const SEQUENCE: i64 = -65_537;

fn random<const N: usize>() -> Result<[u8; N], Failed> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

impl ByHand {
    pub(crate) fn new() -> Result<Self, Failed> {
        let signing = SigningKey::from_bytes(&random()?);
        let secret = StaticSecret::from(random::<32>()?);
        Ok(Self {
            verifying: signing.verifying_key(),
            signing,
            public: PublicKey::from(&secret),
            secret,
        })
    }

    fn seal_one(&self, payload: &[u8]) -> Result<Vec<u8>, Failed> {
        let mut secrets = random::<{ 32 + 32 + 12 }>()?;
        let (key, rest) = secrets.split_first_chunk_mut::<32>().ok_or("76 bytes")?;
        let (ephemeral, nonce) = rest.split_first_chunk::<32>().ok_or("44 bytes")?;

        let ephemeral = StaticSecret::from(*ephemeral);
        let header = HeaderBuilder::new().algorithm(iana::Algorithm::ECDH_ES_A256KW).build();
        let kek = kek(&ephemeral, &self.public, &ProtectedHeader { original_data: None, header })?;
        let mut wrapped = [0; 40];
        kek.wrap_key(key, &mut wrapped).map_err(|_| "wrap")?;
        let point = PublicKey::from(&ephemeral).to_bytes().to_vec();
        let ephemeral = CoseKeyBuilder::new_okp_key()
            .param(
                iana::OkpKeyParameter::Crv.to_i64(),
                Value::from(iana::EllipticCurve::X25519.to_i64()),
            )
            .param(iana::OkpKeyParameter::X.to_i64(), Value::Bytes(point))
            .build();
        let recipient = CoseRecipientBuilder::new()
            .protected(HeaderBuilder::new().algorithm(iana::Algorithm::ECDH_ES_A256KW).build())
            .unprotected(
                HeaderBuilder::new()
                    .key_id(b"consumer".to_vec())
                    .value(
                        iana::HeaderAlgorithmParameter::EphemeralKey.to_i64(),
                        ephemeral.to_cbor_value().map_err(told)?,
                    )
                    .build(),
            )
            .ciphertext(wrapped.to_vec())
            .build();

        let cipher = Aes256Gcm::new((&*key).into());
        let encrypted = CoseEncryptBuilder::new()
            .protected(HeaderBuilder::new().algorithm(iana::Algorithm::A256GCM).build())
            .unprotected(HeaderBuilder::new().iv(nonce.to_vec()).build())
            .try_create_ciphertext(payload, b"", |msg, aad| {
                let nonce = nonce.try_into().map_err(|_| aes_gcm::Error)?;
                cipher.encrypt(nonce, Payload { msg, aad })
            })?
            .add_recipient(recipient)
            .build()
            .to_vec()
            .map_err(told)?;

        let facts = Facts::new()?;
        let claims = Value::Map(vec![
            (AUDIENCE.into(), CHANNEL.into()),
            (6.into(), facts.sealed_at.into()),
            (7.into(), Value::Bytes(facts.id.to_vec())),
        ]);
        let header = HeaderBuilder::new()
            .algorithm(iana::Algorithm::EdDSA)
            .key_id(SIGNER.as_bytes().to_vec())
            .value(CLAIMS, claims)
            .value(SEQUENCE, facts.sequence.into())
            .build();
        let signed = CoseSign1Builder::new()
            .protected(header)
            .payload(encrypted)
            .create_signature(b"", |bytes| self.signing.sign(bytes).to_bytes().to_vec())
            .build();
        signed.to_vec().map_err(told)
    }

    fn open_one(&self, message: &[u8]) -> Result<Vec<u8>, Failed> {
        let signed = CoseSign1::from_slice(message).map_err(told)?;
        if signed.protected.header.alg != Some(Algorithm::Assigned(iana::Algorithm::EdDSA)) {
            return Err("not EdDSA".into());
        }
        signed.verify_signature(b"", |signature, bytes| {
            self.verifying.verify_strict(bytes, &Signature::from_slice(signature)?)
        })?;

        let claims = signed.protected.header.rest.iter();
        let audience = claims
            .filter(|(label, _)| *label == Label::Int(CLAIMS))
            .flat_map(|(_, claims)| claims.as_map().into_iter().flatten())
            .find_map(|(claim, value)| (*claim == AUDIENCE.into()).then(|| value.as_text())?);
        if audience != Some(CHANNEL) {
            return Err("another channel".into());
        }

        let payload = signed.payload.ok_or("detached")?;
        let encrypted = CoseEncrypt::from_slice(&payload).map_err(told)?;
        if encrypted.protected.header.alg != Some(Algorithm::Assigned(iana::Algorithm::A256GCM)) {
            return Err("not A256GCM".into());
        }
        let recipient = encrypted
            .recipients
            .iter()
            .find(|recipient| recipient.unprotected.key_id == b"consumer")
            .ok_or("for somebody else")?;
        let label = Label::Int(iana::HeaderAlgorithmParameter::EphemeralKey.to_i64());
        let ephemeral = recipient
            .unprotected
            .rest
            .iter()
            .find_map(|(name, value)| (*name == label).then(|| value.clone()))
            .ok_or("no ephemeral key")?;
        let ephemeral = CoseKey::from_cbor_value(ephemeral).map_err(told)?;
        let x = Label::Int(iana::OkpKeyParameter::X.to_i64());
        let point: [u8; 32] = ephemeral
            .params
            .iter()
            .find_map(|(name, value)| (*name == x).then(|| value.as_bytes()).flatten())
            .and_then(|point| point.as_slice().try_into().ok())
            .ok_or("no point")?;

        let kek = kek(&self.secret, &PublicKey::from(point), &recipient.protected)?;
        let mut key = [0; 32];
        let wrapped = recipient.ciphertext.as_deref().ok_or("no wrapped key")?;
        kek.unwrap_key(wrapped, &mut key).map_err(|_| "unwrap")?;
        let cipher = Aes256Gcm::new(&key.into());
        let nonce = encrypted.unprotected.iv.as_slice();
        let opened = encrypted.decrypt_ciphertext(
            b"",
            || aes_gcm::Error,
            |msg, aad| {
                let nonce = nonce.try_into().map_err(|_| aes_gcm::Error)?;
                cipher.decrypt(nonce, Payload { msg, aad })
            },
        )?;
        Ok(opened)
    }
}

/// RFC 9053 §5.2 and §6.4: HKDF over the shared secret, with a KDF context.
fn kek(
    ours: &StaticSecret,
    theirs: &PublicKey,
    header: &ProtectedHeader,
) -> Result<KwAes256, Failed> {
    let shared = ours.diffie_hellman(theirs);
    if !shared.was_contributory() {
        return Err("a point of small order".into());
    }
    let context = CoseKdfContextBuilder::new()
        .algorithm(iana::Algorithm::A256KW)
        .supp_pub_info(SuppPubInfo { key_data_length: 256, protected: header.clone(), other: None })
        .build()
        .to_vec()
        .map_err(told)?;
    let mut kek = [0; 32];
    Hkdf::<Sha256>::new(None, shared.as_bytes())
        .expand(&context, &mut kek)
        .map_err(|_| "expand")?;
    Ok(KwAes256::new(&kek.into()))
}

fn told(error: coset::CoseError) -> Failed {
    error.to_string().into()
}

impl Way for ByHand {
    fn name(&self) -> &'static str {
        "by-hand"
    }

    fn seal(&self, payload: &[u8]) -> Result<Vec<Vec<u8>>, Failed> {
        Ok(vec![self.seal_one(payload)?])
    }

    fn open(&self, sealed: &[Vec<u8>]) -> Result<(Vec<Vec<u8>>, Duration), Failed> {
        let start = Instant::now();
        let opened: Result<_, _> = sealed.iter().map(|message| self.open_one(message)).collect();
        let took = start.elapsed();
        Ok((opened?, took))
    }
}
