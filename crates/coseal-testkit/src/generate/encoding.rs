//! What is not deterministic CBOR: every refusal of the decoder.

use super::rules;
use super::test::{Cases, Row};
use super::words;
use crate::build::cbor::{self, ARRAY, BYTES, Fields, MAP, NEGATIVE, SIMPLE, TAG, TEXT, UNSIGNED};
use crate::build::draft::Draft;
use crate::build::plan::label;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("encoding");
    ends(cases);
    lengths(cases);
    heads(cases);
    indefinite(cases);
    orders(cases);
    texts(cases);
    claims_of_length(cases);
    where_anything_goes(cases);
}

/// Sets one application header, its value encoded as given.
pub(crate) fn application(draft: &mut Draft, value: cbor::Item) {
    let mut fields = Fields::new();
    fields.set_key(cbor::text("a"), value);
    draft.header.set(label::APPLICATION, fields.encode());
}

fn ends(cases: &mut Cases) {
    let rule = rules::WELL_FORMED;
    let good = cases.drafted("ends", |_| ()).envelope;
    cases.refuse("empty_input", "malformed/cbor", rule, "No byte at all.", &[]);
    let (_, short) = good.split_last().expect("an envelope of some bytes");
    cases.refuse("last_byte_missing", "malformed/cbor", rule, "The last byte is missing.", short);
    cases.refuse(
        "tag_alone",
        "malformed/cbor",
        rule,
        "A tag without an item.",
        &cbor::head(TAG, 96),
    );
    let trailing = [good.as_slice(), &[0]].concat();
    cases.refuse(
        "trailing_byte",
        "malformed/cbor",
        rule,
        "A zero byte follows the envelope.",
        &trailing,
    );
    let twice = good.repeat(2);
    cases.refuse(
        "two_envelopes",
        "malformed/cbor",
        rule,
        "A second envelope follows the first.",
        &twice,
    );
    cases.refuse(
        "no_cbor",
        "malformed/cbor",
        rule,
        "A line of JSON.",
        b"{\"hello\": \"coseal\"}\n",
    );
}

fn lengths(cases: &mut Cases) {
    let rule = rules::SHORTEST;
    let untagged = cases.drafted("tag_in_two_bytes", |_| ()).untagged;
    let envelope = [cbor::head_wide(TAG, 96, 2), untagged].concat();
    cases.refuse("tag_in_two_bytes", "malformed/cbor", rule, "Tag 96 takes two bytes.", &envelope);
    let sealed = cases.drafted("array_of_four_in_one_byte", |_| ());
    let (_, items) = sealed.untagged.split_first().expect("an array");
    let envelope = cbor::tag(96, [cbor::head_wide(ARRAY, 4, 1), items.to_vec()].concat());
    cases.refuse(
        "array_of_four_in_one_byte",
        "malformed/cbor",
        rule,
        "The length 4 takes a byte.",
        &envelope,
    );
    for width in [2, 4, 8] {
        let comment =
            format!("The length of the protected header takes {width} bytes instead of one.");
        cases.fault(
            &format!("bytes_length_in_{width}"),
            "malformed/cbor",
            rule,
            &comment,
            |draft| {
                let protected = draft.protected();
                let head = cbor::head_wide(BYTES, protected.len() as u64, width);
                draft.frame.protected = Some([head, protected].concat());
            },
        );
    }
    cases.fault(
        "map_length_in_one",
        "malformed/cbor",
        rule,
        "The unprotected map's length 1 takes a byte.",
        |draft| {
            let receipts = cbor::array([cbor::bytes(draft.seal().receipt)]);
            let entry = [cbor::uint(394), receipts].concat();
            draft.frame.unprotected = Some([cbor::head_wide(MAP, 1, 1), entry].concat());
        },
    );
    cases.fault("label_in_four", "malformed/cbor", rule, "Label 394 takes four bytes.", |draft| {
        let receipts = cbor::array([cbor::bytes(draft.seal().receipt)]);
        draft.frame.unprotected = Some(cbor::map([(cbor::head_wide(UNSIGNED, 394, 4), receipts)]));
    });
    cases.fault(
        "algorithm_in_eight",
        "malformed/cbor",
        rule,
        "The suite's number takes eight bytes.",
        |draft| {
            draft.header.set(label::ALG, cbor::head_wide(NEGATIVE, 65540, 8));
        },
    );
    let values = [
        ("small_integer_in_one", cbor::head_wide(UNSIGNED, 23, 1), "23 takes a byte."),
        ("byte_integer_in_two", cbor::head_wide(UNSIGNED, 255, 2), "255 takes two bytes."),
        ("short_integer_in_four", cbor::head_wide(UNSIGNED, 65535, 4), "65535 takes four bytes."),
        (
            "long_integer_in_eight",
            cbor::head_wide(UNSIGNED, u64::from(u32::MAX), 8),
            "2^32 - 1 takes eight bytes.",
        ),
        ("negative_integer_in_one", cbor::head_wide(NEGATIVE, 0, 1), "-1 takes a byte."),
        (
            "text_length_in_one",
            [cbor::head_wide(TEXT, 1, 1), b"x".to_vec()].concat(),
            "The length 1 takes a byte.",
        ),
    ];
    for (name, value, comment) in values {
        cases.fault(name, "malformed/cbor", rule, comment, |draft| application(draft, value));
    }
}

