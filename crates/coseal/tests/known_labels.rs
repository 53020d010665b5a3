//! Every label that a message's header can have, and every value inside one:
//! another genuine message's in its place, or nothing. The same with the parts
//! of the ciphertext. All of it is signed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "known/parts.rs"]
mod parts;
#[path = "known/world.rs"]
mod world;

use aead::{AeadInOut, KeyInit};
use ciborium::Value;
use coseal::Suite;
use hkdf::Hkdf;
use parts::{Parts, bytes, encode, int};
use sha2::Sha256;
use world::{HOME, Origin, open, openers, refused, rival, verify};

/// Two messages that have no value in common but the version.
const ORIGINS: [Origin; 2] = [
    HOME,
    Origin { signer: rival, channel: "stock", suite: Suite::ChaCha20Poly1305, epoch: 2, secret: 2 },
];

/// A header with every label. `previous` is in the first message only: in a
/// later one it is not allowed.
fn header(which: u8, sequence: u64) -> Value {
    let origin = &ORIGINS[usize::from(which)];
    let text = |text: &str| Value::Text(format!("{text} {which}"));
    let id = common::place(u64::from(which)).message_id;
    let signer = (origin.signer)().verifying_key().key_id();
    let mut says = vec![int(1), bytes(signer.as_bytes()), bytes(&[origin.epoch; 8])];
    if sequence == 0 {
        says.push(Value::Array(vec![bytes(&[0xa0 ^ which; 8]), int(40 + which)]));
    }
    let named = |(name, value)| (Value::Text(String::from(name)), value);
    let application = [
        ("int", int(which)),
        ("bool", Value::Bool(which == 0)),
        ("text", text("value")),
        ("bytes", bytes(&[which; 3])),
    ];
    Value::Map(vec![
        (int(1), int(origin.suite.algorithm())),
        (int(3), text("text/plain; version=")),
        (int(5), bytes(&[&id[..], &sequence.to_be_bytes()].concat())),
        (
            int(15),
            Value::Map(vec![
                (int(3), Value::Text(origin.channel.into())),
                (int(4), int(1_900_000_000 + u64::from(which))),
            ]),
        ),
        (int(-65537), Value::Array(says)),
        (int(-65538), Value::Map(application.map(named).into())),
        (int(-65600), Value::Array(vec![int(which)])),
    ])
}

/// By the formulas of the specification: the library writes no extension.
fn seal(which: u8, sequence: u64) -> Parts {
    let origin = &ORIGINS[usize::from(which)];
    let protected = encode(&header(which, sequence));
    let iv = iv(&protected);
    let hkdf = Hkdf::<Sha256>::new(Some(&iv), &[origin.secret; 32]);
    let alg = encode(&int(origin.suite.algorithm()));
    let expand = |label: &[u8]| {
        let mut out = [0; 32];
        hkdf.expand(&[label, &alg].concat(), &mut out).unwrap();
        out
    };
    let (key, commitment) = (expand(b"coseal/v1 key"), expand(b"coseal/v1 commit"));
    let text = Value::Text("Encrypt".into());
    let aad = encode(&Value::Array(vec![text, bytes(&protected), bytes(b"")]));
    let mut body = payload(which);
    let nonce = [0; 12];
    let tag: [u8; 16] = if origin.suite == Suite::A256Gcm {
        aes_gcm::Aes256Gcm::new((&key).into()).encrypt_inout_detached(
            (&nonce).into(),
            &aad,
            body.as_mut_slice().into(),
        )
    } else {
        chacha20poly1305::ChaCha20Poly1305::new((&key).into()).encrypt_inout_detached(
            (&nonce).into(),
            &aad,
            body.as_mut_slice().into(),
        )
    }
    .unwrap()
    .into();
    let ciphertext = [&commitment[..], &body, &tag].concat();
    let mut sealed = Parts { protected, ciphertext, ..origin.seal(b"", 1, 1, 0) };
    sealed.sign_alone(&(origin.signer)());
    sealed
}

fn payload(which: u8) -> Vec<u8> {
    vec![b'p' + which; 64]
}

fn iv(protected: &[u8]) -> Vec<u8> {
    let Value::Map(entries) = parts::decode(protected) else { panic!("not a map") };
    let (_, iv) = entries.iter().find(|(label, _)| *label == int(5)).unwrap();
    iv.as_bytes().unwrap().clone()
}

/// One step from a value to one inside it.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Key(Value),
    At(usize),
}

/// The ways to every value inside this one.
fn ways(value: &Value) -> Vec<Vec<Step>> {
    let inside: Vec<(Step, &Value)> = if let Value::Map(entries) = value {
        entries.iter().map(|(key, value)| (Step::Key(key.clone()), value)).collect()
    } else if let Value::Array(items) = value {
        items.iter().enumerate().map(|(at, value)| (Step::At(at), value)).collect()
    } else {
        vec![]
    };
    let behind = |(step, value): (Step, &Value)| {
        let further = ways(value).into_iter().map({
            let step = step.clone();
            move |way| [vec![step.clone()], way].concat()
        });
        std::iter::once(vec![step]).chain(further).collect::<Vec<_>>()
    };
    inside.into_iter().flat_map(behind).collect()
}

fn find<'v>(value: &'v mut Value, way: &[Step]) -> &'v mut Value {
    way.iter().fold(value, |value, step| match (value, step) {
        (Value::Map(entries), Step::Key(key)) => {
            &mut entries.iter_mut().find(|(other, _)| other == key).unwrap().1
        }
        (Value::Array(items), Step::At(at)) => &mut items[*at],
        (value, step) => panic!("{step:?} in {value:?}"),
    })
}

