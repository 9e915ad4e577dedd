//! A server on a thread of its own that answers every call alike, in the call's own codec.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

const JSON: &[u8] = br#"{"token":"ona_scim_0123456789abcdef0123456789abcdef0123456789abcdef","tokenExpiresAt":"2019-12-27T18:11:19.117Z"}"#;
/// The same: field 1, a text of 57 bytes; field 2, a Timestamp of 11 bytes.
const BINARY: &[u8] = b"\x0a\x39ona_scim_0123456789abcdef0123456789abcdef0123456789abcdef\x12\x0b\x08\xc7\x92\x99\xf0\x05\x10\xc0\x8e\xe5\x37";

/// Starts it on a free port.
pub(crate) fn start() -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || runtime.block_on(serve(listener)));
    Ok(address)
}

async fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            // A client that leaves is none of the server's business.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let _ = request.into_body().collect().await;
    let is_binary = content_type.is_some_and(|value| value == "application/proto");
    let (body, content_type) = if is_binary {
        (BINARY, "application/proto")
    } else {
        (JSON, "application/json")
    };
    let mut response = hyper::Response::new(Full::new(Bytes::from_static(body)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}
