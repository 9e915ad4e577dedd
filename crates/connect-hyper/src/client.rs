//! A client: everything that all calls to one service share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;

use crate::base_url::BaseUrl;
use crate::call::Call;
use crate::client_builder::ClientBuilder;
use crate::codec::Codec;
use crate::compression::{Accepted, Outgoing};
use crate::credential::Credentials;
use crate::deadline::TimeoutHeader;
use crate::dynamic::{DynamicCall, DynamicMethod};
use crate::error::Error;
use crate::kind::Kind;
use crate::observe::Hook;
use crate::redirect::Origin;
use crate::request::Heads;
use crate::retry::RetryPolicy;
use crate::retry_budget::RetryBudget;
use crate::timers::Timers;
use crate::transport::Transport;
use crate::{Code, Method};

/// A client of Connect services behind one base URL.
///
/// A clone is cheap and shares the connections. Calls take `&self`, and their futures are `Send`.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) base: BaseUrl,
    /// Nobody else can read what is sent.
    pub(crate) is_private: bool,
    pub(crate) codec: Codec,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream_idle_timeout: Option<Duration>,
    pub(crate) response_limit: usize,
    pub(crate) accepted: Accepted,
    pub(crate) outgoing: Option<Outgoing>,
    pub(crate) use_get: bool,
    pub(crate) validate: bool,
    pub(crate) get_url_limit: usize,
    /// What a user has set, by name.
    pub(crate) header_names: Vec<HeaderName>,
    pub(crate) heads: Heads,
    pub(crate) timers: Timers,
    pub(crate) timeout_header: TimeoutHeader,
    pub(crate) credentials: Credentials,
    pub(crate) retry: RetryPolicy,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) on_attempt: Option<Hook>,
    /// Where redirects may lead.
    pub(crate) redirects: Vec<Origin>,
    /// Layers around calls, with the loop of attempts inside.
    pub(crate) call_layers: Option<Transport>,
    pub(crate) transport: Transport,
}

impl Client {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Starts a client for the services below `base_url`, `https://example.com/api` for instance.
    ///
    /// A wrong URL is reported by [`ClientBuilder::build`].
    pub fn builder(base_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(base_url.into())
    }

    /// A call of a method, with its request, or with a stream of them ([`Requests`]). Nothing is
    /// sent until it is awaited.
    ///
    /// [`Requests`]: crate::Requests
    pub fn call<M: Method>(&self, input: <M::Kind as Kind>::Input<M>) -> Call<M> {
        Call::new(self.clone(), input)
    }

    /// A call of a method that no type stands for, with its request encoded as the client's codec
    /// says. Nothing is sent until one of the call's methods is awaited.
    pub fn call_dynamic(&self, method: DynamicMethod, request: impl Into<Bytes>) -> DynamicCall {
        DynamicCall::new(self.clone(), method, request.into())
    }

    /// The base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.inner.base.to_string()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .field("codec", &self.inner.codec)
            .field("timeout", &self.inner.timeout)
            .field("response_limit", &self.inner.response_limit)
            .field("headers", &self.inner.header_names)
            .field("credentials", &self.inner.credentials)
            .field("retry", &self.inner.retry)
            .field("transport", &self.inner.transport)
            .finish()
    }
}

impl Inner {
    /// A credential over plain http goes to this machine alone.
    pub(crate) fn check_secrecy(&self) -> Result<(), Error> {
        if self.is_private {
            return Ok(());
        }
        Err(Error::new(
            Code::InvalidArgument,
            "a credential is sent over https, or over http to a loopback address: the base URL is neither",
        ))
    }
}
