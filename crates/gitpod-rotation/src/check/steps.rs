//! Everything that can happen next in the checker's world.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::explore::Model;
use super::service::{By, LIFE, Request};
use super::world::{Bounds, InEscrow, Process, Tells, World};
use crate::event::{Asked, Audit, CredentialCheck};
use crate::reading::SLACK;
use crate::rules::Rule;
use crate::{Action, Event, Probe, Reading, Unreadable, Verdict};

/// A world in which an action has had its effect, and the event that tells of it.
type Effect = (&'static str, World, Event);

impl Model for World {
    fn next(&self) -> Vec<(&'static str, World)> {
        let mut next = Vec::new();
        let Some(action) = self.pending() else {
            if self.left.runs > 0 {
                let mut world = self.clone();
                world.left.runs -= 1;
                world.begin(None);
                next.push(("a run begins", world));
                if !self.service.requests.is_empty() {
                    let mut world = self.clone();
                    world.left.runs -= 1;
                    world.service.now += 300;
                    world.begin(None);
                    next.push(("a run begins 5 minutes later", world));
                }
            }
            self.surroundings(&mut next);
            return next;
        };
        // What the world does meanwhile matters where something of ours looks at it or changes it;
        // past anything else it can be moved.
        if matches!(
            action,
            Action::Read { .. }
                | Action::Ask { .. }
                | Action::Push { .. }
                | Action::Verify { .. }
                | Action::End(_)
        ) {
            self.surroundings(&mut next);
        }
        if matches!(action, Action::Read { .. } | Action::Push { .. })
            && let Some(mut world) = self.fault()
            && !self.memory.slept
        {
            world.service.now += 600;
            world.memory.slept = true;
            next.push(("this machine sleeps", world));
        }
        if self.left.signals > 0 {
            let mut world = self.clone();
            world.left.signals -= 1;
            let process = world.process.as_mut().unwrap();
            process.state = process.state.interrupt();
            next.push(("signal", world));
        }
        for (what, world, event) in self.effects(&action) {
            if self.left.crashes > 0 {
                let mut world = world.clone();
                world.left.crashes -= 1;
                world.crash();
                next.push((CRASHED, world));
            }
            next.push((what, world.told(event)));
        }
        if let Action::WriteEscrow { .. } = action
            && self.left.crashes > 0
        {
            let mut world = self.clone();
            world.left.crashes -= 1;
            world.escrow.write(InEscrow::Torn, true);
            world.crash();
            next.push(("crash amid the escrow", world));
        }
        if let Action::End(ending) = action {
            next.push(("end", self.ended(ending)));
        }
        for (_, world) in &mut next {
            world.remember();
        }
        next
    }

    fn broken(&self) -> Option<&'static str> {
        let resting = self.process.is_none() && self.service.requests.is_empty();
        self.memory
            .broken
            .or_else(|| resting.then(|| self.broken_at_rest_once()).flatten())
    }

    fn landmark(&self) -> Option<String> {
        self.memory.ending.map(|ending| format!("{ending:?}"))
    }
}

const CRASHED: &str = "done, and crash";

