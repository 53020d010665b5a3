//! What every command does to which files.

/// A command, and the files that it changes.
pub(crate) struct Change {
    /// In a place as [`Place::new`](super::place::Place::new) makes it.
    pub(crate) words: &'static str,
    pub(crate) writes: &'static [(&'static str, Whole)],
}

/// How one sees that a file is whole.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whole {
    /// A key file, public or private.
    Key,
    /// A key-encryption key.
    Kek,
    /// A trust bundle.
    Bundle,
    /// What a reader of this bundle remembers of it.
    StateOf(&'static str),
    /// The end of a chain.
    Chain,
    /// A replay memory.
    Memory,
    /// As many envelopes as there are lines.
    Envelopes,
    /// The lines.
    Lines,
    /// A folder with all man pages.
    Pages,
}

use Whole::{Bundle, Chain, Envelopes, Kek, Key, Lines, Memory, Pages, StateOf};

const fn change(words: &'static str, writes: &'static [(&'static str, Whole)]) -> Change {
    Change { words, writes }
}

const EDITED: &[(&str, Whole)] = &[("bundle", Bundle), ("behind", StateOf("bundle"))];
const BEHIND: &[(&str, Whole)] = &[("behind", StateOf("bundle"))];

/// Where there was nothing, and where something is replaced.
pub(crate) const CHANGES: &[Change] = &[
    change("key new signing made", &[("made", Key), ("made.pub", Key)]),
    change("key new receiving old --force", &[("old", Key), ("old.pub", Key)]),
    change("key new kek made", &[("made", Kek)]),
    change("key change-passphrase locked --passphrase-file pass --remove", &[("locked", Key)]),
    change(
        "trust new made --root root --domain example.org --state made.state",
        &[("made", Bundle), ("made.state", StateOf("made"))],
    ),
    change(
        "trust new older --root root --domain example.org --force --valid-for 9d",
        &[("older", Bundle)],
    ),
    change(
        "trust add bundle --root root --state behind --key third.pub --subject spiffe://example.org/third --channel orders.*",
        EDITED,
    ),
    change("trust retire bundle --root root --state behind --key-id {shop}", EDITED),
    change(
        "trust revoke bundle --root root --state behind --key-id {shop} --reason ceased",
        EDITED,
    ),
    change("trust renew bundle --root root --state behind --valid-for 9d", EDITED),
    change("trust root add bundle --root root --state behind --key third.pub", EDITED),
    change(
        "trust root promote bundle --root next --pin root.pub --state behind --keep-old",
        EDITED,
    ),
    change("trust root remove bundle --root root --state behind --key-id {next}", EDITED),
    change("trust show bundle --pin root.pub --state behind", BEHIND),
    change("verify --trust bundle --pin root.pub --state behind sealed", BEHIND),
    change(
        "seal --key shop --to billing.pub --channel orders.eu --lines lines -o made",
        &[("made", Envelopes)],
    ),
    change(
        "seal --key shop --to spiffe://example.org/billing --trust bundle --pin root.pub --state behind --channel orders.eu --chain chain --lines lines -o opened --force",
        &[("opened", Envelopes), ("chain", Chain), ("behind", StateOf("bundle"))],
    ),
    change(
        "open --key billing --trust bundle --pin root.pub --state behind --lines sealed -o opened --force",
        &[("opened", Lines), ("behind", StateOf("bundle"))],
    ),
    change(
        "open --key billing --trust bundle --pin root.pub --channel orders.eu --max-age 1d --replay-memory seen --lines sealed -o opened --force",
        &[("opened", Lines), ("seen", Memory)],
    ),
    change(
        "open --key billing --trust bundle --pin root.pub --channel orders.eu --max-age 1d --new-replay-memory made --lines sealed -o opened --force",
        &[("opened", Lines), ("made", Memory)],
    ),
    change(
        "rewrap --key billing --trust bundle --pin root.pub --state behind --to ledger.pub sealed -o made",
        &[("made", Envelopes), ("behind", StateOf("bundle"))],
    ),
    change(
        "rewrap --key billing --trust bundle --pin root.pub --to ledger.pub sealed -o sealed --force",
        &[("sealed", Envelopes)],
    ),
    change("man pages", &[("pages", Pages)]),
];

/// Commands that write to standard output and nowhere else.
pub(crate) const UNCHANGING: &[&str] =
    &["key id", "key public", "trust needed", "inspect", "completions"];

/// It makes a folder of its own, which did not exist, and runs the others in it.
pub(crate) const FOR_ITSELF: &[&str] = &["demo"];

/// Options that name a file which is read.
pub(crate) const READ: &[&str] = &[
    "--key",
    "--kek",
    "--to",
    "--to-kek",
    "--root",
    "--pin",
    "--trust",
    "--passphrase-file",
    "--new-passphrase-file",
];
