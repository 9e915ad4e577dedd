//! Very many calls, very many at once, of a server that is killed and started again all the while:
//!
//! ```text
//! cargo run --release -p gitpod-tests --example soak -- [CALLS] [AT_ONCE] [json|binary] [h2]
//! ```
//!
//! Each call has a number, and its answer must carry it. Calls may fail while the server is away, as
//! `unavailable` and in no other way, and others are made in their place. The client's memory
//! must stay what it was after a tenth of the calls. The server is a process of its own.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gitpod_client::connect_hyper::Unary;
use gitpod_client::{Client, Code, Codec, Method};
use gitpod_testing::Server;
use gitpod_tests::memory::memory;
use gitpod_tests::toy::Word;

const KEY: &str = "the-key-of-the-soak";
/// How long a server lives.
const LIFE: Duration = Duration::from_secs(5);
/// How much memory may grow beyond what it was: by a quarter, and this many KiB.
const SLACK: u64 = 16 << 10;

/// Answers with what it was asked, turned around.
enum Turn {}

impl Method for Turn {
    type Request = Word;
    type Response = Word;
    type Kind = Unary;
    const PATH: &'static str = "/toy.v1.Toy/Turn";
}

fn turned(text: &str) -> Word {
    Word::new(text.chars().rev().collect::<String>())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if let [command, port] = &arguments[..]
        && command == "serve"
    {
        return runtime.block_on(serve(port.parse()?));
    }
    let mut numbers = arguments.iter().filter_map(|text| text.parse().ok());
    let calls = numbers.next().unwrap_or(1_000_000);
    let at_once = numbers.next().unwrap_or(1000);
    let has = |word: &str| arguments.iter().any(|text| text == word);
    let codec = if has("binary") {
        Codec::Binary
    } else {
        Codec::Json
    };
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let client = Client::builder()
        .base_url(format!("http://127.0.0.1:{port}/api"))
        .token(KEY)
        .codec(codec)
        .runtime(|runtime| {
            if has("h2") {
                runtime.http2_only()
            } else {
                runtime
            }
        })
        .build()?;
    let is_over = Arc::new(AtomicBool::new(false));
    let restarts = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || keep_restarting(port, &is_over)
    });
    let found = runtime.block_on(soak(client, calls, at_once));
    is_over.store(true, Ordering::Relaxed);
    let restarts = restarts
        .join()
        .map_err(|_| "the server's keeper panicked")??;
    println!("{found}, {restarts} restarts");
    Ok(())
}

async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let server = Server::builder().port(port).api_key(KEY).start().await?;
    server.handle::<Turn, _, _>(|request| async move { Ok(turned(&request.text)) });
    // It ends with the process that has started it, however that ends.
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    Ok(())
}

/// Starts servers one after the other, and kills each when its time has come.
fn keep_restarting(port: u16, is_over: &AtomicBool) -> std::io::Result<u32> {
    let start = || -> std::io::Result<Child> {
        let program = std::env::current_exe()?;
        Command::new(program)
            .arg("serve")
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .spawn()
    };
    let mut restarts = 0;
    let mut server = start()?;
    loop {
        let born = Instant::now();
        while born.elapsed() < LIFE && !is_over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
        server.kill()?;
        server.wait()?;
        if is_over.load(Ordering::Relaxed) {
            return Ok(restarts);
        }
        server = start()?;
        restarts += 1;
    }
}

/// Makes calls until so many have been answered. Returns the figures.
async fn soak(client: Client, calls: u64, at_once: u64) -> String {
    let next = Arc::new(AtomicU64::new(0));
    let answered = Arc::new(AtomicU64::new(0));
    let failed = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let workers: Vec<_> = (0..at_once)
        .map(|_| {
            let (client, next) = (client.clone(), Arc::clone(&next));
            let (answered, failed) = (Arc::clone(&answered), Arc::clone(&failed));
            tokio::spawn(async move {
                while answered.load(Ordering::Relaxed) < calls {
                    let text = format!("call {}", next.fetch_add(1, Ordering::Relaxed));
                    let call = client.connect().call::<Turn>(Word::new(&*text));
                    match call.await {
                        Ok(answer) if *answer == turned(&text) => {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(answer) => wrong(&format!("{text} was answered with {answer:?}")),
                        Err(error) if error.code() == Code::Unavailable => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Err(error) => wrong(&format!("{text} failed: {error:?}")),
                    }
                }
            })
        })
        .collect();
    let (mut warm, mut last) = (None, 0);
    while answered.load(Ordering::Relaxed) < calls {
        tokio::time::sleep(Duration::from_millis(100)).await;
        last = memory("VmRSS");
        if answered.load(Ordering::Relaxed) >= calls / 10 {
            warm.get_or_insert(last);
        }
    }
    for worker in workers {
        if worker.await.is_err() {
            wrong("a call panicked");
        }
    }
    let warm = warm.unwrap_or(last);
    let figures = format!(
        "{} answers in {:.0?}, none of them wrong, {} calls unavailable; resident memory {warm} KiB \
         after a tenth, {last} KiB at the end, {} KiB at most",
        answered.load(Ordering::Relaxed),
        began.elapsed(),
        failed.load(Ordering::Relaxed),
        memory("VmHWM"),
    );
    if last > warm + warm / 4 + SLACK {
        wrong(&format!("memory grows: {figures}"));
    }
    figures
}

fn wrong(what: &str) -> ! {
    eprintln!("{what}");
    exit(1)
}
