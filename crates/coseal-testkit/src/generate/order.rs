//! Two faults in two steps: the earlier one is told.

use super::rules;
use super::test::{Cases, Test, expect};
use super::world::{BILLING, EXPIRES, NOW, SEALED, SEALED_S, SKEW, WINDOW, World};
use crate::build::bundle::BundlePlan;
use crate::build::cbor;
use crate::build::draft::Draft;
use crate::build::keys::{Receiver, Signer};
use crate::build::merkle::Proof;
use crate::build::plan::{Plan, Recipient, label, message_id};
use crate::case::Earlier;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("order");
    shape_first(cases);
    unsupported(cases);
    signer_and_signature(cases);
    questions(cases);
    times(cases);
    keys(cases);
    replays(cases);
}

const RULE: &str = rules::EARLIEST;

fn shape_first(cases: &mut Cases) {
    let two = || Proof { size: 2, index: 0, path: vec![[5; 32]] };
    cases.fault(
        "cbor_before_structure",
        "malformed/cbor",
        RULE,
        "No channel, and labels out of order.",
        |draft| {
            draft.header.remove(label::CLAIMS);
            draft.header.entries.swap(0, 1);
        },
    );
    cases.fault(
        "structure_before_header",
        "malformed/structure",
        RULE,
        "An iv of 12 bytes, and an unlisted label.",
        |draft| {
            draft.header.set(label::IV, cbor::bytes([0; 12]));
            draft.header.set(99, cbor::uint(0));
        },
    );
    cases.fault(
        "structure_before_suite",
        "malformed/structure",
        RULE,
        "No recipient, and an unknown suite.",
        |draft| {
            draft.header.set(label::ALG, cbor::int(-65550));
            draft.recipients.clear();
        },
    );
    cases.fault(
        "structure_before_detached",
        "malformed/structure",
        RULE,
        "A nil ciphertext, and a receipt without its role.",
        |draft| {
            draft.frame.ciphertext = Some(cbor::nil());
            draft.receipt.protected.remove(label::ORIGIN);
        },
    );
    cases.fault(
        "structure_before_receipt",
        "malformed/structure",
        RULE,
        "An unknown receipt algorithm, and a recipient of two items.",
        |draft| {
            draft.receipt.protected.set(1, cbor::int(-7));
            draft.recipients.push(cbor::array([cbor::bytes([]), cbor::map([])]));
        },
    );
    for (name, proof, what) in [
        ("index_before_receipt", Proof { index: 3, ..two() }, "a leaf index beyond the tree"),
        ("path_before_receipt", Proof { path: vec![[5; 32]; 2], ..two() }, "a path too long"),
    ] {
        let comment = format!("An unknown receipt algorithm, and {what}.");
        cases.fault(name, "malformed/structure", RULE, &comment, |draft| {
            draft.receipt.place(two());
            draft.receipt.proof_bytes = Some(proof.encode());
            draft.receipt.protected.set(1, cbor::int(-7));
        });
    }
    cases.fault(
        "structure_before_signer",
        "malformed/structure",
        RULE,
        "An unknown signer, and a channel with a star.",
        |draft| {
            *draft =
                Draft::new(Plan { signer: Signer::labelled("stranger"), ..draft.plan.clone() });
            draft.header.set(label::CLAIMS, cbor::map([(cbor::uint(3), cbor::text("orders.*"))]));
        },
    );
    cases.fault(
        "recipient_before_signature",
        "malformed/structure",
        RULE,
        "A bad signature, and a KEK entry without its ID.",
        |draft| {
            draft.receipt.signature = Some(vec![7; 64]);
            let map = cbor::map([(cbor::uint(1), cbor::int(-5))]);
            draft.recipients.push(cbor::array([cbor::bytes([]), map, cbor::bytes([0; 40])]));
        },
    );
    let sealed = cases.drafted("size_before_cbor", |_| ());
    let bytes = [sealed.envelope.as_slice(), &[0xff; 10]].concat();
    let mut test = Test::new(RULE, "Too many bytes, the last ones being no CBOR.", &bytes);
    test.case.max_len = Some(sealed.envelope.len() as u64);
    cases.add("size_before_cbor", test.refused("malformed/too_large"));
}

