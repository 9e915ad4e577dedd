//! Rotates tokens, many times, while everything goes wrong that may: the real library over the
//! embedded server with its faults, real files on a disk that fails, simulated sinks, signals, a process
//! that dies between any two actions or amid one, a machine that loses its power. Time is virtual:
//! nothing waits.
//!
//! `cargo xtask simulate-rotations --count N --seed S` runs it. The last line is
//! `N rotations, L lost unnoticed, P printed`, and it fails unless the latter two are 0.
// A program that speaks on standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod disk;
mod faults;
mod rotation;
mod signals;
mod sinks;
mod time;
mod world;

use std::process::ExitCode;

use world::World;

/// So many rotations share a server.
const BATCH: u64 = 50;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let (Some(Ok(count)), Some(Ok(seed))) = (arguments.next(), arguments.next()) else {
        eprintln!(
            "expected a count and a seed, and the number of the only one to do if there is one"
        );
        return ExitCode::from(2);
    };
    // One alone, of a run that found something.
    let only = arguments.next().and_then(Result::ok);
    let (mut done, mut lost, mut printed) = (0, 0, 0);
    let mut endings = std::collections::BTreeMap::new();
    for batch in 0..count.div_ceil(BATCH) {
        let numbers = (batch * BATCH)..((batch + 1) * BATCH).min(count);
        if only.is_some_and(|only| !numbers.contains(&only)) {
            continue;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                eprintln!("no runtime: {error}");
                return ExitCode::from(2);
            }
        };
        runtime.block_on(async {
            let world = World::new(seed, batch).await;
            for number in numbers {
                let outcome = rotation::simulate(&world, seed, number).await;
                let wrong = outcome.lost || outcome.printed;
                if wrong || only == Some(number) {
                    eprintln!("rotation {number} of seed {seed}:\n{}", outcome.story);
                }
                done += 1;
                lost += u64::from(outcome.lost);
                printed += u64::from(outcome.printed);
                *endings.entry(outcome.ending).or_insert(0_u64) += 1;
            }
        });
        if batch % 100 == 99 {
            eprintln!("{done} rotations");
        }
    }
    for (ending, times) in endings {
        println!("{times:>8}  {ending}");
    }
    println!("{done} rotations, {lost} lost unnoticed, {printed} printed");
    if lost == 0 && printed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
