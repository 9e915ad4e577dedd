//! Compression: what is accepted, what is offered, and the limit that holds while it is undone.

use std::io::{self, Read, Write};

use bytes::Bytes;
use connect_hyper::Code;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::ServerError;

/// A compression of messages. The server takes all of them from every client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// `gzip`.
    Gzip,
    /// `br`, Brotli. With the cargo feature `br`.
    #[cfg(feature = "br")]
    Brotli,
    /// `zstd`, Zstandard. With the cargo feature `zstd`.
    #[cfg(feature = "zstd")]
    Zstd,
}

/// How large a window a Zstandard frame may ask for, as a power of two: 8 MiB, as RFC 9659 says.
#[cfg(feature = "zstd")]
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

impl Compression {
    const ALL: &[Self] = &[
        Compression::Gzip,
        #[cfg(feature = "br")]
        Compression::Brotli,
        #[cfg(feature = "zstd")]
        Compression::Zstd,
    ];

    /// The name that HTTP knows it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            #[cfg(feature = "br")]
            Compression::Brotli => "br",
            #[cfg(feature = "zstd")]
            Compression::Zstd => "zstd",
        }
    }

    pub(crate) const fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(self.as_str())
    }

    fn known(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|compression| compression.as_str() == name)
    }

    /// The compression that a header names; none for no name and for `identity`.
    ///
    /// # Errors
    ///
    /// `unimplemented` for one that the server doesn't know, as the protocol asks for, with the
    /// list of those it does in the header `accept`.
    pub(crate) fn from_name(name: &str, accept: HeaderName) -> Result<Option<Self>, ServerError> {
        let name = name.trim();
        if name.is_empty() || name == "identity" {
            return Ok(None);
        }
        if let Some(known) = Self::known(name) {
            return Ok(Some(known));
        }
        let all: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
        let error = ServerError::new(
            Code::Unimplemented,
            format!(
                "unknown compression: supported are identity, {}",
                all.join(", ")
            ),
        );
        Err(match HeaderValue::try_from(all.join(", ")) {
            Ok(all) => error.with_header(accept, all),
            Err(_) => error,
        })
    }

    /// Compresses a message.
    pub(crate) fn compress(self, message: &[u8]) -> io::Result<Bytes> {
        match self {
            Compression::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(message)?;
                encoder.finish().map(Bytes::from)
            }
            #[cfg(feature = "br")]
            Compression::Brotli => {
                // Quality 4 and a window of 4 MiB: what servers use for answers made on the fly.
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 22);
                encoder.write_all(message)?;
                encoder.flush()?;
                Ok(encoder.into_inner().into())
            }
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                zstd::encode_all(message, zstd::DEFAULT_COMPRESSION_LEVEL).map(Bytes::from)
            }
        }
    }

    /// Undoes the compression, up to one byte more than `limit`.
    fn decompress(self, body: &[u8], limit: usize) -> io::Result<Vec<u8>> {
        let mut message = Vec::new();
        let most = limit as u64 + 1;
        match self {
            Compression::Gzip => {
                flate2::read::MultiGzDecoder::new(body)
                    .take(most)
                    .read_to_end(&mut message)?;
            }
            #[cfg(feature = "br")]
            Compression::Brotli => {
                brotli::Decompressor::new(body, 4096)
                    .take(most)
                    .read_to_end(&mut message)?;
            }
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(body)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                decoder.take(most).read_to_end(&mut message)?;
            }
        }
        Ok(message)
    }
}

/// Undoes the compression of a message that is held whole; none leaves it as it is.
///
/// # Errors
///
/// `resource_exhausted` where more than `limit` bytes come out, found before they are held;
/// `invalid_argument` where the message isn't what its encoding says.
pub(crate) fn decompress(
    compression: Option<Compression>,
    body: Bytes,
    limit: usize,
) -> Result<Bytes, ServerError> {
    let message = match compression {
        // A zero-length body is never decompressed.
        Some(compression) if !body.is_empty() => {
            let message = compression.decompress(&body, limit).map_err(|_| {
                ServerError::new(
                    Code::InvalidArgument,
                    format!(
                        "the message isn't {}, as is said of it",
                        compression.as_str()
                    ),
                )
            })?;
            Bytes::from(message)
        }
        _ => body,
    };
    if message.len() > limit {
        return Err(too_large(limit));
    }
    Ok(message)
}

/// The answer to a message that is larger than what the server takes.
pub(crate) fn too_large(limit: usize) -> ServerError {
    ServerError::new(
        Code::ResourceExhausted,
        format!("the request is larger than {limit} bytes"),
    )
}

