//! The watcher: nothing is missed, whatever becomes of the stream of events.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use gitpod_client::event::WatchEvents;
use gitpod_client::http::StatusCode;
use gitpod_client::runner::GetRunner;
use gitpod_client::types::v1::watch_events_request::Scope;
use gitpod_client::types::v1::{
    GetEnvironmentRequest, GetPrebuildRequest, GetRunnerRequest, GetRunnerResponse,
    GetTaskExecutionRequest, GetWorkflowExecutionRequest, ResourceOperation, ResourceType, Runner,
    WatchEventsRequest, WatchEventsResponse,
};
use gitpod_client::watch::{Notice, Resource, Seen, Watcher};
use gitpod_client::{Client, Code, Codec, Error, Method as _, RetryPolicy};
use gitpod_testing::{Fault, ResponseStream, Server, ServerError};
use gitpod_tests::harness::Harness;
use tokio::sync::{Notify, broadcast, watch};

const ID: &str = "7d4b4b1e-54ec-4b9a-a5b5-6ae6ec6c5a5c";
const OTHER: &str = "0a3ee5ee-6e1f-44d0-8a8c-7a6f3c2b8f6e";

/// A runner, whose name is how often it has changed, and the events about it.
#[derive(Clone)]
struct World {
    changes: Arc<AtomicUsize>,
    reads: Arc<AtomicUsize>,
    events: broadcast::Sender<WatchEventsResponse>,
    /// The requests that streams were opened with.
    opened: Arc<Mutex<Vec<WatchEventsRequest>>>,
    /// Ends every stream in good order.
    end: watch::Sender<()>,
}

impl World {
    fn new() -> Self {
        Self {
            changes: Arc::default(),
            reads: Arc::default(),
            events: broadcast::Sender::new(100_000),
            opened: Arc::default(),
            end: watch::Sender::new(()),
        }
    }

    fn serve(&self, server: &Server) {
        let world = self.clone();
        server.handle::<WatchEvents, _, _>(move |request| {
            world.opened.lock().unwrap().push(request.message().clone());
            let mut events = world.events.subscribe();
            let mut end = world.end.subscribe();
            async move {
                Ok(ResponseStream::produce(|sender| async move {
                    loop {
                        tokio::select! {
                            event = events.recv() => sender.send(event.unwrap()).await?,
                            _ = end.changed() => return Ok(()),
                        }
                    }
                }))
            }
        });
        let world = self.clone();
        server.handle::<GetRunner, _, _>(move |_| {
            world.reads.fetch_add(1, Ordering::SeqCst);
            let runner = world.runner();
            async move { Ok(runner) }
        });
    }

    fn runner(&self) -> GetRunnerResponse {
        let runner = Runner {
            runner_id: ID.to_owned(),
            name: self.changes.load(Ordering::SeqCst).to_string(),
            ..Runner::default()
        };
        GetRunnerResponse {
            runner: Some(runner),
        }
    }

