//! Another program: run, its two streams caught as one text.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use crate::step::Failure;

/// A program to be run from a folder.
#[derive(Debug)]
pub(crate) struct Run(Command);

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        Self(command)
    }

    pub(crate) fn args<I: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = I>) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    /// Runs it to its end. Fails with everything it said when it does not
    /// start or does not end well.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        let told = self.told();
        let mut child = self
            .0
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| Failure::new(format!("{told}: {e}")))?;
        let (sender, lines) = channel();
        let readers = [
            child.stdout.take().map(|stream| forward(stream, sender.clone())),
            child.stderr.take().map(|stream| forward(stream, sender)),
        ];
        let mut text = String::new();
        let mut ticker = Ticker::new();
        for line in lines {
            ticker.show(&line);
            text.push_str(&line);
        }
        ticker.clear();
        for reader in readers.into_iter().flatten() {
            let _finished = reader.join();
        }
        let status = child.wait().map_err(|e| Failure::new(format!("{told}: {e}")))?;
        if status.success() {
            Ok(text)
        } else {
            Err(Failure::new(format!("$ {told}\n{text}{status}")))
        }
    }

    /// The command line, as a person would type it.
    fn told(&self) -> String {
        let mut words = vec![
            Path::new(self.0.get_program())
                .file_name()
                .unwrap_or(self.0.get_program())
                .to_string_lossy()
                .into_owned(),
        ];
        words.extend(self.0.get_args().map(|arg| arg.to_string_lossy().into_owned()));
        words.join(" ")
    }
}

/// Sends a stream on, line by line. What is not UTF-8 is shown as such.
fn forward(stream: impl Read + Send + 'static, to: Sender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
            if to.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    })
}

/// Shows on a terminal what a long step is doing, on one line that goes away.
struct Ticker {
    on: bool,
}

impl Ticker {
    fn new() -> Self {
        Self { on: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, line: &str) {
        if self.on {
            let shown: String = line.chars().filter(|c| !c.is_control()).take(60).collect();
            // The cursor is put back, so that the announcement stays in front.
            let _shown = write!(std::io::stderr(), "\x1b7\x1b[K  {}\x1b8", shown.trim());
        }
    }

    fn clear(&mut self) {
        if self.on {
            let _cleared = write!(std::io::stderr(), "\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<String, Failure> {
        Run::new("sh", Path::new(".")).args(["-c", script]).output()
    }

    #[test]
    fn both_streams_are_caught() {
        let text = shell("echo out; echo err >&2").expect("ends well");
        assert!(text.contains("out\n") && text.contains("err\n"), "{text}");
    }

    #[test]
    fn a_failure_tells_what_ran_and_what_it_said() {
        let failure = shell("echo why; exit 3").expect_err("ends with 3");
        let text = failure.to_string();
        assert!(text.contains("sh -c"), "{text}");
        assert!(text.contains("why"), "{text}");
        assert!(text.contains('3'), "{text}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure =
            Run::new("no-such-program", Path::new(".")).output().expect_err("does not exist");
        assert!(failure.to_string().contains("no-such-program"));
    }
}
