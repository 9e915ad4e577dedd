//! `2019-12-27T18:11:19.117Z`: RFC 3339 as protobuf's JSON mapping has it.

use super::text::{Reader, digits};
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
    // From 0000-03-01 on, where eras begin: all days in range are behind it.
    let day = seconds.div_euclid(SECONDS_A_DAY) + DAYS_TO_EPOCH;
    let (year, month, day) = date(day as u32);
    let second = seconds.rem_euclid(SECONDS_A_DAY) as u32;

    let [y1, y2, y3, y4] = digits(year);
    let [o1, o2] = digits(month);
    let [d1, d2] = digits(day);
    let [h1, h2] = digits(second / 3_600);
    let [m1, m2] = digits(second / 60 % 60);
    let [s1, s2] = digits(second % 60);
    let mut text = Text::new();
    text.push_all([
        y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2,
    ]);
    text.push_fraction(nanos.unsigned_abs());
    text.push(b'Z');
    Ok(text)
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

/// Days in 400 years, after which the calendar repeats.
const DAYS_AN_ERA: u32 = 146_097;
/// From 0000-03-01, where eras begin here, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

/// Year, month and day of a day since 0000-03-01. Years are counted from March,
/// so that the leap day is the last of its year.
fn date(day: u32) -> (u32, u32, u32) {
    let (era, of_era) = (day / DAYS_AN_ERA, day % DAYS_AN_ERA);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u32::from(month <= 2), month, day)
}

/// The day since 1970-01-01; `None` if there is no such day. There is no year 0.
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    const LAST: [u32; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let last = *LAST.get(month as usize)?;
    if day == 0 || day > last + u32::from(is_leap && month == 2) {
        return None;
    }
    let year = year.checked_sub(u32::from(month <= 2))?;
    let (era, of_era) = (year / 400, year % 400);
    let month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * month + 2) / 5 + day - 1;
    let day = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(i64::from(era * DAYS_AN_ERA + day) - DAYS_TO_EPOCH)
}
