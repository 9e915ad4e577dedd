//! The server under test of the Connect conformance suite: reads from standard input what to
//! serve, starts the embedded server of `gitpod-testing`, writes to standard output where it is,
//! and serves until it is ended.

mod answer;
mod service;

use std::io;
use std::process::ExitCode;

use conformance::frame;
use conformance::proto::{ServerCompatRequest, ServerCompatResponse};
use gitpod_testing::{Compression, Server, Tls};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("connect-server-testee: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let Some(request) = frame::read::<ServerCompatRequest>(&mut tokio::io::stdin()).await? else {
        return Ok(());
    };
    let server = start(&request).await?;
    let response = ServerCompatResponse {
        host: "127.0.0.1".to_owned(),
        port: server.port().into(),
        pem_cert: server.root_certificate().unwrap_or_default().into(),
    };
    frame::write(&mut tokio::io::stdout(), &response).await?;
    // The suite ends it.
    std::future::pending().await
}

/// Starts what the suite asks for.
async fn start(request: &ServerCompatRequest) -> io::Result<Server> {
    let mut builder = Server::builder()
        .api_path("")
        .require_credential(false)
        .compress_responses([Compression::Gzip, Compression::Brotli, Compression::Zstd]);
    if request.message_receive_limit > 0 {
        builder = builder.max_request_bytes(request.message_receive_limit as usize);
    }
    if request.use_tls {
        // A certificate of the server's own: the suite trusts what the response names.
        let mut tls = Tls::new();
        if !request.client_tls_cert.is_empty() {
            tls = tls.client_roots(request.client_tls_cert.clone());
        }
        builder = builder.tls(tls);
    }
    let server = builder.start().await?;
    service::serve(&server);
    Ok(server)
}
