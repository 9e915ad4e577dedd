//! `2019-12-27T18:11:19.117Z`: RFC 3339 as protobuf's JSON mapping has it.

use super::text::{CAPACITY, PAIRS, Reader, fraction};
use super::{NANOS, Text, TimeError};
use crate::Timestamp;

/// 0001-01-01T00:00:00Z.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

const SECONDS_A_DAY: i64 = 86_400;

/// An error unless it is within the years 0001 to 9999.
pub(crate) fn check(timestamp: Timestamp) -> Result<Timestamp, TimeError> {
    if !(FIRST_SECOND..=LAST_SECOND).contains(&timestamp.seconds) {
        return Err(TimeError::TimestampOutOfRange);
    }
    if !(0..NANOS).contains(&timestamp.nanos) {
        return Err(TimeError::TimestampNanosOutOfRange);
    }
    Ok(timestamp)
}

/// Writes it in UTC with 0, 3, 6 or 9 digits behind the seconds.
pub(crate) fn format(timestamp: Timestamp) -> Result<Text, TimeError> {
    let Timestamp { seconds, nanos } = check(timestamp)?;
    // Every day in range is behind that one.
    let day = seconds.div_euclid(SECONDS_A_DAY) + DAYS_TO_EPOCH;
    let (year, month, day) = date(day as u32);
    let second = seconds.rem_euclid(SECONDS_A_DAY) as u32;

    let mut bytes: [u8; CAPACITY] = *b"0000-00-00T00:00:00.000000000Z\0\0";
    for (at, value) in [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, second / 3_600),
        (14, second / 60 % 60),
        (17, second % 60),
    ] {
        [bytes[at], bytes[at + 1]] = PAIRS[value as usize];
    }
    let (digits, length) = fraction(nanos.unsigned_abs());
    bytes[20..29].copy_from_slice(&digits);
    let end = if length == 0 { 19 } else { 20 + length };
    bytes[end] = b'Z';
    Ok(Text::of(bytes, end + 1))
}

/// Reads it in any offset, with up to 9 digits behind the seconds. `T` and `Z`
/// are capitals: protobuf's parsers take no others.
pub(crate) fn parse(text: &str) -> Result<Timestamp, TimeError> {
    check(read(text).ok_or(TimeError::MalformedTimestamp)?)
}

fn read(text: &str) -> Option<Timestamp> {
    let mut reader = Reader::new(text);
    let whole = reader.like(b"0000-00-00T00:00:00")?;
    let two = |at: usize| two_digits(whole[at], whole[at + 1]);
    let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8));
    let (hour, minute, second) = (two(11), two(14), two(17));
    let nanos = reader.fraction()?;
    let offset = offset(&mut reader)?;
    if hour > 23 || minute > 59 || second > 59 || !reader.is_at_end() {
        return None;
    }

    let day = days(year, month, day)?;
    let second = hour * 3_600 + minute * 60 + second;
    Some(Timestamp {
        seconds: day * SECONDS_A_DAY + i64::from(second) - offset,
        nanos,
    })
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> u32 {
    u32::from(tens - b'0') * 10 + u32::from(ones - b'0')
}

/// Seconds east of UTC.
#[inline]
fn offset(reader: &mut Reader<'_>) -> Option<i64> {
    if reader.eat(b'Z') {
        return Some(0);
    }
    let (sign, [_, h1, h2, _, m1, m2]) = match reader.like(b"+00:00") {
        Some(east) => (1, east),
        None => (-1, reader.like(b"-00:00")?),
    };
    let (hour, minute) = (two_digits(*h1, *h2), two_digits(*m1, *m2));
    (hour <= 23 && minute <= 59).then(|| sign * i64::from(hour * 3_600 + minute * 60))
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

/// Year, month and day of a day since 0000-03-01. Years are counted from March there, so that the leap
/// day is the last of its year. By C. Neri and L. Schneider, "Euclidean affine functions and their
/// application to calendar algorithms", 2022, as is [`days`].
fn date(day: u32) -> (u32, u32, u32) {
    let of_centuries = 4 * day + 3;
    let century = of_centuries / 146_097;
    let of_century = of_centuries % 146_097 / 4;

    let of_years = 2_939_745 * u64::from(4 * of_century + 3);
    let of_year = (of_years as u32) / 2_939_745 / 4;
    let year = 100 * century + (of_years >> 32) as u32;

    let of_months = 2_141 * of_year + 197_913;
    let (month, day) = (of_months >> 16, of_months % (1 << 16) / 2_141 + 1);
    if of_year >= 306 {
        (year + 1, month - 12, day)
    } else {
        (year, month, day)
    }
}

/// The day since 1970-01-01; `None` if there is no such day. There is no year 0.
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    const LAST: [u32; 13] = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let last = *LAST.get(month as usize)?;
    let is_leap =
        || year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if day == 0 || day > last || (month == 2 && day == 29 && !is_leap()) {
        return None;
    }
    let (year, month) = if month <= 2 {
        (year.checked_sub(1)?, month + 12)
    } else {
        (year, month)
    };
    let century = year / 100;
    let of_years = 1_461 * year / 4 - century + century / 4;
    let of_months = (979 * month - 2_919) / 32;
    Some(i64::from(of_years + of_months + day - 1) - DAYS_TO_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_there_is_is_counted() {
        let (mut year, mut month, mut day) = (1, 1, 1);
        for n in FIRST_SECOND / SECONDS_A_DAY..=LAST_SECOND / SECONDS_A_DAY {
            assert_eq!(date((n + DAYS_TO_EPOCH) as u32), (year, month, day));
            assert_eq!(days(year, month, day), Some(n));
            day += 1;
            if days(year, month, day).is_none() {
                (month, day) = (month + 1, 1);
            }
            if month == 13 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
    }
}