fn strip(value: &mut Value, way: &[Step]) {
    let (last, before) = way.split_last().unwrap();
    match (find(value, before), last) {
        (Value::Map(entries), Step::Key(key)) => entries.retain(|(other, _)| other != key),
        (Value::Array(items), Step::At(at)) => drop(items.remove(*at)),
        (value, step) => panic!("{step:?} in {value:?}"),
    }
}

/// What an auditor says, and readers who know both messages already, and
/// readers who know nothing.
fn check(sources: &[Parts; 2], mixed: &Parts, code: &str, told: &str) {
    let envelope = mixed.join();
    assert_eq!(verify(&envelope), refused(code), "{told}");
    for (warm, cold) in openers().iter().zip(openers()) {
        for (which, source) in (0..).zip(sources) {
            assert_eq!(open(warm, &source.join()), Ok(payload(which)));
        }
        assert_eq!(open(warm, &envelope), refused(code), "{told}, warm");
        assert_eq!(open(&cold, &envelope), refused(code), "{told}, cold");
    }
}

#[test]
fn every_value_taken_from_another_message_is_missed() {
    for sequences in [[0, 0], [7, 8]] {
        let sources = [seal(0, sequences[0]), seal(1, sequences[1])];
        let [base, mut donor] =
            [0, 1].map(|which: u8| header(which, sequences[usize::from(which)]));
        let mut alike = vec![];
        for way in ways(&base) {
            let mut mixed = base.clone();
            *find(&mut mixed, &way) = find(&mut donor, &way).clone();
            if mixed == base {
                alike.push(way);
                continue;
            }
            let mixed = Parts { protected: encode(&mixed), ..sources[0].clone() };
            check(&sources, &mixed, "untrusted/bad_signature", &format!("{way:?}"));
        }
        // The version; an application header's name is part of its way.
        assert_eq!(alike, [[Step::Key(int(-65537)), Step::At(0)]]);
    }
}

/// The two halves of the IV: the message's ID and its sequence.
#[test]
fn half_an_iv_of_another_message_is_missed() {
    let sources = [seal(0, 7), seal(1, 8)];
    let ivs = [0, 1].map(|at: usize| iv(&sources[at].protected));
    for mixed in [[&ivs[1][..16], &ivs[0][16..]], [&ivs[0][..16], &ivs[1][16..]]] {
        let mut header = header(0, 7);
        *find(&mut header, &[Step::Key(int(5))]) = bytes(&mixed.concat());
        let mixed = Parts { protected: encode(&header), ..sources[0].clone() };
        check(&sources, &mixed, "untrusted/bad_signature", "half of an IV");
    }
}

#[test]
fn every_value_stripped_is_missed() {
    let key = |label: i64| Step::Key(int(label));
    let name = |name: &str| Step::Key(Value::Text(name.into()));
    // What the format allows to be absent. Everything else is malformed.
    let optional = [
        vec![key(3)],
        vec![key(15), key(4)],
        vec![key(-65537), Step::At(3)],
        vec![key(-65538)],
        vec![key(-65538), name("int")],
        vec![key(-65538), name("bool")],
        vec![key(-65538), name("text")],
        vec![key(-65538), name("bytes")],
        vec![key(-65600)],
    ];
    let sources = [seal(0, 0), seal(1, 0)];
    let mut stripped = 0;
    for way in ways(&header(0, 0)) {
        let mut short = header(0, 0);
        strip(&mut short, &way);
        let is_optional = optional.contains(&way);
        // An extension's value is not judged: it may be an empty array.
        let signed = is_optional || way == [key(-65600), Step::At(0)];
        let code = if signed { "untrusted/bad_signature" } else { "malformed/structure" };
        let short = Parts { protected: encode(&short), ..sources[0].clone() };
        check(&sources, &short, code, &format!("{way:?}"));
        stripped += usize::from(is_optional);
    }
    assert_eq!(stripped, optional.len(), "not every optional value is in the header");
}

/// Commitment, body and tag: each set of them but none from another message,
/// and each set but all left out.
#[test]
fn every_part_of_a_ciphertext_is_missed() {
    let sources = [seal(0, 7), seal(1, 8)];
    let [base, donor] = [0, 1].map(|at: usize| sources[at].ciphertext.clone());
    let ranges = [0..32, 32..32 + 64, 32 + 64..base.len()];
    for set in 1_u8..8 {
        let (mut mixed, mut short) = (vec![], vec![]);
        for (at, range) in ranges.iter().cloned().enumerate() {
            let is_in = set >> at & 1 == 1;
            mixed.extend_from_slice(if is_in {
                &donor[range.clone()]
            } else {
                &base[range.clone()]
            });
            if !is_in {
                short.extend_from_slice(&base[range]);
            }
        }
        let told = format!("parts {set:03b}");
        let code = if short.len() < 48 { "malformed/structure" } else { "untrusted/bad_signature" };
        let parts = |ciphertext| Parts { ciphertext, ..sources[0].clone() };
        check(&sources, &parts(mixed), "untrusted/bad_signature", &told);
        let envelope = parts(short).join();
        assert_eq!(verify(&envelope), refused(code), "{told} stripped");
        for opener in openers() {
            let error = opener.open(&envelope).unwrap_err();
            assert_eq!(common::kinds(&error), code, "{told} stripped");
        }
    }
}
