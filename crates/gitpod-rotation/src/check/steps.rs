//! Everything that can happen next in the checker's world.

use std::cell::RefCell;
use std::collections::HashSet;

use super::explore::{Model, fingerprint};
use super::service::{By, LIFE};
use super::world::{Bounds, InEscrow, Process, World};
use crate::{Action, Event};

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
        let hash = fingerprint(&world);
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
    pub(super) fn fault(&self) -> Option<World> {
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
        world.service.lagging = None;
        world.memory.read = None;
        world.memory.contradicted = false;
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
