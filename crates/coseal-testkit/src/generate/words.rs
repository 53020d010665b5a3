//! What comments call things: plain words, for those who read no Rust.

/// What a short name of a table stands for, in the words of a comment.
pub(crate) fn of(name: &str) -> &'static str {
    TABLE.iter().find(|(known, _)| *known == name).expect("a name that has words").1
}

/// A number of seconds that a record may lack.
pub(crate) fn or_none(seconds: Option<u64>, none: &str) -> String {
    seconds.map_or(none.to_owned(), |seconds| seconds.to_string())
}

/// Whether a text is plain: no name from a program in it, save those of COSE.
pub(crate) fn are_plain(text: &str) -> bool {
    let foreign = |word: &str| {
        let name = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.contains('_')
            && !name.starts_with("COSE_")
            && !["external_aad", "Sig_structure"].contains(&name)
            || ["None", "Some", "Ok", "Err"].contains(&name)
            || word.contains("Some(")
            || word.contains("::")
    };
    !text.split_whitespace().any(foreign)
}

const TABLE: [(&str, &str); 51] = [
    ("float", "a float"),
    ("float_single", "a float in four bytes"),
    ("float_double", "a float in eight bytes"),
    ("undefined", "undefined"),
    ("simple_undefined", "undefined"),
    ("simple_0", "the simple value 0"),
    ("simple_16", "the simple value 16"),
    ("simple_19", "the simple value 19"),
    ("simple_32", "the simple value 32"),
    ("simple_255", "the simple value 255"),
    ("integer_2_63", "2^63"),
    ("integer_below_minus_2_63", "-2^63 - 1"),
    ("uint_2_64_minus_1", "2^64 - 1"),
    ("int_minus_2_64", "-2^64"),
    ("not_shortest", "an integer that takes a byte too many"),
    ("key_twice", "a map with a key twice"),
    ("keys_out_of_order", "a map whose keys are out of order"),
    ("utf8", "a text that is not UTF-8"),
    ("nil", "nil"),
    ("tag", "a tag"),
    ("tag_inside", "a tag inside an array"),
    ("4_deep", "a value 4 deep"),
    ("5_deep", "a value 5 deep"),
    ("16_deep", "a value that makes the header 16 deep"),
    ("17_deep", "a value that makes the header 17 deep"),
    // Points of small order.
    ("identity", "the identity"),
    ("identity_signed", "the identity with a sign"),
    ("identity_unreduced", "the identity, not reduced"),
    ("identity_unreduced_signed", "the identity, not reduced and with a sign"),
    ("order_2", "order 2"),
    ("order_2_signed", "order 2 with a sign"),
    ("order_4_a", "the first of order 4"),
    ("order_4_a_unreduced", "the first of order 4, not reduced"),
    ("order_4_b", "the second of order 4"),
    ("order_4_b_unreduced", "the second of order 4, not reduced"),
    ("order_8_a", "the first of order 8"),
    ("order_8_b", "the second of order 8"),
    ("order_8_c", "the third of order 8"),
    ("order_8_d", "the fourth of order 8"),
    ("order_8_a_top_bit", "the first of order 8 with the top bit set"),
    ("order_8_b_top_bit", "the second of order 8 with the top bit set"),
    ("zero", "0"),
    ("zero_top_bit", "0 with the top bit set"),
    ("one", "1"),
    ("one_top_bit", "1 with the top bit set"),
    ("p", "p"),
    ("p_top_bit", "p with the top bit set"),
    ("p_minus_1", "p - 1"),
    ("p_minus_1_top_bit", "p - 1 with the top bit set"),
    ("p_plus_1", "p + 1"),
    ("p_plus_1_top_bit", "p + 1 with the top bit set"),
];
