//! `coseal inspect`: what envelopes say of themselves. Nothing of it is proven,
//! and every envelope is shown with those words.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::Style;
use coseal::{Envelope, Header, HeaderValue, Previous, ReceiptInfo, RecipientEntry, Suite, Time};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::messages::Inspect;
use crate::failure::{Exit, Result};
use crate::judge::{self, Findings, Judge, Place, Reading};
use crate::output::{self, Output};
use crate::stream::pipeline;
use crate::text::{Plain, json_line};
use crate::{report, times};

/// Runs `coseal inspect`.
pub(crate) fn run(args: &Inspect) -> Result<Exit> {
    let look = if output::is_coloured() {
        Look { loud: report::WARNING, faint: report::FAINT }
    } else {
        Look::default()
    };
    let inspector = Inspector { json: args.json, look };
    let out = Output::standard()?;
    let reading = Reading {
        inputs: vec![args.input.clone()],
        encoding: args.encoding,
        workers: pipeline::all_cores(),
    };
    let (tally, out) = judge::run(reading, inspector, out, output::is_terminal())?;
    out.finish()?;
    tally.tell_nothing();
    Ok(tally.exit())
}

struct Inspector {
    json: bool,
    look: Look,
}

#[derive(Clone, Copy, Default)]
struct Look {
    loud: Style,
    faint: Style,
}

impl Judge for Inspector {
    fn judge(&self, place: Place<'_>, envelope: &[u8], findings: &mut Findings) {
        match Envelope::decode(envelope) {
            Ok(decoded) => {
                let unproven = Unproven::of(&decoded);
                if self.json {
                    let Place { input, index, offset, .. } = place;
                    json_line(
                        &mut findings.out,
                        &Row { input, index, offset, length: envelope.len(), unproven },
                    );
                } else {
                    findings.out.extend_from_slice(
                        unproven.in_words(place, envelope.len(), self.look).as_bytes(),
                    );
                }
                findings.show();
            }
            Err(error) => findings.refuse(place, &error),
        }
    }

    fn has_rows(&self) -> bool {
        false
    }
}

/// One object of `--json`.
#[derive(Serialize)]
struct Row<'a> {
    input: &'a str,
    index: u64,
    offset: u64,
    length: usize,
    unproven: Unproven<'a>,
}

/// What an envelope says.
#[derive(Serialize)]
struct Unproven<'a> {
    suite: Option<&'static str>,
    algorithm: i64,
    channel: &'a str,
    signer_key_id: String,
    message_id: String,
    sealed_at: Time,
    sequence: u64,
    epoch: String,
    previous: Option<Previous>,
    content_type: Option<&'a str>,
    headers: BTreeMap<&'a str, Value>,
    extensions: BTreeMap<i64, String>,
    expires_at: Option<Time>,
    recipients: Vec<Recipient<'a>>,
    receipt: Receipt,
    other_receipts: usize,
    ciphertext_bytes: Option<usize>,
}

impl<'a> Unproven<'a> {
    fn of(envelope: &Envelope<'a>) -> Self {
        let header: &Header<'a> = envelope.unverified_header();
        Self {
            suite: header.suite().map(Suite::as_str),
            algorithm: header.algorithm(),
            channel: header.channel(),
            signer_key_id: header.signer().to_string(),
            message_id: header.message_id().to_string(),
            sealed_at: header.message_id().sealed_at(),
            sequence: header.sequence(),
            epoch: header.epoch().to_string(),
            previous: header.previous(),
            content_type: header.content_type(),
            headers: header.headers().map(|(name, value)| (name, json_of(value))).collect(),
            extensions: header.extensions().map(|(label, value)| (label, hex(value))).collect(),
            expires_at: header.expires_at(),
            recipients: envelope.recipients().map(Recipient::of).collect(),
            receipt: Receipt::of(envelope.receipt()),
            other_receipts: envelope.other_receipts().count(),
            ciphertext_bytes: envelope.ciphertext().map(<[u8]>::len),
        }
    }

