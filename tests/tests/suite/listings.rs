//! Listings as streams: against handlers that page, and against those that get it wrong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use gitpod_client::connect_hyper::Paged;
use gitpod_client::http::StatusCode;
use gitpod_client::organization::ListMembers;
use gitpod_client::types::v1::{
    ListMembersRequest, ListMembersResponse, ListScimConfigurationsRequest, OrganizationMember,
    PaginationResponse,
};
use gitpod_client::{Client, Code, Codec, Error, RetryPolicy};
use gitpod_testing::{Fault, ServerError};
use gitpod_tests::counted::{Ask, List, ListCounted, Plain, page, take_most};
use gitpod_tests::harness::Harness;
use tokio::sync::Notify;

/// A server with a listing of so many items, and what it was asked.
async fn listing(items: u64) -> (Harness, Client, Arc<Mutex<Vec<Ask>>>) {
    let harness = Harness::start().await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    harness.handle::<List, _, _>(move |request| {
        log.lock().unwrap().push(request.message().clone());
        let page = page(&request, items);
        async move { Ok(page) }
    });
    let client = harness.client(Codec::Json).build().unwrap();
    (harness, client, asked)
}

fn ask(page_size: i32, token: &str) -> Ask {
    Ask {
        page_size,
        token: token.to_owned(),
    }
}

/// A server that gives these pages, whatever it is asked, and then `internal`.
async fn scripted(pages: &[(&[u64], &str)]) -> (Harness, Client) {
    let harness = Harness::start().await.unwrap();
    let pages: Vec<Plain> = pages
        .iter()
        .map(|(items, next)| Plain {
            items: items.to_vec(),
            next_token: (*next).to_owned(),
        })
        .collect();
    let next = AtomicUsize::new(0);
    harness.handle::<List, _, _>(move |_| {
        let page = pages.get(next.fetch_add(1, Ordering::SeqCst)).cloned();
        async move { page.ok_or_else(|| ServerError::new(Code::Internal, "no more pages")) }
    });
    let client = harness.client(Codec::Binary).build().unwrap();
    (harness, client)
}

/// The items' numbers up to the end, and the error that it came to.
async fn all(client: &Client, prefetch: bool) -> (Vec<u64>, Option<Error>) {
    let mut items = client.connect().call::<ListCounted>(Ask::default()).items();
    if prefetch {
        items = items.prefetch();
    }
    let mut numbers = Vec::new();
    let error = loop {
        match items.try_next().await {
            Ok(Some(item)) => numbers.push(item.number),
            Ok(None) => break None,
            Err(error) => {
                // Nothing comes behind an error.
                assert!(items.try_next().await.unwrap().is_none());
                break Some(error);
            }
        }
    };
    (numbers, error)
}

#[tokio::test]
async fn a_listing_of_the_api() {
    let harness = Harness::start().await.unwrap();
    harness.handle::<ListMembers, _, _>(|request| async move {
        let pagination = request.pagination.clone().unwrap_or_default();
        let from: usize = pagination.token.parse().unwrap_or(0);
        let member = |number: usize| OrganizationMember {
            user_id: number.to_string(),
            ..OrganizationMember::default()
        };
        let to = (from + 10).min(25);
        Ok(ListMembersResponse {
            members: (from..to).map(member).collect(),
            pagination: Some(PaginationResponse {
                next_token: if to < 25 {
                    to.to_string()
                } else {
                    String::new()
                },
            }),
            ..ListMembersResponse::default()
        })
    });
    for (kind, client) in harness.clients().unwrap() {
        let call = || {
            client.organization().list_members(ListMembersRequest {
                organization_id: harness.organization_id().to_owned(),
                ..ListMembersRequest::default()
            })
        };
        let mut items = call().items();
        let mut ids = Vec::new();
        while let Some(member) = items.try_next().await.unwrap() {
            ids.push(member.user_id.parse::<usize>().unwrap());
        }
        assert_eq!(ids, (0..25).collect::<Vec<_>>(), "{kind}");
        // As any other stream.
        let members: Vec<_> = call().items().prefetch().try_collect().await.unwrap();
        assert_eq!(members.len(), 25);
        let lengths: Vec<_> = call()
            .pages()
            .map_ok(|page| page.members.len())
            .try_collect()
            .await
            .unwrap();
        assert_eq!(lengths, [10, 10, 5], "{kind}");
    }
    // One that the embedded server has itself, by the default size and by one.
    let client = harness.client(Codec::Json).build().unwrap();
    let call = client
        .organization()
        .list_scim_configurations(ListScimConfigurationsRequest::default());
    let configurations: Vec<_> = call.items().page_size(1).try_collect().await.unwrap();
    assert_eq!(configurations.len(), 1);
}

