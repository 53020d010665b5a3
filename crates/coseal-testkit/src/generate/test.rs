//! A case in the making, and the list of all of them.

use std::collections::BTreeMap;

use super::words;
use super::world::{NOW, SKEW, WINDOW, World};
use crate::build::bundle::BundlePlan;
use crate::build::draft::{Draft, Sealed};
use crate::build::plan::Plan;
use crate::case::{
    BundleReport, Case, EnvelopeCase, Expect, Hex, Keyring, LongHex, Mode, Open, ReceiptVerdict,
    Trust, TrustBundleCase, Verify,
};

/// A row of a table of cases: the file's name, what makes the case, its comment.
pub(crate) type Row<T> = (&'static str, T, &'static str);

/// Every case, by its path below the folder, without `.json`.
#[derive(Default)]
pub(crate) struct Cases {
    pub(crate) all: BTreeMap<String, Case>,
    theme: &'static str,
}

impl Cases {
    /// The folder that the next cases go to.
    pub(crate) fn theme(&mut self, theme: &'static str) {
        self.theme = theme;
    }

    /// Adds an envelope case.
    pub(crate) fn add(&mut self, name: &str, test: Test) {
        let case = test.case;
        let verified = case.verify.as_ref().is_some_and(|verify| verify.expect.is_ok());
        assert_eq!(verified, case.reported.is_some(), "{name}: a report iff it verifies");
        if let Some(open) = &case.open {
            assert_eq!(
                open.expect.is_ok(),
                open.payload_hex.is_some(),
                "{name}: a payload iff it opens"
            );
            assert!(
                open.mode == Mode::Archive || open.channel.is_some(),
                "{name}: live needs a channel"
            );
            assert_eq!(
                open.mode == Mode::Live,
                open.window_ms.is_some(),
                "{name}: a window iff live"
            );
        }
        if let Some(verify) = &case.verify {
            assert!(
                verify.max_age_ms.is_none() || verify.at_ms.is_some(),
                "{name}: age needs a time"
            );
        }
        self.insert(name, Case::Envelope(Box::new(case)));
    }

    /// Adds an envelope that both verbs refuse with the same error.
    pub(crate) fn refuse(
        &mut self,
        name: &str,
        expect: &str,
        rule: &str,
        comment: &str,
        envelope: impl Into<LongHex>,
    ) {
        self.add(name, Test::new(rule, comment, envelope).refused(expect));
    }

    /// Adds an envelope that verifies and opens.
    pub(crate) fn accept(&mut self, name: &str, rule: &str, comment: &str, sealed: &Sealed) {
        self.add(name, Test::of(rule, comment, sealed));
    }

    /// Adds an envelope that verifies, and opens with this error.
    pub(crate) fn shut(
        &mut self,
        name: &str,
        expect: &str,
        rule: &str,
        comment: &str,
        sealed: &Sealed,
    ) {
        self.add(name, Test::of(rule, comment, sealed).shut(expect));
    }

    /// A message sealed alone after `fault`, refused by both verbs.
    pub(crate) fn fault(
        &mut self,
        name: &str,
        expect: &str,
        rule: &str,
        comment: &str,
        fault: impl FnOnce(&mut Draft),
    ) {
        let sealed = self.drafted(name, fault);
        self.refuse(name, expect, rule, comment, &sealed.envelope);
    }

    /// A message sealed alone after `variation`, which verifies and opens.
    pub(crate) fn variation(
        &mut self,
        name: &str,
        rule: &str,
        comment: &str,
        variation: impl FnOnce(&mut Draft),
    ) {
        let sealed = self.drafted(name, variation);
        self.accept(name, rule, comment, &sealed);
    }

    /// A message of another plan, which verifies and opens.
    pub(crate) fn message(
        &mut self,
        name: &str,
        rule: &str,
        comment: &str,
        edit: impl FnOnce(&mut Plan),
    ) {
        let sealed = self.planned(name, edit);
        self.accept(name, rule, comment, &sealed);
    }

    /// A message sealed alone by another plan.
    pub(crate) fn planned(&self, name: &str, edit: impl FnOnce(&mut Plan)) -> Sealed {
        let mut plan = World::new().plan(&self.label(name));
        edit(&mut plan);
        Draft::new(plan).seal()
    }

    /// A message sealed alone after `edit`.
    pub(crate) fn drafted(&self, name: &str, edit: impl FnOnce(&mut Draft)) -> Sealed {
        let mut draft = Draft::new(World::new().plan(&self.label(name)));
        edit(&mut draft);
        draft.seal()
    }

    /// What the seeds of a case are named after: its path.
    pub(crate) fn label(&self, name: &str) -> String {
        format!("{}/{name}", self.theme)
    }

    /// Adds a trust bundle case.
    pub(crate) fn add_bundle(&mut self, name: &str, test: BundleTest) {
        let case = test.case;
        assert_eq!(case.expect.is_ok(), case.reported.is_some(), "{name}: a report iff it loads");
        self.insert(name, Case::TrustBundle(Box::new(case)));
    }

    fn insert(&mut self, name: &str, case: Case) {
        let path = self.label(name);
        assert!(words::are_plain(case.comment()), "{path}: {}", case.comment());
        let taken = self.all.insert(path.clone(), case);
        assert!(taken.is_none(), "{path} is there twice");
    }
}

/// Text of a result that is written here, in the generator.
pub(crate) fn expect(text: &str) -> Expect {
    text.parse().expect("a code of the format")
}