impl World {
    /// [`broken_at_rest`](Self::broken_at_rest), but not again for a world that differs in what is
    /// still to come alone.
    fn broken_at_rest_once(&self) -> Option<&'static str> {
        thread_local! {
            static WELL: RefCell<HashSet<u64>> = RefCell::default();
        }
        let mut world = self.clone();
        world.left = Bounds::NOTHING;
        world.memory.ending = None;
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        let hash = hasher.finish();
        if WELL.with_borrow(|well| well.contains(&hash)) {
            return None;
        }
        let broken = world.broken_at_rest();
        if broken.is_none() {
            WELL.with_borrow_mut(|well| well.insert(hash));
        }
        broken
    }

    /// The next step without any fault.
    pub(super) fn act_undisturbed(&self) -> World {
        let mut calm = self.clone();
        calm.left = Bounds::NOTHING;
        let mut after = match self.pending() {
            Some(Action::End(ending)) => calm.ended(ending),
            Some(action) => {
                let (_, world, event) = calm.effects(&action).swap_remove(0);
                world.told(event)
            }
            None => calm,
        };
        after.left = self.left;
        after.remember();
        after
    }

    /// The world with one fault less to come, if one may come.
    fn fault(&self) -> Option<World> {
        let mut world = self.clone();
        world.left.faults = world.left.faults.checked_sub(1)?;
        Some(world)
    }

    fn told(mut self, event: Event) -> World {
        let process = self.process.as_mut().unwrap();
        let now = std::time::Duration::from_secs(process.ran);
        process.state = process.state.step(event, now).unwrap();
        self
    }

    fn ended(&self, ending: crate::Ending) -> World {
        let mut world = self.clone();
        let (hand, asked) = self
            .process
            .as_ref()
            .map_or((None, false), |p| (p.hand, p.asked));
        world.must_be_true(ending, hand, asked);
        world.process = None;
        world.memory.read = None;
        world.memory.ending = Some(ending);
        world
    }

    /// What others do: another administrator, and requests on their way.
    fn surroundings(&self, next: &mut Vec<(&'static str, World)>) {
        if self.left.others > 0 {
            let mut world = self.clone();
            world.left.others -= 1;
            let token = world.service.regenerate(LIFE, By::SomeoneElse);
            next.push(("another administrator regenerates", world.clone()));
            for sink in &mut world.sinks {
                sink.holds = Some(token);
            }
            next.push(("another administrator regenerates and pushes", world));
        }
        for index in 0..self.service.requests.len() {
            let mut world = self.clone();
            let request = world.service.requests.remove(index);
            next.push(("a request on its way is lost", world.clone()));
            let late = self.service.now > request.until;
            if late {
                if world.left.faults == 0 {
                    continue;
                }
                world.left.faults -= 1;
                world.memory.deceived = true;
            }
            if !late && !request.again {
                world.must_not_kill_ours();
            }
            let by = By::Us {
                rotation: request.rotation,
                attempt: request.attempt,
            };
            world.service.regenerate(request.life, by);
            let what = match (late, request.again) {
                (true, _) => "a request is executed after the wait",
                (false, true) => "a request is executed again",
                (false, false) => "a delayed request is executed",
            };
            next.push((what, world));
        }
    }

    /// Everything that can come of an action; first what does if nothing goes wrong.
    fn effects(&self, action: &Action) -> Vec<Effect> {
        match *action {
            Action::Read { probe } => self.reads(probe),
            Action::CheckCredential { .. } => {
                vec![(
                    "credential",
                    self.clone(),
                    Event::Credential(CredentialCheck::Fine),
                )]
            }
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
        let mut effects = vec![("read", world, Event::Read(Ok(reading(live))))];
        if let Some(mut world) = self.fault() {
            world.memory.read = None;
            let failed = Event::Read(Err(Unreadable::Failed));
            effects.push(("read fails", world.clone(), failed));
            let not_found = Event::Read(Err(Unreadable::NotFound));
            effects.push(("read says not found", world.clone(), not_found));
            if live > 0 {
                world.memory.deceived = true;
                let died = self.service.tokens[live - 1].died.unwrap();
                world.memory.misled |= self.service.now - died > 60;
                effects.push(("stale read", world, Event::Read(Ok(reading(live - 1)))));
            }
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

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:#?}", self.service)?;
        writeln!(f, "sinks {:?}", self.sinks)?;
        writeln!(f, "journal {:?}\nescrow {:?}", self.journal, self.escrow)?;
        writeln!(f, "{:?}", self.memory)?;
        match &self.process {
            Some(Process { state, .. }) => writeln!(f, "pending {:?}", state.action()),
            None => writeln!(f, "at rest"),
        }
    }
}
