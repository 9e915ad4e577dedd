//! How the response to a unary call is put together.

use bytes::Bytes;
use connect_hyper::Code;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

use super::codec::Codec;
use super::compression::Compression;
use super::error::ServerError;
use super::head::Form;

/// The response to a call that succeeded.
pub(crate) fn respond(
    codec: Codec,
    compression: Option<Compression>,
    message: Bytes,
    headers: HeaderMap,
    trailers: &HeaderMap,
) -> http::Response<Bytes> {
    let body = match compression.map(|compression| compression.compress(&message)) {
        None => message,
        Some(Ok(compressed)) => compressed,
        Some(Err(_)) => {
            let error = ServerError::new(Code::Internal, "the response can't be compressed");
            return error.to_unary_response();
        }
    };
    let mut response = http::Response::new(body);
    *response.headers_mut() = headers;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, codec.content_type(Form::Unary));
    if let Some(compression) = compression {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, compression.header_value());
    }
    add_trailers(response.headers_mut(), trailers);
    response
}

/// Writes trailers as the headers of a unary response: with the prefix `trailer-`.
///
/// A name too long to take the prefix is left out: HTTP can't say it.
pub(crate) fn add_trailers(headers: &mut HeaderMap, trailers: &HeaderMap) {
    for (name, value) in trailers {
        if let Ok(name) = HeaderName::try_from(format!("trailer-{name}")) {
            headers.append(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::compression::decompress;
    use http::HeaderValue;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let value = HeaderValue::from_static(value);
        HeaderMap::from_iter([(HeaderName::from_static(name), value)])
    }

    #[test]
    fn responses_carry_headers_trailers_and_compression_as_told() {
        let message = Bytes::from_static(b"{}");
        let trailers = headers("x-t", "1");
        let plain = respond(
            Codec::Json,
            None,
            message.clone(),
            headers("x-h", "2"),
            &trailers,
        );
        assert_eq!(plain.body(), "{}");
        assert_eq!(plain.headers()["content-type"], "application/json");
        assert_eq!(plain.headers()["x-h"], "2");
        assert_eq!(plain.headers()["trailer-x-t"], "1");
        assert!(!plain.headers().contains_key("content-encoding"));
        let gzip = Some(Compression::Gzip);
        let packed = respond(Codec::Binary, gzip, message, HeaderMap::new(), &trailers);
        assert_eq!(packed.headers()["content-type"], "application/proto");
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        let body = packed.into_body();
        assert_eq!(decompress(gzip, body, 10).unwrap(), "{}");
    }
}
