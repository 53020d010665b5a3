//! The four items of an envelope: each missing, of the wrong type, too short
//! or too many.

use super::rules;
use super::test::{Cases, Row, Test};
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::Draft;
use crate::build::plan::Recipient;
use crate::case::{Hex, LongHex, Run};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("frame");
    tags(cases);
    items(cases);
    unprotected(cases);
    ciphertext(cases);
    recipients(cases);
    sizes(cases);
}

const STRUCTURE: &str = "malformed/structure";

fn tags(cases: &mut Cases) {
    let untagged = cases.drafted("tags", |_| ()).untagged;
    let envelopes = [
        ("tag_missing", untagged.clone(), "No tag."),
        ("tag_97", cbor::tag(97, &untagged), "Tag 97 instead of 96."),
        ("tag_16", cbor::tag(16, &untagged), "Tag 16: COSE_Encrypt0."),
        ("tag_twice", cbor::tag(96, cbor::tag(96, &untagged)), "Tag 96 twice."),
        (
            "tag_self_described",
            cbor::tag(55799, cbor::tag(96, &untagged)),
            "Self-described CBOR before tag 96.",
        ),
        (
            "in_a_byte_string",
            cbor::bytes(cbor::tag(96, &untagged)),
            "The envelope in a byte string.",
        ),
        ("tagged_map", cbor::tag(96, cbor::map([])), "A map instead of the array."),
        ("tagged_empty_array", cbor::tag(96, cbor::array([])), "An array of nothing."),
        ("an_integer", cbor::uint(96), "The integer 96."),
    ];
    for (name, envelope, comment) in envelopes {
        cases.refuse(name, STRUCTURE, rules::FRAME, comment, &envelope);
    }
}

fn items(cases: &mut Cases) {
    let rule = rules::FRAME;
    let sealed = cases.drafted("items", |_| ());
    let three = cbor::array([
        cbor::bytes(&sealed.protected),
        Fields::new().with(394, cbor::array([cbor::bytes(&sealed.receipt)])).encode(),
        cbor::bytes(&sealed.ciphertext),
    ]);
    cases.refuse("three_items", STRUCTURE, rule, "No recipients at all.", &cbor::tag(96, three));
    cases.fault("five_items", STRUCTURE, rule, "A fifth item.", |draft| {
        draft.frame.more = vec![cbor::nil()]
    });
    cases.fault(
        "protected_unwrapped",
        STRUCTURE,
        rule,
        "The protected header as a map.",
        |draft| {
            draft.frame.protected = Some(draft.header.encode());
        },
    );
    cases.fault("protected_text", STRUCTURE, rule, "The protected header as a text.", |draft| {
        draft.frame.protected = Some(cbor::text("protected"));
    });
    cases.fault("protected_nil", STRUCTURE, rule, "No protected header.", |draft| {
        draft.frame.protected = Some(cbor::nil());
    });
    cases.fault(
        "protected_array",
        STRUCTURE,
        rules::HEADER,
        "The protected header holds an array.",
        |draft| {
            draft.protected = Some(cbor::array([cbor::uint(1)]));
        },
    );
}

