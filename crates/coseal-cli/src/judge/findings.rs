//! What was found in a part of an input, and how it is told.

use std::collections::BTreeMap;
use std::io::Write;

use coseal::{Error, Time};
use serde::Serialize;

use super::Tally;
use crate::failure::{Exit, Failure, Result};
use crate::output::Output;
use crate::progress::Progress;
use crate::report;
use crate::text::json_line;
use crate::times::Repeated;

/// How many refusals with one code are told one by one. More are of no use to
/// a reader, and an input of one byte an envelope must not fill a log.
const TOLD: u64 = 100;

/// What was found, in order.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// For the output.
    pub out: Vec<u8>,
    /// Of the rows.
    pub times: Repeated,
    /// For standard error, each with how much of the output comes before it.
    told: Vec<(usize, Tell)>,
    tally: Tally,
    /// How many bytes of the input were read for it.
    read: u64,
}

#[derive(Debug)]
enum Tell {
    Failure(Failure),
    /// The output cannot go on like this.
    Stop(Failure),
}

/// Where an envelope stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The input's name.
    pub input: &'a str,
    /// Counted from 0.
    pub index: u64,
    /// In bytes.
    pub offset: u64,
    /// The input is this one envelope.
    pub is_alone: bool,
}

impl Place<'_> {
    /// In words.
    pub(crate) fn in_words(&self) -> String {
        let input = name_in_words(self.input);
        if self.is_alone {
            return input.to_owned();
        }
        format!("envelope {} at byte {} of {input}", self.index, self.offset)
    }
}

/// The name of an input, for people.
pub(crate) fn name_in_words(input: &str) -> &str {
    if input == "-" { "standard input" } else { input }
}

/// The row of what could not even be cut out: as that of a refused envelope of
/// which nothing is known. A test holds the two together.
#[derive(Debug, Serialize)]
struct Refusal<'a> {
    input: &'a str,
    index: u64,
    offset: u64,
    verdict: &'static str,
    code: &'a str,
    kind: Option<&'a str>,
    detail: String,
    #[serde(flatten)]
    unknown: Unknown,
}

/// Members that are null.
#[derive(Debug, Default, Serialize)]
struct Unknown {
    signer: (),
    channel: (),
    message_id: (),
    sealed_at: (),
    sequence: (),
    epoch: (),
    previous: (),
    suite: (),
    content_type: (),
    headers: (),
    extensions: (),
    expires_at: (),
    other_receipts: (),
    claimed_time: (),
    bundle: (),
    facts: (),
}

impl Findings {
    /// None yet, so many bytes into the input.
    pub(super) fn after(read: u64) -> Self {
        Self { read, ..Self::default() }
    }

    /// An envelope was accepted.
    pub(crate) fn accept(&mut self, sealed_at: Time, expires_at: Option<Time>, now: Time) {
        self.tally.accept(sealed_at, expires_at, now);
    }

    /// An envelope was shown, not judged.
    pub(crate) const fn show(&mut self) {
        self.tally.show();
    }

    /// A payload has a line feed in it.
    pub(crate) fn break_line(&mut self, place: Place<'_>) {
        self.tally.break_line(place);
    }

    /// An envelope was refused.
    pub(crate) fn refuse(&mut self, place: Place<'_>, error: &Error) {
        self.refuse_as(Failure::refused(place.in_words(), error));
    }

    /// Something was refused, in these words.
    pub(super) fn refuse_as(&mut self, failure: Failure) {
        // One more than are told: to see that there are more.
        if self.tally.refuse(&failure.code) <= TOLD + 1 {
            self.told.push((self.out.len(), Tell::Failure(failure)));
        }
    }

    /// Adds the row of what is no envelope.
    pub(crate) fn add_refusal(&mut self, place: Place<'_>, error: &Error) {
        let row = Refusal {
            input: place.input,
            index: place.index,
            offset: place.offset,
            verdict: "refused",
            code: error.code(),
            kind: error.kind(),
            detail: error.to_string(),
            unknown: Unknown::default(),
        };
        json_line(&mut self.out, &row);
    }

    /// The input could not be read on.
    pub(super) fn cut(&mut self, failure: Failure) {
        self.tally.cut();
        self.told.push((self.out.len(), Tell::Failure(failure)));
    }

    /// Nothing more can be written.
    pub(crate) fn stop(&mut self, failure: Failure) {
        self.told.push((self.out.len(), Tell::Stop(failure)));
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.told.last().is_some_and(|(_, tell)| matches!(tell, Tell::Stop(_)))
    }

    /// Tells all of it, and adds it up.
    pub(crate) fn tell(self, teller: &mut Teller) -> Result<()> {
        let Teller { tally, out, progress, is_terminal, told } = teller;
        progress.at(self.read);
        let mut written = 0;
        let mut write = |out: &mut Output, until: usize| {
            let part = self.out.get(written..until).unwrap_or_default();
            written = until;
            out.write_all(part).map_err(out.failure())
        };
        tally.add(&self.tally);
        for (at, tell) in self.told {
            write(out, at)?;
            if *is_terminal {
                // Both streams are watched: keep what belongs together together.
                out.flush().map_err(out.failure())?;
            }
            match tell {
                Tell::Failure(mut failure) => {
                    let before = told.entry(failure.code.clone()).or_default();
                    if *before > 0 {
                        // One hint for each code is enough, however many envelopes are refused.
                        failure.hint = None;
                    }
                    match (failure.exit, *before) {
                        (Exit::Refused, TOLD) => {
                            let code = &failure.code;
                            progress.pause(|| {
                                report::warning(&format!(
                                    "{TOLD} envelopes were refused with {code}: further ones are not told one by one; verify --json has a row for each"
                                ));
                            });
                        }
                        (Exit::Refused, TOLD..) => {}
                        _ => progress.pause(|| report::failure(&failure)),
                    }
                    *before += 1;
                }
                Tell::Stop(failure) => return Err(failure.into()),
            }
        }
        write(out, self.out.len())
    }
}

/// Where findings go.
#[derive(Debug)]
pub(crate) struct Teller {
    /// What they came to so far.
    pub tally: Tally,
    /// Standard output, or a file.
    pub out: Output,
    pub(super) progress: Progress,
    is_terminal: bool,
    /// How often each code was told.
    told: BTreeMap<String, u64>,
}

impl Teller {
    /// To this output, which may be a terminal.
    pub(crate) fn new(out: Output, progress: Progress, is_terminal: bool) -> Self {
        Self { tally: Tally::default(), out, progress, is_terminal, told: BTreeMap::new() }
    }
}
