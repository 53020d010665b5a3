//! The vectors that are refused for their shape and that a schema lets pass,
//! each with the reason: what CDDL cannot say, or what our validator cannot
//! read. Both lists are exact: a vector that is missing here, and one that is
//! here for nothing, fail the tests.

/// Reasons, and the vectors they are for: folder/name.
pub(super) type Beyond = &'static [(&'static str, &'static [&'static str])];

pub(super) const ENVELOPE: Beyond = &[
    (
        "2.2: what is skipped is `any`, which has floats, other simple values and larger integers",
        &[
            "encoding/skipped_entry_float",
            "encoding/skipped_entry_float_double",
            "encoding/skipped_entry_float_single",
            "encoding/skipped_entry_int_minus_2_64",
            "encoding/skipped_entry_integer_2_63",
            "encoding/skipped_entry_integer_below_minus_2_63",
            "encoding/skipped_entry_simple_0",
            "encoding/skipped_entry_simple_16",
            "encoding/skipped_entry_simple_19",
            "encoding/skipped_entry_simple_255",
            "encoding/skipped_entry_simple_32",
            "encoding/skipped_entry_simple_undefined",
            "encoding/skipped_entry_uint_2_64_minus_1",
            "encoding/skipped_entry_undefined",
            "encoding/skipped_protected_float",
            "encoding/skipped_protected_float_double",
            "encoding/skipped_protected_float_single",
            "encoding/skipped_protected_int_minus_2_64",
            "encoding/skipped_protected_integer_2_63",
            "encoding/skipped_protected_integer_below_minus_2_63",
            "encoding/skipped_protected_simple_0",
            "encoding/skipped_protected_simple_16",
            "encoding/skipped_protected_simple_19",
            "encoding/skipped_protected_simple_255",
            "encoding/skipped_protected_simple_undefined",
            "encoding/skipped_protected_uint_2_64_minus_1",
            "encoding/skipped_protected_undefined",
        ],
    ),
    (
        "3.2: bits of the message ID, which is half of a byte string",
        &[
            "header/message_id_variant_0",
            "header/message_id_variant_110",
            "header/message_id_variant_111",
            "header/message_id_version_0",
            "header/message_id_version_15",
            "header/message_id_version_4",
            "header/message_id_version_6",
            "header/message_id_version_8",
        ],
    ),
    (
        "3.2: `previous` only with sequence 0, which is in another byte string",
        &["header/previous_in_message_2_32", "header/previous_in_second_message"],
    ),
    (
        "3.6: the characters of a name",
        &[
            "header/channel_c1",
            "header/channel_c1_last",
            "header/channel_delete",
            "header/channel_greater",
            "header/channel_greater_inside",
            "header/channel_line_feed",
            "header/channel_nul",
            "header/channel_star",
            "header/channel_star_inside",
            "header/channel_unit_separator",
            "order/structure_before_signer",
        ],
    ),
    (
        "3.3, 7.3: one number that follows from others",
        &[
            "receipt/index_2",
            "receipt/index_3",
            "receipt/odd_node_duplicated_in_path",
            "receipt/path_of_1_for_0_of_3",
            "receipt/path_of_2_for_0_of_2",
            "receipt/path_of_2_for_2_of_3",
            "receipt/path_of_2_for_3_of_5",
            "receipt/path_of_3_for_0_of_3",
            "receipt/path_of_3_for_4_of_5",
            "receipt/path_of_5_for_37_of_64",
            "receipt/path_of_7_for_37_of_64",
            "receipt/proof_size_3",
        ],
    ),
    ("12: the size of what is encoded", &["header/protected_16385", "recipients/other_4097"]),
    (
        "the validator takes a key for its type alone, without `.size`",
        &["header/application_name_65", "header/application_name_empty"],
    ),
    (
        "the validator takes undefined for nil",
        &[
            "encoding/extension_simple_undefined",
            "encoding/extension_undefined",
            "receipt/payload_undefined",
        ],
    ),
    (
        "the validator takes bytes, and the bytes of a big number, for an integer of a range",
        &[
            "encoding/extension_big_number",
            "header/application_big_number",
            "header/application_bytes_4097",
        ],
    ),
];

pub(super) const TRUST_BUNDLE: Beyond = &[
    (
        "8.1, 8.2: labels below 64; few validators take a range as a key, ours does not",
        &[
            "bundle/label_0",
            "bundle/label_8",
            "bundle/label_63",
            "bundle_order/body_before_domain",
            "bundle_order/body_before_future",
            "bundle_order/body_before_record",
            "bundle_order/body_before_sequence",
            "bundle_records/faulty_record_before_double",
            "bundle_records/faulty_record_before_weak",
            "bundle_records/label_0",
            "bundle_records/label_8",
            "bundle_records/label_63",
        ],
    ),
    (
        "8.3: where the signs of a pattern stand",
        &[
            "bundle_records/pattern_greater_after_text",
            "bundle_records/pattern_greater_before_text",
            "bundle_records/pattern_greater_in_the_middle",
            "bundle_records/pattern_star_after_text",
            "bundle_records/pattern_star_and_greater",
            "bundle_records/pattern_star_before_text",
            "bundle_records/pattern_two_stars",
        ],
    ),
    (
        "8.4: what stands before the label for which a record is skipped",
        &[
            "bundle_records/label_0_before_type",
            "bundle_records/label_0_before_weak_key",
            "bundle_records/subject_before_use",
        ],
    ),
    (
        "2.2: what is skipped is `any`, which has floats, other simple values and larger integers",
        &[
            "bundle_records/skipped_float",
            "bundle_records/skipped_integer_2_63",
            "bundle_records/skipped_record_float_double",
            "bundle_records/skipped_record_float_single",
            "bundle_records/skipped_record_int_minus_2_64",
            "bundle_records/skipped_record_simple_0",
            "bundle_records/skipped_record_simple_16",
            "bundle_records/skipped_record_simple_19",
            "bundle_records/skipped_record_simple_255",
            "bundle_records/skipped_record_simple_undefined",
            "bundle_records/skipped_record_uint_2_64_minus_1",
        ],
    ),
    ("longer than what the validator is given", &["bundle/records_65537"]),
    (
        "the validator takes every integer for a key that is uint",
        &["bundle/label_negative", "bundle_records/label_negative"],
    ),
    ("the validator takes bytes for an integer of a range", &["bundle_records/key_curve_bytes"]),
    ("the validator takes undefined for nil", &["bundle/ignored_simple_undefined"]),
];