fn heads(cases: &mut Cases) {
    for info in 28..31u8 {
        let name = format!("reserved_head_{info}");
        let comment = format!("A head whose low five bits are {info}, which no item has.");
        cases.fault(&name, "malformed/cbor", rules::WELL_FORMED, &comment, |draft| {
            application(draft, vec![info])
        });
    }
    let simple = rules::SIMPLE;
    let values = [
        (
            "float_half",
            "malformed/structure",
            cbor::half(0x3e00),
            "The float 1.5, as short as can be.",
        ),
        ("float_nan", "malformed/structure", cbor::half(0x7e00), "Not a number."),
        // As integers these would not be in their shortest form.
        ("float_zero", "malformed/structure", cbor::half(0), "The float 0, as short as can be."),
        (
            "float_single_least",
            "malformed/structure",
            cbor::head_wide(SIMPLE, 1, 4),
            "The least float of four bytes above 0: it has no shorter form.",
        ),
        (
            "float_double_least",
            "malformed/structure",
            cbor::head_wide(SIMPLE, 1, 8),
            "The least float of eight bytes above 0: it has no shorter form.",
        ),
        (
            "float_single",
            "malformed/structure",
            cbor::head_wide(SIMPLE, 0x47c3_5000, 4),
            "The float 100000.",
        ),
        (
            "float_double",
            "malformed/structure",
            cbor::head_wide(SIMPLE, 1.1f64.to_bits(), 8),
            "The float 1.1.",
        ),
        ("undefined", "malformed/structure", cbor::simple(23), "The simple value undefined."),
        ("simple_0", "malformed/structure", cbor::simple(0), "The simple value 0."),
        (
            "simple_255",
            "malformed/structure",
            cbor::head_wide(SIMPLE, 255, 1),
            "The simple value 255.",
        ),
        (
            "false_in_two_bytes",
            "malformed/cbor",
            cbor::head_wide(SIMPLE, 20, 1),
            "False in the form for 32 to 255.",
        ),
        (
            "simple_24_in_two_bytes",
            "malformed/cbor",
            cbor::head_wide(SIMPLE, 24, 1),
            "24, the first of the simple values that do not exist.",
        ),
        (
            "simple_31_in_two_bytes",
            "malformed/cbor",
            cbor::head_wide(SIMPLE, 31, 1),
            "31, the last of the simple values that do not exist.",
        ),
        ("break_alone", "malformed/cbor", cbor::stop(), "A break, where nothing is open."),
    ];
    for (name, expect, value, comment) in values {
        cases.fault(name, expect, simple, comment, |draft| application(draft, value));
    }
    let float = cbor::head_wide(SIMPLE, 1.5f64.to_bits(), 8);
    let comment = "The float 1.5 as a double: a float, and not the shortest; either kind is right.";
    cases.fault("float_too_long", "malformed", simple, comment, |draft| application(draft, float));

    let integers = [
        ("integer_2_63", cbor::uint(1 << 63), "2^63."),
        ("integer_2_64_minus_1", cbor::uint(u64::MAX), "2^64 - 1."),
        ("integer_below_minus_2_63", cbor::head(NEGATIVE, 1 << 63), "-2^63 - 1."),
    ];
    for (name, value, comment) in integers {
        cases.fault(name, "malformed/structure", rules::INTEGERS, comment, |draft| {
            application(draft, value)
        });
    }
}