fn unprotected(cases: &mut Cases) {
    let rule = rules::UNPROTECTED;
    let maps: [Row<fn(Item) -> Item>; 8] = [
        ("unprotected_empty", |_| Fields::new().encode(), "No receipts at all."),
        ("unprotected_array", |receipts| cbor::array([receipts]), "An array instead of the map."),
        ("unprotected_nil", |_| cbor::nil(), "Nil instead of the map."),
        (
            "unprotected_other_label",
            |receipts| Fields::new().with(395, receipts).encode(),
            "395 instead of 394.",
        ),
        (
            "unprotected_more_labels",
            |receipts| Fields::new().with(394, receipts).with(4, cbor::bytes([0; 8])).encode(),
            "A key ID beside the receipts.",
        ),
        (
            "unprotected_header_label",
            |receipts| Fields::new().with(394, receipts).with(3, cbor::text("text/plain")).encode(),
            "A content type where no signature covers it.",
        ),
        (
            "unprotected_extension_label",
            |receipts| Fields::new().with(394, receipts).with(-65600, cbor::uint(0)).encode(),
            "An extension label where no signature covers it.",
        ),
        (
            "unprotected_text_label",
            |receipts| {
                let mut fields = Fields::new().with(394, receipts);
                fields.set_key(cbor::text("a"), cbor::uint(0));
                fields.encode()
            },
            "A text label beside the receipts.",
        ),
    ];
    for (name, unprotected, comment) in maps {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            draft.frame.unprotected =
                Some(unprotected(cbor::array([cbor::bytes(draft.seal().receipt)])));
        });
    }
    let lists: [Row<fn(&Draft) -> Item>; 5] = [
        ("receipts_empty", |_| cbor::array([]), "An empty array of receipts."),
        (
            "receipts_bytes",
            |draft| cbor::bytes(draft.seal().receipt),
            "One receipt without an array.",
        ),
        (
            "receipts_unwrapped",
            |draft| cbor::array([draft.seal().receipt]),
            "A receipt not in a byte string.",
        ),
        ("receipts_nil", |_| cbor::nil(), "Nil instead of receipts."),
        ("receipts_text", |_| cbor::array([cbor::text("receipt")]), "A text as the receipt."),
    ];
    for (name, receipts, comment) in lists {
        cases.fault(name, STRUCTURE, rules::RECEIPTS, comment, |draft| {
            draft.frame.receipts = Some(receipts(draft))
        });
    }
    let others: [Row<Vec<Item>>; 5] = [
        ("receipts_five", vec![cbor::bytes([0]); 4], "Four receipts after the sender's."),
        ("other_receipt_empty", vec![cbor::bytes([])], "A later receipt of no byte."),
        ("other_receipt_16385", vec![cbor::bytes([0; 16385])], "A later receipt of 16385 bytes."),
        ("other_receipt_text", vec![cbor::text("receipt")], "A later receipt that is a text."),
        ("other_receipt_nil", vec![cbor::bytes([0]), cbor::nil()], "A later receipt that is nil."),
    ];
    for (name, receipts, comment) in others {
        cases.fault(name, STRUCTURE, rules::RECEIPTS, comment, |draft| {
            draft.other_receipts = receipts
        });
    }
}

fn ciphertext(cases: &mut Cases) {
    let rule = rules::CIPHERTEXT;
    let items: [Row<fn(&Draft) -> Item>; 5] = [
        ("ciphertext_text", |_| cbor::text(&"x".repeat(60)), "A text as the ciphertext."),
        ("ciphertext_false", |_| cbor::boolean(false), "False as the ciphertext."),
        ("ciphertext_undefined", |_| cbor::simple(23), "Undefined is not nil."),
        (
            "ciphertext_array",
            |draft| cbor::array([cbor::bytes(draft.ciphertext())]),
            "A ciphertext in an array.",
        ),
        ("ciphertext_integer", |_| cbor::uint(48), "An integer as the ciphertext."),
    ];
    for (name, item, comment) in items {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            draft.frame.ciphertext = Some(item(draft))
        });
    }
    for len in [0, 32, 47] {
        let comment = format!("A ciphertext of {len} bytes.");
        cases.fault(&format!("ciphertext_of_{len}"), STRUCTURE, rule, &comment, |draft| {
            let mut ciphertext = draft.ciphertext();
            ciphertext.truncate(len);
            draft.ciphertext = Some(ciphertext);
        });
    }
    cases.message("ciphertext_of_48", rule, "An empty payload: 48 bytes.", |plan| {
        plan.payload.clear()
    });
}

