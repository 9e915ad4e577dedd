//! A call of RegenerateSCIMToken by our client, beside bare hyper and reqwest, against one and the
//! same server in this process: `cargo xtask bench`.

mod bare;
mod server;

use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gitpod_client::types::v1::RegenerateScimTokenRequest;
use gitpod_client::{Client, Codec};
use tokio::task::LocalSet;

/// Calls that are under way at once, where they aren't one by one.
const AT_ONCE: u32 = 64;
const ROUNDS: usize = 5;

const PATH: &str = "/gitpod.v1.OrganizationService/RegenerateSCIMToken";
const ID: &str = "d2c94c27-3b76-4a42-b88c-95a85e392c68";
const LIFE: i64 = 15_552_000;
const KEY: &str = "0123456789abcdef";
const DEADLINE: Duration = Duration::from_secs(30);

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Calling = Pin<Box<dyn Future<Output = Result<(), BoxError>>>>;

/// One of those that are compared, and its call.
struct Contender {
    name: &'static str,
    call: Rc<dyn Fn() -> Calling>,
}

impl Contender {
    fn new<F>(name: &'static str, call: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + 'static,
    {
        Self {
            name,
            call: Rc::new(move || Box::pin(call())),
        }
    }

    /// The microseconds that a call takes, on average.
    async fn measure(&self, calls: u32, at_once: u32) -> Result<f64, BoxError> {
        let began = Instant::now();
        let local = LocalSet::new();
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let call = Rc::clone(&self.call);
                local.spawn_local(async move {
                    for _ in 0..calls / at_once {
                        call().await?;
                    }
                    Ok::<_, BoxError>(())
                })
            })
            .collect();
        local.await;
        for task in tasks {
            task.await??;
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(calls / at_once * at_once))
    }
}

fn ours(base: &str, name: &'static str, codec: Codec, http2: bool) -> Result<Contender, BoxError> {
    let client = Client::builder()
        .base_url(base)
        .token(KEY)
        .codec(codec)
        .runtime(|runtime| if http2 { runtime.http2_only() } else { runtime })
        .build()?;
    Ok(Contender::new(name, move || {
        let client = client.clone();
        async move {
            let request = RegenerateScimTokenRequest {
                scim_configuration_id: ID.to_owned(),
                token_expires_in: Some(gitpod_client::types::Duration {
                    seconds: LIFE,
                    nanos: 0,
                }),
            };
            let call = client.organization().regenerate_scim_token(request);
            let answer = call.timeout(DEADLINE).await?;
            whole(!answer.token.is_empty() && answer.token_expires_at.is_some())
        }
    }))
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    scim_configuration_id: &'static str,
    token_expires_in: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    token: String,
    token_expires_at: String,
}

fn by_reqwest(base: &str, name: &'static str, http2: bool) -> Result<Contender, BoxError> {
    let builder = reqwest::Client::builder().tcp_nodelay(true);
    let client = if http2 {
        builder.http2_prior_knowledge()
    } else {
        builder
    }
    .build()?;
    let url = format!("{base}{PATH}");
    Ok(Contender::new(name, move || {
        let request = Request {
            scim_configuration_id: ID,
            token_expires_in: format!("{LIFE}s"),
        };
        let call = client
            .post(&url)
            .bearer_auth(KEY)
            .header("connect-protocol-version", "1")
            .timeout(DEADLINE)
            .json(&request)
            .send();
        async move {
            let answer: Answer = call.await?.json().await?;
            whole(!answer.token.is_empty() && !answer.token_expires_at.is_empty())
        }
    }))
}

fn whole(is_whole: bool) -> Result<(), BoxError> {
    if is_whole {
        Ok(())
    } else {
        Err("an answer without a token".into())
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

async fn bench(calls: u32) -> Result<(), BoxError> {
    let address = server::start()?;
    let base = format!("http://{address}/api");
    let groups = [
        vec![
            bare::http1(address),
            ours(&base, "gitpod-client, JSON", Codec::Json, false)?,
            ours(&base, "gitpod-client, binary", Codec::Binary, false)?,
            by_reqwest(&base, "reqwest, serde", false)?,
        ],
        vec![
            bare::http2(address).await?,
            ours(&base, "gitpod-client, JSON", Codec::Json, true)?,
            ours(&base, "gitpod-client, binary", Codec::Binary, true)?,
            by_reqwest(&base, "reqwest, serde", true)?,
        ],
    ];
    println!(
        "RegenerateSCIMToken over loopback, microseconds a call, medians of {ROUNDS} rounds of {calls} calls"
    );
    println!(
        "{:<9}{:<24}{:>12}{:>14}{:>14}",
        "", "", "one by one", "64 at once", "beside bare"
    );
    for (version, contenders) in ["HTTP/1.1", "HTTP/2"].into_iter().zip(&groups) {
        let mut figures = vec![(Vec::new(), Vec::new()); contenders.len()];
        // One round of each after the other, so that what else the machine does hits all of them.
        for round in 0..=ROUNDS {
            for (contender, (single, parallel)) in contenders.iter().zip(&mut figures) {
                // The first is for warming up.
                let calls = if round == 0 {
                    calls / 10 + AT_ONCE
                } else {
                    calls
                };
                let measured = (
                    contender.measure(calls, 1).await?,
                    contender.measure(calls, AT_ONCE).await?,
                );
                if round > 0 {
                    single.push(measured.0);
                    parallel.push(measured.1);
                }
            }
        }
        let mut bare = None;
        for (contender, (single, parallel)) in contenders.iter().zip(figures) {
            let (single, parallel) = (median(single), median(parallel));
            let bare = *bare.get_or_insert(parallel);
            println!(
                "{version:<9}{:<24}{single:>12.1}{parallel:>14.2}{:>14.2}",
                contender.name,
                parallel / bare
            );
        }
    }
    Ok(())
}

fn main() -> Result<(), BoxError> {
    let calls = std::env::args()
        .nth(1)
        .map_or(Ok(10_000), |calls| calls.parse())?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(bench(calls))
}
