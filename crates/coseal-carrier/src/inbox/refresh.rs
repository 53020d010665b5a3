//! When to ask the trust feed again, and how long to wait where our own bundle
//! has expired.

use std::time::Duration;

use coseal::Time;

/// The trust feed is asked at most once in this time: nobody can stall a
/// consumer by sending unknown key IDs.
const BETWEEN: Duration = Duration::from_secs(5);

/// The first wait with an expired bundle, and the longest. A new bundle ends
/// the wait early, so the longest may be long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Refresh {
    /// When the feed was asked, or had answered.
    asked: Option<Time>,
    wait: Duration,
    until: Option<Time>,
}

impl Refresh {
    pub(crate) const fn new() -> Self {
        Self { asked: None, wait: FIRST_WAIT, until: None }
    }

    /// Whether the feed is to be asked now. If not, the bundle in force is the
    /// newest there is.
    pub(crate) fn ask(&mut self, now: Time) -> bool {
        let lately = |asked: Time| now.since(asked).max(asked.since(now)) < BETWEEN;
        if self.asked.is_some_and(lately) {
            return false;
        }
        self.asked = Some(now);
        true
    }

    /// The feed has answered.
    pub(crate) const fn done(&mut self, now: Time) {
        self.asked = Some(now);
    }

    /// Until when to wait. Waits grow while nothing changes.
    pub(crate) fn pause(&mut self, now: Time) -> Time {
        if let Some(until) = self.until
            && now < until
            // A clock that was put back must not make this wait for long.
            && until.since(now) <= LONGEST_WAIT
        {
            return until;
        }
        let until = now.plus(self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        self.until = Some(until);
        until
    }

    /// A message was judged: the bundle is in force again.
    pub(crate) const fn judged(&mut self) {
        self.wait = FIRST_WAIT;
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Time {
        Time::from_secs(1_800_000_000 + secs)
    }

    #[test]
    fn the_feed_is_asked_once_in_five_seconds() {
        let mut refresh = Refresh::new();
        let asked = (0..20).filter(|secs| refresh.ask(at(*secs))).collect::<Vec<_>>();
        assert_eq!(asked, [0, 5, 10, 15]);
        // A feed that answers late counts from its answer.
        refresh.done(at(27));
        assert!(!refresh.ask(at(31)));
        assert!(refresh.ask(at(32)));
        // A clock that was put back.
        assert!(refresh.ask(at(0)));
    }

    #[test]
    fn waits_grow_until_a_message_is_judged() {
        let mut refresh = Refresh::new();
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let until = refresh.pause(now);
            assert_eq!(refresh.pause(now), until, "asked again too early");
            waits.push(until.since(now).as_secs());
            now = until;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        refresh.judged();
        assert_eq!(refresh.pause(now), now.plus(FIRST_WAIT));
    }
}
