//! Private keys that are encrypted: where the passphrase may come from, and
//! what is said where it does not.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use coseal_store::keys::{Passphrase, StoredKey};
use rustix::termios::{LocalModes, tcgetattr};

use super::desk::{COSEAL, Desk, Done, TRUST, finish, wait};

const PASSPHRASE: &str = "correct horse";

impl Desk {
    /// As `Desk::new`, with every private key encrypted, under what is in `passphrase`.
    fn locked() -> Self {
        let desk = Self::new();
        desk.run("key new kek kek").fine();
        desk.write_private("passphrase", format!("{PASSPHRASE}\n"));
        for key in ["root", "shop", "billing", "kek"] {
            desk.run(&format!("key change-passphrase {key} --new-passphrase-file passphrase"))
                .fine()
                .says(&format!("{key} is encrypted under its new passphrase"));
            assert!(desk.is_encrypted(key));
            assert_eq!(desk.mode(key), 0o600);
        }
        desk
    }

    fn is_encrypted(&self, key: &str) -> bool {
        self.read(key).starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    }

    /// Whether a key is encrypted under this.
    fn opens_with(&self, key: &str, passphrase: &str) -> bool {
        let stored = StoredKey::read(&self.path(key)).unwrap();
        let passphrase = Passphrase::new(passphrase.as_bytes().to_vec());
        stored.is_encrypted() && stored.decrypt(&passphrase).is_ok()
    }

    /// Runs it with this variable set.
    fn run_with(&self, variable: (&str, &str), words: &str, input: &str) -> Done {
        let mut command = self.command(words);
        command.env(variable.0, variable.1);
        finish(command, input.as_bytes())
    }

    /// Runs it without a terminal, whoever runs the tests.
    fn away_from_terminals(&self, words: &str) -> Done {
        finish(self.with_setsid(words, &["-w"]), b"")
    }

    fn with_setsid(&self, words: &str, options: &[&str]) -> Command {
        let plain = self.command(words);
        let mut command = Command::new("setsid");
        command.args(options).arg(COSEAL).args(plain.get_args()).current_dir(self.path(""));
        for (name, _) in plain.get_envs() {
            command.env_remove(name);
        }
        command
    }

    /// Runs it on a terminal of its own, and types each answer once echoing is
    /// off; answers what became of it, and what the terminal showed.
    fn type_in(&self, words: &str, answers: &[&str]) -> (Done, String) {
        let pty = rustix_openpty::openpty(None, None).unwrap();
        let (controller, user) = (File::from(pty.controller), pty.user);
        let mut command = self.with_setsid(words, &["-w", "-c"]);
        // The message comes on standard output all the same.
        command.stdin(user).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        drop(command);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, text) = (controller.try_clone().unwrap(), Arc::clone(&shown));
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut chunk) {
                text.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        let shown = || String::from_utf8(shown.lock().unwrap().clone()).unwrap();
        let hides =
            || tcgetattr(&controller).is_ok_and(|now| !now.local_modes.contains(LocalModes::ECHO));
        for (asked, answer) in answers.iter().enumerate() {
            let started = Instant::now();
            while !(shown().matches(": ").count() > asked && hides()) {
                assert!(started.elapsed() < Duration::from_secs(20), "not asked: {:?}", shown());
                thread::sleep(Duration::from_millis(5));
            }
            (&controller).write_all(format!("{answer}\n").as_bytes()).unwrap();
        }
        let done = wait(child);
        reader.join().unwrap();
        (done, shown())
    }
}

