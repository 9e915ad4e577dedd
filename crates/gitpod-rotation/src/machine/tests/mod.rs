//! The machine step by step, where the checker's invariants don't say what exactly is to happen.

mod ask;
mod begin;
mod deliver;

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
            Action::TryOld { .. } => Event::Tried(Probe::Unknown),
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
    let expected = "Read CheckCredential Preflight Preflight ReserveEscrow TryOld Read save_asked Read Ask \
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

/// A journal with an ask in it of which nothing is known.
fn asked() -> Run {
    let mut run = Run::new(plan(), None, Escrow::Absent);
    run.until_ask();
    run
}

fn start(plan: Plan, journal: Journal, escrow: Escrow) -> Result<State, StartError> {
    State::start(plan, Some(journal), escrow, 0)
}
