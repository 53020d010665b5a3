//! `schemas/*.cddl` against the bytes of the vectors.

use std::path::Path;

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
struct Schema {
    name: &'static str,
    parsed: CDDL<'static>,
}

impl Schema {
    fn load(name: &'static str) -> Self {
        let parsed =
            cddl_from_str(read(name).leak(), true).unwrap_or_else(|e| panic!("{name}: {e}"));
        Self { name, parsed }
    }

    fn accepts(&self, bytes: &[u8]) -> Result<(), String> {
        let refuses = |e: &dyn std::fmt::Display| format!("{} refuses it: {e}", self.name);
        let value = decode_cbor(bytes).map_err(|e| refuses(&e))?;
        CBORValidator::new(&self.parsed, value, None).validate().map_err(|e| refuses(&e))
    }
}

/// The validator's time grows with the square of the length, and the shape of
/// a megabyte is that of a kilobyte.
const LARGEST: usize = 1 << 16;

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

/// The code that the first step of reading is expected to end with, if any.
fn refusal(expect: &Expect) -> Option<(&str, Option<&str>)> {
    match expect {
        Expect::Ok => None,
        Expect::Refused { code, kind } => Some((code, kind.as_deref())),
    }
}

/// What is known of an envelope's bytes.
enum Shape {
    /// Steps 1 and 2 let it pass, whatever else is wrong with it.
    Right,
    /// Deterministic CBOR of another shape.
    Other,
    /// Not for a validator that believes every length it reads.
    NoCbor,
}

fn shape(case: &EnvelopeCase) -> Shape {
    let verify = case.verify.as_ref().map(|verify| &verify.expect);
    let open = case.open.as_ref().map(|open| &open.expect);
    let mut shape = Shape::Right;
    for (code, kind) in verify.into_iter().chain(open).filter_map(refusal) {
        match (code, kind) {
            ("malformed", Some("structure")) | ("unsupported", _) => shape = Shape::Other,
            ("malformed", _) => return Shape::NoCbor,
            _ => {}
        }
    }
    shape
}

/// A bundle that is refused for what it says has the shape all the same, unless
/// it has a second fault: records are judged last. What is malformed may be so
/// for reasons that CDDL cannot say, or be no CBOR.
fn shape_of_bundle(path: &Path, expect: &Expect) -> Shape {
    let two_faults = path.parent().is_some_and(|folder| folder.ends_with("bundle_order"));
    match refusal(expect) {
        None => Shape::Right,
        Some(("untrusted" | "stale", _)) if !two_faults => Shape::Right,
        Some(_) => Shape::NoCbor,
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

#[test]
fn every_well_formed_vector_matches() {
    let (envelope, bundle) = (envelope(), trust_bundle());
    let (mut envelopes, mut bundles, mut others, mut refused) = (0, 0, 0, 0);
    let mut faults = Vec::new();
    for case in walk(&walk::cases()).unwrap() {
        let (path, case) = case.unwrap();
        let (schema, shape, bytes) = match &case {
            Case::Envelope(case) => (&envelope, shape(case), case.envelope_hex.to_vec()),
            Case::TrustBundle(case) => {
                (&bundle, shape_of_bundle(&path, &case.expect), case.bundle_hex.to_vec())
            }
        };
        if bytes.len() > LARGEST {
            continue;
        }
        match shape {
            Shape::Right => {
                *if schema.name == envelope.name { &mut envelopes } else { &mut bundles } += 1;
                let fault = schema.accepts(&bytes).err();
                faults.extend(fault.map(|e| format!("{}: {e}", name(&path))));
            }
            Shape::Other => {
                others += 1;
                refused += usize::from(schema.accepts(&bytes).is_err());
            }
            Shape::NoCbor => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(envelopes > 0 && bundles > 0);
    // CDDL cannot say everything; most it can.
    assert!(2 * refused > others, "of {others} inputs of another shape only {refused}");
}

/// A schema that accepts everything would pass the tests above.
#[test]
fn the_schemas_refuse_what_is_no_envelope_and_no_bundle() {
    for (schema, field, broken) in [
        // The receipt's label 394, the suite, the version, the commitment's size.
        (
            envelope(),
            "envelope_hex",
            &["19018a", "3a00010004", "3a000100008301", "5835", "d86084"][..],
        ),
        // The key ID's label, the algorithm, the format version, the tag.
        (trust_bundle(), "trust_bundle_hex", &["0448", "a20127", "a60101", "a70101", "d284"][..]),
    ] {
        let (from, bytes) = reference(field).pop().unwrap();
        let text = hex::encode(&bytes);
        let mut changed = 0;
        for what in broken.iter().filter(|what| text.contains(**what)) {
            let last = u8::from_str_radix(&what[what.len() - 2..], 16).unwrap();
            let other = format!("{}{:02x}", &what[..what.len() - 2], last ^ 4);
            let altered = hex::decode(text.replacen(what, &other, 1)).unwrap();
            assert!(schema.accepts(&altered).is_err(), "{from} with {other} for {what}");
            changed += 1;
        }
        assert!(changed >= 3, "{from}: only {changed} changes could be made");
        assert!(schema.accepts(&bytes[..bytes.len() - 1]).is_err(), "{from} cut");
        assert!(schema.accepts(&[0xa0]).is_err(), "an empty map");
    }
}
