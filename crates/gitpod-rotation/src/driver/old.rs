//! The token that sinks hold, tried at the SCIM endpoint.

use super::report::Report;
use super::run::Run;
use crate::{Event, Probe, SinkError, Token, Verdict};

impl Run<'_> {
    /// Tries the old token. Before an ask, the one that is found alive is kept, so that afterwards it is that
    /// one which is tried, whatever sinks hold then.
    pub(super) async fn try_old(&mut self, asked: bool) -> Event {
        let probe = match self.old.clone() {
            Some(old) if asked => self.tried(&old).await,
            _ => self.try_what_is_held(asked).await,
        };
        if probe != Probe::Unknown {
            self.driver.tell(&Report::OldToken { probe });
        }
        Event::Tried(probe)
    }

    async fn try_what_is_held(&mut self, asked: bool) -> Probe {
        self.old = None;
        let mut probe = Probe::Unknown;
        for sink in 0..self.state.sinks().len() {
            // One that can't be read says nothing, as one that can't give it back.
            let Some(held) = self.held(sink).await.ok().flatten() else {
                continue;
            };
            match self.tried(&held).await {
                Probe::Live => {
                    self.old = Some(held).filter(|_| !asked);
                    return Probe::Live;
                }
                Probe::Dead => probe = Probe::Dead,
                Probe::Unknown => {}
            }
        }
        probe
    }

    /// What the endpoint says to the token of a sink that can't tell by itself.
    pub(super) async fn tried_for(&mut self, sink: usize) -> Result<Verdict, SinkError> {
        let probe = match self.held(sink).await? {
            Some(held) => self.tried(&held).await,
            None => Probe::Unknown,
        };
        Ok(match probe {
            Probe::Live => Verdict::Works,
            Probe::Dead => Verdict::Doesnt,
            Probe::Unknown => Verdict::CantTell,
        })
    }

    /// Nothing is read where nobody could try it.
    async fn held(&self, sink: usize) -> Result<Option<Token>, SinkError> {
        match self.driver.endpoint {
            Some(_) => self.sink(sink).held().await,
            None => Ok(None),
        }
    }
}
