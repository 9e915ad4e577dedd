#![doc = include_str!("../README.md")]

mod code;
mod error;
mod method;

pub use code::{Code, ParseCodeError};
pub use error::{BoxError, Error, ErrorDetail, Execution};
pub use method::{Idempotency, Message, Method, StreamKind};
