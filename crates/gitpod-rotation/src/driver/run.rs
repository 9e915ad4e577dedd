//! One run: each action done, and told.

use std::time::Duration;

use tokio::sync::watch;

use super::answer::{Answer, decode};
use super::report::{Report, without};
use super::{Driver, blocking};
use crate::event::{Asked, CredentialCheck};
use crate::{
    Action, Audit, Event, Probe, RawAnswer, Sink, State, Store, StoreError, Token, Verdict,
};

/// One run of a [`Driver`], action by action: [`Driver::run`] is all of them.
#[derive(Debug)]
pub struct Run<'a> {
    pub(super) driver: &'a mut Driver,
    pub(super) state: State,
    /// The driver's sink behind each of the state's.
    pub(super) order: Vec<usize>,
    pub(super) requested: watch::Receiver<bool>,
    pub(super) hand: Option<Hand>,
    /// Whether the configuration was enabled when it was read last. Of one that is switched off the endpoint
    /// takes no token, the live one included.
    pub(super) enabled: bool,
    /// The token that was found alive before the last ask.
    pub(super) old: Option<Token>,
}

/// An answer in hand, and what it says if it can be understood.
#[derive(Debug)]
pub(super) struct Hand {
    raw: RawAnswer,
    answer: Option<Answer>,
}

impl Hand {
    pub(super) fn new(raw: RawAnswer) -> Self {
        Self {
            answer: decode(&raw),
            raw,
        }
    }
}

