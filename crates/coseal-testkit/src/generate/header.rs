//! The protected header: each field missing, of the wrong type, too short, too
//! long, and as long as may be.

use super::encoding::application;
use super::rules;
use super::test::{Cases, Row, Test};
use super::world::World;
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::Draft;
use crate::build::plan::{Plan, label};
use crate::case::{HeaderValue, Hex};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("header");
    missing_and_mistyped(cases);
    iv(cases);
    claims(cases);
    channels(cases);
    origin(cases);
    applications(cases);
    application_limits(cases);
    size(cases);
    labels(cases);
}

const STRUCTURE: &str = "malformed/structure";

fn missing_and_mistyped(cases: &mut Cases) {
    for (name, label) in [
        ("algorithm_missing", label::ALG),
        ("iv_missing", label::IV),
        ("claims_missing", label::CLAIMS),
        ("origin_missing", label::ORIGIN),
    ] {
        let comment = format!("Label {label} is missing.");
        cases.fault(name, STRUCTURE, rules::HEADER, &comment, |draft| draft.header.remove(label));
    }
    let cases_of_type: [(&str, i64, Item, &str); 11] = [
        ("algorithm_text", label::ALG, cbor::text("A256GCM"), "The suite as a text."),
        ("algorithm_bytes", label::ALG, cbor::bytes([1]), "The suite as bytes."),
        ("algorithm_nil", label::ALG, cbor::nil(), "Nil as the suite."),
        (
            "iv_text",
            label::IV,
            cbor::text("iv iv iv iv iv iv iv iv!"),
            "The iv as a text of 24 bytes.",
        ),
        ("iv_integer", label::IV, cbor::uint(24), "The iv as an integer."),
        (
            "content_type_integer",
            label::CONTENT_TYPE,
            cbor::uint(50),
            "A content type by its CoAP number.",
        ),
        (
            "content_type_bytes",
            label::CONTENT_TYPE,
            cbor::bytes(b"text/plain"),
            "A content type as bytes.",
        ),
        ("content_type_empty", label::CONTENT_TYPE, cbor::text(""), "A content type of no byte."),
        (
            "claims_array",
            label::CLAIMS,
            cbor::array([cbor::uint(3), cbor::text("orders")]),
            "Claims as an array.",
        ),
        ("claims_bytes", label::CLAIMS, cbor::bytes(cbor::map([])), "Claims in a byte string."),
        ("claims_empty", label::CLAIMS, cbor::map([]), "Claims without a channel."),
    ];
    for (name, label, value, comment) in cases_of_type {
        cases
            .fault(name, STRUCTURE, rules::HEADER, comment, |draft| draft.header.set(label, value));
    }
    let rule = rules::CONTENT_TYPE;
    cases.message("content_type_255", rule, "A content type of 255 bytes.", |plan| {
        plan.content_type = Some(format!("text/{}", "x".repeat(250)));
    });
    cases.fault("content_type_256", STRUCTURE, rule, "A content type of 256 bytes.", |draft| {
        draft.header.set(label::CONTENT_TYPE, cbor::text(&format!("text/{}", "x".repeat(251))));
    });
}

