//! The reference vectors as cases: their bytes, judged by their own bundle.

use super::rules;
use super::test::{BundleTest, Cases, Test};
use crate::case::{Hex, Kek, Trust};
use crate::reference::{BundleReference, MessageReference, Reference};
use crate::walk;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("reference");
    let files: Vec<(String, Reference)> = walk::walk_as(&walk::reference())
        .expect("the folder of reference vectors")
        .map(|file| {
            let (path, reference) = file.expect("a reference vector");
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            (name.to_owned(), reference)
        })
        .collect();
    let bundle = files.iter().find_map(|(_, reference)| match reference {
        Reference::Bundle(bundle) => Some(bundle.as_ref()),
        Reference::Message(_) => None,
    });
    let bundle = bundle.expect("a reference bundle");
    for (name, reference) in &files {
        match reference {
            Reference::Message(message) => add_message(cases, name, message, bundle),
            Reference::Bundle(bundle) => add_bundle(cases, name, bundle),
        }
    }
}

fn trust(bundle: &BundleReference) -> Trust {
    Trust {
        bundle_hex: bundle.trust_bundle_hex.clone(),
        roots_hex: vec![bundle.root_public_key_hex.clone()],
        domain: bundle.trust_domain.clone(),
        now_ms: bundle.issued_at * 1000,
    }
}

fn add_message(
    cases: &mut Cases,
    name: &str,
    message: &MessageReference,
    bundle: &BundleReference,
) {
    let subject = bundle.subject_of(&message.signer_hex).expect("a signer of the bundle");
    let sealed = message.reproduce(subject);
    let test =
        Test::of(rules::SHAPES, &message.comment, &sealed).trust(trust(bundle)).open(|open| {
            open.keyring.receiving_keys_hex.clone_from(&message.recipient_secret_keys_hex);
            open.keyring.keks = message
                .keks
                .iter()
                .map(|(id, key)| Kek { id_hex: Hex::from(id), key_hex: key.clone() })
                .collect();
        });
    cases.add(name, test);
}

fn add_bundle(cases: &mut Cases, name: &str, reference: &BundleReference) {
    let plan = reference.reproduce();
    let bytes = &reference.trust_bundle_hex;
    let mut test =
        BundleTest::accepted(plan.report(0), rules::BUNDLE_SHAPE, &reference.comment, bytes);
    test.case.roots_hex = vec![reference.root_public_key_hex.clone()];
    test.case.domain = Some(reference.trust_domain.clone());
    cases.add_bundle(name, test);
}
