//! `coseal demo`, and the script that repeats it.

use std::process::Command;

use super::desk::{COSEAL, Desk, names};

#[test]
fn the_demo_tells_the_story_and_leaves_it() {
    let desk = Desk::empty();
    let done = desk.run("demo").fine();
    assert_eq!(done.err, "");
    for text in [
        "Keys",
        "Trust",
        "The producer seals",
        "The consumer opens",
        "The auditor verifies",
        "What is refused",
        "Now you",
        "12 valid, 0 refused",
        "what was opened is what was sealed",
        "code: untrusted/bad_signature",
        "code: misdirected/channel",
        "code: untrusted/unknown_signer",
        "code: untrusted/revoked",
        "commands.sh",
    ] {
        assert!(done.text().contains(text), "{text}:\n{}", done.text());
    }
    assert_eq!(desk.names(), ["coseal-demo"]);
    let left = names(&desk.path("coseal-demo"));
    for name in [
        "commands.sh",
        "events.coseal",
        "events.jsonl",
        "keys",
        "one.coseal",
        "opened.txt",
        "trust.bundle",
        "verdicts.jsonl",
    ] {
        assert!(left.contains(&name.to_owned()), "{name} is not in {left:?}");
    }
    assert_eq!(desk.read("coseal-demo/opened.txt"), desk.read("coseal-demo/events.jsonl"));
    assert_eq!(desk.mode("coseal-demo/keys/root.key"), 0o600);
    let verdicts = String::from_utf8(desk.read("coseal-demo/verdicts.jsonl")).unwrap();
    assert_eq!(verdicts.lines().filter(|line| line.contains("\"verdict\":\"valid\"")).count(), 12);
}

#[test]
fn the_script_repeats_every_step() {
    let desk = Desk::empty();
    desk.run("demo --out story").fine();
    let script = String::from_utf8(desk.read("story/commands.sh")).unwrap();
    let steps = script
        .lines()
        .filter(|line| line.starts_with("coseal ") || line.starts_with("refused "))
        .count();
    assert!(steps >= 20, "{steps} steps:\n{script}");
    assert_eq!(script.lines().filter(|line| line.starts_with("refused ")).count(), 4);
    let done = Command::new("sh")
        .arg("story/commands.sh")
        .current_dir(desk.path(""))
        .env("COSEAL", COSEAL)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    for code in [
        "untrusted/bad_signature",
        "misdirected/channel",
        "untrusted/unknown_signer",
        "untrusted/revoked",
    ] {
        assert!(said.contains(&format!("  code: {code}\n")), "{code}: {said}");
    }
    let by_hand =
        names(&desk.path("story")).into_iter().find(|name| name.starts_with("by-hand.")).unwrap();
    assert_eq!(desk.read(&format!("story/{by_hand}/opened.txt")), desk.read("story/events.jsonl"));
    // The script fails where a step does: a command that accepts everything is found out.
    let done = Command::new("sh")
        .arg("story/commands.sh")
        .current_dir(desk.path(""))
        .env("COSEAL", "true")
        .output()
        .unwrap();
    assert!(!done.status.success());
}

#[test]
fn the_demo_overwrites_nothing() {
    let desk = Desk::empty();
    desk.run("demo").fine();
    let first = desk.read("coseal-demo/trust.bundle");
    desk.run("demo").fine();
    assert_eq!(desk.names(), ["coseal-demo", "coseal-demo-2"]);
    assert_eq!(desk.read("coseal-demo/trust.bundle"), first);
    desk.run("demo --out coseal-demo").unusable("misuse").says("not empty").hints("--out");
    assert_eq!(desk.read("coseal-demo/trust.bundle"), first);
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.run("demo --out empty").fine();
}

#[test]
fn the_demo_takes_any_lines() {
    let desk = Desk::empty();
    desk.write("mine", "one\r\n\ntwo \u{1b}[31m\nthree");
    let done = desk.run("demo mine --out story").fine();
    assert!(
        done.text().contains("4 events") && done.text().contains("4 valid, 0 refused"),
        "{}",
        done.text()
    );
    assert!(!done.text().contains('\u{1b}'), "text of files is not shown raw");
    assert_eq!(desk.read("story/opened.txt"), "one\r\n\ntwo \u{1b}[31m\nthree\n".as_bytes());
    assert!(desk.pipe("demo - --out piped", "from a pipe\n").fine().text().contains("1 event"));
    desk.run("demo nowhere --out other").unusable("misuse");
    assert!(!desk.exists("other"), "no folder is made for nothing");
}

#[test]
fn the_callers_environment_does_not_matter() {
    let desk = Desk::empty();
    let mut command = desk.command("demo");
    for name in ["COSEAL_KEY", "COSEAL_TRUST", "COSEAL_PIN", "COSEAL_STATE"] {
        command.env(name, "nowhere");
    }
    super::desk::finish(command, b"").fine();
}
