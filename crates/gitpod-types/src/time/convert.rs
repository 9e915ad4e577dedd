//! Conversions to and from the types of the standard library and, by feature,
//! of the crates `jiff` and `time`.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{NANOS, TimeError, duration, timestamp};
use crate::{Duration, Timestamp};

/// What a [`Timestamp`] can be read from and become.
///
/// All conversions check the range, years 0001 to 9999.
pub trait TimestampExt: Sized {
    /// The point in time of the system's clock.
    ///
    /// # Errors
    ///
    /// When the timestamp is out of range, of its own or of the system's.
    fn to_system_time(&self) -> Result<SystemTime, TimeError>;

    /// From a point in time of the system's clock, to the nanosecond.
    ///
    /// # Errors
    ///
    /// When the time is outside of the years 0001 to 9999.
    fn from_system_time(time: SystemTime) -> Result<Self, TimeError>;

    /// Writes it as protobuf JSON does: `2019-12-27T18:11:19.117Z`, with 0, 3, 6
    /// or 9 digits behind the seconds.
    ///
    /// # Errors
    ///
    /// When the timestamp is out of range.
    fn to_json_text(&self) -> Result<String, TimeError>;

    /// Reads it as protobuf JSON does: RFC 3339 with `T` and `Z` as capitals, any
    /// offset, and up to 9 digits behind the seconds.
    ///
    /// # Errors
    ///
    /// When the text isn't of this form, or out of range.
    fn from_json_text(text: &str) -> Result<Self, TimeError>;

    /// As a timestamp of the crate `jiff`.
    ///
    /// # Errors
    ///
    /// When the timestamp is out of range, of its own or of the other type.
    #[cfg(feature = "jiff")]
    fn to_jiff(&self) -> Result<jiff::Timestamp, TimeError>;

    /// From a timestamp of the crate `jiff`.
    ///
    /// # Errors
    ///
    /// When the time is outside of the years 0001 to 9999.
    #[cfg(feature = "jiff")]
    fn from_jiff(time: jiff::Timestamp) -> Result<Self, TimeError>;

    /// As a date and time of the crate `time`, in UTC.
    ///
    /// # Errors
    ///
    /// When the timestamp is out of range, of its own or of the other type.
    #[cfg(feature = "time")]
    fn to_offset_date_time(&self) -> Result<::time::OffsetDateTime, TimeError>;

    /// From a date and time of the crate `time`.
    ///
    /// # Errors
    ///
    /// When the time is outside of the years 0001 to 9999.
    #[cfg(feature = "time")]
    fn from_offset_date_time(time: ::time::OffsetDateTime) -> Result<Self, TimeError>;
}

/// What a [`Duration`] can be read from and become.
///
/// All conversions check the range, 315,576,000,000 seconds in either direction.
pub trait DurationExt: Sized {
    /// As a duration of the standard library.
    ///
    /// # Errors
    ///
    /// When the duration is negative or out of range.
    fn to_std(&self) -> Result<std::time::Duration, TimeError>;

    /// From a duration of the standard library.
    ///
    /// # Errors
    ///
    /// When the duration is out of range.
    fn from_std(duration: std::time::Duration) -> Result<Self, TimeError>;

    /// Writes it as protobuf JSON does: `15552000s`, `-0.500s`, with 0, 3, 6 or 9
    /// digits behind the point.
    ///
    /// # Errors
    ///
    /// When the duration is out of range or its parts differ in sign.
    fn to_json_text(&self) -> Result<String, TimeError>;

    /// Reads it as protobuf JSON does, with up to 9 digits behind the point.
    ///
    /// # Errors
    ///
    /// When the text isn't of this form, or out of range.
    fn from_json_text(text: &str) -> Result<Self, TimeError>;

    /// As a duration of the crate `jiff`.
    ///
    /// # Errors
    ///
    /// When the duration is out of range or its parts differ in sign.
    #[cfg(feature = "jiff")]
    fn to_jiff(&self) -> Result<jiff::SignedDuration, TimeError>;

    /// From a duration of the crate `jiff`.
    ///
    /// # Errors
    ///
    /// When the duration is out of range.
    #[cfg(feature = "jiff")]
    fn from_jiff(duration: jiff::SignedDuration) -> Result<Self, TimeError>;

    /// As a duration of the crate `time`.
    ///
    /// # Errors
    ///
    /// When the duration is out of range or its parts differ in sign.
    #[cfg(feature = "time")]
    fn to_time(&self) -> Result<::time::Duration, TimeError>;

    /// From a duration of the crate `time`.
    ///
    /// # Errors
    ///
    /// When the duration is out of range.
    #[cfg(feature = "time")]
    fn from_time(duration: ::time::Duration) -> Result<Self, TimeError>;
}

