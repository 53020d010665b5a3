//! What a caller wants to publish → the bytes and headers of a NATS message;
//! what a NATS message brought → what its signer said, apart from what anybody
//! could have said.

use std::fmt;
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{HeaderMap, Subject};
use coseal::{
    Error, HeaderValue, KeyId, Message, MessageId, Opened, OwnedValue, Position, Result, Time,
};
use coseal_carrier::telemetry::Traceparent;
use coseal_carrier::{Draft, headers};

/// A message to be sealed and published.
///
/// ```
/// use coseal_nats::Outgoing;
///
/// let message = Outgoing::new("orders.eu", "{}")
///     .content_type("application/json")
///     .header("tenant", "a")
///     .nats_header("Region", "eu-1");
/// ```
#[derive(Clone)]
pub struct Outgoing {
    subject: Subject,
    channel: Option<String>,
    payload: Vec<u8>,
    content_type: Option<String>,
    headers: Vec<(String, OwnedValue)>,
    carrier_id: Option<String>,
    traceparent: Option<Traceparent>,
    request: Option<MessageId>,
    reply: Option<Subject>,
    expires_in: Option<Duration>,
    unsigned: HeaderMap,
}

impl Outgoing {
    /// A payload for a subject, which is its channel, too.
    #[must_use]
    pub fn new(subject: impl Into<Subject>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            subject: subject.into(),
            channel: None,
            payload: payload.into(),
            content_type: None,
            headers: Vec::new(),
            carrier_id: None,
            traceparent: None,
            request: None,
            reply: None,
            expires_in: None,
            unsigned: HeaderMap::new(),
        }
    }

    /// Another channel than the subject: where subjects are mapped on the way.
    #[must_use]
    pub fn for_channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = Some(channel.into());
        self
    }

    /// The payload's media type, 1..255 bytes. Signed.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// An application header. Signed, and readable by anyone. The rules are
    /// those of [`Message::header`].
    #[must_use]
    pub fn header<'v>(
        mut self,
        name: impl Into<String>,
        value: impl Into<HeaderValue<'v>>,
    ) -> Self {
        self.headers.push((name.into(), value.into().into()));
        self
    }

    /// A header of NATS. Not signed: whoever carries the message can change it.
    ///
    /// # Panics
    ///
    /// Where name or value hold what NATS does not carry, as the client's own
    /// [`HeaderMap::append`] does.
    #[must_use]
    pub fn nats_header(mut self, name: &str, value: &str) -> Self {
        self.unsigned.append(name, value);
        self
    }

    /// All headers of NATS at once. Not signed, but for a `Nats-Msg-Id` among
    /// them, which is [`Self::message_id`].
    #[must_use]
    pub fn nats_headers(mut self, headers: HeaderMap) -> Self {
        self.unsigned = headers;
        self
    }

    /// What the server recognises copies of this message by, instead of its
    /// message ID. Signed, too. Whoever can guess it and may publish there can
    /// be first: then the server takes *this* message for the copy, which
    /// [`Published::duplicate`](crate::Published::duplicate) tells.
    #[must_use]
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.carrier_id = Some(id.into());
        self
    }

    /// Where this message is part of a larger whole. Signed.
    #[must_use]
    pub const fn traceparent(mut self, parent: Traceparent) -> Self {
        self.traceparent = Some(parent);
        self
    }

    /// Expires this long after it is sealed.
    #[must_use]
    pub const fn expires_in(mut self, duration: Duration) -> Self {
        self.expires_in = Some(duration);
        self
    }

    /// Where it goes.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// An answer to a request: [`Replier`](crate::Replier) knows where it goes.
    #[must_use]
    pub fn reply(payload: impl Into<Vec<u8>>) -> Self {
        Self::new(Subject::from_static(""), payload)
    }

    pub(crate) fn replied_to(mut self, inbox: Subject) -> Self {
        self.reply = Some(inbox);
        self
    }

    /// The answer to this request, sealed by whom `sealer` names.
    pub(crate) fn answering(
        mut self,
        subject: Subject,
        sealer: String,
        request: MessageId,
    ) -> Self {
        self.subject = subject;
        self.channel = Some(sealer);
        self.request = Some(request);
        self
    }

    /// Before it is sealed: an ID among the headers is the caller's; names that
    /// carriers believe are not the caller's to write.
    pub(crate) fn settle(mut self) -> Result<Self> {
        if let Some((name, _)) = self.headers.iter().find(|(name, _)| name.starts_with("coseal.")) {
            let detail = format!("the header name {name:?} is reserved for carriers");
            return Err(Error::Misuse(detail.into()));
        }
        if self.carrier_id.is_none() {
            self.carrier_id =
                self.unsigned.get_last(NATS_MESSAGE_ID).map(|id| id.as_str().to_owned());
        }
        Ok(self)
    }

    /// What NATS gets around an envelope.
    pub(crate) fn into_nats(self, id: &MessageId) -> Result<Around> {
        let mut headers = self.unsigned;
        let id = self.carrier_id.unwrap_or_else(|| id.to_string());
        let value: async_nats::HeaderValue = id
            .parse()
            .map_err(|_| Error::Misuse("a message ID of NATS has no control characters".into()))?;
        headers.insert(NATS_MESSAGE_ID, value);
        Ok(Around { subject: self.subject, reply: self.reply, headers })
    }
}

