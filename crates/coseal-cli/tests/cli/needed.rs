//! Which keys envelopes still need.

use super::desk::{Desk, TRUST};
use super::rewrap::{desk, kept, moving};

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

/// What stands between a key and its end: the exit code alone says which of three it is.
#[test]
fn one_key_is_asked_about_by_exit_code() {
    let desk = desk("a\nb\n");
    let (billing, ledger) = (desk.key_id("billing"), desk.key_id("ledger"));
    let both = "seal --key shop --to billing.pub --to ledger.pub --channel orders.eu";
    desk.write("both", desk.pipe(both, "d").fine().out);
    desk.write("nothing", "");
    desk.write("mixed", [&desk.read("sealed")[..], &[0xa0]].concat());
    let ask = |id: &str, words: &str| desk.run(&format!("trust needed --key-id {id} {words}"));

    // Something needs it: its row, and no other.
    let done = ask(&billing, "sealed both").fails(1, &[]);
    let row = done.text().lines().last().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(row, format!("{billing} X25519 key 3 2"));
    assert!(!done.text().contains(&ledger), "{}", done.text());
    let rows = ask(&billing, "--json sealed both").fails(1, &[]).rows();
    assert_eq!(rows[0]["keys"].as_array().unwrap().len(), 1);
    // It does, whatever else there may be.
    ask(&billing, "mixed").fails(1, &["malformed/structure"]).says("may be needed");
    ask(&billing, "sealed nowhere").fails(1, &["misuse"]).says("may be needed");

    // Nothing does. An empty file among others is no reason to doubt it.
    assert_eq!(ask(&ledger, "sealed nothing").fine().text(), "2 envelopes\n");
    let row = ask(&ledger, "--json sealed").fine().rows().remove(0);
    assert_eq!((&row["complete"], &row["keys"]), (&true.into(), &serde_json::json!([])));

    // It cannot be told: refused, cut, unreadable, or nothing there at all.
    ask(&ledger, "mixed").fails(2, &["malformed/structure"]).says("may be needed");
    let sealed = desk.read("sealed");
    desk.write("cut", &sealed[..sealed.len() - 1]);
    assert_eq!(ask(&ledger, "cut").says("may be needed").exit, Some(2));
    ask(&ledger, "sealed nowhere").fails(2, &["misuse"]).says("may be needed");
    ask(&ledger, "nothing").fails(2, &[]).says("there was no envelope");
    desk.pipe(&format!("trust needed --key-id {ledger}"), "").fails(2, &[]);
    ask("0123", "sealed").unusable("misuse");

    // Nobody reads the row: it is needed all the same.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = desk.command(&format!("trust needed --key-id {billing} sealed"));
    assert_eq!(command.stdout(writer).status().unwrap().code(), Some(1));
}

/// A key of an algorithm of tomorrow may be the same key.
#[test]
fn a_key_is_needed_by_whatever_algorithm_names_it() {
    let desk = desk("a\n");
    let (billing, ledger) = (desk.key_id("billing"), desk.key_id("ledger"));
    let mut sealed = desk.read("sealed");
    // Behind the heads of the array, the entry, its protected header and map, the
    // label and the head of the number: the algorithm's first byte.
    sealed[kept(&desk.read("sealed")).len() + 6] ^= 1;
    desk.write("later", sealed);
    let later = desk.run("trust needed --json later").fine().rows().remove(0);
    assert_eq!(later["keys"][0]["type"], "other", "{later}");
    desk.run(&format!("trust needed --key-id {billing} later")).fails(1, &[]);
    desk.run(&format!("trust needed --key-id {ledger} later")).fine();
}

/// Whoever carries envelopes can name a key in each: memory is bounded, and the
/// list says that it is cut.
#[test]
fn more_keys_than_can_be_listed_are_an_error() {
    let desk = desk("a\n");
    let sealed = desk.read("sealed");
    let entry = sealed.len() - kept(&sealed).len();
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
    // One of those that are listed is needed; of another it cannot be told.
    let ask = |id: &str| desk.run(&format!("trust needed --key-id {id} many"));
    ask("0000000000000001").fails(1, &[]);
    ask("ffffffffffffffff").fails(2, &["misuse"]).says("more than 65536 keys");
}
