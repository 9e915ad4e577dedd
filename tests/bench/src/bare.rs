//! hyper with nothing of the protocol: what there is below any client.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{Method, Request, Uri};
use hyper_util::client::pool::cache;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::{BoxError, Contender, PATH, whole};

const MESSAGE: &[u8] = br#"{"scimConfigurationId":"d2c94c27-3b76-4a42-b88c-95a85e392c68","tokenExpiresIn":"15552000s"}"#;

/// A request with as many headers as ours have, put together as cheaply as may be.
fn request(uri: &Uri, host: Option<&HeaderValue>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(MESSAGE)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.reserve(8);
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (HeaderName::from_static("connect-protocol-version"), "1"),
        (HeaderName::from_static("connect-timeout-ms"), "30000"),
        (AUTHORIZATION, "Bearer 0123456789abcdef"),
        (USER_AGENT, "bare"),
        (ACCEPT_ENCODING, "gzip"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(host) = host {
        headers.insert(HOST, host.clone());
    }
    request
}

struct Sender(http1::SendRequest<Full<Bytes>>);

#[derive(Clone)]
struct Connect(SocketAddr);

impl Service<()> for Connect {
    type Response = Sender;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Sender, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        let address = self.0;
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            Ok(Sender(sender))
        })
    }
}

/// HTTP/1.1 connections in hyper-util's cache.
pub(crate) fn http1(address: SocketAddr) -> Contender {
    let cache = cache::builder().build::<_, ()>(Connect(address));
    let uri = Uri::try_from(format!("/api{PATH}")).unwrap_or_default();
    let host = HeaderValue::try_from(address.to_string()).ok();
    Contender::new("bare hyper", move || {
        let mut cache = cache.clone();
        let request = request(&uri, host.as_ref());
        async move {
            poll_fn(|cx| cache.poll_ready(cx)).await?;
            let mut connection = cache.call(()).await?;
            connection.inner_mut().0.ready().await?;
            let response = connection.inner_mut().0.send_request(request).await?;
            // Read first: then the connection goes back.
            whole(!response.into_body().collect().await?.to_bytes().is_empty())
        }
    })
}

/// One HTTP/2 connection.
pub(crate) async fn http2(address: SocketAddr) -> Result<Contender, BoxError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let uri = Uri::try_from(format!("http://{address}/api{PATH}"))?;
    Ok(Contender::new("bare hyper", move || {
        let mut sender = sender.clone();
        let request = request(&uri, None);
        async move {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            whole(!response.into_body().collect().await?.to_bytes().is_empty())
        }
    }))
}
