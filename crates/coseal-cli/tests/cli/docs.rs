//! Completions, man pages and help come from one definition.

use super::desk::{Desk, names};

const COMMANDS: [&str; 10] =
    ["key", "trust", "seal", "open", "verify", "rewrap", "inspect", "demo", "completions", "man"];

#[test]
fn completions_know_every_command() {
    let desk = Desk::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.run(&format!("completions {shell}")).fine();
        for word in COMMANDS.iter().chain(&["--channel", "--encoding", "retire", "compromised"]) {
            let word = word.trim_start_matches('-');
            assert!(script.text().contains(word), "{shell} does not know {word}");
        }
    }
    desk.run("completions abacus").unusable("misuse");
}

#[test]
fn the_completion_script_is_one_for_bash() {
    let desk = Desk::empty();
    desk.write("script", desk.run("completions bash").fine().out);
    let checked = std::process::Command::new("bash").arg("-n").arg(desk.path("script")).status();
    assert!(checked.expect("this test needs bash").success());
}

#[test]
fn there_is_a_man_page_for_every_command() {
    let desk = Desk::empty();
    let page = desk.run("man").fine();
    assert!(
        page.text().contains(".TH coseal 1") && page.text().contains("Exit codes"),
        "{}",
        page.text()
    );
    desk.run("man pages/man1").fine();
    let pages = names(&desk.path("pages/man1"));
    for command in COMMANDS.iter().map(|command| format!("coseal-{command}.1")).chain([
        "coseal.1".to_owned(),
        "coseal-trust-revoke.1".to_owned(),
        "coseal-key-change-passphrase.1".to_owned(),
    ]) {
        assert!(pages.contains(&command), "{command} is not in {pages:?}");
        assert!(desk.read(&format!("pages/man1/{command}")).len() > 200);
    }
    let seal = String::from_utf8(desk.read("pages/man1/coseal-seal.1")).unwrap();
    assert!(seal.contains("COSEAL_KEY") && seal.contains("chacha20poly1305"));
}

#[test]
fn help_names_the_environment_and_the_defaults() {
    let desk = Desk::empty();
    let help = desk.run("open --help").fine();
    for text in
        ["COSEAL_KEY", "COSEAL_TRUST", "COSEAL_PIN", "COSEAL_STATE", "--max-age", "[default: cbor]"]
    {
        assert!(help.text().contains(text), "{text}");
    }
    assert!(desk.run("seal --help").fine().text().contains("[default: 64]"));
    let help = desk.run("help key").fine();
    for text in ["COSEAL_PASSPHRASE", "env:NAME", "fd:N", "./env:NAME", "--passphrase-file"] {
        assert!(help.text().contains(text), "{text}");
    }
    for words in ["seal", "open", "trust add", "trust new", "key id", "key change-passphrase"] {
        let help = desk.run(&format!("{words} --help")).fine();
        for text in ["--passphrase-file <FILE>", "--passphrase-fd <N>", "--passphrase-env <NAME>"] {
            assert!(help.text().contains(text), "{words}: {text}");
        }
    }
}
