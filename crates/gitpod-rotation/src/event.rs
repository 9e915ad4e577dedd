//! What the machine asks for, and what it is told.

use std::time::Duration;

use jiff::Timestamp;

use crate::{Ending, Probe, Reading, Unreadable, Verdict};

/// What is to be done next. There is one thing at a time: the driver does it, tells what came of it
/// by the [`Event`] that is named here, and gets the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Read the configuration, and probe the SCIM endpoint with the token in hand where `probe` says
    /// so and that is possible. Retrying is the client's. [`Event::Read`].
    Read {
        /// Whether the token in hand is to be tried too.
        probe: bool,
    },
    /// Find out whether our own credential for the service may write, and whether it outlives so
    /// much time from now. [`Event::Credential`].
    CheckCredential {
        /// Until the next rotation is due. `None`: any life will do.
        outlives: Option<Duration>,
    },
    /// Try the old token at the SCIM endpoint: what a sink gives back ([`Sink::held`](crate::Sink::held)).
    /// [`Event::Tried`].
    TryOld {
        /// A token was asked for since. The one that this process found alive before that is tried
        /// then, if it did, else what sinks hold.
        asked: bool,
    },
    /// Call the sink's `preflight`. [`Event::Preflight`].
    Preflight {
        /// Which one, in the order of [`State::sinks`](crate::State::sinks).
        sink: usize,
    },
    /// Create the escrow file, with its space taken, synced, its folder too. What is in an existing
    /// one is worthless. [`Event::Stored`].
    ReserveEscrow,
    /// Put [`State::journal`](crate::State::journal) in place of what is on disk, synced, its
    /// folder too. [`Event::Stored`], and only when it lasts.
    SaveJournal,
    /// Ask for a new token, once: no retry of the client's. [`Event::Asked`].
    Ask {
        /// Which attempt it is.
        attempt: u32,
        /// `token_expires_in`, in seconds.
        life_seconds: u64,
        /// Sent to the server too. When it is over the connection is closed.
        deadline: Duration,
    },
    /// Write the answer's raw body to the escrow, synced, its folder too, and only then decode it.
    /// [`Event::Escrowed`].
    WriteEscrow {
        /// The attempt that was answered.
        attempt: u32,
    },
    /// Push the token in hand. [`Event::Pushed`].
    Push {
        /// Which sink.
        sink: usize,
    },
    /// Ask the sink whether what it holds works. [`Event::Verified`].
    Verify {
        /// Which sink.
        sink: usize,
        /// Whether it should hold the token in hand; otherwise nobody here knows what it holds.
        token_in_hand: bool,
    },
    /// Look in the audit log for an entry about this configuration by someone else.
    /// [`Event::Audit`].
    ReadAuditLog {
        /// The earliest entry that matters.
        since: Option<Timestamp>,
    },
    /// Wait so long; a signal ends it early. [`Event::Waited`].
    Wait(Duration),
    /// Remove the escrow file, if there is one, and sync its folder. [`Event::Stored`].
    RemoveEscrow,
    /// It is over. There is no event for that.
    End(Ending),
}

/// What came of an [`Action`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// Of [`Action::Read`].
    Read(Result<Reading, Unreadable>),
    /// Of [`Action::CheckCredential`].
    Credential(CredentialCheck),
    /// Of [`Action::TryOld`]: alive if one is that sinks hold, dead if all are. Unknown where no sink gives
    /// one back, or the endpoint's URL isn't known.
    Tried(Probe),
    /// Of [`Action::Preflight`]: whether the sink would take a token.
    Preflight(bool),
    /// Of [`Action::SaveJournal`], [`Action::ReserveEscrow`] and [`Action::RemoveEscrow`]: whether
    /// it is done, and lasts.
    Stored(bool),
    /// Of [`Action::Ask`].
    Asked(Asked),
    /// Of [`Action::WriteEscrow`].
    Escrowed {
        /// Whether it is written, and lasts. The driver keeps the bytes if not.
        stored: bool,
        /// `token_expires_at` of the answer; `None` if it can't be understood.
        expires_at: Option<Timestamp>,
    },
    /// Of [`Action::Push`]: whether the sink took it.
    Pushed(bool),
    /// Of [`Action::Verify`]; `None` if it couldn't be found out this time.
    Verified(Option<Verdict>),
    /// Of [`Action::ReadAuditLog`].
    Audit(Audit),
    /// Of [`Action::Wait`].
    Waited,
}

/// What came of an ask. Rule 4 says what is provable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    /// 200, with a body whose bytes the driver keeps, and the answer's `Date`.
    Answered {
        /// The answer's `Date` header.
        date: Option<Timestamp>,
    },
    /// It provably never left.
    NotSent,
    /// The server refused it for now: an error body with `resource_exhausted`.
    Busy,
    /// The server refused it for good: an error body with one of the other codes that are decided
    /// before anything is done, `not_found` aside.
    Refused,
    /// The server says that there is no such configuration: an error body with `not_found`.
    NotFound,
    /// Anything else.
    Ambiguous,
}

/// What is known of our own credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialCheck {
    /// It will do, as far as can be told.
    Fine,
    /// It can't write.
    ReadOnly,
    /// It ends before the next rotation is due.
    EndsTooSoon,
}

/// What the audit log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audit {
    /// Someone else changed the configuration.
    SomeoneElse,
    /// It can't be read, or has no such entry, which proves nothing.
    Nothing,
}