#[tokio::test]
async fn pages_are_fetched_when_they_are_wanted_and_no_sooner() {
    let (harness, client, asked) = listing(60).await;
    let mut pages = client.connect().call::<ListCounted>(ask(0, "")).pages();
    assert_eq!(harness.call_count(), 0);
    assert_eq!(pages.resume_token(), Some(""));
    for (count, resume) in [(1, Some("25")), (2, Some("50")), (3, None)] {
        let page = pages.try_next().await.unwrap().unwrap();
        assert_eq!(page.items.len(), if count == 3 { 10 } else { 25 });
        assert_eq!(harness.call_count(), count);
        assert_eq!(pages.resume_token(), resume);
    }
    assert!(pages.try_next().await.unwrap().is_none());
    assert!(pages.try_next().await.unwrap().is_none());
    assert_eq!(harness.call_count(), 3);
    let asked = asked.lock().unwrap();
    assert_eq!(*asked, [ask(0, ""), ask(0, "25"), ask(0, "50")]);
}

#[tokio::test]
async fn the_page_size_is_the_request_s_or_the_stream_s() {
    let (_harness, client, asked) = listing(30).await;
    let call = || client.connect().call::<ListCounted>(ask(20, ""));
    assert_eq!(call().items().count().await, 30);
    assert_eq!(call().items().page_size(7).count().await, 30);
    let sizes: Vec<_> = asked
        .lock()
        .unwrap()
        .iter()
        .map(|ask| ask.page_size)
        .collect();
    assert_eq!(sizes, [20, 20, 7, 7, 7, 7, 7]);
}

#[tokio::test]
async fn a_listing_goes_on_from_a_token() {
    let (_harness, client, _) = listing(100).await;
    let call = |token: &str| client.connect().call::<ListCounted>(ask(10, token)).items();
    let mut first = call("");
    assert_eq!(first.resume_token(), Some(""));
    for number in 0..25 {
        assert_eq!(first.try_next().await.unwrap().unwrap().number, number);
    }
    // In the middle of a page it is that page's, and at its end the next one's.
    assert_eq!(first.resume_token(), Some("20"));
    for _ in 25..30 {
        first.try_next().await.unwrap();
    }
    let token = first.resume_token().unwrap().to_owned();
    assert_eq!(token, "30");
    drop(first);

    for mut rest in [
        call(&token),
        call("").resume_from(&token),
        call("").prefetch().resume_from(&token),
    ] {
        for number in 30..100 {
            assert_eq!(rest.try_next().await.unwrap().unwrap().number, number);
        }
        assert_eq!(rest.resume_token(), None);
        assert!(rest.try_next().await.unwrap().is_none());
    }
}

