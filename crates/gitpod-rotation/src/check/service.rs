//! The service as the checker has it: tokens, requests on their way, faults.

use jiff::Timestamp;

use crate::time::plus;

/// The life that a person asks for, and that we want: 365 days, in seconds.
pub(super) const LIFE: u64 = 365 * 86_400;
/// How far apart two executions are, in seconds.
const APART: i64 = 2;

/// What doesn't change within one exploration.
#[derive(Clone, Copy, Hash, PartialEq, Eq, Debug)]
pub(super) struct Ways {
    /// The expiry that a read shows.
    pub(super) digits: Digits,
    pub(super) sends_date: bool,
    /// Tokens live as long as was asked for; otherwise in whole days.
    pub(super) keeps_lives: bool,
    /// The SCIM endpoint's URL is known.
    pub(super) probe: bool,
    /// A stale read isn't the last one: a replica lags for as long as a process runs, or until it doesn't.
    pub(super) lags: bool,
}

#[derive(Clone, Copy, Hash, PartialEq, Eq, Debug)]
pub(super) enum Digits {
    All,
    Micros,
    Seconds,
}

/// A token. Its number is its index.
#[derive(Clone, Hash, Debug)]
pub(super) struct Token {
    pub(super) expires_at: Timestamp,
    pub(super) by: By,
    /// When it was replaced.
    pub(super) died: Option<i64>,
}

#[derive(Clone, Copy, Hash, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// It was there.
    Start,
    SomeoneElse,
    /// An ask of ours; which rotation's.
    Us {
        rotation: u8,
        attempt: u32,
    },
}

/// A request of ours that may be executed yet.
#[derive(Clone, Hash, Debug)]
pub(super) struct Request {
    pub(super) rotation: u8,
    pub(super) attempt: u32,
    pub(super) life: u64,
    /// Until when it may be executed without that being a fault of its own.
    pub(super) until: i64,
    /// It has been executed before.
    pub(super) again: bool,
}

#[derive(Clone, Hash, Debug)]
pub(super) struct Service {
    pub(super) ways: Ways,
    /// Seconds.
    pub(super) now: i64,
    pub(super) tokens: Vec<Token>,
    pub(super) requests: Vec<Request>,
    /// The token that a replica which lags shows.
    pub(super) lagging: Option<usize>,
}

impl Service {
    pub(super) fn new(ways: Ways) -> Self {
        let mut service = Self {
            ways,
            now: 1_800_000_000,
            tokens: Vec::new(),
            requests: Vec::new(),
            lagging: None,
        };
        service.regenerate(LIFE, By::Start);
        service.now += 1000;
        service
    }

    /// The number of the token that is alive.
    pub(super) fn live(&self) -> usize {
        self.tokens.len() - 1
    }

    pub(super) fn live_token(&self) -> &Token {
        &self.tokens[self.live()]
    }

    /// Executes a request, and kills the token before.
    pub(super) fn regenerate(&mut self, life: u64, by: By) -> usize {
        let life = if self.ways.keeps_lives {
            life
        } else {
            life / 86_400 * 86_400
        };
        let at = Timestamp::new(self.now, 123_456_789).unwrap();
        let now = self.now;
        if let Some(last) = self.tokens.last_mut() {
            last.died = Some(now);
        }
        self.tokens.push(Token {
            expires_at: plus(at, life.cast_signed()),
            by,
            died: None,
        });
        self.now += APART;
        self.live()
    }

    pub(super) fn date(&self) -> Option<Timestamp> {
        let date = Timestamp::from_second(self.now).unwrap();
        self.ways.sends_date.then_some(date)
    }

    /// What a read shows of a token's expiry.
    pub(super) fn shown(&self, token: usize) -> Timestamp {
        let at = self.tokens[token].expires_at;
        let nanos = match self.ways.digits {
            Digits::All => at.subsec_nanosecond(),
            Digits::Micros => at.subsec_nanosecond() / 1000 * 1000,
            Digits::Seconds => 0,
        };
        Timestamp::new(at.as_second(), nanos).unwrap()
    }
}
