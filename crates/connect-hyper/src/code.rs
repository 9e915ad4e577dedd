//! The status codes of the Connect protocol.

use std::fmt;
use std::str::FromStr;

/// Why a call failed, as the Connect protocol names it.
///
/// The sixteen codes are those of the protocol's reference
/// (<https://connectrpc.com/docs/protocol#error-codes>), and the same as gRPC's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The call was cancelled, usually by its caller.
    Canceled,
    /// The cause is unknown, or carries no code of the protocol.
    Unknown,
    /// The request is wrong whatever the state of the service.
    InvalidArgument,
    /// The deadline passed before the call was complete.
    DeadlineExceeded,
    /// What the request names doesn't exist.
    NotFound,
    /// What the request would create exists.
    AlreadyExists,
    /// The caller is known and may not do this.
    PermissionDenied,
    /// A quota is used up, or a message is larger than its limit.
    ResourceExhausted,
    /// The service's state doesn't allow this now.
    FailedPrecondition,
    /// The call was given up because of a conflict with another one.
    Aborted,
    /// The request goes beyond a valid range.
    OutOfRange,
    /// The method doesn't exist here, or isn't switched on.
    Unimplemented,
    /// An invariant is broken, on one side or the other.
    Internal,
    /// The service can't be reached or can't answer for the moment.
    Unavailable,
    /// Data is lost or damaged for good.
    DataLoss,
    /// The caller isn't known: no credential, or one that isn't valid.
    Unauthenticated,
}

impl Code {
    /// All codes, in the order of their numbers in gRPC.
    pub const ALL: [Code; 16] = [
        Code::Canceled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    /// The code's name on the wire, `not_found` for instance.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Canceled => "canceled",
            Code::Unknown => "unknown",
            Code::InvalidArgument => "invalid_argument",
            Code::DeadlineExceeded => "deadline_exceeded",
            Code::NotFound => "not_found",
            Code::AlreadyExists => "already_exists",
            Code::PermissionDenied => "permission_denied",
            Code::ResourceExhausted => "resource_exhausted",
            Code::FailedPrecondition => "failed_precondition",
            Code::Aborted => "aborted",
            Code::OutOfRange => "out_of_range",
            Code::Unimplemented => "unimplemented",
            Code::Internal => "internal",
            Code::Unavailable => "unavailable",
            Code::DataLoss => "data_loss",
            Code::Unauthenticated => "unauthenticated",
        }
    }

    /// The HTTP status that a server sends with an error of this code.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Code::Canceled => 499,
            Code::Unknown | Code::Internal | Code::DataLoss => 500,
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
            Code::DeadlineExceeded => 504,
            Code::NotFound => 404,
            Code::AlreadyExists | Code::Aborted => 409,
            Code::PermissionDenied => 403,
            Code::ResourceExhausted => 429,
            Code::Unimplemented => 501,
            Code::Unavailable => 503,
            Code::Unauthenticated => 401,
        }
    }

    /// The code that stands for an HTTP status whose body names none.
    ///
    /// The protocol's table; every status that it doesn't list is `unknown`.
    #[must_use]
    pub const fn from_http_status(status: http::StatusCode) -> Code {
        match status.as_u16() {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text isn't the name of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseCodeError(());

impl fmt::Display for ParseCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a Connect code: expected one of the protocol's names, such as not_found")
    }
}

impl std::error::Error for ParseCodeError {}

impl FromStr for Code {
    type Err = ParseCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Code::ALL
            .into_iter()
            .find(|code| code.as_str() == text)
            .ok_or(ParseCodeError(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
            assert_eq!(code.to_string(), code.as_str());
        }
        for wrong in ["", "ok", "Canceled", "cancelled", "NOT_FOUND", " unknown"] {
            assert!(wrong.parse::<Code>().is_err(), "{wrong:?}");
        }
    }

    /// Checklist 13: the status decides where no error body does.
    #[test]
    fn statuses_without_a_body() {
        for status in 100..=999 {
            let expected = match status {
                400 => Code::Internal,
                401 => Code::Unauthenticated,
                403 => Code::PermissionDenied,
                404 => Code::Unimplemented,
                429 | 502 | 503 | 504 => Code::Unavailable,
                _ => Code::Unknown,
            };
            let status = http::StatusCode::from_u16(status).unwrap();
            assert_eq!(Code::from_http_status(status), expected, "{status}");
        }
    }
}
