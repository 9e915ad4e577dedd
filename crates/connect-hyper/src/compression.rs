//! Compression of messages, in both directions. Each algorithm is behind the feature of its name.

use std::fmt;
use std::io::{self, Read};

use bytes::Bytes;
use http::HeaderValue;

use crate::Code;
use crate::error::Error;

/// An algorithm that messages are compressed with. Each variant is there with its cargo feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// gzip (RFC 1952), feature `gzip`.
    #[cfg(feature = "gzip")]
    Gzip,
    /// Brotli (RFC 7932), feature `br`. A window of more than 16 MiB, which is no part of that RFC,
    /// is refused.
    #[cfg(feature = "br")]
    Brotli,
    /// Zstandard (RFC 8878), feature `zstd`. A window of more than 8 MiB is refused, as RFC 9659
    /// has it for HTTP.
    #[cfg(feature = "zstd")]
    Zstd,
}

/// What zstd's window may take, as a power of two: 8 MiB.
#[cfg(feature = "zstd")]
const ZSTD_WINDOW_LOG: u32 = 23;

/// Brotli at a quality that is about as fast as gzip; the best one is a hundred times slower.
#[cfg(feature = "br")]
const BROTLI_QUALITY: i32 = 5;

impl Compression {
    /// All that this build has, the most preferred first: what decodes fast and is small.
    const ALL: &[Self] = &[
        #[cfg(feature = "zstd")]
        Self::Zstd,
        #[cfg(feature = "br")]
        Self::Brotli,
        #[cfg(feature = "gzip")]
        Self::Gzip,
    ];

    /// The name in HTTP's headers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "br")]
            Self::Brotli => "br",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    /// Compresses a message of the client's own.
    pub(crate) fn compress(self, message: &[u8]) -> Result<Bytes, Error> {
        self.try_compress(message)
            .map(Bytes::from)
            .map_err(|error| {
                Error::new(Code::Internal, "the request can't be compressed").with_source(error)
            })
    }

    #[cfg_attr(
        not(any(feature = "gzip", feature = "br", feature = "zstd")),
        expect(unused_variables, reason = "nothing to compress with")
    )]
    fn try_compress(self, message: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => {
                let mut out = Vec::new();
                flate2::bufread::GzEncoder::new(message, flate2::Compression::default())
                    .read_to_end(&mut out)?;
                Ok(out)
            }
            #[cfg(feature = "br")]
            Self::Brotli => {
                let mut out = Vec::new();
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    size_hint: message.len(),
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*message, &mut out, &parameters)?;
                Ok(out)
            }
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::bulk::compress(message, zstd::DEFAULT_COMPRESSION_LEVEL),
        }
    }

    /// A reader of what `body` was before. It takes no more memory than a window, and every
    /// byte of the body belongs to what it reads: one that is missing, or one too many, is an error.
    #[cfg_attr(
        not(any(feature = "gzip", feature = "br", feature = "zstd")),
        expect(unused_variables, reason = "nothing to decompress with")
    )]
    fn reader<'a>(self, body: &'a [u8]) -> io::Result<Box<dyn Read + 'a>> {
        match self {
            // A gzip file may have several members, and all of them count.
            #[cfg(feature = "gzip")]
            Self::Gzip => Ok(Box::new(flate2::bufread::MultiGzDecoder::new(body))),
            #[cfg(feature = "br")]
            Self::Brotli => Ok(Box::new(crate::unbrotli::Unbrotli::new(body))),
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Ok(Box::new(decoder))
            }
        }
    }
}

/// When requests are compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing {
    pub(crate) compression: Compression,
    /// At how many bytes of a message, and more.
    pub(crate) min_bytes: usize,
}

impl Outgoing {
    /// The message, compressed if it is long enough; and whether it is.
    pub(crate) fn apply(self, message: Bytes) -> Result<(Bytes, bool), Error> {
        if message.len() < self.min_bytes {
            return Ok((message, false));
        }
        Ok((self.compression.compress(&message)?, true))
    }
}

/// The algorithms that a server may use, the most preferred first.
#[derive(Clone, Copy)]
pub(crate) struct Accepted([Option<Compression>; 3]);

impl Default for Accepted {
    fn default() -> Self {
        Compression::ALL.iter().copied().collect()
    }
}