impl TimestampExt for Timestamp {
    fn to_system_time(&self) -> Result<SystemTime, TimeError> {
        let Timestamp { seconds, nanos } = timestamp::check(*self)?;
        let whole = std::time::Duration::from_secs(seconds.unsigned_abs());
        let fraction = std::time::Duration::from_nanos(u64::from(nanos.unsigned_abs()));
        let time = if seconds < 0 {
            UNIX_EPOCH.checked_sub(whole)
        } else {
            UNIX_EPOCH.checked_add(whole)
        };
        time.and_then(|time| time.checked_add(fraction))
            .ok_or(TimeError::TargetOutOfRange)
    }

    fn from_system_time(time: SystemTime) -> Result<Self, TimeError> {
        let out_of_range = |_| TimeError::TimestampOutOfRange;
        let timestamp = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self {
                seconds: i64::try_from(after.as_secs()).map_err(out_of_range)?,
                nanos: nanos(after.subsec_nanos()),
            },
            Err(before) => {
                let before = before.duration();
                let seconds = -i64::try_from(before.as_secs()).map_err(out_of_range)?;
                match nanos(before.subsec_nanos()) {
                    0 => Self { seconds, nanos: 0 },
                    nanos => Self {
                        seconds: seconds - 1,
                        nanos: NANOS - nanos,
                    },
                }
            }
        };
        timestamp::check(timestamp)
    }

    fn to_json_text(&self) -> Result<String, TimeError> {
        timestamp::format(*self).map(|text| text.as_str().to_owned())
    }

    fn from_json_text(text: &str) -> Result<Self, TimeError> {
        timestamp::parse(text)
    }

    #[cfg(feature = "jiff")]
    fn to_jiff(&self) -> Result<jiff::Timestamp, TimeError> {
        let Timestamp { seconds, nanos } = timestamp::check(*self)?;
        jiff::Timestamp::new(seconds, nanos).map_err(|_| TimeError::TargetOutOfRange)
    }

    #[cfg(feature = "jiff")]
    fn from_jiff(time: jiff::Timestamp) -> Result<Self, TimeError> {
        let mut seconds = time.as_second();
        let mut nanos = time.subsec_nanosecond();
        // Before 1970 the parts are both negative there, and never here.
        if nanos < 0 {
            seconds -= 1;
            nanos += NANOS;
        }
        timestamp::check(Self { seconds, nanos })
    }

    #[cfg(feature = "time")]
    fn to_offset_date_time(&self) -> Result<::time::OffsetDateTime, TimeError> {
        let Timestamp { seconds, nanos } = timestamp::check(*self)?;
        ::time::OffsetDateTime::from_unix_timestamp(seconds)
            .and_then(|time| time.replace_nanosecond(nanos.unsigned_abs()))
            .map_err(|_| TimeError::TargetOutOfRange)
    }

    #[cfg(feature = "time")]
    fn from_offset_date_time(time: ::time::OffsetDateTime) -> Result<Self, TimeError> {
        timestamp::check(Self {
            seconds: time.unix_timestamp(),
            nanos: nanos(time.nanosecond()),
        })
    }
}

impl DurationExt for Duration {
    fn to_std(&self) -> Result<std::time::Duration, TimeError> {
        let Duration { seconds, nanos } = duration::check(*self)?;
        if seconds < 0 || nanos < 0 {
            return Err(TimeError::NegativeDuration);
        }
        Ok(std::time::Duration::new(
            seconds.unsigned_abs(),
            nanos.unsigned_abs(),
        ))
    }

    fn from_std(duration: std::time::Duration) -> Result<Self, TimeError> {
        duration::check(Self {
            seconds: i64::try_from(duration.as_secs())
                .map_err(|_| TimeError::DurationOutOfRange)?,
            nanos: nanos(duration.subsec_nanos()),
        })
    }

    fn to_json_text(&self) -> Result<String, TimeError> {
        duration::format(*self).map(|text| text.as_str().to_owned())
    }

    fn from_json_text(text: &str) -> Result<Self, TimeError> {
        duration::parse(text)
    }

    #[cfg(feature = "jiff")]
    fn to_jiff(&self) -> Result<jiff::SignedDuration, TimeError> {
        let Duration { seconds, nanos } = duration::check(*self)?;
        Ok(jiff::SignedDuration::new(seconds, nanos))
    }

    #[cfg(feature = "jiff")]
    fn from_jiff(duration: jiff::SignedDuration) -> Result<Self, TimeError> {
        duration::check(Self {
            seconds: duration.as_secs(),
            nanos: duration.subsec_nanos(),
        })
    }

    #[cfg(feature = "time")]
    fn to_time(&self) -> Result<::time::Duration, TimeError> {
        let Duration { seconds, nanos } = duration::check(*self)?;
        Ok(::time::Duration::new(seconds, nanos))
    }

    #[cfg(feature = "time")]
    fn from_time(duration: ::time::Duration) -> Result<Self, TimeError> {
        duration::check(Self {
            seconds: duration.whole_seconds(),
            nanos: duration.subsec_nanoseconds(),
        })
    }
}

/// Nanoseconds of a second, which always fit.
fn nanos(of_second: u32) -> i32 {
    i32::try_from(of_second).unwrap_or(NANOS - 1)
}