fn iv(cases: &mut Cases) {
    let iv = |edit: fn(&mut Vec<u8>)| {
        move |draft: &mut Draft| {
            let mut iv = draft.plan.iv();
            edit(&mut iv);
            draft.header.set(label::IV, cbor::bytes(iv));
        }
    };
    cases.fault("iv_23", STRUCTURE, rules::IV, "An iv of 23 bytes.", iv(|iv| iv.truncate(23)));
    cases.fault("iv_25", STRUCTURE, rules::IV, "An iv of 25 bytes.", iv(|iv| iv.push(0)));
    cases.fault("iv_empty", STRUCTURE, rules::IV, "An iv of no byte.", iv(Vec::clear));
    let rule = rules::MESSAGE_ID;
    let byte = |at: usize, keep: u8, set: u8| {
        move |draft: &mut Draft| {
            let mut iv = draft.plan.iv();
            let byte = iv.get_mut(at).expect("an iv of 24 bytes");
            *byte = *byte & keep | set;
            draft.header.set(label::IV, cbor::bytes(iv));
        }
    };
    for version in [0, 4, 6, 8, 15] {
        let comment = format!("A UUID of version {version}.");
        let name = format!("message_id_version_{version}");
        cases.fault(&name, STRUCTURE, rule, &comment, byte(6, 0x0f, version << 4));
    }
    for (variant, bits) in [("0", 0x00), ("110", 0xc0), ("111", 0xe0)] {
        let comment = format!("A UUID of variant {variant}.");
        let name = format!("message_id_variant_{variant}");
        cases.fault(&name, STRUCTURE, rule, &comment, byte(8, 0x1f, bits));
    }
    cases.message("sequence_largest", rules::IV, "The largest sequence.", |plan| {
        plan.sequence = u64::MAX
    });
}

fn claims(cases: &mut Cases) {
    let rule = rules::CLAIMS;
    let with = |label: i64, value: Item| {
        move |draft: &mut Draft| {
            let claims = draft.plan.claims().with(label, value);
            draft.header.set(label::CLAIMS, claims.encode());
        }
    };
    cases.fault(
        "channel_bytes",
        STRUCTURE,
        rule,
        "The channel as bytes.",
        with(3, cbor::bytes(b"orders")),
    );
    cases.fault("channel_nil", STRUCTURE, rule, "Nil as the channel.", with(3, cbor::nil()));
    let list = cbor::array([cbor::text("orders")]);
    cases.fault("channel_array", STRUCTURE, rule, "An array of channels.", with(3, list));
    cases.fault(
        "expiry_negative",
        STRUCTURE,
        rule,
        "An expiry before 1970.",
        with(4, cbor::int(-1)),
    );
    cases.fault(
        "expiry_text",
        STRUCTURE,
        rule,
        "An expiry as a text.",
        with(4, cbor::text("2026-09-21T00:00:00Z")),
    );
    cases.fault("expiry_nil", STRUCTURE, rule, "Nil as the expiry.", with(4, cbor::nil()));
    cases.fault(
        "expiry_tagged",
        STRUCTURE,
        rule,
        "An expiry with the tag of times.",
        with(4, cbor::tag(1, cbor::uint(1_790_000_100))),
    );
    cases.fault(
        "claims_issuer",
        STRUCTURE,
        rule,
        "An issuer among the claims.",
        with(1, cbor::text("me")),
    );
    cases.fault(
        "claims_issued_at",
        STRUCTURE,
        rule,
        "An issuing time among the claims.",
        with(6, cbor::uint(0)),
    );
    cases.fault("claims_text_label", STRUCTURE, rule, "A text label among the claims.", |draft| {
        let mut claims = draft.plan.claims();
        claims.set_key(cbor::text("a"), cbor::uint(0));
        draft.header.set(label::CLAIMS, claims.encode());
    });
    for (name, label, comment) in [
        ("claims_label_2", 2, "The label 2 beside channel and expiry."),
        ("claims_label_5", 5, "The label 5 beside channel and expiry."),
        ("claims_label_negative", -1, "The label -1 beside channel and expiry."),
    ] {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            let claims = draft.plan.claims().with(4, cbor::uint(1_790_003_600));
            draft.header.set(label::CLAIMS, claims.with(label, cbor::uint(0)).encode());
        });
    }
    let half = cbor::half(0x7800);
    cases.fault("expiry_float", STRUCTURE, rules::SIMPLE, "An expiry as a float.", with(4, half));
    let rule = rules::TIMES_RANGE;
    cases.fault("expiry_2_53", STRUCTURE, rule, "An expiry of 2^53.", with(4, cbor::uint(1 << 53)));
    cases.message("expiry_2_53_minus_1", rule, "An expiry of 2^53 - 1.", |plan| {
        plan.expires = Some((1 << 53) - 1)
    });
}

