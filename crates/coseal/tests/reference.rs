//! Envelopes of an independent implementation open, and come out byte for byte
//! when sealed with the same inputs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use coseal::hazmat::{RawEpoch, RawPlace};
use coseal::{
    EpochId, Kek, Message, NewRecord, Opener, Pattern, Previous, ReceivingKey, Secret, SigningKey,
    Time, TrustAnchor, TrustBundle, VerifyingKey,
};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

fn files() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/reference");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    files.sort_by(|(one, _), (two, _)| one.cmp(two));
    files
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn keks(case: &Value) -> Vec<(Vec<u8>, Kek)> {
    let keks = case["keks"].as_object().unwrap();
    keks.iter().map(|(id, kek)| (id.clone().into_bytes(), Kek::from_bytes(&array(kek)))).collect()
}

fn message<'c>(case: &'c Value, payload: &'c [u8], held: &'c [(String, Vec<u8>)]) -> Message<'c> {
    let mut message = Message::new(payload);
    if let Some(content_type) = case["content_type"].as_str() {
        message = message.content_type(content_type);
    }
    if let Some(expires) = case["expires"].as_u64() {
        message = message.expires_at(Time::from_secs(expires));
    }
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        message = match value {
            Value::String(text) => message.header(name, text.as_str()),
            Value::Number(number) => message.header(name, number.as_i64().unwrap()),
            Value::Bool(value) => message.header(name, *value),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                let (_, bytes) = held.iter().find(|(other, _)| other == name).unwrap();
                message.header(name, bytes.as_slice())
            }
        };
    }
    message
}

fn trust(case: &Value) -> Arc<TrustBundle> {
    let root = SigningKey::from_bytes(&[1; 32]);
    let mut edit = TrustBundle::make("example.test");
    edit.add(NewRecord {
        key: VerifyingKey::from_bytes(&array(&case["verifying_key_hex"])).unwrap().into(),
        subject: "spiffe://example.test/orders".into(),
        valid_from: Time::from_secs(0),
        valid_until: None,
        channels: vec![Pattern::new("orders").unwrap()],
    })
    .unwrap();
    let now = Time::from_secs(1_790_000_000);
    let bytes = edit.sign(&root, now, Time::from_secs(1_900_000_000)).unwrap();
    let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
    Arc::new(TrustBundle::load(&bytes, &anchor, now).unwrap())
}

