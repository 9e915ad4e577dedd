//! Errors, and how they are written.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use connect_hyper::{Code, rpc};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use prost::Message as _;
use serde_json::{Map, Value};

use super::unary::add_trailers;
use crate::handler::HeaderNames;

/// The error that a handler answers with.
///
/// It goes out as the protocol's error JSON: of a unary call, with the HTTP status that belongs to
/// its code; of a stream, in its last envelope.
#[derive(Clone)]
pub struct ServerError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    message: String,
    details: Vec<Detail>,
    headers: HeaderMap,
    trailers: HeaderMap,
}

#[derive(Clone)]
struct Detail {
    type_name: String,
    value: Bytes,
}

impl ServerError {
    /// An error with a code and a message, which may be empty.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            details: Vec::new(),
            headers: HeaderMap::new(),
            trailers: HeaderMap::new(),
        }))
    }

    /// Adds a detail: a message's full name (`google.rpc.RetryInfo`) and its binary form.
    #[must_use]
    pub fn with_detail(mut self, type_name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.0.details.push(Detail {
            type_name: type_name.into(),
            value: value.into(),
        });
        self
    }

    /// Adds `google.rpc.RetryInfo`: when the call may be repeated. A `Retry-After` or
    /// `RateLimit-RetryAfter` says the same as a [header](Self::with_header).
    ///
    /// ```
    /// use gitpod_testing::http::{HeaderValue, header::RETRY_AFTER};
    /// use gitpod_testing::{Code, Fault, ServerError};
    /// use std::time::Duration;
    ///
    /// let busy = || ServerError::new(Code::ResourceExhausted, "slow down");
    /// let by_detail = Fault::error(busy().with_retry_info(Duration::from_millis(1500)));
    /// let by_header = Fault::error(busy().with_header(RETRY_AFTER, HeaderValue::from_static("2")));
    /// ```
    #[must_use]
    pub fn with_retry_info(self, delay: Duration) -> Self {
        let info = rpc::RetryInfo {
            retry_delay: Some(rpc::Duration {
                seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
                nanos: i32::try_from(delay.subsec_nanos()).unwrap_or(0),
            }),
        };
        self.with_detail("google.rpc.RetryInfo", info.encode_to_vec())
    }

    /// Adds a response header; one of the same name stays. Of an error that a stream ends in after
    /// its headers have gone out, it becomes a trailer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// Adds a trailer, which a unary response carries as a header with the prefix `trailer-`, and
    /// a stream in its last envelope.
    #[must_use]
    pub fn with_trailer(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.trailers.append(name, value);
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Takes the headers away, for a response that has a head of its own to put them in.
    pub(crate) fn take_headers(&mut self) -> HeaderMap {
        std::mem::take(&mut self.0.headers)
    }

    pub(crate) fn trailers(&self) -> &HeaderMap {
        &self.0.trailers
    }

    /// The object that stands as a unary error's body, and in a stream's last envelope.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("code".into(), self.0.code.as_str().into());
        if !self.0.message.is_empty() {
            object.insert("message".into(), self.0.message.as_str().into());
        }
        if !self.0.details.is_empty() {
            let details = self.0.details.iter().map(|detail| {
                let mut object = Map::new();
                object.insert("type".into(), detail.type_name.as_str().into());
                object.insert("value".into(), STANDARD_NO_PAD.encode(&detail.value).into());
                Value::Object(object)
            });
            object.insert("details".into(), details.collect());
        }
        Value::Object(object)
    }

    /// The response to a unary call that failed.
    pub(crate) fn to_unary_response(&self) -> http::Response<Bytes> {
        let mut response = http::Response::new(Bytes::from(self.to_json().to_string()));
        *response.status_mut() = status(self.0.code);
        *response.headers_mut() = self.0.headers.clone();
        response.headers_mut().insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        add_trailers(response.headers_mut(), &self.0.trailers);
        response
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

/// Without the values of details, headers and trailers.
impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = self.0.details.iter().map(|detail| &detail.type_name);
        f.debug_struct("ServerError")
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("details", &details.collect::<Vec<_>>())
            .field("headers", &HeaderNames(&self.0.headers))
            .field("trailers", &HeaderNames(&self.0.trailers))
            .finish()
    }
}

impl std::error::Error for ServerError {}

/// The table of the protocol's reference, "Error Codes". A code that a later version of the
/// protocol brings is a 500 until it is listed here.
fn status(code: Code) -> StatusCode {
    let status = match code {
        Code::Canceled => 499,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::DeadlineExceeded => 504,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::PermissionDenied => 403,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::Unauthenticated => 401,
        _ => 500,
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_as_it_is_written() {
        let error = ServerError::new(Code::NotFound, "no such thing: \"x\"\n")
            .with_detail("google.rpc.RetryInfo", vec![10, 2, 8, 1])
            .with_header(
                HeaderName::from_static("x-a"),
                HeaderValue::from_static("1"),
            )
            .with_header(
                HeaderName::from_static("x-a"),
                HeaderValue::from_static("2"),
            )
            .with_trailer(
                HeaderName::from_static("x-t"),
                HeaderValue::from_static("3"),
            );
        let response = error.to_unary_response();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
        assert_eq!(response.headers()["trailer-x-t"], "3");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        let expected = serde_json::json!({
            "code": "not_found",
            "message": "no such thing: \"x\"\n",
            "details": [{"type": "google.rpc.RetryInfo", "value": "CgIIAQ"}],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn retry_info_is_a_detail() {
        let error = ServerError::new(Code::Unavailable, "");
        let json = error
            .with_retry_info(Duration::new(1, 500_000_000))
            .to_json();
        // Field 1, of eight bytes: its field 1 = 1, field 2 = 500,000,000.
        let bytes = [10, 8, 8, 1, 16, 0x80, 0xca, 0xb5, 0xee, 0x01];
        let expected = serde_json::json!([{
            "type": "google.rpc.RetryInfo",
            "value": STANDARD_NO_PAD.encode(bytes),
        }]);
        assert_eq!(json["details"], expected);
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let json = ServerError::new(Code::Internal, "").to_json();
        assert_eq!(json, serde_json::json!({"code": "internal"}));
    }

    /// The table of the protocol's reference, written out once more.
    #[test]
    fn statuses() {
        for (code, expected) in [
            ("canceled", 499),
            ("unknown", 500),
            ("invalid_argument", 400),
            ("deadline_exceeded", 504),
            ("not_found", 404),
            ("already_exists", 409),
            ("permission_denied", 403),
            ("resource_exhausted", 429),
            ("failed_precondition", 400),
            ("aborted", 409),
            ("out_of_range", 400),
            ("unimplemented", 501),
            ("internal", 500),
            ("unavailable", 503),
            ("data_loss", 500),
            ("unauthenticated", 401),
        ] {
            assert_eq!(status(code.parse().unwrap()), expected, "{code}");
        }
    }
}
