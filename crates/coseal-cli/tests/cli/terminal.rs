//! What reaches a terminal, and what does not.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;

use super::desk::{Desk, TRUST};

/// Runs a command with standard output and error on a terminal of its own;
/// answers the exit code and what the terminal got.
fn on_terminal(desk: &Desk, words: &str) -> (Option<i32>, String) {
    let pty = rustix_openpty::openpty(None, None).unwrap();
    let (controller, user) = (File::from(pty.controller), pty.user);
    let mut command = desk.command(words);
    command.env("TERM", "xterm-256color").stdin(Stdio::null());
    command.stdout(user.try_clone().unwrap()).stderr(user);
    let mut child = command.spawn().unwrap();
    // The command holds our end of the terminal open too, until it is dropped.
    drop(command);
    let reader = read_all(controller);
    let exit = child.wait().unwrap().code();
    (exit, reader.join().unwrap())
}

fn codes(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("  code: ")).collect()
}

#[test]
fn binary_goes_to_a_terminal_only_when_asked() {
    let desk = Desk::new();
    desk.write("text", "hello\n");
    let seal = "seal --key shop --to billing.pub --channel orders.eu text";
    let (exit, text) = on_terminal(&desk, seal);
    assert_eq!((exit, codes(&text)), (Some(2), vec!["misuse"]), "{text}");
    assert!(text.contains("hint: ") && text.contains("-o -"), "{text}");
    let (exit, text) = on_terminal(&desk, &format!("{seal} --lines"));
    assert_eq!((exit, codes(&text)), (Some(2), vec!["misuse"]));
    let (exit, text) = on_terminal(&desk, &format!("{seal} -o -"));
    assert!(exit == Some(0) && text.contains("orders.eu"), "{text}");
    let (exit, text) = on_terminal(&desk, &format!("{seal} --encoding base64"));
    assert!(exit == Some(0) && text.starts_with("2GCE"), "{text}");
}

#[test]
fn only_plain_text_is_opened_onto_a_terminal() {
    let desk = Desk::with_sealed("line one\nline two\n");
    let open = format!("open --key billing {TRUST}");
    let (exit, text) = on_terminal(&desk, &format!("{open} --lines sealed"));
    assert!(exit == Some(0) && text.starts_with("line one\nline two\n"), "{text}");
    for payload in
        [&b"\x1b[2J"[..], b"\xff\xfe", b"\0", "\u{9b}2J".as_bytes(), "\u{202e}evil".as_bytes()]
    {
        desk.seal("-o evil --force", payload).fine();
        for lines in ["", "--lines"] {
            let (exit, text) = on_terminal(&desk, &format!("{open} {lines} evil"));
            assert_eq!((exit, codes(&text)), (Some(2), vec!["misuse"]), "{text}");
            assert!(text.contains("-o -"), "{text}");
            assert!(!text.contains("[2J") && !text.contains('\u{202e}'), "{text:?}");
        }
        let (exit, text) = on_terminal(&desk, &format!("{open} evil -o -"));
        assert_eq!((exit, text), (Some(0), String::from_utf8_lossy(payload).into_owned()));
    }
}

