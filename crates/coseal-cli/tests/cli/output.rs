//! Where the output goes: files that are whole or absent, devices, closed pipes.

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::desk::{Desk, TRUST, wait};

#[test]
fn an_existing_file_needs_force() {
    let desk = Desk::with_sealed("a\n");
    for words in [
        "seal --key shop --to billing.pub --channel orders.eu",
        &format!("open --key billing {TRUST} --lines sealed"),
    ] {
        desk.write("out", "precious");
        desk.run(&format!("{words} -o out"))
            .unusable("misuse")
            .says("out exists already")
            .hints("--force");
        assert_eq!(desk.read("out"), b"precious");
        desk.chmod("out", 0o640);
        desk.run(&format!("{words} -o out --force")).fine();
        assert_ne!(desk.read("out"), b"precious");
        assert_eq!(desk.mode("out"), 0o640, "as the replaced file had it");
    }
    desk.run("seal --key shop --to billing.pub --channel c -o nowhere/out").unusable("misuse");
    std::fs::create_dir(desk.path("folder")).unwrap();
    desk.run("seal --key shop --to billing.pub --channel c -o folder --force").unusable("misuse");
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_replaced() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("elsewhere")).unwrap();
    desk.write("elsewhere/real", "precious");
    std::os::unix::fs::symlink("elsewhere/real", desk.path("link")).unwrap();
    desk.seal("-o link", "x").unusable("misuse");
    assert_eq!(desk.read("elsewhere/real"), b"precious");
    desk.seal("-o link --force", "x").fine();
    assert!(desk.path("link").symlink_metadata().unwrap().is_symlink());
    assert_eq!(desk.open("elsewhere/real").fine().out, b"x");
    std::os::unix::fs::symlink("nothing", desk.path("dangling")).unwrap();
    desk.seal("-o dangling", "x").unusable("misuse");
    desk.seal("-o dangling --force", "x").unusable("misuse");
    // A bundle behind a link is edited where it is.
    std::fs::rename(desk.path("bundle"), desk.path("elsewhere/bundle")).unwrap();
    std::os::unix::fs::symlink("elsewhere/bundle", desk.path("bundle")).unwrap();
    desk.run("trust renew bundle --root root").fine();
    assert!(desk.path("bundle").symlink_metadata().unwrap().is_symlink());
    desk.run("trust show elsewhere/bundle --pin root.pub")
        .fine()
        .text()
        .contains("bundle 4")
        .then_some(())
        .unwrap();
}

#[test]
fn devices_are_written_to_not_replaced() {
    let desk = Desk::new();
    desk.seal("-o /dev/null", "x").fine();
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    let sealed = desk.seal("-o /dev/stdout", "x").fine();
    desk.write("sealed", &sealed.out);
    assert_eq!(desk.open("sealed -o /dev/stdout").fine().out, b"x");
    // A full disk is told.
    desk.seal("-o /dev/full", "x").fails(2, &["carrier"]);
    desk.seal("--lines -o /dev/full", "x\n".repeat(1000)).fails(2, &["carrier"]);
    desk.open("sealed -o /dev/full").fails(2, &["carrier"]);
}

