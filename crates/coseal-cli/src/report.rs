//! What is told on standard error: failures, warnings, notes. Colours only
//! where it is a terminal. That nobody reads it is no reason to stop.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::failure::Failure;
use crate::hints;
use crate::text::Plain;

/// What is wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What should be known.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What matters in a line.
pub(crate) const STRONG: Style = Style::new().bold();
/// What can be passed over.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Tells what was wrong, its code, and what to do.
pub(crate) fn failure(failure: &Failure) {
    let mut text =
        format!("{ERROR}error:{ERROR:#} {}\n  code: {}\n", Plain(&failure.what), failure.code);
    if let Some(hint) = failure.hint.as_deref().or_else(|| hints::for_code(&failure.code)) {
        text.push_str(&format!("  {FAINT}hint: {}{FAINT:#}\n", Plain(hint)));
    }
    write(&text);
}

/// Tells something that should be known.
pub(crate) fn warning(what: &str) {
    write(&format!("{WARNING}warning:{WARNING:#} {}\n", Plain(what)));
}

/// Tells what was done.
pub(crate) fn note(what: &str) {
    write(&format!("{}\n", Plain(what)));
}

/// Writes text with our own styles in it; strips them where there is no terminal.
pub(crate) fn write(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Whether somebody watches standard error.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
