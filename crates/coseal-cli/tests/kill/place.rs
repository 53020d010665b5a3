//! A folder with everything that the commands of the table need, copies of it,
//! and the command run in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::table::Whole;

const COSEAL: &str = env!("CARGO_BIN_EXE_coseal");
const READER: &str = "--pin root.pub --pin next.pub";

/// What `man` makes, to compare with.
const NEW_PAGES: &str = "new-pages";
const OLD_PAGE: &[u8] = b"an older page\n";

/// How many messages there are: enough that writing them takes a while.
const MESSAGES: usize = 300;

pub(crate) struct Place {
    /// Removed with the last of those who hold it.
    folder: TempDir,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Done {
    /// None where it was killed.
    pub(crate) exit: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Every file of a folder, by its path in it.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

impl Place {
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With keys, bundles, envelopes, a chain, a replay memory and man pages.
    pub(crate) fn new() -> Self {
        let place = Self::empty();
        let run = |words: &str| place.run(words).fine();
        for key in ["root", "next", "third", "shop"] {
            run(&format!("key new signing {key}"));
        }
        for key in ["billing", "ledger", "old"] {
            run(&format!("key new receiving {key}"));
        }
        run("trust new bundle --root root --domain example.org");
        fs::copy(place.path("bundle"), place.path("older")).unwrap();
        for key in ["shop", "billing"] {
            run(&format!(
                "trust add bundle --root root --key {key}.pub --subject spiffe://example.org/{key} --channel orders.*"
            ));
        }
        run("trust show bundle --pin root.pub --state behind");
        run("trust root add bundle --root root --key next.pub");
        let lines: String = (0..MESSAGES).map(|line| format!("message {line}\n")).collect();
        fs::write(place.path("lines"), lines).unwrap();
        run(
            "seal --key shop --to billing.pub --channel orders.eu --lines lines -o sealed --chain chain",
        );
        fs::write(place.path("opened"), "what was there before\n").unwrap();
        run(&format!(
            "open --key billing --trust bundle {READER} --channel orders.eu --max-age 1d --new-replay-memory seen --lines /dev/null"
        ));
        run(&format!("man {NEW_PAGES}"));
        fs::create_dir(place.path("pages")).unwrap();
        for page in fs::read_dir(place.path(NEW_PAGES)).unwrap() {
            let name = page.unwrap().file_name().into_string().unwrap();
            fs::write(place.path(&format!("pages/{name}")), OLD_PAGE).unwrap();
        }
        place.lock();
        place
    }

    /// `locked`, under `pass`, in a way that costs nothing to unlock.
    fn lock(&self) {
        fs::write(self.path("pass"), "x\n").unwrap();
        let words = "pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 1 -passout pass:x -in old -out locked";
        let mut openssl = Command::new("openssl");
        let locked = openssl.args(words.split(' ')).current_dir(self.folder.path()).status();
        assert!(locked.expect("this test needs openssl").success());
        for name in ["locked", "pass"] {
            fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// The same files in a new folder, below `parent` where there is one.
    pub(crate) fn copy(&self, parent: Option<&Path>) -> Self {
        let folder = parent.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(self.path(".")).arg(folder.path());
        assert!(copy.status().unwrap().success());
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn files(&self) -> Files {
        let mut files = Files::new();
        add_files(self.folder.path(), "", &mut files);
        files
    }

    /// The words of the table with the key IDs of this place in them.
    pub(crate) fn words(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for name in ["shop", "next"] {
            let mark = format!("{{{name}}}");
            if words.contains(&mark) {
                let id = self.run(&format!("key id {name}.pub")).fine().out;
                words = words.replace(&mark, id.trim());
            }
        }
        words
    }

    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(COSEAL);
        command.args(words.split_whitespace()).current_dir(self.folder.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COSEAL") {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, words: &str) -> Done {
        let done = self.command(words).output().unwrap();
        Done {
            exit: done.status.code(),
            // Envelopes, where nobody looks at it.
            out: String::from_utf8_lossy(&done.stdout).into_owned(),
            err: String::from_utf8(done.stderr).unwrap(),
        }
    }

    /// What is wrong with a file that should be whole.
    pub(crate) fn fault(&self, name: &str, whole: Whole) -> Option<String> {
        let refused = |words: &str| {
            let done = self.run(words);
            (done.exit != Some(0)).then_some(done.err)
        };
        match whole {
            Whole::Key => refused(&format!("key id {name} --passphrase-file pass")),
            Whole::Kek => {
                refused(&format!("seal --key shop --to-kek a={name} --channel orders.eu lines"))
            }
            Whole::Bundle => refused(&format!("trust show {name} {READER}")),
            Whole::StateOf(bundle) => {
                refused(&format!("trust show {bundle} {READER} --state {name}"))
            }
            Whole::Chain => refused(&format!(
                "seal --key shop --to billing.pub --channel orders.eu --chain {name} lines"
            )),
            Whole::Memory => refused(&format!(
                "open --key billing --trust bundle {READER} --channel orders.eu --max-age 1d --replay-memory {name} --lines /dev/null"
            )),
            Whole::Envelopes => {
                let done = self.run(&format!("verify --trust bundle {READER} {name}"));
                let is_whole = done.exit == Some(0) && done.out.lines().count() == MESSAGES;
                (!is_whole).then_some(done.err)
            }
            Whole::Lines => {
                let is_whole = fs::read(self.path(name)).ok() == fs::read(self.path("lines")).ok();
                (!is_whole).then(|| "other lines".to_owned())
            }
            Whole::Pages => self.page_fault(name),
        }
    }

    /// Each page is the old one, or as it is made elsewhere.
    fn page_fault(&self, folder: &str) -> Option<String> {
        let files = self.files();
        let wrong = files.iter().find(|(name, page)| {
            let Some(page_name) = name.strip_prefix(folder).and_then(|name| name.strip_prefix('/'))
            else {
                return false;
            };
            let new = files.get(&format!("{NEW_PAGES}/{page_name}"));
            !page_name.starts_with('.') && **page != OLD_PAGE && new != Some(*page)
        });
        wrong.map(|(name, _)| name.clone())
    }
}

impl Done {
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.exit, Some(0), "{}", self.err);
        self
    }

    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.err.lines().any(|line| line.strip_prefix("  code: ") == Some(code))
    }
}

fn add_files(folder: &Path, above: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{above}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            add_files(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}
