//! Compression of bodies. One algorithm for now: gzip, behind the feature of that name.

use bytes::Bytes;
use http::HeaderValue;

use crate::Code;
use crate::error::Error;

/// The value of `accept-encoding`: what can be decoded here, and nothing else.
pub(crate) const fn accept_encoding() -> HeaderValue {
    if cfg!(feature = "gzip") {
        HeaderValue::from_static("gzip")
    } else {
        HeaderValue::from_static("identity")
    }
}

/// Undoes `encoding`. No more than `limit` bytes are ever produced, so that a small bomb never
/// grows large.
pub(crate) fn decompress(encoding: &[u8], body: Bytes, limit: usize) -> Result<Bytes, Error> {
    // Checklist 11: a body of no bytes is never decompressed.
    if encoding == b"identity" || (is_supported(encoding) && body.is_empty()) {
        return Ok(body);
    }
    if !is_supported(encoding) {
        return Err(Error::new(
            Code::Internal,
            "the response has a content-encoding that was not offered",
        ));
    }
    gunzip(&body, limit)
}

/// Whether a response may have this encoding.
pub(crate) fn is_known(encoding: &[u8]) -> bool {
    encoding == b"identity" || is_supported(encoding)
}

fn is_supported(encoding: &[u8]) -> bool {
    cfg!(feature = "gzip") && encoding == b"gzip"
}

#[cfg(feature = "gzip")]
fn gunzip(body: &[u8], limit: usize) -> Result<Bytes, Error> {
    use std::io::Read as _;

    let mut out = Vec::with_capacity(limit.min(body.len().saturating_mul(4)));
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    // A gzip file may have several members, and all of them count.
    flate2::read::MultiGzDecoder::new(body)
        .take(bound)
        .read_to_end(&mut out)
        .map_err(|error| {
            Error::new(Code::Internal, "the response is not valid gzip").with_source(error)
        })?;
    if out.len() > limit {
        return Err(too_large(limit));
    }
    Ok(out.into())
}

#[cfg(not(feature = "gzip"))]
fn gunzip(_body: &[u8], _limit: usize) -> Result<Bytes, Error> {
    Err(Error::new(Code::Internal, "this build has no gzip"))
}

/// Checklist 26.
pub(crate) fn too_large(limit: usize) -> Error {
    Error::new(
        Code::ResourceExhausted,
        format!("the response is larger than the limit of {limit} bytes"),
    )
}

#[cfg(feature = "gzip")]
#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(data: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn bound_holds_during_decompression() {
        let bomb = gzip(&vec![0; 10_000_000]);
        let error = decompress(b"gzip", bomb.clone(), 1000).unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert_eq!(
            decompress(b"gzip", bomb, 10_000_000).unwrap().len(),
            10_000_000
        );
    }

    #[test]
    fn exactly_the_limit_is_fine() {
        let body = gzip(b"12345");
        assert_eq!(decompress(b"gzip", body.clone(), 5).unwrap(), "12345");
        assert!(decompress(b"gzip", body, 4).is_err());
    }

    #[test]
    fn cut_or_foreign_data_is_an_error() {
        let body = gzip(&[7; 1000]);
        for end in 1..body.len() {
            let error = decompress(b"gzip", body.slice(..end), 1 << 20).unwrap_err();
            assert_eq!(error.code(), Code::Internal, "cut at {end}");
        }
        assert!(decompress(b"gzip", Bytes::from_static(b"<html>"), 1 << 20).is_err());
    }

    /// Checklist 10 and 11.
    #[test]
    fn encodings() {
        let empty = decompress(b"gzip", Bytes::new(), 10).unwrap();
        assert!(empty.is_empty());
        for unknown in [&b"br"[..], b"GZIP", b"gzip, gzip", b"", b"\xff"] {
            let error = decompress(unknown, Bytes::new(), 10).unwrap_err();
            assert_eq!(error.code(), Code::Internal, "{unknown:?}");
        }
    }
}
