//! Tests of the workspace as a whole: types, client and embedded server together.

#![allow(clippy::unwrap_used)]

mod connections;
mod conversations;
mod details;
mod failures;
mod hostile;
mod listings;
mod messages;
mod redirects;
mod secrets;
mod validation;
mod wire;
