//! Calls that share one attempt to connect, where TLS will say which HTTP is spoken.

#![allow(clippy::unwrap_used)]

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use common::{Say, word};
use connect_hyper::{Client, Code, Error, Execution, Response, RetryPolicy};
use tokio::net::TcpListener;

/// Lets a call begin.
async fn begin<F: Future + Unpin>(call: &mut F) {
    poll_fn(|cx| {
        assert!(std::pin::Pin::new(&mut *call).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

fn check(result: Result<Response<common::Word>, Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(error.execution(), Execution::NotSent);
}

/// A call that learns late that its attempt failed takes nothing from those that share the next one.
#[tokio::test]
async fn the_next_attempt_is_another_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::builder(base)
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let call = || client.call::<Say>(word("hi")).timeout(None).into_future();

    let (mut first, mut late) = (pin!(call()), pin!(call()));
    begin(&mut first).await;
    begin(&mut late).await;
    check(first.await);

    let (mut third, mut fourth) = (pin!(call()), pin!(call()));
    begin(&mut third).await;
    begin(&mut fourth).await;
    check(late.await);
    check(third.await);
    let fourth = tokio::time::timeout(Duration::from_secs(20), fourth).await;
    check(fourth.expect("the call hangs"));
}
