//! The call of every RPC, as the build script lists them.

use std::pin::Pin;

use gitpod_client::connect_hyper::ServerStreaming;
use gitpod_client::{Call, Client, Error, Method, Unary};
use prost::Message;

/// An RPC, and how its generated method is called.
pub(crate) struct Rpc {
    pub(crate) service: &'static str,
    pub(crate) method: &'static str,
    /// The call, given a request in binary.
    pub(crate) make: fn(&Client, &[u8]) -> Outcome,
}

/// The response in binary.
pub(crate) type Outcome = Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + Send>>;

include!(concat!(env!("OUT_DIR"), "/calls.rs"));

pub(crate) fn read<M: Message + Default>(binary: &[u8]) -> M {
    M::decode(binary).unwrap()
}

fn unary<M: Method<Kind = Unary>>(call: Call<M>) -> Outcome {
    let calling = call.into_future();
    Box::pin(async move { Ok(calling.await?.into_inner().encode_to_vec()) })
}

/// The one message of the stream.
fn stream<M: Method<Kind = ServerStreaming>>(call: Call<M>) -> Outcome {
    Box::pin(async move {
        let mut messages = call.await?;
        let message = messages.message().await?.unwrap();
        assert!(messages.message().await?.is_none());
        Ok(message.encode_to_vec())
    })
}
