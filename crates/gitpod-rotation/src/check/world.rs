//! The world as the checker has it: a process of ours, its disk, sinks, and the bounds.

use std::sync::Arc;
use std::time::Duration;

use super::service::{By, Service, Ways};
use crate::journal::Journal;
use crate::machine::Limits;
use crate::rules::Rules;
use crate::{Action, Ending, Escrow, IfLost, Plan, State};

/// What may still go wrong, so that the exploration ends.
#[derive(Clone, Copy, Hash, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    pub(super) faults: u8,
    pub(super) crashes: u8,
    /// Regenerations by another administrator.
    pub(super) others: u8,
    pub(super) signals: u8,
    /// Processes.
    pub(super) runs: u8,
}

impl Bounds {
    pub(super) const NOTHING: Self = Self {
        faults: 0,
        crashes: 0,
        others: 0,
        signals: 0,
        runs: 0,
    };
}

/// How much a sink can tell.
#[derive(Clone, Copy, Hash, PartialEq, Eq, Debug)]
pub(super) enum Tells {
    /// It tries what it holds.
    Liveness,
    /// It can be read back.
    Content,
    Nothing,
}

#[derive(Clone, Hash, Debug)]
pub(super) struct SinkThere {
    /// The number of the token that it holds; `None` for something else.
    pub(super) holds: Option<usize>,
    pub(super) tells: Tells,
    /// It fails for good.
    pub(super) broken: bool,
}

/// What is on disk. `lasts` is what a crash leaves.
#[derive(Clone, Hash, Debug)]
pub(super) struct OnDisk<T> {
    pub(super) is: T,
    pub(super) lasts: T,
}

impl<T: Clone> OnDisk<T> {
    pub(super) fn new(is: T) -> Self {
        Self {
            lasts: is.clone(),
            is,
        }
    }

    pub(super) fn write(&mut self, is: T, synced: bool) {
        self.is = is.clone();
        if synced {
            self.lasts = is;
        }
    }
}

/// The escrow file, and the token in it by number.
#[derive(Clone, Copy, Hash, PartialEq, Eq, Debug)]
pub(super) enum InEscrow {
    Absent,
    Empty,
    Torn,
    Whole { attempt: u32, token: usize },
}

#[derive(Clone, Hash, Debug)]
pub(super) struct Process {
    pub(super) state: State,
    /// By the service's clock.
    pub(super) started: i64,
    /// By its own.
    pub(super) ran: u64,
    /// The token that the driver has in memory, by number.
    pub(super) hand: Option<usize>,
    /// The one that it found alive before it asked, by number.
    pub(super) old: Option<usize>,
    /// It has asked, or goes on with a rotation that has.
    pub(super) asked: bool,
}

/// What the world remembers for the invariants alone.
#[derive(Clone, Hash, Debug, Default)]
pub(super) struct Memory {
    /// The rotation, counted by first records of them.
    pub(super) rotation: u8,
    /// The token that the last read showed, if that was the live one.
    pub(super) read: Option<usize>,
    /// The last read was contradicted: the old token, which worked, is dead.
    pub(super) contradicted: bool,
    /// Tokens which all sinks held while they were alive, one bit each.
    pub(super) good: u32,
    /// A read was stale, or a request was executed after the wait, or again: what ends in words
    /// about the service can then be wrong.
    pub(super) deceived: bool,
    /// A read was stale for longer than anything is polled.
    pub(super) misled: bool,
    /// Neither the escrow nor the journal could be written when a token came.
    pub(super) undocumented: bool,
    /// This side slept for longer than it knows.
    pub(super) slept: bool,
    /// The invariant that was broken on the way.
    pub(super) broken: Option<&'static str>,
    /// How the last run ended.
    pub(super) ending: Option<Ending>,
}

#[derive(Clone, Hash)]
pub(super) struct World {
    pub(super) service: Service,
    pub(super) journal: OnDisk<Option<Arc<Journal>>>,
    pub(super) escrow: OnDisk<InEscrow>,
    pub(super) sinks: Vec<SinkThere>,
    pub(super) process: Option<Process>,
    pub(super) left: Bounds,
    pub(super) rules: Rules,
    pub(super) if_lost: IfLost,
    pub(super) memory: Memory,
}

/// The machine's, but with fewer polls and tries: each is a state more for everything that may
/// happen meanwhile.
pub(super) fn limits() -> Limits {
    Limits {
        poll: Duration::from_secs(60),
        rounds: 2,
        asks: 2,
        ..Limits::default()
    }
}

