//! Rules 3 and 4: what comes right before an ask, and what comes of it.

use gitpod_testing::http::StatusCode;
use gitpod_testing::{Code, Method, ServerError};

use super::*;

/// Rule 4: what is provable is asked again or refused at once, all else is waited for.
#[tokio::test]
async fn only_a_refusal_of_the_servers_proves_that_nothing_was_executed() {
    let error = |code| Fault::error(ServerError::new(code, "because"));
    for (fault, result, asks, ending) in [
        (error(Code::Unauthenticated), "refused", 1, None),
        (error(Code::PermissionDenied), "refused", 1, None),
        (error(Code::InvalidArgument), "refused", 1, None),
        (error(Code::Unimplemented), "refused", 1, None),
        (error(Code::FailedPrecondition), "refused", 1, None),
        (error(Code::NotFound), "not_found", 1, Some(Ending::Gone)),
        (
            error(Code::ResourceExhausted),
            "busy",
            2,
            Some(Ending::Done),
        ),
        (error(Code::Unavailable), "ambiguous", 2, Some(Ending::Done)),
        (error(Code::Internal), "ambiguous", 2, Some(Ending::Done)),
        (
            error(Code::DeadlineExceeded),
            "ambiguous",
            2,
            Some(Ending::Done),
        ),
        (error(Code::Unknown), "ambiguous", 2, Some(Ending::Done)),
        (error(Code::Aborted), "ambiguous", 2, Some(Ending::Done)),
        // What stands between may say the same, and knows nothing.
        (
            Fault::html(StatusCode::UNAUTHORIZED),
            "ambiguous",
            2,
            Some(Ending::Done),
        ),
        (
            Fault::html(StatusCode::FORBIDDEN),
            "ambiguous",
            2,
            Some(Ending::Done),
        ),
        (
            Fault::html(StatusCode::NOT_FOUND),
            "ambiguous",
            2,
            Some(Ending::Done),
        ),
        (
            Fault::html(StatusCode::REQUEST_TIMEOUT),
            "ambiguous",
            2,
            Some(Ending::Done),
        ),
        (
            Fault::html(StatusCode::TOO_MANY_REQUESTS),
            "ambiguous",
            2,
            Some(Ending::Done),
        ),
        (
            Fault::html(StatusCode::BAD_GATEWAY),
            "ambiguous",
            2,
            Some(Ending::Done),
        ),
        (
            Fault::html(StatusCode::SERVICE_UNAVAILABLE),
            "ambiguous",
            2,
            Some(Ending::Done),
        ),
    ] {
        let case = format!("{fault:?}");
        let setting = Setting::new().await;
        setting.fault(fault);
        let ending = ending.unwrap_or(Ending::NothingChanged(Obstacle::Refused));
        assert_eq!(setting.run().await, ending, "{case}");
        let told = setting.told();
        let said = format!(r#""event":"asked","result":"{result}""#);
        assert!(told.contains(&said), "{case}: {told}");
        assert_eq!(told.matches(r#""event":"asking""#).count(), asks, "{case}");
        let calls = setting.server.calls();
        let asked = calls
            .iter()
            .filter(|call| call.path() == RegenerateScimToken::PATH);
        let deadlines: Vec<_> = asked
            .map(|call| call.header("connect-timeout-ms"))
            .collect();
        // The client's own retries are off.
        assert_eq!(deadlines, vec![Some("15000"); asks], "{case}");
        let waited = setting.clock.elapsed() >= Duration::from_secs(80);
        assert_eq!(waited, result == "ambiguous", "{case}");
    }
}

#[tokio::test]
async fn a_configuration_that_cant_be_read_after_the_wait_keeps_the_journal() {
    let setting = Setting::new().await;
    setting.fault(Fault::drop_after());
    let mut driver = setting.driver();
    let mut run = driver.begin(Plan::new(setting.id(), ["idp"])).unwrap();
    while run.act().await {
        if setting.told().contains(r#""result":"ambiguous""#) {
            setting.server.clear_faults();
            let unread = Fault::drop_before().on::<GetScimConfiguration>();
            setting.server.inject(unread.always());
        }
    }
    let unread = Ending::Unfinished(Obstacle::Unreadable);
    assert_eq!(run.state().ending(), Some(unread));
    drop(driver);
    setting.server.clear_faults();
    // Nobody has asked again meanwhile.
    assert_eq!(setting.server.tokens_issued().len(), 2);
    assert_eq!(setting.run().await, Ending::Done);
    setting.is_rotated();
}

/// Someone else was faster, between the two reads.
#[tokio::test]
async fn an_expiry_that_changes_right_before_the_ask_stops_it() {
    let setting = Setting::new().await;
    let mut driver = setting.driver();
    let mut run = driver.begin(Plan::new(setting.id(), ["idp"])).unwrap();
    while run.state().action() != crate::Action::SaveJournal {
        assert!(run.act().await);
    }
    setting.clock.server.advance(Duration::from_secs(2));
    setting.someone_else_regenerates().await;
    while run.act().await {}
    let changed = Ending::NothingChanged(Obstacle::Changed);
    assert_eq!(run.state().ending(), Some(changed));
    assert!(run.state().journal().unfinished().is_none());
    assert_eq!(setting.server.tokens_issued().len(), 2);
    assert!(!setting.told().contains(r#""event":"asking""#));
}