/// Step 2 gives an order of its own.
fn unsupported(cases: &mut Cases) {
    let header = |draft: &mut Draft| draft.header.set(99, cbor::uint(0));
    let suite = |draft: &mut Draft| draft.header.set(label::ALG, cbor::int(-65550));
    let detached = |draft: &mut Draft| draft.frame.ciphertext = Some(cbor::nil());
    let receipt = |draft: &mut Draft| draft.receipt.protected.set(1, cbor::int(-7));
    let faults: [(&str, &dyn Fn(&mut Draft)); 4] =
        [("header", &header), ("suite", &suite), ("detached", &detached), ("receipt", &receipt)];
    for (at, (first, one)) in faults.iter().enumerate() {
        for (second, two) in faults.iter().skip(at + 1) {
            let name = format!("{first}_before_{second}");
            let comment = format!("unsupported/{first} and unsupported/{second}.");
            cases.fault(
                &name,
                &format!("unsupported/{first}"),
                rules::UNLISTED,
                &comment,
                |draft| {
                    one(draft);
                    two(draft);
                },
            );
        }
    }
    let comment = "An unlisted label, and an unknown signer.";
    cases.fault("header_before_signer", "unsupported/header", RULE, comment, |draft| {
        *draft = Draft::new(Plan { signer: Signer::labelled("stranger"), ..draft.plan.clone() });
        header(draft);
    });
    let comment = "An unknown receipt algorithm, and a signature of zeros.";
    cases.fault("receipt_before_signature", "unsupported/receipt", RULE, comment, |draft| {
        receipt(draft);
        draft.receipt.signature = Some(vec![0; 64]);
    });
    let name = "suite_before_revoked";
    let sealed = cases.drafted(name, suite);
    let test = Test::new(RULE, "An unknown suite, and a revoked key.", &sealed.envelope);
    cases.add(name, test.bundle(&revoked()).refused("unsupported/suite"));
}

fn revoked() -> BundlePlan {
    World::new().bundle_with(|record| record.revocation = Some((SEALED_S, 2, None)))
}

fn not_allowed() -> BundlePlan {
    World::new().bundle_for(&["billing"])
}

fn not_valid() -> BundlePlan {
    World::new().bundle_with(|record| record.valid_until = Some(SEALED_S))
}

fn signer_and_signature(cases: &mut Cases) {
    let bad = |draft: &mut Draft| draft.receipt.signature = Some(vec![7; 64]);
    let comment = "An unknown signer, and a bad signature.";
    cases.fault("signer_before_signature", "untrusted/unknown_signer", RULE, comment, |draft| {
        *draft = Draft::new(Plan { signer: Signer::labelled("stranger"), ..draft.plan.clone() });
        bad(draft);
    });
    let name = "bundle_before_signature";
    let label = cases.label(name);
    let now = EXPIRES * 1000 + SKEW;
    let sealed = cases.drafted(name, |draft| {
        *draft = Draft::new(Plan { message_id: message_id(now, &label), ..draft.plan.clone() });
        bad(draft);
    });
    let test =
        Test::new(RULE, "The bundle has expired, and the signature is bad.", &sealed.envelope);
    cases.add(name, test.at(now).refused("untrusted/bundle_expired"));
    let name = "bundle_before_signer";
    let sealed = cases.planned(name, |plan| {
        plan.signer = Signer::labelled("stranger");
        plan.message_id = message_id(now, &label);
    });
    let test = Test::new(
        rules::BUNDLE_EXPIRED,
        "The bundle has expired, and the signer is unknown.",
        &sealed.envelope,
    );
    cases.add(name, test.at(now).refused("untrusted/bundle_expired"));
    let name = "bundle_before_revoked";
    let sealed = cases.planned(name, |plan| plan.message_id = message_id(now, &label));
    let test = Test::new(RULE, "The bundle has expired, and the key is revoked.", &sealed.envelope);
    cases.add(name, test.at(now).bundle(&revoked()).refused("untrusted/bundle_expired"));

    let result = "untrusted/bad_signature";
    for (name, bundle, comment) in [
        (
            "signature_before_allowed",
            not_allowed(),
            "A bad signature, and a channel that is not the key's.",
        ),
        ("signature_before_valid", not_valid(), "A bad signature, and a key that was not valid."),
        ("signature_before_revoked", revoked(), "A bad signature, and a revoked key."),
    ] {
        let sealed = cases.drafted(name, bad);
        cases.add(name, Test::new(RULE, comment, &sealed.envelope).bundle(&bundle).refused(result));
    }
    let name = "signature_before_channel";
    let sealed = cases.drafted(name, bad);
    let test = Test::new(RULE, "A bad signature, and another channel.", &sealed.envelope);
    cases.add(name, test.channel(Some("billing")).refused(result));
    let name = "signature_before_expired";
    let sealed = cases.drafted(name, |draft| {
        *draft = Draft::new(Plan { expires: Some(0), ..draft.plan.clone() });
        bad(draft);
    });
    let test = Test::new(RULE, "A bad signature, and an expired message.", &sealed.envelope);
    cases.add(name, test.at(NOW).refused(result));
    let name = "signature_before_key";
    let sealed = cases.drafted(name, |draft| {
        draft.recipients = vec![super::nesting::other_with(cbor::uint(0))];
        bad(draft);
    });
    cases.refuse(name, result, RULE, "A bad signature, and no entry for us.", &sealed.envelope);
}

