//! The service clients, generated from the .proto files: a module a service, a method an RPC.

#![allow(unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/client.rs"));
