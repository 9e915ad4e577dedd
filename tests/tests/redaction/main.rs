//! Every field of the API that is marked as a secret, filled, and looked for in whatever is printed:
//! `Debug`, errors, and the log at TRACE, those of the libraries below included.
//!
//! Which fields these are comes from the descriptors. A field that isn't marked and should be is
//! found by xtask's tests.

#![allow(clippy::unwrap_used)]

mod calls;
mod debug;
mod plant;
mod spoil;
