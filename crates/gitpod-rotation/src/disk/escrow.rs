//! The escrow's form: a line that says what it is, a line of JSON about it, the answer as it came.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Escrow, RawAnswer};

const FIRST_LINE: &[u8] = b"SCIM token in escrow, version 1\n";
/// What is reserved: far more than a token, and room for an answer that isn't understood.
pub(super) const SPACE: u64 = 64 * 1024;
/// A larger one isn't ours: a response has a size limit.
pub(super) const LARGEST: u64 = 64 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    configuration: String,
    attempt: u32,
    length: usize,
    /// Of the three before, a line each, and of the answer.
    sha256: String,
}

/// What was found in the escrow file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// There is none.
    Absent,
    /// It was reserved, and nothing written to it.
    Empty,
    /// It isn't whole. It is never pushed.
    Torn,
    /// It is whole.
    Whole {
        /// The attempt that was answered.
        attempt: u32,
        /// The answer as it came.
        answer: RawAnswer,
    },
}

impl Kept {
    /// What [`State::start`](crate::State::start) is told. `expires_at` reads `token_expires_at`
    /// from an answer's body: `None` if that can't be understood.
    pub fn to_escrow(&self, expires_at: impl FnOnce(&RawAnswer) -> Option<Timestamp>) -> Escrow {
        match self {
            Self::Absent => Escrow::Absent,
            Self::Empty => Escrow::Empty,
            Self::Torn => Escrow::Torn,
            Self::Whole { attempt, answer } => Escrow::Whole {
                attempt: *attempt,
                expires_at: expires_at(answer),
            },
        }
    }
}

pub(super) fn encode(configuration: &str, attempt: u32, answer: &[u8]) -> Zeroizing<Vec<u8>> {
    let about = About {
        configuration: configuration.to_owned(),
        attempt,
        length: answer.len(),
        sha256: sum(configuration, attempt, answer),
    };
    // A struct of strings and numbers always has a JSON.
    let about = serde_json::to_vec(&about).unwrap_or_default();
    let length = FIRST_LINE.len() + about.len() + 1 + answer.len();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    bytes.extend_from_slice(FIRST_LINE);
    bytes.extend_from_slice(&about);
    bytes.push(b'\n');
    bytes.extend_from_slice(answer);
    bytes
}

/// `None` if it is whole and another configuration's.
pub(super) fn decode(configuration: &str, bytes: &[u8]) -> Option<Kept> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Some(Kept::Empty);
    }
    let whole = || -> Option<(About, &[u8])> {
        let rest = bytes.strip_prefix(FIRST_LINE)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (about, answer) = rest.split_at(end);
        let about: About = serde_json::from_slice(about).ok()?;
        let (answer, beyond) = answer.get(1..)?.split_at_checked(about.length)?;
        // What was reserved may not have been cut off yet.
        let rest_is_empty = beyond.iter().all(|byte| *byte == 0);
        let sum = sum(&about.configuration, about.attempt, answer);
        (rest_is_empty && sum == about.sha256).then_some((about, answer))
    };
    match whole() {
        None => Some(Kept::Torn),
        Some((about, _)) if about.configuration != configuration => None,
        Some((about, answer)) => Some(Kept::Whole {
            attempt: about.attempt,
            answer: RawAnswer::new(answer.to_vec()),
        }),
    }
}

fn sum(configuration: &str, attempt: u32, answer: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{configuration}\n{attempt}\n{}\n", answer.len()));
    hash.update(answer);
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What may be found after a crash amid a write: the first bytes new, the rest as it was.
    fn torn(whole: &[u8], at: usize, before: u8, to: usize) -> Vec<u8> {
        let mut bytes = whole[..at].to_vec();
        bytes.resize(to.max(at), before);
        bytes
    }

    #[test]
    fn torn_at_any_byte_is_never_pushed() {
        let answer = br#"{"token":"secret","tokenExpiresAt":"2027-11-24T08:00:00Z"}"#;
        let whole = encode("c", 2, answer);
        let kept = Kept::Whole {
            attempt: 2,
            answer: RawAnswer::new(answer.to_vec()),
        };
        assert_eq!(decode("c", &whole), Some(kept.clone()));
        for at in 0..whole.len() {
            let expected = if at == 0 { Kept::Empty } else { Kept::Torn };
            // Cut off, and over zeros, short of its length and beyond it.
            for to in [0, whole.len(), 1000] {
                let found = decode("c", &torn(&whole, at, 0, to));
                assert_eq!(found, Some(expected.clone()), "{at} {to}");
            }
            // And the other way round: the later blocks alone made it.
            let mut late = whole.to_vec();
            late[..=at].fill(0);
            if at + 1 < whole.len() {
                assert_eq!(decode("c", &late), Some(Kept::Torn), "{at}");
            }
        }
        assert_eq!(decode("c", &torn(&whole, whole.len(), 0, 1000)), Some(kept));
        assert_eq!(
            decode("c", &torn(&whole, whole.len(), b'x', 1000)),
            Some(Kept::Torn)
        );
    }

    #[test]
    fn another_configurations_is_no_torn_one() {
        assert_eq!(decode("d", &encode("c", 1, b"secret")), None);
    }

    proptest! {
        #[test]
        fn any_answer_comes_back(answer: Vec<u8>, attempt: u32) {
            let found = decode("c", &encode("c", attempt, &answer));
            let answer = RawAnswer::new(answer);
            prop_assert_eq!(found, Some(Kept::Whole { attempt, answer }));
        }

        #[test]
        fn a_changed_byte_is_found(answer: Vec<u8>, at: prop::sample::Index, to: u8) {
            let whole = encode("c", 1, &answer);
            let mut changed = whole.to_vec();
            let at = at.index(changed.len());
            prop_assume!(changed[at] != to);
            changed[at] = to;
            prop_assert!(matches!(decode("c", &changed), Some(Kept::Torn)));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = decode("c", &bytes);
            let _ = decode("c", &[FIRST_LINE, &bytes].concat());
        }
    }
}
