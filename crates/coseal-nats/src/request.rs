//! x
use crate::{DeadLetters, consumer::Settings};
use async_nats::Client;
use coseal_carrier::{Inbox, Sealers};
/// x
#[derive(Debug)]
pub struct Requester;
impl Requester {
    pub(crate) fn new(
        _client: Client,
        _settings: Settings,
        _inbox: Inbox,
        _letters: DeadLetters,
        _sealers: Sealers,
    ) -> Self {
        Self
    }
}