/// An envelope case in the making: a live open and a verify without a time,
/// unless said otherwise.
pub(crate) struct Test {
    pub(crate) case: EnvelopeCase,
}

impl Test {
    /// Nothing of this is reported or released until more is said.
    pub(crate) fn new(rule: &str, comment: &str, envelope: impl Into<LongHex>) -> Self {
        let world = World::new();
        Self {
            case: EnvelopeCase {
                comment: comment.to_owned(),
                rule: rule.to_owned(),
                envelope_hex: envelope.into(),
                max_len: None,
                skew_ms: SKEW,
                trust: world.trust(&world.bundle()),
                verify: Some(Verify {
                    channel: Some("orders".to_owned()),
                    signer: None,
                    at_ms: None,
                    max_age_ms: None,
                    expect: Expect::Ok,
                    claimed_time: None,
                    facts: None,
                }),
                open: Some(Open {
                    mode: Mode::Live,
                    channel: Some("orders".to_owned()),
                    signer: None,
                    now_ms: NOW,
                    window_ms: Some(WINDOW),
                    keyring: Keyring {
                        receiving_keys_hex: vec![Hex::from(&world.stock.secret)],
                        keks: Vec::new(),
                    },
                    earlier: Vec::new(),
                    position: None,
                    expect: Expect::Ok,
                    payload_hex: None,
                    redelivered: false,
                }),
                reported: None,
                intermediate: None,
            },
        }
    }

    /// An envelope that verifies and opens as it was sealed.
    pub(crate) fn of(rule: &str, comment: &str, sealed: &Sealed) -> Self {
        Self::new(rule, comment, &sealed.envelope)
            .channel(Some(&sealed.plan.channel))
            .reported(sealed, &[])
            .open(|open| open.payload_hex = Some(LongHex::from(&sealed.plan.payload)))
    }

    pub(crate) fn reported(mut self, sealed: &Sealed, other_receipts: &[ReceiptVerdict]) -> Self {
        self.case.reported = Some(sealed.plan.report(other_receipts));
        self.case.intermediate = Some(sealed.intermediate());
        self
    }

    /// Both verbs refuse it, with the same error.
    pub(crate) fn refused(mut self, text: &str) -> Self {
        self.case.reported = None;
        self.case.intermediate = None;
        self.verify(|verify| verify.expect = expect(text)).shut(text)
    }

    /// It does not open.
    pub(crate) fn shut(self, text: &str) -> Self {
        self.open(|open| {
            open.expect = expect(text);
            open.payload_hex = None;
        })
    }

    pub(crate) fn verify(mut self, edit: impl FnOnce(&mut Verify)) -> Self {
        edit(self.case.verify.as_mut().expect("a case that verifies"));
        self
    }

    pub(crate) fn open(mut self, edit: impl FnOnce(&mut Open)) -> Self {
        edit(self.case.open.as_mut().expect("a case that opens"));
        self
    }

    /// The channel that both verbs expect.
    pub(crate) fn channel(self, channel: Option<&str>) -> Self {
        let channel = channel.map(str::to_owned);
        self.verify(|verify| verify.channel = channel.clone()).open(|open| open.channel = channel)
    }

    /// The signer that both verbs ask for.
    pub(crate) fn signer(self, subject: &str) -> Self {
        self.verify(|verify| verify.signer = Some(subject.to_owned()))
            .open(|open| open.signer = Some(subject.to_owned()))
    }

    /// Archival instead of live.
    pub(crate) fn archive(self) -> Self {
        self.open(|open| {
            open.mode = Mode::Archive;
            open.window_ms = None;
        })
    }

    /// The reader's clock, for both verbs: a live `open`, and a `verify` that
    /// is given a time and a window.
    pub(crate) fn at(self, now: u64) -> Self {
        self.verify(|verify| {
            verify.at_ms = Some(now);
            verify.max_age_ms = Some(WINDOW);
        })
        .open(|open| open.now_ms = now)
    }

    pub(crate) fn without_open(mut self) -> Self {
        self.case.open = None;
        self
    }

    pub(crate) fn trust(mut self, trust: Trust) -> Self {
        self.case.trust = trust;
        self
    }

    /// The trust bundle, signed by the root of the world.
    pub(crate) fn bundle(self, bundle: &BundlePlan) -> Self {
        self.trust(World::new().trust(bundle))
    }
}

/// A trust bundle case in the making: a reader without state, unless said
/// otherwise.
pub(crate) struct BundleTest {
    pub(crate) case: TrustBundleCase,
}

impl BundleTest {
    pub(crate) fn refused(
        text: &str,
        rule: &str,
        comment: &str,
        bundle: impl Into<LongHex>,
    ) -> Self {
        Self::new(expect(text), None, rule, comment, bundle)
    }

    pub(crate) fn accepted(
        report: BundleReport,
        rule: &str,
        comment: &str,
        bundle: impl Into<LongHex>,
    ) -> Self {
        Self::new(Expect::Ok, Some(report), rule, comment, bundle)
    }

    fn new(
        expect: Expect,
        reported: Option<BundleReport>,
        rule: &str,
        comment: &str,
        bundle: impl Into<LongHex>,
    ) -> Self {
        let world = World::new();
        Self {
            case: TrustBundleCase {
                comment: comment.to_owned(),
                rule: rule.to_owned(),
                bundle_hex: bundle.into(),
                roots_hex: vec![Hex::from(&world.root.public())],
                domain: Some("example.test".to_owned()),
                now_ms: NOW,
                skew_ms: SKEW,
                earlier: Vec::new(),
                expect,
                reported,
            },
        }
    }
}
