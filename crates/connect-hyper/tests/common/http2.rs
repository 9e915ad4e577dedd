//! A server that speaks HTTP/2 as a test tells it to.

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};
use tokio::net::TcpListener;

/// Serves each request of each connection; the number is the request's on its connection, from 1.
/// Returns the base URL.
pub async fn serve<F, S>(answer: F) -> String
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>, usize) -> S + Clone + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                let mut number = 0;
                while let Some(Ok((request, response))) = connection.accept().await {
                    number += 1;
                    tokio::spawn(answer(request, response, number));
                }
            });
        }
    });
    base
}

/// The head of a good response.
pub fn head(content_type: &str) -> Response<()> {
    Response::builder()
        .header("content-type", content_type)
        .body(())
        .unwrap()
}
