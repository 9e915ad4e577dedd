//! Timestamp and Duration: their JSON form and their conversions.

use std::time::{Duration as StdDuration, SystemTime, UNIX_EPOCH};

use gitpod_types::{Duration, DurationExt, TimeError, Timestamp, TimestampExt};
use proptest::prelude::*;

const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;
const LONGEST: i64 = 315_576_000_000;

fn timestamp(seconds: i64, nanos: i32) -> Timestamp {
    Timestamp { seconds, nanos }
}

fn duration(seconds: i64, nanos: i32) -> Duration {
    Duration { seconds, nanos }
}

#[test]
fn timestamps_are_written_with_0_3_6_or_9_digits() {
    for (seconds, nanos, text) in [
        (0, 0, "1970-01-01T00:00:00Z"),
        (1_577_470_279, 117_000_000, "2019-12-27T18:11:19.117Z"),
        (1_577_470_279, 117_000, "2019-12-27T18:11:19.000117Z"),
        (1_577_470_279, 1, "2019-12-27T18:11:19.000000001Z"),
        (1_577_470_279, 100_000_000, "2019-12-27T18:11:19.100Z"),
        (FIRST, 0, "0001-01-01T00:00:00Z"),
        (LAST, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
        (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
        (951_782_400, 0, "2000-02-29T00:00:00Z"),
        (951_868_800, 0, "2000-03-01T00:00:00Z"),
    ] {
        let value = timestamp(seconds, nanos);
        assert_eq!(value.to_json_text().as_deref(), Ok(text));
        assert_eq!(Timestamp::from_json_text(text), Ok(value));
    }
}

#[test]
fn timestamps_are_read_in_any_offset() {
    let value = timestamp(1_577_470_279, 500_000_000);
    for text in [
        "2019-12-27T18:11:19.5Z",
        "2019-12-27T18:11:19.500000000Z",
        "2019-12-27T18:11:19.5+00:00",
        "2019-12-27T18:11:19.5-00:00",
        "2019-12-27T19:41:19.5+01:30",
        "2019-12-26T18:12:19.5-23:59",
    ] {
        assert_eq!(Timestamp::from_json_text(text), Ok(value), "{text}");
    }
}

#[test]
fn malformed_timestamps_are_refused() {
    for text in [
        "",
        "2019-12-27",
        "2019-12-27 18:11:19Z",
        "2019-12-27t18:11:19Z",
        "2019-12-27T18:11:19z",
        "2019-12-27T18:11:19",
        "2019-12-27T18:11:19.Z",
        "2019-12-27T18:11:19.1234567890Z",
        "2019-12-27T18:11:19+0100",
        "2019-12-27T18:11:19+24:00",
        "2019-12-27T18:11:19+01:60",
        "2019-12-27T18:11:19Z ",
        " 2019-12-27T18:11:19Z",
        "2019-13-27T18:11:19Z",
        "2019-00-27T18:11:19Z",
        "2019-02-29T18:11:19Z",
        "1900-02-29T18:11:19Z",
        "2019-04-31T18:11:19Z",
        "2019-12-00T18:11:19Z",
        "2019-12-27T24:00:00Z",
        "2019-12-27T23:60:00Z",
        "2019-12-27T23:59:60Z",
        "19-12-27T18:11:19Z",
        "+2019-12-27T18:11:19Z",
        "10000-01-01T00:00:00Z",
        "2019-12-27T18:11:19Ｚ",
    ] {
        assert_eq!(
            Timestamp::from_json_text(text),
            Err(TimeError::MalformedTimestamp),
            "{text}"
        );
    }
}

#[test]
fn timestamps_out_of_range_are_refused_both_ways() {
    let out_of_range = Err(TimeError::TimestampOutOfRange);
    assert_eq!(
        timestamp(FIRST - 1, 0).to_json_text(),
        Err(TimeError::TimestampOutOfRange)
    );
    assert_eq!(
        timestamp(LAST + 1, 0).to_json_text(),
        Err(TimeError::TimestampOutOfRange)
    );
    assert_eq!(
        timestamp(i64::MIN, 0).to_json_text(),
        Err(TimeError::TimestampOutOfRange)
    );
    assert_eq!(
        Timestamp::from_json_text("0001-01-01T00:00:00+00:01"),
        out_of_range
    );
    assert_eq!(
        Timestamp::from_json_text("9999-12-31T23:59:59-00:01"),
        out_of_range
    );
    assert_eq!(
        Timestamp::from_json_text("0000-12-31T23:59:59Z"),
        out_of_range
    );
    for nanos in [-1, 1_000_000_000, i32::MIN, i32::MAX] {
        assert_eq!(
            timestamp(0, nanos).to_json_text(),
            Err(TimeError::TimestampNanosOutOfRange)
        );
    }
}

#[test]
fn durations_are_written_with_0_3_6_or_9_digits() {
    for (seconds, nanos, text) in [
        (0, 0, "0s"),
        (15_552_000, 0, "15552000s"),
        (0, -500_000_000, "-0.500s"),
        (-1, -500_000_000, "-1.500s"),
        (1, 1_000, "1.000001s"),
        (1, 1, "1.000000001s"),
        (LONGEST, 999_999_999, "315576000000.999999999s"),
        (-LONGEST, -999_999_999, "-315576000000.999999999s"),
    ] {
        let value = duration(seconds, nanos);
        assert_eq!(value.to_json_text().as_deref(), Ok(text));
        assert_eq!(Duration::from_json_text(text), Ok(value));
    }
    assert_eq!(
        Duration::from_json_text("-0.5s"),
        Ok(duration(0, -500_000_000))
    );
    assert_eq!(Duration::from_json_text("-0s"), Ok(duration(0, 0)));
    assert_eq!(Duration::from_json_text("007s"), Ok(duration(7, 0)));
}

#[test]
fn malformed_durations_are_refused() {
    for text in [
        "",
        "s",
        "1",
        "1 s",
        " 1s",
        "1s ",
        "+1s",
        "1.s",
        ".5s",
        "--1s",
        "1.0000000001s",
        "1e3s",
        "1.-5s",
        "1S",
        "1m",
        "-s",
        "1.5.5s",
        "１s",
    ] {
        assert_eq!(
            Duration::from_json_text(text),
            Err(TimeError::MalformedDuration),
            "{text}"
        );
    }
}

#[test]
fn durations_out_of_range_are_refused_both_ways() {
    for text in [
        "315576000001s",
        "-315576000001s",
        "999999999999999999s",
        "9999999999999999999s",
        "-99999999999999999999999999s",
    ] {
        assert_eq!(
            Duration::from_json_text(text),
            Err(TimeError::DurationOutOfRange),
            "{text}"
        );
    }
    for (seconds, nanos, error) in [
        (LONGEST + 1, 0, TimeError::DurationOutOfRange),
        (i64::MIN, 0, TimeError::DurationOutOfRange),
        (1, -1, TimeError::DurationNanosOutOfRange),
        (-1, 1, TimeError::DurationNanosOutOfRange),
        (0, 1_000_000_000, TimeError::DurationNanosOutOfRange),
        (0, i32::MIN, TimeError::DurationNanosOutOfRange),
    ] {
        assert_eq!(duration(seconds, nanos).to_json_text(), Err(error));
    }
}

#[test]
fn conversions_name_what_is_out_of_range() {
    assert_eq!(duration(-1, 0).to_std(), Err(TimeError::NegativeDuration));
    assert_eq!(duration(0, -1).to_std(), Err(TimeError::NegativeDuration));
    assert_eq!(
        Duration::from_std(StdDuration::MAX),
        Err(TimeError::DurationOutOfRange)
    );
    assert_eq!(
        Timestamp::from_system_time(UNIX_EPOCH + StdDuration::from_secs(LAST as u64 + 1)),
        Err(TimeError::TimestampOutOfRange)
    );
    assert_eq!(
        timestamp(LAST + 1, 0).to_system_time(),
        Err(TimeError::TimestampOutOfRange)
    );
    let before = UNIX_EPOCH - StdDuration::new(1, 1);
    assert_eq!(
        Timestamp::from_system_time(before),
        Ok(timestamp(-2, 999_999_999))
    );
    assert_eq!(timestamp(-2, 999_999_999).to_system_time(), Ok(before));
    assert!(Timestamp::from_system_time(SystemTime::now()).is_ok());
}

fn any_timestamp() -> impl Strategy<Value = Timestamp> {
    let nanos = prop_oneof![
        0..1_000_000_000,
        Just(0),
        (0..1_000).prop_map(|millis| millis * 1_000_000),
        (0..1_000_000).prop_map(|micros| micros * 1_000),
    ];
    (FIRST..=LAST, nanos).prop_map(|(seconds, nanos)| timestamp(seconds, nanos))
}

fn any_duration() -> impl Strategy<Value = Duration> {
    (0..=LONGEST, 0..1_000_000_000, any::<bool>()).prop_map(
        |(seconds, nanos, negative): (i64, i32, bool)| {
            if negative {
                duration(-seconds, -nanos)
            } else {
                duration(seconds, nanos)
            }
        },
    )
}

proptest! {
    #[test]
    fn a_written_timestamp_is_read_the_same(value in any_timestamp()) {
        let text = value.to_json_text().unwrap();
        prop_assert_eq!(Timestamp::from_json_text(&text), Ok(value));
    }

    #[test]
    fn timestamps_sort_as_their_texts_to_the_second(a in any_timestamp(), b in any_timestamp()) {
        let text = |value: Timestamp| timestamp(value.seconds, 0).to_json_text().unwrap();
        prop_assert_eq!(a.seconds.cmp(&b.seconds), text(a).cmp(&text(b)));
    }

    #[test]
    fn a_written_duration_is_read_the_same(value in any_duration()) {
        let text = value.to_json_text().unwrap();
        prop_assert_eq!(Duration::from_json_text(&text), Ok(value));
    }

    #[test]
    fn a_timestamp_survives_the_system_clock(value in any_timestamp()) {
        let time = value.to_system_time().unwrap();
        prop_assert_eq!(Timestamp::from_system_time(time), Ok(value));
    }

    #[test]
    fn what_is_out_of_range_is_an_error(seconds: i64, nanos: i32) {
        let is_fine = (FIRST..=LAST).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
        prop_assert_eq!(timestamp(seconds, nanos).to_json_text().is_ok(), is_fine);
        let value = duration(seconds, nanos);
        if let Ok(text) = value.to_json_text() {
            prop_assert_eq!(Duration::from_json_text(&text), Ok(value));
        }
    }

    #[test]
    fn no_text_panics(text in ".*", looks_right in "[-0-9TZ:.+s]{0,40}") {
        for text in [text, looks_right] {
            if let Ok(value) = Timestamp::from_json_text(&text) {
                prop_assert!(value.to_json_text().is_ok());
            }
            if let Ok(value) = Duration::from_json_text(&text) {
                prop_assert!(value.to_json_text().is_ok());
            }
        }
    }
}

#[cfg(feature = "jiff")]
proptest! {
    #[test]
    fn jiff_agrees(value in any_timestamp(), length in any_duration()) {
        if let Ok(time) = value.to_jiff() {
            prop_assert_eq!(Timestamp::from_jiff(time), Ok(value));
            prop_assert_eq!(
                time.as_nanosecond(),
                i128::from(value.seconds) * 1_000_000_000 + i128::from(value.nanos)
            );
        }
        prop_assert_eq!(Duration::from_jiff(length.to_jiff().unwrap()), Ok(length));
    }
}

#[cfg(feature = "time")]
proptest! {
    #[test]
    fn time_agrees(value in any_timestamp(), length in any_duration()) {
        let time = value.to_offset_date_time().unwrap();
        prop_assert_eq!(Timestamp::from_offset_date_time(time), Ok(value));
        prop_assert_eq!(Duration::from_time(length.to_time().unwrap()), Ok(length));
        // The calendar is the same as ours.
        let text = value.to_json_text().unwrap();
        let date = format!("{:04}-{:02}-{:02}T", time.year(), u8::from(time.month()), time.day());
        prop_assert!(text.starts_with(&date), "{} {}", text, date);
    }
}
