//! The wire rules of the Connect protocol on the server's side: pure functions over `http` types.
//!
//! They share no code with the client's, so that a mistake made twice would have to be made
//! twice. What is meant is the protocol's reference, <https://connectrpc.com/docs/protocol>.

pub(crate) mod codec;
pub(crate) mod compression;
pub(crate) mod end_stream;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod get;
pub(crate) mod head;
pub(crate) mod header;
pub(crate) mod unary;
