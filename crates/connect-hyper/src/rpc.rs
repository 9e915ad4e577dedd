//! The error details that Google's APIs, and many others, attach to their errors: the messages of
//! `google/rpc/error_details.proto`, for [`Error::details`](crate::Error::details).

use std::collections::BTreeMap;

/// A span of time, as `google.protobuf.Duration` has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Duration {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Billionths of a second, below one second, of the same sign as `seconds`.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// When the call may be repeated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct RetryInfo {
    /// How long to wait at least. [`delay`](Self::delay) has it as a time of Rust's.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Duration>,
}

impl RetryInfo {
    /// How long to wait at least. `None` if it isn't set, or isn't a span of time from zero on.
    #[must_use]
    pub fn delay(&self) -> Option<std::time::Duration> {
        let Duration { seconds, nanos } = self.retry_delay?;
        if !(0..1_000_000_000).contains(&nanos) {
            return None;
        }
        let seconds = u64::try_from(seconds).ok()?;
        Some(std::time::Duration::new(seconds, nanos.unsigned_abs()))
    }
}

/// What the server's developers want to know. Not for users.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DebugInfo {
    /// The stack, its innermost entry first.
    #[prost(string, repeated, tag = "1")]
    pub stack_entries: Vec<String>,
    /// What else there is to say.
    #[prost(string, tag = "2")]
    pub detail: String,
}

/// Which quotas the request would have exceeded.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct QuotaFailure {
    /// Each of them.
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<QuotaViolation>,
}

/// One quota of a [`QuotaFailure`].
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct QuotaViolation {
    /// Whose quota it is: `project:<id>` or `clientip:<address>`, for instance.
    #[prost(string, tag = "1")]
    pub subject: String,
    /// How it was exceeded, for a person.
    #[prost(string, tag = "2")]
    pub description: String,
    /// The API that the quota is of.
    #[prost(string, tag = "3")]
    pub api_service: String,
    /// What is counted.
    #[prost(string, tag = "4")]
    pub quota_metric: String,
    /// The quota's own name.
    #[prost(string, tag = "5")]
    pub quota_id: String,
    /// What is counted apart: by region, for instance.
    #[prost(btree_map = "string, string", tag = "6")]
    pub quota_dimensions: BTreeMap<String, String>,
    /// The quota that was exceeded.
    #[prost(int64, tag = "7")]
    pub quota_value: i64,
    /// The quota that is being rolled out, if one is.
    #[prost(int64, optional, tag = "8")]
    pub future_quota_value: Option<i64>,
}

/// Why the call failed, for a program.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ErrorInfo {
    /// The reason, in capitals and underscores, unique within its domain.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// Who defines the reason: a service's name, for instance.
    #[prost(string, tag = "2")]
    pub domain: String,
    /// What the reason is about.
    #[prost(btree_map = "string, string", tag = "3")]
    pub metadata: BTreeMap<String, String>,
}

/// What has to be so before the request can succeed.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PreconditionFailure {
    /// Each condition that isn't met.
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<PreconditionViolation>,
}

/// One condition of a [`PreconditionFailure`].
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PreconditionViolation {
    /// The kind of condition, in the service's own terms: `TOS`, for instance.
    #[prost(string, tag = "1")]
    pub r#type: String,
    /// What doesn't meet it.
    #[prost(string, tag = "2")]
    pub subject: String,
    /// How it doesn't, for a person.
    #[prost(string, tag = "3")]
    pub description: String,
}

/// What is wrong with the request.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct BadRequest {
    /// Each field that is wrong.
    #[prost(message, repeated, tag = "1")]
    pub field_violations: Vec<FieldViolation>,
}

/// One field of a [`BadRequest`].
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct FieldViolation {
    /// The way to the field from the request on: `emails[1].address`, for instance.
    #[prost(string, tag = "1")]
    pub field: String,
    /// What is wrong with it, for a person.
    #[prost(string, tag = "2")]
    pub description: String,
    /// The same for a program, in capitals and underscores.
    #[prost(string, tag = "3")]
    pub reason: String,
    /// What is wrong, in words of the user's language.
    #[prost(message, optional, tag = "4")]
    pub localized_message: Option<LocalizedMessage>,
}

/// How the server knows the request.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RequestInfo {
    /// What to name the request by in a report to the service.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// What the service made of it. It has meaning to the service alone.
    #[prost(string, tag = "2")]
    pub serving_data: String,
}

/// Which resource the error is about.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ResourceInfo {
    /// Its kind, or its type URL.
    #[prost(string, tag = "1")]
    pub resource_type: String,
    /// Its name.
    #[prost(string, tag = "2")]
    pub resource_name: String,
    /// Whose it is, if it is somebody's.
    #[prost(string, tag = "3")]
    pub owner: String,
    /// What was wrong with the access to it.
    #[prost(string, tag = "4")]
    pub description: String,
}

/// Where to read on.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Help {
    /// Each place.
    #[prost(message, repeated, tag = "1")]
    pub links: Vec<HelpLink>,
}

/// One place of a [`Help`].
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct HelpLink {
    /// What is found there.
    #[prost(string, tag = "1")]
    pub description: String,
    /// Its URL.
    #[prost(string, tag = "2")]
    pub url: String,
}

/// What may be shown to a user.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LocalizedMessage {
    /// The language, as in BCP 47: `en-US`, for instance.
    #[prost(string, tag = "1")]
    pub locale: String,
    /// What is said in it.
    #[prost(string, tag = "2")]
    pub message: String,
}

/// States the names that errors have these messages under.
macro_rules! named {
    ($($message:ident)*) => {$(
        impl prost::Name for $message {
            const PACKAGE: &'static str = "google.rpc";
            const NAME: &'static str = stringify!($message);
        }
    )*};
}

named! {
    BadRequest DebugInfo ErrorInfo Help LocalizedMessage PreconditionFailure QuotaFailure RequestInfo
    ResourceInfo RetryInfo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays() {
        let delay = |seconds, nanos| {
            let retry_delay = Some(Duration { seconds, nanos });
            RetryInfo { retry_delay }.delay()
        };
        assert_eq!(delay(0, 0), Some(std::time::Duration::ZERO));
        assert_eq!(delay(1, 5), Some(std::time::Duration::new(1, 5)));
        assert!(delay(i64::MAX, 999_999_999).is_some());
        for (seconds, nanos) in [
            (-1, 0),
            (0, -1),
            (-1, -1),
            (0, 1_000_000_000),
            (i64::MIN, i32::MIN),
        ] {
            assert_eq!(delay(seconds, nanos), None, "{seconds} {nanos}");
        }
        assert_eq!(RetryInfo::default().delay(), None);
    }
}
