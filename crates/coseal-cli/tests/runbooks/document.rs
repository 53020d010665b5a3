//! A runbook → its sections, and the commands in it with what they must show.
//!
//! A block of `sh` is played. A block of `text` behind it is everything that
//! the commands of that block show on both outputs; `…` stands for whatever
//! comes there, and alone in a line for any lines. All commands exit with 0,
//! but for the last one where the text ends with `exit code N`.

use std::fs;
use std::path::Path;

pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Headings of the second level.
    pub(crate) sections: Vec<String>,
    pub(crate) blocks: Vec<Block>,
}

pub(crate) struct Block {
    pub(crate) document: String,
    pub(crate) section: String,
    /// The number in the heading of the third level; 0 where there is none.
    pub(crate) step: u32,
    pub(crate) line: usize,
    pub(crate) commands: Vec<String>,
    pub(crate) shown: Option<Vec<String>>,
    /// With what the last command ends.
    pub(crate) exit: i32,
}

impl Document {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (mut sections, mut blocks) = (Vec::new(), Vec::<Block>::new());
        let (mut step, mut is_answered) = (0, true);
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let here = format!("{name}:{}", at + 1);
            if let Some(heading) = line.strip_prefix("## ") {
                sections.push(heading.to_owned());
                (step, is_answered) = (0, true);
            } else if let Some(heading) = line.strip_prefix("### ") {
                step = number(heading).unwrap_or_else(|| panic!("{here}: which step?"));
                is_answered = true;
            } else if let Some(language) = line.trim_start().strip_prefix("```") {
                let body: Vec<&str> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| *line != "```")
                    .collect();
                match language {
                    "sh" => {
                        let commands = commands(&body);
                        assert!(!commands.is_empty(), "{here}: no command");
                        blocks.push(Block {
                            document: name.clone(),
                            section: sections.last().cloned().unwrap_or_default(),
                            step,
                            line: at + 1,
                            commands,
                            shown: None,
                            exit: 0,
                        });
                        is_answered = false;
                    }
                    "text" => {
                        assert!(!is_answered, "{here}: which commands show this?");
                        is_answered = true;
                        blocks.last_mut().unwrap().answer(&body, &here);
                    }
                    other => panic!("{here}: a block of `{other}` is neither played nor shown"),
                }
            }
        }
        Self { name, text, sections, blocks }
    }

    pub(crate) fn blocks_of(&self, section: &str) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.section == section)
    }
}

impl Block {
    fn answer(&mut self, body: &[&str], here: &str) {
        let mut shown: Vec<String> = body.iter().map(|line| (*line).to_owned()).collect();
        if let Some(code) = body.last().and_then(|line| line.strip_prefix("exit code ")) {
            self.exit = code.parse().unwrap();
            shown.pop();
        }
        let says = |line: &String| line.chars().any(|each| each != '…' && !each.is_whitespace());
        let is_silent = shown.is_empty() && self.exit != 0;
        assert!(is_silent || shown.iter().any(says), "{here}: this fits everything");
        self.shown = Some(shown);
    }
}

/// The first number in `4. Retire the old key` or `After step 3`.
fn number(heading: &str) -> Option<u32> {
    heading.split(|each: char| !each.is_ascii_digit()).find(|word| !word.is_empty())?.parse().ok()
}

/// One a line, unless the line ends with a backslash; without comments.
fn commands(body: &[&str]) -> Vec<String> {
    let mut commands = Vec::new();
    let mut command = String::new();
    for line in body {
        if command.is_empty() && (line.is_empty() || line.starts_with('#')) {
            continue;
        }
        command.push_str(line);
        if line.ends_with('\\') {
            command.push('\n');
        } else {
            commands.push(std::mem::take(&mut command));
        }
    }
    assert!(command.is_empty(), "{command:?} goes on nowhere");
    commands
}
