//! What goes wrong with the next call.

use std::time::Duration;

use gitpod_client::organization::{GetScimConfiguration, RegenerateScimToken};
use gitpod_rotation::Action;
use gitpod_testing::http::StatusCode;
use gitpod_testing::{Code, Fault, ServerError};

use crate::world::World;

/// Has something go wrong with an action, perhaps. Says what.
pub(crate) fn spoil(
    world: &World,
    random: &mut fastrand::Rng,
    action: &Action,
) -> Option<&'static str> {
    match action {
        Action::Ask { .. } if random.u8(..) < 130 => {
            let (what, fault) = asking(world, random);
            world.server.inject(fault.on::<RegenerateScimToken>());
            Some(what)
        }
        Action::Read { .. } if random.u8(..) < 20 => {
            let (what, fault) = reading(random);
            world.server.inject(fault.on::<GetScimConfiguration>());
            Some(what)
        }
        _ => None,
    }
}

fn refusal(code: Code) -> Fault {
    Fault::error(ServerError::new(code, "no"))
}

fn asking(world: &World, random: &mut fastrand::Rng) -> (&'static str, Fault) {
    let again = if world.coarse { 2..600 } else { 1..600 };
    match random.u8(0..15) {
        0 => ("request lost", Fault::drop_before().by_reset()),
        1 | 2 => ("answer lost", Fault::drop_after().by_reset()),
        3 | 4 => (
            "executed late, within the wait",
            Fault::executed_late(Duration::from_secs(random.u64(1..70))),
        ),
        5 => (
            "executed after the wait",
            Fault::executed_late(Duration::from_secs(random.u64(90..600))),
        ),
        6 => (
            "executed, and again later",
            Fault::executed_again_late(Duration::from_secs(random.u64(again))),
        ),
        7 => (
            "answer cut",
            Fault::cut_body(random.usize(0..60)).by_reset(),
        ),
        8 => ("bad gateway", Fault::html(StatusCode::BAD_GATEWAY)),
        9 => (
            "bad gateway, executed",
            Fault::html(StatusCode::GATEWAY_TIMEOUT).executed(),
        ),
        10 => ("busy", refusal(Code::ResourceExhausted)),
        11 => ("not permitted", refusal(Code::PermissionDenied)),
        12 => ("unavailable", refusal(Code::Unavailable)),
        13 => (
            "executed twice at once",
            Fault::delay_answer(Duration::ZERO).executed_twice(),
        ),
        _ => ("internal, executed", refusal(Code::Internal).executed()),
    }
}

fn reading(random: &mut fastrand::Rng) -> (&'static str, Fault) {
    match random.u8(0..6) {
        0..=2 => ("stale read", Fault::stale_read()),
        3 => ("read lost", Fault::drop_before().by_reset()),
        4 => ("read says not found", refusal(Code::NotFound)),
        _ => ("read fails", Fault::html(StatusCode::SERVICE_UNAVAILABLE)),
    }
}
