//! `coseal trust needed`: which keys envelopes name as their recipients, and
//! for how many there is no other. Nothing of it is signed.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;
use coseal::{Envelope, Need, Needed, RecipientId};
use serde::Serialize;

use super::show;
use crate::args::trust as args;
use crate::failure::{Exit, Failure, Result};
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
    let mut text = Vec::new();
    let is_complete = tally.exit() == Exit::Fine && needed.unlisted() == 0;
    if args.json {
        json_line(&mut text, &View::of(&needed, tally.refusals(), is_complete));
    } else {
        text.extend_from_slice(table(&needed).as_bytes());
    }
    out.write_all(&text).map_err(out.failure())?;
    out.finish()?;
    tally.tell_nothing();
    if needed.unlisted() > 0 {
        let what = format!(
            "more than {} keys are named: the list is not complete",
            coseal::limits::NEEDED
        );
        return Err(Failure::misuse(what)
            .hint("anybody can name keys in what he carries; ask about fewer envelopes at once")
            .into());
    }
    if !is_complete {
        report::warning("not everything could be read: what is not listed may be needed still");
    }
    Ok(tally.exit())
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
    fn of(needed: &'a Needed, refused: u64, complete: bool) -> Self {
        let row = |(id, need): (&'a RecipientId, Need)| Row {
            key: Key::of(id),
            envelopes: need.envelopes,
            only: need.only,
        };
        let keys = needed.keys().map(row).collect();
        Self { envelopes: needed.envelopes(), refused, complete, keys }
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

fn table(needed: &Needed) -> String {
    let titles = ["KEY ID", "KIND", "ENVELOPES", "ONLY RECIPIENT OF"];
    let cells = |(id, need): (&RecipientId, Need)| {
        let (envelopes, only) = (need.envelopes.to_string(), need.only.to_string());
        vec![Plain(&id.to_string()).to_string(), Key::of(id).kind(), envelopes, only]
    };
    let rows: Vec<Vec<String>> = needed.keys().map(cells).collect();
    let widths = show::widths(&titles, &rows);
    let head = if output::is_coloured() { report::STRONG } else { Style::new() };
    let mut text = format!("{} envelopes\n", needed.envelopes());
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
