//! A list of 100 SCIM configurations in JSON: our types beside structs that are written by hand for
//! serde, with jiff's timestamps. `cargo xtask bench json`.

mod by_hand;
mod counting;

use std::hint::black_box;
use std::time::Instant;

use gitpod_types::v1::{
    ListScimConfigurationsResponse, PaginationResponse, ScimConfiguration,
};
use gitpod_types::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

const CONFIGURATIONS: u64 = 100;
const ROUNDS: usize = 2_001;
const WARMING_UP: usize = 100;

type BoxError = Box<dyn std::error::Error>;

/// What is asked of ours: a share of the other's time, and a number of allocations.
const MOST_TO_ENCODE: f64 = 1.0;
const MOST_TO_DECODE: f64 = 0.9;
const MOST_ALLOCATIONS_TO_ENCODE: usize = 12;

fn configurations() -> ListScimConfigurationsResponse {
    let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
    let id = |kind: u64, n: u64| format!("d2c94c27-3b76-4a42-b88c-{:012x}", kind << 32 | n);
    let scim_configurations = (0..CONFIGURATIONS).map(|n| {
        let began = 1_577_470_279 + n as i64 * 86_413;
        ScimConfiguration {
            id: id(1, n),
            organization_id: id(2, 0),
            name: format!("Entra ID, tenant {n}"),
            enabled: n % 2 == 0,
            sso_configuration_id: id(3, n),
            created_at: time(began, 117_000_000),
            updated_at: time(began + 4_711, 117_305_000),
            token_expires_at: time(began + 31_536_000, 0),
            allow_unverified_email_account_linking: n % 3 == 0,
        }
    });
    ListScimConfigurationsResponse {
        pagination: Some(PaginationResponse {
            next_token: "MTAw".to_owned(),
        }),
        scim_configurations: scim_configurations.collect(),
    }
}

/// The nanoseconds that something takes.
fn time(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1e9
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Medians of two that take turns, so that what else the machine does hits both. A turn is short, so
/// that most are over before another process gets theirs.
fn compare(ours: impl Fn(), by_hand: impl Fn()) -> (f64, f64) {
    let mut figures: (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for round in 0..WARMING_UP + ROUNDS {
        let (first, second) = (time(&ours), time(&by_hand));
        if round >= WARMING_UP {
            figures.0.push(first);
            figures.1.push(second);
        }
    }
    (median(&mut figures.0), median(&mut figures.1))
}

fn encode(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(black_box(message)).unwrap_or_default()
}

fn decode<T: DeserializeOwned>(json: &str) -> Option<T> {
    serde_json::from_str(black_box(json)).ok()
}

fn main() -> Result<(), BoxError> {
    let ours = configurations();
    let json = serde_json::to_string(&ours)?;
    let by_hand: by_hand::Response = serde_json::from_str(&json)?;
    let value = |json: &str| serde_json::from_str::<serde_json::Value>(json);
    if value(&serde_json::to_string(&by_hand)?)? != value(&json)? {
        return Err("both are to write the same".into());
    }

    // For a profiler: one of the four, and nothing else.
    let mut arguments = std::env::args().skip(1);
    if let Some(which) = arguments.next() {
        let times = arguments.next().map_or(Ok(1_000), |times| times.parse())?;
        for _ in 0..times {
            match which.as_str() {
                "encode" => drop(black_box(encode(&ours))),
                "decode" => drop(black_box(decode::<ListScimConfigurationsResponse>(&json))),
                "encode-by-hand" => drop(black_box(encode(&by_hand))),
                "decode-by-hand" => drop(black_box(decode::<by_hand::Response>(&json))),
                _ => return Err("usage: json [encode|decode|encode-by-hand|decode-by-hand [TIMES]]".into()),
            }
        }
        return Ok(());
    }

    println!(
        "{CONFIGURATIONS} SCIM configurations, {} bytes of JSON, medians of {ROUNDS} rounds\n\
         {:<8}{:>10}{:>14}{:>9}{:>8}{:>14}{:>10}{:>8}",
        json.len(), "", "ours, ns", "by hand, ns", "ratio", "goal", "allocations", "by hand", "goal"
    );
    let encoding = compare(
        || drop(black_box(encode(&ours))),
        || drop(black_box(encode(&by_hand))),
    );
    let decoding = compare(
        || drop(black_box(decode::<ListScimConfigurationsResponse>(&json))),
        || drop(black_box(decode::<by_hand::Response>(&json))),
    );
    let allocations = [
        counting::allocations(|| drop(encode(&ours))),
        counting::allocations(|| drop(encode(&by_hand))),
        counting::allocations(|| drop(decode::<ListScimConfigurationsResponse>(&json))),
        counting::allocations(|| drop(decode::<by_hand::Response>(&json))),
    ];
    let most = MOST_ALLOCATIONS_TO_ENCODE.to_string();
    print("encode", encoding, MOST_TO_ENCODE, &allocations[..2], &most);
    print("decode", decoding, MOST_TO_DECODE, &allocations[2..], "");
    Ok(())
}

fn print(what: &str, (ours, by_hand): (f64, f64), most: f64, allocations: &[usize], goal: &str) {
    println!(
        "{what:<8}{ours:>10.0}{by_hand:>14.0}{:>9.2}{most:>8.2}{:>14}{:>10}{goal:>8}",
        ours / by_hand,
        allocations[0],
        allocations[1],
    );
}
