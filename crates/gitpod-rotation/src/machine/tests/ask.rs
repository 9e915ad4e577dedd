//! Rules 3 and 4, and ambiguous answers.

use super::*;

#[test]
fn the_wait_is_counted_by_the_services_date_after_a_crash_too() {
    let journal = asked().journal();
    let mut run = Run::new(plan(), Some(journal.clone()), Escrow::Empty);
    run.date += Duration::from_secs(79);
    run.step();
    assert!(matches!(run.state.action(), Action::Wait(_)));
    // An hour by this side's clock is no argument.
    run.now += Duration::from_secs(3600);
    run.tell(Event::Waited);
    run.step();
    assert!(matches!(run.state.action(), Action::Wait(_)));
    run.date += Duration::from_secs(1);
    run.tell(Event::Waited);
    assert_eq!(run.end(), Ending::Done);
    assert_eq!(run.journal().last.unwrap().lives_seconds.len(), 2);

    // The settle time is the journal's.
    let short = Plan {
        settle: Some(Duration::ZERO),
        ..plan()
    };
    let mut run = Run::new(short, None, Escrow::Absent);
    run.until_ask();
    let mut run = Run::new(plan(), Some(run.journal()), Escrow::Empty);
    run.date += Duration::from_secs(20);
    run.step();
    assert_eq!(run.state.action(), Action::TryOld { asked: true });
    run.step();
    assert!(matches!(run.state.action(), Action::CheckCredential { .. }));
}

/// After a crash, with an expiry that is as it was and a wait that is over: what the old token says.
#[test]
fn an_unchanged_expiry_means_nothing_while_the_old_token_is_dead() {
    let worked = |before: Probe| {
        let mut run = Run::new(plan(), None, Escrow::Absent);
        run.until(|action| *action == Action::TryOld { asked: false });
        run.tell(Event::Tried(before));
        run.until_ask();
        let mut run = Run::new(plan(), Some(run.journal()), Escrow::Empty);
        run.date += Duration::from_secs(3600);
        run.step();
        assert_eq!(run.state.action(), Action::TryOld { asked: true });
        run
    };
    let goes_on = |mut run: Run, now| {
        run.tell(Event::Tried(now));
        matches!(run.state.action(), Action::CheckCredential { .. })
    };
    // It worked, or nobody knows whether it did.
    assert!(goes_on(worked(Probe::Live), Probe::Live));
    assert!(goes_on(worked(Probe::Live), Probe::Unknown));
    assert!(goes_on(worked(Probe::Unknown), Probe::Dead));
    assert!(goes_on(worked(Probe::Dead), Probe::Dead));
    // It has expired meanwhile, or that can't be told.
    let mut expired = worked(Probe::Live);
    expired.state.date = Some(at(BEFORE));
    assert!(goes_on(expired, Probe::Dead));
    let mut undated = worked(Probe::Live);
    undated.state.date = None;
    assert!(goes_on(undated, Probe::Dead));
    // The read is stale, for as long as it is polled.
    let mut run = worked(Probe::Live);
    run.tell(Event::Tried(Probe::Dead));
    let mut shown = run.clone();
    let mut waited = 0;
    loop {
        match run.until(|action| matches!(action, Action::TryOld { .. } | Action::End(_))) {
            Action::TryOld { .. } => run.tell(Event::Tried(Probe::Dead)),
            action => break assert_eq!(action, Action::End(Ending::Unfinished(Obstacle::Stale))),
        }
        waited += 1;
    }
    assert_eq!(waited, 12, "for 60 s, every 5 s");
    // Or until it isn't.
    let life = shown.state.journal().unfinished.as_ref().unwrap().attempts[0].life_seconds;
    shown.shows = at(NOW) + Duration::from_secs(life);
    assert_eq!(shown.end(), Ending::Done);
    assert_eq!(shown.journal().last.unwrap().lives_seconds.len(), 2);
}

#[test]
fn a_lost_token_is_asked_for_again_with_another_life() {
    let mut run = asked();
    let first = run.until_ask();
    run.shows = run.date + Duration::from_secs(first);
    run.tell(Event::Asked(Asked::Ambiguous));
    run.step();
    // No wait is needed.
    assert!(matches!(run.state.action(), Action::ReadAuditLog { .. }));
    let mut someone = run.clone();
    someone.tell(Event::Audit(Audit::SomeoneElse));
    assert_eq!(someone.end(), Ending::Superseded);
    let second = run.until_ask();
    assert_ne!(first, second);
    assert!(run.state.journal().unfinished().unwrap().old_token_dead());
    assert_eq!(run.end(), Ending::Done);
}

#[test]
fn a_lost_token_can_be_left_to_a_person() {
    let careful = Plan {
        if_lost: IfLost::Fail,
        ..plan()
    };
    let mut run = Run::new(careful, None, Escrow::Absent);
    let life = run.until_ask();
    run.shows = run.date + Duration::from_secs(life);
    run.tell(Event::Asked(Asked::Ambiguous));
    assert_eq!(run.end(), Ending::Lost(Obstacle::ByRequest));
    // Who then resumes without it has it asked for again.
    let mut resumed = Run::new(plan(), Some(run.journal()), Escrow::Empty);
    resumed.shows = run.shows;
    assert_eq!(resumed.end(), Ending::Done);
}

#[test]
fn what_provably_failed_is_asked_three_times_at_most() {
    for (asked, times) in [
        (Asked::NotSent, 3),
        (Asked::Busy, 3),
        (Asked::Refused, 1),
        (Asked::Ambiguous, 3),
    ] {
        let mut run = Run::new(plan(), None, Escrow::Absent);
        for _ in 0..times {
            run.until_ask();
            run.tell(Event::Asked(asked));
        }
        let ending = run.end();
        assert!(
            matches!(ending, Ending::NothingChanged(_)),
            "{asked:?} {ending:?}"
        );
        assert_eq!(run.journal().unfinished, None);
        assert_eq!(run.journal().last.unwrap().end, End::NotExecuted);
    }
}

#[test]
fn a_configuration_that_is_gone_closes_the_journal_unless_a_token_is_in_hand() {
    let mut run = asked();
    run.tell(Event::Asked(Asked::NotFound));
    assert_eq!(run.end(), Ending::Gone);
    assert_eq!(run.journal().last.unwrap().end, End::Gone);

    let gone = Event::Read(Err(Unreadable::NotFound));
    let mut run = asked();
    run.tell(Event::Asked(Asked::Ambiguous));
    run.tell(gone.clone());
    assert!(matches!(run.state.action(), Action::Wait(_)));
    run.date += Duration::from_secs(80);
    run.now += Duration::from_secs(80);
    run.tell(Event::Waited);
    run.tell(gone.clone());
    assert_eq!(run.end(), Ending::Gone);

    let mut run = asked();
    run.step();
    run.until(|action| matches!(action, Action::Read { .. }));
    run.tell(gone);
    assert_eq!(run.end(), Ending::Unfinished(Obstacle::NotFound));
    assert!(run.journal().unfinished.is_some());
}