/// Step 5, in its order.
fn questions(cases: &mut Cases) {
    let mut invalid_and_revoked = not_valid();
    let mut not_allowed_and_invalid = not_allowed();
    if let Some(record) = invalid_and_revoked.records.first_mut() {
        record.revocation = Some((SEALED_S, 2, None));
    }
    if let Some(record) = not_allowed_and_invalid.records.first_mut() {
        record.valid_until = Some(SEALED_S);
    }
    let sealed = cases.drafted("questions", |_| ());
    let test = |comment: &str| Test::new(RULE, comment, &sealed.envelope);
    let pairs = [
        (
            "allowed_before_valid",
            "untrusted/not_allowed",
            test("Not allowed, and not valid then.").bundle(&not_allowed_and_invalid),
        ),
        (
            "valid_before_revoked",
            "untrusted/not_valid_then",
            test("Not valid then, and revoked.").bundle(&invalid_and_revoked),
        ),
        (
            "revoked_before_signer",
            "untrusted/revoked",
            test("Revoked, and another signer was asked for.").bundle(&revoked()).signer(BILLING),
        ),
        (
            "signer_before_channel",
            "untrusted/wrong_signer",
            test("Another signer was asked for, and another channel is expected.")
                .signer(BILLING)
                .channel(Some("billing")),
        ),
        (
            "allowed_before_channel",
            "untrusted/not_allowed",
            test("Not allowed, and another channel is expected.")
                .bundle(&not_allowed())
                .channel(Some("billing")),
        ),
        (
            "channel_before_future",
            "misdirected/channel",
            test("Another channel is expected, and it is from the future.")
                .channel(Some("billing"))
                .at(SEALED - SKEW - 1),
        ),
        (
            "channel_before_too_old",
            "misdirected/channel",
            test("Another channel is expected, and it is too old.")
                .channel(Some("billing"))
                .at(SEALED + WINDOW + SKEW + 1),
        ),
        (
            "revoked_before_too_old",
            "untrusted/revoked",
            test("Revoked, and too old.").bundle(&revoked()).at(SEALED + WINDOW + SKEW + 1),
        ),
        (
            "signer_before_future",
            "untrusted/wrong_signer",
            test("Another signer was asked for, and it is from the future.")
                .signer(BILLING)
                .at(SEALED - SKEW - 1),
        ),
    ];
    for (name, result, test) in pairs {
        cases.add(name, test.refused(result));
    }
    let name = "channel_before_expired";
    let sealed = cases.planned(name, |plan| plan.expires = Some(SEALED_S));
    let test =
        Test::new(RULE, "Another channel is expected, and it has expired.", &sealed.envelope);
    cases
        .add(name, test.channel(Some("billing")).at(NOW + 2 * SKEW).refused("misdirected/channel"));
}

