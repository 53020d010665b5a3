//! `--state`: the highest bundle seen is remembered, and a step back refused.

use std::process::Stdio;

use super::desk::{Desk, finish, wait};

const READERS: [&str; 5] = [
    "verify --trust bundle --pin root.pub --state state sealed",
    "open --key billing --trust bundle --pin root.pub --state state sealed -o opened",
    "seal --key shop --to spiffe://example.org/billing --trust bundle --pin root.pub --state state --channel orders.eu",
    "trust show bundle --pin root.pub --state state",
    "trust renew bundle --root root --state state",
];

fn state(desk: &Desk) -> serde_json::Value {
    serde_json::from_slice(&desk.read("state")).unwrap()
}

#[test]
fn the_highest_bundle_is_remembered() {
    let desk = Desk::with_sealed("a\n");
    desk.verify("sealed").fine();
    assert!(!desk.exists("state"), "without --state none is kept");
    desk.verify("--state state sealed").fine();
    let seen = state(&desk);
    assert_eq!(
        (&seen["version"], &seen["domain"], &seen["sequence"]),
        (&1.into(), &"example.org".into(), &3.into())
    );
    assert_eq!(seen["digest"].as_str().unwrap().len(), 64);
    assert_eq!(seen["roots"].as_array().unwrap().len(), 1);
    // Edits raise it too, and readers after them.
    desk.run("trust renew bundle --root root --state state").fine();
    assert_eq!(state(&desk)["sequence"], 4);
    desk.run("trust renew bundle --root root").fine();
    desk.open("--state state sealed").fine();
    assert_eq!(state(&desk)["sequence"], 5);
}

#[test]
fn a_rollback_is_refused() {
    let desk = Desk::with_sealed("a\n");
    let old = desk.read("bundle");
    let shop = desk.key_id("shop");
    desk.run(&format!(
        "trust revoke bundle --root root --key-id {shop} --reason compromised --state state"
    ))
    .fine();
    let (new, before) = (desk.read("bundle"), desk.read("state"));
    desk.write("bundle", &old);
    for words in READERS {
        desk.run(words).unusable("untrusted/rolled_back").hints("older trust bundle");
    }
    desk.run("trust new other --root root --domain example.org --state state")
        .unusable("untrusted/rolled_back");
    assert!(!desk.exists("opened") && !desk.exists("other"));
    assert_eq!((desk.read("bundle"), desk.read("state")), (old, before));
    desk.write("bundle", &new);
    desk.verify("--state state sealed").refused(&["untrusted/revoked"]);
}

#[test]
fn a_fork_is_refused() {
    let desk = Desk::with_sealed("a\n");
    let base = desk.read("bundle");
    desk.run("trust renew bundle --root root --valid-for 10d --state state").fine();
    desk.write("bundle", &base);
    desk.run("trust renew bundle --root root --valid-for 11d").fine();
    let (fork, before) = (desk.read("bundle"), desk.read("state"));
    for words in READERS {
        desk.run(words).unusable("untrusted/rolled_back").says("fork");
    }
    assert_eq!((desk.read("bundle"), desk.read("state")), (fork, before));
}

#[test]
fn a_root_that_the_state_does_not_know_is_told_with_the_way_out() {
    let desk = Desk::with_sealed("a\n");
    desk.verify("--state state sealed").fine();
    // The root was lost: its operator makes everything anew.
    desk.run("key new signing root --force").fine();
    desk.run("trust new bundle --root root --domain example.org --force").fine();
    desk.trust("shop", "spiffe://example.org/shop");
    desk.trust("billing", "spiffe://example.org/billing");
    for words in READERS {
        desk.run(words)
            .unusable("untrusted/unknown_root")
            .hints("the state state decides which roots are believed, not --pin");
    }
    desk.run("trust new other --root root --domain example.org --state state")
        .unusable("untrusted/unknown_root")
        .hints("move the state away");
    std::fs::rename(desk.path("state"), desk.path("away")).unwrap();
    desk.verify("--state state sealed").fine();
    // Where there was none yet, the pins decide.
    desk.run("verify --trust bundle --pin shop.pub --state none sealed")
        .unusable("untrusted/unknown_root")
        .hints("is this the right --pin");
}

#[test]
fn a_broken_state_file_is_refused_and_left_alone() {
    let desk = Desk::with_sealed("a\n");
    desk.verify("--state state sealed").fine();
    let good = String::from_utf8(desk.read("state")).unwrap();
    let cases = [
        (String::new(), "malformed/structure"),
        ("{}".to_owned(), "malformed/structure"),
        ("hello".to_owned(), "malformed/structure"),
        (good[..good.len() / 2].to_owned(), "malformed/structure"),
        (good.replace("\"sequence\": 3", "\"sequence\": -3"), "malformed/structure"),
        (good.replace("\"domain\"", "\"more\": 1, \"domain\""), "malformed/structure"),
        (good.replace("\"digest\": \"", "\"digest\": \"zz"), "malformed/structure"),
        (good.replace("\"version\": 1", "\"version\": 2"), "unsupported/version"),
        (r#"{"version":2,"anything":true}"#.to_owned(), "unsupported/version"),
    ];
    let bundle = desk.read("bundle");
    for (text, code) in cases {
        desk.write("state", &text);
        for words in READERS {
            desk.run(words).unusable(code).says("state");
        }
        assert_eq!((desk.read("state"), desk.read("bundle")), (text.into_bytes(), bundle.clone()));
        assert!(!desk.exists("opened"));
    }
    // A state of another trust domain is not ours.
    desk.write("state", good.replace("example.org", "example.com"));
    desk.verify("--state state sealed").unusable("untrusted/wrong_domain");
}

#[test]
fn the_environment_names_the_state_and_a_flag_wins() {
    let desk = Desk::with_sealed("a\n");
    let run = |words: &str| {
        let mut command = desk.command(words);
        command.env("COSEAL_STATE", "from-environment");
        finish(command, b"").fine();
    };
    run("verify --trust bundle --pin root.pub --state from-flag sealed");
    assert!(desk.exists("from-flag") && !desk.exists("from-environment"));
    run("verify --trust bundle --pin root.pub sealed");
    assert!(desk.exists("from-environment"));
}

#[test]
fn readers_at_once_keep_the_highest() {
    let desk = Desk::with_sealed("a\n");
    let words = "verify --trust bundle --pin root.pub --state state sealed";
    let mut children = Vec::new();
    for _ in 0..12 {
        // The bundle changes under the readers; each reads the old or the new one, never a lower one than it saw.
        children.push(
            desk.command(words)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        if children.len() % 4 == 0 {
            desk.run("trust renew bundle --root root").fine();
        }
    }
    for child in children {
        wait(child).fine();
    }
    desk.run(words).fine();
    assert_eq!(state(&desk)["sequence"], 6);
    assert!(desk.names().iter().all(|name| !name.starts_with('.')), "nothing is left aside");
}
