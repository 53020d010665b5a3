//! `coseal seal --chain`: runs of the command go on with one another's chain.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use super::desk::{Desk, wait};

/// The first row of `sealed`, and how many there are.
fn first(desk: &Desk, name: &str) -> (Value, usize) {
    let mut rows = desk.verify(&format!("--json {name}")).fine().rows();
    let count = rows.len();
    (rows.remove(0), count)
}

#[test]
fn a_run_goes_on_where_the_last_one_ended() {
    let desk = Desk::new();
    let mut last: Option<(Value, usize)> = None;
    for (run, (words, input)) in [
        ("--lines", "a\nb\nc\n"),
        ("", "alone"),
        // Nothing was sealed: the chain stands where it stood.
        ("--lines", ""),
        ("--lines --batch 1", "a\nb\n"),
        ("--lines", "a\n"),
    ]
    .into_iter()
    .enumerate()
    {
        desk.seal(&format!("--chain chain {words} -o sealed-{run}"), input).fine();
        if input.is_empty() {
            continue;
        }
        let (row, count) = first(&desk, &format!("sealed-{run}"));
        match last {
            None => assert!(row["previous"].is_null(), "{row}"),
            Some((epoch, messages)) => {
                assert_eq!(row["previous"], json!({ "epoch": epoch, "messages": messages }));
            }
        }
        last = Some((row["epoch"].clone(), count));
    }
    assert_eq!(desk.mode("chain"), 0o600);
    // Of another channel: a chain of its own, in the same file.
    let seal = "seal --key shop --to billing.pub --channel orders.us --chain chain -o other";
    desk.pipe(seal, "x").fine();
    assert!(first(&desk, "other").0["previous"].is_null());
    // Without --chain nothing is claimed, and the file is as it was.
    desk.seal("-o without", "x").fine();
    assert!(first(&desk, "without").0["previous"].is_null());
    desk.seal("--chain chain -o again", "x").fine();
    assert_eq!(first(&desk, "again").0["previous"]["epoch"], last.unwrap().0);
}

#[test]
fn a_run_that_failed_is_followed_by_a_new_chain() {
    let desk = Desk::new();
    desk.seal("--chain chain -o one", "x").fine();
    // What fails before anything is begun takes nothing.
    desk.seal("--chain chain -o one", "x").unusable("misuse");
    desk.seal("--chain chain -o chain --force", "x").unusable("misuse").says("would be written");
    desk.run("seal --key shop --to billing.pub --channel orders.eu --chain chain nowhere")
        .unusable("misuse");
    desk.seal("--chain chain -o two", "x").fine();
    assert_eq!(first(&desk, "two").0["previous"]["messages"], 1);
    // A line that is too long, after others were sealed.
    let long = [&b"a\n"[..], &vec![b'x'; 65 << 20]].concat();
    let done = desk.seal("--chain chain --lines -o three", long);
    assert_eq!((done.exit, desk.exists("three")), (Some(2), false), "{}", done.err);
    desk.seal("--chain chain -o four", "x").fine();
    assert!(first(&desk, "four").0["previous"].is_null());
    desk.seal("--chain chain -o five", "x").fine();
    assert_eq!(first(&desk, "five").0["previous"]["messages"], 1);
}

#[test]
fn two_runs_at_once_do_not_share_a_chain() {
    let desk = Desk::new();
    desk.seal("--chain chain -o one", "x").fine();
    let words =
        "seal --key shop --to billing.pub --channel orders.eu --chain chain --lines --batch 1";
    let mut slow = desk
        .command(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = slow.stdin.take().unwrap();
    input.write_all(b"a\n").unwrap();
    // Its first envelope left, so it has the file.
    let mut byte = [0];
    std::io::Read::read_exact(slow.stdout.as_mut().unwrap(), &mut byte).unwrap();
    desk.seal("--chain chain -o two", "x")
        .unusable("misuse")
        .says("chain is in use by another process")
        .hints("wait");
    assert!(!desk.exists("two"));
    // Killed: its end is told by nobody.
    slow.kill().unwrap();
    let killed = wait(slow);
    assert_eq!(killed.exit, None);
    desk.write("killed", [&byte[..], &killed.out].concat());
    assert_eq!(first(&desk, "killed").0["previous"]["messages"], 1);
    desk.seal("--chain chain -o three", "x").fine();
    assert!(first(&desk, "three").0["previous"].is_null());
}

#[test]
fn what_is_no_file_of_chains_is_left_alone() {
    let desk = Desk::new();
    desk.seal("--chain shop.pub -o out", "x").unusable("malformed/structure").says("shop.pub");
    desk.write("empty", "");
    desk.seal("--chain empty -o out", "x").unusable("malformed/structure");
    desk.seal("--chain no/folder -o out", "x").unusable("misuse");
    assert!(!desk.exists("out") && desk.read("empty").is_empty());
}
