//! How long a server asks its clients to wait.

use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap, HeaderValue};

use crate::error::Error;
use crate::rpc::RetryInfo;

const RATE_LIMIT_RETRY_AFTER: &str = "ratelimit-retryafter";

/// The wait that the first of these asks for: a `google.rpc.RetryInfo`, `RateLimit-RetryAfter` in
/// seconds, `Retry-After` in seconds or as a date. One that is malformed is passed over, and no wait
/// at all is the same as no word: backoff spreads the clients, and a server that wants them all at
/// once doesn't know it.
pub(crate) fn asked(error: &Error, now: SystemTime) -> Option<Duration> {
    let headers = error.metadata();
    error
        .details::<RetryInfo>()
        .find_map(|info| info.delay())
        .or_else(|| seconds(headers.get(RATE_LIMIT_RETRY_AFTER)?))
        .or_else(|| {
            let value = headers.get(header::RETRY_AFTER)?;
            seconds(value).or_else(|| until(value, headers, now))
        })
        .filter(|wait| !wait.is_zero())
}

/// A whole number. One with more digits than a clock can tell is a very long wait, not none.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let digits = value.as_bytes().trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

/// How far a date is away, by the clock of whoever set it if the response tells that.
fn until(value: &HeaderValue, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let date = |value: &HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
    let at = date(value)?;
    let now = headers.get(header::DATE).and_then(date).unwrap_or(now);
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::error::ErrorDetail;
    use crate::{Code, rpc};

    /// 1994-11-06T08:49:37Z.
    const NOW: Duration = Duration::from_secs(784_111_777);

    fn wait(
        headers: &[(&'static str, &'static str)],
        info: Option<(i64, i32)>,
    ) -> Option<Duration> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let details = info.map(|(seconds, nanos)| {
            let info = RetryInfo {
                retry_delay: Some(rpc::Duration { seconds, nanos }),
            };
            ErrorDetail::new("google.rpc.RetryInfo", info.encode_to_vec())
        });
        let status = http::StatusCode::SERVICE_UNAVAILABLE;
        let details = details.into_iter().collect();
        let error = Error::from_server(Code::Unavailable, String::new(), details, status);
        asked(&error.with_metadata(map), SystemTime::UNIX_EPOCH + NOW)
    }

    fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn in_this_order() {
        let all = [("ratelimit-retryafter", "3"), ("retry-after", "4")];
        assert_eq!(
            wait(&all, Some((1, 500_000_000))),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(wait(&all, None), secs(3));
        assert_eq!(wait(&all[1..], None), secs(4));
        assert_eq!(wait(&[], None), None);
    }

    #[test]
    fn what_is_malformed_is_passed_over() {
        let all = [("ratelimit-retryafter", "soon"), ("retry-after", "4")];
        for wrong in [(-1, 0), (1, -1), (1, 1_000_000_000), (0, i32::MIN)] {
            assert_eq!(wait(&all, Some(wrong)), secs(4), "{wrong:?}");
        }
        for wrong in ["", "-1", "1.5", "1s", "+1", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(wait(&[("retry-after", wrong)], None), None, "{wrong}");
        }
        let no_delay = ErrorDetail::new("google.rpc.RetryInfo", bytes::Bytes::new());
        let garbage = ErrorDetail::new("google.rpc.RetryInfo", &b"\xff\xff"[..]);
        let error = Error::from_server(
            Code::Unavailable,
            String::new(),
            vec![no_delay, garbage],
            http::StatusCode::SERVICE_UNAVAILABLE,
        );
        assert_eq!(asked(&error, SystemTime::UNIX_EPOCH), None);
    }

    #[test]
    fn no_wait_at_all_is_no_word() {
        assert_eq!(wait(&[("retry-after", "0")], Some((0, 0))), None);
        let past = [("retry-after", "Sun, 06 Nov 1994 08:49:36 GMT")];
        assert_eq!(wait(&past, None), None);
    }

    #[test]
    fn longer_than_a_clock_can_tell() {
        let digits = [("retry-after", "99999999999999999999999")];
        assert_eq!(wait(&digits, None), secs(u64::MAX));
    }

    #[test]
    fn dates() {
        for date in [
            "Sun, 06 Nov 1994 08:50:07 GMT",
            "Sunday, 06-Nov-94 08:50:07 GMT",
            "Sun Nov  6 08:50:07 1994",
        ] {
            assert_eq!(wait(&[("retry-after", date)], None), secs(30), "{date}");
        }
        // The server's clock is a year behind ours.
        let behind = [
            ("date", "Sat, 06 Nov 1993 08:49:37 GMT"),
            ("retry-after", "Sat, 06 Nov 1993 08:49:42 GMT"),
        ];
        assert_eq!(wait(&behind, None), secs(5));
    }
}
