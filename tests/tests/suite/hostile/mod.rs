//! All that a peer or the network on the way can do to a call: a table of faults, each met by a unary
//! call and a stream, in both codecs, over HTTP/1.1 and HTTP/2. Each call ends, in the right error, says
//! what is known of its execution, goes out once unless it provably wasn't executed, and leaves
//! nothing behind.

mod certificates;
mod faults;
mod run;

use gitpod_client::{Code, Codec, Execution};
use gitpod_testing::Fault;

/// A fault, and what it comes to.
struct Row {
    what: &'static str,
    fault: Fault,
    /// The last one that applies counts. None: the fault isn't met.
    expected: Vec<(Applies, Option<Expected>)>,
    /// The call's deadline is to pass.
    is_late: bool,
}

type Applies = fn(Wire, Kind) -> bool;

/// A codec, and a version of HTTP.
#[derive(Debug, Clone, Copy)]
struct Wire {
    codec: Codec,
    http2: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unary,
    Stream,
}

/// What a call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Expected {
    /// How many messages come before the end: of a unary call one, if it succeeds.
    messages: usize,
    /// None: success.
    error: Option<(Code, Execution)>,
    /// How many requests the server gets.
    attempts: u64,
}

const fn fails(messages: usize, code: Code, execution: Execution) -> Expected {
    Expected {
        messages,
        error: Some((code, execution)),
        attempts: 1,
    }
}

const fn fine(messages: usize) -> Expected {
    Expected {
        messages,
        error: None,
        attempts: 1,
    }
}

impl Expected {
    /// It was proven that the first attempt did nothing.
    const fn at_the_second_attempt(mut self) -> Self {
        self.attempts = 2;
        self
    }
}

/// The fault comes to the same whatever the kind of call is.
fn both(what: &'static str, fault: Fault, code: Code, execution: Execution) -> Row {
    let expected = fails(0, code, execution);
    row(what, fault, expected, expected)
}

fn row(
    what: &'static str,
    fault: Fault,
    unary: impl Into<Option<Expected>>,
    stream: impl Into<Option<Expected>>,
) -> Row {
    Row {
        what,
        fault,
        expected: vec![
            (|_, kind| kind == Kind::Unary, unary.into()),
            (|_, kind| kind == Kind::Stream, stream.into()),
        ],
        is_late: false,
    }
}

/// A fault that unary calls know nothing of.
fn of_streams(what: &'static str, fault: Fault, stream: Expected) -> Row {
    row(what, fault, None, stream)
}

impl Row {
    fn when(mut self, applies: Applies, expected: impl Into<Option<Expected>>) -> Self {
        self.expected.push((applies, expected.into()));
        self
    }

    fn late(mut self) -> Self {
        self.is_late = true;
        self
    }

    fn expected(&self, wire: Wire, kind: Kind) -> Option<Expected> {
        let mut latest = self.expected.iter().rev();
        latest.find(|(applies, _)| applies(wire, kind))?.1
    }
}
