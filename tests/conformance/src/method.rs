//! The methods of `ConformanceService`.

use connect_hyper::{Bidi, ClientStreaming, Idempotency, Method, ServerStreaming, Unary as One};

use crate::proto::*;

macro_rules! methods {
    ($($method:ident: $kind:ident, $idempotency:ident, $request:ident => $response:ident;)*) => {$(
        #[doc = concat!("The RPC `", stringify!($method), "`.")]
        #[derive(Debug, Clone, Copy)]
        pub enum $method {}

        impl Method for $method {
            type Request = $request;
            type Response = $response;
            type Kind = $kind;
            const PATH: &'static str =
                concat!("/connectrpc.conformance.v1.ConformanceService/", stringify!($method));
            const IDEMPOTENCY: Idempotency = Idempotency::$idempotency;
        }
    )*};
}

methods! {
    Unary: One, Unknown, UnaryRequest => UnaryResponse;
    IdempotentUnary: One, NoSideEffects, IdempotentUnaryRequest => IdempotentUnaryResponse;
    Unimplemented: One, Unknown, UnimplementedRequest => UnimplementedResponse;
    ServerStream: ServerStreaming, Unknown, ServerStreamRequest => ServerStreamResponse;
    ClientStream: ClientStreaming, Unknown, ClientStreamRequest => ClientStreamResponse;
    BidiStream: Bidi, Unknown, BidiStreamRequest => BidiStreamResponse;
}

/// A response of the suite's: all of them hold the same.
pub trait Answer {
    /// What the server was told to say, and what it saw of the request.
    fn payload(self) -> ConformancePayload;
}

macro_rules! answers {
    ($($response:ident),*) => {$(
        impl From<ConformancePayload> for $response {
            fn from(payload: ConformancePayload) -> Self {
                Self { payload: Some(payload) }
            }
        }

        impl Answer for $response {
            fn payload(self) -> ConformancePayload {
                self.payload.unwrap_or_default()
            }
        }
    )*};
}

answers!(
    UnaryResponse,
    IdempotentUnaryResponse,
    ServerStreamResponse,
    ClientStreamResponse,
    BidiStreamResponse
);

impl Answer for UnimplementedResponse {
    fn payload(self) -> ConformancePayload {
        ConformancePayload::default()
    }
}
