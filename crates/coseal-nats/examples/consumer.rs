//! Opens what a stream brings, until it is stopped or nothing came for a while.
//!
//! ```sh
//! nats-server -js &
//! cargo run -p coseal-nats --example consumer
//! ```

mod demo;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use coseal_nats::{Consumer, DeadLetters};
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let context = async_nats::jetstream::new(demo::connect().await?);
    let stream = demo::streams(&context).await?;
    let config = pull::Config { durable_name: Some("billing".into()), ..pull::Config::default() };
    let durable = stream.get_or_create_consumer("billing", config).await?;

    let mut orders = Consumer::builder(Arc::new(demo::trust()?), Duration::from_secs(600))
        .key(demo::receiving(demo::BILLING))
        .dead_letters(DeadLetters::subject(context.clone(), "dead.billing"))
        .jetstream(&context, durable)
        .await?;
    while let Ok(Some(order)) = timeout(Duration::from_secs(5), orders.next()).await {
        let order = order?;
        let mark = if order.redelivered() { " (again)" } else { "" };
        let text = String::from_utf8_lossy(order.payload()).into_owned();
        println!("{} says on {}: {text}{mark}", order.signed().signer, order.subject());
        order.ack().await?;
    }
    Ok(())
}
