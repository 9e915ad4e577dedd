//! Transports of a user's own, and layers around ours.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::Transport;
use crate::body::{RequestBody, ResponseBody};
use crate::error::{BoxError, Error};

/// What a layer of a client's wraps: a tower service that makes one attempt, or a whole call
/// ([`ClientBuilder::layer`](crate::ClientBuilder::layer),
/// [`ClientBuilder::call_layer`](crate::ClientBuilder::call_layer)).
#[derive(Clone)]
pub struct HttpService(Arc<Transport>);

impl HttpService {
    pub(crate) fn new(transport: Transport) -> Self {
        Self(Arc::new(transport))
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").finish_non_exhaustive()
    }
}

impl Service<Request<RequestBody>> for HttpService {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let transport = Arc::clone(&self.0);
        Box::pin(async move { transport.send(request, &AtomicBool::new(false)).await })
    }
}

/// A tower service without its types.
pub(crate) trait Erased: Send + Sync {
    fn send(&self, request: Request<RequestBody>) -> ErasedFuture;
}

pub(super) type ErasedFuture =
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, BoxError>> + Send>>;

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
            Ok(response.map(ResponseBody::new))
        })
    }
}

impl Transport {
    pub(crate) fn service(service: impl Erased + 'static) -> Self {
        Self::Service(Box::new(service))
    }
}
