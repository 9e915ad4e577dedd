//! `15552000s`, `-0.5s`: a duration as protobuf's JSON mapping has it.

use super::text::Reader;
use super::{NANOS, Text, TimeError};
use crate::Duration;

/// 10,000 years of 365.25 days.
const MOST_SECONDS: i64 = 315_576_000_000;

/// An error unless it is in range and its parts have the same sign.
pub(crate) fn check(duration: Duration) -> Result<Duration, TimeError> {
    let Duration { seconds, nanos } = duration;
    if !(-MOST_SECONDS..=MOST_SECONDS).contains(&seconds) {
        return Err(TimeError::DurationOutOfRange);
    }
    let is_of_one_sign = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
    if nanos <= -NANOS || nanos >= NANOS || !is_of_one_sign {
        return Err(TimeError::DurationNanosOutOfRange);
    }
    Ok(duration)
}

/// Writes it in seconds with 0, 3, 6 or 9 digits behind the point.
pub(crate) fn format(duration: Duration) -> Result<Text, TimeError> {
    let Duration { seconds, nanos } = check(duration)?;
    let mut text = Text::new();
    if seconds < 0 || nanos < 0 {
        text.push(b'-');
    }
    text.push_number(seconds.unsigned_abs());
    text.push_fraction(nanos.unsigned_abs());
    text.push(b's');
    Ok(text)
}

/// Reads it with up to 9 digits behind the point.
pub(crate) fn parse(text: &str) -> Result<Duration, TimeError> {
    let mut reader = Reader::new(text);
    let is_negative = reader.eat(b'-');
    // As many digits as an i64 surely has room for; more is out of range.
    let (seconds, length) = reader.number(18);
    let nanos = reader.fraction();
    let (Some(nanos), 1..) = (nanos, length) else {
        return Err(TimeError::MalformedDuration);
    };
    if !reader.eat(b's') || !reader.is_at_end() {
        let is_long = text
            .trim_start_matches('-')
            .bytes()
            .take(19)
            .all(|b| b.is_ascii_digit());
        return Err(if length == 18 && is_long {
            TimeError::DurationOutOfRange
        } else {
            TimeError::MalformedDuration
        });
    }
    check(if is_negative {
        Duration {
            seconds: -seconds,
            nanos: -nanos,
        }
    } else {
        Duration { seconds, nanos }
    })
}
