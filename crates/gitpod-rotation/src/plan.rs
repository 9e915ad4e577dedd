//! What a run is asked to do.

use std::fmt;
use std::time::Duration;

use crate::journal::Rotation;
use crate::life;

/// The life of a token unless told otherwise: 365 days, in seconds.
const LIFE: u64 = 365 * 24 * 60 * 60;
/// How long after the deadline a request may still be executed unless told otherwise, in seconds.
const SETTLE: u64 = 60;

/// What a run is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The id of the SCIM configuration.
    pub configuration: String,
    /// The sinks' names, the identity provider first. `None`: those of the unfinished journal, and
    /// an error where there is none.
    pub sinks: Option<Vec<String>>,
    /// `--expires-in`, in whole seconds. `None`: 365 days, or what the unfinished journal says.
    pub life: Option<Duration>,
    /// `--settle`, in whole seconds. `None`: 60 seconds, or what the unfinished journal says.
    pub settle: Option<Duration>,
    /// `--rotate-before`: a scheduler's run, which only looks after things while more life is left.
    /// In such a run drift is the end; a person who rotates by hand has a reason to.
    pub rotate_before: Option<Duration>,
    /// `--if-lost`.
    pub if_lost: IfLost,
    /// `--dry-run`: everything up to the ask, and nothing of an unfinished journal.
    pub dry_run: bool,
}

/// What to do about a token of ours that provably nobody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IfLost {
    /// Ask for another one.
    #[default]
    Regenerate,
    /// Stop, for a person to look.
    Fail,
}

/// Why a run can't begin. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// A flag contradicts the unfinished journal.
    Contradiction {
        /// What contradicts: `the sinks`, `the life`, `the settle time`.
        what: &'static str,
        /// What was asked for.
        asked: String,
        /// What the journal has.
        journal: String,
    },
    /// The journal is that of another configuration, whose id this is.
    OtherConfiguration(String),
    /// There is nothing to resume, and no sink to start with.
    NoSinks,
    /// A sink's name is there twice: this one.
    SinkTwice(String),
    /// A life outside of what the service gives, 1 day to 2 years.
    Life,
    /// A dry run while a rotation is unfinished.
    Unfinished,
    /// There is an escrow that doesn't belong to the journal. It may hold the only copy of a live
    /// token.
    StrayEscrow,
}

impl Plan {
    /// A plan with these sinks and every default.
    pub fn new<S: Into<String>>(
        configuration: impl Into<String>,
        sinks: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            configuration: configuration.into(),
            sinks: Some(sinks.into_iter().map(Into::into).collect()),
            life: None,
            settle: None,
            rotate_before: None,
            if_lost: IfLost::Regenerate,
            dry_run: false,
        }
    }

    pub(crate) fn life_seconds(&self) -> u64 {
        self.life.map_or(LIFE, |life| life.as_secs())
    }

    pub(crate) fn settle_seconds(&self) -> u64 {
        self.settle.map_or(SETTLE, |settle| settle.as_secs())
    }

    /// Whether a new rotation can be begun like this.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if !(life::SHORTEST..=life::LONGEST).contains(&self.life_seconds()) {
            return Err(StartError::Life);
        }
        let sinks = self.sinks.as_deref().unwrap_or_default();
        if sinks.is_empty() {
            return Err(StartError::NoSinks);
        }
        for (index, sink) in sinks.iter().enumerate() {
            if sinks.iter().skip(index + 1).any(|other| other == sink) {
                return Err(StartError::SinkTwice(sink.clone()));
            }
        }
        Ok(())
    }

    /// Rule 1: flags that contradict an unfinished journal are an error that names both.
    pub(crate) fn contradicts(&self, rotation: &Rotation) -> Result<(), StartError> {
        let contradiction = |what, asked, journal| {
            Err(StartError::Contradiction {
                what,
                asked,
                journal,
            })
        };
        if let Some(asked) = &self.sinks
            && !asked.iter().map(String::as_str).eq(rotation.sinks())
        {
            let journal = rotation.sinks().collect::<Vec<_>>().join(", ");
            return contradiction("the sinks", asked.join(", "), journal);
        }
        for (what, asked, journal) in [
            ("the life", self.life, rotation.life_seconds),
            ("the settle time", self.settle, rotation.settle_seconds),
        ] {
            if let Some(asked) = asked
                && asked.as_secs() != journal
            {
                let asked = format!("{} s", asked.as_secs());
                return contradiction(what, asked, format!("{journal} s"));
            }
        }
        if self.dry_run {
            return Err(StartError::Unfinished);
        }
        Ok(())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contradiction {
                what,
                asked,
                journal,
            } => write!(
                f,
                "an unfinished rotation comes first, and isn't what was asked for: {what}, {asked}, in \
                 the journal {journal}; resume it without that flag"
            ),
            Self::OtherConfiguration(id) => {
                write!(f, "the journal is that of another configuration, {id}")
            }
            Self::NoSinks => f.write_str("no sink is named, and no rotation is unfinished"),
            Self::SinkTwice(sink) => write!(f, "the sink {sink} is named twice"),
            Self::Life => f.write_str("a token lives for 1 day to 2 years"),
            Self::Unfinished => {
                f.write_str("a rotation is unfinished: resume it; it has no dry run")
            }
            Self::StrayEscrow => f.write_str(
                "there is an escrow that doesn't belong to the journal, and it may hold the only \
                 copy of a live token: if the journal was lost, bring it back; if you are sure that \
                 the token is dead or somewhere else too, remove the escrow; then start again",
            ),
        }
    }
}

impl std::error::Error for StartError {}
