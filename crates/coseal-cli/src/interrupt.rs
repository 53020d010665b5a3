//! Ctrl-C and its like: what was written aside does not stay behind, for it may
//! be half of something decrypted, and a terminal that was told to hide what is
//! typed shows it again. A command that can go on later is asked to stop instead,
//! and told only once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

/// As shells report a command that was interrupted.
const INTERRUPTED: i32 = 130;

/// The files that this process writes aside.
static ASIDE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

static HANDLER: Once = Once::new();

/// Whether this command stops by itself when it is asked to.
static STOPS: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicBool = AtomicBool::new(false);

#[cfg(unix)]
static TERMINAL: Mutex<Option<Terminal>> = Mutex::new(None);

/// A terminal, and how it was.
#[cfg(unix)]
struct Terminal {
    file: fs::File,
    modes: rustix::termios::Termios,
}

/// Begins to listen.
pub(crate) fn listen() {
    HANDLER.call_once(|| {
        // Without a handler the file stays under its hidden name: no reason to fail.
        let _ = ctrlc::set_handler(|| {
            if STOPS.load(Ordering::SeqCst) && !ASKED.swap(true, Ordering::SeqCst) {
                return;
            }
            for aside in ASIDE.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                // Where it has its name already, there is nothing to remove.
                let _ = fs::remove_file(aside);
            }
            #[cfg(unix)]
            if let Some(terminal) = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).take() {
                let now = rustix::termios::OptionalActions::Now;
                let _ = rustix::termios::tcsetattr(&terminal.file, now, &terminal.modes);
            }
            exit();
        });
    });
}

/// From now on an interruption removes the file of this name.
pub(crate) fn removes(aside: &Path) {
    ASIDE.lock().unwrap_or_else(PoisonError::into_inner).push(aside.to_owned());
}

/// From now on the first interruption only asks.
pub(crate) fn asks() {
    STOPS.store(true, Ordering::SeqCst);
    listen();
}

/// Whether somebody asked this command to stop.
pub(crate) fn is_asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Ends as what was interrupted.
pub(crate) fn exit() -> ! {
    std::process::exit(INTERRUPTED)
}

/// From now on an interruption leaves the terminal as it is now.
pub(crate) fn keeps_terminal() {
    #[cfg(unix)]
    {
        let terminal = fs::File::open("/dev/tty").ok().and_then(|file| {
            let modes = rustix::termios::tcgetattr(&file).ok()?;
            Some(Terminal { file, modes })
        });
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = terminal;
    }
}
