//! Files that must survive a restart: key files, trust bundle files, the state
//! that keeps a trust bundle from being rolled back, the replay memory, the list
//! of dead letters, the ends of sealers' chains, and the output of a job that
//! takes long. And who keeps the trust bundle in force while it changes:
//! [`TrustKeeper`].
//!
//! What is read is not trusted: reads are bounded, keys and bundles are checked
//! by `coseal` itself, and a private key that others can read is refused. What
//! is written appears whole or not at all ([`Aside`]), and replaces nothing
//! unless the caller says so ([`Existing`]).
//!
//! ```
//! use std::time::Duration;
//!
//! use coseal::{PrivateKey, SigningKey, Time, TrustBundle};
//! use coseal_store::{BundleFile, Existing, keys};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! // Once: a root key and an empty trust bundle.
//! let path = folder.join("root.key");
//! let root = PrivateKey::Signing(SigningKey::generate()?);
//! keys::write_private_key(&path, &root, Existing::Refuse)?;
//!
//! let (root, now) = (keys::read_signing_key(&path)?, Time::now());
//! let expires_at = now.plus(Duration::from_secs(365 * 86_400));
//! let bytes = TrustBundle::make("example.org").sign(&root, now, expires_at)?;
//!
//! // From then on: believed under this root, and never rolled back.
//! let file = BundleFile::at(folder.join("trust.bundle"))
//!     .pinned([root.verifying_key().clone()])
//!     .state(folder.join("trust.state"));
//! file.create(&bytes, now, Existing::Refuse)?;
//! assert_eq!(file.load(Time::now())?.domain(), "example.org");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod aside;
mod bundle;
mod chain_file;
mod database;
mod dead_letters;
mod error;
pub mod keys;
mod lock;
mod partial;
mod read;
mod replay;
mod state;
mod trust_keeper;
mod watched_file;

pub use aside::{Aside, Existing, Mode};
pub use bundle::{BundleFile, read_bundle};
pub use chain_file::ChainFile;
pub use coseal::DeadLetter;
pub use dead_letters::DeadLetterFile;
pub use error::{Result, StoreError};
pub use lock::is_same_file;
pub use partial::{Begun, Job, Mark, Partial};
pub use replay::ReplayFile;
pub use state::StateFile;
pub use trust_keeper::{Offered, Refusal, TrustEvent, TrustKeeper, TrustKeeperBuilder};
pub use watched_file::{Watch, WatchedFile};