fn channels(cases: &mut Cases) {
    let rule = rules::CHANNEL;
    let long = "x".repeat(255);
    // 85 characters of three bytes each: bytes are counted, not characters.
    let wide = "\u{20ac}".repeat(85);
    let good = [
        ("channel_255", long.as_str(), "A channel of 255 bytes."),
        ("channel_255_wide", &wide, "A channel of 85 characters, 255 bytes."),
        ("channel_one_byte", "o", "A channel of one byte."),
        ("channel_colon", "orders:eu", "A colon does not make it a URI."),
        ("channel_spaces", "orders eu", "A space is no control character."),
        ("channel_empty_tokens", "..", "Tokens may be empty."),
        ("channel_no_break_space", "orders\u{a0}eu", "U+00A0, after the control characters."),
    ];
    for (name, channel, comment) in good {
        let sealed = cases.planned(name, |plan| channel.clone_into(&mut plan.channel));
        let test = Test::of(rule, comment, &sealed);
        cases.add(name, test.bundle(&World::new().bundle_for(&[">"])));
    }
    let too_long = "x".repeat(256);
    let too_wide = format!("{}x", "\u{20ac}".repeat(85));
    let bad = [
        ("channel_empty", "", "A channel of no byte."),
        ("channel_256", too_long.as_str(), "A channel of 256 bytes."),
        ("channel_256_wide", &too_wide, "A channel of 86 characters, 256 bytes."),
        ("channel_nul", "orders\0", "NUL in a channel."),
        ("channel_line_feed", "orders\n", "A line feed in a channel."),
        ("channel_unit_separator", "orders\u{1f}", "U+001F in a channel."),
        ("channel_delete", "orders\u{7f}", "U+007F in a channel."),
        ("channel_c1", "orders\u{85}", "U+0085, a control character of two bytes, in a channel."),
        ("channel_c1_last", "orders\u{9f}", "U+009F, the last control character, in a channel."),
        ("channel_star", "*", "A pattern as a channel."),
        ("channel_star_inside", "orders.a*b", "A star inside a channel."),
        ("channel_greater", "orders.>", "A pattern as a channel."),
        ("channel_greater_inside", "a>b", "A greater-than sign inside a channel."),
    ];
    for (name, channel, comment) in bad {
        let envelope = cases.planned(name, |plan| channel.clone_into(&mut plan.channel)).envelope;
        let test = Test::new(rule, comment, &envelope).refused(STRUCTURE);
        cases.add(name, test.bundle(&World::new().bundle_for(&[">"])));
    }
}

