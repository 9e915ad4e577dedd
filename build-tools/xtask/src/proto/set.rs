//! Serialized `FileDescriptorSet`s, taken apart and put together as bytes.
//!
//! A file stays as the bytes that it came in, because a decoded `FileDescriptorProto` of
//! prost-types has lost every option that is an extension.

use prost_reflect::prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};

use crate::Failure;

/// The number of `FileDescriptorSet.file`.
const FILE: u32 = 1;

/// The serialized files of a serialized set.
pub(super) fn split(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let fail = |error: &dyn std::fmt::Display| {
        Failure::new(format!(
            "not a serialized FileDescriptorSet or a wheel: {error}"
        ))
    };
    let mut files = Vec::new();
    while !bytes.is_empty() {
        let (number, wire_type) = decode_key(&mut bytes).map_err(|error| fail(&error))?;
        if number != FILE || wire_type != WireType::LengthDelimited {
            skip_field(wire_type, number, &mut bytes, DecodeContext::default())
                .map_err(|error| fail(&error))?;
            continue;
        }
        let length = decode_varint(&mut bytes).map_err(|error| fail(&error))?;
        let (file, rest) = usize::try_from(length)
            .ok()
            .and_then(|length| bytes.split_at_checked(length))
            .ok_or_else(|| fail(&"it ends in the middle of a file"))?;
        files.push(file.to_vec());
        bytes = rest;
    }
    if files.is_empty() {
        return Err(fail(&"it holds no file"));
    }
    Ok(files)
}

/// The serialized set of serialized files.
pub(super) fn join<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in files {
        encode_key(FILE, WireType::LengthDelimited, &mut bytes);
        encode_varint(file.len() as u64, &mut bytes);
        bytes.extend_from_slice(file);
    }
    bytes
}
