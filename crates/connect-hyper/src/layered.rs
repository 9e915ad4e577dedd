//! A call with tower layers around all of its attempts.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request, Response, Uri};
use tower_service::Service;

use crate::Code;
use crate::attempts::{self, Attempts, Progress, Until};
use crate::body::{RequestBody, ResponseBody};
use crate::call::Prepared;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::payload::Payload;
use crate::request;
use crate::response::Raw;
use crate::transport::Transport;

/// What the layers leave of a call's request: each attempt adds a body, what is left of the time,
/// and a credential unless there is one.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

/// What the innermost service has to know, in the request's extensions.
#[derive(Clone)]
struct Shared(Arc<Inside>);

struct Inside {
    client: Client,
    prepared: Prepared,
    until: Until,
    limit: Deadline,
    progress: Mutex<Progress>,
}

impl Inside {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a call through the layers to the loop of its attempts. `progress` is that of all that they
/// let through, also if this is dropped.
pub(crate) async fn run(
    layers: &Transport,
    client: &Client,
    attempts: &mut Attempts<'_>,
    until: Until,
) -> Result<Box<Raw>, Error> {
    let prepared = attempts.prepared;
    let mut request = request::make(&attempts.parts(true), attempts.body()?, None, None)?;
    let inside = Arc::new(Inside {
        client: client.clone(),
        prepared: prepared.without_headers(),
        until,
        limit: attempts.limit,
        progress: Mutex::new(attempts.progress.take()),
    });
    request.extensions_mut().insert(Shared(inside.clone()));
    // Puts the progress back, whatever ends this.
    let outside = Outside { attempts, inside };
    let (head, body) = layers
        .send(request, &AtomicBool::new(false))
        .await?
        .into_parts();
    let past = outside.inside.progress().past;
    let mut raw = Raw::new(client.inner(), prepared, head, body, past);
    // What the layers hand out is looked at as what comes from the transport is.
    attempts::check(&mut raw, until).await?;
    Ok(raw)
}

struct Outside<'a, 'b> {
    attempts: &'a mut Attempts<'b>,
    inside: Arc<Inside>,
}

impl Drop for Outside<'_, '_> {
    fn drop(&mut self) {
        self.attempts.progress = self.inside.progress().take();
    }
}

/// The innermost service: the loop of a call's attempts.
#[derive(Clone)]
pub(crate) struct Loop;

impl fmt::Debug for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loop")
    }
}

impl Service<Request<RequestBody>> for Loop {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let Some(Shared(inside)) = head.extensions.remove() else {
                return Err(Error::new(
                    Code::Internal,
                    "a layer around calls has taken the extensions off the request",
                ));
            };
            let template = Template {
                method: head.method,
                uri: head.uri,
                headers: head.headers,
            };
            let payload = Payload::of(body);
            let client = inside.client.inner();
            let mut attempts = Attempts::new(client, &inside.prepared, &payload, inside.limit);
            attempts.template = Some(&template);
            attempts.progress = inside.progress().take();
            let mut told = Told {
                attempts,
                inside: &inside,
            };
            match told.attempts.run(inside.until).await {
                Ok(raw) => Ok(raw.into_response()),
                Err(error) => Err(told.attempts.progress.past.tell(error)),
            }
        })
    }
}

/// Tells the outside how far the attempts came, when they are over and when they are dropped.
struct Told<'a> {
    attempts: Attempts<'a>,
    inside: &'a Inside,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        *self.inside.progress() = self.attempts.progress.take();
    }
}