fn origin(cases: &mut Cases) {
    let rule = rules::ORIGIN;
    let edits: [Row<fn(&mut Vec<Item>)>; 12] = [
        ("origin_empty", Vec::clear, "An empty array."),
        ("origin_of_one", |origin| origin.truncate(1), "No signer, no epoch."),
        ("origin_of_two", |origin| origin.truncate(2), "No epoch."),
        ("origin_of_five", |origin| origin.extend([previous(), previous()]), "A fifth item."),
        ("signer_7", |origin| replace(origin, 1, cbor::bytes([0; 7])), "A key ID of 7 bytes."),
        ("signer_9", |origin| replace(origin, 1, cbor::bytes([0; 9])), "A key ID of 9 bytes."),
        (
            "signer_32",
            |origin| replace(origin, 1, cbor::bytes([0; 32])),
            "A thumbprint as the key ID.",
        ),
        (
            "signer_text",
            |origin| replace(origin, 1, cbor::text("orders!!")),
            "A key ID as a text of 8 bytes.",
        ),
        ("epoch_7", |origin| replace(origin, 2, cbor::bytes([0; 7])), "An epoch ID of 7 bytes."),
        ("epoch_9", |origin| replace(origin, 2, cbor::bytes([0; 9])), "An epoch ID of 9 bytes."),
        ("epoch_integer", |origin| replace(origin, 2, cbor::uint(1)), "An epoch ID as an integer."),
        ("origin_previous_nil", |origin| origin.push(cbor::nil()), "Nil as the previous epoch."),
    ];
    for (name, edit, comment) in edits {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            let mut origin = draft.plan.origin();
            edit(&mut origin);
            draft.header.set(label::ORIGIN, cbor::array(origin));
        });
    }
    cases.fault("origin_map", STRUCTURE, rule, "A map instead of the array.", |draft| {
        draft.header.set(label::ORIGIN, cbor::map([(cbor::uint(1), cbor::uint(2))]));
    });
    let rule = rules::PREVIOUS;
    let previous: [Row<Item>; 7] = [
        ("previous_empty", cbor::array([]), "An empty previous."),
        ("previous_of_one", cbor::array([cbor::bytes([1; 8])]), "A previous without its number."),
        (
            "previous_of_three",
            cbor::array([cbor::bytes([1; 8]), cbor::uint(1), cbor::uint(1)]),
            "A third item.",
        ),
        (
            "previous_epoch_7",
            cbor::array([cbor::bytes([1; 7]), cbor::uint(1)]),
            "A previous epoch ID of 7 bytes.",
        ),
        (
            "previous_negative",
            cbor::array([cbor::bytes([1; 8]), cbor::int(-1)]),
            "A negative number of messages.",
        ),
        (
            "previous_text",
            cbor::array([cbor::bytes([1; 8]), cbor::text("1")]),
            "A number of messages as a text.",
        ),
        ("previous_bytes", cbor::bytes([1; 8]), "A previous epoch ID without an array."),
    ];
    for (name, item, comment) in previous {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            let mut origin = draft.plan.origin();
            origin.push(item);
            draft.header.set(label::ORIGIN, cbor::array(origin));
        });
    }
    let sealed = cases.planned("previous_in_second_message", |plan| {
        plan.sequence = 1;
        plan.previous = Some(([1; 8], 42));
    });
    let comment = "The second message of an epoch names the epoch before.";
    cases.refuse("previous_in_second_message", STRUCTURE, rule, comment, &sealed.envelope);
    let sealed = cases.planned("previous_in_message_2_32", |plan| {
        plan.sequence = 1 << 32;
        plan.previous = Some(([1; 8], 42));
    });
    let comment = "The message 2^32 of an epoch names the epoch before.";
    cases.refuse("previous_in_message_2_32", STRUCTURE, rule, comment, &sealed.envelope);
    let comment = "The epoch before is said to be the message's own.";
    cases.message("previous_own_epoch", rule, comment, |plan| {
        plan.previous = Some((plan.epoch_id, 42));
    });
    let comment = "The epoch before had 2^63 - 1 messages.";
    cases.message("previous_largest", rule, comment, |plan| {
        plan.previous = Some(([1; 8], i64::MAX.cast_unsigned()));
    });
}

fn previous() -> Item {
    cbor::array([cbor::bytes([1; 8]), cbor::uint(42)])
}

fn replace(items: &mut [Item], at: usize, item: Item) {
    *items.get_mut(at).expect("an item to replace") = item;
}

