//! The machine step by step, where the checker's invariants don't say what exactly is to happen.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::event::{Asked, Audit, CredentialCheck};
use crate::journal::Fate;
use crate::{Escrow, IfLost, Probe, StartError, Unreadable};

const BEFORE: &str = "2027-01-01T00:00:00.5Z";
const NOW: &str = "2026-06-01T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn plan() -> Plan {
    Plan::new("c", ["idp", "file"])
}

fn scheduled(days: u64) -> Plan {
    Plan {
        rotate_before: Some(Duration::from_secs(days * 86_400)),
        ..plan()
    }
}

/// A process: its machine, and time.
#[derive(Clone)]
struct Run {
    state: State,
    now: Duration,
    /// What a read shows.
    shows: Timestamp,
    date: Timestamp,
}

impl Run {
    fn new(plan: Plan, journal: Option<Journal>, escrow: Escrow) -> Self {
        Self {
            state: State::start(plan, journal, escrow, 0).unwrap(),
            now: Duration::ZERO,
            shows: at(BEFORE),
            date: at(NOW),
        }
    }

    fn tell(&mut self, event: Event) {
        self.state = self.state.step(event, self.now).unwrap();
    }

    /// What comes of the next action if nothing goes wrong.
    fn well(&self) -> Event {
        match self.state.action() {
            Action::Read { .. } => Event::Read(Ok(Reading {
                expires_at: self.shows,
                date: Some(self.date),
                probe: Probe::Unknown,
            })),
            Action::CheckCredential { .. } => Event::Credential(CredentialCheck::Fine),
            Action::Preflight { .. } => Event::Preflight(true),
            Action::ReserveEscrow | Action::SaveJournal | Action::RemoveEscrow => {
                Event::Stored(true)
            }
            Action::Ask { .. } => Event::Asked(Asked::Answered {
                date: Some(self.date),
            }),
            Action::WriteEscrow { .. } => Event::Escrowed {
                stored: true,
                expires_at: Some(self.shows),
            },
            Action::Push { .. } => Event::Pushed(true),
            Action::Verify { .. } => Event::Verified(Some(Verdict::CantTell)),
            Action::ReadAuditLog { .. } => Event::Audit(Audit::Nothing),
            Action::Wait(_) => Event::Waited,
            Action::End(ending) => panic!("it ended: {ending:?}"),
        }
    }

    /// One step, in which the world does what it should.
    fn step(&mut self) {
        match self.state.action() {
            Action::Wait(time) => {
                self.now += time;
                self.date += time;
            }
            Action::Ask { life_seconds, .. } => {
                self.shows = self.date + Duration::from_secs(life_seconds);
            }
            _ => {}
        }
        self.tell(self.well());
    }

    /// On, while all goes well, up to an action.
    fn until(&mut self, stop: impl Fn(&Action) -> bool) -> Action {
        for _ in 0..200 {
            let action = self.state.action();
            if stop(&action) {
                return action;
            }
            self.step();
        }
        panic!("never there: {:?}", self.state)
    }

    fn end(&mut self) -> Ending {
        match self.until(|action| matches!(action, Action::End(_))) {
            Action::End(ending) => ending,
            _ => unreachable!(),
        }
    }

    fn until_ask(&mut self) -> u64 {
        match self.until(|action| matches!(action, Action::Ask { .. })) {
            Action::Ask { life_seconds, .. } => life_seconds,
            _ => unreachable!(),
        }
    }

    fn journal(&self) -> Journal {
        self.state.journal().clone()
    }
}

/// The journal of a rotation that went well.
fn finished() -> (Journal, Timestamp) {
    let mut run = Run::new(plan(), None, Escrow::Absent);
    assert_eq!(run.end(), Ending::Done);
    (run.journal(), run.shows)
}

#[test]
fn all_goes_well_in_this_order() {
    let mut run = Run::new(plan(), None, Escrow::Absent);
    let mut said = Vec::new();
    loop {
        let action = run.state.action();
        said.push(match &action {
            Action::SaveJournal => match &run.state.journal.unfinished {
                Some(rotation) if rotation.verified => "save verified".into(),
                Some(rotation) => match rotation.attempts[0].fate {
                    Fate::Answered { .. } => format!("save {}", rotation.pushed().count()),
                    _ => "save asked".into(),
                },
                None => "save finished".into(),
            },
            action => format!("{action:?}")
                .split(&[' ', '('][..])
                .next()
                .unwrap()
                .into(),
        });
        if matches!(action, Action::End(_)) {
            break;
        }
        run.step();
    }
    let expected = "Read CheckCredential Preflight Preflight ReserveEscrow Read save_asked Read Ask \
                    WriteEscrow save_0 Read Push save_1 Push save_2 Verify Verify Read \
                    save_verified RemoveEscrow save_finished End";
    let said: Vec<_> = said.iter().map(|word| word.replace(' ', "_")).collect();
    assert_eq!(said.join(" "), expected);
    let journal = run.journal();
    assert_eq!(journal.last().unwrap().end(), End::Finished);
    assert_eq!(journal.last().unwrap().expires_at(), run.shows);
}

#[test]
fn an_event_of_another_action_is_the_drivers_mistake() {
    let run = Run::new(plan(), None, Escrow::Absent);
    assert_eq!(
        run.state.step(Event::Pushed(true), Duration::ZERO),
        Err(UnexpectedEvent)
    );
}

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

/// A journal with an ask in it of which nothing is known.
fn asked() -> Run {
    let mut run = Run::new(plan(), None, Escrow::Absent);
    run.until_ask();
    run
}

fn start(plan: Plan, journal: Journal, escrow: Escrow) -> Result<State, StartError> {
    State::start(plan, Some(journal), escrow, 0)
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
    assert!(matches!(run.state.action(), Action::CheckCredential { .. }));
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
