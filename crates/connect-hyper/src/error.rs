//! The one error type of the runtime.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{Code, Idempotency};

/// An error of whatever lies below: a transport's, a credential provider's.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whether the method was executed by the server, as far as this side can know.
///
/// Ordered by how much was done: of several attempts the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Execution {
    /// The request provably never left: it is wrong, or there was no connection, or the server
    /// said of it that it wasn't looked at (HTTP/2 `REFUSED_STREAM`).
    NotSent,
    /// The server refused the request: an error body with a code that is decided before anything
    /// is done.
    Refused,
    /// Nobody on this side can tell.
    Ambiguous,
    /// The server answered with success, and the answer can't be used.
    Executed,
}

/// One of the typed details that a server attached to an error.
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorDetail {
    pub(crate) type_name: String,
    pub(crate) value: Bytes,
}

impl ErrorDetail {
    /// A detail as it comes off the wire: a message's full name, and the message in binary. A type
    /// URL is taken for the name at its end.
    #[must_use]
    pub fn new(type_name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        let mut type_name = type_name.into();
        if let Some(slash) = type_name.rfind('/') {
            type_name.drain(..=slash);
        }
        Self {
            type_name,
            value: value.into(),
        }
    }

    /// The full name of the detail's message, `google.rpc.RetryInfo` for instance.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The type URL: `type.googleapis.com/` and the message's full name.
    #[must_use]
    pub fn type_url(&self) -> String {
        format!("type.googleapis.com/{}", self.type_name)
    }

    /// The message in binary.
    #[must_use]
    pub fn value(&self) -> &Bytes {
        &self.value
    }
}

impl fmt::Debug for ErrorDetail {
    /// The value is left out: what a server puts there isn't known here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorDetail")
            .field("type_name", &self.type_name)
            .field("bytes", &self.value.len())
            .finish()
    }
}

/// Why a call failed.
///
/// [`Error::code`] says what happened, [`Error::is_from_server`] who says so, and
/// [`Error::may_have_executed`] whether doing it again could do it twice.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: Cow<'static, str>,
    details: Vec<ErrorDetail>,
    metadata: HeaderMap,
    source: Option<BoxError>,
    method: Option<&'static str>,
    status: Option<StatusCode>,
    from_server: bool,
    execution: Execution,
    attempts: u32,
    elapsed: Duration,
}

