//! What tests of many messages share.

pub mod filled;
pub mod valid;