/// The compressions that the client takes, of those that the server knows, as the header `name`
/// lists them: those it prefers first.
///
/// A list of this protocol has no weights. What does send some (a browser, a proxy) is
/// understood: the higher weight goes first, and a weight of zero is a no.
pub(crate) fn accepted(headers: &HeaderMap, name: &HeaderName) -> Vec<Compression> {
    let mut accepted: Vec<(Compression, f32)> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let compression = Compression::known(&parts.next()?.to_ascii_lowercase())?;
            let weight = parts
                .find_map(|parameter| parameter.strip_prefix("q="))
                .map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            (weight > 0.0).then_some((compression, weight))
        })
        .collect();
    accepted.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    accepted
        .into_iter()
        .map(|(compression, _)| compression)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::ACCEPT_ENCODING;

    #[test]
    fn every_compression_goes_both_ways_within_the_limit() {
        let body = Bytes::from(vec![b'x'; 1000]);
        for &compression in Compression::ALL {
            let packed = compression.compress(&body).unwrap();
            assert!(packed.len() < 100, "{compression:?}");
            let out = decompress(Some(compression), packed.clone(), 1000);
            assert_eq!(out.unwrap(), body);
            let error = decompress(Some(compression), packed, 999).unwrap_err();
            assert_eq!(error.code(), Code::ResourceExhausted);
        }
        assert!(decompress(None, body.clone(), 1000).is_ok());
        let error = decompress(None, body, 999).unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
    }

    #[test]
    fn what_is_not_compressed_is_refused_and_nothing_is_nothing() {
        for &compression in Compression::ALL {
            let packed = compression.compress(&[b'x'; 1000]).unwrap();
            for wrong in [
                Bytes::from_static(b"{\"a\":1}"),
                packed.slice(..packed.len() - 1),
            ] {
                let error = decompress(Some(compression), wrong, 2000).unwrap_err();
                assert_eq!(error.code(), Code::InvalidArgument, "{compression:?}");
            }
            let nothing = decompress(Some(compression), Bytes::new(), 0).unwrap();
            assert!(nothing.is_empty());
        }
    }

    #[test]
    fn a_bomb_does_not_grow() {
        let zeros = vec![0; 2 << 20];
        for &compression in Compression::ALL {
            let bomb = compression.compress(&zeros).unwrap();
            let grown = compression.decompress(&bomb, 1000).unwrap();
            assert_eq!(grown.len(), 1001, "{compression:?}");
        }
    }

    #[test]
    fn compressions_by_name() {
        for &compression in Compression::ALL {
            let found = Compression::from_name(compression.as_str(), ACCEPT_ENCODING);
            assert_eq!(found.unwrap(), Some(compression));
        }
        for none in ["", "identity"] {
            assert_eq!(Compression::from_name(none, ACCEPT_ENCODING).unwrap(), None);
        }
        for unknown in ["deflate", "gzip, gzip", "GZIP2"] {
            let error = Compression::from_name(unknown, ACCEPT_ENCODING).unwrap_err();
            assert_eq!(error.code(), Code::Unimplemented);
            let response = error.to_unary_response();
            let list = response.headers()[ACCEPT_ENCODING].to_str().unwrap();
            for known in Compression::ALL {
                assert!(
                    list.split(", ").any(|name| name == known.as_str()),
                    "{list}"
                );
                assert!(error.message().contains(known.as_str()));
            }
        }
    }

    #[test]
    fn what_a_client_accepts() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
            }
            accepted(&headers, &ACCEPT_ENCODING)
        };
        for yes in ["gzip", "deflate, gzip", "GZip;q=0.5"] {
            assert_eq!(read(&[yes]), [Compression::Gzip], "{yes}");
        }
        for no in [
            "",
            "gzip;q=0",
            "gzip; q=0.000",
            "gzip;q=much",
            "identity",
            "x-gzip",
        ] {
            assert_eq!(read(&[no]), [], "{no}");
        }
        assert_eq!(read(&[]), []);
    }

    #[cfg(all(feature = "br", feature = "zstd"))]
    #[test]
    fn the_client_says_the_order() {
        use Compression::{Brotli, Gzip, Zstd};
        let read = |value| {
            let mut headers = HeaderMap::new();
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepted(&headers, &ACCEPT_ENCODING)
        };
        assert_eq!(read("zstd, br, gzip"), [Zstd, Brotli, Gzip]);
        assert_eq!(read("gzip, br"), [Gzip, Brotli]);
        assert_eq!(read("gzip;q=0.5, br;q=0, zstd"), [Zstd, Gzip]);
    }
}
