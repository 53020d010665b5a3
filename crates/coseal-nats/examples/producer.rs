//! Seals ten orders and publishes them to a stream.
//!
//! ```sh
//! nats-server -js &
//! cargo run -p coseal-nats --example producer
//! ```

mod demo;

use std::error::Error;

use coseal_nats::{Outgoing, Producer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let context = async_nats::jetstream::new(demo::connect().await?);
    demo::streams(&context).await?;
    let sealers = demo::sealers(&demo::trust()?, demo::SHOP, demo::BILLING);
    let producer = Producer::builder(sealers).jetstream(context)?;

    // Enqueued together, they share a signature; their order stays.
    let mut deliveries = Vec::new();
    for n in 1..=10 {
        let order = Outgoing::new("orders.eu", format!("{{\"order\": {n}}}"))
            .content_type("application/json")
            .header("tenant", "a");
        deliveries.push(producer.enqueue(order).await?);
    }
    for delivery in deliveries {
        let published = delivery.await?;
        println!("published {} as {:?}", published.id, published.stored);
    }
    producer.close().await?;
    Ok(())
}