fn reproduce(case: &Value) -> Vec<u8> {
    let mut epoch = RawEpoch::new(
        SigningKey::from_bytes(&array(&case["signing_key_hex"])),
        case["channel"].as_str().unwrap(),
        case["suite"].as_str().unwrap().parse().unwrap(),
        EpochId::from_bytes(array(&case["epoch_id_hex"])),
        Secret::take(&mut array(&case["epoch_secret_hex"])),
    )
    .unwrap();
    let recipients = list(&case["recipient_secret_keys_hex"]);
    for (key, seed) in recipients.iter().zip(list(&case["ephemeral_ikm_hex"])) {
        let key = ReceivingKey::from_bytes(&array(key));
        epoch.add_recipient(key.recipient_key(), &Secret::take(&mut array(seed))).unwrap();
    }
    for (id, kek) in keks(case) {
        epoch.add_kek(&id, &kek).unwrap();
    }
    let held: Vec<(String, Vec<u8>)> = case["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.is_object())
        .map(|(name, value)| (name.clone(), bytes(&value["hex"])))
        .collect();
    let payloads: Vec<Vec<u8>> = list(&case["payloads_hex"]).iter().map(bytes).collect();
    // Payloads may be fewer than IDs: then all are the same.
    let first = case["first_sequence"].as_u64().unwrap();
    let previous = case["previous"].as_array().map(|previous| Previous {
        epoch: EpochId::from_bytes(array(&previous[0])),
        messages: previous[1].as_u64().unwrap(),
    });
    let batch: Vec<_> = list(&case["message_ids_hex"])
        .iter()
        .zip(&payloads)
        .zip(first..)
        .map(|((id, payload), sequence)| {
            let previous = previous.filter(|_| sequence == 0);
            let place = RawPlace { message_id: array(id), sequence, previous };
            (message(case, payload, &held), place)
        })
        .collect();
    let index = usize::try_from(case["index"].as_u64().unwrap()).unwrap();
    epoch.seal(&batch).unwrap().swap_remove(index)
}

fn opens(case: &Value, keys: impl FnOnce() -> Vec<ReceivingKey>, with_keks: bool) {
    let mut builder = Opener::builder(trust(case)).channel("orders").archive();
    for key in keys() {
        builder = builder.key(key);
    }
    if with_keks {
        for (id, kek) in keks(case) {
            builder = builder.kek(&id, kek);
        }
    }
    let opener = builder.build().unwrap();
    let mut envelope = bytes(&case["envelope_hex"]);
    let index = usize::try_from(case["index"].as_u64().unwrap()).unwrap();
    let payload = bytes(&list(&case["payloads_hex"])[index]);
    let opened = opener.open(&envelope).unwrap();
    assert_eq!(opened.payload(), payload);
    assert_eq!(opened.key_id().to_string(), case["signer_hex"].as_str().unwrap());
    assert_eq!(opened.verified().protected(), bytes(&case["protected_hex"]));
    assert_eq!(opener.open_in_place(&mut envelope).unwrap().payload(), payload);
}

#[test]
fn envelopes_open_and_come_out_byte_for_byte() {
    let mut seen = 0;
    for (name, case) in files() {
        if case.get("envelope_hex").is_none() {
            continue;
        }
        println!("{name}");
        assert_eq!(hex::encode(reproduce(&case)), case["envelope_hex"].as_str().unwrap(), "{name}");
        for key in list(&case["recipient_secret_keys_hex"]) {
            opens(&case, || vec![ReceivingKey::from_bytes(&array(key))], false);
        }
        if !keks(&case).is_empty() {
            opens(&case, Vec::new, true);
        }
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} reference envelopes were found");
}

#[test]
fn the_trust_bundle_loads_with_everything_in_it() {
    let (_, case) = files().into_iter().find(|(name, _)| name == "trust_bundle.json").unwrap();
    let encoded = bytes(&case["trust_bundle_hex"]);
    let root = VerifyingKey::from_bytes(&array(&case["root_public_key_hex"])).unwrap();
    assert_eq!(root.key_id().to_string(), case["root_id_hex"].as_str().unwrap());
    let now = Time::from_secs(case["issued_at"].as_u64().unwrap());
    let bundle = TrustBundle::load(&encoded, &TrustAnchor::pinned([root]), now).unwrap();
    assert_eq!(bundle.domain(), case["trust_domain"].as_str().unwrap());
    assert_eq!(bundle.sequence(), case["sequence"].as_u64().unwrap());
    assert_eq!(bundle.expires_at().as_secs(), case["expires_at"].as_u64().unwrap());
    assert_eq!(bundle.next_roots()[0].as_bytes(), &array(&case["next_root_public_key_hex"]));
    assert_eq!(bundle.records().len(), list(&case["records"]).len());
    for (record, expected) in bundle.records().iter().zip(list(&case["records"])) {
        assert_eq!(record.key_id().to_string(), expected["key_id_hex"].as_str().unwrap());
        assert_eq!(record.subject(), expected["subject"].as_str().unwrap());
        assert_eq!(record.valid_from().as_secs(), expected["valid_from"].as_u64().unwrap());
        assert_eq!(record.valid_until().map(Time::as_secs), expected["valid_until"].as_u64());
        let channels: Vec<&str> = record.channels().iter().map(Pattern::as_str).collect();
        let wanted: Vec<&str> =
            list(&expected["channels"]).iter().map(|channel| channel.as_str().unwrap()).collect();
        assert_eq!(channels, wanted);
        let revoked_at = record.revocation().map(|revocation| revocation.revoked_at.as_secs());
        assert_eq!(revoked_at, expected["revocation"][0].as_u64());
    }

    // Made again from what was read, and signed by the same key at the same
    // times, only the sequence differs.
    let root_key = SigningKey::from_bytes(&array(&case["root_key_hex"]));
    let next = bundle.edit().unwrap().sign(&root_key, now, bundle.expires_at()).unwrap();
    let strip = |bytes: &[u8]| bytes[..bytes.len() - 64].to_vec();
    let mut expected = strip(&encoded);
    let at = expected.windows(3).position(|window| window == [0x03, 0x18, 41]).unwrap();
    expected[at + 2] = 42;
    assert_eq!(hex::encode(strip(&next)), hex::encode(expected));
}