#[test]
fn text_of_envelopes_and_files_is_never_shown_raw() {
    let desk = Desk::new();
    let evil = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
    let mut seal = desk
        .command("seal --key shop --to billing.pub --channel orders.eu -o sealed --content-type");
    seal.arg(evil).arg("--header").arg(format!("note={evil}"));
    super::desk::finish(seal, b"x").fine();
    desk.run("key new signing crafty").fine();
    let mut add =
        desk.command("trust add bundle --root root --key crafty.pub --channel orders.* --subject");
    add.arg(format!("spiffe://{evil}"));
    super::desk::finish(add, b"").fine();
    desk.pipe("seal --key crafty --to billing.pub --channel orders.eu -o crafty.sealed", "x")
        .fine();
    for words in [
        "inspect sealed".to_owned(),
        "inspect --json sealed".to_owned(),
        format!("verify {TRUST} sealed crafty.sealed"),
        format!("verify {TRUST} --json sealed crafty.sealed"),
        format!("verify {TRUST} --signer spiffe://other crafty.sealed"),
        format!("open --key billing {TRUST} --json sealed"),
        "trust show bundle --pin root.pub".to_owned(),
        "trust show bundle --pin root.pub --json".to_owned(),
        "trust show bundle".to_owned(),
    ] {
        let (_, text) = on_terminal(&desk, &words);
        // Our own colours are all that may escape.
        let foreign =
            text.replace("\u{1b}[0m", "").replace("\u{1b}[1m", "").replace("\u{1b}[2m", "");
        let foreign =
            foreign.replace("\u{1b}[31m", "").replace("\u{1b}[32m", "").replace("\u{1b}[33m", "");
        assert!(
            !foreign.chars().any(|each| each != '\n' && (each.is_control() || each == '\u{202e}')),
            "{words}: {foreign:?}"
        );
        let piped = desk.run(&words);
        let all = format!("{}{}", piped.text(), piped.err);
        assert!(
            !all.chars().any(|each| each != '\n' && (each.is_control() || each == '\u{202e}')),
            "{words}: {all:?}"
        );
    }
    // Names of files too.
    let (exit, text) = on_terminal(&desk, &format!("verify {TRUST} \u{1b}[31mnowhere"));
    assert!(exit == Some(2) && text.contains(r"\u{1b}[31mnowhere"), "{text:?}");
}

#[test]
fn a_row_of_verify_cannot_be_imitated() {
    let desk = Desk::new();
    let evil = "orders.eu  spiffe://ceo  0198\u{a0}\u{3164}";
    let name = "valid  other.sealed 0";
    let mut seal = desk.command("seal --key shop --to billing.pub");
    seal.args(["--channel", evil, "-o", name]);
    super::desk::finish(seal, b"x").fine();
    let mut verify = desk.command(&format!("verify {TRUST}"));
    verify.arg(name);
    let done = super::desk::finish(verify, b"").fine();
    let words: Vec<&str> = done.text().split_whitespace().collect();
    assert_eq!(words.len(), 7, "{}", done.text());
    assert_eq!(
        (words[0], words[1], words[4], words[5]),
        (
            "valid",
            r"valid\u{20}\u{20}other.sealed\u{20}0",
            r"orders.eu\u{20}\u{20}spiffe://ceo\u{20}\u{20}0198\u{a0}\u{3164}",
            "spiffe://example.org/shop"
        )
    );
}

#[test]
fn colours_are_for_terminals() {
    let desk = Desk::with_sealed("a\n");
    let words = format!("verify {TRUST} sealed nowhere");
    let (_, text) = on_terminal(&desk, &words);
    assert!(
        text.contains("\u{1b}[1m\u{1b}[32mvalid") && text.contains("\u{1b}[1m\u{1b}[31merror:"),
        "{text:?}"
    );
    let piped = desk.run(&words);
    assert!(!piped.text().contains('\u{1b}') && !piped.err.contains('\u{1b}'));
}

#[test]
fn progress_is_for_terminals() {
    let desk = Desk::with_sealed("a\n");
    let sealed = desk.read("sealed");
    let words = format!("verify {TRUST}");
    let run = |stderr: Stdio| {
        let mut command = desk.command(&words);
        command
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr);
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut stdin = child.stdin.take().unwrap();
        for _ in 0..4 {
            stdin.write_all(&sealed).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let pty = rustix_openpty::openpty(None, None).unwrap();
    let reader = read_all(File::from(pty.controller));
    let done = run(pty.user.into());
    let text = reader.join().unwrap();
    assert!(text.contains("B/s"), "{text:?}");
    assert_eq!(done.stdout.iter().filter(|byte| **byte == b'\n').count(), 4);
    let done = run(Stdio::piped());
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "4 valid, 0 refused\n");
}

/// Everything that a terminal gets until everybody left it.
fn read_all(mut controller: File) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
        // A terminal that everybody left ends in an error.
        while let Ok(read @ 1..) = controller.read(&mut chunk) {
            text.extend_from_slice(&chunk[..read]);
        }
        String::from_utf8_lossy(&text).replace("\r\n", "\n")
    })
}
