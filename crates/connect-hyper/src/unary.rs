//! Unary calls; and the rules for their responses, over `http` types and without a socket.

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::attempts::{Exchange, Until, exchange};
use crate::call::{Call, Options, Prepared, Spec};
use crate::cancel::Signal;
use crate::client::Client;
use crate::codec::Codec;
use crate::compression::Accepted;
use crate::error::{Error, Execution};
use crate::error_body::{self, ErrorBody};
use crate::kind::Unary;
use crate::observe::{self, Attempt};
use crate::payload::Payload;
use crate::response::{Raw, Response};
use crate::{Code, Method, redirect};

/// Makes the call and decodes its response.
pub(crate) async fn run<M: Method<Kind = Unary>>(
    call: Call<M>,
) -> Result<Response<M::Response>, Error> {
    let mut ready = Ready::new(call)?;
    // Nothing below is generic until the message is decoded.
    let (raw, _) = ready.exchange(Until::Body).await?;
    let attempt = ready.last_attempt(&raw);
    let result = raw.decode::<M>();
    let error = result.as_ref().err();
    observe::last_attempt(ready.client.inner(), &ready.prepared, attempt, error);
    result
}

/// Makes the call, and hands out the response when its head is here.
pub(crate) async fn send<M: Method<Kind = Unary>>(call: Call<M>) -> Result<Box<Raw>, Error> {
    send_ready(Ready::new(call)?).await
}

/// The same for a message that is encoded.
pub(crate) async fn send_bytes(
    client: Client,
    options: Options,
    spec: Spec,
    message: Bytes,
) -> Result<Box<Raw>, Error> {
    let ready = Ready::of_bytes(client, options, spec, message)?;
    send_ready(ready).await
}

async fn send_ready(mut ready: Ready) -> Result<Box<Raw>, Error> {
    let (raw, _) = ready.exchange(Until::Head).await?;
    let attempt = ready.last_attempt(&raw);
    observe::last_attempt(ready.client.inner(), &ready.prepared, attempt, None);
    Ok(raw)
}

/// A call with its message encoded.
struct Ready {
    client: Client,
    prepared: Prepared,
    payload: Payload,
    signal: Signal,
}

impl Ready {
    fn new<M: Method<Kind = Unary>>(mut call: Call<M>) -> Result<Self, Error> {
        let signal = std::mem::take(&mut call.options.signal);
        let inner = call.client.inner();
        call.options.validate::<M>(inner, &call.input)?;
        let deadline = call.options.deadline(inner);
        let mut prepared = call.options.prepare(Spec::of::<M>(), inner, deadline)?;
        let mut message = inner.codec.encode(&call.input)?;
        if let Some(outgoing) = inner.outgoing {
            message = prepared.compress(message, outgoing)?;
        }
        Ok(Self {
            client: call.client,
            prepared,
            payload: Payload::Message(message),
            signal,
        })
    }

    /// For a message that is encoded.
    fn of_bytes(
        client: Client,
        mut options: Options,
        spec: Spec,
        mut message: Bytes,
    ) -> Result<Self, Error> {
        let signal = std::mem::take(&mut options.signal);
        let inner = client.inner();
        let deadline = options.deadline(inner);
        let mut prepared = options.prepare(spec, inner, deadline)?;
        if let Some(outgoing) = inner.outgoing {
            message = prepared.compress(message, outgoing)?;
        }
        Ok(Self {
            client,
            prepared,
            payload: Payload::Message(message),
            signal,
        })
    }

    fn last_attempt(&self, raw: &Raw) -> Option<Attempt> {
        Attempt::last(self.client.inner(), &self.prepared, &self.payload, raw)
    }

    fn exchange(&mut self, until: Until) -> impl Future<Output = Result<Exchange, Error>> {
        exchange(
            &self.client,
            &self.prepared,
            &self.payload,
            until,
            self.prepared.deadline,
            &mut self.signal,
        )
    }
}

/// What the head of a response says about its body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expect {
    /// A message, in the codec that was asked for.
    Message,
    /// A JSON error.
    ErrorBody,
}

