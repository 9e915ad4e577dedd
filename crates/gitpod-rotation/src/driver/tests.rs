//! The driver over the embedded server, in virtual time.

mod asks;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use gitpod_client::organization::{GetScimConfiguration, RegenerateScimToken};
use gitpod_client::types::v1::{RegenerateScimTokenRequest, UpdateScimConfigurationRequest};
use gitpod_client::{Client, RetryPolicy};
use gitpod_testing::{Fault, Server};

use super::*;
use crate::{
    Ending, FileSink, Obstacle, PushFault, SimulatedSink, SinkError, SinkFuture, Token, Verdict,
};

const START: Duration = Duration::from_secs(1_764_000_000);

/// Waiting moves the server's clock, and this one.
#[derive(Debug, Clone)]
struct Virtual {
    server: gitpod_testing::Clock,
    millis: Arc<AtomicU64>,
    /// It goes back by so much whenever it is looked at.
    back: u64,
}

impl Clock for Virtual {
    fn elapsed(&self) -> Duration {
        let millis = self.millis.load(Ordering::SeqCst);
        self.millis
            .store(millis.saturating_sub(self.back), Ordering::SeqCst);
        Duration::from_millis(millis)
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.millis.fetch_add(millis, Ordering::SeqCst);
        self.server.advance(time);
        Box::pin(async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        })
    }
}

struct Setting {
    server: Server,
    folder: tempfile::TempDir,
    clock: Virtual,
    sink: SimulatedSink,
    events: Arc<Mutex<Vec<String>>>,
}

impl Setting {
    async fn new() -> Self {
        let clock = gitpod_testing::Clock::fixed(SystemTime::UNIX_EPOCH + START);
        let server = Server::builder()
            .clock(clock.clone())
            .start()
            .await
            .unwrap();
        let sink = SimulatedSink::new("idp").trying({
            let server = server.clone();
            move |token| server.is_live(token.expose())
        });
        sink.put(Some(Token::new(server.scim_token().to_owned())));
        Self {
            server,
            folder: tempfile::tempdir().unwrap(),
            clock: Virtual {
                server: clock,
                millis: Arc::default(),
                back: 0,
            },
            sink,
            events: Arc::default(),
        }
    }

    fn id(&self) -> &str {
        self.server.scim_configuration_id()
    }

    fn driver_of(&self, sinks: Vec<Box<dyn Sink>>) -> Driver {
        let client = Client::builder()
            .base_url(self.server.base_url())
            .token(self.server.api_key())
            .retry(RetryPolicy::none());
        let store = Store::open_anywhere(self.folder.path(), self.id()).unwrap();
        let events = Arc::clone(&self.events);
        Driver::new(client, store, sinks)
            .unwrap()
            .clock(self.clock.clone())
            .observe(move |report| {
                let json = serde_json::to_string(report).unwrap();
                events.lock().unwrap().push(json);
            })
    }

    fn driver(&self) -> Driver {
        self.driver_of(vec![Box::new(self.sink.clone())])
    }

    async fn run(&self) -> Ending {
        let state = self.driver().run(Plan::new(self.id(), ["idp"])).await;
        state.unwrap().ending().unwrap()
    }

    fn fault(&self, fault: Fault) {
        self.server.inject(fault.on::<RegenerateScimToken>());
    }

    fn is_rotated(&self) {
        let token = self.sink.token().unwrap();
        assert!(self.server.is_live(token.expose()), "it is dead");
        let told = self.told();
        for token in self.server.tokens_issued() {
            assert!(!told.contains(&token), "a token is told");
        }
    }

    fn told(&self) -> String {
        self.events.lock().unwrap().join("\n")
    }

    async fn someone_else_regenerates(&self) {
        self.server.accept_api_key("another");
        let client = Client::builder()
            .base_url(self.server.base_url())
            .token("another")
            .build()
            .unwrap();
        let request = RegenerateScimTokenRequest {
            scim_configuration_id: self.id().to_owned(),
            ..Default::default()
        };
        let call = client.organization().regenerate_scim_token(request);
        call.await.unwrap();
    }
}

#[tokio::test]
async fn one_without_faults() {
    let setting = Setting::new().await;
    assert_eq!(setting.run().await, Ending::Done);
    setting.is_rotated();
    assert_eq!(setting.run().await, Ending::Done);
    setting.is_rotated();
}

