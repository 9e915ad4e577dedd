//! The sinks of a rotation, and what they hold.

use std::path::{Path, PathBuf};

use gitpod_rotation::{
    FileSink, PushFault, SimulatedSink, Sink, SinkError, SinkFuture, Token, Verdict,
};

use crate::world::World;

/// One sink, as the world sees it.
pub(crate) enum Held {
    /// In memory: one that tries what it holds, or can be read back, or can't tell.
    Memory(SimulatedSink, Tells),
    File(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tells {
    Liveness,
    Content,
    Nothing,
}

impl Held {
    /// One to three of them, each with the first token.
    pub(crate) fn some(
        world: &World,
        random: &mut fastrand::Rng,
        folder: &Path,
        token: &Token,
    ) -> Vec<Self> {
        let count = [1, 1, 2, 3][random.usize(0..4)];
        let sinks = (0..count).map(|number| match random.u8(0..4) {
            0 => Self::File(folder.join(format!("token-{number}"))),
            1 => {
                let server = world.server.clone();
                let alive = move |token: &Token| server.is_live(token.expose());
                let sink = SimulatedSink::new(format!("idp-{number}")).trying(alive);
                Self::Memory(sink, Tells::Liveness)
            }
            2 => Self::Memory(
                SimulatedSink::new(format!("store-{number}")),
                Tells::Content,
            ),
            _ => Self::Memory(SimulatedSink::new(format!("mute-{number}")), Tells::Nothing),
        });
        let sinks: Vec<_> = sinks.collect();
        for sink in &sinks {
            sink.put(token);
        }
        sinks
    }

    /// What the driver gets.
    pub(crate) fn sink(&self) -> Box<dyn Sink> {
        match self {
            Self::Memory(sink, Tells::Nothing) => Box::new(Mute(sink.clone())),
            Self::Memory(sink, _) => Box::new(sink.clone()),
            Self::File(path) => Box::new(FileSink::new(path)),
        }
    }

    pub(crate) fn put(&self, token: &Token) {
        match self {
            Self::Memory(sink, _) => sink.put(Some(token.clone())),
            Self::File(path) => std::fs::write(path, token.expose()).expect("a file"),
        }
    }

    pub(crate) fn holds_live(&self, world: &World) -> bool {
        let held = match self {
            Self::Memory(sink, _) => sink.token(),
            Self::File(path) => std::fs::read_to_string(path).ok().map(Token::new),
        };
        held.is_some_and(|token| world.server.is_live(token.expose()))
    }

    pub(crate) fn can_tell(&self) -> bool {
        matches!(self, Self::Memory(_, Tells::Liveness))
    }

    /// Something goes wrong with its next push, or with everything. Says what.
    pub(crate) fn spoil(&self, random: &mut fastrand::Rng) -> Option<&'static str> {
        let Self::Memory(sink, tells) = self else {
            return None;
        };
        Some(match random.u8(0..5) {
            0 => {
                sink.fault(PushFault::Fails);
                "a push fails"
            }
            1 => {
                sink.fault(PushFault::TakenAndFails);
                "a push is taken, and reported as failed"
            }
            // Of a sink that can't tell nobody could find out.
            2 if *tells != Tells::Nothing => {
                sink.fault(PushFault::Forgotten);
                "a push is reported as done, and isn't"
            }
            3 => {
                sink.refuse(true);
                "a sink refuses"
            }
            _ => {
                sink.set_broken(true);
                "a sink is broken"
            }
        })
    }

    pub(crate) fn mend(&self) {
        if let Self::Memory(sink, _) = self {
            sink.refuse(false);
            sink.set_broken(false);
        }
    }
}

/// Takes tokens, and can't tell.
#[derive(Debug)]
struct Mute(SimulatedSink);

impl Sink for Mute {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        self.0.preflight()
    }

    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
        self.0.push(token)
    }

    fn verify<'a>(&'a self, token: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
        Box::pin(async move {
            match self.0.verify(token).await {
                Ok(_) => Ok(Verdict::CantTell),
                Err(error) => Err::<_, SinkError>(error),
            }
        })
    }
}
