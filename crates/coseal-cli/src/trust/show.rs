//! `coseal trust show`: what is in a trust bundle, as a table or as JSON.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use anstyle::Style;
use coseal::Time;

use super::view::{Record, View};
use super::{limited, unverified};
use crate::args::trust::Show;
use crate::failure::Result;
use crate::output::{self, Output};
use crate::text::{Name, json_line};
use crate::{report, times};

/// A bundle that lives shorter than this should be renewed.
const SOON: Duration = Duration::from_secs(30 * 86_400);

/// The most characters of a name that are shown: few names are longer, and the
/// table is padded to the longest of them. `--json` has the whole of each.
const WIDEST: usize = 80;

/// Runs `coseal trust show`.
pub(crate) fn run(args: &Show) -> Result<()> {
    let now = Time::now();
    let view = if args.limits.pin.is_empty() {
        unverified::read(&args.bundle, now)?
    } else {
        View::of(&limited(args.bundle.clone(), &args.limits, now)?, now)
    };
    if !view.verified {
        report::warning(
            "NOTHING BELOW IS VERIFIED: no root is pinned. --pin ROOT.pub or COSEAL_PIN names the root that must have signed it",
        );
    }
    let mut text = Vec::new();
    if args.json {
        json_line(&mut text, &view);
    } else {
        text.extend_from_slice(table(&view, &Look::of_output()).as_bytes());
    }
    let mut out = Output::standard()?;
    out.write_all(&text).map_err(out.failure())?;
    out.finish()?;
    warn(&view);
    Ok(())
}

fn warn(view: &View) {
    let left = Duration::from_secs(view.expires_in);
    if view.expired {
        report::warning(
            "the bundle has expired: live readers refuse everything. coseal trust renew gives it a new expiry",
        );
    } else if left < SOON {
        report::warning(&format!(
            "the bundle expires in {}: coseal trust renew gives it a new expiry",
            times::format_duration(left)
        ));
    }
    if let Some(first) = view.skipped.first() {
        let others = view.skipped.len() - 1;
        let more = if others > 0 { format!("; so are {others} more") } else { String::new() };
        report::warning(&format!("record {} is skipped: {}{more}", first.index, first.reason));
    }
}

/// Styles, empty where nobody sees them.
struct Look {
    good: Style,
    bad: Style,
    off: Style,
    head: Style,
}

impl Look {
    fn of_output() -> Self {
        if output::is_coloured() {
            Self {
                good: report::GOOD,
                bad: report::ERROR,
                off: report::FAINT,
                head: report::STRONG,
            }
        } else {
            Self { good: Style::new(), bad: Style::new(), off: Style::new(), head: Style::new() }
        }
    }

    fn of(&self, status: &str) -> Style {
        match status {
            "valid" => self.good,
            "revoked" => self.bad,
            _ => self.off,
        }
    }
}

fn table(view: &View, look: &Look) -> String {
    let mut text = String::new();
    let head = look.head;
    // Into memory: writing cannot fail.
    let verified = if view.verified { "verified" } else { "NOT VERIFIED" };
    let _ = writeln!(
        text,
        "{head}{}{head:#}  bundle {}, {verified}",
        shortened(&view.domain),
        view.sequence
    );
    let _ = writeln!(text, "  issued   {}", times::format(view.issued_at));
    let left = if view.expired {
        "EXPIRED".to_owned()
    } else {
        format!("in {}", times::format_duration(Duration::from_secs(view.expires_in)))
    };
    let _ = writeln!(text, "  expires  {}  {left}", times::format(view.expires_at));
    let _ = writeln!(text, "  root     {}", view.root);
    for root in &view.next_roots {
        let _ = writeln!(text, "  next     {root}, may sign the next bundle");
    }
    if view.records.is_empty() {
        text.push_str("\n  no keys\n");
        return text;
    }
    let rows: Vec<Vec<String>> = view.records.iter().map(cells).collect();
    let titles = ["KEY ID", "USE", "STATUS", "VALID FROM", "UNTIL", "SUBJECT", "CHANNELS"];
    let widths = widths(&titles, &rows);
    text.push('\n');
    line(&mut text, titles.iter().copied(), &widths, |_| head);
    for (row, record) in rows.iter().zip(&view.records) {
        let status = look.of(record.status);
        line(&mut text, row.iter().map(String::as_str), &widths, |at| {
            if at == 2 { status } else { Style::new() }
        });
        if let Some(revoked) = &record.revocation {
            let since = revoked
                .compromised_since
                .map(|since| format!(", compromised since {}", times::format(since)));
            let _ = writeln!(
                text,
                "    revoked {}: {}{}",
                times::format(revoked.revoked_at),
                revoked.reason,
                since.unwrap_or_default()
            );
        }
    }
    text
}

/// The cells of a row, fit for a terminal.
fn cells(record: &Record) -> Vec<String> {
    let channels: Vec<String> =
        record.channels.iter().map(|channel| Name(channel).to_string()).collect();
    [
        record.key_id.clone(),
        record.usage.to_owned(),
        record.status.replace('_', " "),
        times::format(record.valid_from),
        record.valid_until.map_or_else(|| "-".to_owned(), times::format),
        shortened(&record.subject),
        if channels.is_empty() { "none".to_owned() } else { channels.join(" ") },
    ]
    .into()
}

/// How wide each column is. The last one is as wide as it likes: nothing stands
/// behind it.
pub(super) fn widths(titles: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let width = |(at, title): (usize, &&str)| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .chain([title.len()])
            .max()
            .unwrap_or(0)
    };
    titles.iter().enumerate().take(titles.len().saturating_sub(1)).map(width).collect()
}

/// A name as it stands in a column, which one long name must not push away.
fn shortened(name: &str) -> String {
    let start: String = name.chars().take(WIDEST + 1).collect();
    let mut shown = Name(&start).to_string();
    if let Some((end, _)) = shown.char_indices().nth(WIDEST) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// One row of columns that are so wide.
pub(super) fn line<'a>(
    text: &mut String,
    cells: impl Iterator<Item = &'a str>,
    widths: &[usize],
    style: impl Fn(usize) -> Style,
) {
    let mut row = String::new();
    for (at, cell) in cells.enumerate() {
        let style = style(at);
        let blank = widths.get(at).map_or(0, |width| width.saturating_sub(cell.chars().count()));
        let _ = write!(row, "  {style}{cell}{style:#}{:blank$}", "");
    }
    text.push_str(row.trim_end());
    text.push('\n');
}
