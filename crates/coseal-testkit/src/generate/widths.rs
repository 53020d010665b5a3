//! Heads that take more bytes than they need: each one that there is in an
//! envelope and in a trust bundle, and each kind in each width.

use super::other_receipts::carried;
use super::rules;
use super::test::{BundleTest, Cases, Row};
use super::world::{SEALED_S, World};
use crate::build::bundle::{BundleDraft, BundlePlan};
use crate::build::cbor::{self, ARRAY, BYTES, Fields, Item, MAP, NEGATIVE, TAG, TEXT, UNSIGNED};
use crate::build::draft::Draft;
use crate::build::keys::Signer;
use crate::build::merkle::Proof;
use crate::build::notary::NotaryReceipt;
use crate::build::plan::{Plan, hpke_protected, label};
use crate::case::ReceiptVerdict::Unknown;
use crate::case::{HeaderValue, Hex};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("encoding");
    kinds(cases);
    envelopes(cases);
    cases.theme("bundle");
    bundles(cases);
    cases.theme("other_receipts");
    receipts(cases);
}

const CBOR: &str = "malformed/cbor";

/// The head at `at`: major type, argument, and how many bytes it takes.
fn head_at(item: &[u8], at: usize) -> (u8, u64, usize) {
    let bytes = item.get(at..).expect("within the item");
    let (&first, rest) = bytes.split_first().expect("a head");
    let width = match first & 31 {
        0..=23 => 0,
        info => 1 << (info - 24),
    };
    let argument = match width {
        0 => u64::from(first & 31),
        _ => rest.iter().take(width).fold(0, |number, byte| number << 8 | u64::from(*byte)),
    };
    (first >> 5, argument, 1 + width)
}

/// Where the heads of an item begin, save those of nil, true and false, which have no
/// other width. Strings are not looked into.
fn heads(item: &[u8]) -> Vec<usize> {
    let (mut heads, mut at) = (Vec::new(), 0);
    while at < item.len() {
        let (major, argument, len) = head_at(item, at);
        if major != cbor::SIMPLE {
            heads.push(at);
        }
        at += len;
        if [BYTES, TEXT].contains(&major) {
            at += usize::try_from(argument).expect("a short string");
        }
    }
    heads
}

/// The item with the next width of the head at `at`.
fn widened(item: &[u8], at: usize) -> Item {
    let (major, argument, len) = head_at(item, at);
    let width = match len - 1 {
        0 => 1,
        width => width * 2,
    };
    let (before, rest) = item.split_at(at);
    let (_, after) = rest.split_at(len);
    [before, &cbor::head_wide(major, argument, width), after].concat()
}

/// Each width of each kind of head, in an extension, where any value may stand.
fn kinds(cases: &mut Cases) {
    // As much as fits the width below, or as much as files are to hold.
    let widths = [(1, 23, 23), (2, 255, 255), (4, 65_535, 256), (8, u64::from(u32::MAX), 256)];
    for (width, number, length) in widths {
        let count = usize::try_from(length).expect("a few hundred");
        let text = vec![b'x'; count];
        let zeros = cbor::uint(0).repeat(count);
        let entries = (0..length).flat_map(|key| [cbor::uint(key), cbor::uint(0)]);
        let values = [
            ("unsigned", UNSIGNED, number, Vec::new()),
            ("negative", NEGATIVE, number, Vec::new()),
            ("bytes", BYTES, length, text.clone()),
            ("text", TEXT, length, text),
            ("array", ARRAY, length, zeros),
            ("map", MAP, length, entries.collect::<Vec<Item>>().concat()),
        ];
        for (what, major, argument, content) in values {
            let name = format!("wide_{what}_in_{width}");
            let comment =
                format!("A head of {what} with the argument {argument} in {width} bytes.");
            let value = [cbor::head_wide(major, argument, width), content].concat();
            cases.fault(&name, CBOR, rules::SHORTEST, &comment, |draft| {
                draft.header.set(label::EXTENSION, cbor::array([value]));
            });
        }
        let name = format!("wide_tag_in_{width}");
        let comment = format!(
            "A tag in an entry that would be skipped, its number {number} in {width} bytes."
        );
        let value = [cbor::head_wide(TAG, number, width), cbor::uint(0)].concat();
        cases.fault(&name, CBOR, rules::SHORTEST, &comment, |draft| {
            draft.recipients.push(super::nesting::other_with(value));
        });
    }
    let name = "widths_least";
    let comment = "The least numbers and lengths that take one, two, four and eight bytes.";
    cases.message(name, rules::SHORTEST, comment, |plan| {
        let numbers = [24, 256, 65_536, 1 << 32];
        let ints = numbers.into_iter().flat_map(|n| [cbor::int(n), cbor::int(-1 - n)]);
        let strings = [24, 256].into_iter().flat_map(|len: usize| {
            let entries = (0..len as u64).map(|key| (cbor::uint(key), cbor::nil()));
            [
                cbor::bytes(vec![7; len]),
                cbor::text(&"x".repeat(len)),
                cbor::array(vec![cbor::nil(); len]),
                cbor::map(entries),
            ]
        });
        plan.extensions = vec![(label::EXTENSION, cbor::array(ints.chain(strings)))];
    });
}