/// Looks at status and content type. An error means that no byte of the body is worth reading.
pub(crate) fn head(status: StatusCode, headers: &HeaderMap, codec: Codec) -> Result<Expect, Error> {
    let content_type = headers.get(header::CONTENT_TYPE);
    if status != StatusCode::OK {
        // Checklist 13.
        return if content_type.is_some_and(is_json) {
            Ok(Expect::ErrorBody)
        } else {
            Err(by_status(status, headers))
        };
    }
    let refuse = |code, why: &'static str| {
        Err(Error::new(code, why)
            .with_status(status)
            .with_execution(Execution::Ambiguous))
    };
    // Checklist 9.
    match content_type {
        Some(value) if value == codec.unary_content_type() => Ok(Expect::Message),
        Some(value) if codec == Codec::Json && is_json(value) => Ok(Expect::Message),
        Some(value) if value.as_bytes().starts_with(b"application/") => refuse(
            Code::Internal,
            "the response's content type is not that of the codec asked for",
        ),
        Some(_) => refuse(
            Code::Unknown,
            "the response's content type is none of the protocol's: something other than the service may have answered",
        ),
        None => refuse(Code::Unknown, "the response has no content type"),
    }
}

/// `application/json`, parameters such as `charset=utf-8` aside.
fn is_json(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let essence = bytes.split(|b| *b == b';').next().unwrap_or(bytes);
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/json")
}

/// The message's bytes: decompressed, within `limit`.
pub(crate) fn message(
    headers: &HeaderMap,
    body: Bytes,
    accepted: &Accepted,
    limit: usize,
) -> Result<Bytes, Error> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else {
        return Ok(body);
    };
    accepted
        .decompress(encoding.as_bytes(), body, limit)
        .map_err(|error| {
            error
                .with_status(StatusCode::OK)
                .with_execution(Execution::Executed)
        })
}

/// The error that a response other than 200 stands for.
pub(crate) fn error(
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    accepted: &Accepted,
    limit: usize,
) -> Error {
    let body = match headers.get(header::CONTENT_ENCODING) {
        None => body,
        Some(encoding) => {
            match accepted.decompress(encoding.as_bytes(), body, limit.min(error_body::MAX_BYTES)) {
                Ok(body) => body,
                Err(error) => {
                    return error
                        .with_status(status)
                        .with_execution(Execution::Ambiguous);
                }
            }
        }
    };
    match error_body::parse(&body) {
        // Checklist 15: a valid code in the body wins over the status.
        Some(ErrorBody {
            code: Some(code),
            message,
            details,
        }) => Error::from_server(code, message, details, status),
        // Checklist 14. A code of the status's proves no refusal, and not that the service spoke.
        Some(ErrorBody {
            code: None,
            message,
            details,
        }) => Error::from_server(Code::from_http_status(status), message, details, status)
            .unconfirmed(),
        None => by_status(status, headers),
    }
}

/// The error of a response that has a status and no error body.
pub(crate) fn by_status(status: StatusCode, headers: &HeaderMap) -> Error {
    let mut message = format!("HTTP status {status} without a Connect error");
    if status.is_redirection() {
        // The origin alone: the rest of a location may carry a secret.
        match redirect::origin(headers) {
            Some(origin) => {
                message.push_str(&format!(": a redirect to {origin}, which is not followed"))
            }
            None => message.push_str(": a redirect, which is not followed"),
        }
    }
    Error::new(Code::from_http_status(status), message)
        .with_status(status)
        .with_execution(Execution::Ambiguous)
}

