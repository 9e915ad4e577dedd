//! The client under test of the Connect conformance suite: reads from standard input which calls to
//! make, makes them with `connect-hyper`, and writes to standard output what came of each.

mod cancel;
mod clients;
mod invoke;
mod outcome;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use clients::Clients;
use conformance::frame;
use conformance::proto::{ClientCompatRequest, ClientCompatResponse};
use tokio::sync::{Semaphore, mpsc};

/// How many calls are made at once. Many of the suite's wait for most of their time.
const AT_ONCE: usize = 32;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("connect-client-testee: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let (answers, waiting) = mpsc::channel(AT_ONCE);
    let written = tokio::spawn(write(waiting));
    let read = read(answers).await;
    // What is under way at the end of the input is finished, and written.
    written.await.map_err(io::Error::other)??;
    read
}

/// Starts a call for each request, until the input ends.
async fn read(answers: mpsc::Sender<ClientCompatResponse>) -> io::Result<()> {
    let mut input = tokio::io::stdin();
    let clients = Arc::new(Clients::default());
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(request) = frame::read::<ClientCompatRequest>(&mut input).await? {
        let slot = slots.clone().acquire_owned().await;
        let (clients, answers) = (clients.clone(), answers.clone());
        tokio::spawn(async move {
            let name = request.test_name.clone();
            let answer = outcome::answer(name, invoke::invoke(clients, request).await);
            // If nobody writes any more, writing has failed, and that ends the process.
            let _ = answers.send(answer).await;
            drop(slot);
        });
    }
    Ok(())
}

async fn write(mut answers: mpsc::Receiver<ClientCompatResponse>) -> io::Result<()> {
    let mut output = tokio::io::stdout();
    while let Some(answer) = answers.recv().await {
        frame::write(&mut output, &answer).await?;
    }
    Ok(())
}
