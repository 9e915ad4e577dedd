//! Writes down what crosses a socket, byte for byte.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A relay in front of a server, on a port of its own.
#[derive(Debug)]
pub struct Recorder {
    port: u16,
    sent: Arc<Mutex<Vec<u8>>>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Relays every connection to `port` of the loopback interface.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let recorder = Self {
            port: listener.local_addr()?.port(),
            sent: Arc::default(),
            received: Arc::default(),
        };
        let (sent, received) = (recorder.sent.clone(), recorder.received.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
                    return;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(relay(from_client, to_server, sent.clone()));
                tokio::spawn(relay(from_server, to_client, received.clone()));
            }
        });
        Ok(recorder)
    }

    /// The base URL of an API behind the relay.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/api", self.port)
    }

    /// What client and server have sent since this was last asked.
    #[must_use]
    pub fn take(&self) -> (Vec<u8>, Vec<u8>) {
        (
            std::mem::take(&mut *lock(&self.sent)),
            std::mem::take(&mut *lock(&self.received)),
        )
    }
}

async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, record: Arc<Mutex<Vec<u8>>>) {
    let mut bytes = [0; 8192];
    while let Ok(n @ 1..) = from.read(&mut bytes).await {
        // First the record: whoever has seen the answer finds it there.
        lock(&record).extend_from_slice(&bytes[..n]);
        if to.write_all(&bytes[..n]).await.is_err() {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