/// Checklist 12: headers named `trailer-…` are trailers; the prefix goes.
pub(crate) fn take_trailers(headers: &mut HeaderMap) -> HeaderMap {
    const PREFIX: &str = "trailer-";
    let mut trailers = HeaderMap::new();
    if !headers.keys().any(|name| name.as_str().starts_with(PREFIX)) {
        return trailers;
    }
    let mut rest = HeaderMap::with_capacity(headers.len());
    let mut current = None;
    // Only the first of several values of one name comes with that name.
    for (name, value) in headers.drain() {
        current = name.or(current);
        let Some(name) = &current else { continue };
        match name.as_str().strip_prefix(PREFIX).map(HeaderName::try_from) {
            Some(Ok(name)) => trailers.append(name, value),
            _ => rest.append(name, value),
        };
    }
    *headers = rest;
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn content_type(value: &'static str) -> HeaderMap {
        headers(&[("content-type", value)])
    }

    /// Checklist 9.
    #[test]
    fn content_types_of_success() {
        let ok = StatusCode::OK;
        let code = |value, codec| match head(ok, &content_type(value), codec) {
            Ok(Expect::Message) => None,
            Ok(Expect::ErrorBody) => panic!("an error body"),
            Err(error) => {
                assert!(error.may_have_executed());
                Some(error.code())
            }
        };
        assert_eq!(code("application/json", Codec::Json), None);
        assert_eq!(code("application/json; charset=utf-8", Codec::Json), None);
        assert_eq!(code("Application/JSON;charset=UTF-8", Codec::Json), None);
        assert_eq!(code("application/proto", Codec::Binary), None);
        for (value, codec) in [
            ("application/json", Codec::Binary),
            ("application/proto", Codec::Json),
            ("application/jsonx", Codec::Json),
            ("application/connect+json", Codec::Json),
            ("application/grpc", Codec::Binary),
        ] {
            assert_eq!(code(value, codec), Some(Code::Internal), "{value}");
        }
        for value in ["text/html", "text/plain; x=application/json", "", "json"] {
            assert_eq!(code(value, Codec::Json), Some(Code::Unknown), "{value}");
        }
        let missing = head(ok, &HeaderMap::new(), Codec::Json).unwrap_err();
        assert_eq!(missing.code(), Code::Unknown);
    }

    /// Checklist 13.
    #[test]
    fn errors_without_json() {
        for (status, code) in [
            (404, Code::Unimplemented),
            (502, Code::Unavailable),
            (401, Code::Unauthenticated),
            (408, Code::Unknown),
            (301, Code::Unknown),
            (204, Code::Unknown),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = head(status, &content_type("text/html"), Codec::Json).unwrap_err();
            assert_eq!(error.code(), code);
            assert_eq!(error.http_status(), Some(status));
            assert!(!error.is_from_server());
            assert!(error.may_have_executed());
        }
    }

    #[test]
    fn a_redirect_names_the_origin_and_no_more() {
        let headers = headers(&[("location", "https://example.org:8443/x?token=secret")]);
        let error = by_status(StatusCode::PERMANENT_REDIRECT, &headers);
        assert!(
            error.message().contains("https://example.org:8443"),
            "{error}"
        );
        assert!(!error.message().contains("secret"), "{error}");
    }

    /// Checklist 14 and 15.
    #[test]
    fn the_body_of_an_error() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let json = content_type("application/json");
        let read = |body: &'static str| {
            let body = Bytes::from_static(body.as_bytes());
            error(status, &json, body, &Accepted::default(), 1 << 20)
        };

        let told = read(r#"{"code":"out_of_range","message":"m"}"#);
        assert_eq!((told.code(), told.message()), (Code::OutOfRange, "m"));
        assert!(told.is_from_server() && told.may_have_executed());

        let refused = read(r#"{"code":"not_found"}"#);
        assert_eq!(refused.execution(), Execution::Refused);

        let no_code = read(r#"{"message":"kept","details":[{"type":"a.B","value":"AQ"}]}"#);
        assert_eq!((no_code.code(), no_code.message()), (Code::Unknown, "kept"));
        assert_eq!(no_code.raw_details().len(), 1);
        assert!(no_code.may_have_executed());

        let none = read("null");
        assert_eq!(none.code(), Code::Unknown);
        assert!(!none.is_from_server());
    }

    /// Checklist 12.
    #[test]
    fn trailers() {
        let mut all = headers(&[
            ("x-a", "1"),
            ("trailer-x-a", "2"),
            ("x-a", "3"),
            ("trailer-x-a", "4"),
            ("trailer-", "odd"),
        ]);
        let trailers = take_trailers(&mut all);
        let values = |map: &HeaderMap, name: &str| {
            map.get_all(name)
                .iter()
                .map(|v| v.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(values(&all, "x-a"), ["1", "3"]);
        assert_eq!(values(&trailers, "x-a"), ["2", "4"]);
        assert_eq!(values(&all, "trailer-"), ["odd"]);
        assert_eq!((all.len(), trailers.len()), (3, 2));
    }
}
