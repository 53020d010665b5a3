//! A re-wrapping that was interrupted goes on, and comes to what it would have
//! come to.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::desk::{Desk, envelopes, finish, wait};
use super::rewrap::{kept, moving, names};

/// Ten epochs of `each` messages, alone and in batches.
fn desk(each: usize) -> Desk {
    let desk = Desk::new();
    desk.run("key new receiving ledger").fine();
    let mut sealed = Vec::new();
    for epoch in 0..10 {
        let lines: String = (0..each).map(|line| format!("line {line} of {epoch}\n")).collect();
        let batch = [1, 7, 64][epoch % 3];
        sealed.extend(desk.seal(&format!("--lines --batch {batch}"), lines).fine().out);
    }
    desk.write("sealed", sealed);
    desk
}

fn spawn(desk: &Desk, words: &str) -> Child {
    let mut command = desk.command(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// How far a job came, by its state.
fn marked(desk: &Desk) -> Option<u64> {
    let state = std::fs::read(desk.path("out.partial.state")).ok()?;
    let state: Value = serde_json::from_slice(&state).expect("a state is whole at any moment");
    state["input"]["length"].as_u64()
}

/// Waits until something is marked; false where the job was faster.
fn wait_for_mark(desk: &Desk, child: &mut Child) -> bool {
    let started = Instant::now();
    loop {
        if marked(desk).is_some_and(|marked| marked > 0) {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "nothing was marked");
        thread::sleep(Duration::from_micros(200));
    }
}

/// Equal but for the entries that were made: the same envelopes, the same
/// recipients, and no more encapsulations than each run could make.
fn same(one: &[u8], other: &[u8], runs: usize) {
    assert_eq!(one.len(), other.len());
    let (one, other) = (envelopes(one), envelopes(other));
    assert_eq!(one.len(), other.len());
    let mut entries = std::collections::BTreeSet::new();
    for (one, other) in one.iter().zip(&other) {
        let kept_part = kept(one);
        assert_eq!(kept_part, kept(other));
        assert_eq!(names(one), names(other));
        entries.insert(other[kept_part.len()..].to_vec());
    }
    assert!((10..=10 * runs).contains(&entries.len()), "{} encapsulations", entries.len());
}

fn kills() -> usize {
    std::env::var("COSEAL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(16)
}

#[test]
fn a_job_that_is_killed_at_any_moment_comes_to_the_same() {
    let desk = desk(200);
    desk.run(&moving(&desk, "sealed -o whole")).fine();
    let whole = desk.read("whole");
    let lines =
        desk.run(&format!("open --key ledger {} --lines whole", super::desk::TRUST)).fine().out;
    let words = moving(&desk, "sealed -o out");
    let started = Instant::now();
    desk.run(&words).fine();
    let takes = started.elapsed();
    std::fs::remove_file(desk.path("out")).unwrap();

    let (mut killed, mut went_on) = (0, 0);
    for round in 0..u32::try_from(kills()).unwrap() {
        let mut runs = 1;
        // Up to three deaths, at moments that differ: from the birth on, or from
        // the first mark on.
        for death in 0..1 + round % 3 {
            let mut child = spawn(&desk, &words);
            if (round + death) % 2 == 0 {
                wait_for_mark(&desk, &mut child);
                thread::sleep(takes * ((round * 7 + death * 3) % 20) / 40);
            } else {
                thread::sleep(takes * ((round * 5 + death) % 24) / 20);
            }
            child.kill().unwrap();
            let done = wait(child);
            killed += usize::from(done.exit.is_none());
            went_on += usize::from(done.err.contains("goes on with envelope"));
            runs += 1;
            assert!(
                !desk.exists("out")
                    || done.exit == Some(0)
                    || desk.read("out").len() == whole.len(),
                "half an output has its name"
            );
            if desk.exists("out") {
                break;
            }
        }
        if !desk.exists("out") || desk.exists("out.partial.state") {
            let done = desk.run(&words).fine();
            went_on += usize::from(done.err.contains("goes on with envelope"));
            assert!(done.err.contains("2000 re-wrapped, 0 unchanged, 0 refused"), "{}", done.err);
        }
        same(&whole, &desk.read("out"), runs);
        let left: Vec<_> =
            desk.names().into_iter().filter(|name| name.contains("partial")).collect();
        assert_eq!(left, [""; 0]);
        if round % 8 == 0 {
            let opened = format!("open --key ledger {} --lines out", super::desk::TRUST);
            assert_eq!(desk.run(&opened).fine().out, lines);
        }
        std::fs::remove_file(desk.path("out")).unwrap();
    }
    assert!(killed > kills() / 2 && went_on > kills() / 4, "{killed} killed, {went_on} went on");
}

/// Killed for good behind its first mark.
fn interrupted(desk: &Desk, words: &str) -> u64 {
    for _ in 0..50 {
        let mut child = spawn(desk, words);
        let is_marked = wait_for_mark(desk, &mut child);
        child.kill().unwrap();
        wait(child);
        if is_marked && !desk.exists("out") {
            return marked(desk).unwrap();
        }
        let _ = std::fs::remove_file(desk.path("out"));
        let _ = std::fs::remove_file(desk.path("out.partial.state"));
    }
    panic!("always faster than its death");
}

#[test]
fn another_job_does_not_go_on_with_it() {
    let desk = desk(200);
    desk.run("key new receiving other").fine();
    let words = moving(&desk, "sealed -o out");
    let read = interrupted(&desk, &words);
    let state = desk.read("out.partial.state");
    let partial = desk.read("out.partial");
    for other in [
        words.replace("--to ledger.pub", "--to other.pub"),
        words.replace("--to ledger.pub", "--to ledger.pub --to other.pub"),
        words.replace("--key billing", "--key billing --key other"),
        format!("{words} --replace"),
        format!("{words} --channel orders.eu"),
        format!("{words} --encoding base64"),
    ] {
        desk.run(&other)
            .unusable("misuse")
            .says("begun with other options")
            .hints("rm out.partial out.partial.state");
    }
    let sealed = desk.read("sealed");
    let mut changed = sealed.clone();
    changed[usize::try_from(read / 2).unwrap()] ^= 1;
    for input in [&changed[..], &sealed[..sealed.len() - 1], &[&sealed[..], &[0]].concat()] {
        desk.write("sealed", input);
        desk.run(&words).unusable("misuse").says("the input");
    }
    desk.write("sealed", &sealed);
    // None of them touched it.
    assert!(desk.read("out.partial.state") == state && desk.read("out.partial") == partial);
    // The same options in another order, and a renewed bundle, are the same job.
    desk.run("trust renew bundle --root root").fine();
    let (remove, to) = (format!("--remove {}", desk.key_id("billing")), "--to ledger.pub");
    let swapped = words.replace(&remove, "").replace(to, &format!("{remove} {to}"));
    desk.run(&swapped).fine().says("goes on with envelope");
    assert_eq!(envelopes(&desk.read("out")).len(), 2000);
}

#[test]
fn what_was_left_is_checked_before_it_is_gone_on_with() {
    let desk = desk(200);
    let words = moving(&desk, "sealed -o out");
    interrupted(&desk, &words);
    let partial = desk.read("out.partial");
    let mut other = partial.clone();
    other[100] ^= 1;
    desk.write("out.partial", &other);
    desk.run(&words).unusable("misuse").says("it is not what was written");
    desk.write("out.partial", &partial[..1000]);
    desk.run(&words).unusable("misuse").says("a part of it is gone");
    std::fs::remove_file(desk.path("out.partial.state")).unwrap();
    desk.run(&words).unusable("misuse").says("its state is missing");
    desk.write("out.partial.state", "{}");
    desk.run(&words).unusable("malformed/structure");
    // Given up as the hint says: begun anew.
    for name in ["out.partial", "out.partial.state"] {
        std::fs::remove_file(desk.path(name)).unwrap();
    }
    let done = desk.run(&words).fine();
    assert!(!done.err.contains("goes on"), "{}", done.err);
}

/// Counts and exit code are those of the whole file, refusals before the
/// interruption included.
#[test]
fn what_was_refused_before_is_counted_after() {
    let desk = desk(200);
    let mut sealed = desk.read("sealed");
    sealed.splice(0..0, [0x01, 0x61, b'x']);
    desk.write("sealed", sealed);
    let words = moving(&desk, "sealed -o out");
    interrupted(&desk, &words);
    let done = desk.run(&words);
    assert_eq!((done.exit, done.codes().len()), (Some(1), 0), "{}", done.err);
    let done = done.says("goes on with envelope");
    done.says(
        "2000 re-wrapped, 0 unchanged, 2 refused and copied as they were (malformed/structure 2)",
    );
    assert!(desk.read("out").starts_with(&[0x01, 0x61, b'x']));
}

#[test]
fn in_place_it_is_the_old_file_until_it_is_the_new_one() {
    let desk = desk(200);
    let sealed = desk.read("sealed");
    let words = moving(&desk, "sealed -o sealed --force");
    let ledger = desk.key_id("ledger");
    let is_new = |bytes: &[u8]| {
        let new = envelopes(bytes);
        new.len() == 2000 && new.iter().all(|envelope| names(envelope) == [ledger.as_str()])
    };
    let mut deaths = 0;
    loop {
        let mut child = spawn(&desk, &words);
        thread::sleep(Duration::from_millis(5 + 13 * deaths));
        child.kill().unwrap();
        let ended = wait(child).exit.is_some();
        let now = desk.read("sealed");
        if now != sealed {
            // It may die behind its last step, too.
            assert!(is_new(&now), "changed before it was whole");
            break;
        }
        assert!(!ended);
        deaths += 1;
    }
    assert!(deaths > 0);
    let done = desk.run(&words).fine();
    assert!(done.err.contains("2000"), "{}", done.err);
    assert!(is_new(&desk.read("sealed")));
    assert!(!desk.names().iter().any(|name| name.contains("partial")), "{:?}", desk.names());
}

#[test]
fn an_interruption_says_how_to_go_on() {
    let desk = desk(1000);
    let words = moving(&desk, "sealed -o out");
    for signal in ["INT", "TERM"] {
        let mut tries = 0;
        let told = loop {
            let mut child = spawn(&desk, &words);
            wait_for_mark(&desk, &mut child);
            let mut kill = Command::new("kill");
            kill.arg(format!("-{signal}")).arg(child.id().to_string()).stderr(Stdio::null());
            // It may have ended.
            let _ = kill.status().unwrap();
            let done = wait(child);
            if done.exit == Some(130) {
                break done;
            }
            tries += 1;
            assert!(tries < 50, "always faster than the signal");
            std::fs::remove_file(desk.path("out")).unwrap();
        };
        let told = told.says("interrupted: what was done is kept in out.partial");
        told.says("rm out.partial out.partial.state gives it up");
        assert!(!desk.exists("out"));
        assert!(marked(&desk).unwrap() > 0);
        desk.run(&words).fine().says("goes on with envelope");
        assert_eq!(envelopes(&desk.read("out")).len(), 10_000);
        std::fs::remove_file(desk.path("out")).unwrap();
    }
}

#[test]
fn two_at_once_do_not_write_one_output() {
    let desk = desk(1000);
    let words = moving(&desk, "sealed -o out");
    let mut first = spawn(&desk, &words);
    assert!(wait_for_mark(&desk, &mut first));
    // Stopped, so that it is there for certain.
    let signal = |name: &str| {
        let id = first.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    signal("-STOP");
    let second = finish(desk.command(&words), b"");
    signal("-CONT");
    second.unusable("misuse").says("in use by another process");
    wait(first).fine();
    assert_eq!(envelopes(&desk.read("out")).len(), 10_000);
}
