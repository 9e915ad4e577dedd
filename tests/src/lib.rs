//! What the tests of the workspace as a whole share. The README is one of them.
#![cfg_attr(doctest, doc = include_str!("../../README.md"))]

pub mod counted;
pub mod forwarder;
pub mod harness;
pub mod memory;
pub mod recorder;
pub mod toy;
