#![doc = include_str!("../README.md")]

mod disk;
mod driver;
mod ending;
mod event;
pub mod files;
mod journal;
mod life;
mod machine;
mod plan;
mod reading;
mod rules;
mod simulated;
mod sink;
mod sinks;
mod time;
mod token;

#[cfg(test)]
mod check;

pub use disk::{DiskStep, FolderKind, Kept, Store, StoreError};
pub use driver::{
    Clock, Driver, Report, Run, RunError, ScimEndpoint, Stop, date, own_access_tokens,
};
pub use ending::{Drift, Ending, Obstacle};
pub use event::{Action, Asked, Audit, CredentialCheck, Event};
pub use journal::{End, Journal, Outcome, Rotation};
pub use machine::{Escrow, State, UnexpectedEvent};
pub use plan::{IfLost, Plan, StartError};
pub use reading::{Probe, Reading, Unreadable};
pub use simulated::{PushFault, SimulatedSink};
pub use sink::{Sink, SinkError, SinkFuture, Verdict};
#[cfg(feature = "k8s")]
pub use sinks::KubernetesSink;
pub use sinks::{
    Cloud, CommandSink, Confirm, EntraConfig, EntraCredential, EntraSink, FileSink, ManualSink,
};
pub use token::{RawAnswer, Token};
