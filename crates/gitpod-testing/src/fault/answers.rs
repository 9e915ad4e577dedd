//! Faults that put another answer in the place of the right one, or change its headers.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use super::{Edit, Executions, Fault};
use crate::connect::error::ServerError;

/// Other answers.
impl Fault {
    fn instead(edit: Edit) -> Self {
        Self {
            executions: Some(Executions::None),
            ..Self::edit(edit)
        }
    }

    fn replaced(response: http::Response<Bytes>) -> Self {
        Self::instead(Edit::Replace(Box::new(response)))
    }

    /// A proxy answers with this status and an HTML page. Not executed.
    pub fn html(status: StatusCode) -> Self {
        let page = format!("<!DOCTYPE html>\n<title>{status}</title>\n<h1>{status}</h1>\n");
        let mut response = http::Response::new(Bytes::from(page));
        *response.status_mut() = status;
        response.headers_mut().insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        Self::replaced(response)
    }

    /// This status with an empty body and no content type. Not executed.
    pub fn status(status: StatusCode) -> Self {
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = status;
        Self::replaced(response)
    }

    /// A Connect error, with details and headers of its own: of a unary call as its body, of a
    /// stream in its last envelope, before any message. Not executed.
    ///
    /// ```
    /// use gitpod_testing::{Code, Fault, ServerError};
    ///
    /// let slow_down = Fault::error(
    ///     ServerError::new(Code::ResourceExhausted, "slow down")
    ///         .with_detail("google.rpc.RetryInfo", vec![10, 2, 8, 1]),
    /// );
    /// ```
    pub fn error(error: ServerError) -> Self {
        Self::instead(Edit::Error(error))
    }

    /// A redirect with this status (301, 307, 308, …) to this location: a URL, or a path of the
    /// same origin. Not executed.
    ///
    /// A loop is one that [always](Self::always) leads back:
    ///
    /// ```
    /// use gitpod_client::organization::RegenerateScimToken;
    /// use gitpod_testing::http::{HeaderValue, StatusCode};
    /// use gitpod_testing::{Fault, Method, Server};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start().await?;
    /// let back = format!("{}{}", server.base_url(), RegenerateScimToken::PATH);
    /// let back = HeaderValue::try_from(back)?;
    /// server.inject(Fault::redirect(StatusCode::TEMPORARY_REDIRECT, back).always());
    /// # Ok(())
    /// # }
    /// ```
    pub fn redirect(status: StatusCode, location: HeaderValue) -> Self {
        Self::status(status).and(Self::header(http::header::LOCATION, location))
    }

    /// This response in place of the right one. Not executed.
    pub fn response(response: http::Response<impl Into<Bytes>>) -> Self {
        Self::replaced(response.map(Into::into))
    }
}

/// Headers.
impl Fault {
    /// The response has this header, in place of any of that name. Executed.
    ///
    /// A `content-length` is the caller's to get right or wrong. Over HTTP/1.1 no more is sent
    /// than it says (see [`raw`](Self::raw)), and where it says more than there is, the connection
    /// ends early.
    pub fn header(name: HeaderName, value: HeaderValue) -> Self {
        Self::edit(Edit::Set(name, value))
    }

    /// The response has this header beside any of that name. Executed.
    pub fn extra_header(name: HeaderName, value: HeaderValue) -> Self {
        Self::edit(Edit::Append(name, value))
    }

    /// The response has so many headers more, `x-0`, `x-1` and so on. Executed.
    pub fn many_headers(count: usize) -> Self {
        let header = |number: usize| {
            let name = HeaderName::try_from(format!("x-{number}")).ok()?;
            Some(Edit::Append(name, number.into()))
        };
        Self {
            edits: (0..count).filter_map(header).collect(),
            ..Self::new()
        }
    }

    /// The response has one header more, `x-large`, whose value is of this length in bytes.
    /// Executed.
    pub fn large_header(length: usize) -> Self {
        // Of letters alone there is nothing that a header couldn't say.
        let value = HeaderValue::try_from("x".repeat(length));
        let value = value.unwrap_or(HeaderValue::from_static(""));
        Self::extra_header(HeaderName::from_static("x-large"), value)
    }

    /// The response lacks this header (`date`, say). Executed.
    pub fn without_header(name: HeaderName) -> Self {
        Self::edit(Edit::Remove(name))
    }

    /// The response has another content type than its body. Executed.
    pub fn content_type(value: HeaderValue) -> Self {
        Self::header(http::header::CONTENT_TYPE, value)
    }

    /// The response says that its body, which stays as it is, is compressed so. Executed.
    pub fn content_encoding(value: HeaderValue) -> Self {
        Self::header(http::header::CONTENT_ENCODING, value)
    }
}
