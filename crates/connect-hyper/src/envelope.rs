//! Envelopes: one flag byte, the length as a big-endian u32, and the message.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::Code;
use crate::compression::{self, Outgoing};
use crate::error::Error;

/// The message is compressed.
pub(crate) const COMPRESSED: u8 = 0b01;
/// The message is the end of the stream, in JSON.
pub(crate) const END_STREAM: u8 = 0b10;

const HEADER: usize = 5;

/// Writes a message behind its header.
///
/// # Errors
///
/// When it is longer than the header can say: 4 GiB.
fn encode(flags: u8, message: &[u8]) -> Result<Bytes, Error> {
    let Ok(length) = u32::try_from(message.len()) else {
        return Err(Error::new(
            Code::ResourceExhausted,
            "a message of a stream has 4 GiB or more",
        ));
    };
    let mut envelope = BytesMut::with_capacity(HEADER + message.len());
    envelope.put_u8(flags);
    envelope.put_u32(length);
    envelope.put_slice(message);
    Ok(envelope.freeze())
}

/// An envelope with a message of the client's, compressed if that is set and it is long enough.
pub(crate) fn request(message: Bytes, outgoing: Option<Outgoing>) -> Result<Bytes, Error> {
    let (message, is_compressed) = match outgoing {
        Some(outgoing) => outgoing.apply(message)?,
        None => (message, false),
    };
    encode(if is_compressed { COMPRESSED } else { 0 }, &message)
}

/// Cuts what arrives of a body into envelopes.
///
/// An envelope that lies in one chunk is handed out as a part of it, without a copy. One that
/// doesn't is put together, and no more than that one is ever held.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// What has arrived and wasn't looked at.
    chunk: Bytes,
    /// The beginning of an envelope that isn't whole.
    partial: BytesMut,
    /// How long a message may be, compressed or not.
    limit: usize,
}

/// The header of an envelope, checked.
#[derive(Debug, Clone, Copy)]
struct Header {
    flags: u8,
    /// Of header and message together.
    whole: usize,
}

impl Decoder {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            chunk: Bytes::new(),
            partial: BytesMut::new(),
            limit,
        }
    }

    /// Takes the next bytes of the body, once [`next`](Self::next) has said that it needs them.
    pub(crate) fn push(&mut self, data: Bytes) {
        debug_assert!(self.chunk.is_empty());
        self.chunk = data;
    }

    /// Whether the body may end here: no envelope is begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.chunk.is_empty() && self.partial.is_empty()
    }

    /// The next envelope's flags and message. `None`: it hasn't arrived.
    ///
    /// # Errors
    ///
    /// A header that is wrong, as soon as it is there: before a byte of the message is kept.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, Bytes)>, Error> {
        if self.partial.is_empty() {
            if let Some(header) = self.header(&self.chunk)? {
                if self.chunk.len() >= header.whole {
                    let mut envelope = self.chunk.split_to(header.whole);
                    let message = envelope.split_off(HEADER);
                    return Ok(Some((header.flags, message)));
                }
                self.partial.reserve(header.whole.min(2 * self.chunk.len()));
            }
            self.partial.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new();
            return Ok(None);
        }
        self.fill(HEADER);
        let Some(header) = self.header(&self.partial)? else {
            return Ok(None);
        };
        self.fill(header.whole);
        if self.partial.len() < header.whole {
            return Ok(None);
        }
        let message = std::mem::take(&mut self.partial).freeze().split_off(HEADER);
        Ok(Some((header.flags, message)))
    }

    /// Moves as much from the chunk as the envelope lacks.
    fn fill(&mut self, length: usize) {
        let missing = length.saturating_sub(self.partial.len());
        let part = self.chunk.split_to(missing.min(self.chunk.len()));
        self.partial.extend_from_slice(&part);
    }

    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, Error> {
        let Some(&[flags, a, b, c, d]) = bytes.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        // Checklist 18.
        if flags & !(COMPRESSED | END_STREAM) != 0 {
            return Err(Error::new(
                Code::Internal,
                format!("a message of the stream has unknown flags: {flags:#010b}"),
            ));
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.limit {
            return Err(compression::too_large(self.limit));
        }
        Ok(Some(Header {
            flags,
            whole: HEADER + length,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(decoder: &mut Decoder, found: &mut Vec<(u8, Bytes)>) {
        while let Some(envelope) = decoder.next().unwrap() {
            found.push(envelope);
        }
    }

    /// However the bytes are cut, the envelopes are the same.
    #[test]
    fn any_cut() {
        let messages: [&[u8]; 5] = [b"", b"a", &[7; 300], b"", b"end"];
        let mut bytes = Vec::new();
        for (flags, message) in messages.iter().enumerate() {
            bytes.extend(encode(flags as u8 & 3, message).unwrap());
        }
        let bytes = Bytes::from(bytes);
        for size in 1..=bytes.len() {
            let mut decoder = Decoder::new(300);
            let mut found = Vec::new();
            all(&mut decoder, &mut found);
            for start in (0..bytes.len()).step_by(size) {
                decoder.push(bytes.slice(start..bytes.len().min(start + size)));
                all(&mut decoder, &mut found);
            }
            assert!(decoder.is_empty());
            assert_eq!(found.len(), messages.len());
            for (index, (flags, message)) in found.iter().enumerate() {
                assert_eq!(*flags, index as u8 & 3);
                assert_eq!(message, messages[index]);
            }
        }
    }

    #[test]
    fn one_chunk_is_not_copied() {
        let bytes = encode(0, b"message").unwrap();
        let mut decoder = Decoder::new(100);
        decoder.push(bytes.clone());
        let (_, message) = decoder.next().unwrap().unwrap();
        assert_eq!(message.as_ptr(), bytes[HEADER..].as_ptr());
    }

    /// Checklist 26: the length alone is enough to refuse.
    #[test]
    fn lengths() {
        for (length, fits) in [(0, true), (100, true), (101, false), (u32::MAX, false)] {
            let mut header = vec![0];
            header.extend(length.to_be_bytes());
            let mut decoder = Decoder::new(100);
            decoder.push(header.into());
            match decoder.next() {
                Ok(_) => assert!(fits, "{length}"),
                Err(error) => {
                    assert!(!fits, "{length}");
                    assert_eq!(error.code(), Code::ResourceExhausted);
                }
            }
        }
    }

    /// Checklist 18.
    #[test]
    fn reserved_flags() {
        for flags in 4..=255_u8 {
            for cut in [1, 5] {
                let bytes = Bytes::from(vec![flags, 0, 0, 0, 0]);
                let mut decoder = Decoder::new(100);
                decoder.push(bytes.slice(..cut));
                let first = decoder.next();
                let error = match first {
                    Ok(_) => {
                        decoder.push(bytes.slice(cut..));
                        decoder.next().unwrap_err()
                    }
                    Err(error) => error,
                };
                assert_eq!(error.code(), Code::Internal, "{flags}");
            }
        }
    }
}