/// Its endpoint refuses the live token too, which says nothing of it.
#[tokio::test]
async fn the_token_of_a_configuration_that_is_switched_off_is_rotated() {
    let setting = Setting::new().await;
    let client = Client::builder()
        .base_url(setting.server.base_url())
        .token(setting.server.api_key())
        .build()
        .unwrap();
    let update = |enabled| {
        client
            .organization()
            .update_scim_configuration(UpdateScimConfigurationRequest {
                scim_configuration_id: setting.id().to_owned(),
                enabled: Some(enabled),
                ..Default::default()
            })
    };
    update(false).await.unwrap();
    let file = FileSink::new(setting.folder.path().join("token"));
    let plan = Plan::new(setting.id(), [file.name().to_owned()]);
    let endpoint = ScimEndpoint::new(setting.server.scim_base_url()).unwrap();
    let mut driver = setting
        .driver_of(vec![Box::new(file)])
        .scim_endpoint(endpoint);
    let state = driver.run(plan).await.unwrap();
    assert_eq!(state.ending(), Some(Ending::Done));
    update(true).await.unwrap();
    let held = std::fs::read_to_string(setting.folder.path().join("token")).unwrap();
    assert!(setting.server.is_live(&held));
}

#[tokio::test]
async fn a_request_that_is_executed_late_is_waited_for() {
    let setting = Setting::new().await;
    setting.fault(Fault::executed_late(Duration::from_secs(70)));
    assert_eq!(setting.run().await, Ending::Done);
    setting.is_rotated();
    // The late one's, and that which replaced it.
    assert_eq!(setting.server.tokens_issued().len(), 3);
    let told = setting.told();
    assert!(told.contains(r#""someone_else":false"#), "{told}");
}

#[tokio::test]
async fn a_request_that_is_lost_is_asked_for_again_after_the_wait() {
    let setting = Setting::new().await;
    setting.fault(Fault::drop_before());
    assert_eq!(setting.run().await, Ending::Done);
    setting.is_rotated();
    let waited = setting.clock.elapsed();
    assert!(waited >= Duration::from_secs(75), "{waited:?}");
}

#[tokio::test]
async fn the_token_of_a_second_execution_is_nobodys() {
    let setting = Setting::new().await;
    setting.fault(Fault::executed_again_late(Duration::from_secs(3)));
    // The sink has the first one's until it dies: found before the end, or by the next run.
    let sink = setting.sink.clone();
    sink.fault(PushFault::Fails);
    sink.fault(PushFault::Fails);
    sink.fault(PushFault::Fails);
    sink.fault(PushFault::Fails);
    sink.fault(PushFault::Fails);
    assert_eq!(setting.run().await, Ending::Superseded);
    assert!(
        setting
            .told()
            .contains(r#""event":"pushed","sink":"idp","error":"failed""#)
    );
}

#[tokio::test]
async fn someone_else_in_the_audit_log_stops_us() {
    let setting = Setting::new().await;
    setting.fault(Fault::drop_after());
    let mut driver = setting.driver();
    let mut run = driver.begin(Plan::new(setting.id(), ["idp"])).unwrap();
    let mut theirs = false;
    while run.act().await {
        // While it isn't known yet whose the expiry is, they press the button, and then our late
        // one comes: what is read is ours, and the log has them.
        if matches!(run.state().action(), crate::Action::ReadAuditLog { .. }) && !theirs {
            theirs = true;
            setting.someone_else_regenerates().await;
        }
    }
    assert!(theirs);
    assert_eq!(run.state().ending(), Some(Ending::Superseded));
    assert!(setting.told().contains(r#""someone_else":true"#));
}

#[tokio::test]
async fn a_clock_that_jumps_back_changes_nothing() {
    let mut setting = Setting::new().await;
    setting.clock.back = 60_000;
    setting.fault(Fault::executed_late(Duration::from_secs(70)));
    setting.sink.fault(PushFault::Fails);
    assert_eq!(setting.run().await, Ending::Done);
    setting.is_rotated();

    // The service's own, by a little.
    setting.fault(Fault::drop_before());
    let mut driver = setting.driver();
    let mut run = driver.begin(Plan::new(setting.id(), ["idp"])).unwrap();
    let mut jumped = false;
    while run.act().await {
        if matches!(run.state().action(), crate::Action::Wait(_)) && !jumped {
            jumped = true;
            setting.server.clock().rewind(Duration::from_secs(40));
        }
    }
    assert_eq!(run.state().ending(), Some(Ending::Done));
    setting.is_rotated();
}

/// Says no, with the token in its words.
#[derive(Debug)]
struct Babbler;

impl Sink for Babbler {
    fn name(&self) -> &str {
        "babbler"
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
        let error = SinkError::new(format!("won't take {}", token.expose()));
        Box::pin(std::future::ready(Err(error)))
    }

    fn verify<'a>(&'a self, _token: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
        Box::pin(std::future::ready(Ok(Verdict::CantTell)))
    }
}

#[tokio::test]
async fn a_sink_that_babbles_isnt_quoted() {
    let setting = Setting::new().await;
    let plan = Plan::new(setting.id(), ["babbler"]);
    let state = setting
        .driver_of(vec![Box::new(Babbler)])
        .run(plan)
        .await
        .unwrap();
    assert_eq!(state.ending(), Some(Ending::Unfinished(Obstacle::Sinks)));
    let told = setting.told();
    assert!(told.contains("won't take [redacted]"), "{told}");
    for token in setting.server.tokens_issued() {
        assert!(!told.contains(&token), "a token is told");
    }
}

#[tokio::test]
async fn a_rotation_is_resumed_with_its_own_sinks() {
    let setting = Setting::new().await;
    let mut driver = setting.driver();
    let mut run = driver.begin(Plan::new(setting.id(), ["idp"])).unwrap();
    while !matches!(run.state().action(), crate::Action::Push { .. }) {
        assert!(run.act().await);
    }
    drop(driver);
    let resume = Plan {
        sinks: None,
        ..Plan::new(setting.id(), [""; 0])
    };
    let other: Vec<Box<dyn Sink>> = vec![Box::new(SimulatedSink::new("other"))];
    let error = setting
        .driver_of(other)
        .run(resume.clone())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the sink idp"), "{error}");
    let state = setting.driver().run(resume).await.unwrap();
    assert_eq!(state.ending(), Some(Ending::Done));
    setting.is_rotated();
}

#[tokio::test]
async fn a_wait_ends_at_a_request_to_stop() {
    let setting = Setting::new().await;
    setting.fault(Fault::drop_before());
    let stop = Stop::new();
    // The machine's own clock: the wait would last.
    let mut driver = setting
        .driver()
        .clock(MachineClock::new())
        .stop_on(stop.clone());
    let running = driver.run(Plan::new(setting.id(), ["idp"]));
    let asked = async {
        while !setting.told().contains("waiting") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.request();
    };
    let (state, ()) = tokio::join!(running, asked);
    let interrupted = Ending::Unfinished(Obstacle::Interrupted);
    assert_eq!(state.unwrap().ending(), Some(interrupted));
    stop.may_end_at_once().await;
}

/// A file can't tell whether its token works. Where the endpoint is known, that is tried.
#[tokio::test]
async fn what_a_file_holds_is_tried_at_the_endpoint() {
    let setting = Setting::new().await;
    let path = setting.folder.path().join("token");
    let driver = || {
        let endpoint = ScimEndpoint::new(setting.server.scim_base_url()).unwrap();
        let file: Box<dyn Sink> = Box::new(FileSink::new(&path));
        let name = file.name().to_owned();
        (setting.driver_of(vec![file]).scim_endpoint(endpoint), name)
    };
    let run = async |rotate_before| {
        let (mut driver, name) = driver();
        let plan = Plan {
            rotate_before,
            ..Plan::new(setting.id(), [name])
        };
        driver.run(plan).await.unwrap()
    };
    let month = Some(Duration::from_secs(30 * 86_400));
    std::fs::write(&path, setting.server.scim_token()).unwrap();
    let state = run(month).await;
    assert_eq!(state.ending(), Some(Ending::NothingDue));
    assert_eq!(state.verdicts(), [Some(Verdict::Works)]);
    std::fs::write(&path, "another").unwrap();
    let state = run(month).await;
    assert_eq!(state.ending(), Some(Ending::Drift));
    assert_eq!(state.verdicts(), [Some(Verdict::Doesnt)]);
    // By hand that is a reason to.
    assert_eq!(run(None).await.ending(), Some(Ending::Done));

    // The answer is lost, and a replica lags: the token from before tells.
    setting.fault(Fault::drop_after());
    let (mut driver, name) = driver();
    let mut run = driver.begin(Plan::new(setting.id(), [name])).unwrap();
    while run.act().await {
        if setting.told().contains(r#""result":"ambiguous""#) {
            let stale = Fault::stale_read().on::<GetScimConfiguration>();
            setting.server.clear_faults();
            setting.server.inject(stale.always());
        }
    }
    let stale = Ending::Unfinished(Obstacle::Stale);
    assert_eq!(run.state().ending(), Some(stale));
    drop(driver);
    let told = setting.told();
    assert!(
        told.contains(r#"{"event":"old_token","probe":"live"}"#),
        "{told}"
    );
    assert!(
        told.contains(r#"{"event":"old_token","probe":"dead"}"#),
        "{told}"
    );
    setting.server.clear_faults();
    assert_eq!(run_again(&setting, &path).await, Ending::Done);
    let held = std::fs::read_to_string(&path).unwrap();
    assert!(setting.server.is_live(&held));
    for token in setting.server.tokens_issued() {
        assert!(!setting.told().contains(&token), "a token is told");
    }
}

async fn run_again(setting: &Setting, path: &std::path::Path) -> Ending {
    let file: Box<dyn Sink> = Box::new(FileSink::new(path));
    let plan = Plan::new(setting.id(), [file.name().to_owned()]);
    let state = setting.driver_of(vec![file]).run(plan).await.unwrap();
    state.ending().unwrap()
}
