//! Runs the real binary, against the embedded server and against servers that misbehave.

mod auth;
mod call;
mod embedded;
mod exit_codes;
mod faults;
#[cfg(all(unix, feature = "k8s"))]
mod kubernetes;
#[cfg(unix)]
mod pages;
mod proxy;
#[cfg(unix)]
mod recipes;
#[cfg(unix)]
mod rotate;
mod scripts;
mod serve;
#[cfg(unix)]
mod signals;
mod streams;
mod support;
#[cfg(unix)]
mod systemd;
mod token_file;
mod usage;
mod verbose;