impl Error {
    /// An error of this side's. Nothing was sent, unless
    /// [`with_execution`](Self::with_execution) says otherwise.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            details: Vec::new(),
            metadata: HeaderMap::new(),
            source: None,
            method: None,
            status: None,
            from_server: false,
            execution: Execution::NotSent,
            attempts: 0,
            elapsed: Duration::ZERO,
        }))
    }

    /// An error that a Connect error body of the server's told.
    pub(crate) fn from_server(
        code: Code,
        message: String,
        details: Vec<ErrorDetail>,
        status: StatusCode,
    ) -> Self {
        let mut error = Self::new(code, message);
        error.0.details = details;
        error.0.status = Some(status);
        error.0.from_server = true;
        error.0.execution = match code {
            // Decided before anything is done. Whoever repeats a method that has side effects
            // goes by this list, so every other code stays ambiguous.
            Code::Unauthenticated
            | Code::PermissionDenied
            | Code::InvalidArgument
            | Code::NotFound
            | Code::Unimplemented
            | Code::FailedPrecondition
            | Code::ResourceExhausted => Execution::Refused,
            _ => Execution::Ambiguous,
        };
        error
    }

    /// Takes back that the server said this: a proxy may have.
    pub(crate) fn unconfirmed(mut self) -> Self {
        self.0.from_server = false;
        self.0.execution = Execution::Ambiguous;
        self
    }

    /// States whether the method was executed.
    #[must_use]
    pub fn with_execution(mut self, execution: Execution) -> Self {
        self.0.execution = execution;
        self
    }

    /// States the error that this one came from.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_method(mut self, path: &'static str) -> Self {
        self.0.method = Some(path);
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_metadata(mut self, metadata: HeaderMap) -> Self {
        self.0.metadata = metadata;
        self
    }

    /// States what the whole call took, of which this is the end.
    pub(crate) fn with_attempts(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.0.attempts = attempts;
        self.0.elapsed = elapsed;
        self
    }

    /// What happened, in the protocol's terms.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened, for a person. The server's words if it sent any.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The details of this type that the server attached: a message of [`rpc`](crate::rpc), or one
    /// of the API's own.
    ///
    /// One that has the type's name and can't be decoded is left out: no error hides behind another
    /// one. [`raw_details`](Self::raw_details) has it.
    ///
    /// ```
    /// # fn show(error: connect_hyper::Error) {
    /// use connect_hyper::rpc::BadRequest;
    ///
    /// for violation in error.details::<BadRequest>().flat_map(|bad| bad.field_violations) {
    ///     println!("{}: {}", violation.field, violation.description);
    /// }
    /// # }
    /// ```
    pub fn details<T: prost::Name + Default>(&self) -> impl Iterator<Item = T> + use<'_, T> {
        let name = T::full_name();
        self.0
            .details
            .iter()
            .filter(move |detail| detail.type_name == name)
            .filter_map(|detail| T::decode(detail.value.clone()).ok())
    }

    /// The details that the server attached, as they came. Empty if it attached none.
    #[must_use]
    pub fn raw_details(&self) -> &[ErrorDetail] {
        &self.0.details
    }

    /// The response's headers and trailers. Empty if there was no response, or if the deadline
    /// passed before an awaited call had all of it.
    #[must_use]
    pub fn metadata(&self) -> &HeaderMap {
        &self.0.metadata
    }

    /// The response's HTTP status, if there was a response (as for [`metadata`](Self::metadata)).
    #[must_use]
    pub fn http_status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The path of the method, `/package.Service/Method`, if the error belongs to a call.
    #[must_use]
    pub fn method(&self) -> Option<&'static str> {
        self.0.method
    }

    /// Whether the server said this, in a Connect error body. Otherwise this side did.
    #[must_use]
    pub fn is_from_server(&self) -> bool {
        self.0.from_server
    }

    /// How many times the request was sent, or was about to be: the attempts of the call so far.
    /// 0 if the call was wrong before the first one, or if the error belongs to no call. Redirects
    /// that were followed don't count.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the call had taken when it failed, waits between attempts included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// What is known of the method's execution, by any attempt of the call.
    #[must_use]
    pub fn execution(&self) -> Execution {
        self.0.execution
    }

    /// Whether the server may have executed the method, so that a second call could do it twice.
    #[must_use]
    pub fn may_have_executed(&self) -> bool {
        matches!(self.0.execution, Execution::Ambiguous | Execution::Executed)
    }

    /// Whether calling the method again can't do it twice, or does no harm if it does: the method
    /// has no side effects or is idempotent, or its request was provably not sent, or the server
    /// refused it with one of the codes in `refused`.
    ///
    /// The client's own retries go by this, with `resource_exhausted` alone in `refused`. A code
    /// that isn't one of [`Execution::Refused`]'s changes nothing there.
    #[must_use]
    pub fn may_repeat(&self, idempotency: Idempotency, refused: &[Code]) -> bool {
        idempotency != Idempotency::Unknown
            || match self.0.execution {
                Execution::NotSent => true,
                Execution::Refused => refused.contains(&self.0.code),
                Execution::Ambiguous | Execution::Executed => false,
            }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.as_str())?;
        if !self.0.message.is_empty() {
            write!(f, ": {}", self.0.message)?;
        }
        match self.0.execution {
            Execution::Executed => f.write_str(" (the request was executed)"),
            Execution::Ambiguous => f.write_str(" (the request may have been executed)"),
            Execution::NotSent | Execution::Refused => Ok(()),
        }?;
        match self.0.attempts {
            0 | 1 => Ok(()),
            attempts => write!(f, " ({attempts} attempts)"),
        }
    }
}

impl fmt::Debug for Error {
    /// Header values are left out, for a response may carry a secret in one, and so is what lies
    /// below but for its cause's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .0
            .metadata
            .keys()
            .map(http::HeaderName::as_str)
            .collect();
        let source = self.0.source.as_deref().map(|source| innermost(source));
        f.debug_struct("Error")
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("details", &self.0.details)
            .field("metadata", &names)
            .field("http_status", &self.0.status)
            .field("method", &self.0.method)
            .field("is_from_server", &self.0.from_server)
            .field("execution", &self.0.execution)
            .field("attempts", &self.0.attempts)
            .field("elapsed", &self.0.elapsed)
            .field("source", &source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// The error at the end of the chain of causes says what happened; those above it say where.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<h2::Error>().and_then(h2::Error::reason) {
        // Without GOAWAY's debug data, which may be sensitive (RFC 9113, section 6.8).
        Some(reason) => format!("HTTP/2: {reason}"),
        None => last.to_string(),
    }
}