    fn in_words(&self, place: Place<'_>, length: usize, Look { loud, faint }: Look) -> String {
        let mut text = format!(
            "{}, {length} bytes\n{loud}  UNPROVEN: anybody can write what follows{loud:#}\n",
            Plain(&place.in_words())
        );
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Into memory: this cannot fail.
            let _ = writeln!(text, "  {faint}{name:<13}{faint:#} {}", Plain(&value.to_string()));
        };
        line("channel", &self.channel);
        line("signer key", &self.signer_key_id);
        line("sealed at", &times::format(self.sealed_at));
        line("message ID", &self.message_id);
        line("epoch", &format_args!("{}, sequence {}", self.epoch, self.sequence));
        if let Some(previous) = self.previous {
            line("previous", &format_args!("{}, {} messages", previous.epoch, previous.messages));
        }
        match self.suite {
            Some(suite) => line("suite", &suite),
            None => line("suite", &format_args!("unknown ({})", self.algorithm)),
        }
        if let Some(content_type) = self.content_type {
            line("content type", &content_type);
        }
        for (name, value) in &self.headers {
            line("header", &format_args!("{name} = {value}"));
        }
        for (label, value) in &self.extensions {
            line("extension", &format_args!("{label} = {value}"));
        }
        if let Some(expires_at) = self.expires_at {
            line("expires at", &times::format(expires_at));
        }
        for recipient in &self.recipients {
            line("recipient", &recipient.in_words());
        }
        let Receipt { tree_size, leaf_index, .. } = self.receipt;
        line("signed", &format_args!("as number {leaf_index} of {tree_size} under one signature"));
        if self.other_receipts > 0 {
            line("other receipts", &self.other_receipts);
        }
        match self.ciphertext_bytes {
            Some(bytes) => line("ciphertext", &format_args!("{bytes} bytes")),
            None => line("ciphertext", &"elsewhere"),
        }
        text
    }
}

fn json_of(value: HeaderValue<'_>) -> Value {
    match value {
        HeaderValue::Text(text) => json!(text),
        HeaderValue::Bytes(bytes) => json!({ "hex": hex(bytes) }),
        HeaderValue::Int(int) => json!(int),
        HeaderValue::Bool(value) => json!(value),
        _ => Value::Null,
    }
}

/// Who could open it, by its own account. Recipients are not even signed.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Recipient<'a> {
    X25519 { key_id: String },
    Kek { id: Option<&'a str>, id_hex: String },
    Other { algorithm: Option<i64> },
}

impl<'a> Recipient<'a> {
    fn of(entry: RecipientEntry<'a>) -> Self {
        match entry {
            RecipientEntry::X25519 { key_id, .. } => Self::X25519 { key_id: key_id.to_string() },
            RecipientEntry::Kek { key_id, .. } => {
                Self::Kek { id: std::str::from_utf8(key_id).ok(), id_hex: hex(key_id) }
            }
            RecipientEntry::Other { algorithm, .. } => Self::Other { algorithm },
            _ => Self::Other { algorithm: None },
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::X25519 { key_id } => format!("X25519 key {key_id}"),
            Self::Kek { id: Some(id), .. } => format!("key-encryption key {id}"),
            Self::Kek { id_hex, .. } => format!("key-encryption key {id_hex} (hex)"),
            Self::Other { algorithm: Some(algorithm) } => {
                format!("of the unknown algorithm {algorithm}")
            }
            Self::Other { algorithm: None } => "of an unknown algorithm".to_owned(),
        }
    }
}

/// How many were signed together, and which of them it is.
#[derive(Serialize)]
struct Receipt {
    algorithm: i64,
    tree_size: u64,
    leaf_index: u64,
}

impl Receipt {
    const fn of(info: ReceiptInfo) -> Self {
        Self { algorithm: info.algorithm, tree_size: info.tree_size, leaf_index: info.leaf_index }
    }
}

/// Bytes as digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
