//! A sink in memory that fails on demand, for tests.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Sink, SinkError, SinkFuture, Token, Verdict};

/// A sink in memory, for tests: of this crate, and of code that uses it. It does what it is told
/// to; clones are one and the same sink.
#[derive(Clone)]
pub struct SimulatedSink {
    name: String,
    alive: Option<Arc<Alive>>,
    held: Arc<Mutex<Held>>,
}

type Alive = dyn Fn(&Token) -> bool + Send + Sync;

#[derive(Debug, Default)]
struct Held {
    token: Option<Token>,
    refuses: bool,
    pushes: VecDeque<PushFault>,
    broken: bool,
    pushed: usize,
}

/// What goes wrong with a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushFault {
    /// It fails, and nothing changes.
    Fails,
    /// The token is taken, and the push reported as failed: the answer was lost.
    TakenAndFails,
    /// It is reported as done, and the sink then holds nothing.
    Forgotten,
}

impl SimulatedSink {
    /// A sink that holds nothing and can be read back: of a token that it is asked about it says
    /// whether it has it, otherwise that it can't tell.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            alive: None,
            held: Arc::default(),
        }
    }

    /// A sink that tries what it holds, as an identity provider does.
    #[must_use]
    pub fn trying(mut self, alive: impl Fn(&Token) -> bool + Send + Sync + 'static) -> Self {
        self.alive = Some(Arc::new(alive));
        self
    }

    /// From now on `preflight` fails, or passes again.
    pub fn refuse(&self, refuses: bool) {
        self.held().refuses = refuses;
    }

    /// This goes wrong with the next push, after those that were said before.
    pub fn fault(&self, fault: PushFault) {
        self.held().pushes.push_back(fault);
    }

    /// From now on everything fails, or nothing does.
    pub fn set_broken(&self, broken: bool) {
        self.held().broken = broken;
    }

    /// Puts a token into the sink, as somebody else might.
    pub fn put(&self, token: Option<Token>) {
        self.held().token = token;
    }

    /// The token that it holds.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        self.held().token.clone()
    }

    /// How often a token was pushed, with or without success.
    #[must_use]
    pub fn pushed(&self) -> usize {
        self.held().pushed
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Each change is a single assignment, so a panic elsewhere leaves nothing half done.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push_now(&self, token: &Token) -> Result<(), SinkError> {
        let mut held = self.held();
        held.pushed += 1;
        if held.broken {
            return Err(SinkError::new("broken"));
        }
        let fault = held.pushes.pop_front();
        match fault {
            Some(PushFault::Fails) => {}
            Some(PushFault::Forgotten) => held.token = None,
            Some(PushFault::TakenAndFails) | None => held.token = Some(token.clone()),
        }
        match fault {
            Some(PushFault::Fails | PushFault::TakenAndFails) => Err(SinkError::new("failed")),
            _ => Ok(()),
        }
    }

    fn verify_now(&self, token: Option<&Token>) -> Result<Verdict, SinkError> {
        let held = self.held();
        if held.broken {
            return Err(SinkError::new("broken"));
        }
        let works = match (&held.token, token, &self.alive) {
            (None, _, _) => false,
            (Some(held), Some(token), _) if held.expose() != token.expose() => false,
            (Some(held), _, Some(alive)) => alive(held),
            (Some(_), Some(_), None) => true,
            (Some(_), None, None) => return Ok(Verdict::CantTell),
        };
        Ok(if works {
            Verdict::Works
        } else {
            Verdict::Doesnt
        })
    }
}

impl Sink for SimulatedSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(async {
            let held = self.held();
            if held.refuses || held.broken {
                return Err(SinkError::new("refuses"));
            }
            Ok(())
        })
    }

    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
        Box::pin(async move { self.push_now(token) })
    }

    fn verify<'a>(&'a self, token: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
        Box::pin(async move { self.verify_now(token) })
    }
}

impl fmt::Debug for SimulatedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedSink")
            .field("name", &self.name)
            .field("tries", &self.alive.is_some())
            .field("held", &*self.held())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Nothing in here ever waits.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn does_what_it_is_told() {
        let simulated = SimulatedSink::new("s");
        let sink: Box<dyn Sink> = Box::new(simulated.clone());
        let token = Token::new("secret".into());
        let other = Token::new("other".into());
        now(sink.preflight()).unwrap();
        assert_eq!(now(sink.verify(Some(&token))), Ok(Verdict::Doesnt));
        now(sink.push(&token)).unwrap();
        assert_eq!(now(sink.verify(Some(&token))), Ok(Verdict::Works));
        assert_eq!(now(sink.verify(Some(&other))), Ok(Verdict::Doesnt));
        assert_eq!(now(sink.verify(None)), Ok(Verdict::CantTell));

        simulated.fault(PushFault::Fails);
        simulated.fault(PushFault::TakenAndFails);
        simulated.fault(PushFault::Forgotten);
        now(sink.push(&other)).unwrap_err();
        assert_eq!(now(sink.verify(Some(&token))), Ok(Verdict::Works));
        now(sink.push(&other)).unwrap_err();
        assert_eq!(now(sink.verify(Some(&other))), Ok(Verdict::Works));
        now(sink.push(&other)).unwrap();
        assert_eq!(now(sink.verify(Some(&other))), Ok(Verdict::Doesnt));
        assert_eq!(simulated.pushed(), 4);

        simulated.refuse(true);
        now(sink.preflight()).unwrap_err();
        simulated.set_broken(true);
        now(sink.push(&token)).unwrap_err();
        now(sink.verify(None)).unwrap_err();
        simulated.put(Some(token));
        assert!(simulated.token().is_some());
        assert!(!format!("{sink:?}").contains("secret"));
    }

    #[test]
    fn one_that_tries_can_tell_without_the_token() {
        let sink = SimulatedSink::new("s").trying(|token| token.expose() == "live");
        now(sink.push(&Token::new("dead".into()))).unwrap();
        assert_eq!(now(sink.verify(None)), Ok(Verdict::Doesnt));
        now(sink.push(&Token::new("live".into()))).unwrap();
        assert_eq!(now(sink.verify(None)), Ok(Verdict::Works));
    }
}