impl FromIterator<Compression> for Accepted {
    /// One that comes again is left out.
    fn from_iter<I: IntoIterator<Item = Compression>>(compressions: I) -> Self {
        let mut accepted = Self([None; 3]);
        for compression in compressions {
            if !accepted.iter().any(|known| known == compression)
                && let Some(free) = accepted.0.iter_mut().find(|place| place.is_none())
            {
                *free = Some(compression);
            }
        }
        accepted
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Accepted {
    fn iter(&self) -> impl Iterator<Item = Compression> {
        self.0.iter().flatten().copied()
    }

    /// The value of `accept-encoding`: what may come, and nothing else (checklist 4).
    pub(crate) fn header(&self) -> HeaderValue {
        let mut names = self.iter().map(Compression::name);
        match (names.next(), names.next()) {
            (None, _) => HeaderValue::from_static("identity"),
            (Some(only), None) => HeaderValue::from_static(only),
            (Some(first), Some(second)) => {
                let list = names.fold(format!("{first}, {second}"), |list, name| {
                    list + ", " + name
                });
                // Names are letters.
                HeaderValue::try_from(list).unwrap_or(HeaderValue::from_static(first))
            }
        }
    }

    /// Whether a response may have this encoding (checklist 10).
    pub(crate) fn allows(&self, encoding: &[u8]) -> bool {
        encoding == b"identity" || self.find(encoding).is_some()
    }

    fn find(&self, encoding: &[u8]) -> Option<Compression> {
        self.iter()
            .find(|compression| compression.name().as_bytes() == encoding)
    }

    /// Undoes `encoding`. No more than `limit` bytes are ever produced, so that a small bomb never
    /// grows large.
    pub(crate) fn decompress(
        &self,
        encoding: &[u8],
        body: Bytes,
        limit: usize,
    ) -> Result<Bytes, Error> {
        if encoding == b"identity" {
            return Ok(body);
        }
        // Checklist 10.
        let Some(compression) = self.find(encoding) else {
            return Err(Error::new(
                Code::Internal,
                "the response has a content-encoding that was not offered",
            ));
        };
        // Checklist 11: a body of no bytes is never decompressed.
        if body.is_empty() {
            return Ok(body);
        }
        let mut out = Vec::with_capacity(limit.min(body.len().saturating_mul(4)));
        let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        compression
            .reader(&body)
            .and_then(|reader| reader.take(bound).read_to_end(&mut out))
            .map_err(|error| {
                let name = compression.name();
                Error::new(Code::Internal, format!("the response is not valid {name}"))
                    .with_source(error)
            })?;
        if out.len() > limit {
            return Err(too_large(limit));
        }
        Ok(out.into())
    }
}

/// Checklist 26.
pub(crate) fn too_large(limit: usize) -> Error {
    Error::new(
        Code::ResourceExhausted,
        format!("the response is larger than the limit of {limit} bytes"),
    )
}

#[cfg(all(test, any(feature = "gzip", feature = "br", feature = "zstd")))]
mod tests {
    use super::*;

    /// Every algorithm of this build, by its name.
    fn each(check: impl Fn(Compression, &'static [u8])) {
        for &compression in Compression::ALL {
            check(compression, compression.name().as_bytes());
        }
    }

    fn undo(name: &[u8], body: Bytes, limit: usize) -> Result<Bytes, Error> {
        Accepted::default().decompress(name, body, limit)
    }

    #[test]
    fn there_and_back() {
        each(|compression, name| {
            for message in [vec![], b"{}".to_vec(), vec![7; 100_000], noise(300_000)] {
                let packed = compression.compress(&message).unwrap();
                assert!(message.len() < 1000 || packed.len() < message.len() + 1000);
                let found = undo(name, packed, message.len()).unwrap();
                assert!(found == message, "{compression:?}, {} bytes", message.len());
            }
        });
    }

    /// Bytes that no algorithm makes smaller.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .take(length)
        .collect()
    }

    /// Checklist 26.
    #[test]
    fn the_bound_holds_during_decompression() {
        each(|compression, name| {
            let bomb = compression.compress(&vec![0; 10_000_000]).unwrap();
            assert!(bomb.len() < 20_000, "{compression:?}");
            let error = undo(name, bomb.clone(), 1000).unwrap_err();
            assert_eq!(error.code(), Code::ResourceExhausted, "{compression:?}");
            assert_eq!(undo(name, bomb, 10_000_000).unwrap().len(), 10_000_000);
        });
    }

    #[test]
    fn exactly_the_limit_is_fine() {
        each(|compression, name| {
            let body = compression.compress(b"12345").unwrap();
            assert_eq!(undo(name, body.clone(), 5).unwrap(), "12345");
            assert!(undo(name, body, 4).is_err());
        });
    }

    #[test]
    fn cut_long_or_foreign_data_is_an_error() {
        each(|compression, name| {
            let body = compression.compress(&noise(500)).unwrap();
            let refused = |body: Bytes, what: &str| {
                let error = undo(name, body, 1 << 20).unwrap_err();
                assert_eq!(error.code(), Code::Internal, "{compression:?} {what}");
            };
            for end in 1..body.len() {
                refused(body.slice(..end), &format!("cut at {end}"));
            }
            for more in [&b"x"[..], b"\0\0\0\0\0\0\0\0", b"{\"code\":\"aborted\"}"] {
                refused([&body, more].concat().into(), "longer");
            }
            refused(Bytes::from_static(b"<!DOCTYPE html><html>"), "HTML");
        });
    }

    /// What a decoder may be made to keep is bounded too, whatever the limit of the response is.
    #[test]
    fn large_windows_are_refused() {
        // A frame without a content size, a window of 16 MiB, and one empty block.
        #[cfg(feature = "zstd")]
        for (window, fits) in [(13 << 3, true), (14 << 3, false), (21 << 3, false)] {
            let frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window, 1, 0, 0];
            assert_eq!(
                undo(b"zstd", frame.into(), 1 << 30).is_ok(),
                fits,
                "{window}"
            );
        }
        // A large window is said by a bit pattern that RFC 7932 has no meaning for.
        #[cfg(feature = "br")]
        {
            let mut large = Vec::new();
            let parameters = brotli::enc::BrotliEncoderParams {
                large_window: true,
                lgwin: 28,
                ..Default::default()
            };
            brotli::BrotliCompress(&mut &noise(100)[..], &mut large, &parameters).unwrap();
            assert!(undo(b"br", large.into(), 1 << 30).is_err());
        }
    }

    /// Checklist 10 and 11.
    #[test]
    fn encodings() {
        each(|_, name| assert!(undo(name, Bytes::new(), 10).unwrap().is_empty()));
        for unknown in [&b"deflate"[..], b"GZIP", b"gzip, gzip", b"", b"\xff"] {
            let error = undo(unknown, Bytes::new(), 10).unwrap_err();
            assert_eq!(error.code(), Code::Internal, "{unknown:?}");
        }
        let none = Accepted::from_iter([]);
        each(|compression, name| {
            assert!(!none.allows(name));
            let body = compression.compress(b"x").unwrap();
            assert_eq!(
                none.decompress(name, body, 9).unwrap_err().code(),
                Code::Internal
            );
        });
        assert_eq!(none.decompress(b"identity", "x".into(), 9).unwrap(), "x");
    }

    /// Checklist 4: in order of preference, each once, and no weights.
    #[test]
    fn what_is_offered() {
        let header = |list: &[Compression]| Accepted::from_iter(list.iter().copied()).header();
        assert_eq!(header(&[]), "identity");
        each(|compression, name| assert_eq!(header(&[compression, compression]).as_bytes(), name));
        let all: Vec<_> = Compression::ALL.iter().map(|c| c.name()).collect();
        if !all.is_empty() {
            assert_eq!(Accepted::default().header(), all.join(", "));
            let reversed: Vec<_> = Compression::ALL.iter().rev().copied().collect();
            let names: Vec<_> = reversed.iter().map(|c| c.name()).collect();
            assert_eq!(header(&reversed), names.join(", "));
        }
    }

    #[test]
    fn messages_that_are_long_enough() {
        each(|compression, name| {
            let outgoing = |min_bytes| Outgoing {
                compression,
                min_bytes,
            };
            let message = Bytes::from_static(b"12345");
            assert_eq!(
                outgoing(6).apply(message.clone()).unwrap(),
                (message.clone(), false)
            );
            let (packed, is_compressed) = outgoing(5).apply(message.clone()).unwrap();
            assert!(is_compressed);
            assert_eq!(undo(name, packed, 5).unwrap(), message);
            // At 0 the empty message too, as in other implementations.
            assert!(outgoing(0).apply(Bytes::new()).unwrap().1);
        });
    }
}