#[test]
fn a_new_key_is_encrypted_where_asked() {
    let desk = Desk::empty();
    desk.write_private("passphrase", PASSPHRASE);
    for kind in ["signing", "receiving", "kek"] {
        desk.run(&format!("key new {kind} {kind} --encrypt --passphrase-file passphrase")).fine();
        assert!(desk.is_encrypted(kind) && desk.opens_with(kind, PASSPHRASE), "{kind}");
        assert_eq!(desk.mode(kind), 0o600);
        let printed = desk.run(&format!("key new {kind} - --encrypt --passphrase-file passphrase"));
        assert!(printed.fine().text().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    }
    desk.run_with(("COSEAL_PASSPHRASE", "other"), "key new kek kek --encrypt --force", "").fine();
    assert!(desk.opens_with("kek", "other"));
    // The variable alone asks for nothing.
    desk.run_with(("COSEAL_PASSPHRASE", "other"), "key new kek kek --force", "").fine();
    assert!(!desk.is_encrypted("kek"));
    assert_eq!(
        desk.names(),
        ["kek", "passphrase", "receiving", "receiving.pub", "signing", "signing.pub"]
    );
}

#[test]
fn no_key_is_encrypted_by_half_an_order() {
    let desk = Desk::empty();
    desk.write_private("passphrase", PASSPHRASE);
    desk.write_private("empty", "\nsecond line\n");
    desk.run("key new signing key --passphrase-file passphrase")
        .unusable("misuse")
        .says("a passphrase is given, and the key would not be encrypted")
        .hints("--encrypt");
    desk.run("key new signing key --encrypt --passphrase-file passphrase --passphrase-env X")
        .unusable("misuse")
        .says("a new key is encrypted under one passphrase");
    desk.run("key new signing key --encrypt --passphrase-file empty")
        .unusable("misuse")
        .says("the new passphrase is empty")
        .hints("empty has none");
    desk.run_with(("COSEAL_PASSPHRASE", ""), "key new signing key --encrypt", "")
        .unusable("misuse")
        .says("the new passphrase is empty");
    desk.away_from_terminals("key new signing key --encrypt")
        .unusable("misuse")
        .says("there is no terminal to ask for the new passphrase of key")
        .hints(
            "--passphrase-file FILE, --passphrase-fd N, --passphrase-env NAME or COSEAL_PASSPHRASE",
        );
    assert_eq!(desk.names(), ["empty", "passphrase"]);
    // Before anybody is asked for a passphrase.
    desk.write("taken", "precious");
    desk.away_from_terminals("key new signing taken --encrypt")
        .unusable("misuse")
        .says("taken exists already");
}

#[test]
fn every_command_that_takes_a_private_key_takes_an_encrypted_one() {
    let desk = Desk::locked();
    let with = "--passphrase-file passphrase";
    desk.run(&format!("trust renew bundle --root root {with}")).fine();
    desk.run(&format!("trust new other --root root --domain d {with}")).fine();
    let id = desk.key_id("shop.pub");
    desk.run(&format!(
        "trust retire bundle --root root --key-id {id} --at 2100-01-01T00:00:00Z {with}"
    ))
    .fine();
    desk.run("key new signing more").fine();
    let id = desk.key_id("more");
    desk.run(&format!("trust add bundle --root root --key more.pub --subject spiffe://example.org/more --channel orders.* {with}")).fine();
    desk.run(&format!("trust revoke bundle --root root --key-id {id} --reason ceased {with}"))
        .fine();
    for key in ["root", "shop", "billing"] {
        let id = desk.run(&format!("key id {key} {with}")).fine();
        assert_eq!(id.text().trim(), desk.key_id(&format!("{key}.pub")));
        let public = desk.run(&format!("key public {key} {with}")).fine();
        assert_eq!(public.out, desk.read(&format!("{key}.pub")));
    }
    let seal = "seal --key shop --to billing.pub --to-kek k=kek --channel orders.eu";
    desk.pipe(&format!("{seal} {with} -o sealed"), "hello").fine();
    for key in ["--key billing", "--kek k=kek", "--key billing --kek k=kek"] {
        let opened = desk.run(&format!("open {key} {TRUST} {with} sealed")).fine();
        assert_eq!(opened.out, b"hello");
    }
    desk.run("key new receiving ledger").fine();
    let rewrap = "rewrap --key billing --to ledger.pub --replace --to-kek k=kek";
    desk.run(&format!("{rewrap} {TRUST} {with} sealed -o rewrapped")).fine();
    let opened = desk.run(&format!("open --key ledger {TRUST} rewrapped")).fine();
    assert_eq!(opened.out, b"hello");
    // A KEK has no public half, encrypted or not.
    desk.run(&format!("key id kek {with}")).unusable("malformed/key").says("this is a KEK");
    // Where a public key is enough, none is decrypted.
    desk.pipe("seal --key more --to billing --channel orders.eu", "x")
        .unusable("misuse")
        .says("the private key billing is encrypted")
        .hints("its public key is enough");
}

#[test]
fn a_passphrase_comes_from_where_the_caller_says() {
    let desk = Desk::locked();
    let id = desk.key_id("shop.pub");
    let found = |done: Done| assert_eq!(done.fine().text().trim(), id);
    for text in
        [PASSPHRASE.to_owned(), format!("{PASSPHRASE}\r\n"), format!("{PASSPHRASE}\nmore\n")]
    {
        desk.write_private("other", text);
        found(desk.run("key id shop --passphrase-file other"));
    }
    found(desk.run_with(("MINE", PASSPHRASE), "key id shop --passphrase-env MINE", ""));
    found(desk.run_with(("COSEAL_PASSPHRASE", PASSPHRASE), "key id shop", ""));
    found(desk.pipe("key id shop --passphrase-fd 0", format!("{PASSPHRASE}\n")));
    let script = "exec \"$0\" key id shop --passphrase-fd 7 7<passphrase";
    let mut shell = Command::new("sh");
    found(finish(
        {
            shell.args(["-c", script, COSEAL]).current_dir(desk.path(""));
            shell
        },
        b"",
    ));
    // An option counts, not the variable that every command knows.
    desk.run_with(("COSEAL_PASSPHRASE", PASSPHRASE), "key id shop --passphrase-env MINE", "")
        .unusable("misuse")
        .says("the environment has no MINE");
    let wrong = desk.run_with(
        ("COSEAL_PASSPHRASE", "wrong"),
        "key id shop --passphrase-file passphrase",
        "",
    );
    found(wrong);
}

/// The rest of standard input is the message, and the passphrase never is.
#[test]
fn a_passphrase_on_standard_input_is_no_part_of_the_message() {
    let desk = Desk::locked();
    desk.run("key change-passphrase billing --passphrase-file passphrase --remove").fine();
    let seal =
        "seal --key shop --to billing.pub --channel orders.eu --passphrase-fd 0 -o sealed --force";
    let both = format!("{PASSPHRASE}\nthe message\nof two lines\n");
    desk.pipe(seal, &both).fine();
    assert_eq!(desk.open("sealed").fine().out, b"the message\nof two lines\n");
    // From a file too, where the position is shared.
    desk.write_private("both", &both);
    let mut command = desk.command(seal);
    command.stdin(File::open(desk.path("both")).unwrap()).stderr(Stdio::piped());
    wait(command.spawn().unwrap()).fine();
    assert_eq!(desk.open("sealed").fine().out, b"the message\nof two lines\n");
    // Also where no key is encrypted.
    desk.run("key change-passphrase shop --passphrase-file passphrase --remove").fine();
    desk.pipe(seal, &both).fine();
    assert_eq!(desk.open("sealed").fine().out, b"the message\nof two lines\n");
}

#[test]
fn a_passphrase_that_does_not_fit_is_told_and_nothing_is_written() {
    let desk = Desk::locked();
    desk.write_private("wrong", "wrong horse\n");
    desk.write_private("long", "x".repeat(1025));
    desk.write("open", PASSPHRASE);
    desk.chmod("open", 0o640);
    let before = desk.read("bundle");
    for words in [
        "key id shop",
        "key public shop",
        "key change-passphrase shop --new-passphrase-file passphrase",
        "seal --key shop --to billing.pub --channel orders.eu -o out",
        "trust renew bundle --root root",
        &format!("open --key billing {TRUST} -o out"),
        &format!("open --kek k=kek {TRUST} -o out"),
    ] {
        desk.run(&format!("{words} --passphrase-file wrong"))
            .unusable("misuse")
            .says("the passphrase does not fit")
            .says("or the file is damaged");
        desk.away_from_terminals(words)
            .unusable("misuse")
            .says("is encrypted, and there is no terminal to ask for its passphrase")
            .hints("--passphrase-file FILE, --passphrase-fd N, --passphrase-env NAME or COSEAL_PASSPHRASE");
        desk.run(&format!("{words} --passphrase-file long"))
            .unusable("malformed/too_large")
            .says("long: the passphrase is longer than 1024 bytes");
        desk.run(&format!("{words} --passphrase-file open"))
            .unusable("misuse")
            .says("others can reach the secret in open (mode 0640)")
            .hints("chmod 600 open");
        desk.run(&format!("{words} --passphrase-file nowhere")).unusable("misuse").says("nowhere");
        desk.run(&format!("{words} --passphrase-fd 99")).unusable("misuse").says("fd:99");
    }
    assert_eq!(desk.read("bundle"), before);
    assert!(!desk.exists("out"));
}

#[test]
fn each_passphrase_is_tried_for_each_key() {
    let desk = Desk::locked();
    desk.write_private("second", "battery staple");
    desk.run("key change-passphrase kek --passphrase-file passphrase --new-passphrase-file second")
        .fine();
    let seal = "seal --key shop --to-kek k=kek --channel orders.eu -o sealed --force";
    for order in ["passphrase second", "second passphrase"] {
        let (one, two) = order.split_once(' ').unwrap();
        desk.pipe(&format!("{seal} --passphrase-file {one} --passphrase-file {two}"), "x").fine();
    }
    desk.pipe(&format!("{seal} --passphrase-file passphrase"), "x")
        .unusable("misuse")
        .says("the passphrase does not fit kek");
}

#[test]
fn a_passphrase_is_changed_removed_and_given() {
    let desk = Desk::locked();
    let id = desk.key_id("shop.pub");
    desk.write_private("second", "battery staple");
    desk.run(
        "key change-passphrase shop --passphrase-file passphrase --new-passphrase-file second",
    )
    .fine();
    assert!(desk.opens_with("shop", "battery staple") && !desk.opens_with("shop", PASSPHRASE));
    let variable = ("NEW", PASSPHRASE);
    desk.run_with(
        variable,
        "key change-passphrase shop --passphrase-file second --new-passphrase-env NEW",
        "",
    )
    .fine();
    assert!(desk.opens_with("shop", PASSPHRASE));
    // Both from one pipe, a line each.
    desk.pipe(
        "key change-passphrase shop --passphrase-fd 0 --new-passphrase-fd 0",
        format!("{PASSPHRASE}\nthird\n"),
    )
    .fine();
    assert!(desk.opens_with("shop", "third"));
    // And from one file.
    desk.write_private("both", "third\nfourth\n");
    let script =
        "exec \"$0\" key change-passphrase shop --passphrase-fd 5 --new-passphrase-fd 5 5<both";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, COSEAL]).current_dir(desk.path(""));
    finish(shell, b"").fine();
    assert!(desk.opens_with("shop", "fourth"));
    std::fs::remove_file(desk.path("both")).unwrap();
    desk.pipe("key change-passphrase shop --passphrase-fd 0 --remove", "fourth\n")
        .fine()
        .says("shop is not encrypted any more");
    assert_eq!(desk.key_id("shop"), id);
    assert!(desk.read("shop").starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    desk.run("key change-passphrase kek --passphrase-file passphrase --remove").fine();
    assert_eq!(desk.read("kek").len(), 65);
    for name in ["shop", "kek"] {
        assert_eq!(desk.mode(name), 0o600);
    }
    assert_eq!(
        desk.names(),
        [
            "billing",
            "billing.pub",
            "bundle",
            "kek",
            "passphrase",
            "root",
            "root.pub",
            "second",
            "shop",
            "shop.pub"
        ],
        "nothing is left behind"
    );
}