fn times(cases: &mut Cases) {
    let name = "future_before_expired";
    let sealed = cases.planned(name, |plan| plan.expires = Some(0));
    let test = Test::new(RULE, "From the future, and expired.", &sealed.envelope);
    cases.add(name, test.at(SEALED - SKEW - 1).refused("stale/from_the_future"));
    let name = "expired_before_too_old";
    let sealed = cases.planned(name, |plan| plan.expires = Some(SEALED_S + 1));
    let test = Test::new(RULE, "Expired, and too old.", &sealed.envelope);
    cases.add(name, test.at(SEALED + WINDOW + SKEW + 1).refused("stale/expired"));
}

/// Steps 5 to 7 of `open`.
fn keys(cases: &mut Cases) {
    let other = Receiver::labelled("another reader");
    let foreign = |draft: &mut Draft| {
        draft.recipients = vec![draft.plan.encode_recipient(&Recipient::x25519(&other, "foreign"))];
    };
    let name = "too_old_before_key";
    let sealed = cases.drafted(name, foreign);
    let test = Test::new(RULE, "Too old, and no entry for us.", &sealed.envelope);
    cases.add(name, test.at(SEALED + WINDOW + SKEW + 1).refused("stale/too_old"));
    let name = "channel_before_key";
    let sealed = cases.drafted(name, foreign);
    let test =
        Test::new(RULE, "Another channel is expected, and no entry is for us.", &sealed.envelope);
    cases.add(name, test.channel(Some("billing")).refused("misdirected/channel"));
    let broken = |draft: &mut Draft| {
        let mut ciphertext = draft.ciphertext();
        *ciphertext.last_mut().expect("a tag") ^= 1;
        draft.ciphertext = Some(ciphertext);
    };
    let name = "key_before_tag";
    let sealed = cases.drafted(name, |draft| {
        foreign(draft);
        broken(draft);
    });
    cases.shut(name, "no_key", RULE, "No entry for us, and a wrong tag.", &sealed);
    let name = "revoked_before_tag";
    let sealed = cases.drafted(name, broken);
    let test = Test::new(RULE, "A revoked key, and a wrong tag.", &sealed.envelope);
    cases.add(name, test.bundle(&revoked()).refused("untrusted/revoked"));
}

/// Step 8 comes after all that can fail.
fn replays(cases: &mut Cases) {
    let first = |sealed: &crate::build::draft::Sealed| {
        vec![Earlier {
            envelope_hex: crate::case::Hex::from(&sealed.envelope),
            position: None,
            expect: expect("ok"),
        }]
    };
    let name = "channel_before_replayed";
    let sealed = cases.drafted(name, |_| ());
    let elsewhere =
        Draft::new(Plan { channel: "billing.eu".to_owned(), ..sealed.plan.clone() }).seal();
    let bundle = World::new().bundle_for(&[">"]);
    let comment = "The identity of a message that was opened, on another channel than expected.";
    let test = Test::new(RULE, comment, &elsewhere.envelope)
        .bundle(&bundle)
        .refused("misdirected/channel")
        .open(|open| open.earlier = first(&sealed));
    cases.add(name, test);
    let name = "tag_before_replayed";
    let sealed = cases.drafted(name, |_| ());
    let mut draft = Draft::new(sealed.plan.clone());
    let mut ciphertext = sealed.ciphertext.clone();
    *ciphertext.last_mut().expect("a tag") ^= 1;
    draft.ciphertext = Some(ciphertext);
    let comment = "The identity of a message that was opened, and a wrong tag.";
    let test = Test::of(RULE, comment, &draft.seal())
        .shut("undecryptable")
        .open(|open| open.earlier = first(&sealed));
    cases.add(name, test);
    let name = "key_before_replayed";
    let sealed = cases.drafted(name, |_| ());
    let mut draft = Draft::new(sealed.plan.clone());
    draft.recipients = vec![super::nesting::other_with(cbor::uint(0))];
    let comment = "A message that was opened, without its entry for us.";
    let test = Test::of(RULE, comment, &draft.seal())
        .shut("no_key")
        .open(|open| open.earlier = first(&sealed));
    cases.add(name, test);
}
