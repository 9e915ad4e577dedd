//! Takes a long listing item by item, and looks at the memory that it takes:
//!
//! ```text
//! cargo run --release -p gitpod-tests --example listing -- [ITEMS] [prefetch]
//! ```
//!
//! Resident memory at the end must be what it was after a tenth. The server is a process of its own.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use gitpod_client::Client;
use gitpod_client::organization::ListMembers;
use gitpod_client::types::v1::{
    ListMembersRequest, ListMembersResponse, OrganizationMember, PaginationResponse,
};
use gitpod_testing::Server;
use gitpod_tests::memory::memory;

const KEY: &str = "the-key-of-the-listing";
/// How much memory may grow beyond what it was, in KiB.
const SLACK: u64 = 1 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let [command, items] = &arguments[..]
        && command == "serve"
    {
        return runtime.block_on(serve(items.parse()?));
    }
    let items = arguments.iter().find_map(|text| text.parse().ok());
    let items = items.unwrap_or(100_000);
    let prefetch = arguments.iter().any(|text| text == "prefetch");

    let mut server = Command::new(std::env::current_exe()?)
        .args(["serve", &items.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut base_url = String::new();
    let said = server.stdout.take().ok_or("the server has no output")?;
    BufReader::new(said).read_line(&mut base_url)?;
    let client = Client::builder().base_url(base_url.trim()).token(KEY);
    let result = runtime.block_on(list(client.build()?, items, prefetch));
    server.kill()?;
    server.wait()?;
    result
}

async fn list(client: Client, items: usize, prefetch: bool) -> Result<(), Box<dyn Error>> {
    let request = ListMembersRequest {
        organization_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        ..ListMembersRequest::default()
    };
    let call = client.organization().list_members(request);
    let mut members = call.items().page_size(100);
    if prefetch {
        members = members.prefetch();
    }
    let began = Instant::now();
    let (mut count, mut warm) = (0, 0);
    while members.try_next().await?.is_some() {
        count += 1;
        if count == items / 10 {
            warm = memory("VmRSS");
        }
    }
    let last = memory("VmRSS");
    println!(
        "{count} items in {:.1?}; resident memory {warm} KiB after a tenth, {last} KiB at the end, \
         {} KiB at most",
        began.elapsed(),
        memory("VmHWM"),
    );
    if count != items || last > warm + SLACK {
        return Err("items are missing, or memory grows".into());
    }
    Ok(())
}

async fn serve(items: usize) -> Result<(), Box<dyn Error>> {
    let server = Server::builder().api_key(KEY).start().await?;
    server.handle::<ListMembers, _, _>(move |request| async move {
        let pagination = request.pagination.clone().unwrap_or_default();
        let from: usize = pagination.token.parse().unwrap_or(0);
        let to = (from + 100).min(items);
        let member = |number| OrganizationMember {
            user_id: format!("00000000-0000-4000-8000-{number:012}"),
            full_name: format!("Member {number}"),
            email: format!("member-{number}@example.com"),
            ..OrganizationMember::default()
        };
        let next_token = if to < items {
            to.to_string()
        } else {
            String::new()
        };
        Ok(ListMembersResponse {
            members: (from..to).map(member).collect(),
            pagination: Some(PaginationResponse { next_token }),
            ..ListMembersResponse::default()
        })
    });
    println!("{}", server.base_url());
    // It ends with the process that has started it, however that ends.
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    Ok(())
}
