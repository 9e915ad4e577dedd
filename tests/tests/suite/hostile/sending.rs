//! Calls that send a stream, and what becomes of them while they send it.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use gitpod_client::connect_hyper::Requests;
use gitpod_client::{Client, Code, Codec, Error, Execution};
use gitpod_testing::{Fault, Request, RequestStream, ResponseStream, ServerError};
use gitpod_tests::harness::Harness;
use gitpod_tests::toy::{Gather, Talk, UNFIT, Word};
use tokio::sync::Notify;

use super::run::{LONG, alone, count};
use super::{Wire, regenerate};
use Code::{Aborted, DeadlineExceeded, InvalidArgument, ResourceExhausted, Unavailable};
use Execution::{Ambiguous, Executed, NotSent, Refused};

/// The deadline of calls that are to miss theirs. Much may be sent until the answer is seen.
const SOON: Duration = Duration::from_secs(1);

/// What the server does once it has the first request.
#[derive(Debug, Clone, Copy)]
enum Serves {
    /// So many messages and a good end.
    Messages(usize),
    /// So many messages and an error.
    Fails(usize, Code),
    /// Nothing, and takes no further request.
    Nothing,
}

/// What the client sends behind its first request. There is no end of it.
#[derive(Debug, Clone, Copy)]
enum Sends {
    Nothing,
    /// One request after the other.
    Some,
    /// More than the connection takes.
    Much,
    /// A request that can't be sent.
    Unfit,
}

/// The method has one response, or a stream of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gather,
    Talk,
}

/// How many messages come, and the error: its code, what it says of the execution, and whether the
/// server said it.
type Outcome = (usize, Option<(Code, Execution, bool)>);

struct Case {
    what: &'static str,
    serves: Serves,
    fault: Option<Fault>,
    sends: Vec<Sends>,
    gather: Outcome,
    talk: Outcome,
    /// If it differs, for both.
    over_http2: Option<Outcome>,
    is_late: bool,
}

fn case(what: &'static str, serves: Serves, gather: Outcome, talk: Outcome) -> Case {
    Case {
        what,
        serves,
        fault: None,
        sends: vec![Sends::Nothing, Sends::Some, Sends::Much],
        gather,
        talk,
        over_http2: None,
        is_late: false,
    }
}

/// The server would go on, if nothing went wrong.
fn spoiled(what: &'static str, fault: Fault, gather: Outcome, talk: Outcome) -> Case {
    Case {
        fault: Some(fault),
        ..case(what, Serves::Messages(2), gather, talk)
    }
}