/// Where an envelope goes, and what goes with it, unsigned.
pub(crate) struct Around {
    pub(crate) subject: Subject,
    pub(crate) reply: Option<Subject>,
    pub(crate) headers: HeaderMap,
}

/// The message ID of an envelope that was just sealed.
pub(crate) fn message_id(envelope: &[u8]) -> Result<MessageId> {
    Ok(coseal::Envelope::decode(envelope)?.unverified_header().message_id())
}

impl Draft for Outgoing {
    fn channel(&self) -> &str {
        self.channel.as_deref().unwrap_or_else(|| self.subject.as_str())
    }

    fn message(&self) -> Message<'_> {
        let mut message = Message::new(&self.payload);
        if let Some(content_type) = &self.content_type {
            message = message.content_type(content_type);
        }
        for (name, value) in &self.headers {
            // Only this crate's own may be named like a carrier's.
            message = message.header(name, value);
        }
        if let Some(id) = &self.carrier_id {
            message = message.carrier_header(headers::CARRIER_ID, id.as_str());
        }
        if let Some(parent) = &self.traceparent {
            message = message.carrier_header(headers::TRACEPARENT, parent.as_str());
        }
        if let Some(request) = &self.request {
            message = message.carrier_header(headers::REQUEST, request.as_bytes());
        }
        match self.expires_in {
            Some(duration) => message.expires_in(duration),
            None => message,
        }
    }

    fn size(&self) -> usize {
        self.payload.len()
    }
}

impl fmt::Debug for Outgoing {
    /// Of the payload only the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("subject", &self.subject)
            .field("channel", &self.channel())
            .field("payload_len", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// What the signer of a message said, and signed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Signed {
    /// Who: the subject of the signing key's record.
    pub signer: String,
    /// With which key.
    pub key_id: KeyId,
    /// The message ID.
    pub id: MessageId,
    /// When, as the signer claims.
    pub sealed_at: Time,
    /// For which channel.
    pub channel: String,
    /// The payload's media type.
    pub content_type: Option<String>,
    /// Until when it is good.
    pub expires_at: Option<Time>,
    /// Application headers, and those of carriers.
    pub headers: Vec<(String, OwnedValue)>,
}

impl Signed {
    pub(crate) fn of(opened: &Opened<'_>) -> Self {
        Self {
            signer: opened.signer().to_owned(),
            key_id: opened.key_id(),
            id: opened.id(),
            sealed_at: opened.sealed_at(),
            channel: opened.channel().to_owned(),
            content_type: opened.content_type().map(str::to_owned),
            expires_at: opened.expires_at(),
            headers: opened
                .headers()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        }
    }

    /// A signed header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&OwnedValue> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// The trace that this message is part of.
    #[must_use]
    pub fn traceparent(&self) -> Option<Traceparent> {
        match self.header(headers::TRACEPARENT)? {
            OwnedValue::Text(text) => text.parse().ok(),
            OwnedValue::Bytes(_) | OwnedValue::Int(_) | OwnedValue::Bool(_) => None,
        }
    }
}

/// What came with a message and nobody signed: whoever can publish, or carries
/// messages, can have made it up.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Unsigned {
    /// The headers of NATS.
    pub headers: HeaderMap,
    /// Where an answer is expected.
    pub reply: Option<Subject>,
    /// Where the stream holds it.
    pub position: Option<Position>,
    /// How often the server has delivered it, this time included; 1 where it
    /// does not count.
    pub deliveries: u64,
}
