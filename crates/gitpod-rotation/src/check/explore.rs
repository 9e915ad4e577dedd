//! A breadth-first explorer: every state within the bounds, each once, and the shortest way to the
//! first that breaks an invariant.
//!
//! `stateright` (MIT) would do too. It brings a web server, a thread pool and some forty crates,
//! and what this needs most is a run of its own from every resting state ("a resume without faults
//! ends"), which its properties don't express. So these few lines are the lighter choice.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is explored.
pub(super) trait Model: Clone + Hash {
    /// Every next state, with a word for what happened.
    fn next(&self) -> Vec<(&'static str, Self)>;
    /// The invariant that this state breaks.
    fn broken(&self) -> Option<&'static str>;
    /// What is worth counting about the state, to see that the exploration isn't idle.
    fn landmark(&self) -> Option<String>;
}

/// What was found.
pub(super) struct Explored<M> {
    pub(super) states: usize,
    pub(super) landmarks: HashSet<String>,
    pub(super) violation: Option<Violation<M>>,
}

pub(super) struct Violation<M> {
    pub(super) invariant: &'static str,
    pub(super) way: Vec<&'static str>,
    pub(super) state: M,
}

/// Explores everything that is reachable from `starts`, or up to the first violation.
pub(super) fn explore<M: Model>(starts: Vec<M>) -> Explored<M> {
    let mut seen = HashSet::new();
    // How each state was reached: from which one, and by what.
    let mut ways: Vec<(usize, &'static str)> = Vec::new();
    let mut queue = VecDeque::new();
    let mut landmarks = HashSet::new();
    let mut fresh: Vec<_> = starts
        .into_iter()
        .map(|start| (0, "start", start))
        .collect();
    loop {
        for (from, what, state) in fresh.drain(..) {
            // 64 bits: among a million states two meet by chance once in 40 million runs.
            let mut hasher = DefaultHasher::new();
            state.hash(&mut hasher);
            if !seen.insert(hasher.finish()) {
                continue;
            }
            ways.push((from, what));
            landmarks.extend(state.landmark());
            if let Some(invariant) = state.broken() {
                let way = way_to(&ways, ways.len() - 1);
                let violation = Some(Violation {
                    invariant,
                    way,
                    state,
                });
                return Explored {
                    states: seen.len(),
                    landmarks,
                    violation,
                };
            }
            queue.push_back((ways.len() - 1, state));
        }
        let Some((index, state)) = queue.pop_front() else {
            return Explored {
                states: seen.len(),
                landmarks,
                violation: None,
            };
        };
        let next = state.next().into_iter();
        fresh.extend(next.map(|(what, state)| (index, what, state)));
    }
}

fn way_to(ways: &[(usize, &'static str)], mut index: usize) -> Vec<&'static str> {
    let mut way = Vec::new();
    while ways[index].1 != "start" {
        way.push(ways[index].1);
        index = ways[index].0;
    }
    way.reverse();
    way
}
