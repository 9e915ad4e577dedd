//! Rules 1 and 2.

use super::*;

#[test]
fn a_scheduled_run_does_nothing_while_more_life_is_left() {
    let (journal, expires_at) = finished();
    for (days, ending) in [(30, Ending::NothingDue), (366, Ending::Done)] {
        let mut run = Run::new(scheduled(days), Some(journal.clone()), Escrow::Absent);
        run.shows = expires_at;
        assert_eq!(run.end(), ending);
    }
}

#[test]
fn without_a_date_the_life_left_is_unknown() {
    let mut run = Run::new(scheduled(30), None, Escrow::Absent);
    run.tell(Event::Read(Ok(Reading {
        expires_at: at(BEFORE),
        date: None,
        probe: Probe::Unknown,
    })));
    assert_eq!(run.end(), Ending::NothingChanged(Obstacle::Unreadable));
}

#[test]
fn drift_ends_a_scheduled_run_and_is_told_to_a_person() {
    let (journal, expires_at) = finished();
    let mut run = Run::new(scheduled(30), Some(journal.clone()), Escrow::Absent);
    assert_eq!(run.end(), Ending::Drift);
    assert_eq!(run.state.drift(), [Drift::Expiry]);

    let mut run = Run::new(scheduled(30), Some(journal.clone()), Escrow::Absent);
    run.shows = expires_at;
    run.until(|action| matches!(action, Action::Verify { sink: 1, .. }));
    run.tell(Event::Verified(Some(Verdict::Doesnt)));
    assert_eq!(run.end(), Ending::Drift);
    assert_eq!(run.state.drift(), [Drift::Sink(1)]);

    // The same by hand is a reason to rotate.
    let mut run = Run::new(plan(), Some(journal), Escrow::Absent);
    assert_eq!(run.end(), Ending::Done);
    assert_eq!(run.state.drift(), [Drift::Expiry]);
}

#[test]
fn an_expired_token_is_a_normal_start() {
    let mut run = Run::new(scheduled(30), None, Escrow::Absent);
    run.date = at(BEFORE) + Duration::from_secs(1);
    for _ in 0..2 {
        run.until(|action| matches!(action, Action::Verify { .. }));
        run.tell(Event::Verified(Some(Verdict::Doesnt)));
    }
    assert_eq!(run.end(), Ending::Done);
}

#[test]
fn a_preflight_asks_every_sink_and_changes_nothing() {
    let mut run = Run::new(plan(), None, Escrow::Absent);
    run.until(|action| matches!(action, Action::Preflight { sink: 0 }));
    run.tell(Event::Preflight(false));
    run.tell(Event::Preflight(false));
    assert_eq!(run.end(), Ending::NothingChanged(Obstacle::Preflight));
    assert_eq!(run.state.refusing(), [0, 1]);
    assert_eq!(run.journal(), Journal::new("c"));
}

#[test]
fn a_credential_has_to_do() {
    for (credential, ending) in [
        (CredentialCheck::EndsTooSoon, Ending::CredentialEndsTooSoon),
        (
            CredentialCheck::ReadOnly,
            Ending::NothingChanged(Obstacle::ReadOnlyCredential),
        ),
    ] {
        let mut run = Run::new(scheduled(300), None, Escrow::Absent);
        let action = run.until(|action| matches!(action, Action::CheckCredential { .. }));
        let outlives = Some(Duration::from_secs(65 * 86_400));
        assert_eq!(action, Action::CheckCredential { outlives });
        run.tell(Event::Credential(credential));
        assert_eq!(run.end(), ending);
    }
}

#[test]
fn a_dry_run_stops_before_anything_is_written_down() {
    let dry = Plan {
        dry_run: true,
        ..plan()
    };
    let mut run = Run::new(dry, None, Escrow::Absent);
    assert_eq!(run.end(), Ending::Ready);
    assert_eq!(run.journal(), Journal::new("c"));
}