fn applications(cases: &mut Cases) {
    let rule = rules::APPLICATION;
    cases.message("application_every_type", rule, "Every type of value, at its ends.", |plan| {
        plan.headers = [
            ("text", HeaderValue::Text("\u{20ac} 7,-".to_owned())),
            ("empty-text", HeaderValue::Text(String::new())),
            ("bytes", HeaderValue::BytesHex(Hex(vec![0, 255]))),
            ("empty-bytes", HeaderValue::BytesHex(Hex(Vec::new()))),
            ("zero", HeaderValue::Int(0)),
            ("largest", HeaderValue::Int(i64::MAX)),
            ("smallest", HeaderValue::Int(i64::MIN)),
            ("true", HeaderValue::Bool(true)),
            ("false", HeaderValue::Bool(false)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
    });
    let comment = "A name that is reserved for carriers: a reader takes it.";
    cases.message("application_reserved_name", rule, comment, |plan| {
        plan.headers =
            [("coseal.reply".to_owned(), HeaderValue::Text("orders.reply".to_owned()))].into();
    });
    let values: [Row<Item>; 5] = [
        ("application_nil", cbor::nil(), "Nil as a value."),
        ("application_array", cbor::array([]), "An array as a value."),
        ("application_map", cbor::map([]), "A map as a value."),
        ("application_tag", cbor::tag(0, cbor::text("2026-09-21T00:00:00Z")), "A tag on a value."),
        ("application_big_number", cbor::tag(2, cbor::bytes([1; 9])), "A big number as a value."),
    ];
    for (name, value, comment) in values {
        cases.fault(name, STRUCTURE, rule, comment, |draft| application(draft, value));
    }
    let keys: [Row<Item>; 4] = [
        ("application_name_integer", cbor::uint(1), "An integer as a name."),
        ("application_name_bytes", cbor::bytes(b"a"), "Bytes as a name."),
        ("application_name_empty", cbor::text(""), "A name of no byte."),
        ("application_name_65", cbor::text(&"n".repeat(65)), "A name of 65 bytes."),
    ];
    for (name, key, comment) in keys {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            draft.header.set(label::APPLICATION, cbor::map([(key, cbor::uint(1))]));
        });
    }
    let maps: [Row<Item>; 3] = [
        ("application_empty", cbor::map([]), "No application header in their map."),
        (
            "application_not_a_map",
            cbor::array([cbor::text("a"), cbor::uint(1)]),
            "An array instead of the map.",
        ),
        ("application_null", cbor::nil(), "Nil instead of the map."),
    ];
    for (name, map, comment) in maps {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            draft.header.set(label::APPLICATION, map)
        });
    }
}

fn application_limits(cases: &mut Cases) {
    let rule = rules::APPLICATION;
    let numbered =
        |count: i64| (0..count).map(|n| (format!("h{n:02}"), HeaderValue::Int(n))).collect();
    cases.message("application_32", rule, "32 application headers.", |plan| {
        plan.headers = numbered(32)
    });
    let sealed = cases.planned("application_33", |plan| plan.headers = numbered(33));
    cases.refuse("application_33", STRUCTURE, rule, "33 application headers.", &sealed.envelope);
    cases.message("application_name_64", rule, "A name of 64 bytes.", |plan| {
        plan.headers = [("n".repeat(64), HeaderValue::Bool(true))].into();
    });
    let one = |value| move |plan: &mut Plan| plan.headers = [("a".to_owned(), value)].into();
    let text = |len| one(HeaderValue::Text("v".repeat(len)));
    let bytes = |len| one(HeaderValue::BytesHex(Hex(vec![7; len])));
    cases.message("application_text_4096", rule, "A text of 4096 bytes.", text(4096));
    cases.message("application_bytes_4096", rule, "A byte string of 4096 bytes.", bytes(4096));
    let sealed = cases.planned("application_text_4097", text(4097));
    cases.refuse(
        "application_text_4097",
        STRUCTURE,
        rule,
        "A text of 4097 bytes.",
        &sealed.envelope,
    );
    let sealed = cases.planned("application_bytes_4097", bytes(4097));
    cases.refuse(
        "application_bytes_4097",
        STRUCTURE,
        rule,
        "A byte string of 4097 bytes.",
        &sealed.envelope,
    );
    let wide = one(HeaderValue::Text("\u{20ac}".repeat(1366)));
    let sealed = cases.planned("application_text_wide", wide);
    let comment = "A text of 1366 characters, 4098 bytes.";
    cases.refuse("application_text_wide", STRUCTURE, rule, comment, &sealed.envelope);
}

