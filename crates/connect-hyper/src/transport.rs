//! How an HTTP request reaches a server: by hyper, or by whatever a user plugs in.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use crate::Code;
use crate::body::{RequestBody, ResponseBody};
use crate::error::{BoxError, Error, Execution, innermost};

#[cfg(feature = "tls")]
type Connector = Timed<hyper_rustls::HttpsConnector<HttpConnector>>;
#[cfg(not(feature = "tls"))]
type Connector = Timed<HttpConnector>;

/// How often a connection with calls under way is pinged, and how long an answer may take.
const HTTP2_KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const HTTP2_KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// A year: longer times overflow in the pool.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

/// Sends one request, once.
pub(crate) enum Transport {
    Hyper(Box<legacy::Client<Connector, RequestBody>>),
    Service(Box<dyn Erased>),
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Hyper(_) => "Hyper",
            Transport::Service(_) => "Service",
        })
    }
}

/// What hyper's connections and their pool are set to.
#[derive(Debug, Clone)]
pub(crate) struct HyperOptions {
    pub(crate) connect_timeout: Duration,
    pub(crate) pool_idle_timeout: Duration,
    pub(crate) http2_only: bool,
    /// Whether any https is to be spoken, so that roots are needed.
    #[cfg(feature = "tls")]
    pub(crate) https: bool,
}

impl Transport {
    pub(crate) fn hyper(options: &HyperOptions) -> Result<Self, Error> {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        let connector = Timed {
            connector: connector(http, options)?,
            timeout: options.connect_timeout,
        };
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.pool_idle_timeout.min(FOREVER))
            // A connection that has gone silent is found and left, not used for ever.
            .http2_keep_alive_interval(HTTP2_KEEP_ALIVE_INTERVAL)
            .http2_keep_alive_timeout(HTTP2_KEEP_ALIVE_TIMEOUT)
            .http2_only(options.http2_only)
            .build(connector);
        Ok(Self::Hyper(Box::new(client)))
    }

    pub(crate) fn service<S, B>(service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::Service(Box::new(service))
    }

    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, Error> {
        match self {
            Transport::Hyper(client) => match client.request(request).await {
                Ok(response) => Ok(response.map(ResponseBody::Hyper)),
                Err(error) => Err(hyper_error(error)),
            },
            Transport::Service(service) => service.send(request).await.map_err(service_error),
        }
    }
}

/// A tower service without its types.
pub(crate) trait Erased: Send + Sync {
    fn send(&self, request: Request<RequestBody>) -> ErasedFuture;
}

type ErasedFuture = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, BoxError>> + Send>>;

impl<S, B> Erased for S
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn send(&self, request: Request<RequestBody>) -> ErasedFuture {
        let mut service = self.clone();
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx))
                .await
                .map_err(Into::into)?;
            let response = service.call(request).await.map_err(Into::into)?;
            Ok(response.map(|body| ResponseBody::Other(Box::pin(body.map_err(Into::into)))))
        })
    }
}

/// A connector with a time limit on all that it does: name, TCP and TLS.
#[derive(Clone)]
pub(crate) struct Timed<C> {
    connector: C,
    timeout: Duration,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Response: 'static,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.connector.call(target);
        let timeout = self.timeout;
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no connection after {timeout:?}"),
                )
                .into()),
            }
        })
    }
}

#[cfg(not(feature = "tls"))]
fn connector(http: HttpConnector, _: &HyperOptions) -> Result<HttpConnector, Error> {
    Ok(http)
}

#[cfg(feature = "tls")]
fn connector(
    http: HttpConnector,
    options: &HyperOptions,
) -> Result<hyper_rustls::HttpsConnector<HttpConnector>, Error> {
    let mut roots = rustls::RootCertStore::empty();
    // Reading the system's roots takes milliseconds: not where they can't be needed.
    if options.https {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let error = Error::new(
                Code::FailedPrecondition,
                "the system has no root certificates; SSL_CERT_FILE can name a file of them",
            );
            return Err(match found.errors.into_iter().next() {
                Some(source) => error.with_source(source),
                None => error,
            });
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Code::Internal, "TLS can't be set up").with_source(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http();
    Ok(if options.http2_only {
        builder.enable_http2().wrap_connector(http)
    } else {
        builder.enable_http1().enable_http2().wrap_connector(http)
    })
}

fn hyper_error(error: legacy::Error) -> Error {
    let cause = innermost(&error);
    if error.is_connect() {
        return Error::new(Code::Unavailable, format!("can't connect: {cause}")).with_source(error);
    }
    if let Some(ours) = chain(&error).find_map(|error| error.downcast_ref::<Error>()) {
        // A request of a stream that has no form on the wire; those before it have left.
        return Error::new(ours.code(), ours.message().to_owned())
            .with_execution(Execution::Ambiguous);
    }
    let execution = if is_not_processed(&error) {
        Execution::NotSent
    } else {
        Execution::Ambiguous
    };
    transport_error(cause, Box::new(error)).with_execution(execution)
}

/// HTTP/2's word that a stream was not looked at (RFC 9113, section 8.7): it was refused, or is
/// above the last id of a GOAWAY. (h2 gives that error to no stream below.)
fn is_not_processed(error: &(dyn std::error::Error + 'static)) -> bool {
    chain(error)
        .filter_map(|error| error.downcast_ref::<h2::Error>())
        .any(|error| {
            error.is_remote()
                && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        })
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// A user's own transport: nothing is known of its failures, unless hyper is below.
fn service_error(error: BoxError) -> Error {
    match error.downcast::<legacy::Error>() {
        Ok(error) => hyper_error(*error),
        Err(error) => {
            let cause = innermost(&*error);
            transport_error(cause, error)
        }
    }
}

fn transport_error(cause: String, source: BoxError) -> Error {
    Error::new(Code::Unavailable, format!("no response: {cause}"))
        .with_execution(Execution::Ambiguous)
        .with_source(source)
}
