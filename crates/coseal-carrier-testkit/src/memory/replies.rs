//! Requests and replies, as bytes that somebody carries.

use std::sync::Arc;

use coseal::{Message, MessageId, Verified};
use coseal_carrier::{Arrived, Decision, Inbox, headers, place};

use super::{Fleeting, MemoryCarrier};
use crate::{Replies, World};

/// A request that waits.
#[derive(Debug)]
pub struct Request {
    channel: String,
    id: MessageId,
}

impl Replies for MemoryCarrier<Fleeting> {
    type Request = Request;

    async fn request(&self, world: &Arc<World>, channel: &str, payload: &[u8]) -> Request {
        let envelope = world.sealer(channel).build().unwrap().seal(payload).unwrap();
        let mut opened = Vec::new();
        let mut service = inbox(world);
        let arrived = Arrived { envelope: &envelope, channel, position: None };
        let decision = service.receive(world.now(), &arrived, |_| Ok(()), &mut opened);
        let Decision::Deliver(request, ticket) = decision else { panic!("{decision:?}") };
        service.acknowledge(ticket);
        Request { channel: channel.to_owned(), id: request.id() }
    }

    async fn answer(&self, world: &Arc<World>, request: &Request, payload: &[u8]) -> Vec<u8> {
        let sealer = world.sealer(&reply_channel(&request.channel)).build().unwrap();
        let message = Message::new(payload);
        sealer.seal(message.carrier_header(headers::REQUEST, request.id.as_bytes())).unwrap()
    }

    async fn bring(
        &self,
        world: &Arc<World>,
        request: &Request,
        reply: &[u8],
    ) -> Result<Vec<u8>, String> {
        let channel = reply_channel(&request.channel);
        let arrived = Arrived { envelope: reply, channel: &channel, position: None };
        let check = |verified: &Verified<'_>| place::check_reply(verified, &request.id);
        let mut payload = Vec::new();
        let mut inbox = inbox(world);
        match inbox.receive(world.now(), &arrived, check, &mut payload) {
            Decision::Deliver(opened, ticket) => {
                inbox.acknowledge(ticket);
                Ok(opened.payload().to_vec())
            }
            Decision::DeadLetter(refused, _) => Err(refused.reason()),
            Decision::Refresh | Decision::Pause { .. } | Decision::Known | Decision::Stop(_) => {
                Err("not judged".to_owned())
            }
        }
    }
}

fn reply_channel(channel: &str) -> String {
    format!("{channel}{}", headers::REPLY_SUFFIX)
}

fn inbox(world: &World) -> Inbox {
    let build = Inbox::builder("memory", world.trust(), world.window());
    build.key(world.receiving()).build().unwrap()
}
