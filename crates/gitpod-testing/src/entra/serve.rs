//! The socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use connect_hyper::HttpClient;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::answer::{Answer, dated, graph_error};
use super::graph::{self, Outcome};
use super::state::State;
use super::{lock, tokens};

/// More than any request here has.
const LARGEST: usize = 1 << 20;

/// Takes connections until nobody holds the other end of `running`. Returns the port.
pub(super) async fn start(
    state: Arc<Mutex<State>>,
    scim: HttpClient,
    mut running: watch::Receiver<()>,
) -> std::io::Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = running.changed() => return,
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    tokio::spawn(serve(stream, Arc::clone(&state), scim.clone(), running.clone()));
                }
            }
        }
    });
    Ok(port)
}

async fn serve(
    stream: TcpStream,
    state: Arc<Mutex<State>>,
    scim: HttpClient,
    mut running: watch::Receiver<()>,
) {
    let service = service_fn(move |request| {
        let (state, scim) = (Arc::clone(&state), scim.clone());
        async move {
            match answer(&state, &scim, request).await {
                Outcome::Answered(answer) => Ok(answer.map(Full::new)),
                // An error of a service closes the connection.
                Outcome::Lost => Err("the answer is lost"),
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // How it ends is the client's business.
        _ = connection => {}
        _ = running.changed() => {}
    }
}

async fn answer(state: &Mutex<State>, scim: &HttpClient, request: Request<Incoming>) -> Outcome {
    let (parts, body) = request.into_parts();
    let now = SystemTime::now();
    let not_found = || {
        graph_error(
            http::StatusCode::NOT_FOUND,
            "BadRequest",
            "no such resource",
        )
    };
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return Outcome::Lost;
    };
    let body: Bytes = body.to_bytes();
    let path = parts.uri.path().to_owned();
    if let Some(path) = path.strip_prefix("/v1.0") {
        return match graph::answer(state, scim, &parts, path, &body).await {
            Outcome::Answered(answer) => Outcome::Answered(dated(answer, now)),
            Outcome::Lost => Outcome::Lost,
        };
    }
    let tenant = path
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix("/oauth2/v2.0/token"));
    let answer: Answer = match (tenant, std::str::from_utf8(&body)) {
        (Some(tenant), Ok(form)) if parts.method == Method::POST => {
            tokens::answer(&mut lock(state), tenant, form)
        }
        _ => not_found(),
    };
    Outcome::Answered(dated(answer, now))
}
