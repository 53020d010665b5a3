//! Commands that change something, killed in the midst of it (SIGKILL, 40
//! times, or as often as `COSEAL_KILLS` says).

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::desk::Desk;

const PINS: &str = "--pin root.pub --pin next.pub --state state";

fn kills() -> u32 {
    std::env::var("COSEAL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(40)
}

/// Lets a command live for up to `longest`. Whether it ended by itself.
fn kill(desk: &Desk, words: &str, longest: Duration) -> bool {
    // Not the same in every run: moments of death should differ.
    let alive = longest * (UNIX_EPOCH.elapsed().unwrap().subsec_nanos() / 7 % 1000) / 1000;
    let mut command = desk.command(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    thread::sleep(alive);
    child.kill().unwrap();
    child.wait().unwrap().code().is_some()
}

/// How long a command lives that nobody kills, and half as long again: one in
/// three deaths should come too late.
fn lifetime(act: impl FnOnce()) -> Duration {
    let started = Instant::now();
    act();
    started.elapsed() * 3 / 2
}

#[test]
fn no_bundle_is_half_changed_whenever_a_root_takes_over() {
    let desk = Desk::with_sealed("a\n");
    desk.run("key new signing next").fine();
    let longest = lifetime(|| {
        desk.run("trust root add bundle --root root --key next.pub --state state").fine();
    });
    let (root, next) = (desk.key_id("root"), desk.key_id("next"));
    let (mut sequence, mut done, mut killed) = (4, 0, 0);
    let mut signs = root.clone();
    for _ in 0..kills() {
        let by = if signs == root { "next" } else { "root" };
        let words = format!("trust root promote bundle --root {by} --keep-old --state state");
        killed += u32::from(!kill(&desk, &words, longest));
        let view = desk.run(&format!("trust show bundle {PINS} --json")).fine().rows().remove(0);
        let now = view["sequence"].as_u64().unwrap();
        let changed = now != sequence;
        if changed {
            assert_eq!(now, sequence + 1);
            (sequence, done) = (now, done + 1);
        }
        let expected = if changed == (signs == root) { &next } else { &root };
        assert_eq!(view["root"], **expected);
        signs.clone_from(expected);
        desk.run(&format!("verify --trust bundle {PINS} sealed")).fine();
    }
    println!("{done} of {} handed over, {killed} killed", kills());
    assert!(done > 0 && killed > 0);
}

#[test]
fn a_killed_run_leaves_no_false_chain() {
    let desk = Desk::new();
    desk.write("lines", "a\nb\nc\n");
    let seal = "seal --key shop --to billing.pub --channel orders.eu --chain chain --lines --force";
    let longest = lifetime(|| {
        desk.run(&format!("{seal} lines -o after")).fine();
    });
    let (mut ends, mut continued, mut killed) = (Vec::new(), 0, 0);
    for number in 0..kills() {
        // Killed or not: what got its name is all there is of it.
        killed += u32::from(!kill(&desk, &format!("{seal} lines -o out"), longest));
        for name in ["out", "after"] {
            if name == "after" {
                desk.run(&format!("{seal} lines -o after")).fine();
            }
            if !desk.exists(name) {
                continue;
            }
            let row = desk.verify(&format!("--json {name}")).fine().rows().remove(0);
            let previous = &row["previous"];
            if !previous.is_null() {
                assert_eq!(previous["messages"], 3, "{number}: {row}");
                assert!(!ends.contains(&previous["epoch"]), "{number}: two follow {previous}");
                ends.push(previous["epoch"].clone());
                continued += 1;
            }
            std::fs::remove_file(desk.path(name)).unwrap();
        }
    }
    println!("{continued} of {} went on with a chain, {killed} runs were killed", 2 * kills());
    assert!(killed > 0 && continued > 0);
}
