//! Inputs of any size run in flat memory, through pipes.
//!
//! A program of its own: what a process had resident when it started a command
//! counts as the command's, so nothing large may be held here.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "cli/desk.rs"]
#[allow(dead_code, reason = "the desk of the other tests")]
mod desk;

use std::io::{BufWriter, Read, Write};
use std::process::{Child, Stdio};
use std::thread;

use wait4::Wait4;

use desk::{Desk, TRUST};

/// What the longest input comes to, in bytes.
const INPUT: usize = 100 << 20;

/// Most memory that a command may have had resident.
const RESIDENT: u64 = 64 << 20;

/// Waits for a command and checks what it took.
fn check(what: &str, child: Child) {
    let mut child = child;
    let _ = child.stdin.take();
    let used = child.wait4().unwrap();
    assert!(used.status.success(), "{what}");
    assert!(used.rusage.maxrss < RESIDENT, "{what} had {} MiB resident", used.rusage.maxrss >> 20);
    assert!(used.rusage.maxrss > 1 << 20, "{what}: not measured");
}

/// Lines of `length` bytes through seal, rewrap, open and verify, all at once.
fn run_through(input: usize, length: usize, batch: usize, encoding: &str) {
    let desk = Desk::new();
    let spawn = |words: &str, input: Stdio| {
        desk.command(words)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let count = input / length;
    let mut seal = spawn(
        &format!(
            "seal --key shop --to billing.pub --channel orders.eu --lines --batch {batch} {encoding}"
        ),
        Stdio::piped(),
    );
    let mut lines = BufWriter::new(seal.stdin.take().unwrap());
    let writer = thread::spawn(move || {
        let mut line = vec![b'x'; length];
        line[length - 1] = b'\n';
        for _ in 0..count {
            lines.write_all(&line).unwrap();
        }
    });
    // Re-wrapped on its way, for somebody more.
    desk.run("key new receiving ledger").fine();
    let from = Stdio::from(seal.stdout.take().unwrap());
    let rewrap = format!("rewrap --key billing {TRUST} --to ledger.pub {encoding}");
    let mut rewrap = spawn(&rewrap, from);
    let mut open = spawn(&format!("open --key billing {TRUST} --lines {encoding}"), Stdio::piped());
    let mut verify = spawn(&format!("verify {TRUST} --json {encoding}"), Stdio::piped());
    let (mut sealed, mut to_open, mut to_verify) =
        (rewrap.stdout.take().unwrap(), open.stdin.take().unwrap(), verify.stdin.take().unwrap());
    let tee = thread::spawn(move || {
        let mut chunk = vec![0; 64 << 10];
        loop {
            let read = sealed.read(&mut chunk).unwrap();
            if read == 0 {
                return;
            }
            to_open.write_all(&chunk[..read]).unwrap();
            to_verify.write_all(&chunk[..read]).unwrap();
        }
    });
    let opened = drain(open.stdout.take().unwrap());
    let verdicts = drain(verify.stdout.take().unwrap());
    writer.join().unwrap();
    tee.join().unwrap();
    assert_eq!(opened.join().unwrap(), (count * length, count), "bytes and lines that were opened");
    assert_eq!(verdicts.join().unwrap().1, count, "verdicts");
    check("seal", seal);
    check("rewrap", rewrap);
    check("open", open);
    check("verify", verify);
}

/// Reads to the end; answers the bytes and line feeds.
fn drain(mut output: impl Read + Send + 'static) -> thread::JoinHandle<(usize, usize)> {
    thread::spawn(move || {
        let (mut bytes, mut lines, mut chunk) = (0, 0, vec![0; 64 << 10]);
        loop {
            match output.read(&mut chunk).unwrap() {
                0 => return (bytes, lines),
                read => {
                    bytes += read;
                    lines += chunk[..read].iter().filter(|byte| **byte == b'\n').count();
                }
            }
        }
    })
}

#[test]
fn a_hundred_mebibytes_of_lines_stay_small() {
    run_through(INPUT, 2048, 64, "");
}

#[test]
fn long_lines_in_the_largest_batches_stay_small() {
    run_through(INPUT / 2, 1 << 20, 65_536, "");
}

#[test]
fn base64_stays_small() {
    run_through(INPUT / 4, 16 << 10, 64, "--encoding base64");
}

#[test]
fn a_bundle_that_nobody_signed_costs_little_more_than_its_bytes() {
    let desk = Desk::new();
    let head = |initial: u8, length: usize| {
        [&[initial][..], &u32::try_from(length).unwrap().to_be_bytes()].concat()
    };
    // As many records as there may be, of many small items each: a tree of them
    // would take a hundred times as much.
    let record = [&[0x98, 240][..], &[0x80; 240]].concat();
    let mut payload = [&[0xa2, 1, 1, 6][..], &head(0x9a, 65_536)].concat();
    payload.extend(record.repeat(65_536));
    let protected = [0xa1, 0x04, 0x48, 0, 0, 0, 0, 0, 0, 0, 0];
    let bundle = [
        &[0xd2, 0x84, 0x4b][..],
        &protected,
        &[0xa0],
        &head(0x5a, payload.len()),
        &payload,
        &[0x40],
    ];
    desk.write("unsigned", bundle.concat());
    for words in ["trust show unsigned", "trust show unsigned --json"] {
        let mut child = desk
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let shown = drain(child.stdout.take().unwrap());
        check(words, child);
        assert!(shown.join().unwrap().1 > 0, "{words}");
    }
}
