#![doc = include_str!("../README.md")]

// Comments that say "Checklist" name a rule in PROTOCOL.md.

mod attempts;
mod base_url;
mod body;
mod call;
mod cancel;
mod client;
mod client_builder;
mod code;
mod codec;
mod compression;
mod connection_settings;
mod credential;
mod credential_file;
mod deadline;
mod dynamic;
mod end_stream;
mod envelope;
mod error;
mod error_body;
mod http_client;
mod kind;
mod layered;
mod metadata;
mod method;
mod observe;
mod payload;
mod query;
mod redirect;
mod request;
mod response;
mod retry;
mod retry_after;
mod retry_budget;
pub mod rpc;
mod stream;
mod stream_call;
mod stream_timer;
mod timers;
mod transport;
mod unary;
#[cfg(feature = "br")]
mod unbrotli;

pub use body::{RequestBody, ResponseBody};
pub use call::Call;
pub use client::Client;
pub use client_builder::ClientBuilder;
pub use code::{Code, ParseCodeError};
pub use codec::Codec;
pub use compression::Compression;
pub use credential::{Credential, CredentialFuture, CredentialProvider};
pub use credential_file::CredentialFile;
pub use dynamic::{DynamicCall, DynamicMethod, DynamicResponse, DynamicStreaming};
pub use error::{BoxError, Error, ErrorDetail, Execution};
pub use http_client::HttpClient;
pub use kind::{Bidi, ClientStreaming, Kind, Requests, ServerStreaming, StreamKind, Unary};
pub use method::{Idempotency, Message, Method};
pub use observe::Attempt;
pub use response::{RawResponse, Response};
pub use retry::RetryPolicy;
pub use stream::Streaming;
pub use transport::HttpService;