fn table() -> Vec<Case> {
    let fine = |messages| (messages, None);
    let told = |messages, code, execution| (messages, Some((code, execution, true)));
    let fails = |messages, code, execution| (messages, Some((code, execution, false)));
    let lost = fails(0, Unavailable, Ambiguous);
    let late = fails(0, DeadlineExceeded, Ambiguous);
    vec![
        case("an early end", Serves::Messages(2), fine(1), fine(2)),
        case(
            "an early error",
            Serves::Fails(0, Aborted),
            told(0, Aborted, Ambiguous),
            told(0, Aborted, Ambiguous),
        ),
        case(
            "an early error behind messages",
            Serves::Fails(2, Aborted),
            told(0, Aborted, Ambiguous),
            told(2, Aborted, Ambiguous),
        ),
        // It would be sent again, if what was sent of it were still there.
        case(
            "a refusal",
            Serves::Fails(0, ResourceExhausted),
            told(0, ResourceExhausted, Refused),
            told(0, ResourceExhausted, Refused),
        ),
        Case {
            over_http2: Some(fails(0, Unavailable, NotSent)),
            ..spoiled(
                "a stream that is refused",
                Fault::refuse_stream(),
                lost,
                lost,
            )
        },
        Case {
            over_http2: Some(fails(0, Unavailable, NotSent)),
            ..spoiled(
                "a connection that took leave",
                Fault::go_away_unprocessed(),
                lost,
                lost,
            )
        },
        spoiled("closed at once", Fault::drop_before(), lost, lost),
        spoiled("reset at once", Fault::drop_before().by_reset(), lost, lost),
        spoiled(
            "executed, and then reset",
            Fault::drop_after().by_reset(),
            lost,
            lost,
        ),
        spoiled("closed behind the headers", Fault::cut_after(0), lost, lost),
        spoiled(
            "reset behind the headers",
            Fault::cut_after(0).by_reset(),
            lost,
            lost,
        ),
        spoiled(
            "closed behind a message",
            Fault::cut_after(1),
            fails(0, Unavailable, Executed),
            fails(1, Unavailable, Executed),
        ),
        Case {
            is_late: true,
            ..case("no answer", Serves::Nothing, late, late)
        },
        Case {
            is_late: true,
            ..spoiled(
                "nothing behind a message",
                Fault::stall_after(1),
                fails(0, DeadlineExceeded, Executed),
                fails(1, DeadlineExceeded, Executed),
            )
        },
        Case {
            sends: vec![Sends::Unfit],
            ..case(
                "a request that can't be sent",
                Serves::Nothing,
                fails(0, InvalidArgument, Ambiguous),
                fails(0, InvalidArgument, Ambiguous),
            )
        },
    ]
}

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
    let wire = Wire { codec, http2 };
    // The client has a runtime of its own, whose tasks are nobody else's.
    tokio::task::block_in_place(|| {
        let mut wrong = Vec::new();
        for case in table() {
            let arrived = serve(&harness, case.serves);
            for kind in [Kind::Gather, Kind::Talk] {
                for &sends in &case.sends {
                    if let Err(why) = meet(&harness, wire, &case, kind, sends, &arrived) {
                        wrong.push(format!("{} ({kind:?}, {sends:?}): {why}", case.what));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{wire:?}\n{}", wrong.join("\n"));
    });
}

/// Tells each time when the first request is there.
fn serve(harness: &Harness, serves: Serves) -> Arc<Notify> {
    let arrived = Arc::<Notify>::default();
    let answer = |n| Word::new(format!("answer {n}"));
    let error = |code| ServerError::new(code, "told to");
    let first = {
        let arrived = arrived.clone();
        move |request: Request<RequestStream<Word>>| {
            let arrived = arrived.clone();
            async move {
                let mut requests = request.into_message();
                requests.message().await?;
                arrived.notify_one();
                Ok::<_, ServerError>(requests)
            }
        }
    };
    harness.handle::<Gather, _, _>({
        let first = first.clone();
        move |request| {
            let requests = first(request);
            async move {
                let _requests = requests.await?;
                match serves {
                    Serves::Messages(_) => Ok(answer(0)),
                    Serves::Fails(_, code) => Err(error(code)),
                    Serves::Nothing => std::future::pending().await,
                }
            }
        }
    });
    harness.handle::<Talk, _, _>(move |request| {
        let requests = first(request);
        async move {
            let _requests = requests.await?;
            let messages = |count| stream::iter((0..count).map(move |n| Ok(answer(n))));
            match serves {
                Serves::Messages(count) => Ok(ResponseStream::new(messages(count))),
                Serves::Fails(count, code) => {
                    let end = stream::iter([Err(error(code))]);
                    Ok(ResponseStream::new(messages(count).chain(end)))
                }
                Serves::Nothing => std::future::pending().await,
            }
        }
    });
    arrived
}

/// Requests without an end, for as long as which the token isn't alone.
fn requests(sends: Sends, token: &Arc<()>, arrived: &Arc<Notify>) -> Requests<Word> {
    fn behind_the_first(
        rest: impl Stream<Item = Word> + Send + 'static,
        token: &Arc<()>,
    ) -> Requests<Word> {
        let token = token.clone();
        let first = stream::iter([Word::new("first")]);
        Requests::new(first.chain(rest).inspect(move |_| _ = &token))
    }
    match sends {
        Sends::Nothing => behind_the_first(stream::pending(), token),
        Sends::Some => {
            let next = |()| async {
                tokio::time::sleep(Duration::from_millis(2)).await;
                Some((Word::new("next"), ()))
            };
            behind_the_first(stream::unfold((), next), token)
        }
        Sends::Much => {
            let much = Word::new("much".repeat(4000));
            behind_the_first(stream::repeat(much), token)
        }
        Sends::Unfit => {
            let arrived = arrived.clone();
            let rest = stream::once(async move {
                arrived.notified().await;
                Word::new(UNFIT)
            });
            behind_the_first(rest.chain(stream::pending()), token)
        }
    }
}

/// Has one call meet the case, and another one after it go well.
fn meet(
    harness: &Harness,
    wire: Wire,
    case: &Case,
    kind: Kind,
    sends: Sends,
    arrived: &Arc<Notify>,
) -> Result<(), String> {
    let expected = match (case.over_http2, kind) {
        (Some(expected), _) if wire.http2 => expected,
        (_, Kind::Gather) => case.gather,
        (_, Kind::Talk) => case.talk,
    };
    if let Some(fault) = &case.fault {
        harness.inject(fault.clone());
    }
    let before = harness.call_count();
    alone(async {
        let client = wire.client(harness).build().unwrap();
        let token = Arc::new(());
        let deadline = if case.is_late { SOON } else { LONG };
        let requests = requests(sends, &token, arrived);
        let (messages, error) = call(&client, kind, requests, deadline).await;
        let error = error.map(|error| harness.note_error(error));
        let found = error
            .as_ref()
            .map(|error| (error.code(), error.execution(), error.is_from_server()));
        if (messages, found) != expected {
            return Err(format!(
                "expected {expected:?}, found {messages} and {error:?}"
            ));
        }
        let took = error.map_or(Duration::ZERO, |error| error.elapsed());
        if case.is_late && !(SOON..10 * SOON).contains(&took) {
            return Err(format!("the deadline was kept after {took:?}"));
        }
        let attempts = harness.call_count() - before;
        if attempts != 1 {
            return Err(format!("{attempts} attempts"));
        }
        are_dropped(&token).await?;
        regenerate(harness, &client, LONG)
            .await
            .map_err(|error| format!("the next call: {error}"))
    })
}

async fn call(
    client: &Client,
    kind: Kind,
    requests: Requests<Word>,
    deadline: Duration,
) -> (usize, Option<Error>) {
    let client = client.connect();
    if kind == Kind::Gather {
        return match client.call::<Gather>(requests).timeout(deadline).await {
            Ok(_) => (1, None),
            Err(error) => (0, Some(error)),
        };
    }
    count(client.call::<Talk>(requests).timeout(deadline).await).await
}

/// Waits until nobody holds the requests any more: not as long as TCP takes to find that a peer is stuck.
async fn are_dropped(token: &Arc<()>) -> Result<(), String> {
    let dropped = async {
        while Arc::strong_count(token) > 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(LONG / 3, dropped).await;
    waited.map_err(|_| "the requests are held".to_owned())
}

/// A call that is dropped, or given up from elsewhere, or whose responses are: it ends the sending, and
/// the server hears of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_that_are_given_up_while_they_send() {
    let harness = Harness::start().await.unwrap();
    for wire in Wire::all() {
        for sends in [Sends::Nothing, Sends::Some, Sends::Much] {
            for how in ["dropped", "canceled", "the responses dropped"] {
                let served = Arc::new(());
                let token = served.clone();
                harness.handle::<Talk, _, _>(move |request: Request<RequestStream<Word>>| {
                    let token = token.clone();
                    async move {
                        // It takes what comes, and says nothing.
                        let silent = request.into_message().filter(|next| ready(next.is_err()));
                        let mut silent = Box::pin(silent.inspect(move |_| _ = &token));
                        if how != "the responses dropped" {
                            silent.next().await;
                        }
                        Ok(ResponseStream::new(silent))
                    }
                });
                let given_up = tokio::task::block_in_place(|| {
                    alone(async {
                        let client = wire.client(&harness).build().unwrap();
                        give_up(&client, sends, how).await?;
                        regenerate(&harness, &client, LONG)
                            .await
                            .map_err(|error| format!("the next call: {error}"))
                    })
                });
                let what = format!("{how}, {wire:?}, {sends:?}");
                given_up.unwrap_or_else(|why| panic!("{what}: {why}"));
                // The handler itself has one.
                let left = async {
                    while Arc::strong_count(&served) > 2 {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                };
                let left = tokio::time::timeout(LONG, left).await;
                left.unwrap_or_else(|_| panic!("{what}: the server waits"));
            }
        }
    }
}

async fn give_up(client: &Client, sends: Sends, how: &str) -> Result<(), String> {
    let token = Arc::new(());
    let call = client
        .connect()
        .call::<Talk>(requests(sends, &token, &Arc::default()));
    // So that there is something to be given up.
    let soon = tokio::time::sleep(Duration::from_millis(30));
    match how {
        "dropped" => {
            let call = tokio::time::timeout(Duration::from_millis(30), call.into_future());
            assert!(call.await.is_err());
        }
        "canceled" => {
            let error = call.cancel_on(soon).await.unwrap_err();
            assert_eq!(error.code(), Code::Canceled, "{error}");
            assert_eq!(error.execution(), Ambiguous, "{error}");
        }
        _ => drop(call.await.map_err(|error| error.to_string())?),
    }
    are_dropped(&token).await
}
