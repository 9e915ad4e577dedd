//! Carries the table out.

use std::time::Duration;

use gitpod_client::connect_hyper::Streaming;
use gitpod_client::{Client, Codec, Error};
use gitpod_testing::ResponseStream;
use gitpod_tests::harness::Harness;
use gitpod_tests::toy::{Count, Word};

use super::faults::table;
use super::{Expected, Kind, Row, Wire, regenerate};

/// How many messages a stream has, when nothing goes wrong.
pub(super) const MESSAGES: usize = 3;
/// How large a response may be.
pub(super) const LIMIT: usize = 10_000;
/// The deadline of calls that are to miss theirs.
pub(super) const SOON: Duration = Duration::from_millis(500);
/// The deadline of calls that aren't.
pub(super) const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn json_over_http1() {
    survive(Codec::Json, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn json_over_http2() {
    survive(Codec::Json, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn binary_over_http1() {
    survive(Codec::Binary, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn binary_over_http2() {
    survive(Codec::Binary, true).await;
}

async fn survive(codec: Codec, http2: bool) {
    let harness = Harness::start().await.unwrap();
    harness.handle::<Count, _, _>(|_| async {
        let words = (0..MESSAGES).map(|n| Word::new(format!("message {n}")));
        Ok(ResponseStream::messages(words))
    });
    let wire = Wire { codec, http2 };
    // The client has a runtime of its own, whose tasks are nobody else's.
    tokio::task::block_in_place(|| {
        let mut wrong = Vec::new();
        for row in table() {
            for kind in [Kind::Unary, Kind::Stream] {
                if let Err(why) = meet(&harness, wire, &row, kind) {
                    wrong.push(format!("{} ({kind:?}): {why}", row.what));
                }
            }
        }
        assert!(wrong.is_empty(), "{wire:?}\n{}", wrong.join("\n"));
    });
}

/// Has one call meet the fault, and another one after it go well.
fn meet(harness: &Harness, wire: Wire, row: &Row, kind: Kind) -> Result<(), String> {
    let Some(expected) = row.expected(wire, kind) else {
        return Ok(());
    };
    let messages = match kind {
        Kind::Unary => 1,
        Kind::Stream => MESSAGES,
    };
    let before = harness.call_count();
    let fault = harness.inject(row.fault.clone());
    alone(async {
        let client = wire
            .client(harness)
            .runtime(|runtime| runtime.response_limit(LIMIT))
            .build()
            .unwrap();
        let deadline = if row.is_late { SOON } else { LONG };
        let found = call(harness, &client, kind, deadline).await;
        let attempts = harness.call_count() - before;
        check(expected, found, attempts)?;
        if fault.fired() != 1 {
            return Err("the fault didn't show".to_owned());
        }
        if row.is_stuck {
            call(harness, &client, kind, SOON).await;
        }
        let (count, error) = call(harness, &client, kind, LONG).await;
        if (count, error.is_some()) != (messages, false) {
            return Err(format!("the next call: {count} messages, then {error:?}"));
        }
        Ok(())
    })
}

/// Does a client's work in a runtime of its own, and waits until all that it has started is gone.
pub(super) fn alone(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let work = async {
        work.await?;
        nothing_is_left().await
    };
    runtime.block_on(async {
        tokio::time::timeout(4 * LONG, work)
            .await
            .unwrap_or_else(|_| Err("it hangs".to_owned()))
    })
}

/// How many messages came, and the error behind them.
async fn call(
    harness: &Harness,
    client: &Client,
    kind: Kind,
    deadline: Duration,
) -> (usize, Option<Error>) {
    match kind {
        Kind::Unary => match regenerate(harness, client, deadline).await {
            Ok(()) => (1, None),
            Err(error) => (0, Some(error)),
        },
        Kind::Stream => {
            let (count, error) = read(client, deadline).await;
            (count, error.map(|error| harness.note_error(error)))
        }
    }
}

async fn read(client: &Client, deadline: Duration) -> (usize, Option<Error>) {
    let call = client.connect().call::<Count>(Word::new("3"));
    count(call.timeout(deadline).await).await
}

/// How many messages a stream has, and the error behind them.
pub(super) async fn count(opened: Result<Streaming<Word>, Error>) -> (usize, Option<Error>) {
    let mut stream = match opened {
        Ok(stream) => stream,
        Err(error) => return (0, Some(error)),
    };
    let mut count = 0;
    loop {
        match stream.message().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, None),
            Err(error) => {
                // Checklist 24: then it has ended.
                assert!(matches!(stream.message().await, Ok(None)));
                return (count, Some(error));
            }
        }
    }
}

fn check(expected: Expected, found: (usize, Option<Error>), attempts: u64) -> Result<(), String> {
    let (messages, error) = found;
    let found = Expected {
        messages,
        error: error
            .as_ref()
            .map(|error| (error.code(), error.execution())),
        attempts,
    };
    if found != expected {
        return Err(format!("expected {expected:?}, found {found:?}: {error:?}"));
    }
    match error {
        Some(error) if error.is_from_server() => Err(format!("the server didn't say {error}")),
        _ => Ok(()),
    }
}

/// Waits until the client's connections, timers and whatever else it has started are gone.
async fn nothing_is_left() -> Result<(), String> {
    let metrics = tokio::runtime::Handle::current().metrics();
    let gone = async {
        while metrics.num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(LONG, gone).await;
    waited.map_err(|_| format!("{} tasks are left", metrics.num_alive_tasks()))
}