fn indefinite(cases: &mut Cases) {
    let rule = rules::DEFINITE;
    let sealed = cases.drafted("array", |_| ());
    let (_, items) = sealed.untagged.split_first().expect("an array");
    let envelope = cbor::tag(96, [cbor::indefinite(ARRAY), items.to_vec(), cbor::stop()].concat());
    cases.refuse(
        "indefinite_array",
        "malformed/cbor",
        rule,
        "The envelope's array has no length.",
        &envelope,
    );
    cases.fault(
        "indefinite_map",
        "malformed/cbor",
        rule,
        "The protected header's map has no length.",
        |draft| {
            let encoded = draft.header.encode();
            let (_, entries) = encoded.split_first().expect("a map");
            draft.protected =
                Some([cbor::indefinite(MAP), entries.to_vec(), cbor::stop()].concat());
        },
    );
    cases.fault(
        "indefinite_bytes",
        "malformed/cbor",
        rule,
        "The ciphertext comes in chunks.",
        |draft| {
            let chunk = cbor::bytes(draft.ciphertext());
            draft.frame.ciphertext = Some([cbor::indefinite(BYTES), chunk, cbor::stop()].concat());
        },
    );
    cases.fault("indefinite_text", "malformed/cbor", rule, "A text comes in chunks.", |draft| {
        application(draft, [cbor::indefinite(TEXT), cbor::text("x"), cbor::stop()].concat());
    });
}

fn orders(cases: &mut Cases) {
    let (order, twice) = (rules::KEY_ORDER, rules::DUPLICATES);
    cases.fault(
        "header_out_of_order",
        "malformed/cbor",
        order,
        "Label 5 comes before label 1.",
        |draft| {
            draft.header.entries.swap(0, 1);
        },
    );
    cases.fault(
        "names_out_of_order",
        "malformed/cbor",
        order,
        "The name aa comes before b.",
        |draft| {
            let mut fields = Fields::new();
            fields.set_key(cbor::text("aa"), cbor::uint(1));
            fields.set_key(cbor::text("b"), cbor::uint(1));
            fields.entries.reverse();
            draft.header.set(label::APPLICATION, fields.encode());
        },
    );
    cases.fault(
        "receipt_out_of_order",
        "malformed/cbor",
        order,
        "Label 395 comes before label 1.",
        |draft| {
            draft.receipt.protected.entries.swap(0, 1);
        },
    );
    let comment = "Keys by length first, as RFC 7049 had it: -1 (20) before 100 (1864).";
    cases.fault("keys_by_length", "malformed/cbor", order, comment, |draft| {
        let entries = [(cbor::int(-1), cbor::uint(0)), (cbor::uint(100), cbor::uint(0))];
        draft.header.set(label::EXTENSION, cbor::map(entries));
    });
    let comment = "Keys bytewise: 100 (1864) before -1 (20).";
    cases.message("keys_bytewise", order, comment, |plan| {
        let entries = [(cbor::uint(100), cbor::uint(0)), (cbor::int(-1), cbor::uint(0))];
        plan.extensions = vec![(label::EXTENSION, cbor::map(entries))];
    });
    cases.fault("content_type_twice", "malformed/cbor", twice, "Two content types.", |draft| {
        draft.header.set(label::CONTENT_TYPE, cbor::text("text/plain"));
        draft.header.double(label::CONTENT_TYPE);
        if let Some((_, value)) = draft.header.entries.get_mut(1) {
            *value = cbor::text("text/html");
        }
    });
    cases.fault(
        "name_twice",
        "malformed/cbor",
        twice,
        "An application header comes twice.",
        |draft| {
            let entry = (cbor::text("a"), cbor::uint(1));
            draft.header.set(label::APPLICATION, cbor::map([entry.clone(), entry]));
        },
    );
    cases.fault("channel_twice", "malformed/cbor", twice, "Two channels in the claims.", |draft| {
        let entries = [(cbor::uint(3), cbor::text("orders")), (cbor::uint(3), cbor::text("stock"))];
        draft.header.set(label::CLAIMS, cbor::map(entries));
    });
}