fn recipients(cases: &mut Cases) {
    let rule = rules::RECIPIENTS;
    cases.fault("recipients_empty", STRUCTURE, rule, "No recipient.", |draft| {
        draft.recipients.clear()
    });
    cases.fault("recipients_nil", STRUCTURE, rule, "Nil instead of recipients.", |draft| {
        draft.frame.recipients = Some(cbor::nil());
    });
    cases.fault("recipients_map", STRUCTURE, rule, "A map instead of an array.", |draft| {
        draft.frame.recipients = Some(cbor::map([]));
    });
    cases.fault(
        "recipients_unwrapped",
        STRUCTURE,
        rule,
        "One recipient without an array around it.",
        |draft| {
            draft.frame.recipients = draft.recipients.first().cloned();
        },
    );
    cases.fault("recipients_65", STRUCTURE, rule, "65 recipients.", |draft| {
        draft.recipients = draft.recipients.iter().cycle().take(65).cloned().collect();
    });
    cases.message("recipients_64", rule, "64 recipients; ours is the last.", |plan| {
        let ours = plan.recipients.clone();
        let others = (0..63).map(|n| {
            let other = crate::build::keys::Receiver::labelled(&format!("other {n}"));
            Recipient::x25519(&other, &format!("recipients_64 {n}"))
        });
        plan.recipients = others.chain(ours).collect();
    });
    let wrong: [Row<Item>; 8] = [
        ("recipient_bytes", cbor::bytes([0; 48]), "A byte string as a recipient."),
        (
            "recipient_of_two",
            cbor::array([cbor::bytes([]), cbor::map([])]),
            "A recipient of two items.",
        ),
        (
            "recipient_nested",
            cbor::array([cbor::bytes([]), other_map(), cbor::bytes([]), cbor::array([other()])]),
            "A recipient with recipients of its own.",
        ),
        (
            "recipient_protected_map",
            cbor::array([cbor::map([]), other_map(), cbor::bytes([])]),
            "A recipient's protected part as a map.",
        ),
        (
            "recipient_protected_holds_array",
            cbor::array([cbor::bytes(cbor::array([])), other_map(), cbor::bytes([])]),
            "A recipient's protected part holds an array.",
        ),
        (
            "recipient_unprotected_array",
            cbor::array([cbor::bytes([]), cbor::array([]), cbor::bytes([])]),
            "A recipient's unprotected part as an array.",
        ),
        (
            "recipient_ciphertext_nil",
            cbor::array([cbor::bytes([]), other_map(), cbor::nil()]),
            "A recipient's ciphertext is nil.",
        ),
        (
            "recipient_ciphertext_text",
            cbor::array([cbor::bytes([]), other_map(), cbor::text("x")]),
            "A recipient's ciphertext is a text.",
        ),
    ];
    for (name, recipient, comment) in wrong {
        // After a good one: every entry is looked at, not only the reader's own.
        cases.fault(name, STRUCTURE, rule, comment, |draft| draft.recipients.push(recipient));
    }
}

fn other_map() -> Item {
    Fields::new().with(1, cbor::int(-99)).encode()
}

fn other() -> Item {
    cbor::array([cbor::bytes([]), other_map(), cbor::bytes([])])
}

fn sizes(cases: &mut Cases) {
    let rule = rules::SIZE;
    let sealed = cases.drafted("sizes", |_| ());
    let len = sealed.envelope.len() as u64;
    let mut exactly = Test::of(rule, "As long as the reader takes.", &sealed);
    exactly.case.max_len = Some(len);
    cases.add("as_long_as_taken", exactly);
    let mut longer = Test::new(rule, "A byte longer than the reader takes.", &sealed.envelope);
    longer.case.max_len = Some(len - 1);
    cases.add("longer_than_taken", longer.refused("malformed/too_large"));

    // 64 MiB of input: an envelope and zeros. The last byte decides.
    let padded = |total: usize| {
        let zeros = total - sealed.envelope.len();
        LongHex::Runs(vec![
            Run { hex: Hex::from(&sealed.envelope), times: 1 },
            Run { hex: Hex(vec![0]), times: zeros },
        ])
    };
    let comment = "64 MiB and a byte, by default too many, whatever is in them.";
    cases.refuse(
        "default_limit_passed",
        "malformed/too_large",
        rule,
        comment,
        padded((64 << 20) + 1),
    );
    let comment = "64 MiB, of which all but the first bytes are trailing.";
    cases.refuse("default_limit_reached", "malformed/cbor", rule, comment, padded(64 << 20));
}
