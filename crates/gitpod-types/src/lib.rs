#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// pbjson-build writes `::pbjson::private::…`, which is `crate::private` here:
// how numbers and bytes are read is ours.
extern crate self as pbjson;

#[allow(
    dead_code,
    reason = "not every choice of features has a secret, or all that stands beside one"
)]
mod debug;
mod json;
mod private;
mod time;
mod validate;

pub use pbjson_types::{Duration, Timestamp};

pub use crate::time::{DurationExt, TimeError, TimestampExt};
pub use crate::validate::{Validate, Violation, Violations, is_uuid};

/// What each message's rules are, as [`Validate`] of it.
#[allow(deprecated, unreachable_patterns, clippy::all)]
mod rules {
    include!(concat!(env!("OUT_DIR"), "/rules.rs"));
}

/// The descriptors of the whole API and of what it imports, whatever services are on: a serialized
/// `google.protobuf.FileDescriptorSet`.
///
/// All options are in it, `buf.validate`'s rules and our `debug_redact` marks among them. Of the
/// source information there is the comment of each element that has one, as its leading comment.
#[cfg(feature = "descriptors")]
#[cfg_attr(docsrs, doc(cfg(feature = "descriptors")))]
pub const FILE_DESCRIPTOR_SET: &[u8] =
    // By way of a call, for otherwise rustdoc writes out all bytes.
    include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin")).as_slice();

/// Messages and enums of the package `gitpod.v1`.
///
/// Names are those of the .proto files in Rust's spelling: `SCIMConfiguration`
/// is [`ScimConfiguration`](v1::ScimConfiguration). A type that is declared
/// inside a message is in a module with the message's name.
#[allow(missing_docs, deprecated, unreachable_pub, clippy::all)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}
