//! The model checker: the machine, the very code, in a world where everything may go wrong at every
//! moment, explored exhaustively within bounds.
//!
//! What may happen: a crash between any two actions and amid a write, with what isn't synced lost
//! or not; requests lost, delayed, executed twice, executed after the wait, provably not sent,
//! refused; answers lost; a disk that refuses, with or without having written; sinks that refuse,
//! take and say no, say yes and don't take, break for good; another administrator at any moment,
//! who pushes his token or doesn't; stale and failing reads, a replica that lags; a machine that sleeps; a
//! signal.
//! No clock of this side's is ever compared with the service's, so a wrong one has nothing to
//! change: each process starts its own at zero.
//!
//! `cargo test -p gitpod-rotation check -- --nocapture` shows how many states there are.

mod effects;
mod explore;
mod invariants;
mod removed;
mod service;
mod steps;
mod world;

use std::collections::HashSet;

use explore::explore;
use service::{Digits, Ways};
use world::{Bounds, Tells, World};

use crate::IfLost;
use crate::rules::Rules;

const PLAIN: Ways = Ways {
    digits: Digits::All,
    sends_date: true,
    keeps_lives: true,
    probe: false,
    lags: false,
};

fn bounds(faults: u8, crashes: u8, others: u8) -> Bounds {
    Bounds {
        faults,
        crashes,
        others,
        signals: 0,
        runs: 1 + crashes,
    }
}

/// Explores with every rule, and gives the endings that were reached.
fn holds(starts: Vec<World>) -> HashSet<String> {
    let what = format!("{:?}", starts.iter().map(World::what).collect::<Vec<_>>());
    let explored = explore(starts);
    println!("{} states: {what}", explored.states);
    if let Some(violation) = explored.violation {
        panic!(
            "broken: {}\nby:\n  {}\nin:\n{:?}",
            violation.invariant,
            violation.way.join("\n  "),
            violation.state
        );
    }
    explored.landmarks
}

fn world(ways: Ways, tells: &[Tells], bounds: Bounds) -> World {
    World::new(ways, tells, bounds, Rules::default())
}

/// From the first rotation on, and from one that has another behind it.
fn both(world: World) -> Vec<World> {
    vec![world.clone(), world.after_a_rotation()]
}

#[test]
fn with_one_sink_that_cant_tell() {
    holds(both(world(PLAIN, &[Tells::Nothing], bounds(1, 1, 1))));
    holds(both(world(PLAIN, &[Tells::Nothing], bounds(2, 1, 0))));
}

#[test]
fn with_one_sink_that_tries_what_it_holds() {
    holds(both(world(PLAIN, &[Tells::Liveness], bounds(1, 1, 1))));
    holds(both(world(PLAIN, &[Tells::Liveness], bounds(2, 1, 0))));
}

#[test]
fn with_one_sink_that_can_be_read_back() {
    holds(both(world(PLAIN, &[Tells::Content], bounds(1, 1, 1))));
    holds(vec![world(PLAIN, &[Tells::Content], bounds(2, 1, 0))]);
}

#[test]
fn with_two_sinks() {
    let tells = [Tells::Liveness, Tells::Nothing];
    holds(vec![world(PLAIN, &tells, bounds(1, 1, 1))]);
    holds(vec![world(PLAIN, &tells, bounds(2, 1, 0))]);
}

#[test]
fn with_a_service_that_is_different() {
    for ways in [
        Ways {
            sends_date: false,
            ..PLAIN
        },
        Ways {
            keeps_lives: false,
            ..PLAIN
        },
        Ways {
            digits: Digits::Seconds,
            ..PLAIN
        },
        Ways {
            digits: Digits::Micros,
            probe: true,
            ..PLAIN
        },
    ] {
        holds(vec![world(ways, &[Tells::Nothing], bounds(1, 1, 1))]);
    }
}

/// Where a sink gives back what it holds, and the SCIM endpoint says whether that works.
#[test]
fn with_a_probe() {
    let probe = Ways {
        probe: true,
        ..PLAIN
    };
    holds(both(world(probe, &[Tells::Content], bounds(1, 1, 1))));
    holds(vec![world(probe, &[Tells::Content], bounds(2, 1, 0))]);
    let lags = Ways {
        lags: true,
        ..probe
    };
    let ends = holds(vec![world(lags, &[Tells::Content], bounds(2, 0, 1))]);
    assert!(ends.contains("Unfinished(Stale)"), "{ends:?}");
}

#[test]
fn with_signals() {
    let bounds = Bounds {
        signals: 1,
        ..bounds(1, 1, 0)
    };
    holds(vec![world(PLAIN, &[Tells::Nothing], bounds)]);
    holds(vec![world(PLAIN, &[Tells::Liveness], bounds)]);
}

#[test]
fn with_two_crashes_or_two_other_administrators() {
    holds(both(world(PLAIN, &[Tells::Liveness], bounds(1, 2, 0))));
    holds(both(world(PLAIN, &[Tells::Nothing], bounds(0, 2, 1))));
    holds(both(world(PLAIN, &[Tells::Nothing], bounds(0, 1, 2))));
}

/// The token that the sinks should have is lost from the start, or a lost one is left to a person.
#[test]
fn with_a_lost_token() {
    for tells in [Tells::Nothing, Tells::Liveness] {
        let mut lost = world(PLAIN, &[tells], bounds(1, 1, 1));
        for sink in &mut lost.sinks {
            sink.holds = None;
        }
        holds(vec![lost]);
        let mut careful = world(PLAIN, &[tells], bounds(1, 1, 1));
        careful.if_lost = IfLost::Fail;
        let ends = holds(vec![careful]);
        assert!(ends.contains("Lost(ByRequest)"), "{ends:?}");
    }
}

#[test]
fn with_more_of_everything() {
    let ends = holds(vec![world(PLAIN, &[Tells::Nothing], bounds(2, 1, 1))]);
    // It isn't idle: all these were reached.
    for end in [
        "Done",
        "Superseded",
        "NothingChanged(Changed)",
        "NothingChanged(Refused)",
        "NothingChanged(AskedEnough)",
        "Lost(AskedEnough)",
        "Lost(Refused)",
        "Unfinished(Stale)",
        "Unfinished(Sinks)",
        "Unfinished(Journal)",
        "Unfinished(Escrow)",
        "Unfinished(HeldElsewhere)",
    ] {
        assert!(ends.contains(end), "{end} isn't in {ends:?}");
    }
}
