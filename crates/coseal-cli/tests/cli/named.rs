//! What the command was told to use, it never writes over.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::desk::{Desk, TRUST, wait};

#[test]
fn no_output_replaces_a_file_that_the_command_uses() {
    let desk = Desk::with_sealed("a\n");
    desk.run("key new kek kek").fine();
    std::fs::hard_link(desk.path("shop"), desk.path("other-name")).unwrap();
    let seal = "seal --key shop --to billing.pub --to-kek k=kek --channel orders.eu";
    let open = format!("open --key billing --kek k=kek {TRUST} --lines sealed");
    let uses = [
        (seal, "shop"),
        (seal, "other-name"),
        (seal, "billing.pub"),
        (seal, "kek"),
        (&open, "billing"),
        (&open, "kek"),
        (&open, "bundle"),
        (&open, "root.pub"),
        ("trust new OUT --root root --domain d", "root"),
    ];
    for (words, out) in uses {
        let before = desk.read(out);
        let words = match words.strip_prefix("trust new OUT") {
            Some(rest) => format!("trust new {out} {rest} --force"),
            None => format!("{words} -o {out} --force"),
        };
        desk.run(&words).unusable("misuse").says("would be written over");
        assert_eq!(desk.read(out), before, "{words}");
    }
}

#[test]
fn a_file_is_not_replaced_where_everything_was_refused() {
    let desk = Desk::with_sealed("a\nb\n");
    desk.write("out", "precious");
    let open = format!("open --key billing {TRUST} --channel orders.us --lines -o out --force");
    desk.run(&format!("{open} sealed")).refused(&["misdirected/channel", "misdirected/channel"]);
    assert_eq!(desk.read("out"), b"precious");
}

#[test]
fn a_pair_is_replaced_whole_or_not_at_all() {
    let desk = Desk::empty();
    desk.run("key new signing key").fine();
    let before = desk.read("key");
    std::fs::remove_file(desk.path("key.pub")).unwrap();
    std::fs::create_dir(desk.path("key.pub")).unwrap();
    assert_eq!(desk.run("key new signing key --force").exit, Some(2));
    assert_eq!(desk.read("key"), before);
}

#[test]
fn a_state_that_is_the_bundle_is_refused_and_nothing_waits() {
    let desk = Desk::new();
    let before = desk.read("bundle");
    std::fs::hard_link(desk.path("bundle"), desk.path("linked")).unwrap();
    for state in ["bundle", "linked"] {
        desk.run(&format!("trust renew bundle --root root --state {state}"))
            .unusable("misuse")
            .says("the same file");
        desk.run("trust new new --root root --domain d --state new").unusable("misuse");
    }
    assert_eq!(desk.read("bundle"), before);
    assert!(!desk.exists("new"));
}

#[test]
fn a_state_that_is_a_pipe_is_refused_and_nothing_waits() {
    let desk = Desk::with_sealed("a\n");
    desk.mkfifo("pipe");
    for words in [
        "verify --trust bundle --pin root.pub --state pipe sealed",
        "trust renew bundle --root root --state pipe",
        "trust renew pipe --root root",
    ] {
        let mut child = desk.command(words).stderr(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > Duration::from_secs(60) {
                child.kill().unwrap();
                panic!("{words}: it waits");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        wait(child).unusable("misuse").says("pipe: this is no regular file");
    }
}

#[test]
fn a_reader_does_not_wait_for_a_lock_that_somebody_holds() {
    let desk = Desk::with_sealed("a\n");
    desk.verify("--state state sealed").fine();
    assert_eq!(desk.mode("state"), 0o600);
    let held = std::fs::File::open(desk.path("state")).unwrap();
    held.lock().unwrap();
    desk.verify("--state state sealed").fine();
}

#[test]
fn what_is_wrong_in_an_argument_is_shown_escaped_and_with_a_hint() {
    let desk = Desk::empty();
    let done = desk.run("verify --max-age \u{1b}[2J x");
    assert_eq!(done.exit, Some(2));
    assert!(!done.err.contains('\u{1b}'), "{:?}", done.err);
    done.unusable("misuse").hints("coseal help");
    desk.run("verify --trust nowhere --pin nowhere x").unusable("misuse").hints("coseal help");
}
