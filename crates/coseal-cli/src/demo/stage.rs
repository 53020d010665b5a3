//! Runs the steps of the demo, shows them, and writes them down as a script.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anstream::AutoStream;
use anstyle::Style;

use crate::failure::{Failure, Result, writing};
use crate::report::{ERROR, FAINT, GOOD, STRONG};
use crate::text::Plain;

/// What every step finds in its environment: readers need not be told again.
const ENVIRONMENT: [(&str, &str); 2] =
    [("COSEAL_TRUST", "trust.bundle"), ("COSEAL_PIN", "keys/root.key.pub")];

/// What the caller's environment must not change.
const FOREIGN: [&str; 2] = ["COSEAL_KEY", "COSEAL_STATE"];

const SCRIPT_HEAD: &str = "\
#!/bin/sh
# Every step of `coseal demo` by hand, in a new folder beside this file.
# COSEAL names the command, if it is not on the PATH: COSEAL=target/release/coseal sh commands.sh
set -eu
case \"${COSEAL:=coseal}\" in */*) COSEAL=$(cd \"$(dirname \"$COSEAL\")\" && pwd)/$(basename \"$COSEAL\") ;; esac
coseal() { command \"$COSEAL\" \"$@\"; }
# refused CODE COMMAND…: the command must refuse, and say so.
refused() {
    code=$1
    shift
    if \"$@\" 2>refusal.txt; then
        echo \"not refused: $*\" >&2
        exit 1
    fi
    cat refusal.txt >&2
    grep -q \"^  code: $code\\$\" refusal.txt
}
cd \"$(dirname \"$0\")\"
folder=$(mktemp -d by-hand.XXXXXX)
";

/// The folder, what is shown, and the script so far.
pub(crate) struct Stage {
    folder: PathBuf,
    command: PathBuf,
    out: AutoStream<io::Stdout>,
    script: String,
    act: u32,
}

/// What a step should come to.
#[derive(Clone, Copy)]
pub(crate) enum Expect {
    Success,
    /// Exit code 1, and this code.
    Refusal(&'static str),
}

impl Stage {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let command =
            std::env::current_exe().map_err(|error| Failure::io("find this command", &error))?;
        let mut script = SCRIPT_HEAD.to_owned();
        for (name, value) in ENVIRONMENT {
            script.push_str(&format!("export {name}={value}\n"));
        }
        Ok(Self { folder: folder.to_owned(), command, out: anstream::stdout(), script, act: 0 })
    }

    /// The folder that everything is left in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Copies what will be sealed, with a final LF, and counts its lines and bytes.
    pub(crate) fn copy_lines(
        &mut self,
        name: &'static str,
        input: impl Read,
    ) -> Result<(&'static str, u64, u64)> {
        let path = self.folder.join(name);
        let (mut lines, mut bytes) = (0, 0);
        let copy = || -> io::Result<()> {
            let mut out = BufWriter::new(File::create_new(&path)?);
            let (mut input, mut last) = (BufReader::new(input), b'\n');
            loop {
                let chunk = input.fill_buf()?;
                let Some(end) = chunk.last() else { break };
                last = *end;
                lines += memchr::memchr_iter(b'\n', chunk).count() as u64;
                bytes += chunk.len() as u64;
                out.write_all(chunk)?;
                let length = chunk.len();
                input.consume(length);
            }
            if last != b'\n' {
                lines += 1;
                bytes += 1;
                out.write_all(b"\n")?;
            }
            out.flush()
        };
        copy().map_err(|error| {
            Failure::io(format!("copy the input to {}", path.display()), &error)
        })?;
        self.script.push_str(&format!("cp {name} \"$folder\"\ncd \"$folder\"\n"));
        Ok((name, lines, bytes))
    }

    /// The very first line.
    pub(crate) fn title(&mut self, text: &str) -> Result<()> {
        self.print(&format!("\n   {STRONG}{text}{STRONG:#}\n\n"))
    }

    /// Begins the next act.
    pub(crate) fn act(&mut self, title: &str, text: &str) -> Result<()> {
        self.act += 1;
        let number = self.act;
        self.script.push_str(&format!("\n# {number}. {title}\n"));
        self.print(&format!("\n{STRONG}{number}  {title}{STRONG:#}\n"))?;
        self.say(text)
    }

    /// Says something, in plain text.
    pub(crate) fn say(&mut self, text: &str) -> Result<()> {
        let lines = text.lines().map(|line| format!("   {line}").trim_end().to_owned() + "\n");
        self.print(&lines.collect::<String>())
    }

    /// Shows some lines of a file, cut to the width of a page.
    pub(crate) fn show(&mut self, name: &str, count: usize) -> Result<()> {
        let file = File::open(self.folder.join(name))
            .map_err(|error| Failure::io(format!("read {name}"), &error))?;
        let mut lines = BufReader::new(file).take(1 << 20).split(b'\n');
        let mut text = String::new();
        for line in lines.by_ref().take(count).map_while(Result::ok) {
            text.push_str(&set_in(&String::from_utf8_lossy(&line), FAINT));
        }
        if lines.next().is_some() {
            text.push_str(&set_in("…", FAINT));
        }
        self.print(&text)
    }

    /// Runs `coseal` with these words and shows what it says.
    pub(crate) fn run(&mut self, words: &str) -> Result<()> {
        self.step(words, words, None, Expect::Success)
    }

    /// The same, where the script says it in other words.
    pub(crate) fn run_as(&mut self, words: &str, script: &str) -> Result<()> {
        self.step(words, script, None, Expect::Success)
    }

    /// The same, with its standard output in a file.
    pub(crate) fn run_into(&mut self, words: &str, file: &str) -> Result<()> {
        self.step(words, words, Some(file), Expect::Success)
    }

    /// The same, for what must be refused.
    pub(crate) fn run_refused(&mut self, words: &str, code: &'static str) -> Result<()> {
        self.step(words, words, None, Expect::Refusal(code))
    }

    fn step(
        &mut self,
        words: &str,
        script: &str,
        file: Option<&str>,
        expect: Expect,
    ) -> Result<()> {
        let into = file.map(|file| format!(" > {file}")).unwrap_or_default();
        let guard = match expect {
            Expect::Success => String::new(),
            Expect::Refusal(code) => format!("refused {code} "),
        };
        self.script.push_str(&format!("{guard}coseal {script}{into}\n"));
        let shown = wrapped(&format!("coseal {words}{into}"));
        self.print(&format!("   $ {STRONG}{shown}{STRONG:#}\n"))?;

        let cannot = |error| Failure::io(format!("run coseal {words}"), &error);
        let stdout = match file {
            Some(file) => Stdio::from(File::create_new(self.folder.join(file)).map_err(cannot)?),
            None => Stdio::piped(),
        };
        let mut command = Command::new(&self.command);
        command
            .args(split(words))
            .current_dir(&self.folder)
            .envs(ENVIRONMENT)
            .stdin(Stdio::null())
            .stdout(stdout);
        FOREIGN.iter().for_each(|name| {
            command.env_remove(name);
        });
        let done = command.stderr(Stdio::piped()).output().map_err(cannot)?;
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        self.print(&indented(&said, expect))?;
        let is_expected = match expect {
            Expect::Success => done.status.success(),
            Expect::Refusal(code) => {
                done.status.code() == Some(1)
                    && said.lines().any(|line| line.strip_prefix("  code: ") == Some(code))
            }
        };
        if is_expected {
            return Ok(());
        }
        let failure =
            Failure::misuse(format!("coseal {words} did not end as it should: {}", done.status));
        Err(failure.hint(format!("look at {}", self.folder.display())).into())
    }

    /// Does something that is not `coseal`'s, in the words of the shell and in our own.
    pub(crate) fn shell(
        &mut self,
        words: &str,
        act: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<()> {
        self.script.push_str(&format!("{words}\n"));
        self.print(&format!("   $ {STRONG}{words}{STRONG:#}\n"))?;
        Ok(act(&self.folder).map_err(|error| Failure::io(format!("do as {words}"), &error))?)
    }

    /// Something for the script alone.
    pub(crate) fn script(&mut self, words: &str) {
        self.script.push_str(&format!("{words}\n"));
    }

    /// Says what came of it.
    pub(crate) fn outcome(&mut self, text: &str) -> Result<()> {
        self.print(&format!("   {GOOD}✓{GOOD:#} {text}\n"))
    }

    /// Leaves the script in the folder.
    pub(crate) fn write_script(&mut self) -> Result<()> {
        self.script.push_str("\necho \"All as it should be. It is in $(pwd).\"\n");
        let path = self.folder.join("commands.sh");
        fs::write(&path, &self.script)
            .map_err(|error| Failure::io(format!("write {}", path.display()), &error))?;
        Ok(())
    }

    fn print(&mut self, text: &str) -> Result<()> {
        match self.out.write_all(text.as_bytes()) {
            // The folder is what remains: it gets complete even if nobody watches.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(writing(Path::new("standard output"))),
        }
    }
}

/// How many lines a step may say before the rest is left out.
const LINES: usize = 14;

/// What a step said, each line set in; what was refused stands out.
fn indented(said: &str, expect: Expect) -> String {
    let mut text = String::new();
    let mut lines = said.lines();
    for line in lines.by_ref().take(LINES) {
        let style = match expect {
            Expect::Refusal(_) if line.starts_with("error:") => ERROR,
            Expect::Refusal(_) | Expect::Success => FAINT,
        };
        text.push_str(&set_in(line, style));
    }
    if let Some(last) = lines.next_back() {
        text.push_str(&set_in("…", FAINT));
        text.push_str(&set_in(last, FAINT));
    }
    text
}

/// A line that may come from anywhere, set in and cut to the width of a page.
fn set_in(line: &str, style: Style) -> String {
    const WIDTH: usize = 112;
    let line = Plain(line).to_string();
    let cut: String = line.chars().take(WIDTH).collect();
    let more = if line.chars().count() > WIDTH { " …" } else { "" };
    if line.is_empty() { "\n".to_owned() } else { format!("     {style}{cut}{more}{style:#}\n") }
}

/// A command over several lines, as a shell would take it.
fn wrapped(words: &str) -> String {
    const WIDTH: usize = 92;
    let (mut text, mut width) = (String::new(), 0);
    for (at, part) in words.split(" --").enumerate() {
        let part = if at == 0 { part.to_owned() } else { format!(" --{part}") };
        let length = part.chars().count();
        if width > 0 && width + length > WIDTH {
            text.push_str(" \\\n      ");
            width = 0;
        }
        text.push_str(&part);
        width += length;
    }
    text
}

/// The words as the shell would split them: at spaces, but not within quotes.
fn split(words: &str) -> Vec<String> {
    let mut split = Vec::new();
    for (at, part) in words.split('\'').enumerate() {
        if at % 2 == 1 {
            split.push(part.to_owned());
        } else {
            split.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_the_shell_does() {
        assert_eq!(
            split("trust add b --channel 'orders.* x' -o  c"),
            ["trust", "add", "b", "--channel", "orders.* x", "-o", "c"]
        );
    }
}