impl Run<'_> {
    /// Where it is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Does the next action. Whether there was one: if not, it is over, and the state says how.
    pub async fn act(&mut self) -> bool {
        self.driver.stop.permit(self.state.may_end_at_once());
        if self.state.ending().is_some() {
            self.driver.tidy(&self.state).await;
            return false;
        }
        let event = self.event().await;
        if *self.requested.borrow_and_update() {
            self.state = self.state.interrupt();
        }
        // The event is the action's own: each arm of `event` sees to that.
        if let Ok(next) = self.state.step(event, self.driver.clock.elapsed()) {
            self.state = next;
        }
        true
    }

    async fn event(&mut self) -> Event {
        match self.state.action() {
            Action::Read { probe } => self.read(probe).await,
            Action::CheckCredential { outlives } => self.credential(outlives).await,
            Action::TryOld { asked } => self.try_old(asked).await,
            Action::Preflight { sink } => self.preflight(sink).await,
            Action::ReserveEscrow => self.stored(Store::reserve_escrow).await,
            Action::RemoveEscrow => self.stored(Store::remove_escrow).await,
            Action::SaveJournal => {
                let journal = self.state.journal().clone();
                self.stored(move |store| store.save(&journal)).await
            }
            Action::Ask {
                attempt,
                life_seconds,
                deadline,
            } => self.ask(attempt, life_seconds, deadline).await,
            Action::WriteEscrow { attempt } => self.write_escrow(attempt).await,
            Action::Push { sink } => self.push(sink).await,
            Action::Verify {
                sink,
                token_in_hand,
            } => self.verify(sink, token_in_hand).await,
            Action::ReadAuditLog { since } => self.audit(since).await,
            Action::Wait(time) => self.wait(time).await,
            // It isn't done: see `act`.
            Action::End(_) => Event::Waited,
        }
    }

    async fn read(&mut self, probe: bool) -> Event {
        let told = self.driver.service.read().await;
        let mut result = told.result.map(|(reading, _)| reading);
        self.enabled = told.result.is_ok_and(|(_, enabled)| enabled);
        if let (Ok(reading), true) = (&mut result, probe) {
            reading.probe = self.probe().await;
        }
        match (&result, &told.error) {
            (Ok(reading), _) => self.driver.tell(&Report::Read {
                expires_at: reading.expires_at,
                date: reading.date,
                probe: reading.probe,
            }),
            (Err(_), error) => self.driver.tell(&Report::ReadFailed {
                error: error.as_deref().unwrap_or_default(),
            }),
        }
        Event::Read(result)
    }

    /// Tries the token in hand at the SCIM endpoint, if there is one whose word counts.
    async fn probe(&mut self) -> Probe {
        let token = self.answer().map(|answer| answer.token.clone());
        match token {
            Some(token) => self.tried(&token).await,
            None => Probe::Unknown,
        }
    }

    /// What the SCIM endpoint says to a token, if it is known and its word counts.
    pub(super) async fn tried(&mut self, token: &Token) -> Probe {
        if !self.enabled || !self.is_of_use().await {
            return Probe::Unknown;
        }
        match &self.driver.endpoint {
            Some((endpoint, _)) => endpoint.tries(token).await,
            None => Probe::Unknown,
        }
    }

    /// Whether the endpoint's word counts, which is found out once.
    async fn is_of_use(&mut self) -> bool {
        let Some((endpoint, known)) = &mut self.driver.endpoint else {
            return false;
        };
        if let Some(known) = known {
            return *known;
        }
        let of_use = endpoint.is_of_use().await;
        *known = Some(of_use);
        self.driver.tell(&Report::Endpoint { of_use });
        of_use
    }

    async fn credential(&mut self, outlives: Option<Duration>) -> Event {
        let date = self.state.date();
        let told = self.driver.service.credential(outlives, date).await;
        self.driver.tell(&Report::Credential {
            fine: told.result == CredentialCheck::Fine,
            detail: told.error.as_deref().unwrap_or_default(),
        });
        // It belongs to the preflight too.
        self.is_of_use().await;
        Event::Credential(told.result)
    }

    async fn preflight(&mut self, sink: usize) -> Event {
        let driver = &mut *self.driver;
        let sink = &driver.sinks[self.order[sink]];
        let result = sink.preflight().await;
        let error = result.as_ref().err().map(|error| error.message());
        (driver.observer)(&Report::Preflight {
            sink: sink.name(),
            error,
        });
        note(&mut driver.observer, sink.as_ref(), None);
        Event::Preflight(result.is_ok())
    }

    async fn stored(
        &mut self,
        work: impl FnOnce(&Store) -> Result<(), StoreError> + Send + 'static,
    ) -> Event {
        Event::Stored(self.store(work).await)
    }

    /// Does something with the files, and says so if that fails.
    async fn store(
        &mut self,
        work: impl FnOnce(&Store) -> Result<(), StoreError> + Send + 'static,
    ) -> bool {
        let result = blocking(&self.driver.store, work).await;
        if let Err(error) = &result {
            self.driver.tell(&Report::StoreFailed { error });
        }
        result.is_ok()
    }

    async fn ask(&mut self, attempt: u32, life_seconds: u64, deadline: Duration) -> Event {
        self.driver.tell(&Report::Asking {
            attempt,
            life_seconds,
        });
        let told = self.driver.service.ask(life_seconds, deadline).await;
        let (asked, answer) = told.result;
        if let Some(raw) = answer {
            // Decoded only when it is in escrow: see `write_escrow`.
            self.hand = Some(Hand { raw, answer: None });
        }
        self.driver.tell(&Report::Asked {
            result: match asked {
                Asked::Answered { .. } => "answered",
                Asked::NotSent => "not_sent",
                Asked::Busy => "busy",
                Asked::Refused => "refused",
                Asked::NotFound => "not_found",
                Asked::Ambiguous => "ambiguous",
            },
            error: told.error.as_deref(),
        });
        Event::Asked(asked)
    }

    async fn write_escrow(&mut self, attempt: u32) -> Event {
        let raw = self.hand.as_ref().map(|hand| hand.raw.clone());
        let stored = match raw {
            Some(raw) => {
                self.store(move |store| store.write_escrow(attempt, &raw))
                    .await
            }
            None => false,
        };
        if let Some(hand) = &mut self.hand
            && hand.answer.is_none()
        {
            hand.answer = decode(&hand.raw);
        }
        let expires_at = self.answer().map(|answer| answer.expires_at);
        if stored {
            self.driver.tell(&Report::Escrowed { expires_at });
        }
        Event::Escrowed { stored, expires_at }
    }

    pub(super) fn sink(&self, sink: usize) -> &dyn Sink {
        self.driver.sinks[self.order[sink]].as_ref()
    }

    fn answer(&self) -> Option<&Answer> {
        self.hand.as_ref()?.answer.as_ref()
    }

    async fn push(&mut self, sink: usize) -> Event {
        let token = self.answer().map(|answer| answer.token.clone());
        let driver = &mut *self.driver;
        let sink = &driver.sinks[self.order[sink]];
        (driver.observer)(&Report::Pushing { sink: sink.name() });
        let error = match &token {
            Some(token) => sink
                .push(token)
                .await
                .err()
                .map(|error| without(error.message(), Some(token.expose()))),
            // The machine pushes what it was told of alone.
            None => Some("no token is in hand".to_owned()),
        };
        (driver.observer)(&Report::Pushed {
            sink: sink.name(),
            error: error.as_deref(),
        });
        note(
            &mut driver.observer,
            sink.as_ref(),
            token.as_ref().map(Token::expose),
        );
        Event::Pushed(error.is_none())
    }

    async fn verify(&mut self, sink: usize, token_in_hand: bool) -> Event {
        let token = self.answer().filter(|_| token_in_hand);
        let token = token.map(|answer| answer.token.clone());
        let mut result = self.sink(sink).verify(token.as_ref()).await;
        if !token_in_hand && result == Ok(Verdict::CantTell) {
            result = self.tried_for(sink).await;
        }
        let driver = &mut *self.driver;
        let sink = &driver.sinks[self.order[sink]];
        let secret = self.hand.as_ref().and_then(|hand| hand.answer.as_ref());
        let secret = secret.map(|answer| answer.token.expose());
        let error = result
            .as_ref()
            .err()
            .map(|error| without(error.message(), secret));
        let verdict = result.ok();
        (driver.observer)(&Report::Verified {
            sink: sink.name(),
            verdict,
            error: error.as_deref(),
        });
        note(&mut driver.observer, sink.as_ref(), secret);
        Event::Verified(verdict)
    }

    async fn audit(&mut self, since: Option<jiff::Timestamp>) -> Event {
        let told = self.driver.service.audit(since).await;
        let (audit, could_tell) = told.result;
        self.driver.tell(&Report::Audit {
            someone_else: could_tell.then_some(audit == Audit::SomeoneElse),
        });
        Event::Audit(audit)
    }

    /// A signal that comes meanwhile ends it early; one that came before has had its say.
    async fn wait(&mut self, time: Duration) -> Event {
        self.driver.tell(&Report::Waiting { time });
        tokio::select! {
            () = self.driver.clock.sleep(time) => {}
            // The sender lives as long as the driver.
            _ = self.requested.changed() => {}
        }
        Event::Waited
    }
}

/// Tells what the sink has to say, which is searched for the secret first.
fn note(observer: &mut dyn FnMut(&Report<'_>), sink: &dyn Sink, secret: Option<&str>) {
    for text in sink.notes() {
        observer(&Report::Note {
            sink: sink.name(),
            note: &without(&text, secret),
        });
    }
}