#[test]
fn a_change_that_fails_leaves_the_key_alone() {
    let desk = Desk::locked();
    desk.write_private("empty", "");
    desk.run("key new signing plain").fine();
    let before = desk.read("shop");
    let change = "key change-passphrase shop --passphrase-file passphrase";
    desk.run(&format!("{change} --new-passphrase-file empty"))
        .unusable("misuse")
        .says("the new passphrase is empty");
    desk.run(&format!("{change} --new-passphrase-file nowhere")).unusable("misuse");
    desk.run(&format!("{change} --new-passphrase-file empty --remove")).unusable("misuse");
    desk.away_from_terminals(change)
        .unusable("misuse")
        .says("there is no terminal to ask for the new passphrase of shop")
        .hints("--new-passphrase-file FILE, --new-passphrase-fd N or --new-passphrase-env NAME");
    desk.run("key change-passphrase plain --remove")
        .unusable("misuse")
        .says("plain is not encrypted");
    for (words, code) in
        [("shop.pub", "malformed/key"), ("nowhere", "misuse"), (".", "misuse"), ("env:X", "misuse")]
    {
        desk.run(&format!("key change-passphrase {words} --new-passphrase-file passphrase"))
            .unusable(code);
    }
    // A disk without room, played by a limit on the size of files.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let mut full = Command::new("sh");
    full.args(["-c", script, COSEAL]).args(change.split(' '));
    full.args(["--new-passphrase-file", "passphrase"]).current_dir(desk.path(""));
    finish(full, b"").unusable("carrier").says("cannot write shop: File too large");
    assert_eq!(desk.read("shop"), before);
    assert!(!desk.names().iter().any(|name| name.contains("tmp")), "{:?}", desk.names());
    // A key that others can reach was never safe: a new passphrase does not make it so.
    desk.chmod("shop", 0o644);
    desk.run(&format!("{change} --new-passphrase-file passphrase"))
        .unusable("misuse")
        .hints("chmod 600 shop");
    assert_eq!(desk.read("shop"), before);
}

