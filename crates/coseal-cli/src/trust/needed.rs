//! `coseal trust needed`: which keys envelopes name as their recipients, and
//! for how many there is no other. Nothing of it is signed.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;
use coseal::{Envelope, KeyId, Need, Needed, RecipientId};
use serde::Serialize;

use super::show;
use crate::args::trust as args;
use crate::failure::{Exit, Failure, Result, Stop};
use crate::judge::{self, Findings, Judge, Place, Reading};
use crate::output::{self, Output};
use crate::stream::pipeline;
use crate::text::{Plain, json_line};
use crate::{inspect, report};

/// Runs `coseal trust needed`.
pub(super) fn run(args: args::Needed) -> Result<Exit> {
    let needed = Arc::new(Mutex::new(Needed::new()));
    let reading =
        Reading { inputs: args.inputs, encoding: args.encoding, workers: pipeline::all_cores() };
    let counter = Counter(Arc::clone(&needed));
    let (tally, mut out) =
        judge::run(reading, counter, Output::standard()?, output::is_terminal())?;
    let needed = needed.lock().unwrap_or_else(PoisonError::into_inner);
    let is_complete = tally.exit() == Exit::Fine && !tally.is_closed() && needed.unlisted() == 0;
    let listed = Listed { needed: &needed, asked: args.key_id };
    let mut text = Vec::new();
    if args.json {
        json_line(&mut text, &View::of(&listed, tally.refusals(), is_complete));
    } else {
        text.extend_from_slice(table(&listed).as_bytes());
    }
    let told = out.write_all(&text).map_err(out.failure()).and_then(|()| out.finish());
    match told {
        // The exit code is the answer, also where nobody reads the row.
        Err(Stop::ClosedPipe) if args.key_id.is_some() => {}
        other => other.map(drop)?,
    }
    tally.tell_nothing();
    if needed.unlisted() > 0 {
        too_many(&listed)?;
    }
    if !is_complete {
        report::warning("not everything could be read: what is not listed may be needed still");
    }
    Ok(if args.key_id.is_some() { listed.answer(is_complete) } else { tally.exit() })
}

/// Not an error where the key that was asked about is one of those that are listed.
fn too_many(listed: &Listed<'_>) -> Result<()> {
    if listed.asked.is_some() && listed.keys().next().is_some() {
        return Ok(());
    }
    let what =
        format!("more than {} keys are named: the list is not complete", coseal::limits::NEEDED);
    Err(Failure::misuse(what)
        .hint("anybody can name keys in what he carries; ask about fewer envelopes at once")
        .into())
}

/// What was found, of all keys or of the one that was asked about.
struct Listed<'a> {
    needed: &'a Needed,
    asked: Option<KeyId>,
}

impl<'a> Listed<'a> {
    fn keys(&self) -> impl Iterator<Item = (&'a RecipientId, Need)> + use<'a> {
        let asked = self.asked;
        self.needed.keys().filter(move |(id, _)| match (&asked, id) {
            (None, _) => true,
            (Some(asked), RecipientId::X25519(key_id)) => key_id == asked,
            // A later algorithm may be for the same key.
            (Some(asked), RecipientId::Other { key_id: Some(key_id), .. }) => {
                key_id[..] == asked.as_bytes()[..]
            }
            (Some(_), _) => false,
        })
    }

    /// Whether the key that was asked about may be destroyed. Where nothing was
    /// read there is no answer: an empty pipe is what a failed command leaves.
    fn answer(&self, is_complete: bool) -> Exit {
        if self.keys().next().is_some() {
            Exit::Refused
        } else if is_complete && self.needed.envelopes() > 0 {
            Exit::Fine
        } else {
            Exit::Unusable
        }
    }
}

struct Counter(Arc<Mutex<Needed>>);

impl Judge for Counter {
    fn judge(&self, place: Place<'_>, envelope: &[u8], findings: &mut Findings) {
        match Envelope::decode(envelope) {
            Ok(envelope) => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).add(&envelope);
                findings.show();
            }
            Err(error) => findings.refuse(place, &error),
        }
    }

    fn has_rows(&self) -> bool {
        false
    }
}

/// The one object of `--json`.
#[derive(Serialize)]
struct View<'a> {
    envelopes: u64,
    refused: u64,
    complete: bool,
    keys: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    key: Key<'a>,
    envelopes: u64,
    only: u64,
}

/// As `coseal inspect` shows a recipient.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Key<'a> {
    X25519 { key_id: String },
    Kek { id: Option<&'a str>, id_hex: String },
    Other { algorithm: Option<i64>, key_id: Option<String> },
}

impl<'a> View<'a> {
    fn of(listed: &Listed<'a>, refused: u64, complete: bool) -> Self {
        let row = |(id, need): (&'a RecipientId, Need)| Row {
            key: Key::of(id),
            envelopes: need.envelopes,
            only: need.only,
        };
        let keys = listed.keys().map(row).collect();
        Self { envelopes: listed.needed.envelopes(), refused, complete, keys }
    }
}

impl<'a> Key<'a> {
    fn of(id: &'a RecipientId) -> Self {
        match id {
            RecipientId::X25519(key_id) => Self::X25519 { key_id: key_id.to_string() },
            RecipientId::Kek(id) => {
                Self::Kek { id: std::str::from_utf8(id).ok(), id_hex: inspect::hex(id) }
            }
            RecipientId::Other { algorithm, key_id } => {
                Self::Other { algorithm: *algorithm, key_id: key_id.as_deref().map(inspect::hex) }
            }
            _ => Self::Other { algorithm: None, key_id: None },
        }
    }

    fn kind(&self) -> String {
        match self {
            Self::X25519 { .. } => "X25519 key".to_owned(),
            Self::Kek { .. } => "key-encryption key".to_owned(),
            Self::Other { algorithm: Some(algorithm), .. } => format!("unknown ({algorithm})"),
            Self::Other { algorithm: None, .. } => "unknown".to_owned(),
        }
    }
}

fn table(listed: &Listed<'_>) -> String {
    let titles = ["KEY ID", "KIND", "ENVELOPES", "ONLY RECIPIENT OF"];
    let cells = |(id, need): (&RecipientId, Need)| {
        let (envelopes, only) = (need.envelopes.to_string(), need.only.to_string());
        vec![Plain(&id.to_string()).to_string(), Key::of(id).kind(), envelopes, only]
    };
    let rows: Vec<Vec<String>> = listed.keys().map(cells).collect();
    let widths = show::widths(&titles, &rows);
    let head = if output::is_coloured() { report::STRONG } else { Style::new() };
    let mut text = format!("{} envelopes\n", listed.needed.envelopes());
    if rows.is_empty() {
        return text;
    }
    text.push('\n');
    show::line(&mut text, titles.into_iter(), &widths, |_| head);
    for row in &rows {
        show::line(&mut text, row.iter().map(String::as_str), &widths, |_| Style::new());
    }
    text
}
