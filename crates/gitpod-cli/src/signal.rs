//! Signals that ask this process to end, as far as the platform has them.

use std::io;

/// Signals are taken from when this is made; from then on none of them ends the process by itself.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    kinds: [(&'static str, tokio::signal::unix::Signal); 3],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    ctrl_break: tokio::signal::windows::CtrlBreak,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            kinds: [
                ("SIGINT", signal(SignalKind::interrupt())?),
                ("SIGTERM", signal(SignalKind::terminate())?),
                // A terminal that goes away must not take a token with it.
                ("SIGHUP", signal(SignalKind::hangup())?),
            ],
        })
    }

    /// Waits for the next signal and returns its name.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> &'static str {
        let [interrupt, terminate, hangup] = &mut self.kinds;
        tokio::select! {
            Some(()) = interrupt.1.recv() => interrupt.0,
            Some(()) = terminate.1.recv() => terminate.0,
            Some(()) = hangup.1.recv() => hangup.0,
            else => std::future::pending().await,
        }
    }

    #[cfg(windows)]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            ctrl_c: tokio::signal::windows::ctrl_c()?,
            ctrl_break: tokio::signal::windows::ctrl_break()?,
        })
    }

    /// Waits for the next signal and returns its name.
    #[cfg(windows)]
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.ctrl_c.recv() => "Ctrl-C",
            Some(()) = self.ctrl_break.recv() => "Ctrl-Break",
            else => std::future::pending().await,
        }
    }

    /// A signal that has come already.
    pub(crate) async fn pending(&mut self) -> Option<&'static str> {
        // Lets the runtime look at what has arrived.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            name = self.next() => Some(name),
            () = std::future::ready(()) => None,
        }
    }
}