#[test]
fn a_named_pipe_is_written_to_and_never_read() {
    let desk = Desk::with_sealed("line\n");
    desk.mkfifo("pipe");
    for words in [
        &format!("open --key billing {TRUST} sealed -o pipe"),
        "seal --key shop --to billing.pub --channel orders.eu sealed -o pipe",
    ] {
        let mut child = desk.command(words).stdin(Stdio::null()).spawn().unwrap();
        let pipe = desk.path("pipe");
        let reader = std::thread::spawn(move || std::fs::read(pipe).unwrap());
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > Duration::from_secs(60) {
                child.kill().unwrap();
                panic!("{words}: it waits for its own reader");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(child.wait().unwrap().success() && !reader.join().unwrap().is_empty(), "{words}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let desk = Desk::with_sealed(&"line\n".repeat(20_000));
    let seal = "seal --key shop --to billing.pub --channel orders.eu --lines";
    let commands = [
        format!("verify {TRUST} sealed"),
        format!("verify {TRUST} --json sealed"),
        format!("open --key billing {TRUST} --lines sealed"),
        "inspect --json sealed".to_owned(),
        format!("{seal} sealed"),
        format!("{seal} --encoding base64 sealed"),
    ];
    for words in commands {
        let mut child = desk
            .command(&words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut some = [0; 100];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        assert_eq!(wait(child).fine().err, "", "{words}");
    }
    // Closed before the first byte, with an input that stays open.
    let mut child = desk
        .command(&format!("verify {TRUST}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&desk.read("sealed")[..100_000]).ok();
    let started = Instant::now();
    let done = child.wait().unwrap();
    assert!(done.code() == Some(0) && started.elapsed() < Duration::from_secs(20));
    drop(stdin);
    // Whoever closes standard error hears nothing, and loses nothing.
    let mut child = desk
        .command(&format!("verify {TRUST} nowhere sealed"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!(
        (done.status.code(), done.stdout.iter().filter(|byte| **byte == b'\n').count()),
        (Some(2), 20_000)
    );
}

#[test]
fn what_is_killed_leaves_no_half_of_a_file() {
    let desk = Desk::with_sealed(&"line\n".repeat(2000));
    let sealed = desk.read("sealed");
    let lines = "line\n".repeat(20_000);
    for (words, input) in [
        (
            "seal --key shop --to billing.pub --channel orders.eu --lines -o out".to_owned(),
            lines.as_bytes(),
        ),
        (format!("open --key billing {TRUST} --lines -o out"), &sealed),
    ] {
        for force in [false, true] {
            if force {
                desk.write("out", "precious");
            }
            let words = if force { format!("{words} --force") } else { words.clone() };
            let mut child = desk.command(&words).stdin(Stdio::piped()).spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(input).unwrap();
            // It writes, and waits for more.
            let aside = || desk.names().into_iter().find(|name| name.starts_with(".out."));
            let started = Instant::now();
            while aside()
                .is_none_or(|name| desk.path(&name).metadata().is_ok_and(|found| found.len() == 0))
            {
                assert!(started.elapsed() < Duration::from_secs(60), "nothing was written aside");
                std::thread::sleep(Duration::from_millis(5));
            }
            child.kill().unwrap();
            child.wait().unwrap();
            if force {
                assert_eq!(desk.read("out"), b"precious");
                std::fs::remove_file(desk.path("out")).unwrap();
            } else {
                assert!(!desk.exists("out"));
            }
            std::fs::remove_file(desk.path(&aside().unwrap())).unwrap();
        }
    }
}

#[test]
fn what_is_interrupted_cleans_up() {
    let desk = Desk::new();
    let words = "seal --key shop --to billing.pub --channel orders.eu --lines -o out";
    for signal in ["INT", "TERM", "HUP"] {
        let mut child = desk.command(words).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all("line\n".repeat(1000).as_bytes()).unwrap();
        let is_aside = || desk.names().iter().any(|name| name.starts_with(".out."));
        let started = Instant::now();
        while !is_aside() {
            assert!(started.elapsed() < Duration::from_secs(60), "nothing was written aside");
            std::thread::sleep(Duration::from_millis(5));
        }
        // The handler is there once the file is; give it a moment to be.
        std::thread::sleep(Duration::from_millis(200));
        let sent = std::process::Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(child.id().to_string())
            .status();
        assert!(sent.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(!is_aside() && !desk.exists("out"), "{:?}", desk.names());
    }
}

#[test]
fn a_slow_pipe_is_judged_as_it_comes() {
    let desk = Desk::with_sealed("a\n");
    let sealed = desk.read("sealed");
    let mut child = desk
        .command(&format!("open --key billing {TRUST} --lines"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for _ in 0..3 {
        stdin.write_all(&sealed).unwrap();
        let mut line = [0; 2];
        stdout.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"a\n");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
