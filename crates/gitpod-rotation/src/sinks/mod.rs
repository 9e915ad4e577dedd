//! Sinks for real systems. One that brings weight is a module of its own behind a cargo feature.

mod command;
mod entra;
mod file;
mod manual;
mod tail;

pub use command::CommandSink;
pub use entra::{Cloud, EntraConfig, EntraCredential, EntraSink};
pub use file::FileSink;
pub use manual::{Confirm, ManualSink};