/// A checklist has all that is to be mended, and the run ends as one that isn't dry would.
#[test]
fn a_dry_run_goes_on_after_what_it_finds() {
    let (journal, _) = finished();
    let dry = |plan| Plan {
        dry_run: true,
        ..plan
    };
    let failed = |why| Event::Read(Err(why));
    let wrong = |why| Ending::NothingChanged(why);
    let reading = Event::Read(Ok(Reading {
        expires_at: at(BEFORE),
        date: None,
        probe: Probe::Unknown,
    }));
    for (plan, journal, first, ending) in [
        (
            plan(),
            None,
            failed(Unreadable::Failed),
            wrong(Obstacle::Unreadable),
        ),
        (plan(), None, failed(Unreadable::NotFound), Ending::Gone),
        (
            scheduled(30),
            None,
            failed(Unreadable::Failed),
            wrong(Obstacle::Unreadable),
        ),
        (
            scheduled(30),
            None,
            reading.clone(),
            wrong(Obstacle::Unreadable),
        ),
        (scheduled(30), Some(journal), reading, Ending::Drift),
    ] {
        let asks_sinks = plan.rotate_before.is_some();
        let mut run = Run::new(dry(plan), journal, Escrow::Absent);
        run.tell(first);
        for _ in 0..if asks_sinks { 2 } else { 0 } {
            assert!(matches!(run.state.action(), Action::Verify { .. }));
            run.step();
        }
        assert!(matches!(run.state.action(), Action::CheckCredential { .. }));
        run.tell(Event::Credential(CredentialCheck::ReadOnly));
        for sink in 0..2 {
            assert_eq!(run.state.action(), Action::Preflight { sink });
            run.tell(Event::Preflight(false));
        }
        assert_eq!(run.state.action(), Action::ReserveEscrow);
        run.tell(Event::Stored(false));
        assert_eq!(run.end(), ending);
    }
    // Whatever is found first is what it ends with.
    let mut run = Run::new(dry(plan()), None, Escrow::Absent);
    run.until(|action| matches!(action, Action::CheckCredential { .. }));
    run.tell(Event::Credential(CredentialCheck::ReadOnly));
    assert_eq!(run.end(), wrong(Obstacle::ReadOnlyCredential));
    let mut run = Run::new(dry(scheduled(300)), None, Escrow::Absent);
    run.until(|action| matches!(action, Action::CheckCredential { .. }));
    run.tell(Event::Credential(CredentialCheck::EndsTooSoon));
    assert!(matches!(run.state.action(), Action::Preflight { .. }));
    assert_eq!(run.end(), Ending::CredentialEndsTooSoon);
    let mut run = Run::new(dry(plan()), None, Escrow::Absent);
    run.until(|action| matches!(action, Action::ReserveEscrow));
    run.tell(Event::Stored(false));
    assert_eq!(run.end(), wrong(Obstacle::Escrow));
    assert_eq!(run.journal(), Journal::new("c"));
}

/// What would stop a schedule on the day when a rotation is due is told on the day when it is made.
#[test]
fn a_dry_run_of_a_schedule_is_about_the_day_when_one_is_due() {
    let (journal, expires_at) = finished();
    for (credential, ending) in [
        (CredentialCheck::Fine, Ending::Ready),
        (CredentialCheck::EndsTooSoon, Ending::CredentialEndsTooSoon),
    ] {
        let dry = Plan {
            dry_run: true,
            ..scheduled(30)
        };
        let mut run = Run::new(dry, Some(journal.clone()), Escrow::Absent);
        run.shows = expires_at;
        run.until(|action| matches!(action, Action::CheckCredential { .. }));
        run.tell(Event::Credential(credential));
        assert_eq!(run.end(), ending);
    }
}

#[test]
fn flags_that_contradict_an_unfinished_journal_are_named_with_it() {
    let journal = asked().journal();
    let with = |change: fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        let error = start(plan, journal.clone(), Escrow::Empty).unwrap_err();
        error.to_string()
    };
    let error = with(|plan| plan.sinks = Some(vec!["file".into(), "idp".into()]));
    assert!(
        error.contains("file, idp") && error.contains("idp, file"),
        "{error}"
    );
    let error = with(|plan| plan.life = Some(Duration::from_secs(86_400)));
    assert!(
        error.contains("86400 s") && error.contains("31536000 s"),
        "{error}"
    );
    let error = with(|plan| plan.settle = Some(Duration::from_secs(1)));
    assert!(error.contains("1 s") && error.contains("60 s"), "{error}");
    with(|plan| plan.dry_run = true);
    with(|plan| plan.configuration = "d".into());
    // What is the same, or not said, doesn't.
    let same = Plan {
        sinks: None,
        life: Some(Duration::from_secs(31_536_000)),
        settle: Some(Duration::from_secs(60)),
        ..plan()
    };
    let state = start(same, journal, Escrow::Empty).unwrap();
    assert_eq!(*state.sinks(), ["idp", "file"]);
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    let refused = |plan| State::start(plan, None, Escrow::Absent, 0).unwrap_err();
    assert_eq!(refused(Plan::new("c", [""; 0])), StartError::NoSinks);
    let twice = refused(Plan::new("c", ["a", "b", "a"]));
    assert_eq!(twice, StartError::SinkTwice("a".into()));
    for seconds in [86_399, 63_072_001] {
        let life = Some(Duration::from_secs(seconds));
        assert_eq!(refused(Plan { life, ..plan() }), StartError::Life);
    }
}

#[test]
fn a_stray_escrow_is_never_written_over() {
    let whole = |attempt| Escrow::Whole {
        attempt,
        expires_at: None,
    };
    for escrow in [Escrow::Torn, whole(1)] {
        let error = State::start(plan(), None, escrow, 0).unwrap_err();
        assert_eq!(error, StartError::StrayEscrow);
    }
    let error = start(plan(), asked().journal(), whole(2)).unwrap_err();
    assert_eq!(error, StartError::StrayEscrow);
    State::start(plan(), None, Escrow::Empty, 0).unwrap();
}
