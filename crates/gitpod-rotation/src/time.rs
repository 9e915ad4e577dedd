//! Instants as the service tells them, and when two of them are the same one.
//!
//! Every instant here is the service's: an expiry, or the `Date` header of an answer. This side's
//! clock decides nothing; it only measures how long something took, as a [`std::time::Duration`].

use jiff::{SignedDuration, Timestamp};

const NANOS: i128 = 1_000_000_000;

/// A store may keep this much.
const MILLI: i128 = NANOS / 1000;

/// Finer than this, two instants are one: microseconds are what a database keeps, and floating point
/// may have cost the last digit.
const FINEST: i128 = 2000;

/// Whether two expiries are one and the same, of which a store may have kept fewer digits (rule 7:
/// "equal means within 1 s").
///
/// The second of tolerance is only given where one of them has no fraction, a millisecond where one
/// has no finer one. A request that was executed twice within a second would pass for one otherwise.
pub(crate) fn same(a: Timestamp, b: Timestamp) -> bool {
    let difference = (a.as_nanosecond() - b.as_nanosecond()).abs();
    difference < unit(a).max(unit(b))
}

/// What the last digit of an instant stands for, as far as it shows.
fn unit(instant: Timestamp) -> i128 {
    match i128::from(instant.subsec_nanosecond()) {
        0 => NANOS,
        nanos if nanos % MILLI == 0 => MILLI,
        _ => FINEST,
    }
}

/// `instant` moved by so many seconds; the end of time where that lies beyond it.
pub(crate) fn plus(instant: Timestamp, seconds: i64) -> Timestamp {
    instant
        .saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(instant)
}

/// A whole number of seconds, as the journal has it, for arithmetic with instants.
pub(crate) fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_store_may_keep_fewer_digits() {
        let told = at("2027-01-01T00:00:00.123456789Z");
        assert!(same(told, told));
        assert!(same(told, at("2027-01-01T00:00:00.123456Z")));
        assert!(same(told, at("2027-01-01T00:00:00.123Z")));
        assert!(same(told, at("2027-01-01T00:00:00Z")));
        assert!(same(told, at("2027-01-01T00:00:01Z")), "rounded up");
    }

    #[test]
    fn two_executions_within_a_second_differ() {
        let told = at("2027-01-01T00:00:00.123456789Z");
        assert!(!same(told, at("2027-01-01T00:00:00.523456789Z")));
        assert!(!same(told, at("2027-01-01T00:00:00.123476Z")));
        assert!(!same(told, at("2027-01-01T00:00:00.1254Z")));
        assert!(!same(
            at("2027-01-01T00:00:00Z"),
            at("2027-01-01T00:00:01Z")
        ));
        assert!(!same(told, at("2027-01-01T00:00:02Z")));
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        assert_eq!(plus(Timestamp::MAX, i64::MAX), Timestamp::MAX);
        assert_eq!(plus(Timestamp::MIN, i64::MIN), Timestamp::MIN);
        assert_eq!(seconds(u64::MAX), i64::MAX);
    }
}
