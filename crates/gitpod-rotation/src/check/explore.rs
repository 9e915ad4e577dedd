//! A breadth-first explorer: every state within the bounds, each once, and the shortest way to the
//! first that breaks an invariant.
//!
//! `stateright` (MIT) would do too. It brings a web server, a thread pool and some forty crates,
//! and what this needs most is a run of its own from every resting state ("a resume without faults
//! ends"), which its properties don't express. So these few lines are the lighter choice.

use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

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
            if !seen.insert(fingerprint(&state)) {
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

/// A state by 64 bits: among two million states two meet by chance once in ten million runs.
pub(super) fn fingerprint(state: &impl Hash) -> u64 {
    let mut hasher = Mixer(0);
    state.hash(&mut hasher);
    hasher.finish()
}

/// Nobody chooses states so that they collide, so a multiplication a word will do; the standard
/// hasher took a third of the time.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
        self.0 = (wide as u64 ^ (wide >> 64) as u64).rotate_left(23);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.mix(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.mix(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
