//! All that a peer or the network on the way can do to a call: a table of faults, each met by a unary
//! call and a stream, in both codecs, over HTTP/1.1 and HTTP/2. Each call ends, in the right error, says
//! what is known of its execution, goes out once unless it provably wasn't executed, and leaves
//! nothing behind.

mod certificates;
mod faults;
mod frames;
mod handshakes;
mod network;
mod run;
mod sending;

use std::time::Duration;

use gitpod_client::types::v1::RegenerateScimTokenRequest;
use gitpod_client::{Client, ClientBuilder, Code, Codec, Error, Execution};
use gitpod_testing::Fault;
use gitpod_tests::harness::Harness;

/// A fault, and what it comes to.
struct Row {
    what: &'static str,
    fault: Fault,
    /// The last one that applies counts. None: the fault isn't met.
    expected: Vec<(Applies, Option<Expected>)>,
    /// The call's deadline is to pass.
    is_late: bool,
    /// The connection is of no use any more, which a call has to find out that shares it.
    is_stuck: bool,
}

type Applies = Box<dyn Fn(Wire, Kind) -> bool>;

/// A codec, and a version of HTTP.
#[derive(Debug, Clone, Copy)]
struct Wire {
    codec: Codec,
    http2: bool,
}

impl Wire {
    fn all() -> impl Iterator<Item = Wire> {
        let codecs = [Codec::Json, Codec::Binary].into_iter();
        codecs.flat_map(|codec| [false, true].map(|http2| Wire { codec, http2 }))
    }

    /// Has a client speak this alone.
    fn only(self, client: ClientBuilder) -> ClientBuilder {
        client.codec(self.codec).runtime(|runtime| {
            if self.http2 {
                runtime.http2_only()
            } else {
                runtime.http1_only()
            }
        })
    }

    /// A client that speaks this alone, and trusts the server.
    fn client(self, harness: &Harness) -> ClientBuilder {
        let client = self.only(harness.client(self.codec));
        match harness.root_certificate() {
            Some(root) => client.runtime(|runtime| runtime.root_certificates(root)),
            None => client,
        }
    }
}

/// Asks for a token, which must never be done twice by accident.
async fn regenerate(harness: &Harness, client: &Client, deadline: Duration) -> Result<(), Error> {
    let request = RegenerateScimTokenRequest {
        scim_configuration_id: harness.scim_configuration_id().to_owned(),
        token_expires_in: None,
    };
    let call = client.organization().regenerate_scim_token(request);
    let outcome = call.timeout(deadline).await;
    outcome.map(drop).map_err(|error| harness.note_error(error))
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
            (Box::new(|_, kind| kind == Kind::Unary), unary.into()),
            (Box::new(|_, kind| kind == Kind::Stream), stream.into()),
        ],
        is_late: false,
        is_stuck: false,
    }
}

/// A fault that unary calls know nothing of.
fn of_streams(what: &'static str, fault: Fault, stream: Expected) -> Row {
    row(what, fault, None, stream)
}

impl Row {
    fn when(
        mut self,
        applies: impl Fn(Wire, Kind) -> bool + 'static,
        expected: impl Into<Option<Expected>>,
    ) -> Self {
        self.expected.push((Box::new(applies), expected.into()));
        self
    }

    /// Over the other version of HTTP the bytes would be others.
    fn over_http1(self) -> Self {
        self.when(|wire, _| wire.http2, None)
    }

    fn over_http2(self) -> Self {
        self.when(|wire, _| !wire.http2, None)
    }

    /// Over HTTP/2 it is proven that nothing was done, and the second attempt goes well.
    fn repeated_over_http2(self) -> Self {
        let fine = |messages| fine(messages).at_the_second_attempt();
        self.when(|wire, kind| wire.http2 && kind == Kind::Unary, fine(1))
            .when(
                |wire, kind| wire.http2 && kind == Kind::Stream,
                fine(run::MESSAGES),
            )
    }

    fn late(mut self) -> Self {
        self.is_late = true;
        self
    }

    fn stuck(mut self) -> Self {
        self.is_stuck = true;
        self
    }

    fn expected(&self, wire: Wire, kind: Kind) -> Option<Expected> {
        let mut latest = self.expected.iter().rev();
        latest.find(|(applies, _)| applies(wire, kind))?.1
    }
}
