//! Envelopes, in which streams carry their messages: one flag byte, a big-endian length, the
//! message.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use connect_hyper::Code;

use super::compression::{Compression, decompress, too_large};
use super::error::ServerError;

/// The flag of a message that is compressed.
pub(crate) const COMPRESSED: u8 = 1;

/// The flag of the last envelope of a response, which holds JSON and no message.
pub(crate) const END_OF_STREAM: u8 = 2;

/// What stands before each message.
const HEAD: usize = 5;

/// Writes an envelope, which may say another length than its content has.
pub(crate) fn envelope(flags: u8, length: u32, content: &[u8]) -> Bytes {
    let mut envelope = BytesMut::with_capacity(HEAD + content.len());
    envelope.put_u8(flags);
    envelope.put_u32(length);
    envelope.extend_from_slice(content);
    envelope.freeze()
}

/// The length that an envelope of this content says. Nothing here comes near the largest.
pub(crate) fn length(content: &[u8]) -> u32 {
    u32::try_from(content.len()).unwrap_or(u32::MAX)
}

/// Takes messages out of the bytes of a request, as they come.
#[derive(Debug)]
pub(crate) struct Unpacker {
    buffer: BytesMut,
    compression: Option<Compression>,
    limit: usize,
}

impl Unpacker {
    /// No message may be larger than `limit` bytes, compressed or not.
    pub(crate) fn new(compression: Option<Compression>, limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            compression,
            limit,
        }
    }

    pub(crate) fn compressed(&mut self, compression: Option<Compression>) {
        self.compression = compression;
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, decompressed; none where more bytes are needed.
    ///
    /// # Errors
    ///
    /// `resource_exhausted` for a message over the limit, by its envelope's word or after it is
    /// decompressed; `internal` for a compressed one where no compression was named;
    /// `invalid_argument` for flags that the protocol doesn't know in requests, and for a message
    /// that isn't compressed as it says.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, ServerError> {
        let Some((mut head, _)) = self.buffer.split_at_checked(HEAD) else {
            return Ok(None);
        };
        let flags = head.get_u8();
        let length = head.get_u32() as usize;
        if flags & !COMPRESSED != 0 {
            return Err(ServerError::new(
                Code::InvalidArgument,
                format!("a request's envelope has the flags {flags:#04x}"),
            ));
        }
        let compressed = flags & COMPRESSED != 0;
        if compressed && self.compression.is_none() {
            return Err(ServerError::new(
                Code::Internal,
                "a message is compressed, and connect-content-encoding names no compression",
            ));
        }
        if length > self.limit {
            return Err(too_large(self.limit));
        }
        if self.buffer.len() - HEAD < length {
            return Ok(None);
        }
        self.buffer.advance(HEAD);
        let message = self.buffer.split_to(length).freeze();
        let compression = self.compression.filter(|_| compressed);
        decompress(compression, message, self.limit).map(Some)
    }

    /// Says that no more bytes will come.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where an envelope has begun.
    pub(crate) fn finish(&self) -> Result<(), ServerError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        Err(ServerError::new(
            Code::InvalidArgument,
            "the request ends within an envelope",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(flags: u8, content: &[u8]) -> Bytes {
        envelope(flags, length(content), content)
    }

    /// What comes out of bytes that come one at a time.
    fn unpack(
        compression: Option<Compression>,
        limit: usize,
        bytes: &[u8],
    ) -> Result<Vec<Bytes>, Code> {
        let mut unpacker = Unpacker::new(compression, limit);
        let mut messages = Vec::new();
        for byte in bytes {
            unpacker.push(&[*byte]);
            while let Some(message) = unpacker.next().map_err(|error| error.code())? {
                messages.push(message);
            }
        }
        unpacker.finish().map_err(|error| error.code())?;
        Ok(messages)
    }

    #[test]
    fn messages_come_out_as_they_went_in() {
        let gzip = Compression::Gzip;
        let bytes = [
            pack(0, b"first"),
            pack(0, b""),
            pack(COMPRESSED, &gzip.compress(b"third").unwrap()),
            pack(COMPRESSED, b""),
        ]
        .concat();
        let messages = unpack(Some(gzip), 100, &bytes).unwrap();
        assert_eq!(messages, ["first", "", "third", ""]);
        assert!(unpack(None, 100, b"").unwrap().is_empty());
    }

    #[test]
    fn the_limit_is_met_before_the_message_is_there() {
        assert!(unpack(None, 5, &pack(0, b"12345")).is_ok());
        for length in [6, u32::MAX] {
            let outcome = unpack(None, 5, &envelope(0, length, b""));
            assert_eq!(outcome, Err(Code::ResourceExhausted));
        }
        let bomb = Compression::Gzip.compress(&[0; 10_000]).unwrap();
        let outcome = unpack(Some(Compression::Gzip), 9_999, &pack(COMPRESSED, &bomb));
        assert_eq!(outcome, Err(Code::ResourceExhausted));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for (bytes, code) in [
            (pack(END_OF_STREAM, b"{}"), Code::InvalidArgument),
            (pack(0x80, b""), Code::InvalidArgument),
            (pack(COMPRESSED, b"x"), Code::Internal),
            (Bytes::from_static(b"\0\0"), Code::InvalidArgument),
            (envelope(0, 3, b"ab"), Code::InvalidArgument),
        ] {
            assert_eq!(unpack(None, 100, &bytes), Err(code), "{bytes:?}");
        }
        let outcome = unpack(Some(Compression::Gzip), 100, &pack(COMPRESSED, b"plain"));
        assert_eq!(outcome, Err(Code::InvalidArgument));
    }
}
