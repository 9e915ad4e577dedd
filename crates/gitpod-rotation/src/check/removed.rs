//! Each rule taken out on purpose: the checker has to find that it is missing, and why it is there.

use super::explore::explore;
use super::service::Ways;
use super::world::{Bounds, Tells, World};
use super::{PLAIN, bounds};
use crate::rules::{Rule, Rules};

/// Explores without a rule, and says which invariant that breaks.
fn broken_without(rule: Rule, ways: Ways, tells: Tells, bounds: Bounds) -> &'static str {
    let rules = Rules {
        without: Some(rule),
    };
    let world = World::new(ways, &[tells], bounds, rules);
    let after = world.clone().after_a_rotation();
    let explored = explore(vec![world, after]);
    let violation = explored.violation.expect("it isn't missed");
    println!(
        "{rule:?}: {} states: {}: {}",
        explored.states,
        violation.invariant,
        violation.way.join(", ")
    );
    violation.invariant
}

const KILLS_OURS: &str = "never ask while a sink or the escrow holds our live token";
const KILLS_THEIRS: &str = "never ask again where the token is someone else's";
const UNNOTICED: &str = "the sinks hold the live token, or the next run reports drift";
const FALSE_DONE: &str = "done is said only where the sinks held the live token";
const PUSHES_DEAD: &str = "a token that was known to be dead isn't pushed";
const LOSES: &str = "a run doesn't end while the token is in memory alone";
const LETS_GO: &str = "the escrow of a live token goes only after `verified`";

#[test]
fn without_the_escrow_synced() {
    let found = broken_without(Rule::EscrowSynced, PLAIN, Tells::Nothing, bounds(0, 1, 0));
    assert_eq!(found, KILLS_OURS);
}

#[test]
fn without_asked_synced() {
    let found = broken_without(Rule::AskedSynced, PLAIN, Tells::Nothing, bounds(0, 1, 0));
    assert_eq!(found, UNNOTICED);
}

#[test]
fn without_the_wait() {
    let found = broken_without(Rule::Wait, PLAIN, Tells::Nothing, bounds(1, 0, 0));
    assert_eq!(found, KILLS_OURS);
}

#[test]
fn without_step_7() {
    let found = broken_without(Rule::Verify, PLAIN, Tells::Nothing, bounds(0, 0, 1));
    assert_eq!(found, FALSE_DONE);
}

#[test]
fn without_a_life_of_its_own() {
    let found = broken_without(Rule::OwnLife, PLAIN, Tells::Nothing, bounds(0, 1, 1));
    assert_eq!(found, KILLS_THEIRS);
}

#[test]
fn without_a_check_before_a_push() {
    let found = broken_without(
        Rule::CheckBeforePush,
        PLAIN,
        Tells::Nothing,
        bounds(0, 1, 1),
    );
    assert_eq!(found, PUSHES_DEAD);
}

#[test]
fn without_a_look_at_drift() {
    let found = broken_without(Rule::Drift, PLAIN, Tells::Nothing, bounds(0, 0, 1));
    assert_eq!(found, UNNOTICED);
}

#[test]
fn without_verified_first() {
    let found = broken_without(Rule::VerifiedFirst, PLAIN, Tells::Nothing, bounds(0, 0, 0));
    assert_eq!(found, LETS_GO);
}

#[test]
fn without_a_date_that_is_fresh() {
    let found = broken_without(Rule::FreshDate, PLAIN, Tells::Nothing, bounds(2, 0, 0));
    assert_eq!(found, KILLS_OURS);
}

#[test]
fn without_asking_the_sinks_first() {
    let found = broken_without(Rule::AskSinksFirst, PLAIN, Tells::Liveness, bounds(2, 1, 0));
    assert_eq!(found, KILLS_OURS);
}

#[test]
fn without_signals_that_wait() {
    let bounds = Bounds {
        signals: 1,
        ..bounds(0, 0, 0)
    };
    let found = broken_without(Rule::SignalsWait, PLAIN, Tells::Nothing, bounds);
    assert_eq!(found, LOSES);
}

#[test]
fn without_proof_that_it_is_ours() {
    let no_date = Ways {
        sends_date: false,
        ..PLAIN
    };
    let found = broken_without(
        Rule::OursNeedsProof,
        no_date,
        Tells::Nothing,
        bounds(0, 1, 1),
    );
    assert_eq!(found, KILLS_THEIRS);
}

#[test]
fn without_the_wait_before_superseded() {
    let found = broken_without(
        Rule::SupersededWaits,
        PLAIN,
        Tells::Nothing,
        Bounds {
            runs: 2,
            ..bounds(1, 0, 1)
        },
    );
    assert_eq!(found, KILLS_OURS);
}

#[test]
fn without_the_wait_after_an_earlier_loss() {
    let found = broken_without(
        Rule::EarlierLostWaits,
        PLAIN,
        Tells::Nothing,
        bounds(2, 1, 0),
    );
    assert_eq!(found, KILLS_OURS);
}

#[test]
fn without_a_second_look() {
    let found = broken_without(Rule::SecondLook, PLAIN, Tells::Nothing, bounds(1, 0, 1));
    assert_eq!(found, LETS_GO);
}

#[test]
fn without_a_try_of_the_old_token() {
    let lags = Ways {
        probe: true,
        lags: true,
        ..PLAIN
    };
    let found = broken_without(Rule::OldTokenTried, lags, Tells::Content, bounds(2, 0, 1));
    assert_eq!(found, KILLS_THEIRS);
}

#[test]
fn without_the_outcome_before() {
    let found = broken_without(
        Rule::OldOutcomeStays,
        PLAIN,
        Tells::Nothing,
        Bounds {
            runs: 2,
            ..bounds(2, 0, 0)
        },
    );
    assert_eq!(found, UNNOTICED);
}
