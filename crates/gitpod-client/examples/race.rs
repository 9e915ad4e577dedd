//! Measures RegenerateSCIMToken against a server that answers it: time here, instructions and
//! allocations under a profiler.
//!
//! `race URL N seq|par|start|events json|proto [h2]`: one call after another, 64 at once, a single
//! call of a process that does nothing else, or a stream of N events of WatchEvents. All on one
//! thread. `seq` and `par` make N / 10 + 64 calls first that aren't counted, and print the time that
//! each of the N took on average.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use gitpod_client::types::Duration as ProtoDuration;
use gitpod_client::types::v1::{RegenerateScimTokenRequest, WatchEventsRequest};
use gitpod_client::{BoxError, Client, Codec};

const USAGE: &str = "usage: race URL N seq|par|start|events json|proto [h2]";
const AT_ONCE: u64 = 64;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime
        .map_err(BoxError::from)
        .and_then(|runtime| runtime.block_on(race()))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn race() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (&[url, n, mode, codec], http2) = (match arguments.split_last() {
        Some((&"h2", rest)) => (rest, true),
        _ => (&arguments[..], false),
    }) else {
        return Err(USAGE.into());
    };
    let n: u64 = n.parse().map_err(|_| USAGE)?;
    let codec = match codec {
        "json" => Codec::Json,
        "proto" => Codec::Binary,
        _ => return Err(USAGE.into()),
    };
    let mut builder = Client::builder()
        .base_url(url)
        .token("0123456789abcdef")
        .codec(codec);
    if http2 {
        builder = builder.runtime(|runtime| runtime.http2_only());
    }
    let client = builder.build()?;
    match mode {
        "seq" => {
            one_by_one(&client, n / 10 + AT_ONCE).await?;
            let start = Instant::now();
            one_by_one(&client, n).await?;
            report(mode, start, n);
        }
        "par" => {
            at_once(&client, n / 10 + AT_ONCE).await?;
            let start = Instant::now();
            at_once(&client, n).await?;
            report(mode, start, n);
        }
        "start" => call(&client).await?,
        "events" => {
            let start = Instant::now();
            events(&client, n).await?;
            let each = start.elapsed().as_secs_f64() * 1e9 / n as f64;
            println!("gitpod-client events {each:.0} ns/event");
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn report(mode: &str, start: Instant, n: u64) {
    let each = start.elapsed().as_secs_f64() * 1e6 / n as f64;
    println!("gitpod-client {mode} {each:.2} us/call");
}

async fn one_by_one(client: &Client, n: u64) -> Result<(), BoxError> {
    for _ in 0..n {
        call(client).await?;
    }
    Ok(())
}

async fn at_once(client: &Client, n: u64) -> Result<(), BoxError> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let client = client.clone();
        tasks.spawn(async move { one_by_one(&client, n / AT_ONCE).await });
    }
    while let Some(result) = tasks.join_next().await {
        result??;
    }
    Ok(())
}

async fn call(client: &Client) -> Result<(), BoxError> {
    let response = client
        .organization()
        .regenerate_scim_token(RegenerateScimTokenRequest {
            scim_configuration_id: "d2c94c27-3b76-4a42-b88c-95a85e392c68".to_owned(),
            token_expires_in: Some(ProtoDuration {
                seconds: 15_552_000,
                nanos: 0,
            }),
        })
        .timeout(Duration::from_secs(30))
        .await?;
    if response.token_expires_at.is_none() {
        return Err("no expiry in the response".into());
    }
    Ok(())
}

/// The server is told by a header how many to send.
async fn events(client: &Client, n: u64) -> Result<(), BoxError> {
    let mut stream = client
        .event()
        .watch_events(WatchEventsRequest::default())
        .header("x-events", n.to_string())
        .await?;
    let mut seen = 0;
    while let Some(event) = stream.message().await? {
        if !event.resource_id.is_empty() {
            seen += 1;
        }
    }
    if seen != n {
        return Err(format!("{seen} events of {n}").into());
    }
    Ok(())
}
