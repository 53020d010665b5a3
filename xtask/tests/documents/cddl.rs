//! `schemas/*.cddl` against the bytes of the vectors.

mod beyond;

use std::collections::BTreeSet;
use std::path::Path;

use beyond::Beyond;
use cddl::ast::CDDL;
use cddl::parser::cddl_from_str;
use cddl::validator::Validator as _;
use cddl::validator::cbor::CBORValidator;
use cddl::validator::cbor_value::decode_cbor;
use coseal_testkit::case::{Case, EnvelopeCase, Expect};
use coseal_testkit::walk;

use crate::command::{read, read_json, root};

/// A schema, parsed once: parsing costs a hundred times what a look at an
/// envelope does.
pub(crate) struct Schema {
    name: &'static str,
    parsed: CDDL<'static>,
}

impl Schema {
    pub(crate) fn load(name: &'static str) -> Self {
        let parsed =
            cddl_from_str(read(name).leak(), true).unwrap_or_else(|e| panic!("{name}: {e}"));
        Self { name, parsed }
    }

    pub(crate) fn accepts(&self, bytes: &[u8]) -> Result<(), String> {
        let refuses = |e: &dyn std::fmt::Display| format!("{} refuses it: {e}", self.name);
        let value = decode_cbor(bytes).map_err(|e| refuses(&e))?;
        CBORValidator::new(&self.parsed, value, None).validate().map_err(|e| refuses(&e))
    }
}

/// The validator's time grows with the square of the length, and the shape of
/// a megabyte is that of a kilobyte.
const LARGEST: usize = 1 << 16;

/// Where the exceptions stand.
const LIST: &str = "xtask/tests/documents/cddl/beyond.rs";

fn envelope() -> Schema {
    Schema::load("schemas/envelope.cddl")
}

fn trust_bundle() -> Schema {
    Schema::load("schemas/trust-bundle.cddl")
}

/// The reference vectors' bytes of one kind, with where they are from.
fn reference(field: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for path in walk::json_files(&walk::reference()).unwrap() {
        if let Some(hex) = read_json(&path).get(field).and_then(|value| value.as_str()) {
            found.push((name(&path), hex::decode(hex).unwrap()));
        }
    }
    assert!(!found.is_empty(), "no reference vector has {field}");
    found
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// What a schema has to say of a vector's bytes.
enum Shape {
    /// It accepts them: the format has them so, whatever else is wrong.
    Right,
    /// It refuses them, or they are named in [`beyond`].
    Wrong,
    /// It is not asked.
    Other,
}

/// What is no deterministic CBOR is not for a validator that believes every
/// length it reads. What is too large is judged by nothing but its length, and
/// which keys are weak or there twice is no matter of shape.
fn beside_the_shape(expect: &Expect) -> bool {
    matches!(expect, Expect::Refused { code, kind: Some(kind) } if code == "malformed"
        && matches!(&kind[..], "cbor" | "too_large" | "weak_key" | "duplicate_key"))
}

/// Whether an input is refused for what it is, by whoever reads it first.
fn misshapen(expect: &Expect) -> bool {
    matches!(expect, Expect::Refused { code, .. }
        if matches!(&code[..], "malformed" | "unsupported"))
}

fn shape(case: &EnvelopeCase) -> Shape {
    let verify = case.verify.as_ref().map(|verify| &verify.expect);
    let open = case.open.as_ref().map(|open| &open.expect);
    let results: Vec<_> = verify.into_iter().chain(open).collect();
    match () {
        () if results.iter().any(|expect| beside_the_shape(expect)) => Shape::Other,
        () if results.iter().any(|expect| misshapen(expect)) => Shape::Wrong,
        () => Shape::Right,
    }
}

/// A bundle that is refused for what it says has the shape all the same, unless
/// it has a second fault: records are judged last.
fn shape_of_bundle(path: &Path, expect: &Expect) -> Shape {
    let two_faults = path.parent().is_some_and(|folder| folder.ends_with("bundle_order"));
    match () {
        () if beside_the_shape(expect) => Shape::Other,
        () if misshapen(expect) => Shape::Wrong,
        () if two_faults && !expect.is_ok() => Shape::Other,
        () => Shape::Right,
    }
}

#[test]
fn envelopes_and_bundles_of_the_reference_vectors_match() {
    for (schema, field) in [(envelope(), "envelope_hex"), (trust_bundle(), "trust_bundle_hex")] {
        for (from, bytes) in reference(field) {
            schema.accepts(&bytes).unwrap_or_else(|e| panic!("{from}: {e}"));
        }
    }
}

/// Holds a schema against vectors: it accepts what has the shape, and refuses
/// what is refused for it, all but what `beyond` names.
fn hold(schema: &Schema, beyond: Beyond, told: impl Fn(&Path, Case) -> Option<(Shape, Vec<u8>)>) {
    let mut beyond: BTreeSet<_> =
        beyond.iter().flat_map(|(_, names)| *names).map(|name| (*name).to_owned()).collect();
    let (mut accepted, mut refused) = (0, 0);
    let mut faults = Vec::new();
    for case in walk(&walk::cases()).unwrap() {
        let (path, case) = case.unwrap();
        let Some((shape, bytes)) = told(&path, case) else { continue };
        let path = path.strip_prefix(walk::cases()).unwrap().with_extension("");
        let name = path.to_str().unwrap();
        let verdict = match shape {
            Shape::Other => continue,
            Shape::Right | Shape::Wrong if bytes.len() > LARGEST => Ok(()),
            Shape::Right | Shape::Wrong => schema.accepts(&bytes),
        };
        match (shape, verdict) {
            (Shape::Right, Ok(())) => accepted += 1,
            (Shape::Right, Err(e)) => faults.push(format!("{name}: {e}")),
            (_, Err(_)) => refused += 1,
            (_, Ok(())) if beyond.remove(name) => {}
            (_, Ok(())) => faults.push(format!(
                "{name} is refused by every reader, but not by {}: say the rule there, or \
                 name the vector in {LIST}, with the reason",
                schema.name
            )),
        }
    }
    faults.extend(beyond.iter().map(|name| {
        format!(
            "{name} is named in {LIST}, but there is no such vector that {} accepts",
            schema.name
        )
    }));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(accepted > 0 && refused > 0);
}

#[test]
fn envelopes_are_accepted_and_refused_as_their_vectors_say() {
    hold(&envelope(), beyond::ENVELOPE, |_, case| match case {
        Case::Envelope(case) => Some((shape(&case), case.envelope_hex.to_vec())),
        Case::TrustBundle(_) => None,
    });
}

#[test]
fn trust_bundles_are_accepted_and_refused_as_their_vectors_say() {
    hold(&trust_bundle(), beyond::TRUST_BUNDLE, |path, case| match case {
        Case::TrustBundle(case) => {
            Some((shape_of_bundle(path, &case.expect), case.bundle_hex.to_vec()))
        }
        Case::Envelope(_) => None,
    });
}
