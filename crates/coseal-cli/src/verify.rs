//! `coseal verify`: judges envelopes with public files only.

use std::io::Write;
use std::sync::Arc;

use anstyle::Style;
use coseal::{Facts, Time, Verdict, Verified, Verifier};
use serde::Serialize;

use crate::args::messages::{Expected, Verify};
use crate::failure::{Exit, Result};
use crate::judge::{self, Findings, Judge, Place, Reading};
use crate::output::{self, Output};
use crate::stream::pipeline;
use crate::text::{Name, json_line};
use crate::{report, trust};

/// Runs `coseal verify`.
pub(crate) fn run(args: Verify) -> Result<Exit> {
    let bundle = Arc::new(trust::believed(&args.trust)?);
    let mut verifier = expecting(Verifier::new(bundle), &args.expected);
    if let Some(at) = args.at {
        verifier = verifier.at(at);
    }
    if let Some(max_age) = args.max_age {
        verifier = verifier.max_age(max_age);
    }
    let good = if output::is_coloured() { report::GOOD } else { Style::new() };
    let valid = format!("{good}valid{good:#}  ");
    let auditor = Auditor { verifier, json: args.json, valid, at: args.at };
    let out = Output::standard()?;
    let reading =
        Reading { inputs: args.inputs, encoding: args.encoding, workers: pipeline::all_cores() };
    let (tally, out) = judge::run(reading, auditor, out, output::is_terminal())?;
    out.finish()?;
    tally.tell();
    Ok(tally.exit())
}

/// A verifier that accepts what the caller expects.
pub(crate) fn expecting(mut verifier: Verifier, expected: &Expected) -> Verifier {
    if let Some(channel) = &expected.channel {
        verifier = verifier.channel(channel);
    }
    if let Some(signer) = &expected.signer {
        verifier = verifier.signer(signer);
    }
    verifier
}

struct Auditor {
    verifier: Verifier,
    json: bool,
    /// How rows begin.
    valid: String,
    /// Instead of now.
    at: Option<Time>,
}

impl Judge for Auditor {
    fn judge(&self, place: Place<'_>, envelope: &[u8], findings: &mut Findings) {
        // For each envelope anew: a pipe may stay open for days.
        let now = self.at.unwrap_or_else(Time::now);
        match self.verifier.verify(envelope) {
            Ok(verified) => {
                if self.json {
                    let verdict = Verdict::valid(&verified);
                    json_line(&mut findings.out, &Row::new(place, &verdict, now));
                } else {
                    self.row(place, &verified, findings);
                }
                findings.accept(verified.sealed_at(), verified.expires_at(), now);
            }
            Err(error) => {
                if self.json {
                    // Asked again for what was proven before the refusal.
                    let verdict = self.verifier.judge(envelope);
                    json_line(&mut findings.out, &Row::new(place, &verdict, now));
                }
                findings.refuse(place, &error);
            }
        }
    }

    fn has_rows(&self) -> bool {
        self.json
    }
}

impl Auditor {
    fn row(&self, place: Place<'_>, verified: &Verified<'_>, findings: &mut Findings) {
        let Findings { out, times, .. } = findings;
        out.extend_from_slice(self.valid.as_bytes());
        Name(place.input).push_to(out);
        out.push(b' ');
        out.extend_from_slice(itoa::Buffer::new().format(place.index).as_bytes());
        out.extend_from_slice(b"  ");
        out.extend_from_slice(times.format(verified.sealed_at()).as_bytes());
        out.extend_from_slice(b"  ");
        Name(verified.channel()).push_to(out);
        out.extend_from_slice(b"  ");
        Name(verified.signer()).push_to(out);
        // Into memory: this cannot fail.
        let _ = writeln!(out, "  {}", verified.id());
    }
}

/// One object of `--json`.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    input: &'a str,
    index: u64,
    offset: u64,
    #[serde(flatten)]
    verdict: &'a Verdict,
    facts: Option<Facts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

impl<'a> Row<'a> {
    /// What was found at a place.
    pub(crate) fn new(place: Place<'a>, verdict: &'a Verdict, now: Time) -> Self {
        let Place { input, index, offset, .. } = place;
        Self {
            input,
            index,
            offset,
            verdict,
            facts: verdict.facts(now, trust::SKEW),
            payload_base64: None,
        }
    }

    /// With the payload.
    pub(crate) fn with_payload(mut self, payload_base64: String) -> Self {
        self.payload_base64 = Some(payload_base64);
        self
    }
}
