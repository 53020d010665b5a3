//! Private keys that stand in no file: in variables, and on file descriptors.

use std::fs::File;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::desk::{COSEAL, Desk, Done, TRUST, finish, wait};

impl Desk {
    /// Runs it with these variables.
    fn run_in(&self, variables: &[(&str, String)], words: &str, input: &str) -> Done {
        let mut command = self.command(words);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        finish(command, input.as_bytes())
    }

    /// Runs it through a shell that says where its descriptors come from.
    fn run_from(&self, words: &str, redirections: &str) -> Done {
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("exec \"$0\" {words} {redirections}"), COSEAL]);
        finish(
            {
                shell.current_dir(self.path(""));
                shell
            },
            b"",
        )
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }
}

#[test]
fn a_key_in_a_variable_is_a_key() {
    let desk = Desk::new();
    desk.run("key new kek kek").fine();
    desk.write_private("passphrase", "correct horse");
    desk.run("key new signing locked --encrypt --passphrase-file passphrase").fine();
    let id = |done: Done| done.fine().text().trim().to_owned();
    for (key, words) in [("shop", ""), ("billing", ""), ("locked", "--passphrase-file passphrase")]
    {
        let pem = desk.text(key);
        let base64 = STANDARD.encode(&pem);
        let folded: String = base64
            .as_bytes()
            .chunks(64)
            .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()))
            .collect();
        for value in [pem.clone(), pem.trim().to_owned(), base64, folded] {
            let found = desk.run_in(&[("MINE", value)], &format!("key id env:MINE {words}"), "");
            assert_eq!(id(found), desk.key_id(&format!("{key}.pub")));
        }
    }
    let kek = desk.text("kek");
    let keys = [
        ("SHOP", desk.text("shop")),
        ("KEK", kek.clone()),
        ("KEK64", STANDARD.encode(&kek)),
        ("ROOT", desk.text("root")),
        ("BILLING", desk.text("billing")),
    ];
    let seal = "seal --to billing.pub --channel orders.eu -o sealed --force";
    desk.run_in(&keys, &format!("{seal} --key env:SHOP --to-kek k=env:KEK"), "hello").fine();
    desk.run_in(&[("COSEAL_KEY", "env:SHOP".to_owned()), keys[0].clone()], seal, "hello").fine();
    desk.run_in(&keys, &format!("{seal} --key env:SHOP --to-kek k=env:KEK64"), "hello").fine();
    for key in ["--key env:BILLING", "--kek k=env:KEK", "--kek k=env:KEK64"] {
        let opened = desk.run_in(&keys, &format!("open {key} {TRUST} sealed"), "").fine();
        assert_eq!(opened.out, b"hello");
    }
    desk.run_in(&keys, "trust renew bundle --root env:ROOT", "").fine();
}

#[test]
fn a_key_on_a_file_descriptor_is_a_key() {
    let desk = Desk::new();
    desk.run("key new kek kek").fine();
    let id = desk.key_id("shop.pub");
    let found = |done: Done| assert_eq!(done.fine().text().trim(), id);
    found(desk.run_from("key id fd:3", "3<shop"));
    found(desk.run_from("key id fd:9", "9< <(cat shop)"));
    found(desk.pipe("key id fd:0", desk.read("shop")));
    // Kept back where others could read it, as a file would be.
    desk.chmod("shop", 0o644);
    desk.run_from("key id fd:3", "3<shop")
        .unusable("misuse")
        .says("the secret in fd:3 (mode 0644)");
    desk.chmod("shop", 0o600);
    desk.write("message", "hello");
    desk.run_from(
        "seal --key fd:3 --to-kek k=fd:4 --channel orders.eu message -o sealed",
        "3<shop 4< <(cat kek)",
    )
    .fine();
    let opened = desk.run_from(&format!("open --kek k=fd:5 {TRUST} sealed"), "5<kek").fine();
    assert_eq!(opened.out, b"hello");
    desk.run_from("trust renew bundle --root fd:3", "3<root").fine();
}

#[test]
fn a_source_that_is_none_is_named() {
    let desk = Desk::new();
    let cases = [
        ("env:NOWHERE", "misuse", "the environment has no NOWHERE"),
        ("env:A=B", "misuse", "the environment has no A=B"),
        ("env:", "misuse", "env: names no variable"),
        ("fd:", "misuse", "fd: names no file descriptor"),
        ("fd:three", "misuse", "fd:three names no file descriptor"),
        ("fd:-1", "misuse", "fd:-1 names no file descriptor"),
        ("fd:97", "misuse", "cannot open fd:97"),
    ];
    for (name, code, says) in cases {
        desk.run(&format!("key id {name}")).unusable(code).says(says);
        desk.pipe(&format!("seal --key {name} --to billing.pub --channel c"), "x")
            .unusable(code)
            .says(says);
    }
    for value in ["", "text", "aGVsbG8=", "////"] {
        desk.run_in(&[("MINE", value.to_owned())], "key id env:MINE", "")
            .unusable("malformed/key")
            .says("env:MINE: ");
    }
    // Nothing of a variable is shown.
    let done = desk.run_in(&[("MINE", "s3cret".to_owned())], "key id env:MINE", "");
    assert!(!done.unusable("malformed/key").err.contains("s3cret"));
}

/// A file of such a name is reached with a path; none is made without one.
#[test]
fn a_file_that_is_named_like_a_source_stays_reachable() {
    let desk = Desk::new();
    for name in ["env:SHOP", "fd:3"] {
        desk.write_private(name, desk.read("shop"));
        let id = desk.run(&format!("key id ./{name}")).fine();
        assert_eq!(id.text().trim(), desk.key_id("shop.pub"));
        desk.run(&format!("key id {name}")).unusable("misuse");
        desk.run(&format!("key new signing {name} --force"))
            .unusable("misuse")
            .says(&format!("{name} would be taken for no file"))
            .hints(&format!("./{name}"));
        desk.run(&format!("key new signing ./{name} --force")).fine();
    }
}

#[test]
fn a_key_and_a_message_do_not_share_standard_input() {
    let desk = Desk::new();
    desk.run("key new kek kek").fine();
    let key = desk.read("shop");
    for words in [
        "seal --key fd:0 --to billing.pub --channel orders.eu",
        "seal --key shop --to-kek k=fd:0 --channel orders.eu",
        &format!("open --key fd:0 {TRUST}"),
        &format!("open --kek k=fd:0 {TRUST} -"),
    ] {
        desk.pipe(words, &key)
            .unusable("misuse")
            .says("fd:0 is the input")
            .hints("another descriptor");
    }
    desk.write("message", "hello");
    let mut command =
        desk.command("seal --key fd:0 --to billing.pub --channel orders.eu message -o sealed");
    command.stdin(File::open(desk.path("shop")).unwrap()).stderr(Stdio::piped());
    wait(command.spawn().unwrap()).fine();
    assert_eq!(desk.open("sealed").fine().out, b"hello");
}
