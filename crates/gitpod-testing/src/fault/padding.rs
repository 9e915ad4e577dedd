//! Large bodies that are still right, and small ones that grow large.

use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::connect::codec::Codec;

/// How much is compressed at once; a bomb repeats the result.
const CHUNK: usize = 1 << 20;

const LAST_FIELD: u32 = 536_870_911;
const LENGTH_DELIMITED: u64 = 2;

/// What stands before the padding of a message, and the byte that it consists of.
struct Padding {
    before: Vec<u8>,
    byte: u8,
}

/// Padding that a reader of the codec has to take in and that means nothing.
fn padding(codec: Codec, length: u64) -> Padding {
    match codec {
        Codec::Json => Padding {
            before: Vec::new(),
            byte: b' ',
        },
        Codec::Binary => {
            // A field of bytes, with the highest number that protobuf has: in nobody's message.
            // Both numbers in as many bytes as a number can have, so that what stands before the
            // padding is as long whatever its length.
            let tag = varint(u64::from(LAST_FIELD) << 3 | LENGTH_DELIMITED);
            let before = [tag, varint(length)].concat();
            Padding { before, byte: 0 }
        }
    }
}

/// Protobuf's variable-length integer: seven bits a byte, the lowest first. At its longest.
fn varint(mut value: u64) -> [u8; 10] {
    let mut bytes = [0x80; 10];
    for byte in &mut bytes {
        *byte |= (value & 0x7f) as u8;
        value >>= 7;
    }
    bytes[9] &= 0x7f;
    bytes
}

/// The message behind `length` bytes of padding.
pub(super) fn padded(codec: Codec, message: &[u8], length: usize) -> Bytes {
    let padding = padding(codec, length as u64);
    let mut body = BytesMut::with_capacity(padding.before.len() + length + message.len());
    body.extend_from_slice(&padding.before);
    body.put_bytes(padding.byte, length);
    body.extend_from_slice(message);
    body.freeze()
}

/// The message, padded to be `length` bytes in all. One that is longer, or so close that the
/// padding's own head doesn't fit, stays as it is.
pub(super) fn padded_to(codec: Codec, message: &Bytes, length: usize) -> Bytes {
    let taken = padding(codec, 0).before.len() + message.len();
    match length.checked_sub(taken) {
        Some(rest) => padded(codec, message, rest),
        None => message.clone(),
    }
}

/// The message behind `length` bytes of padding, as gzip (RFC 1952).
///
/// A chunk of padding is compressed once, in a form that stands for itself (a full flush), and
/// repeated: a gigabyte costs little more than a megabyte.
pub(super) fn bomb(codec: Codec, message: &[u8], length: u64) -> Bytes {
    let padding = padding(codec, length);
    let chunk = vec![padding.byte; CHUNK];
    let mut crc = Crc::new();
    let mut size = 0_u64;
    let mut body = BytesMut::new();
    body.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut add = |bytes: &[u8], compressed: &[u8], crc_of_bytes: &Crc| {
        crc.combine(crc_of_bytes);
        size += bytes.len() as u64;
        body.extend_from_slice(compressed);
    };
    add(
        &padding.before,
        &deflate(&padding.before),
        &crc_of(&padding.before),
    );
    let (compressed, crc_of_chunk) = (deflate(&chunk), crc_of(&chunk));
    for _ in 0..length / CHUNK as u64 {
        add(&chunk, &compressed, &crc_of_chunk);
    }
    let rest = &chunk[..usize::try_from(length % CHUNK as u64).unwrap_or_default()];
    for rest in [rest, message] {
        add(rest, &deflate(rest), &crc_of(rest));
    }
    // The last block, which is empty, then the trailer; the size is modulo 2^32.
    body.extend_from_slice(&[3, 0]);
    body.put_u32_le(crc.sum());
    body.put_u32_le((size & 0xffff_ffff) as u32);
    body.freeze()
}

fn crc_of(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

/// Bytes as deflate blocks that refer to nothing before them and aren't the last.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(bytes.len() + 1024);
    // The output always fits: deflate adds a few bytes to what it can't compress.
    let status = compress.compress_vec(bytes, &mut out, FlushCompress::Full);
    debug_assert!(matches!(status, Ok(Status::Ok)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn padding_changes_nothing() {
        let json = padded(Codec::Json, b"{\"a\":1}", 10_000);
        assert_eq!(json.len(), 10_007);
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value, serde_json::json!({"a": 1}));
        let message = prost::Message::encode_to_vec(&"text".to_owned());
        let binary = padded(Codec::Binary, &message, 10_000);
        let text: String = prost::Message::decode(binary).unwrap();
        assert_eq!(text, "text");
    }

    #[test]
    fn padding_up_to_a_length_meets_it() {
        let message = Bytes::from(prost::Message::encode_to_vec(&"text".to_owned()));
        for length in [26, 127, 128, 129, 16_500, 16_512] {
            let json = padded_to(Codec::Json, &Bytes::from_static(b"{}"), length);
            assert_eq!(json.len(), length);
            let binary = padded_to(Codec::Binary, &message, length);
            assert_eq!(binary.len(), length);
            let text: String = prost::Message::decode(binary).unwrap();
            assert_eq!(text, "text");
        }
        for too_little in [0, 6, 25] {
            assert_eq!(padded_to(Codec::Binary, &message, too_little), message);
        }
    }

    #[test]
    fn a_bomb_is_small_and_right() {
        for length in [0, 1, 1000, CHUNK as u64, 5 * CHUNK as u64 + 17] {
            let bytes = bomb(Codec::Json, b"{}", length);
            assert!(bytes.len() as u64 <= 200 + length / 500);
            let out = gunzip(&bytes);
            assert_eq!(out.len() as u64, length + 2);
            assert!(out.ends_with(b"{}"));
            let message = prost::Message::encode_to_vec(&"text".to_owned());
            let out = gunzip(&bomb(Codec::Binary, &message, length));
            let text: String = prost::Message::decode(&out[..]).unwrap();
            assert_eq!(text, "text");
        }
    }

    #[test]
    fn a_gigabyte_is_a_megabyte() {
        let bytes = bomb(Codec::Json, b"{}", 1 << 30);
        assert!(bytes.len() < 3 << 19, "{}", bytes.len());
    }
}
