//! Waiting for an answer that must not be lost: a first signal is noted, a second one gives up.

use std::pin::pin;
use std::time::Duration;

use crate::exit::Failure;
use crate::output;
use crate::signal::Signals;

#[derive(Debug)]
pub(crate) struct Patience {
    /// None: a signal ends the process by itself.
    signals: Option<Signals>,
    noted: bool,
    timeout: Duration,
    /// What giving up could lose, for a person.
    stake: &'static str,
}

impl Patience {
    /// From now on a signal doesn't end the process by itself.
    pub(crate) fn listen(timeout: Duration, stake: &'static str) -> Result<Self, Failure> {
        let signals = Signals::listen()
            .map_err(|error| Failure::local(format!("can't listen for signals: {error}")))?;
        Ok(Self {
            signals: Some(signals),
            noted: false,
            timeout,
            stake,
        })
    }

    /// For what may be given up at any time.
    pub(crate) fn none() -> Self {
        Self {
            signals: None,
            noted: false,
            timeout: Duration::MAX,
            stake: "",
        }
    }

    /// The last moment before something is sent: a signal that has come means that nothing is.
    pub(crate) async fn last_call(&mut self) -> Result<(), Failure> {
        let Some(signals) = &mut self.signals else {
            return Ok(());
        };
        match signals.pending().await {
            Some(name) => Err(Failure::local(format!("{name}: nothing was sent"))),
            None => Ok(()),
        }
    }

    /// What comes of the future; `None` if it was given up.
    pub(crate) async fn wait<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let Some(signals) = &mut self.signals else {
            return Some(future.await);
        };
        let mut future = pin!(future);
        loop {
            tokio::select! {
                biased;
                result = &mut future => return Some(result),
                name = signals.next() => {
                    if self.noted {
                        return None;
                    }
                    self.noted = true;
                    output::note(&format!(
                        "{name}: the request is under way, and giving up now could lose {}; \
                         waiting for its answer, at most {:?} in all; a second signal gives up",
                        self.stake, self.timeout
                    ));
                }
            }
        }
    }
}