    /// Changes the runner, and tells nobody.
    fn change(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn tell(&self, kind: ResourceType, id: &str) {
        let event = WatchEventsResponse {
            operation: ResourceOperation::Update.into(),
            resource_type: kind.into(),
            resource_id: id.to_owned(),
        };
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    fn change_and_tell(&self) {
        self.change();
        self.tell(ResourceType::Runner, ID);
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

async fn world() -> (Harness, Client, World) {
    let harness = Harness::start().await.unwrap();
    let client = harness.client(Codec::Json).build().unwrap();
    let world = World::new();
    world.serve(&harness);
    (harness, client, world)
}

fn at_once() -> RetryPolicy {
    let wait = Duration::from_millis(1);
    RetryPolicy::default().backoff(wait, wait)
}

fn request() -> GetRunnerRequest {
    GetRunnerRequest {
        runner_id: ID.to_owned(),
    }
}

fn watching(client: &Client) -> Watcher<Runner> {
    client
        .watch(client.runner().get_runner(request()))
        .backoff(at_once())
}

async fn next(watcher: &mut Watcher<Runner>) -> Seen<String> {
    match watcher.try_next().await.unwrap().unwrap() {
        Seen::Reread(runner) => Seen::Reread(runner.name),
        Seen::Changed(runner) => Seen::Changed(runner.name),
        _ => Seen::Gone,
    }
}

fn reread(changes: usize) -> Seen<String> {
    Seen::Reread(changes.to_string())
}

fn changed(changes: usize) -> Seen<String> {
    Seen::Changed(changes.to_string())
}

#[tokio::test]
async fn the_stream_is_open_before_the_resource_is_read() {
    for codec in [Codec::Json, Codec::Binary] {
        let (harness, _, world) = world().await;
        let client = harness.client(codec).build().unwrap();
        let mut watcher = watching(&client);
        assert_eq!(harness.call_count(), 0);
        assert_eq!(next(&mut watcher).await, reread(0));
        let calls = harness.calls();
        let paths: Vec<_> = calls.iter().map(|call| call.path()).collect();
        assert_eq!(
            paths,
            [
                "/gitpod.v1.EventService/WatchEvents",
                "/gitpod.v1.RunnerService/GetRunner"
            ]
        );
        for change in 1..10 {
            world.change_and_tell();
            assert_eq!(next(&mut watcher).await, changed(change));
        }
        let opened = world.opened.lock().unwrap();
        let [opened] = &opened[..] else {
            panic!("{opened:?}");
        };
        assert_eq!(opened.scope, Some(Scope::Organization(true)));
        let [filter] = &opened.resource_type_filters[..] else {
            panic!("{opened:?}");
        };
        assert_eq!(filter.resource_type(), ResourceType::Runner);
        assert_eq!(filter.resource_ids, [ID]);
    }
}

/// A change while the resource is read may be in what is read or not: it is read again.
#[tokio::test]
async fn what_changes_while_it_is_read_is_read_again() {
    let (harness, client, world) = world().await;
    let there = world.clone();
    harness.handle::<GetRunner, _, _>(move |_| {
        let world = there.clone();
        async move {
            let old = world.runner();
            if world.reads.fetch_add(1, Ordering::SeqCst) == 0 {
                for _ in 0..500 {
                    world.change_and_tell();
                }
                // The events arrive before the answer does.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(old)
        }
    });
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    assert_eq!(next(&mut watcher).await, changed(500));
    // One read for five hundred events; they may have come in two parts.
    assert!(world.reads() <= 3, "{} reads", world.reads());
}

#[tokio::test]
async fn a_burst_comes_to_few_reads_and_the_last_one_has_all_of_it() {
    let (_harness, client, world) = world().await;
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    for _ in 0..20_000 {
        world.change_and_tell();
    }
    while next(&mut watcher).await != changed(20_000) {}
    assert!(world.reads() < 2_000, "{} reads", world.reads());
}

#[tokio::test]
async fn other_events_are_no_reason_to_read() {
    let (_harness, client, world) = world().await;
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    world.tell(ResourceType::Runner, OTHER);
    world.tell(ResourceType::Environment, ID);
    world.tell(ResourceType::Unspecified, ID);
    world.change_and_tell();
    assert_eq!(next(&mut watcher).await, changed(1));
    assert_eq!(world.reads(), 2);
}

/// A client whose streams may be silent for so long, over either version of HTTP.
fn with_limit(harness: &Harness, http2: bool, idle: Duration) -> Client {
    let builder = harness.client(Codec::Json).runtime(|runtime| {
        let runtime = runtime.stream_idle_timeout(idle);
        if http2 { runtime.http2_only() } else { runtime }
    });
    builder.build().unwrap()
}

/// Whatever breaks a stream: what changed in the gap is seen, as something read anew.
#[tokio::test]
async fn a_gap_is_seen_as_a_reread() {
    let told = ServerError::new(Code::Unavailable, "going down");
    for (what, fault) in [
        ("cut", Fault::cut_after(1)),
        ("reset", Fault::cut_after(1).by_reset()),
        ("cut within a message", Fault::cut_body(20)),
        ("without an end", Fault::without_end()),
        ("an error", Fault::error(told)),
        ("silence", Fault::stall_after(1)),
        ("garbage", Fault::message("not a message")),
    ] {
        for http2 in [false, true] {
            let (harness, _, world) = world().await;
            let client = with_limit(&harness, http2, Duration::from_millis(300));
            harness.inject(fault.clone().on::<WatchEvents>());
            let mut watcher = watching(&client);
            assert_eq!(next(&mut watcher).await, reread(0), "{what}");
            // Nobody is told of this one.
            world.change();
            // What breaks behind a message needs one, and what breaks at the end an end.
            let others = tokio::spawn({
                let world = world.clone();
                async move {
                    world.tell(ResourceType::Runner, OTHER);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    world.end.send_replace(());
                }
            });
            loop {
                match next(&mut watcher).await {
                    seen if seen == reread(1) => break,
                    // The stream was gone before the change.
                    seen => assert_eq!(seen, reread(0), "{what}"),
                }
            }
            others.await.unwrap();
            world.change_and_tell();
            loop {
                match next(&mut watcher).await {
                    seen if seen == changed(2) || seen == reread(2) => break,
                    seen => assert_eq!(seen, reread(1), "{what}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_does_not_open_is_opened_again() {
    let page = Fault::html(StatusCode::BAD_GATEWAY);
    let cut = Fault::drop_before();
    for fault in [page, cut] {
        for http2 in [false, true] {
            let (harness, _, world) = world().await;
            let client = with_limit(&harness, http2, Duration::from_secs(60));
            let fault = harness.inject(fault.clone().on::<WatchEvents>().times(10));
            let mut watcher = watching(&client);
            assert_eq!(next(&mut watcher).await, reread(0));
            assert_eq!(fault.fired(), 10);
            assert_eq!(world.opened.lock().unwrap().len(), 1);
            assert_eq!(world.reads(), 1);
        }
    }
}

#[tokio::test]
async fn a_good_end_is_a_gap_too() {
    let (_harness, client, world) = world().await;
    let mut watcher = watching(&client);
    for round in 0..5 {
        assert_eq!(next(&mut watcher).await, reread(round));
        // Nobody is told of this one: the stream is gone.
        world.change();
        world.end.send_replace(());
    }
    assert!(world.opened.lock().unwrap().len() >= 5);
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back() {
    let key = "a-key-that-both-servers-take";
    let first = Server::builder().api_key(key).start().await.unwrap();
    let world = World::new();
    world.serve(&first);
    let client = Client::builder().base_url(first.base_url()).token(key);
    let client = client.retry(RetryPolicy::none()).build().unwrap();
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));

    let port = first.port();
    first.kill();
    first.stop().await;
    world.change();
    // While it is away nothing is seen, and nothing fails.
    let nothing = tokio::time::timeout(Duration::from_millis(100), watcher.try_next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    let second = Server::builder()
        .api_key(key)
        .port(port)
        .start()
        .await
        .unwrap();
    world.serve(&second);
    assert_eq!(next(&mut watcher).await, reread(1));
    world.change_and_tell();
    assert_eq!(next(&mut watcher).await, changed(2));
}

#[tokio::test]
async fn an_outage_that_lasts_is_an_error() {
    let (harness, client, world) = world().await;
    let mut watcher = watching(&client).max_outage(Duration::from_millis(200));
    assert_eq!(next(&mut watcher).await, reread(0));
    harness.inject(Fault::html(StatusCode::SERVICE_UNAVAILABLE).always());
    world.end.send_replace(());
    let error = harness.note_error(watcher.try_next().await.unwrap_err());
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(error.http_status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(watcher.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_credential_that_is_refused_ends_it() {
    let (harness, client, world) = world().await;
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    harness.revoke_api_key(harness.api_key());
    harness.clear_calls();
    world.end.send_replace(());
    let error = harness.note_error(watcher.try_next().await.unwrap_err());
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.is_from_server());
    assert!(watcher.try_next().await.unwrap().is_none());
    let calls = harness.calls();
    let opened = calls.iter().filter(|call| call.path() == WatchEvents::PATH);
    assert_eq!(opened.count(), 1, "it is not asked again");
}

#[tokio::test]
async fn errors_that_stay_end_it() {
    for code in [
        Code::PermissionDenied,
        Code::InvalidArgument,
        Code::Unimplemented,
    ] {
        let (harness, client, _) = world().await;
        let error = ServerError::new(code, "no");
        harness.inject(Fault::error(error.clone()).on::<WatchEvents>());
        let mut watcher = watching(&client);
        assert_eq!(watcher.try_next().await.unwrap_err().code(), code);
        assert!(watcher.try_next().await.unwrap().is_none());

        harness.inject(Fault::error(error).on::<GetRunner>());
        let mut watcher = watching(&client);
        assert_eq!(watcher.try_next().await.unwrap_err().code(), code);
        assert!(watcher.try_next().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_read_that_fails_for_now_is_made_again() {
    let (harness, client, world) = world().await;
    let call = client
        .runner()
        .get_runner(request())
        .retry(RetryPolicy::none());
    let mut watcher = client.watch(call).backoff(at_once());
    let proxy = || Fault::html(StatusCode::BAD_GATEWAY).on::<GetRunner>();
    let fault = harness.inject(proxy().times(5));
    assert_eq!(next(&mut watcher).await, reread(0));
    assert_eq!(fault.fired(), 5);
    let fault = harness.inject(proxy().times(5));
    world.change_and_tell();
    assert_eq!(next(&mut watcher).await, changed(1));
    assert_eq!(fault.fired(), 5);
}

#[tokio::test]
async fn what_is_gone_is_seen_as_gone() {
    let (harness, client, world) = world().await;
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    let not_found = || ServerError::new(Code::NotFound, "no such runner");
    harness.handle::<GetRunner, _, _>(move |_| async move { Err(not_found()) });
    world.tell(ResourceType::Runner, ID);
    assert_eq!(next(&mut watcher).await, Seen::Gone);
    assert!(watcher.try_next().await.unwrap().is_none());

    // It was never there.
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, Seen::Gone);
    let call = client.runner().get_runner(request());
    let error = client
        .wait_until(call, |_| true, Duration::from_secs(20))
        .await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(!error.may_have_executed());

    // Whose events are asked for is gone itself.
    harness.inject(Fault::error(not_found()).on::<WatchEvents>());
    let call = client.environment().get_environment(GetEnvironmentRequest {
        environment_id: ID.to_owned(),
    });
    let mut watcher = client.watch(call);
    assert!(matches!(
        watcher.try_next().await.unwrap(),
        Some(Seen::Gone)
    ));
}

/// Nobody is told that it was deleted.
#[tokio::test]
async fn what_goes_in_a_gap_is_gone() {
    let (harness, client, world) = world().await;
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    harness.handle::<GetRunner, _, _>(|_| async { Err(ServerError::new(Code::NotFound, "gone")) });
    world.end.send_replace(());
    assert_eq!(next(&mut watcher).await, Seen::Gone);
    assert!(watcher.try_next().await.unwrap().is_none());
}

/// A stream that was opened with it may stay open.
#[tokio::test]
async fn a_credential_that_dies_while_the_stream_is_silent_ends_it() {
    let (harness, client, world) = world().await;
    let mut watcher = watching(&client).reread_every(Duration::from_millis(50));
    assert_eq!(next(&mut watcher).await, reread(0));
    harness.revoke_api_key(harness.api_key());
    let error = loop {
        match watcher.try_next().await {
            // Read before.
            Ok(seen) => assert!(matches!(seen, Some(Seen::Reread(_))), "{seen:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(watcher.try_next().await.unwrap().is_none());
    assert_eq!(world.opened.lock().unwrap().len(), 1);
}

/// Some services tell more than once of the same, or late.
#[tokio::test]
async fn an_event_that_comes_again_is_no_harm() {
    let (_harness, client, world) = world().await;
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    world.change_and_tell();
    for _ in 0..3 {
        assert_eq!(next(&mut watcher).await, changed(1));
        world.tell(ResourceType::Runner, ID);
    }
    world.change_and_tell();
    while next(&mut watcher).await != changed(2) {}
    assert_eq!(world.opened.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn waiting_until_it_is_as_wanted() {
    let (_harness, client, world) = world().await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move {
            let call = client.runner().get_runner(request());
            let wanted = |runner: &Runner| runner.name.parse::<usize>().unwrap() >= 3;
            client
                .wait_until(call, wanted, Duration::from_secs(20))
                .await
        }
    });
    // Each change is told of when somebody has seen the one before.
    for change in 0..3 {
        while world.reads() <= change {
            tokio::task::yield_now().await;
        }
        world.change_and_tell();
    }
    assert_eq!(waiting.await.unwrap().unwrap().name, "3");
}

#[tokio::test]
async fn waiting_has_an_end() {
    let (harness, client, _) = world().await;
    let deadline = Duration::from_secs(1);
    let wait = || async {
        let began = std::time::Instant::now();
        let call = client
            .runner()
            .get_runner(request())
            .retry(RetryPolicy::none());
        let error = client
            .wait_until(call, |_| false, deadline)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
        assert!(began.elapsed() >= deadline);
        error
    };
    let error = wait().await;
    assert!(std::error::Error::source(&error).is_none());

    // A read that hangs doesn't hold it up, nor does a stream that doesn't open.
    let hang = || Fault::delay_answer(Duration::from_secs(600));
    let reads = harness.inject(hang().on::<GetRunner>());
    wait().await;
    assert_eq!(reads.fired(), 1);
    let streams = harness.inject(hang().on::<WatchEvents>());
    wait().await;
    assert_eq!(streams.fired(), 1);

    // It says what was wrong all the time.
    harness.inject(Fault::html(StatusCode::SERVICE_UNAVAILABLE).always());
    let error = wait().await;
    let source = std::error::Error::source(&error).unwrap();
    let source = source.downcast_ref::<Error>().unwrap();
    assert_eq!(source.code(), Code::Unavailable);
}

/// Some services say nothing, not even that the stream is open, before the first event.
#[tokio::test]
async fn a_stream_that_is_slow_to_open_does_not_keep_it_from_reading() {
    let (harness, client, world) = world().await;
    let open = Arc::new(Notify::new());
    let there = (world.clone(), Arc::clone(&open));
    harness.handle::<WatchEvents, _, _>(move |_| {
        let (world, open) = there.clone();
        async move {
            open.notified().await;
            let events = world.events.subscribe();
            Ok(ResponseStream::new(futures_util::stream::unfold(
                events,
                |mut events| async { Some((Ok(events.recv().await.unwrap()), events)) },
            )))
        }
    });
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    world.change();
    open.notify_one();
    assert_eq!(next(&mut watcher).await, reread(1));
    world.change_and_tell();
    assert_eq!(next(&mut watcher).await, changed(2));
}

#[tokio::test]
async fn without_events_it_is_read_as_often_as_told() {
    let (_harness, client, world) = world().await;
    let mut watcher = watching(&client).reread_every(Duration::from_millis(50));
    for change in 0..5 {
        assert_eq!(next(&mut watcher).await, reread(change));
        world.change();
    }
}

#[tokio::test]
async fn dropping_it_closes_the_stream() {
    struct Gone(Arc<Notify>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (harness, client, _) = world().await;
    let gone = Arc::new(Notify::new());
    let there = Arc::clone(&gone);
    harness.handle::<WatchEvents, _, _>(move |_| {
        let gone = Gone(Arc::clone(&there));
        async move {
            Ok(ResponseStream::produce(|_sender| async move {
                std::future::pending::<()>().await;
                drop(gone);
                Ok(())
            }))
        }
    });
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    drop(watcher);
    gone.notified().await;
}

#[tokio::test]
async fn a_signal_ends_it() {
    let (_harness, client, _) = world().await;
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let call = client.runner().get_runner(request());
    let mut watcher = client.watch(call.cancel_on(async move { stopped.notified().await }));
    assert_eq!(next(&mut watcher).await, reread(0));
    stop.notify_one();
    assert_eq!(watcher.try_next().await.unwrap_err().code(), Code::Canceled);
    assert!(watcher.try_next().await.unwrap().is_none());
}

/// A future that is dropped takes no event with it.
#[tokio::test]
async fn a_dropped_future_loses_nothing() {
    let (harness, client, world) = world().await;
    let mut watcher = watching(&client);
    assert_eq!(next(&mut watcher).await, reread(0));
    harness.inject(Fault::delay_answer(Duration::from_millis(100)).on::<GetRunner>());
    world.change_and_tell();
    let wait = Duration::from_millis(10);
    let seen = loop {
        if let Ok(seen) = tokio::time::timeout(wait, next(&mut watcher)).await {
            break seen;
        }
    };
    assert_eq!(seen, changed(1));
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn resources_of_all_kinds_are_watched_where_their_events_are() {
    let (_harness, client, world) = world().await;
    let id = || ID.to_owned();
    async fn open<T: Send + 'static>(client: &Client, resource: impl Into<Resource<T>>) {
        let mut watcher = client.watch(resource);
        // The server has no such method: it is the stream alone that is of interest.
        assert_eq!(
            watcher.try_next().await.map(drop).unwrap_err().code(),
            Code::Unimplemented
        );
    }
    let environment = client.environment();
    open(
        &client,
        environment.get_environment(GetEnvironmentRequest {
            environment_id: id(),
        }),
    )
    .await;
    let prebuild = GetPrebuildRequest { prebuild_id: id() };
    open(&client, client.prebuild().get_prebuild(prebuild)).await;
    let execution = GetWorkflowExecutionRequest {
        workflow_execution_id: id(),
    };
    open(&client, client.workflow().get_workflow_execution(execution)).await;
    let task = client
        .environment_automation()
        .get_task_execution(GetTaskExecutionRequest { id: id() });
    open(&client, Resource::from(task).in_environment(OTHER)).await;

    let opened = world.opened.lock().unwrap();
    let scopes: Vec<_> = opened
        .iter()
        .map(|request| {
            let filters = request.resource_type_filters.iter();
            let types: Vec<_> = filters.map(|filter| filter.resource_type()).collect();
            (request.scope.clone().unwrap(), types)
        })
        .collect();
    let organization = Scope::Organization(true);
    assert_eq!(
        scopes,
        [
            (Scope::EnvironmentId(id()), vec![]),
            (organization.clone(), vec![ResourceType::Prebuild]),
            (organization, vec![ResourceType::WorkflowExecution]),
            (Scope::EnvironmentId(OTHER.to_owned()), vec![]),
        ]
    );
}

#[tokio::test]
async fn anything_can_be_a_resource() {
    let (_harness, client, world) = world().await;
    let runners = client.runner();
    let name = Resource::new(ResourceType::Runner, ID, move || {
        let call = runners.get_runner(request());
        async move { Ok(call.await?.into_inner().runner.unwrap_or_default().name) }
    });
    let mut watcher = client.watch(name);
    assert_eq!(watcher.try_next().await.unwrap(), Some(reread(0)));
    world.change_and_tell();
    assert_eq!(watcher.try_next().await.unwrap(), Some(changed(1)));
}

#[tokio::test]
async fn a_feed_says_when_to_read_everything() {
    let (harness, client, world) = world().await;
    let request = WatchEventsRequest::default();
    let mut feed = client.event_feed(request).backoff(at_once());
    assert_eq!(feed.try_next().await.unwrap(), Some(Notice::Reread));
    world.tell(ResourceType::Project, "a");
    world.tell(ResourceType::Runner, "b");
    for id in ["a", "b"] {
        let Some(Notice::Event(event)) = feed.try_next().await.unwrap() else {
            panic!("no event");
        };
        assert_eq!(event.resource_id, id);
    }
    world.end.send_replace(());
    assert_eq!(feed.next().await.unwrap().unwrap(), Notice::Reread);
    harness.revoke_api_key(harness.api_key());
    world.end.send_replace(());
    // The service may open the stream before it looks at the credential.
    let error = loop {
        match feed.try_next().await {
            Ok(notice) => assert_eq!(notice, Some(Notice::Reread)),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(feed.try_next().await.unwrap().is_none());
}

fn is_a_stream<T: futures_util::Stream + Send + Unpin>(_: &T) {}

#[tokio::test]
async fn streams_can_be_sent_and_need_no_pin() {
    let (_harness, client, _) = world().await;
    is_a_stream(&watching(&client));
    is_a_stream(&client.event_feed(WatchEventsRequest::default()));
    let waiting = client.wait_until(
        client.runner().get_runner(request()),
        |runner| runner.name == "0",
        Duration::from_secs(20),
    );
    fn can_be_sent<T: Send>(value: T) -> T {
        value
    }
    assert_eq!(can_be_sent(waiting).await.unwrap().name, "0");
}
