//! For which calls a fault is meant, and which ones it met.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ConnectionFault, Fault};

/// A fault, and the calls that it is for: the next one, unless told otherwise.
#[derive(Debug, Clone)]
#[must_use = "a fault does nothing until it is injected"]
pub struct FaultPlan {
    fault: Fault,
    target: Target,
    skip: usize,
    /// None is for ever.
    times: Option<usize>,
}

/// What a plan is for, and what a request is to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    AnyRpc,
    Rpc(String),
    Scim,
}

impl Target {
    fn covers(&self, request: &Target) -> bool {
        match (self, request) {
            (Target::AnyRpc, Target::AnyRpc | Target::Rpc(_)) => true,
            (mine, its) => mine == its,
        }
    }
}

impl From<Fault> for FaultPlan {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            target: Target::AnyRpc,
            skip: 0,
            times: Some(1),
        }
    }
}

impl FaultPlan {
    /// For the next so many calls.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// For every call, until it is cancelled or [cleared](crate::Server::clear_faults).
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Not for the first so many calls that it would be for.
    pub fn skip(mut self, calls: usize) -> Self {
        self.skip = calls;
        self
    }

    /// For calls of this method alone.
    pub fn on<M: connect_hyper::Method>(self) -> Self {
        self.on_path(M::PATH)
    }

    /// For calls of this path alone, as [`Method::PATH`](connect_hyper::Method::PATH) writes it.
    pub fn on_path(mut self, path: impl Into<String>) -> Self {
        self.target = Target::Rpc(path.into());
        self
    }

    /// For requests to the SCIM endpoint, and for no RPC.
    pub fn on_scim_endpoint(mut self) -> Self {
        self.target = Target::Scim;
        self
    }
}

/// For which calls.
impl Fault {
    /// For the next so many calls. See [`FaultPlan::times`].
    pub fn times(self, times: usize) -> FaultPlan {
        FaultPlan::from(self).times(times)
    }

    /// For every call. See [`FaultPlan::always`].
    pub fn always(self) -> FaultPlan {
        FaultPlan::from(self).always()
    }

    /// Not for the first so many calls. See [`FaultPlan::skip`].
    pub fn skip(self, calls: usize) -> FaultPlan {
        FaultPlan::from(self).skip(calls)
    }

    /// For calls of one method. See [`FaultPlan::on`].
    pub fn on<M: connect_hyper::Method>(self) -> FaultPlan {
        FaultPlan::from(self).on::<M>()
    }

    /// For calls of one path. See [`FaultPlan::on_path`].
    pub fn on_path(self, path: impl Into<String>) -> FaultPlan {
        FaultPlan::from(self).on_path(path)
    }

    /// For requests to the SCIM endpoint. See [`FaultPlan::on_scim_endpoint`].
    pub fn on_scim_endpoint(self) -> FaultPlan {
        FaultPlan::from(self).on_scim_endpoint()
    }
}

/// A fault that was injected.
///
/// Dropping it changes nothing; the fault stays.
#[derive(Clone)]
pub struct FaultHandle(Arc<Active>);

struct Active {
    plan: FaultPlan,
    /// Calls that it covered, those skipped among them.
    seen: AtomicUsize,
    fired: AtomicUsize,
    cancelled: AtomicBool,
}

impl FaultHandle {
    /// How many calls the fault has met.
    #[must_use]
    pub fn fired(&self) -> usize {
        self.0.fired.load(Ordering::SeqCst)
    }

    /// Takes the fault back, for calls that haven't come yet.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
    }
}

impl fmt::Debug for FaultHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultHandle")
            .field("plan", &self.0.plan)
            .field("fired", &self.fired())
            .finish_non_exhaustive()
    }
}

/// The faults that wait for their calls and connections, in the order in which they were injected.
#[derive(Debug, Default)]
pub(crate) struct FaultBoard {
    calls: Mutex<Vec<FaultHandle>>,
    connections: Mutex<VecDeque<ConnectionFault>>,
}

impl FaultBoard {
    pub(crate) fn inject(&self, plan: FaultPlan) -> FaultHandle {
        let handle = FaultHandle(Arc::new(Active {
            plan,
            seen: AtomicUsize::new(0),
            fired: AtomicUsize::new(0),
            cancelled: false.into(),
        }));
        self.waiting().push(handle.clone());
        handle
    }

    pub(crate) fn clear(&self) {
        self.waiting().clear();
        self.connections().clear();
    }

    /// Has the next so many connections spoiled.
    pub(crate) fn spoil_connections(&self, fault: &ConnectionFault, connections: usize) {
        let faults = std::iter::repeat_n(fault.clone(), connections);
        self.connections().extend(faults);
    }

    /// The fault for a connection that has just been made.
    pub(crate) fn take_connection(&self) -> Option<ConnectionFault> {
        self.connections().pop_front()
    }

    /// The fault for a request: the first one injected that is for it. A call meets one fault.
    pub(crate) fn take(&self, request: &Target) -> Option<Fault> {
        let mut waiting = self.waiting();
        waiting.retain(|FaultHandle(active)| {
            let spent = active.plan.times == Some(active.fired.load(Ordering::SeqCst));
            !spent && !active.cancelled.load(Ordering::SeqCst)
        });
        for FaultHandle(active) in waiting.iter() {
            if !active.plan.target.covers(request) {
                continue;
            }
            if active.seen.fetch_add(1, Ordering::SeqCst) < active.plan.skip {
                continue;
            }
            active.fired.fetch_add(1, Ordering::SeqCst);
            return Some(active.plan.fault.clone());
        }
        None
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<FaultHandle>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, VecDeque<ConnectionFault>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(path: &str) -> Target {
        Target::Rpc(path.into())
    }

    #[test]
    fn faults_queue_up_and_are_spent() {
        let board = FaultBoard::default();
        let first = board.inject(Fault::garbage().times(2));
        let second = board.inject(Fault::go_away().into());
        for expected in [true, true, true, false] {
            assert_eq!(board.take(&rpc("/a/b")).is_some(), expected);
        }
        assert_eq!((first.fired(), second.fired()), (2, 1));
    }

    #[test]
    fn a_fault_is_for_its_path_alone() {
        let board = FaultBoard::default();
        let handle = board.inject(Fault::garbage().on_path("/a/b").always());
        assert!(board.take(&rpc("/a/c")).is_none());
        assert!(board.take(&Target::Scim).is_none());
        assert!(board.take(&rpc("/a/b")).is_some());
        assert!(board.take(&rpc("/a/b")).is_some());
        handle.cancel();
        assert!(board.take(&rpc("/a/b")).is_none());
        board.inject(Fault::garbage().on_scim_endpoint());
        assert!(board.take(&rpc("/a/b")).is_none());
        assert!(board.take(&Target::Scim).is_some());
    }

    #[test]
    fn calls_can_be_let_by_and_faults_cleared() {
        let board = FaultBoard::default();
        let handle = board.inject(Fault::garbage().skip(2));
        assert!(board.take(&rpc("/a/b")).is_none());
        assert!(board.take(&rpc("/a/b")).is_none());
        assert!(board.take(&rpc("/a/b")).is_some());
        assert_eq!(handle.fired(), 1);
        board.inject(Fault::garbage().always());
        board.clear();
        assert!(board.take(&rpc("/a/b")).is_none());
        board.inject(Fault::garbage().times(0));
        assert!(board.take(&rpc("/a/b")).is_none());
    }
}
