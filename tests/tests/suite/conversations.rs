//! Streams of requests and of responses at once, and one behind the other.

use futures_util::StreamExt as _;
use futures_util::stream;
use gitpod_client::connect_hyper::Requests;
use gitpod_client::{Client, Code, Codec, Execution};
use gitpod_testing::{Request, RequestStream, ResponseStream, Server, Tls};
use gitpod_tests::harness::Harness;
use gitpod_tests::toy::{Gather, Talk, UNFIT, Word};
use tokio::sync::mpsc;

const CODECS: [Codec; 2] = [Codec::Json, Codec::Binary];

/// Answers each word with itself, and the last one with "goodbye".
async fn start(builder: gitpod_testing::Builder) -> Harness {
    let harness = Harness::start_as(builder).await.unwrap();
    harness.handle::<Talk, _, _>(|request: Request<RequestStream<Word>>| async move {
        let goodbye = stream::iter([Ok(Word::new("goodbye"))]);
        Ok(ResponseStream::new(request.into_message().chain(goodbye)))
    });
    harness.handle::<Gather, _, _>(|request: Request<RequestStream<Word>>| async move {
        let mut requests = request.into_message();
        let mut all = String::new();
        while let Some(word) = requests.message().await? {
            all += &word.text;
        }
        Ok(Word::new(all))
    });
    harness
}

/// Clients that speak HTTP/2, over TLS and without it, in both codecs.
async fn over_http2() -> Vec<(Harness, Client)> {
    let mut pairs = Vec::new();
    for codec in CODECS {
        for tls in [false, true] {
            let builder = Server::builder();
            let harness = start(if tls {
                builder.tls(Tls::new())
            } else {
                builder
            })
            .await;
            let client =
                harness
                    .client(codec)
                    .runtime(|runtime| match harness.root_certificate() {
                        // Negotiated.
                        Some(root) => runtime.root_certificates(root),
                        None => runtime.http2_only(),
                    });
            let client = client.build().unwrap();
            pairs.push((harness, client));
        }
    }
    pairs
}

/// Requests that come from elsewhere, one at a time.
fn requests() -> (mpsc::Sender<Word>, Requests<Word>) {
    let (sender, receiver) = mpsc::channel(1);
    let words = stream::unfold(receiver, |mut receiver| async {
        let word = receiver.recv().await?;
        Some((word, receiver))
    });
    (sender, Requests::new(words))
}

/// Each request is made when the answer to the one before it is here.
#[tokio::test]
async fn question_by_question() {
    for (harness, client) in over_http2().await {
        let (ask, questions) = requests();
        let mut answers = client.connect().call::<Talk>(questions).await.unwrap();
        for n in 0..200 {
            let question = Word::new(format!("question {n}"));
            ask.send(question.clone()).await.unwrap();
            assert_eq!(answers.message().await.unwrap(), Some(question));
        }
        drop(ask);
        let last = answers.message().await.unwrap();
        assert_eq!(last, Some(Word::new("goodbye")));
        assert_eq!(answers.message().await.unwrap(), None);
        let version = harness.calls()[0].version();
        assert_eq!(format!("{version:?}"), "HTTP/2.0");
    }
}

/// More each way than any window or buffer takes: neither waits for the other's end.
#[tokio::test]
async fn much_both_ways() {
    for (_harness, client) in over_http2().await {
        let word = |n: usize| Word::new(format!("{n} {}", "much".repeat(50_000)));
        let words = Requests::new(stream::iter(0..50).map(word));
        let mut answers = client.connect().call::<Talk>(words).await.unwrap();
        for n in 0..50 {
            assert!(answers.message().await.unwrap() == Some(word(n)), "{n}");
        }
        let last = answers.message().await.unwrap();
        assert_eq!(last, Some(Word::new("goodbye")));
        assert_eq!(answers.message().await.unwrap(), None);
    }
}

/// On one connection, none in another's way.
#[tokio::test]
async fn many_conversations_at_once() {
    for (_harness, client) in over_http2().await {
        let talks = (0..100).map(|talk| {
            let client = client.clone();
            tokio::spawn(async move {
                let (ask, questions) = requests();
                let mut answers = client.connect().call::<Talk>(questions).await.unwrap();
                for n in 0..10 {
                    let question = Word::new(format!("question {n} of {talk}"));
                    ask.send(question.clone()).await.unwrap();
                    assert_eq!(answers.message().await.unwrap(), Some(question));
                }
            })
        });
        for talk in talks.collect::<Vec<_>>() {
            talk.await.unwrap();
        }
    }
}

/// A request that can't be sent ends a conversation that is under way, behind what was answered.
#[tokio::test]
async fn a_question_that_cannot_be_asked() {
    for (harness, client) in over_http2().await {
        let (ask, questions) = requests();
        let mut answers = client.connect().call::<Talk>(questions).await.unwrap();
        ask.send(Word::new("fit")).await.unwrap();
        assert_eq!(answers.message().await.unwrap(), Some(Word::new("fit")));
        ask.send(Word::new(UNFIT)).await.unwrap();
        let error = harness.note_error(answers.message().await.unwrap_err());
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert_eq!(error.message(), "it is unfit");
        assert_eq!(error.execution(), Execution::Executed, "{error}");
        assert!(!error.is_from_server());
        assert_eq!(answers.message().await.unwrap(), None);
        // Nobody takes any more.
        ask.closed().await;
    }
}

/// Over HTTP/1.1 one stream comes behind the other; a stream of requests has one answer over either.
#[tokio::test]
async fn one_behind_the_other() {
    let harness = start(Server::builder()).await;
    for (what, client) in harness.clients().unwrap() {
        let client = client.connect();
        let words = || Requests::new(stream::iter(["a", "b", "c"].map(Word::new)));
        let mut answers = client.call::<Talk>(words()).await.unwrap();
        for text in ["a", "b", "c", "goodbye"] {
            let answer = answers.message().await.unwrap();
            assert_eq!(answer, Some(Word::new(text)), "{what}");
        }
        assert_eq!(answers.message().await.unwrap(), None, "{what}");
        let gathered = client.call::<Gather>(words()).await.unwrap();
        assert_eq!(gathered.text, "abc", "{what}");
    }
}
