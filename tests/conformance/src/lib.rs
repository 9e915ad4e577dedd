//! What both testees of the Connect conformance suite share: the suite's messages, its methods,
//! and the frames in which it speaks over standard input and output.

pub mod frame;
pub mod headers;
mod json;
pub mod method;

/// The suite's messages, as prost generates them.
#[allow(missing_docs)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/connectrpc.conformance.v1.rs"));
}
