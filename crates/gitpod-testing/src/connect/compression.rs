//! Compression: what is accepted, what is offered, and the limit that holds while it is undone.

use std::io::{self, Read, Write};

use bytes::Bytes;
use connect_hyper::Code;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use http::HeaderMap;

use super::error::ServerError;

/// A compression that the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

/// What the server decodes, in the form of `Accept-Encoding`.
pub(crate) const ACCEPTED: &str = "gzip";

impl Encoding {
    /// The compression that `Content-Encoding` names.
    ///
    /// # Errors
    ///
    /// `unimplemented` for one that the server doesn't know, as the protocol asks for, with the
    /// list of those it does.
    pub(crate) fn from_name(name: &str) -> Result<Self, ServerError> {
        match name.trim() {
            "" | "identity" => Ok(Encoding::Identity),
            "gzip" => Ok(Encoding::Gzip),
            _ => Err(ServerError::new(
                Code::Unimplemented,
                format!("unknown compression: supported are {ACCEPTED} and identity"),
            )
            .with_header(
                http::header::ACCEPT_ENCODING,
                http::HeaderValue::from_static(ACCEPTED),
            )),
        }
    }

    /// Undoes the compression of a whole body.
    ///
    /// # Errors
    ///
    /// `resource_exhausted` where more than `limit` bytes come out, found before they are held;
    /// `invalid_argument` where the body isn't what its encoding says.
    pub(crate) fn decompress(self, body: Bytes, limit: usize) -> Result<Bytes, ServerError> {
        // A zero-length body is never decompressed.
        if self == Encoding::Identity || body.is_empty() {
            return if body.len() > limit {
                Err(too_large(limit))
            } else {
                Ok(body)
            };
        }
        let mut message = Vec::new();
        let read = MultiGzDecoder::new(&body[..])
            .take(limit as u64 + 1)
            .read_to_end(&mut message);
        match read {
            Err(_) => Err(ServerError::new(
                Code::InvalidArgument,
                "the body isn't gzip, as its content encoding says",
            )),
            Ok(length) if length > limit => Err(too_large(limit)),
            Ok(_) => Ok(message.into()),
        }
    }

    /// Compresses a whole body.
    pub(crate) fn compress(self, body: Bytes) -> io::Result<Bytes> {
        match self {
            Encoding::Identity => Ok(body),
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&body)?;
                encoder.finish().map(Bytes::from)
            }
        }
    }
}

/// The answer to a request that is larger than what the server takes.
pub(crate) fn too_large(limit: usize) -> ServerError {
    ServerError::new(
        Code::ResourceExhausted,
        format!("the request is larger than {limit} bytes"),
    )
}

/// Whether the client takes gzip. A weight of zero (`gzip;q=0`) is a no.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(http::header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let gzip = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let refused = parts.any(|parameter| {
                parameter
                    .strip_prefix("q=")
                    .is_some_and(|weight| weight.parse() == Ok(0.0))
            });
            gzip && !refused
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn gzip_goes_both_ways_within_the_limit() {
        let body = Bytes::from(vec![b'x'; 1000]);
        let packed = Encoding::Gzip.compress(body.clone()).unwrap();
        assert!(packed.len() < 100);
        assert_eq!(
            Encoding::Gzip.decompress(packed.clone(), 1000).unwrap(),
            body
        );
        let error = Encoding::Gzip.decompress(packed, 999).unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert!(Encoding::Identity.decompress(body.clone(), 1000).is_ok());
        assert!(Encoding::Identity.decompress(body, 999).is_err());
    }

    #[test]
    fn what_is_not_gzip_is_refused_and_nothing_is_nothing() {
        let error = Encoding::Gzip
            .decompress(Bytes::from_static(b"{}"), 100)
            .unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(
            Encoding::Gzip
                .decompress(Bytes::new(), 100)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn encodings_by_name() {
        assert_eq!(Encoding::from_name("gzip").unwrap(), Encoding::Gzip);
        assert_eq!(Encoding::from_name("identity").unwrap(), Encoding::Identity);
        for unknown in ["br", "gzip, gzip", "GZIP2"] {
            let error = Encoding::from_name(unknown).unwrap_err();
            assert_eq!(error.code(), Code::Unimplemented);
            assert!(error.message().contains("gzip"));
        }
    }

    #[test]
    fn accept_encoding() {
        for (value, expected) in [
            ("gzip", true),
            ("br, gzip", true),
            ("GZip;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("identity", false),
            ("x-gzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(
                http::header::ACCEPT_ENCODING,
                HeaderValue::from_static(value),
            );
            assert_eq!(accepts_gzip(&headers), expected, "{value:?}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
