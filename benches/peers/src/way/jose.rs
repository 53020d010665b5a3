//! JOSE: a JWS (`EdDSA`) nested in a JWE (`ECDH-ES+A256KW`, `A256GCM`), both
//! compact. The cryptography is OpenSSL's.

use super::{CHANNEL, Facts, Hex, SIGNER, Way};
use crate::Failed;
use josekit::jwe::alg::ecdh_es::{EcdhEsJweDecrypter, EcdhEsJweEncrypter};
use josekit::jwe::{self, ECDH_ES_A256KW, JweHeader};
use josekit::jwk::KeyPair;
use josekit::jwk::alg::{ecx::EcxCurve, ed::EdCurve};
use josekit::jws::alg::eddsa::{EddsaJwsSigner, EddsaJwsVerifier};
use josekit::jws::{self, EdDSA, JwsHeader};
use std::time::{Duration, Instant};

pub(crate) struct Jose {
    signer: EddsaJwsSigner,
    verifier: EddsaJwsVerifier,
    encrypter: EcdhEsJweEncrypter,
    decrypter: EcdhEsJweDecrypter,
}

impl Jose {
    pub(crate) fn new() -> Result<Self, Failed> {
        let signing = EdDSA.generate_key_pair(EdCurve::Ed25519)?;
        let receiving = ECDH_ES_A256KW.generate_ecx_key_pair(EcxCurve::X25519)?;
        let mut signer = EdDSA.signer_from_der(signing.to_der_private_key())?;
        signer.set_key_id(SIGNER);
        let mut encrypter = ECDH_ES_A256KW.encrypter_from_der(receiving.to_der_public_key())?;
        encrypter.set_key_id("consumer");
        Ok(Self {
            signer,
            verifier: EdDSA.verifier_from_der(signing.to_der_public_key())?,
            encrypter,
            decrypter: ECDH_ES_A256KW.decrypter_from_der(receiving.to_der_private_key())?,
        })
    }

    fn open_one(&self, message: &[u8]) -> Result<Vec<u8>, Failed> {
        let (signed, _) = jwe::deserialize_compact(std::str::from_utf8(message)?, &self.decrypter)?;
        let (payload, header) = jws::deserialize_compact(&signed, &self.verifier)?;
        if header.claim("aud").and_then(|channel| channel.as_str()) != Some(CHANNEL) {
            return Err("another channel".into());
        }
        Ok(payload)
    }
}

impl Way for Jose {
    fn name(&self) -> &'static str {
        "josekit"
    }

    fn seal(&self, payload: &[u8]) -> Result<Vec<Vec<u8>>, Failed> {
        let facts = Facts::new()?;
        let mut header = JwsHeader::new();
        header.set_claim("aud", Some(CHANNEL.into()))?;
        header.set_claim("jti", Some(Hex(&facts.id).to_string().into()))?;
        header.set_claim("iat", Some(facts.sealed_at.into()))?;
        header.set_claim("seq", Some(facts.sequence.into()))?;
        let signed = jws::serialize_compact(payload, &header, &self.signer)?;
        let mut header = JweHeader::new();
        header.set_content_encryption("A256GCM");
        let sealed = jwe::serialize_compact(signed.as_bytes(), &header, &self.encrypter)?;
        Ok(vec![sealed.into_bytes()])
    }

    fn open(&self, sealed: &[Vec<u8>]) -> Result<(Vec<Vec<u8>>, Duration), Failed> {
        let start = Instant::now();
        let opened: Result<_, _> = sealed.iter().map(|message| self.open_one(message)).collect();
        let took = start.elapsed();
        Ok((opened?, took))
    }
}
