//! Sockets: everything that does I/O.

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod listener;
pub(crate) mod socket;
mod tcp;
