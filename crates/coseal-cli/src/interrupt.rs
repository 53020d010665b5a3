//! Ctrl-C and its like: what was written aside does not stay behind. It may be
//! half of something decrypted.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

/// As shells report a command that was interrupted.
const INTERRUPTED: i32 = 130;

/// The one file that this process writes aside.
static ASIDE: Mutex<Option<PathBuf>> = Mutex::new(None);

static HANDLER: Once = Once::new();

/// Begins to listen.
pub(crate) fn listen() {
    HANDLER.call_once(|| {
        // Without a handler the file stays under its hidden name: no reason to fail.
        let _ = ctrlc::set_handler(|| {
            if let Some(aside) = ASIDE.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // Where it has its name already, there is nothing to remove.
                let _ = fs::remove_file(aside);
            }
            std::process::exit(INTERRUPTED);
        });
    });
}

/// From now on an interruption removes the file of this name.
pub(crate) fn removes(aside: &Path) {
    *ASIDE.lock().unwrap_or_else(PoisonError::into_inner) = Some(aside.to_owned());
}
