//! Everything that can come of an action.

use super::service::{By, Request};
use super::world::{InEscrow, Tells, World};
use crate::event::{Asked, Audit, CredentialCheck};
use crate::reading::SLACK;
use crate::rules::Rule;
use crate::{Action, Event, Probe, Reading, Unreadable, Verdict};

/// A world in which an action has had its effect, and the event that tells of it.
type Effect = (&'static str, World, Event);

impl World {
    /// Everything that can come of an action; first what does if nothing goes wrong.
    pub(super) fn effects(&self, action: &Action) -> Vec<Effect> {
        match *action {
            Action::Read { probe } => self.reads(probe),
            Action::CheckCredential { .. } => {
                vec![(
                    "credential",
                    self.clone(),
                    Event::Credential(CredentialCheck::Fine),
                )]
            }
            Action::TryOld { asked } => self.tries(asked),
            Action::Preflight { sink } => {
                let well = !self.sinks[sink].broken;
                let mut effects = vec![("preflight", self.clone(), Event::Preflight(well))];
                let fault = self.fault().filter(|_| well);
                effects.extend(fault.map(|world| ("refusal", world, Event::Preflight(false))));
                effects
            }
            Action::ReserveEscrow => {
                let mut world = self.clone();
                world.must_be_let_go();
                world.escrow.write(InEscrow::Empty, true);
                self.stored("reserve", world)
            }
            Action::SaveJournal => {
                let process = self.process.as_ref().unwrap();
                let synced = !process.state.is_saving_asked() || self.rules.hold(Rule::AskedSynced);
                let mut world = self.clone();
                let journal = process.state.journal().clone();
                if journal.unfinished.is_some() && !self.unfinished() {
                    world.memory.rotation += 1;
                }
                world.journal.write(Some(journal.into()), synced);
                let mut effects = self.stored("save", world.clone());
                if !matches!(self.escrow.is, InEscrow::Whole { .. }) && process.hand.is_some() {
                    for (_, world, event) in &mut effects {
                        world.memory.undocumented |= *event == Event::Stored(false);
                    }
                }
                if let Some(left) = world.left.faults.checked_sub(1) {
                    world.left.faults = left;
                    effects.push(("saved, and reported as not", world, Event::Stored(false)));
                }
                effects
            }
            Action::RemoveEscrow => {
                let mut world = self.clone();
                world.must_be_let_go();
                world.escrow.write(InEscrow::Absent, true);
                self.stored("remove escrow", world)
            }
            Action::Ask {
                attempt,
                life_seconds,
                deadline,
            } => self.asks(attempt, life_seconds, deadline.as_secs()),
            Action::WriteEscrow { attempt } => self.escrows(attempt),
            Action::Push { sink } => self.pushes(sink),
            Action::Verify {
                sink,
                token_in_hand,
            } => self.verifies(sink, token_in_hand),
            Action::ReadAuditLog { .. } => {
                let nothing = Event::Audit(Audit::Nothing);
                let mut effects = vec![("audit log", self.clone(), nothing)];
                if self.service.live_token().by == By::SomeoneElse {
                    let someone = Event::Audit(Audit::SomeoneElse);
                    effects.push(("audit log names someone", self.clone(), someone));
                }
                effects
            }
            Action::Wait(time) => {
                let mut world = self.clone();
                world.pass(time.as_secs());
                vec![("wait", world, Event::Waited)]
            }
            Action::End(_) => Vec::new(),
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.service.now += seconds.cast_signed();
        if let Some(process) = &mut self.process {
            process.ran += seconds;
        }
    }

    fn stored(&self, what: &'static str, done: World) -> Vec<Effect> {
        let mut effects = vec![(what, done, Event::Stored(true))];
        effects.extend(
            self.fault()
                .map(|world| ("the disk refuses", world, Event::Stored(false))),
        );
        effects
    }

    fn reads(&self, probe: bool) -> Vec<Effect> {
        let live = self.service.live();
        let hand = self.process.as_ref().and_then(|process| process.hand);
        let reading = |token| Reading {
            expires_at: self.service.shown(token),
            date: self.service.date(),
            probe: match hand {
                Some(hand) if probe && self.service.ways.probe => {
                    if hand == live {
                        Probe::Live
                    } else {
                        Probe::Dead
                    }
                }
                _ => Probe::Unknown,
            },
        };
        let mut world = self.clone();
        world.memory.read = Some(live);
        world.memory.contradicted = false;
        world.service.lagging = None;
        let mut effects = vec![("read", world.clone(), Event::Read(Ok(reading(live))))];
        if let Some(shown) = self.service.lagging {
            world = self.lag(shown);
            effects.insert(
                0,
                ("read, still stale", world, Event::Read(Ok(reading(shown)))),
            );
            return effects;
        }
        if let Some(mut world) = self.fault() {
            world.memory.read = None;
            let failed = Event::Read(Err(Unreadable::Failed));
            effects.push(("read fails", world.clone(), failed));
            let not_found = Event::Read(Err(Unreadable::NotFound));
            effects.push(("read says not found", world.clone(), not_found));
            if live > 0 {
                let left = world.left;
                world = self.lag(live - 1);
                world.left = left;
                effects.push(("stale read", world, Event::Read(Ok(reading(live - 1)))));
            }
        }
        effects
    }

    /// The world after a read that showed this token, which is dead.
    fn lag(&self, shown: usize) -> World {
        let mut world = self.clone();
        world.memory.read = None;
        world.memory.deceived = true;
        let died = self.service.tokens[shown].died.unwrap();
        world.memory.misled |= self.service.now - died > 60;
        world.service.lagging = self.service.ways.lags.then_some(shown);
        world
    }

    fn tries(&self, asked: bool) -> Vec<Effect> {
        let mut world = self.clone();
        let process = world.process.as_mut().unwrap();
        let held = self
            .sinks
            .iter()
            .filter(|sink| sink.tells == Tells::Content);
        let mut held = held.filter_map(|sink| sink.holds);
        let live = self.service.live();
        let tried = match process.old {
            Some(old) if asked => Some(old),
            _ => held.clone().find(|held| *held == live).or(held.next()),
        };
        let probe = match tried.filter(|_| self.service.ways.probe) {
            None => Probe::Unknown,
            Some(tried) if tried == live => Probe::Live,
            Some(_) => Probe::Dead,
        };
        if !asked {
            process.old = tried.filter(|_| probe == Probe::Live);
        } else if process.old.is_some() {
            world.memory.contradicted = probe == Probe::Dead;
        }
        let mut effects = vec![("try the old token", world, Event::Tried(probe))];
        if probe != Probe::Unknown {
            let unknown = |mut world: World| {
                world.process.as_mut().unwrap().old = self
                    .process
                    .as_ref()
                    .and_then(|process| process.old)
                    .filter(|_| asked);
                (
                    "the endpoint says nothing",
                    world,
                    Event::Tried(Probe::Unknown),
                )
            };
            effects.extend(self.fault().map(unknown));
        }
        effects
    }

    fn asks(&self, attempt: u32, life: u64, deadline: u64) -> Vec<Effect> {
        let mut sent = self.clone();
        sent.must_not_kill_theirs(self.process.as_ref().unwrap().state.journal());
        sent.must_not_kill_ours();
        sent.process.as_mut().unwrap().asked = true;
        let rotation = sent.memory.rotation;
        // The last seconds are those from D to the ask.
        let until = self.service.now + deadline.cast_signed() + 60 + SLACK;
        let request = |again| Request {
            rotation,
            attempt,
            life,
            until,
            again,
        };
        let mut executed = sent.clone();
        let token = executed
            .service
            .regenerate(life, By::Us { rotation, attempt });
        let date = executed.service.date();
        let mut lost = executed.clone();
        executed.process.as_mut().unwrap().hand = Some(token);
        let answered = Event::Asked(Asked::Answered { date });
        let mut effects = vec![("ask, answered", executed.clone(), answered.clone())];
        let Some(left) = self.left.faults.checked_sub(1) else {
            return effects;
        };
        for world in [&mut sent, &mut executed, &mut lost] {
            world.left.faults = left;
        }
        executed.service.requests.push(request(true));
        effects.push(("ask, executed and still on its way", executed, answered));
        for (what, asked) in [
            ("ask, provably not sent", Asked::NotSent),
            ("ask, provably refused", Asked::Refused),
        ] {
            effects.push((what, sent.clone(), Event::Asked(asked)));
        }
        lost.pass(deadline);
        let ambiguous = Event::Asked(Asked::Ambiguous);
        effects.push(("ask, answer lost", lost, ambiguous.clone()));
        sent.pass(deadline);
        effects.push(("ask, request lost", sent.clone(), ambiguous.clone()));
        sent.service.requests.push(request(false));
        effects.push(("ask, request delayed", sent, ambiguous));
        effects
    }

    fn escrows(&self, attempt: u32) -> Vec<Effect> {
        let token = self
            .process
            .as_ref()
            .and_then(|process| process.hand)
            .unwrap();
        let event = |stored| Event::Escrowed {
            stored,
            expires_at: Some(self.service.tokens[token].expires_at),
        };
        let mut world = self.clone();
        let synced = self.rules.hold(Rule::EscrowSynced);
        world
            .escrow
            .write(InEscrow::Whole { attempt, token }, synced);
        let mut effects = vec![("escrow", world, event(true))];
        effects.extend(self.fault().map(|mut world| {
            world.escrow.write(InEscrow::Torn, true);
            ("the escrow can't be written", world, event(false))
        }));
        effects
    }

    fn pushes(&self, sink: usize) -> Vec<Effect> {
        let process = self.process.as_ref().unwrap();
        let token = process.hand.unwrap();
        let started = process.started;
        let mut kept = self.clone();
        kept.must_be_worth_pushing(token, started);
        let mut taken = kept.clone();
        taken.sinks[sink].holds = Some(token);
        if self.sinks[sink].broken {
            return vec![("the sink is broken", kept, Event::Pushed(false))];
        }
        let mut effects = vec![("push", taken.clone(), Event::Pushed(true))];
        let Some(left) = self.left.faults.checked_sub(1) else {
            return effects;
        };
        kept.left.faults = left;
        taken.left.faults = left;
        effects.push(("pushed, and reported as not", taken, Event::Pushed(false)));
        effects.push(("push fails", kept.clone(), Event::Pushed(false)));
        // Of a sink that can't tell nobody can find out.
        if self.sinks[sink].tells != Tells::Nothing {
            let mut other = kept.clone();
            other.sinks[sink].holds = None;
            effects.push(("push, reported as done", other, Event::Pushed(true)));
        }
        kept.sinks[sink].broken = true;
        effects.push(("the sink breaks for good", kept, Event::Pushed(false)));
        effects
    }

    fn verifies(&self, sink: usize, token_in_hand: bool) -> Vec<Effect> {
        let there = &self.sinks[sink];
        let hand = self.process.as_ref().and_then(|process| process.hand);
        let works = match there.tells {
            Tells::Liveness => Some(there.holds == Some(self.service.live())),
            Tells::Content if token_in_hand && hand.is_some() => Some(there.holds == hand),
            Tells::Content if !token_in_hand && self.service.ways.probe => {
                there.holds.map(|held| held == self.service.live())
            }
            _ => None,
        };
        let verdict = match works {
            Some(true) => Verdict::Works,
            Some(false) => Verdict::Doesnt,
            None => Verdict::CantTell,
        };
        let mut effects = vec![("verify", self.clone(), Event::Verified(Some(verdict)))];
        effects.extend(
            self.fault()
                .map(|world| ("verify fails", world, Event::Verified(None))),
        );
        effects
    }
}
