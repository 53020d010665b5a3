//! Answers requests, sealed both ways, and asks itself a question.
//!
//! ```sh
//! nats-server -js &
//! cargo run -p coseal-nats --example service
//! ```

mod demo;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use coseal_nats::{Consumer, DeadLetters, Outgoing, Replier};

const WINDOW: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = demo::connect().await?;
    let context = async_nats::jetstream::new(client.clone());
    demo::streams(&context).await?;
    let trust = demo::trust()?;
    let source = || Arc::new(Arc::clone(&trust));
    let letters = || DeadLetters::subject(context.clone(), "dead.prices");

    // The service: one of a group, of which each request goes to one.
    let mut requests = Consumer::builder(source(), WINDOW)
        .key(demo::receiving(demo::BILLING))
        .dead_letters(letters())
        .queue_subscribe(&client, "prices.*", "billing")
        .await?;
    let sign = |channel: &str| Ok(demo::signer(demo::BILLING, channel));
    let replier = Replier::new(client.clone(), source(), sign)?;
    tokio::spawn(async move {
        while let Some(Ok(request)) = requests.next().await {
            let what = String::from_utf8_lossy(request.payload()).into_owned();
            if let Err(error) =
                replier.reply(&request, Outgoing::reply(format!("{what}: 7 EUR"))).await
            {
                eprintln!("no reply to {}: {error}", request.signed().signer);
            }
            request.ack_soon();
        }
    });

    // Whoever asks: the reply is sealed to the shop, as the trust bundle says.
    let requester = Consumer::builder(source(), WINDOW)
        .key(demo::receiving(demo::SHOP))
        .signer(demo::BILLING)
        .dead_letters(letters())
        .requester(client, demo::sealers(&trust, demo::SHOP, demo::BILLING))?;
    let question = Outgoing::new("prices.tea", "a pound of tea");
    let reply = requester.request(question, Duration::from_secs(5)).await?;
    println!("{} says: {}", reply.signed().signer, String::from_utf8_lossy(reply.payload()));
    Ok(())
}
