//! Rules 5 to 8, and signals.

use super::*;

#[test]
fn an_answer_that_is_not_understood_stays_in_escrow() {
    let mut run = asked();
    run.step();
    run.tell(Event::Escrowed {
        stored: true,
        expires_at: None,
    });
    assert_eq!(run.end(), Ending::Unfinished(Obstacle::NotUnderstood));
    let escrow = Escrow::Whole {
        attempt: 1,
        expires_at: None,
    };
    let mut resumed = Run::new(plan(), Some(run.journal()), escrow);
    assert_eq!(resumed.end(), Ending::Unfinished(Obstacle::NotUnderstood));
}

#[test]
fn from_escrow_on_a_crash_costs_nothing() {
    let mut run = asked();
    run.step();
    let escrow = Escrow::Whole {
        attempt: 1,
        expires_at: Some(run.shows),
    };
    let mut resumed = Run::new(plan(), Some(run.journal()), escrow);
    resumed.shows = run.shows;
    assert_eq!(resumed.end(), Ending::Done);
    assert_eq!(resumed.journal().last.unwrap().lives_seconds.len(), 1);
}

#[test]
fn the_probe_can_contradict() {
    let mut run = asked();
    run.until(|action| matches!(action, Action::Read { probe: true }));
    let dead = |run: &Run| {
        Event::Read(Ok(Reading {
            expires_at: run.shows,
            date: Some(run.date),
            probe: Probe::Dead,
        }))
    };
    // It may not know the token yet.
    run.tell(dead(&run));
    run.step();
    let mut known = run.clone();
    assert_eq!(known.end(), Ending::Done);
    run.now += Duration::from_secs(60);
    run.tell(dead(&run));
    assert_eq!(run.end(), Ending::Superseded);
}

#[test]
fn every_sink_gets_a_first_try_before_any_gets_a_second() {
    let mut run = asked();
    let push = |run: &mut Run| match run.until(|action| matches!(action, Action::Push { .. })) {
        Action::Push { sink } => sink,
        _ => unreachable!(),
    };
    assert_eq!(push(&mut run), 0);
    run.tell(Event::Pushed(false));
    assert_eq!(push(&mut run), 1);
    run.tell(Event::Pushed(true));
    assert_eq!(push(&mut run), 0);
    assert_eq!(run.state.missing().collect::<Vec<_>>(), [0]);
    run.tell(Event::Pushed(true));
    assert_eq!(run.end(), Ending::Done);
}

#[test]
fn a_check_is_good_for_30_seconds() {
    let mut run = asked();
    run.until(|action| matches!(action, Action::Push { .. }));
    run.now += Duration::from_secs(31);
    run.tell(Event::Pushed(true));
    run.step();
    assert!(matches!(run.state.action(), Action::Read { .. }));
}

#[test]
fn a_sink_that_fails_for_good_leaves_the_rest_to_resume() {
    let mut run = asked();
    while !matches!(run.state.action(), Action::End(_)) {
        match run.state.action() {
            Action::Push { sink: 1 } => run.tell(Event::Pushed(false)),
            _ => run.step(),
        }
    }
    assert_eq!(run.end(), Ending::Unfinished(Obstacle::Sinks));
    assert_eq!(run.state.missing().collect::<Vec<_>>(), [1]);
}

#[test]
fn the_first_signal_lets_the_step_be_finished() {
    // Before `asked`: nothing changed.
    let mut run = Run::new(plan(), None, Escrow::Absent);
    run.until(|action| *action == Action::ReserveEscrow);
    run.state = run.state.interrupt();
    assert!(run.state.may_end_at_once());
    run.step();
    assert_eq!(run.end(), Ending::NothingChanged(Obstacle::Interrupted));

    // Amid the ask: on to the escrow, and the record of it.
    let mut run = asked();
    run.state = run.state.interrupt();
    assert!(!run.state.may_end_at_once());
    run.step();
    assert!(!run.state.may_end_at_once());
    assert_eq!(run.state.action(), Action::WriteEscrow { attempt: 1 });
    run.step();
    assert!(run.state.may_end_at_once());
    assert_eq!(run.end(), Ending::Unfinished(Obstacle::Interrupted));
    assert!(run.journal().unfinished.unwrap().held().is_some());

    // Amid a push: what came of it is written down.
    let mut run = asked();
    run.until(|action| matches!(action, Action::Push { .. }));
    run.state = run.state.interrupt();
    run.step();
    assert_eq!(run.state.action(), Action::SaveJournal);
    assert_eq!(run.end(), Ending::Unfinished(Obstacle::Interrupted));
    assert_eq!(run.journal().unfinished.unwrap().pushed().count(), 1);
}

#[test]
fn signals_wait_while_the_token_is_in_memory_alone() {
    let mut run = asked();
    run.step();
    let expires_at = Some(run.shows);
    let refused = Event::Escrowed {
        stored: false,
        expires_at,
    };
    run.tell(refused.clone());
    run.state = run.state.interrupt();
    let mut tries = 0;
    while tries < 20 || !matches!(run.state.action(), Action::WriteEscrow { .. }) {
        tries += 1;
        assert!(!run.state.may_end_at_once());
        match run.state.action() {
            Action::Push { .. } => run.tell(Event::Pushed(false)),
            Action::WriteEscrow { .. } => run.tell(refused.clone()),
            _ => run.step(),
        }
    }
    // One sink that has it is enough.
    let mut pushed = run.clone();
    pushed.tell(refused);
    pushed.until(|action| matches!(action, Action::Push { .. }));
    pushed.step();
    assert_eq!(pushed.end(), Ending::Unfinished(Obstacle::Interrupted));
    // So is the escrow.
    run.step();
    assert_eq!(run.end(), Ending::Unfinished(Obstacle::Interrupted));
}
