//! Requests are looked at before they are sent.

#![allow(clippy::unwrap_used)]

mod common;

use std::error::Error as _;
use std::fmt;

use common::{Server, Step, Word, client, json, said, stream, word};
use connect_hyper::{
    Client, ClientStreaming, Code, Error, Execution, Method, Requests, ServerStreaming, Unary,
};

/// What is wrong with a word, as a type.
#[derive(Debug, PartialEq)]
struct Rude;

impl fmt::Display for Rude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is rude")
    }
}

impl std::error::Error for Rude {}

fn polite(word: &Word) -> Result<(), Error> {
    if word.text == "rude" {
        return Err(Error::new(Code::InvalidArgument, "say it otherwise").with_source(Rude));
    }
    Ok(())
}

macro_rules! methods {
    ($($name:ident: $kind:ident,)*) => {$(
        #[derive(Debug)]
        enum $name {}

        impl Method for $name {
            type Request = Word;
            type Response = Word;
            type Kind = $kind;
            const PATH: &'static str = concat!("/toy.v1.Toy/", stringify!($name));

            fn validate(request: &Word) -> Result<(), Error> {
                polite(request)
            }
        }
    )*};
}

methods! {
    Say: Unary,
    Count: ServerStreaming,
    Gather: ClientStreaming,
}

fn answer() -> Vec<Step> {
    vec![json("200 OK", r#"{"text":"yes"}"#)]
}

fn assert_refused(error: &Error) {
    assert_eq!(error.code(), Code::InvalidArgument, "{error:?}");
    assert_eq!(error.message(), "say it otherwise");
    assert_eq!(error.execution(), Execution::NotSent);
    assert_eq!(error.attempts(), 0);
    assert!(!error.is_from_server() && error.method().is_some());
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&Rude));
}

#[tokio::test]
async fn what_is_wrong_is_not_sent() {
    let server = Server::start(vec![answer()]).await;
    let client = client(&server);
    assert_refused(&client.call::<Say>(word("rude")).await.unwrap_err());
    assert_refused(&client.call::<Say>(word("rude")).send().await.unwrap_err());
    assert_refused(&client.call::<Count>(word("rude")).await.unwrap_err());
    assert!(server.requests().is_empty());
    client.call::<Say>(word("please")).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn it_is_sent_if_nobody_is_to_look() {
    let counted = stream(&[said("1"), common::envelope(2, "{}")]);
    let server = Server::start(vec![answer(), answer(), vec![counted]]).await;
    let unlooked = Client::builder(&server.base)
        .validate(false)
        .build()
        .unwrap();
    unlooked.call::<Say>(word("rude")).await.unwrap();
    let call = client(&server).call::<Say>(word("rude"));
    call.validate(false).await.unwrap();
    let call = client(&server).call::<Count>(word("rude"));
    drop(call.validate(false).await.unwrap());
    assert_eq!(server.requests().len(), 3);
    // A call has the last word.
    let call = unlooked.call::<Say>(word("rude"));
    assert_refused(&call.validate(true).await.unwrap_err());
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn each_message_of_a_stream_is_looked_at() {
    let words = || Requests::new(futures_util::stream::iter([word("please"), word("rude")]));
    let server = Server::start(vec![answer()]).await;
    let error = client(&server).call::<Gather>(words()).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{error:?}");
    assert_eq!(error.message(), "say it otherwise");
    // The message before it may have left.
    assert_eq!(error.execution(), Execution::Ambiguous);
    assert!(!error.is_from_server());
    let mut cause = error.source();
    while let Some(below) = cause.filter(|cause| !cause.is::<Rude>()) {
        cause = below.source();
    }
    assert!(cause.is_some(), "{error:?}");

    let answered = stream(&[said("2"), common::envelope(2, "{}")]);
    let server = Server::start(vec![vec![answered]]).await;
    let call = client(&server).call::<Gather>(words());
    call.validate(false).await.unwrap();
    assert!(server.requests()[0].contains("rude"));
}
