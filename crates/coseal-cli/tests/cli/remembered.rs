//! `coseal open --replay-memory`: what one run opened, no later run opens again.

use std::io::{Read, Write};
use std::process::Stdio;

use super::desk::{Desk, wait};

const LIVE: &str = "--channel orders.eu --max-age 10m --lines";
const REPLAYED: &str = "stale/replayed";

#[test]
fn what_one_run_opened_a_later_one_refuses() {
    let desk = Desk::with_sealed("a\nb\n");
    desk.open(&format!("{LIVE} --new-replay-memory seen sealed")).fine();
    let again = desk.open(&format!("{LIVE} --replay-memory seen sealed"));
    assert!(again.refused(&[REPLAYED, REPLAYED]).out.is_empty());
    // One that is new among those that are not.
    let mut sealed = desk.read("sealed");
    sealed.extend(desk.seal("--lines", "c\n").fine().out);
    desk.write("sealed", sealed);
    let words = format!("{LIVE} --replay-memory seen sealed");
    assert_eq!(desk.open(&words).refused(&[REPLAYED, REPLAYED]).text(), "c\n");
    desk.open(&words).refused(&[REPLAYED, REPLAYED, REPLAYED]);
    assert_eq!(desk.mode("seen"), 0o600);
    // Without --lines, and as JSON.
    desk.seal("-o one", "d").fine();
    let live = "--channel orders.eu --max-age 10m --replay-memory seen one";
    assert_eq!(desk.open(live).fine().text(), "d");
    desk.open(live).refused(&[REPLAYED]);
    let row = desk.open(&format!("{live} --json")).refused(&[REPLAYED]).rows().remove(0);
    assert!(row.get("payload_base64").is_none(), "{row}");
    // An archive is read as often as one likes.
    desk.open("--lines sealed").fine();
}

#[test]
fn what_was_not_delivered_is_not_remembered() {
    let desk = Desk::with_sealed("a\n");
    desk.write("taken", "");
    desk.open(&format!("{LIVE} --new-replay-memory seen sealed -o taken")).unusable("misuse");
    assert!(!desk.exists("seen"), "what could not begin made a memory");
    desk.open(&format!("{LIVE} --new-replay-memory seen -o empty /dev/null")).fine();
    // Cut: the file gets no name.
    let sealed = desk.read("sealed");
    desk.write("cut", [&sealed[..], &sealed[..20]].concat());
    let words = format!("{LIVE} --replay-memory seen");
    let cut = desk.open(&format!("{words} nowhere -o out"));
    assert_eq!((cut.exit, desk.exists("out")), (Some(2), false), "{}", cut.err);
    // Refused for another reason: not seen.
    desk.open(&format!("{words} --signer spiffe://example.org/other sealed"))
        .refused(&["untrusted/wrong_signer"]);
    desk.open(&format!("{words} sealed -o out")).fine();
    desk.open(&format!("{words} sealed")).refused(&[REPLAYED]);
}

#[test]
fn a_memory_that_was_lost_is_not_made_anew_in_silence() {
    let desk = Desk::with_sealed("a\n");
    desk.open(&format!("{LIVE} --replay-memory seen sealed"))
        .unusable("misuse")
        .hints("where one was lost");
    desk.open(&format!("{LIVE} --new-replay-memory seen sealed")).fine();
    desk.open(&format!("{LIVE} --new-replay-memory seen sealed"))
        .unusable("misuse")
        .hints("goes on with it");
    desk.open(&format!("{LIVE} --replay-memory bundle sealed")).unusable("malformed/structure");
    desk.open(&format!("{LIVE} --replay-memory seen sealed -o seen --force"))
        .unusable("misuse")
        .says("which this command uses");
    desk.open("--lines --replay-memory seen sealed").unusable("misuse");
    desk.open(&format!("{LIVE} --replay-memory seen sealed")).refused(&[REPLAYED]);
}

#[test]
fn two_runs_at_once_do_not_share_a_memory() {
    let desk = Desk::with_sealed("a\n");
    desk.open(&format!("{LIVE} --new-replay-memory seen sealed")).fine();
    let mut slow = desk.command(&format!(
        "open --key billing --trust bundle --pin root.pub {LIVE} --replay-memory seen"
    ));
    slow.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut slow = slow.spawn().unwrap();
    let mut input = slow.stdin.take().unwrap();
    input.write_all(&desk.seal("--lines", "b\n").fine().out).unwrap();
    // What it opened left, so it has the memory.
    let mut line = [0; 2];
    slow.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    desk.open(&format!("{LIVE} --replay-memory seen sealed"))
        .unusable("misuse")
        .says("in use by another process");
    drop(input);
    wait(slow).fine();
}

#[test]
fn what_nobody_took_is_not_remembered() {
    let desk = Desk::with_sealed("a\n");
    desk.open(&format!("{LIVE} --new-replay-memory seen -o empty /dev/null")).fine();
    let lines: String = (0..300).map(|number| format!("{number}\n")).collect();
    desk.write("many", desk.seal("--lines", &lines).fine().out);
    let one = "--channel orders.eu --max-age 10m";
    desk.seal("-o one", "d").fine();
    for words in [format!("{LIVE} many"), format!("{LIVE} sealed"), format!("{one} one")] {
        let mut command = desk.command(&format!(
            "open --key billing --trust bundle --pin root.pub --replay-memory seen {words}"
        ));
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        // A pipe that nobody will ever read from.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        wait(command.stdout(writer).spawn().unwrap()).fine();
    }
    assert_eq!(desk.open(&format!("{LIVE} --replay-memory seen many")).fine().text(), lines);
    assert_eq!(desk.open(&format!("{one} --replay-memory seen one")).fine().text(), "d");
}

#[test]
fn a_memory_that_was_not_filled_to_the_end_is_none() {
    let desk = Desk::with_sealed("a\n");
    desk.open(&format!("{LIVE} --new-replay-memory seen nowhere -o /dev/null")).unusable("misuse");
    let mut filling = desk.command(&format!(
        "open --key billing --trust bundle --pin root.pub {LIVE} --new-replay-memory seen"
    ));
    filling.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut filling = filling.spawn().unwrap();
    let mut input = filling.stdin.take().unwrap();
    input.write_all(&desk.read("sealed")).unwrap();
    let mut line = [0; 2];
    filling.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    assert!(!desk.exists("seen"), "half filled, and under its name");
    filling.kill().unwrap();
    filling.wait().unwrap();
    assert!(!desk.exists("seen"));
    desk.open(&format!("{LIVE} --new-replay-memory seen sealed")).fine();
    desk.open(&format!("{LIVE} --replay-memory seen sealed")).refused(&[REPLAYED]);
}
