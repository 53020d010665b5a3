//! How far an input was read, on standard error, where somebody watches.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report;

/// What takes less time than this needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// A bar, or nothing.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    total: Option<u64>,
    since: Instant,
    is_wanted: bool,
    /// Bytes of the inputs before the present one.
    before: u64,
    last: u64,
}

impl Progress {
    /// Over these inputs; `may_draw` where the output does not go to the same terminal.
    pub(crate) fn of(inputs: &[PathBuf], may_draw: bool) -> Self {
        let length = |path: &PathBuf| {
            std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
        };
        Self {
            bar: ProgressBar::hidden(),
            total: inputs.iter().map(length).sum(),
            since: Instant::now(),
            is_wanted: may_draw && report::is_watched(),
            before: 0,
            last: 0,
        }
    }

    /// So many bytes of the present input were read. Fewer than last time: the next input began.
    pub(crate) fn at(&mut self, read: u64) {
        if read < self.last {
            self.before += self.last;
        }
        self.last = read;
        if !self.is_wanted || self.since.elapsed() < PATIENCE {
            return;
        }
        if self.bar.is_hidden() {
            self.bar = self.visible();
        }
        self.bar.set_position(self.before + read);
    }

    fn visible(&self) -> ProgressBar {
        let (bar, template) = match self.total {
            Some(total) => {
                (ProgressBar::new(total), "{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}")
            }
            None => (ProgressBar::no_length(), "{spinner} {bytes}  {bytes_per_sec}  {elapsed}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style).with_elapsed(self.since.elapsed()),
            Err(_) => bar,
        }
    }

    /// Out of the way while something is told.
    pub(crate) fn pause(&self, tell: impl FnOnce()) {
        self.bar.suspend(tell);
    }

    /// Done.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
