//! A call that is made again and again.

use std::fmt;
use std::task::{Context, Poll};

use crate::Method;
use crate::call::{Call, Options};
use crate::cancel::Signal;
use crate::client::Client;
use crate::error::Error;
use crate::kind::Unary;

/// A call to be made again and again with the same options: deadline, headers, retries. Each call
/// has them for itself. From [`Call::repeat`].
///
/// What [`Call::cancel_on`] was given is for all of the calls together, and whoever makes them asks
/// for it: [`poll_canceled`](Self::poll_canceled).
pub struct Repeat<M: Method<Kind = Unary>> {
    client: Client,
    request: M::Request,
    options: Options,
    signal: Signal,
}

impl<M: Method<Kind = Unary>> Call<M> {
    /// Makes it a call that can be made more than once.
    #[must_use]
    pub fn repeat(self) -> Repeat<M> {
        let mut options = self.options;
        let signal = std::mem::take(&mut options.signal);
        Repeat {
            client: self.client,
            request: self.input,
            options,
            signal,
        }
    }
}

impl<M: Method<Kind = Unary>> Repeat<M> {
    /// The request of the calls.
    #[must_use]
    pub fn request(&self) -> &M::Request {
        &self.request
    }

    /// The request of the calls from now on.
    pub fn request_mut(&mut self) -> &mut M::Request {
        &mut self.request
    }

    /// The next call.
    ///
    /// What was wrong with the options (a header that can't be sent) is reported by the first one
    /// alone, whose error is the end of most loops.
    pub fn call(&mut self) -> Call<M> {
        Call {
            client: self.client.clone(),
            input: self.request.clone(),
            options: self.options.again(),
        }
    }

    /// The error to end with, once the signal of [`Call::cancel_on`] has completed. Without one it
    /// stays pending.
    pub fn poll_canceled(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.signal.poll(cx).map(|error| error.with_method(M::PATH))
    }
}

/// The request, as its own `Debug` shows it.
impl<M: Method<Kind = Unary>> fmt::Debug for Repeat<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeat")
            .field("method", &M::PATH)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