/// Neither what is left of a page nor the page that is on its way gets in between.
#[tokio::test]
async fn a_stream_that_has_begun_can_be_sent_elsewhere() {
    let (_harness, client, _) = listing(100).await;
    for prefetch in [false, true] {
        let mut items = client.connect().call::<ListCounted>(ask(10, "")).items();
        if prefetch {
            items = items.prefetch();
        }
        for number in 0..5 {
            assert_eq!(items.try_next().await.unwrap().unwrap().number, number);
        }
        let mut items = items.resume_from("70");
        assert_eq!(items.resume_token(), Some("70"));
        for number in 70..100 {
            assert_eq!(items.try_next().await.unwrap().unwrap().number, number);
        }
        assert!(items.try_next().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_error_comes_behind_the_items_before_it_and_one_can_resume_there() {
    let (harness, client, _) = listing(30).await;
    for prefetch in [false, true] {
        let error = ServerError::new(Code::PermissionDenied, "not any more");
        harness.inject(Fault::error(error).skip(2));
        let mut items = client.connect().call::<ListCounted>(ask(10, "")).items();
        if prefetch {
            items = items.prefetch();
        }
        for number in 0..20 {
            assert_eq!(items.try_next().await.unwrap().unwrap().number, number);
        }
        let error = items.try_next().await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
        assert!(items.try_next().await.unwrap().is_none());
        let token = items.resume_token().unwrap().to_owned();
        let anew = client.connect().call::<ListCounted>(ask(10, &token));
        for rest in [anew.items(), items.resume_from(&token)] {
            let rest: Vec<_> = rest.try_collect().await.unwrap();
            assert_eq!(
                rest.iter().map(|item| item.number).collect::<Vec<_>>(),
                (20..30).collect::<Vec<_>>()
            );
        }
    }
}

#[tokio::test]
async fn an_empty_page_is_not_the_end() {
    let pages: &[(&[u64], &str)] = &[(&[], "a"), (&[1], "b"), (&[], "c"), (&[], "d"), (&[2], "")];
    for prefetch in [false, true] {
        let (harness, client) = scripted(pages).await;
        let (numbers, error) = all(&client, prefetch).await;
        assert_eq!(numbers, [1, 2]);
        assert!(error.is_none());
        assert_eq!(harness.call_count(), 5);
    }
}

#[tokio::test]
async fn a_token_that_comes_again_is_an_error() {
    let pages: [&[(&[u64], &str)]; 3] = [
        &[(&[1], "a"), (&[2], "a"), (&[2], "a")],
        &[(&[1], "a"), (&[2], "b"), (&[3], "a"), (&[2], "b")],
        &[
            (&[1], "a"),
            (&[2], "b"),
            (&[3], "c"),
            (&[4], "a"),
            (&[2], "b"),
        ],
    ];
    for (round, pages) in pages.into_iter().enumerate() {
        for prefetch in [false, true] {
            let (harness, client) = scripted(pages).await;
            let (numbers, error) = all(&client, prefetch).await;
            // Every page once, and then the error.
            assert_eq!(numbers, (1..=round as u64 + 2).collect::<Vec<_>>());
            let error = harness.note_error(error.unwrap());
            assert_eq!(error.code(), Code::Internal);
            assert!(!error.is_from_server());
            assert!(error.message().contains("token"), "{error}");
            assert_eq!(error.method(), Some("/toy.v1.Toy/List"));
            assert_eq!(harness.call_count() as usize, round + 2);
        }
    }
    // So is the one that the listing was resumed from.
    let (_harness, client) = scripted(&[(&[1], "b"), (&[2], "a")]).await;
    let items = client.connect().call::<ListCounted>(ask(0, "a")).items();
    let results: Vec<_> = items.collect().await;
    assert_eq!(results.len(), 3);
    assert!(results[2].is_err());
}

/// The options of the call are each page's own.
#[tokio::test]
async fn options_are_each_page_s() {
    let (harness, client, _) = listing(30).await;
    for prefetch in [false, true] {
        harness.clear_calls();
        // Each page fits into the deadline, and all of them together don't.
        harness.inject(Fault::delay_answer(Duration::from_secs(1)).times(3));
        let call = client.connect().call::<ListCounted>(ask(10, ""));
        let mut pages = call
            .timeout(Duration::from_millis(2500))
            .header("x-purpose", "an audit")
            .pages();
        if prefetch {
            pages = pages.prefetch();
        }
        assert_eq!(pages.try_collect::<Vec<_>>().await.unwrap().len(), 3);
        let calls = harness.calls();
        assert_eq!(calls.len(), 3);
        for call in calls {
            assert_eq!(call.header("x-purpose"), Some("an audit"));
            assert!(call.header("connect-timeout-ms").is_some());
        }
    }
    // A page's failure is retried as any call's is, and so as the call says.
    harness.clear_calls();
    let proxy = || Fault::html(StatusCode::BAD_GATEWAY).skip(1);
    harness.inject(proxy());
    let call = || client.connect().call::<ListCounted>(ask(10, ""));
    assert_eq!(call().items().count().await, 30);
    assert_eq!(harness.call_count(), 4);
    harness.inject(proxy());
    let results: Vec<_> = call().retry(RetryPolicy::none()).items().collect().await;
    assert_eq!(results.len(), 11);
    assert_eq!(results[10].as_ref().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn what_is_wrong_with_the_call_is_said_and_nothing_is_sent() {
    let (harness, client, _) = listing(30).await;
    let call = client.connect().call::<ListCounted>(ask(10, ""));
    let mut items = call.header("connect-own", "x").items();
    let error = items.try_next().await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(items.try_next().await.unwrap().is_none());
    assert_eq!(harness.call_count(), 0);
}

#[tokio::test]
async fn a_signal_ends_the_whole() {
    let (harness, client, _) = listing(30).await;
    for prefetch in [false, true] {
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let call = client.connect().call::<ListCounted>(ask(10, ""));
        let mut pages = call
            .cancel_on(async move { stopped.notified().await })
            .pages();
        if prefetch {
            pages = pages.prefetch();
        }
        assert!(pages.try_next().await.unwrap().is_some());
        stop.notify_one();
        let error = pages.try_next().await.unwrap_err();
        assert_eq!(error.code(), Code::Canceled);
        assert_eq!(error.method(), Some("/toy.v1.Toy/List"));
        assert!(pages.try_next().await.unwrap().is_none());
    }
    drop(harness);
}

/// A server whose second page is never answered, and who says when it is asked for, and when that
/// call is gone.
async fn hanging() -> (Harness, Arc<Notify>, Arc<Notify>) {
    struct Gone(Arc<Notify>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let harness = Harness::start().await.unwrap();
    let (asked, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (ask, go) = (Arc::clone(&asked), Arc::clone(&gone));
    harness.handle::<List, _, _>(move |request| {
        let (ask, gone) = (Arc::clone(&ask), Gone(Arc::clone(&go)));
        async move {
            if !request.token.is_empty() {
                ask.notify_one();
                // Until the client's deadline.
                std::future::pending::<()>().await;
                drop(gone);
            }
            Ok(page(&request, 100))
        }
    });
    (harness, asked, gone)
}

#[tokio::test]
async fn dropping_the_stream_gives_the_page_up_that_is_on_its_way() {
    let (harness, asked, gone) = hanging().await;
    let client = harness
        .client(Codec::Json)
        .runtime(|runtime| runtime.http2_only());
    let client = client.build().unwrap();
    let call = client.connect().call::<ListCounted>(ask(10, ""));
    let mut pages = call.pages().prefetch();
    assert!(pages.try_next().await.unwrap().is_some());
    asked.notified().await;
    drop(pages);
    gone.notified().await;
}

#[tokio::test]
async fn the_next_page_is_on_its_way_while_nobody_asks_for_it() {
    let (harness, asked, _gone) = hanging().await;
    let client = harness.client(Codec::Json).build().unwrap();
    let call = client.connect().call::<ListCounted>(ask(10, ""));
    let mut pages = call.pages().prefetch();
    assert!(pages.try_next().await.unwrap().is_some());
    // The stream isn't polled here.
    asked.notified().await;
}

/// A future that is dropped takes nothing with it, neither an item nor a page that is on its way.
#[tokio::test]
async fn a_dropped_future_loses_nothing() {
    for prefetch in [false, true] {
        let (harness, client, asked) = listing(20).await;
        harness.inject(Fault::delay_answer(Duration::from_millis(200)).skip(1));
        let mut items = client.connect().call::<ListCounted>(ask(10, "")).items();
        if prefetch {
            items = items.prefetch();
        }
        let mut numbers = Vec::new();
        while numbers.len() < 20 {
            let wait = Duration::from_millis(20);
            if let Ok(item) = tokio::time::timeout(wait, items.try_next()).await {
                numbers.push(item.unwrap().unwrap().number);
            }
        }
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
        assert_eq!(
            asked.lock().unwrap().len(),
            2,
            "each page is asked for once"
        );
    }
}

#[tokio::test]
async fn no_more_than_a_page_is_held_or_two() {
    let (_harness, client, asked) = listing(100_000).await;
    for (prefetch, most) in [(false, 100), (true, 200)] {
        let _ = take_most();
        let mut items = client.connect().call::<ListCounted>(ask(100, "")).items();
        if prefetch {
            items = items.prefetch();
        }
        let mut expected = 0;
        while let Some(item) = items.try_next().await.unwrap() {
            assert_eq!(item.number, expected);
            expected += 1;
        }
        assert_eq!(expected, 100_000);
        let held = take_most();
        assert!(held >= 100, "{held} items: nothing was counted");
        assert!(held <= most, "{held} items were there at once");
        assert_eq!(std::mem::take(&mut *asked.lock().unwrap()).len(), 1000);
    }
}

fn is_a_stream<T: futures_util::Stream + Send + Unpin>(_: &T) {}

#[tokio::test]
async fn streams_can_be_sent_and_need_no_pin() {
    fn check<M: Paged>(call: gitpod_client::Call<M>, other: gitpod_client::Call<M>) {
        is_a_stream(&call.items());
        is_a_stream(&other.pages());
    }
    let (_harness, client, _) = listing(0).await;
    let call = || client.connect().call::<ListCounted>(Ask::default());
    check(call(), call());
    assert_eq!(call().items().count().await, 0);
}
