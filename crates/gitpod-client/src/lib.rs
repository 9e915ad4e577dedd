#![doc = include_str!("../README.md")]

mod client;
mod env;
mod services;
mod validation;
#[cfg(feature = "event")]
pub mod watch;

pub use client::{Client, ClientBuilder, DEFAULT_BASE_URL};
pub use env::credential_variable;
#[doc(inline)]
pub use services::*;

#[doc(inline)]
pub use connect_hyper::{
    Attempt, BoxError, Call, Code, Codec, Compression, Credential, CredentialFile,
    CredentialFuture, CredentialProvider, DynamicCall, DynamicMethod, DynamicResponse,
    DynamicStreaming, Error, ErrorDetail, Execution, Idempotency, Items, Message, Method, Paged,
    Pages, RawResponse, RequestBody, Response, RetryPolicy, Streaming, Unary, rpc,
};

pub use connect_hyper;
pub use gitpod_types as types;
#[doc(inline)]
pub use gitpod_types::{Validate, Violation, Violations};
pub use http;
pub use prost;
