//! Which keys envelopes still need.

use super::desk::{Desk, TRUST};
use super::rewrap::{desk, moving};

#[test]
fn keys_are_listed_until_no_envelope_names_them() {
    let desk = desk("a\nb\nc\n");
    let (billing, ledger) = (desk.key_id("billing"), desk.key_id("ledger"));
    let both = "seal --key shop --to billing.pub --to ledger.pub --channel orders.eu";
    desk.write("both", desk.pipe(both, "d").fine().out);
    let listed = desk.run("trust needed sealed both").fine();
    assert_eq!(listed.err, "");
    let line = |id: &str| {
        let line = listed.text().lines().find(|line| line.contains(id)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert!(listed.text().starts_with("4 envelopes\n"));
    assert_eq!(line(&billing), "X25519 key 4 3");
    assert_eq!(line(&ledger), "X25519 key 1 0");

    for name in ["sealed", "both"] {
        desk.run(&moving(&desk, &format!("{name} -o {name} --force"))).fine();
    }
    let after = desk.run("trust needed sealed both").fine();
    assert!(!after.text().contains(&billing), "{}", after.text());
    assert!(after.text().contains(&ledger));
    // What it was for: nothing is lost without the old key.
    std::fs::remove_file(desk.path("billing")).unwrap();
    let opened = desk.run(&format!("open --key ledger {TRUST} --lines sealed")).fine();
    assert_eq!(opened.out, b"a\nb\nc\n");
}

#[test]
fn the_list_is_one_json_object() {
    let desk = desk("a\nb\n");
    desk.run("key new kek kek").fine();
    let rewrap = format!("rewrap --key billing {TRUST} --to-kek hsm-1=kek sealed -o both");
    desk.run(&rewrap).fine();
    let rows = desk.run("trust needed --json both sealed").fine().rows();
    let [row] = &rows[..] else { panic!("not one: {rows:?}") };
    let expected = serde_json::json!({
        "envelopes": 4, "refused": 0, "complete": true,
        "keys": [
            {"type": "x25519", "key_id": desk.key_id("billing"), "envelopes": 4, "only": 2},
            {"type": "kek", "id": "hsm-1", "id_hex": "68736d2d31", "envelopes": 2, "only": 0},
        ],
    });
    assert_eq!(*row, expected);
    let base64 = desk.seal("--lines --encoding base64", "a\nb\n").fine().out;
    let row = desk.pipe("trust needed --json --encoding base64", base64).fine().rows();
    assert_eq!(row[0]["keys"][0]["only"], 2);
}

/// A list with holes is no licence to destroy a key.
#[test]
fn what_cannot_be_read_is_told_and_the_list_is_not_complete() {
    let desk = desk("a\n");
    desk.write("mixed", [&desk.read("sealed")[..], &[0xa0, 0xff]].concat());
    let done = desk.run("trust needed --json mixed");
    let done = done.refused(&["malformed/structure", "malformed/not_a_sequence"]);
    let row = &done.says("what is not listed may be needed").rows()[0];
    assert_eq!(
        (&row["envelopes"], &row["refused"], &row["complete"]),
        (&1.into(), &2.into(), &false.into())
    );
    desk.run("trust needed nowhere sealed").fails(2, &["misuse"]).says("may be needed");
    let empty = Desk::empty().pipe("trust needed", "").fine();
    assert_eq!(empty.text(), "0 envelopes\n");
    empty.says("there was no envelope");
}

/// Whoever carries envelopes can name a key in each: memory is bounded, and the
/// list says that it is cut.
#[test]
fn more_keys_than_can_be_listed_are_an_error() {
    let desk = desk("a\n");
    let sealed = desk.read("sealed");
    let entry = sealed.len() - super::rewrap::kept(&sealed).len();
    let at = sealed.len() - entry;
    // An array of one entry: its key ID stands behind 1 + 11 + 1 bytes.
    let id = at + 13;
    let billing = desk.key_id("billing");
    assert_eq!(format!("{:02x}", sealed[id]), billing[..2]);
    let mut many = Vec::new();
    for number in 0..65_540_u64 {
        let mut envelope = sealed.clone();
        envelope[id..id + 8].copy_from_slice(&number.to_be_bytes());
        many.extend(envelope);
    }
    desk.write("many", many);
    let done = desk.run("trust needed --json many");
    assert_eq!(done.exit, Some(2), "{}", done.err);
    let done = done.says("more than 65536 keys are named");
    assert_eq!(done.rows()[0]["complete"], false);
}
