//! Where refused messages go: a subject of a stream, or a file. Written and
//! acknowledged before the original is.

mod file;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{HeaderMap, Subject, jetstream};
use bytes::Bytes;
use coseal::{Error, Result};
use coseal_carrier::RefusedMessage;

use crate::consumer::covers;
use crate::error::carrier;
use file::LetterFile;

/// Bytes that a letter leaves to the headers of its own NATS message.
const HEADERS: usize = 512;

/// Bytes of the original's headers that a letter tells: an attacker's must not
/// crowd out the letter.
const ORIGINAL_HEADERS: usize = 16 << 10;

/// The target of dead letters. `schemas/dead-letter.md` says what is in them.
#[derive(Clone)]
pub struct DeadLetters(Target);

#[derive(Clone)]
enum Target {
    Subject(Box<jetstream::Context>, Subject),
    File(Arc<LetterFile>),
}

impl DeadLetters {
    /// Publishes each to this subject, which a stream has to hold: one that is
    /// written once and read by people, so with no consumer of these channels.
    #[must_use]
    pub fn subject(context: jetstream::Context, subject: impl Into<Subject>) -> Self {
        Self(Target::Subject(Box::new(context), subject.into()))
    }

    /// Appends each to this file, which is made where there is none: letters
    /// one behind the other (a CBOR sequence, RFC 8742), on the disk before the
    /// original is acknowledged.
    ///
    /// # Errors
    ///
    /// `carrier` where it cannot be opened.
    pub fn file(path: impl AsRef<Path>) -> Result<Self> {
        let file = LetterFile::open(path.as_ref()).map_err(carrier)?;
        Ok(Self(Target::File(Arc::new(file))))
    }

    /// Where they go, if that is a subject.
    pub(crate) const fn target(&self) -> Option<&Subject> {
        match &self.0 {
            Target::Subject(_, subject) => Some(subject),
            Target::File(_) => None,
        }
    }

    /// The letters of a message, none longer than fits.
    pub(crate) fn letters<'a>(
        &self,
        mut refused: RefusedMessage<'a>,
        headers: Option<&'a HeaderMap>,
    ) -> Result<Letters> {
        let id = refused
            .position
            .map(|at| format!("coseal-{:x}-{}-{}", at.log, at.offset, refused.reason()));
        let headers = headers.map(in_order).unwrap_or_default();
        let mut told = 0;
        for (name, value) in &headers {
            told += name.len() + value.len();
            if told > ORIGINAL_HEADERS {
                break;
            }
            refused = refused.header(name, Some(value.as_bytes()));
        }
        let parts = match &self.0 {
            Target::Subject(context, _) => {
                let most = context.client().max_payload().saturating_sub(HEADERS);
                refused.encode_within(most)?
            }
            Target::File(_) => vec![refused.encode()],
        };
        let parts = parts.into_iter().map(Bytes::from).collect();
        Ok(Letters { id, parts })
    }

    /// Answers when they are stored.
    pub(crate) async fn write(&self, letters: &Letters) -> Result<()> {
        match &self.0 {
            Target::Subject(context, subject) => {
                for (part, index) in letters.parts.iter().zip(0_u64..) {
                    let mut headers = HeaderMap::new();
                    // Where the original comes again, its letter need not.
                    if let Some(id) = &letters.id {
                        headers.insert(NATS_MESSAGE_ID, format!("{id}-{index}"));
                    }
                    let sent =
                        context.publish_with_headers(subject.clone(), headers, part.clone()).await;
                    sent.map_err(carrier)?.await.map_err(carrier)?;
                }
                Ok(())
            }
            Target::File(file) => {
                let (file, parts) = (Arc::clone(file), letters.parts.clone());
                let written = tokio::task::spawn_blocking(move || file.append(&parts)).await;
                written.map_err(carrier)?.map_err(carrier)
            }
        }
    }
}

/// What is written for one message, the same at each attempt.
pub(crate) struct Letters {
    id: Option<String>,
    parts: Vec<Bytes>,
}

/// A map has no order; letters that are told again are to be the same.
fn in_order(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let mut all: Vec<(&str, &str)> = headers
        .iter()
        .flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values.iter().map(move |value| (name, value.as_str()))
        })
        .collect();
    all.sort_by_key(|(name, _)| *name);
    all
}

/// Whether dead letters would come back to whoever reads these subjects.
pub(crate) fn check_apart(letters: &DeadLetters, patterns: &[String]) -> Result<()> {
    match letters.target() {
        Some(subject) if !patterns.is_empty() && covers(patterns, subject) => {
            let subject = subject.as_str();
            let detail = format!("dead letters to {subject:?} would be read as messages");
            Err(Error::Misuse(detail.into()))
        }
        _ => Ok(()),
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Subject(_, subject) => f.debug_tuple("DeadLetters").field(subject).finish(),
            Target::File(file) => f.debug_tuple("DeadLetters").field(file).finish(),
        }
    }
}
