//! What is generated.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::all)]

pub(crate) mod lenient {
    include!(concat!(env!("OUT_DIR"), "/lenient.rs"));
}

pub(crate) mod strict {
    include!(concat!(env!("OUT_DIR"), "/strict.rs"));
}

/// The runner's own.
pub(crate) mod runner {
    include!(concat!(env!("OUT_DIR"), "/conformance.rs"));
}
