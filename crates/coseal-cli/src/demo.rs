//! `coseal demo`: the whole story on one input, told by running this very
//! command step by step. Everything stays in a folder, together with the
//! script that repeats it by hand.

mod folder;
mod stage;
mod story;

use crate::args::Demo;
use crate::failure::{Exit, Failure, Result};
use crate::input::Input;
use stage::Stage;

/// What is sealed unless the caller brings something.
const SAMPLE: &[u8] = include_bytes!("demo/sample.jsonl");

/// Runs `coseal demo`.
pub(crate) fn run(args: &Demo) -> Result<Exit> {
    // Before a folder is made for nothing.
    let input = args.input.as_deref().map(Input::open).transpose()?;
    let folder = folder::make(args.out.as_deref())?;
    let mut stage = Stage::new(&folder)?;
    let events = match input {
        None => story::Events::sample(stage.copy_lines("events.jsonl", SAMPLE)?),
        Some(input) => story::Events::of(stage.copy_lines("events.txt", input)?),
    };
    if events.is_empty() {
        return Err(Failure::misuse("there is no line in the input")
            .hint("without INPUT the demo brings a sample")
            .into());
    }
    story::tell(&mut stage, &events)?;
    Ok(Exit::Fine)
}
