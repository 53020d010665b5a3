//! Commitment and tag: what is signed and unwrapped, and still does not open.

use super::rules;
use super::test::{Cases, Row, Test};
use super::world::World;
use crate::build::cbor;
use crate::build::collide;
use crate::build::draft::Draft;
use crate::build::keys::{Receiver, seed};
use crate::build::plan::{Plan, Recipient};
use crate::build::schedule::{Schedule, enc_structure};
use crate::case::{Hex, Suite};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("cipher");
    bits(cases);
    schedules(cases);
    payloads(cases);
    two_keys(cases);
}

const UNDECRYPTABLE: &str = "undecryptable";

fn bits(cases: &mut Cases) {
    let rule = rules::COMMITMENT;
    for suite in [Suite::A256Gcm, Suite::ChaCha20Poly1305] {
        for (place, at, what) in [
            ("commitment_first", 0, "the first byte of the commitment"),
            ("commitment_last", 31, "the last byte of the commitment"),
            ("ciphertext", 32, "the encrypted payload"),
            ("tag_first", 44, "the first byte of the tag"),
            ("tag_last", 59, "the last byte of the tag"),
        ] {
            let suite_name = match suite {
                Suite::A256Gcm => "a256gcm",
                Suite::ChaCha20Poly1305 => "chacha20poly1305",
            };
            let name = format!("{place}_{suite_name}");
            let mut draft = Draft::new(Plan { suite, ..World::new().plan(&cases.label(&name)) });
            let mut ciphertext = draft.ciphertext();
            *ciphertext.get_mut(at).expect("60 bytes") ^= 1;
            draft.ciphertext = Some(ciphertext);
            let comment = format!("A bit of {what} was wrong when it was signed.");
            cases.shut(&name, UNDECRYPTABLE, rule, &comment, &draft.seal());
        }
    }
    let name = "ciphertext_random";
    let sealed = cases.drafted(name, |draft| draft.ciphertext = Some(seed("random").repeat(2)));
    cases.shut(name, UNDECRYPTABLE, rule, "Bytes that nobody encrypted.", &sealed);
    let name = "commitment_alone_right";
    let sealed = cases.drafted(name, |draft| {
        let commitment = draft.plan.schedule().commitment;
        draft.ciphertext = Some([commitment.as_slice(), &[0; 16]].concat());
    });
    cases.shut(name, UNDECRYPTABLE, rule, "The right commitment and a tag of zeros.", &sealed);
    let name = "commitment_missing";
    let sealed = cases.drafted(name, |draft| {
        draft.plan.payload = b"a payload of more than 32 bytes, so".to_vec();
        let ciphertext = draft.ciphertext();
        let (_, without) = ciphertext.split_at(32);
        draft.ciphertext = Some(without.to_vec());
    });
    cases.shut(name, UNDECRYPTABLE, rule, "A ciphertext without its commitment.", &sealed);
}

/// Keys that were derived in another way.
fn schedules(cases: &mut Cases) {
    let rule = rules::COMMITMENT;
    let edits: [Row<fn(&Plan) -> Schedule>; 4] = [
        (
            "keys_of_another_iv",
            |plan| Schedule::derive(&plan.epoch_secret, &[0; 24], &plan.alg()),
            "Keys derived with an iv of zeros.",
        ),
        (
            "keys_of_another_suite",
            |plan| Schedule::derive(&plan.epoch_secret, &plan.iv(), &cbor::int(-65542)),
            "Keys derived with the other suite's number.",
        ),
        (
            "keys_of_another_secret",
            |plan| Schedule::derive(&[0; 32], &plan.iv(), &plan.alg()),
            "Keys derived from an epoch secret of zeros.",
        ),
        (
            "key_and_commitment_exchanged",
            |plan| {
                let right = plan.schedule();
                Schedule { key: right.commitment, commitment: right.key, ..right }
            },
            "Key and commitment changed places.",
        ),
    ];
    for (name, derive, comment) in edits {
        let sealed = cases.drafted(name, |draft| {
            let schedule = derive(&draft.plan);
            draft.ciphertext =
                Some(schedule.encrypt(draft.plan.suite, &draft.protected(), &draft.plan.payload));
        });
        cases.shut(name, UNDECRYPTABLE, rule, comment, &sealed);
    }
    let name = "other_additional_data";
    let sealed = cases.drafted(name, |draft| {
        let other =
            draft.plan.schedule().encrypt(draft.plan.suite, b"another header", &draft.plan.payload);
        draft.ciphertext = Some(other);
    });
    cases.shut(
        name,
        UNDECRYPTABLE,
        rule,
        "Encrypted with another header as additional data.",
        &sealed,
    );
    let name = "other_cipher";
    let sealed = cases.drafted(name, |draft| {
        let plan = &draft.plan;
        let other =
            plan.schedule().encrypt(Suite::ChaCha20Poly1305, &draft.protected(), &plan.payload);
        draft.ciphertext = Some(other);
    });
    cases.shut(
        name,
        UNDECRYPTABLE,
        rule,
        "Encrypted with the other suite's cipher under the right key.",
        &sealed,
    );
}

fn payloads(cases: &mut Cases) {
    let rule = rules::SHAPES;
    for (name, len) in
        [("payload_16", 16), ("payload_17", 17), ("payload_208", 208), ("payload_65488", 65_488)]
    {
        let comment = format!("A payload of {len} bytes.");
        cases.message(name, rule, &comment, |plan| plan.payload = vec![0x61; len]);
    }
}

/// One ciphertext, two epoch secrets, two recipients.
fn two_keys(cases: &mut Cases) {
    let rule = rules::COMMITMENT;
    let world = World::new();
    let name = "two_keys";
    let ours = world.plan(&cases.label(name));
    let other = Receiver::labelled("the other of two keys");
    let theirs = Plan {
        epoch_secret: seed("the other epoch secret"),
        recipients: vec![Recipient::x25519(&other, "the other of two keys")],
        ..ours.clone()
    };
    let mut draft = Draft::new(ours.clone());
    draft.recipients.extend(theirs.encode_recipients());
    let keys = [ours.schedule().key, theirs.schedule().key];
    let [first, second] = &keys;
    let ciphertext = collide::under_two_keys([first, second], &enc_structure(&draft.protected()));
    let commitment = ours.schedule().commitment;
    draft.ciphertext = Some([commitment.as_slice(), &ciphertext].concat());
    let (blocks, _) = ciphertext.split_at(32);
    draft.plan.payload = collide::decrypted(first, blocks);
    let sealed = draft.seal();
    let comment =
        "A ciphertext that AES-GCM opens under two keys; the commitment is that of the first.";
    cases.add("two_keys_first", Test::of(rule, comment, &sealed));
    let comment =
        "The same envelope, read by the other recipient: the tag is right, the commitment is not.";
    let test = Test::of(rule, comment, &sealed)
        .open(|open| open.keyring.receiving_keys_hex = vec![Hex::from(&other.secret)])
        .shut(UNDECRYPTABLE);
    cases.add("two_keys_second", test);
}
