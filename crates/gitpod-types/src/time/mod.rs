//! Timestamp and Duration: their JSON form, and conversions.

mod convert;
pub(crate) mod duration;
mod text;
pub(crate) mod timestamp;

use std::{error, fmt};

pub use self::convert::{DurationExt, TimestampExt};
pub(crate) use self::text::Text;

/// Why a time can't be what it was to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeError {
    /// Not in the form that protobuf's JSON mapping gives a timestamp:
    /// `2019-12-27T18:11:19.117Z`, or with an offset in place of the `Z`.
    MalformedTimestamp,
    /// Not in the form that protobuf's JSON mapping gives a duration:
    /// `15552000s`, `-0.5s`.
    MalformedDuration,
    /// Outside of the years 0001 to 9999.
    TimestampOutOfRange,
    /// The nanoseconds of a timestamp are not within 0 and 999,999,999.
    TimestampNanosOutOfRange,
    /// More than 315,576,000,000 seconds, which are 10,000 years, in either
    /// direction.
    DurationOutOfRange,
    /// The nanoseconds of a duration are not within a second, or have another
    /// sign than its seconds.
    DurationNanosOutOfRange,
    /// Negative, where the target type can't be.
    NegativeDuration,
    /// In range here, but not in the target type.
    TargetOutOfRange,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedTimestamp => {
                "not a timestamp of the form 2019-12-27T18:11:19.117Z or 2019-12-27T19:11:19+01:00"
            }
            Self::MalformedDuration => "not a duration of the form 15552000s or -0.5s",
            Self::TimestampOutOfRange => "the timestamp is outside of the years 0001 to 9999",
            Self::TimestampNanosOutOfRange => {
                "the timestamp's nanoseconds are not within 0 and 999,999,999"
            }
            Self::DurationOutOfRange => "the duration is longer than 315,576,000,000 seconds",
            Self::DurationNanosOutOfRange => {
                "the duration's nanoseconds are not within a second, or of the other sign than its seconds"
            }
            Self::NegativeDuration => "the duration is negative",
            Self::TargetOutOfRange => "the time is out of the range of the type that was asked for",
        })
    }
}

impl error::Error for TimeError {}

/// Nanoseconds in a second.
const NANOS: i32 = 1_000_000_000;