impl World {
    /// Before anything has happened. Every sink holds the live token.
    pub(super) fn new(ways: Ways, tells: &[Tells], left: Bounds, rules: Rules) -> Self {
        let sink = |tells: &Tells| SinkThere {
            holds: Some(0),
            tells: *tells,
            broken: false,
        };
        Self {
            service: Service::new(ways),
            journal: OnDisk::new(None),
            escrow: OnDisk::new(InEscrow::Absent),
            sinks: tells.iter().map(sink).collect(),
            process: None,
            left,
            rules,
            if_lost: IfLost::Regenerate,
            memory: Memory::default(),
        }
    }

    /// The same with a rotation of ours behind it, which the journal knows of.
    pub(super) fn after_a_rotation(mut self) -> Self {
        let bounds = self.left;
        self.left = Bounds::NOTHING;
        let mut world = self.run_undisturbed(None);
        world.left = bounds;
        world.service.now += 86_400;
        world.memory.ending = None;
        world
    }

    pub(super) fn plan(&self, rotate_before: Option<Duration>) -> Plan {
        let names = (0..self.sinks.len()).map(|sink| format!("s{sink}"));
        Plan {
            rotate_before,
            if_lost: self.if_lost,
            ..Plan::new("c", names)
        }
    }

    /// A process begins. An error on start is an end in words too.
    pub(super) fn begin(&mut self, rotate_before: Option<Duration>) {
        let escrow = match self.escrow.is {
            InEscrow::Absent => Escrow::Absent,
            InEscrow::Empty => Escrow::Empty,
            InEscrow::Torn => Escrow::Torn,
            InEscrow::Whole { attempt, token } => Escrow::Whole {
                attempt,
                expires_at: Some(self.service.tokens[token].expires_at),
            },
        };
        let hand = match self.escrow.is {
            InEscrow::Whole { token, .. } => Some(token),
            _ => None,
        };
        let plan = self.plan(rotate_before);
        let state = State::start(plan, self.journal.is.as_deref().cloned(), escrow, 7);
        self.memory.ending = None;
        self.process = state.ok().map(|state| Process {
            state: state.with(self.rules, limits()),
            started: self.service.now,
            ran: 0,
            hand,
            old: None,
            asked: self
                .journal
                .is
                .as_ref()
                .is_some_and(|j| j.unfinished.is_some()),
        });
    }

    /// The process dies, and with it what doesn't last.
    pub(super) fn crash(&mut self) {
        self.process = None;
        self.memory.read = None;
        self.memory.contradicted = false;
        self.service.lagging = None;
        self.journal = OnDisk::new(self.journal.lasts.clone());
        self.escrow = OnDisk::new(self.escrow.lasts);
    }

    pub(super) fn all_sinks_hold(&self, token: usize) -> bool {
        self.sinks.iter().all(|sink| sink.holds == Some(token))
    }

    pub(super) fn any_sink_holds(&self, token: usize) -> bool {
        self.sinks.iter().any(|sink| sink.holds == Some(token))
    }

    pub(super) fn in_escrow(&self, token: usize) -> bool {
        matches!(self.escrow.is, InEscrow::Whole { token: held, .. } if held == token)
    }

    pub(super) fn unfinished(&self) -> bool {
        let journal = self.journal.is.as_ref();
        journal.is_some_and(|journal| journal.unfinished.is_some())
    }

    /// Whether the live token is one that this rotation asked for.
    pub(super) fn live_is_of_this_rotation(&self) -> bool {
        let by = self.service.live_token().by;
        matches!(by, By::Us { rotation, .. } if rotation == self.memory.rotation)
    }

    pub(super) fn breaks(&mut self, invariant: &'static str) {
        self.memory.broken.get_or_insert(invariant);
    }

    /// After every change: the sinks may be as they should be now.
    pub(super) fn remember(&mut self) {
        let live = self.service.live();
        if self.all_sinks_hold(live) {
            self.memory.good |= 1 << live;
        }
    }

    /// A process from begin to end without any fault, and the world after it; `None` for the plan
    /// by hand.
    pub(super) fn run_undisturbed(&self, rotate_before: Option<Duration>) -> Self {
        let mut world = self.clone();
        world.begin(rotate_before);
        for _ in 0..400 {
            if world.process.is_none() {
                return world;
            }
            world = world.act_undisturbed();
        }
        world.breaks("a resume without faults comes to an end");
        world
    }

    /// What of it doesn't change, for people.
    pub(super) fn what(&self) -> String {
        let tells: Vec<_> = self.sinks.iter().map(|sink| sink.tells).collect();
        format!("{tells:?} {:?} {:?}", self.service.ways, self.left)
    }

    pub(super) fn pending(&self) -> Option<Action> {
        self.process.as_ref().map(|process| process.state.action())
    }
}