/// A message with everything that a header may have.
fn full(label: &str) -> Plan {
    Plan {
        previous: Some(([1; 8], 42)),
        content_type: Some("text/plain".to_owned()),
        expires: Some(SEALED_S + 3600),
        headers: [
            ("text", HeaderValue::Text("t".to_owned())),
            ("bytes", HeaderValue::BytesHex(Hex(vec![7]))),
            ("int", HeaderValue::Int(-1)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        extensions: vec![(label::EXTENSION, cbor::array([cbor::uint(1), cbor::text("e")]))],
        ..World::new().plan(label)
    }
}

/// A part of an envelope: how it stands there, and how another is put in its place.
struct Part {
    name: &'static str,
    what: &'static str,
    get: fn(&Draft) -> Item,
    set: fn(&mut Draft, Item),
}

const PARTS: [Part; 5] = [
    Part {
        name: "header",
        what: "protected header",
        get: |draft| draft.header.encode(),
        set: |draft, item| draft.protected = Some(item),
    },
    Part {
        name: "receipt",
        what: "sender's receipt",
        get: |draft| draft.seal().receipt,
        set: |draft, item| draft.receipt.encoded = Some(item),
    },
    Part {
        name: "receipt_protected",
        what: "protected header of the sender's receipt",
        get: |draft| draft.receipt.protected.encode(),
        set: |draft, item| draft.receipt.protected_bytes = Some(item),
    },
    Part {
        name: "proof",
        what: "proof of the sender's receipt",
        get: |draft| draft.receipt.proof.encode(),
        set: |draft, item| draft.receipt.proof_bytes = Some(item),
    },
    Part {
        name: "entry_protected",
        what: "protected part of a recipient",
        get: |_| hpke_protected(),
        set: |draft, item| {
            // Everything after the protected part, which stands first.
            let entry = draft.recipients.first().cloned().expect("a recipient");
            let skipped = 1 + cbor::bytes(hpke_protected()).len();
            let (_, rest) = entry.split_at(skipped);
            draft.recipients =
                vec![[cbor::head(ARRAY, 3), cbor::bytes(item), rest.into()].concat()];
        },
    },
];

fn envelopes(cases: &mut Cases) {
    let draft_of = |label: &str| {
        let mut draft = Draft::new(full(label));
        draft.receipt.place(Proof::imagined(2, 0, label));
        draft
    };
    let comment = "The message that those with a head too wide are made of.";
    cases.accept("wide_none", rules::SHORTEST, comment, &draft_of("encoding/wide_none").seal());
    for part in &PARTS {
        let item = (part.get)(&draft_of(part.name));
        for at in heads(&item) {
            let name = format!("wide_{}_{at:03}", part.name);
            let label = cases.label(&name);
            let mut draft = draft_of(&label);
            let item = widened(&(part.get)(&draft), at);
            (part.set)(&mut draft, item);
            let comment = format!(
                "In the {}: the head at byte {at} takes more bytes than it needs.",
                part.what
            );
            cases.refuse(&name, CBOR, rules::SHORTEST, &comment, &draft.seal().envelope);
        }
    }
    let envelope = |label: &str| draft_of(label).seal().envelope;
    for at in heads(&envelope("frame")) {
        let name = format!("wide_envelope_{at:03}");
        let comment = format!(
            "In the envelope around what is embedded in it: the head at byte {at} takes more bytes than it needs."
        );
        let bytes = widened(&envelope(&cases.label(&name)), at);
        cases.refuse(&name, CBOR, rules::SHORTEST, &comment, &bytes);
    }
}

/// A bundle of one record with everything that it may have.
fn full_bundle() -> BundlePlan {
    let mut bundle = World::new().bundle();
    bundle.records.truncate(1);
    for record in &mut bundle.records {
        record.valid_until = Some(SEALED_S + 3600);
        record.revocation = Some((SEALED_S + 60, 1, Some(SEALED_S + 30)));
    }
    bundle.next_roots = vec![Signer::labelled("next root")];
    bundle
}

fn bundles(cases: &mut Cases) {
    let mut draft = BundleDraft::new(&full_bundle());
    draft.body.set(64, cbor::array([Fields::new().with(1, cbor::text("to come")).encode()]));
    let mut add = |part: &str, what: &str, item: &[u8], make: &dyn Fn(Item) -> Vec<u8>| {
        for at in heads(item) {
            let comment =
                format!("In the {what}: the head at byte {at} takes more bytes than it needs.");
            let bytes = make(widened(item, at));
            let test = BundleTest::refused(CBOR, rules::SHORTEST, &comment, &bytes);
            cases.add_bundle(&format!("wide_{part}_{at:03}"), test);
        }
    };
    let with = |edit: &dyn Fn(&mut BundleDraft)| {
        let mut draft = draft.clone();
        edit(&mut draft);
        draft.sign()
    };
    add("frame", "bundle around what is embedded in it", &draft.sign(), &|item| item);
    add("protected", "protected header", &draft.protected(), &|item| {
        with(&|draft| draft.protected_bytes = Some(item.clone()))
    });
    add("body", "body", &draft.body(), &|item| {
        with(&|draft| draft.body_bytes = Some(item.clone()))
    });
    let comment = "The bundle that those with a head too wide are made of.";
    let report = full_bundle().report(0);
    let test = BundleTest::accepted(report, rules::SHORTEST, comment, &draft.sign());
    cases.add_bundle("wide_none", test);
}

/// A later receipt that breaks section 2 is reported as unknown.
fn receipts(cases: &mut Cases) {
    let world = World::new();
    let good = NotaryReceipt::over(&Draft::new(world.plan("wide")).seal(), &world.notary);
    let parts: [Row<(Vec<u8>, fn(&NotaryReceipt, usize) -> Vec<u8>)>; 3] = [
        ("receipt", (good.encode(), |good, at| widened(&good.encode(), at)), "receipt"),
        (
            "protected",
            (good.protected(), |good, at| {
                let protected_bytes = Some(widened(&good.protected(), at));
                NotaryReceipt { protected_bytes, ..good.clone() }.encode()
            }),
            "protected header of the receipt",
        ),
        (
            "proof",
            (good.proof.encode(), |good, at| {
                let proof_bytes = Some(widened(&good.proof.encode(), at));
                NotaryReceipt { proof_bytes, ..good.clone() }.encode()
            }),
            "proof of the receipt",
        ),
    ];
    for (part, (item, make), what) in parts {
        for at in heads(&item) {
            let name = format!("wide_{part}_{at:03}");
            let comment =
                format!("In the {what}: the head at byte {at} takes more bytes than it needs.");
            carried(cases, &name, &comment, &world.bundle(), |good| {
                vec![(make(good, at), Unknown)]
            });
        }
    }
}
