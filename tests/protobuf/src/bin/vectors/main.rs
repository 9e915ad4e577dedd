//! `vectors [FILE]`: every message of a file in binary and in JSON, as another implementation wrote
//! them, held against the types of the whole API in every direction. Without a file, prost-reflect
//! writes them here: every message of the API, in several fillings.
//!
//! A line of the file is an object: `n` is a message's full name, `j` its canonical JSON, `b` its
//! binary in base64. Other keys are nobody's concern.
// A command-line tool speaks on standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod codec;
mod compare;
mod made;
mod vector;

use std::ffi::OsString;
use std::process::ExitCode;
use std::{env, fs};

use prost_reflect::DescriptorPool;

use crate::check::Checker;

static API: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/api.bin"));

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let outcome = match (arguments.next(), arguments.next()) {
        (file, None) => run(file),
        _ => Err("usage: vectors [FILE]".to_owned()),
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints the differences and how many there are.
fn run(file: Option<OsString>) -> Result<usize, String> {
    let pool = DescriptorPool::decode(API).map_err(|error| error.to_string())?;
    let vectors = match file {
        Some(file) => {
            let name = file.to_string_lossy();
            let text = fs::read(&file).map_err(|error| format!("can't read {name}: {error}"))?;
            vector::read(&text).map_err(|error| format!("{name}, {error}"))?
        }
        None => made::vectors(&pool)?,
    };
    let checker = Checker::new(pool);
    let mut count = 0;
    for vector in &vectors {
        for difference in checker.check(vector)? {
            println!("{}: {difference}", vector.place());
            count += 1;
        }
    }
    println!("{} vectors, {count} differences", vectors.len());
    Ok(count)
}