fn texts(cases: &mut Cases) {
    let wrong: [Row<&[u8]>; 6] = [
        ("utf8_overlong", b"\xc0\x80", "NUL in two bytes."),
        ("utf8_surrogate", b"\xed\xa0\x80", "Half of a surrogate pair."),
        ("utf8_truncated", b"\xe2\x82", "Two of three bytes."),
        ("utf8_too_high", b"\xf4\x90\x80\x80", "A code point past U+10FFFF."),
        ("utf8_continuation", b"\x80", "A continuation without a start."),
        ("utf8_no_byte", b"\xff", "A byte that no text has."),
    ];
    for (name, bytes, comment) in wrong {
        let value = cbor::string(TEXT, bytes);
        cases
            .fault(name, "malformed/cbor", rules::UTF8, comment, |draft| application(draft, value));
    }
    cases.fault(
        "utf8_channel",
        "malformed/cbor",
        rules::UTF8,
        "A channel that is not UTF-8.",
        |draft| {
            let claims = Fields::new().with(3, cbor::string(TEXT, b"orders\xff"));
            draft.header.set(label::CLAIMS, claims.encode());
        },
    );
}

/// Lengths that the input does not have: nothing may be allocated by them.
fn claims_of_length(cases: &mut Cases) {
    let claims = [
        ("bytes_2_64", cbor::head(BYTES, u64::MAX), "A byte string of 2^64 - 1 bytes."),
        ("bytes_2_63", cbor::head(BYTES, 1 << 63), "A byte string of 2^63 bytes."),
        ("text_2_32", cbor::head(TEXT, 1 << 32), "A text of 2^32 bytes."),
        ("array_2_64", cbor::head(ARRAY, u64::MAX), "An array of 2^64 - 1 items."),
        ("array_2_32", cbor::head(ARRAY, 1 << 32), "An array of 2^32 items."),
        (
            "map_2_63",
            cbor::head(MAP, 1 << 63),
            "A map of 2^63 entries: twice that many items overflow.",
        ),
    ];
    for (name, head, comment) in claims {
        let name = format!("claims_{name}");
        cases.fault(&name, "malformed/cbor", rules::WELL_FORMED, comment, |draft| {
            draft.frame.recipients = Some(head);
        });
    }
}

/// The same faults where any value may stand: in extensions, and in entries
/// that are skipped. There no type is expected that would refuse them.
fn where_anything_goes(cases: &mut Cases) {
    let pair = |first: cbor::Item, second: cbor::Item| {
        cbor::map([(first, cbor::uint(0)), (second, cbor::uint(0))])
    };
    let (structure, cbor_kind) = ("malformed/structure", "malformed/cbor");
    let values: [(&str, &str, &str, cbor::Item); 9] = [
        ("float", structure, rules::SIMPLE, cbor::half(0x3e00)),
        ("undefined", structure, rules::SIMPLE, cbor::simple(23)),
        ("simple_32", structure, rules::SIMPLE, cbor::head_wide(SIMPLE, 32, 1)),
        ("integer_2_63", structure, rules::INTEGERS, cbor::uint(1 << 63)),
        ("integer_below_minus_2_63", structure, rules::INTEGERS, cbor::head(NEGATIVE, 1 << 63)),
        ("not_shortest", cbor_kind, rules::SHORTEST, cbor::head_wide(UNSIGNED, 0, 1)),
        ("key_twice", cbor_kind, rules::DUPLICATES, pair(cbor::uint(1), cbor::uint(1))),
        ("keys_out_of_order", cbor_kind, rules::KEY_ORDER, pair(cbor::int(-1), cbor::uint(100))),
        ("utf8", cbor_kind, rules::UTF8, cbor::string(TEXT, b"\xff")),
    ];
    for (what, expect, rule, value) in values {
        let comment = format!("In the value of an extension: {}.", words::of(what));
        let inside = cbor::array([value.clone()]);
        cases.fault(&format!("extension_{what}"), expect, rule, &comment, |draft| {
            draft.header.set(label::EXTENSION, inside);
        });
        let comment = format!("In an entry that would be skipped: {}.", words::of(what));
        cases.fault(&format!("skipped_entry_{what}"), expect, rule, &comment, |draft| {
            draft.recipients.push(super::nesting::other_with(value));
        });
    }
}
