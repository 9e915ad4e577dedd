//! Runs the real binary, against the embedded server and against servers that misbehave.

mod auth;
mod call;
mod embedded;
mod exit_codes;
mod faults;
mod proxy;
#[cfg(unix)]
mod rotate;
mod scripts;
mod serve;
#[cfg(unix)]
mod signals;
mod streams;
mod support;
mod token_file;
mod usage;
mod verbose;
