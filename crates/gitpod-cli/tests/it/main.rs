//! Runs the real binary, against the embedded server and against servers that misbehave.

mod embedded;
mod exit_codes;
mod faults;
mod proxy;
mod serve;
#[cfg(unix)]
mod signals;
mod support;
mod token_file;
mod usage;
