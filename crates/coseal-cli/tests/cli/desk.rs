//! A folder with keys and a trust bundle, and the command run in it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use coseal::{SigningKey, Time, TrustAnchor, TrustBundle, TrustEditor};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const COSEAL: &str = env!("CARGO_BIN_EXE_coseal");

/// What readers are told in most tests.
pub(crate) const TRUST: &str = "--trust bundle --pin root.pub";

/// A folder to work in.
pub(crate) struct Desk {
    folder: TempDir,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) exit: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Desk {
    /// An empty one.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With `root`, `shop` (signs) and `billing` (receives), both for `orders.*`, in `bundle`.
    pub(crate) fn new() -> Self {
        let desk = Self::empty();
        desk.run("key new signing root").fine();
        desk.run("key new signing shop").fine();
        desk.run("key new receiving billing").fine();
        desk.run("trust new bundle --root root --domain example.org").fine();
        desk.trust("shop", "spiffe://example.org/shop");
        desk.trust("billing", "spiffe://example.org/billing");
        desk
    }

    /// Adds a key to the bundle.
    pub(crate) fn trust(&self, key: &str, subject: &str) {
        self.run(&format!(
            "trust add bundle --root root --key {key}.pub --subject {subject} --channel orders.*"
        ))
        .fine();
    }

    /// The same, with `text` sealed line by line in `sealed`.
    pub(crate) fn with_sealed(text: &str) -> Self {
        let desk = Self::new();
        desk.seal("--lines -o sealed", text).fine();
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn mkfifo(&self, name: &str) {
        assert!(Command::new("mkfifo").arg(self.path(name)).status().unwrap().success());
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// Every name in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    pub(crate) fn chmod(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The command with these words (split at spaces), not yet running.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(COSEAL);
        command.args(words.split_whitespace()).current_dir(self.folder.path());
        for name in [
            "COSEAL_KEY",
            "COSEAL_PASSPHRASE",
            "COSEAL_TRUST",
            "COSEAL_PIN",
            "COSEAL_STATE",
            "NO_COLOR",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// A file that its owner alone can read.
    pub(crate) fn write_private(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.write(name, bytes);
        self.chmod(name, 0o600);
    }

    /// Runs it without input.
    pub(crate) fn run(&self, words: &str) -> Done {
        finish(self.command(words), b"")
    }

    /// Runs it with this input.
    pub(crate) fn pipe(&self, words: &str, input: impl AsRef<[u8]>) -> Done {
        finish(self.command(words), input.as_ref())
    }

    /// Seals as the shop, to billing, for `orders.eu`.
    pub(crate) fn seal(&self, words: &str, input: impl AsRef<[u8]>) -> Done {
        self.pipe(&format!("seal --key shop --to billing.pub --channel orders.eu {words}"), input)
    }

    /// Opens as billing.
    pub(crate) fn open(&self, words: &str) -> Done {
        self.run(&format!("open --key billing {TRUST} {words}"))
    }

    /// Verifies as an auditor.
    pub(crate) fn verify(&self, words: &str) -> Done {
        self.run(&format!("verify {TRUST} {words}"))
    }

    /// Replaces the bundle by a later one that expired an hour ago.
    pub(crate) fn expire_bundle(&self) {
        let hour = std::time::Duration::from_secs(3600);
        let now = Time::now();
        self.edit_bundle(|editor| {
            editor.sign(&self.root(), now.minus(2 * hour), now.minus(hour)).unwrap()
        });
    }

    /// Replaces the bundle by what the library makes of it.
    pub(crate) fn edit_bundle(&self, edit: impl FnOnce(TrustEditor) -> Vec<u8>) {
        let anchor = TrustAnchor::pinned([self.root().verifying_key().clone()]);
        let bundle = TrustBundle::load(&self.read("bundle"), &anchor, Time::now()).unwrap();
        self.write("bundle", edit(bundle.edit().unwrap()));
    }

    /// The root's private key.
    pub(crate) fn root(&self) -> SigningKey {
        SigningKey::from_pem(&String::from_utf8(self.read("root")).unwrap()).unwrap()
    }

    /// The key ID of a file.
    pub(crate) fn key_id(&self, name: &str) -> String {
        self.run(&format!("key id {name}")).fine().text().trim().to_owned()
    }
}

/// Every name in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Runs a command with this input and waits for it.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Done {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // It may end before it has read everything.
        scope.spawn(move || drop(stdin.write_all(input)));
        wait(child)
    })
}

/// Waits for a command that runs.
pub(crate) fn wait(child: Child) -> Done {
    let done = child.wait_with_output().unwrap();
    Done {
        exit: done.status.code(),
        out: done.stdout,
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

impl Done {
    /// Exit code 0.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.exit, Some(0), "{}", self.err);
        self
    }

    /// This exit code, and exactly these `code:` lines in this order.
    #[track_caller]
    pub(crate) fn fails(self, exit: i32, codes: &[&str]) -> Self {
        assert_eq!(self.exit, Some(exit), "{}", self.err);
        assert_eq!(self.codes(), codes, "{}", self.err);
        self
    }

    /// A usage or input error: exit code 2, this code, nothing on standard output.
    #[track_caller]
    pub(crate) fn unusable(self, code: &str) -> Self {
        let done = self.fails(2, &[code]);
        assert_eq!(done.out, b"", "nothing may be written");
        done
    }

    /// Messages were refused with these codes.
    #[track_caller]
    pub(crate) fn refused(self, codes: &[&str]) -> Self {
        self.fails(1, codes)
    }

    /// Standard error says this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not in: {}", self.err);
        self
    }

    /// The last error has a hint that says this.
    #[track_caller]
    pub(crate) fn hints(self, text: &str) -> Self {
        let hint = self.err.lines().rev().find_map(|line| line.strip_prefix("  hint: "));
        assert!(
            hint.is_some_and(|hint| hint.contains(text)),
            "{text:?} is not hinted at: {}",
            self.err
        );
        self
    }

    /// All `code:` lines.
    pub(crate) fn codes(&self) -> Vec<&str> {
        self.err.lines().filter_map(|line| line.strip_prefix("  code: ")).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// One JSON value a line.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The envelopes of a CBOR sequence.
pub(crate) fn envelopes(sealed: &[u8]) -> Vec<Vec<u8>> {
    let (mut scanner, mut rest, mut all) = (coseal::sequence::Scanner::new(), sealed, Vec::new());
    while !rest.is_empty() {
        let end = scanner.push(rest).unwrap().expect("whole envelopes only");
        all.push(rest[..end].to_vec());
        rest = &rest[end..];
    }
    all
}
