//! Who there is: keys, a trust bundle, and a message as good as any.

use std::collections::BTreeMap;

use crate::build::bundle::{BundlePlan, Record};
use crate::build::keys::{Receiver, Signer, seed, seed_bytes};
use crate::build::plan::{Plan, Recipient, message_id};
use crate::case::{Hex, Suite, Trust};

/// When messages are sealed, in milliseconds.
pub(crate) const SEALED: u64 = 1_790_000_000_000;
/// The same in seconds.
pub(crate) const SEALED_S: u64 = SEALED / 1000;
/// When they are read: a second later.
pub(crate) const NOW: u64 = SEALED + 1000;
/// The skew that readers allow for: a minute.
pub(crate) const SKEW: u64 = 60_000;
/// How old a live reader takes messages: ten minutes.
pub(crate) const WINDOW: u64 = 600_000;

/// When the trust bundle was issued, in seconds: an hour before.
pub(crate) const ISSUED: u64 = SEALED_S - 3600;
/// When it expires: a week after.
pub(crate) const EXPIRES: u64 = SEALED_S + 7 * 86_400;
/// From when its keys are valid: thirty days before.
pub(crate) const VALID_FROM: u64 = SEALED_S - 30 * 86_400;

pub(crate) const ORDERS: &str = "spiffe://example.test/orders";
pub(crate) const BILLING: &str = "spiffe://example.test/billing";
pub(crate) const NOTARY: &str = "spiffe://example.test/notary";
pub(crate) const STOCK: &str = "spiffe://example.test/stock";

/// The keys of everybody.
pub(crate) struct World {
    pub(crate) root: Signer,
    /// Seals on the channel `orders`.
    pub(crate) orders: Signer,
    /// Another one who may.
    pub(crate) billing: Signer,
    /// May sign for any channel.
    pub(crate) notary: Signer,
    /// Receives what is sealed.
    pub(crate) stock: Receiver,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            root: Signer::labelled("root"),
            orders: Signer::labelled("orders"),
            billing: Signer::labelled("billing"),
            notary: Signer::labelled("notary"),
            stock: Receiver::labelled("stock"),
        }
    }

    /// The trust bundle of most cases. The first record is that of `orders`.
    pub(crate) fn bundle(&self) -> BundlePlan {
        BundlePlan {
            root: self.root.clone(),
            domain: "example.test".to_owned(),
            sequence: 7,
            issued_at: ISSUED,
            expires_at: EXPIRES,
            records: vec![
                Record::sign(&self.orders, ORDERS, VALID_FROM, &["orders"]),
                Record::sign(&self.billing, BILLING, VALID_FROM, &["orders", "billing.>"]),
                Record::sign(&self.notary, NOTARY, VALID_FROM, &[">"]),
                Record::receive(&self.stock, STOCK, VALID_FROM, &[">"]),
            ],
            next_roots: Vec::new(),
        }
    }

    /// The same with another record for `orders`.
    pub(crate) fn bundle_with(&self, edit: impl FnOnce(&mut Record)) -> BundlePlan {
        let mut bundle = self.bundle();
        edit(bundle.records.first_mut().expect("the record of `orders`"));
        bundle
    }

    /// The same, where `orders` may seal for other channels.
    pub(crate) fn bundle_for(&self, channels: &[&str]) -> BundlePlan {
        self.bundle_with(|record| {
            record.channels = channels.iter().map(|&channel| channel.to_owned()).collect()
        })
    }

    pub(crate) fn trust(&self, bundle: &BundlePlan) -> Trust {
        Trust {
            bundle_hex: Hex(bundle.sign()),
            roots_hex: vec![Hex::from(&bundle.root.public())],
            domain: bundle.domain.clone(),
            now_ms: bundle.issued_at * 1000,
        }
    }

    /// A message from `orders` to `stock`, first and alone in its epoch.
    pub(crate) fn plan(&self, label: &str) -> Plan {
        Plan {
            signer: self.orders.clone(),
            subject: ORDERS.to_owned(),
            suite: Suite::A256Gcm,
            channel: "orders".to_owned(),
            epoch_secret: seed(&format!("{label}: epoch secret")),
            epoch_id: seed_bytes(&format!("{label}: epoch id")),
            message_id: message_id(SEALED, label),
            sequence: 0,
            previous: None,
            content_type: None,
            expires: None,
            headers: BTreeMap::new(),
            extensions: Vec::new(),
            recipients: vec![Recipient::x25519(&self.stock, label)],
            payload: b"hello coseal".to_vec(),
        }
    }

    /// The same from `billing`.
    pub(crate) fn plan_of_billing(&self, label: &str) -> Plan {
        Plan { signer: self.billing.clone(), subject: BILLING.to_owned(), ..self.plan(label) }
    }
}
