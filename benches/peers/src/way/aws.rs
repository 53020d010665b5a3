//! The AWS Encryption SDK, keys at hand: a raw AES keyring, so nothing is asked
//! of a server. Sender and recipient share that key; with the signed suite, the
//! default, each message has a new ECDSA P-384 key pair of its own.

use super::{CHANNEL, Facts, Hex, SIGNER, Way};
use crate::Failed;
use aws_esdk::client::Client;
use aws_esdk::material_providers::client::Client as Providers;
use aws_esdk::material_providers::types::keyring::KeyringRef;
use aws_esdk::material_providers::types::material_providers_config::MaterialProvidersConfig;
use aws_esdk::material_providers::types::{AesWrappingAlg, EsdkAlgorithmSuiteId};
use aws_esdk::types::aws_encryption_sdk_config::AwsEncryptionSdkConfig;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

pub(crate) struct Aws {
    runtime: Runtime,
    client: Client,
    keyring: KeyringRef,
    /// What a consumer expects of every message.
    expected: HashMap<String, String>,
    is_signed: bool,
}

impl Aws {
    pub(crate) fn new(is_signed: bool) -> Result<Self, Failed> {
        let runtime = Builder::new_current_thread().build()?;
        let client = Client::from_conf(AwsEncryptionSdkConfig::builder().build()?)?;
        let providers = Providers::from_conf(MaterialProvidersConfig::builder().build()?)?;
        let mut key = vec![0; 32];
        getrandom::fill(&mut key)?;
        let keyring = providers
            .create_raw_aes_keyring()
            .key_namespace("bench")
            .key_name("consumer")
            .wrapping_key(key)
            .wrapping_alg(AesWrappingAlg::AlgAes256GcmIv12Tag16);
        let keyring = runtime.block_on(keyring.send())?;
        let expected = HashMap::from([("channel".to_owned(), CHANNEL.to_owned())]);
        Ok(Self { runtime, client, keyring, expected, is_signed })
    }
}

impl Way for Aws {
    fn name(&self) -> &'static str {
        if self.is_signed { "aws-signed" } else { "aws-unsigned" }
    }

    fn seal(&self, payload: &[u8]) -> Result<Vec<Vec<u8>>, Failed> {
        let facts = Facts::new()?;
        let context = [
            ("channel", CHANNEL.to_owned()),
            ("signer", SIGNER.to_owned()),
            ("message-id", Hex(&facts.id).to_string()),
            ("sealed-at", facts.sealed_at.to_string()),
            ("sequence", facts.sequence.to_string()),
        ];
        let context: HashMap<_, _> =
            context.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut call = self
            .client
            .encrypt()
            .plaintext(payload)
            .keyring(self.keyring.clone())
            .encryption_context(context);
        if !self.is_signed {
            call = call.algorithm_suite_id(EsdkAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKey);
        }
        let sealed = self.runtime.block_on(call.send())?;
        Ok(vec![sealed.ciphertext.ok_or("no ciphertext")?.into_inner()])
    }

    fn open(&self, sealed: &[Vec<u8>]) -> Result<(Vec<Vec<u8>>, Duration), Failed> {
        let start = Instant::now();
        let mut opened = Vec::with_capacity(sealed.len());
        for message in sealed {
            let call = self
                .client
                .decrypt()
                .ciphertext(message.as_slice())
                .keyring(self.keyring.clone())
                .encryption_context(self.expected.clone());
            let output = self.runtime.block_on(call.send())?;
            opened.push(output.plaintext.ok_or("no plaintext")?.into_inner());
        }
        Ok((opened, start.elapsed()))
    }
}
