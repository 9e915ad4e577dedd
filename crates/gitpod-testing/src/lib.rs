#![doc = include_str!("../README.md")]

mod builder;
mod calls;
mod clock;
mod connect;
mod credential;
mod dispatch;
mod entra;
mod fault;
mod handler;
mod net;
mod quirk;
mod route;
mod scim;
mod secret;
mod server;
#[cfg(feature = "tls")]
mod tls;

pub use builder::Builder;
pub use calls::CallRecord;
pub use clock::Clock;
pub use connect::codec::Codec;
pub use connect::compression::Compression;
pub use connect::error::ServerError;
pub use connect_hyper::{Code, Idempotency, Method};
pub use entra::{Entra, EntraBuilder, EntraRight, Quarantine};
pub use fault::{ConnectionFault, Fault, FaultHandle, FaultPlan};
pub use handler::{Request, RequestStream, Response, ResponseSender, ResponseStream, ServedKind};
pub use http;
pub use quirk::Quirk;
pub use server::Server;
#[cfg(feature = "tls")]
pub use tls::{ClientCertificate, Tls};
