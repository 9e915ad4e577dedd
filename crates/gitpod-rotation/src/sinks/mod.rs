//! Sinks for real systems. One that brings weight is a module of its own behind a cargo feature.

mod command;
mod entra;
mod file;
#[cfg(feature = "k8s")]
mod k8s;
mod manual;
mod tail;

pub use command::CommandSink;
pub use entra::{Cloud, EntraConfig, EntraCredential, EntraSink};
pub use file::FileSink;
#[cfg(feature = "k8s")]
pub use k8s::KubernetesSink;
pub use manual::{Confirm, ManualSink};