/// A header of exactly `len` bytes.
fn sized(len: usize) -> impl Fn(&mut Plan) {
    move |plan| {
        let fill = |plan: &mut Plan, last: usize| {
            let value = |len| HeaderValue::BytesHex(Hex(vec![7; len]));
            plan.headers = ["a", "b", "c"].map(|name| (name.to_owned(), value(4096))).into();
            plan.headers.insert("d".to_owned(), value(last));
        };
        fill(plan, 3800);
        let missing = len - plan.header().encode().len();
        fill(plan, 3800 + missing);
        assert_eq!(plan.header().encode().len(), len, "a header of the wanted length");
    }
}

fn size(cases: &mut Cases) {
    let rule = rules::HEADER_SIZE;
    cases.message("protected_16384", rule, "A protected header of 16384 bytes.", sized(16384));
    let sealed = cases.planned("protected_16385", sized(16385));
    cases.refuse(
        "protected_16385",
        STRUCTURE,
        rule,
        "A protected header of 16385 bytes.",
        &sealed.envelope,
    );
}

fn labels(cases: &mut Cases) {
    let rule = rules::UNLISTED;
    let unlisted: [Row<Item>; 9] = [
        ("label_crit", cbor::int(2), "There is no crit: label 2 is as unknown as any."),
        ("label_key_id", cbor::int(4), "A COSE key ID in the protected header."),
        ("label_partial_iv", cbor::int(6), "A partial iv."),
        ("label_zero", cbor::int(0), "Label 0."),
        ("label_before_extensions", cbor::int(-65599), "The label before the extensions."),
        ("label_after_extensions", cbor::int(-65664), "The label after the extensions."),
        ("label_after_application", cbor::int(-65539), "The label after the application headers."),
        ("label_largest", cbor::int(i64::MAX), "The largest label."),
        ("label_text", cbor::text("alg"), "A text as a label."),
    ];
    for (name, key, comment) in unlisted {
        // A value that suits `crit`, so that its presence is the only fault.
        cases.fault(name, "unsupported/header", rule, comment, |draft| {
            draft.header.set_key(key, cbor::array([cbor::int(1)]));
        });
    }
    let keys: [Row<Item>; 3] = [
        ("label_bytes", cbor::bytes([1]), "Bytes as a label."),
        ("label_true", cbor::boolean(true), "True as a label."),
        ("label_array", cbor::array([]), "An array as a label."),
    ];
    let integers: [Row<Item>; 2] = [
        ("label_2_63", cbor::uint(1 << 63), "2^63 as a label."),
        ("label_below_minus_2_63", cbor::head(cbor::NEGATIVE, 1 << 63), "-2^63 - 1 as a label."),
    ];
    let keys = keys.map(|row| (rules::HEADER, row)).into_iter();
    for (rule, (name, key, comment)) in keys.chain(integers.map(|row| (rules::INTEGERS, row))) {
        cases.fault(name, STRUCTURE, rule, comment, |draft| {
            draft.header.set_key(key, cbor::uint(0));
        });
    }
    let comment = "The first and the last extension label, with values of every type.";
    cases.message("extensions", rules::EXTENSIONS, comment, |plan| {
        let every = [
            cbor::int(i64::MIN),
            cbor::int(i64::MAX),
            cbor::text("text"),
            cbor::bytes([0, 255]),
            cbor::boolean(true),
            cbor::boolean(false),
            cbor::nil(),
            cbor::array([]),
            Fields::new().with(-1, cbor::nil()).encode(),
        ];
        plan.extensions =
            vec![(label::EXTENSION, cbor::nil()), (label::LAST_EXTENSION, cbor::array(every))];
    });
}
