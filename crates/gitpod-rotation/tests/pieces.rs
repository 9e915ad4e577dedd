//! The pieces fit: the machine over real files and a simulated sink, with a service in memory, cut
//! off after every number of actions and then resumed.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::fs;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gitpod_rotation::{
    Action, Asked, Audit, CredentialCheck, End, Ending, Event, Plan, Probe, RawAnswer, Reading,
    SimulatedSink, Sink, State, Store, Token,
};
use jiff::Timestamp;

const ID: &str = "d2c94c27-3b76-4a42-b88c-95a85e392c68";

struct Service {
    now: Timestamp,
    expires_at: Timestamp,
    tokens: Vec<String>,
}

impl Service {
    fn new() -> Self {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        Self {
            now,
            expires_at: now + Duration::from_secs(86_400),
            tokens: vec!["token-number-0".into()],
        }
    }

    fn regenerate(&mut self, life: u64) -> RawAnswer {
        self.now += Duration::from_millis(1500);
        self.expires_at = self.now + Duration::from_secs(life);
        let token = format!("token-number-{}", self.tokens.len());
        let body = serde_json::json!({"token": token, "tokenExpiresAt": self.expires_at});
        self.tokens.push(token);
        RawAnswer::new(serde_json::to_vec(&body).unwrap())
    }

    fn live(&self) -> &str {
        self.tokens.last().unwrap()
    }
}

fn field(answer: &RawAnswer, name: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer.expose()).ok()?;
    Some(answer[name].as_str()?.to_owned())
}

fn expires_at(answer: &RawAnswer) -> Option<Timestamp> {
    field(answer, "tokenExpiresAt")?.parse().ok()
}

/// Nothing in here ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// One process, which dies after so many actions: the last of them has had its effect, and nobody
/// was told.
fn run(
    folder: &Path,
    service: &mut Service,
    sink: &SimulatedSink,
    mut actions: usize,
) -> Option<Ending> {
    let store = Store::open_anywhere(folder, ID).unwrap();
    let kept = store.read_escrow().unwrap();
    let mut hand = match &kept {
        gitpod_rotation::Kept::Whole { answer, .. } => Some(answer.clone()),
        _ => None,
    };
    let plan = Plan::new(ID, [sink.name()]);
    let journal = store.load().unwrap();
    let mut state = State::start(plan, journal, kept.to_escrow(expires_at), 3).unwrap();
    let mut ran = Duration::ZERO;
    loop {
        let token = hand
            .as_ref()
            .and_then(|answer| field(answer, "token"))
            .map(Token::new);
        let event = match state.action() {
            Action::End(ending) => return Some(ending),
            Action::Read { .. } => Event::Read(Ok(Reading {
                expires_at: service.expires_at,
                date: Some(Timestamp::from_second(service.now.as_second()).unwrap()),
                probe: Probe::Unknown,
            })),
            // The endpoint isn't known here.
            Action::TryOld { .. } => Event::Tried(Probe::Unknown),
            Action::CheckCredential { .. } => Event::Credential(CredentialCheck::Fine),
            Action::Preflight { .. } => Event::Preflight(now(sink.preflight()).is_ok()),
            Action::ReserveEscrow => Event::Stored(store.reserve_escrow().is_ok()),
            Action::SaveJournal => Event::Stored(store.save(state.journal()).is_ok()),
            Action::RemoveEscrow => Event::Stored(store.remove_escrow().is_ok()),
            Action::Ask { life_seconds, .. } => {
                hand = Some(service.regenerate(life_seconds));
                Event::Asked(Asked::Answered { date: None })
            }
            Action::WriteEscrow { attempt } => {
                let answer = hand.as_ref().unwrap();
                Event::Escrowed {
                    stored: store.write_escrow(attempt, answer).is_ok(),
                    expires_at: expires_at(answer),
                }
            }
            Action::Push { .. } => Event::Pushed(now(sink.push(&token.unwrap())).is_ok()),
            Action::Verify { token_in_hand, .. } => {
                let token = token.filter(|_| token_in_hand);
                Event::Verified(now(sink.verify(token.as_ref())).ok())
            }
            Action::ReadAuditLog { .. } => Event::Audit(Audit::Nothing),
            Action::Wait(time) => {
                ran += time;
                service.now += time;
                Event::Waited
            }
            action => panic!("{action:?}"),
        };
        actions = actions.checked_sub(1)?;
        state = state.step(event, ran).unwrap();
    }
}

fn no_token_is_printed(folder: &Path, service: &Service, sink: &SimulatedSink) {
    let journal = fs::read_to_string(folder.join(format!("{ID}.journal.json")));
    let shown = journal.unwrap_or_default() + &format!("{sink:?}");
    for token in &service.tokens {
        assert!(!shown.contains(token), "{shown}");
    }
}

#[test]
fn a_process_may_end_after_any_action() {
    for actions in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Service::new();
        let sink = SimulatedSink::new("memory");
        sink.put(Some(Token::new(service.live().to_owned())));
        let whole = run(folder.path(), &mut service, &sink, actions);
        no_token_is_printed(folder.path(), &service, &sink);

        if whole.is_none() {
            let ending = run(folder.path(), &mut service, &sink, usize::MAX);
            assert_eq!(ending, Some(Ending::Done), "after {actions} actions");
        }
        assert_eq!(sink.token().unwrap().expose(), service.live());
        no_token_is_printed(folder.path(), &service, &sink);
        let store = Store::open_anywhere(folder.path(), ID).unwrap();
        assert!(!store.escrow_path().exists());
        let journal = store.load().unwrap().unwrap();
        assert_eq!(journal.last().unwrap().end(), End::Finished);
        assert_eq!(journal.last().unwrap().expires_at(), service.expires_at);
        if whole.is_some() {
            assert!(actions > 15, "it isn't idle");
            return;
        }
    }
}