/// SIGKILL in the middle, 20 times, or as often as `COSEAL_KILLS` says; every
/// second time as soon as something appears in the folder.
#[test]
fn a_killed_change_leaves_the_old_key_or_the_new_one() {
    let desk = Desk::empty();
    desk.write_private("one", "one");
    desk.write_private("two", "two");
    desk.run("key new signing key --encrypt --passphrase-file one").fine();
    let kills: u64 =
        std::env::var("COSEAL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let (mut present, mut other, mut changed, mut aside) = ("one", "two", 0, 0);
    for round in 0..kills {
        let before = desk.names();
        let words = format!(
            "key change-passphrase key --passphrase-file {present} --new-passphrase-file {other}"
        );
        let mut child = desk.command(&words).stderr(Stdio::null()).spawn().unwrap();
        let born = Instant::now();
        let alive = Duration::from_micros(round * 7919 % 200_000);
        while born.elapsed() < Duration::from_secs(10) && child.try_wait().unwrap().is_none() {
            if round % 2 == 0 && desk.names() != before || round % 2 == 1 && born.elapsed() > alive
            {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(desk.mode("key"), 0o600);
        if !desk.opens_with("key", present) {
            assert!(desk.opens_with("key", other), "round {round}: half a key");
            changed += 1;
            std::mem::swap(&mut present, &mut other);
        }
        for name in desk.names().iter().filter(|name| name.starts_with('.')) {
            aside += 1;
            assert!(!desk.read(name).starts_with(b"-----BEGIN PRIVATE"), "an unencrypted copy");
            std::fs::remove_file(desk.path(name)).unwrap();
        }
    }
    println!("{kills} killed: {changed} had changed it, {aside} left their own file behind");
    assert!(changed > 0 || aside > 0, "none was killed late enough");
}

#[test]
fn the_terminal_is_asked_and_shows_nothing() {
    let desk = Desk::locked();
    let id = desk.key_id("shop.pub");
    let (done, shown) = desk.type_in("key id shop", &[PASSPHRASE]);
    assert_eq!(done.fine().text().trim(), id);
    assert!(shown.contains("Passphrase of shop: ") && !shown.contains("horse"), "{shown:?}");

    // Thrice, and what was typed is tried for the next key.
    desk.write("message", "hello");
    let seal = "seal --key shop --to-kek k=kek --channel orders.eu message -o sealed";
    let (done, shown) = desk.type_in(seal, &["wrong", PASSPHRASE]);
    done.fine().says("it does not fit");
    assert_eq!(shown.matches("Passphrase of ").count(), 2, "{shown:?}");
    let (done, _) = desk.type_in("key id shop", &["wrong", "", "still wrong"]);
    done.unusable("misuse").says("the passphrase does not fit shop");

    // A new one is asked for twice.
    let (done, shown) =
        desk.type_in("key new signing new --encrypt", &["one", "two", "new one", "new one"]);
    done.fine().says("the two differ");
    assert!(
        shown.contains("New passphrase of new: ") && shown.contains("The same again: "),
        "{shown:?}"
    );
    assert!(desk.opens_with("new", "new one"));
    let (done, _) = desk.type_in("key new signing nothing --encrypt", &[""]);
    done.unusable("misuse").says("the new passphrase is empty");
    let (done, _) = desk.type_in("key change-passphrase new", &["new one", "newer", "newer"]);
    done.fine();
    assert!(desk.opens_with("new", "newer"));

    // Not where another source was named.
    desk.write_private("wrong", "wrong");
    let (done, shown) = desk.type_in("key id shop --passphrase-file wrong", &[]);
    done.unusable("misuse");
    assert_eq!(shown, "");
}

/// Ctrl-C and SIGTERM while it asks: it ends as when a file is written, and the
/// terminal shows again what is typed.
#[test]
fn an_interrupted_question_leaves_the_terminal_as_it_was() {
    use rustix::process::{Pid, Signal, kill_process};

    let desk = Desk::locked();
    for by_key in [true, false] {
        let pty = rustix_openpty::openpty(None, None).unwrap();
        let (controller, user) = (File::from(pty.controller), pty.user);
        let before = tcgetattr(&user).unwrap().local_modes;
        assert!(before.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
        let mut command = desk.with_setsid("key id shop", &["-w", "-c"]);
        command.stdin(user.try_clone().unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let started = Instant::now();
        while tcgetattr(&user).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(started.elapsed() < Duration::from_secs(20), "not asked");
            thread::sleep(Duration::from_millis(5));
        }
        if by_key {
            (&controller).write_all(b"half\x03").unwrap();
        } else {
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        }
        wait(child).fails(130, &[]);
        assert_eq!(tcgetattr(&user).unwrap().local_modes, before, "by key: {by_key}");
    }
}
