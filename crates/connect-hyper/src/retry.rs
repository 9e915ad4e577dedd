//! Whether a call is attempted again, and when: the one place where that is decided.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder as _, ExponentialBuilder};

use crate::error::Error;
use crate::{Code, Idempotency, retry_after};

/// How often a call is attempted, and how long it waits between attempts.
///
/// An attempt that failed with `unavailable` (no connection, a connection that broke, a proxy's 429,
/// 502, 503 or 504, or the server's own word) or with the server's `resource_exhausted` is made
/// again, if that can do no harm:
///
/// - always, if the request provably wasn't sent, or if the server refused it with an error body of
///   the code `resource_exhausted`;
/// - otherwise only if the method has no side effects or is idempotent
///   ([`Method::IDEMPOTENCY`](crate::Method::IDEMPOTENCY)).
///
/// Every other code stays: the same request would fail again (`invalid_argument`, `not_found`),
/// needs a fresh look first (`aborted`), or has had its time (`deadline_exceeded`). So does
/// `unavailable` where the reason is a certificate that can't be trusted, or a proxy that refuses.
///
/// The wait is what the server asks for in a `google.rpc.RetryInfo`, else in `RateLimit-RetryAfter`,
/// else in `Retry-After`; otherwise it is chosen at random between nothing and a limit that doubles
/// with each attempt. A wait that doesn't fit into the call's deadline isn't begun: the error is
/// returned at once.
///
/// All calls of a client share a budget besides, so that an outage isn't made worse. It starts at 500
/// and never has more; a retry takes 5, and a call that succeeds gives 1 back. Nothing is retried
/// while it has less than 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    max_attempts: u32,
    initial_backoff: Duration,
    max_backoff: Duration,
    max_server_wait: Duration,
}

impl Default for RetryPolicy {
    /// At most 3 attempts, with waits of up to 100 ms and 200 ms, or of up to 30 s where the server
    /// asks for them.
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            max_server_wait: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// One attempt. (A credential that is refused is still asked for anew, as
    /// [`CredentialProvider`](crate::CredentialProvider) says.)
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// How many attempts a call has, the first one included: 3 unless set. 0 is taken for 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// The longest wait after the first attempt, and after any: 100 ms and 5 s unless set. In between
    /// it doubles.
    pub fn backoff(mut self, initial: Duration, max: Duration) -> Self {
        self.initial_backoff = initial;
        self.max_backoff = max;
        self
    }

    /// The longest wait that is granted to a server: 30 s unless set. If it asks for more, the call
    /// fails at once.
    pub fn max_server_wait(mut self, wait: Duration) -> Self {
        self.max_server_wait = wait;
        self
    }

    /// How long to wait after so many failures in a row (1 after the first), the last of which was
    /// `error`: what the server asks for, up to the limit, else a random share of the backoff.
    ///
    /// For what goes on beyond one call: a stream that is opened again when it breaks.
    #[must_use]
    pub fn wait_after(&self, failures: u32, error: Option<&Error>) -> Duration {
        match error.and_then(|error| retry_after::asked(error, SystemTime::now())) {
            Some(asked) => asked.min(self.max_server_wait),
            None => self.wait(failures, fastrand::f64()),
        }
    }

    /// Full jitter: any share of an exponential backoff, `jitter` of it.
    fn wait(&self, attempt: u32, jitter: f64) -> Duration {
        // Beyond 64 doublings nothing grows.
        let steps = attempt.clamp(1, 64) as usize - 1;
        let longest = ExponentialBuilder::new()
            .with_min_delay(self.initial_backoff)
            .with_max_delay(self.max_backoff)
            .without_max_times()
            .with_jitter_seed(0) // Unused: it saves a look at the thread's own.
            .build()
            .nth(steps)
            .unwrap_or(self.max_backoff)
            .min(self.max_backoff);
        Duration::try_from_secs_f64(longest.as_secs_f64() * jitter)
            .unwrap_or(longest)
            .min(longest)
    }
}

/// What is known when an attempt has failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'a> {
    /// What the attempt came to, for itself alone.
    pub(crate) error: &'a Error,
    pub(crate) idempotency: Idempotency,
    /// Its number, from 1.
    pub(crate) attempt: u32,
    /// Whether there is a body to send once more.
    pub(crate) can_repeat: bool,
    /// A credential was refused, for the first time in this call, and another may be had.
    pub(crate) can_refresh: bool,
    /// How long the call has left. None: for ever.
    pub(crate) left: Option<Duration>,
    /// What a date in a header is compared with, where the response itself has none.
    pub(crate) now: SystemTime,
    /// Between 0 and 1, at random.
    pub(crate) jitter: f64,
}

/// What comes after an attempt that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Its error is the call's.
    Stop,
    /// Another attempt at once, with another credential.
    Refresh,
    /// Another attempt after a wait.
    Retry(Duration),
}

/// Decides. It keeps no state and looks at no clock.
pub(crate) fn decide(policy: &RetryPolicy, failure: &Failure<'_>) -> Decision {
    let error = failure.error;
    if !failure.can_repeat {
        return Decision::Stop;
    }
    if failure.can_refresh && failure.idempotency != Idempotency::Unknown {
        return Decision::Refresh;
    }
    if failure.attempt >= policy.max_attempts
        || !is_transient(error)
        || !error.may_repeat(failure.idempotency, &[Code::ResourceExhausted])
    {
        return Decision::Stop;
    }
    let wait = match retry_after::asked(error, failure.now) {
        Some(asked) if asked > policy.max_server_wait => return Decision::Stop,
        Some(asked) => asked,
        None => policy.wait(failure.attempt, failure.jitter),
    };
    match failure.left {
        Some(left) if wait >= left => Decision::Stop,
        _ => Decision::Retry(wait),
    }
}

/// Whether another attempt may end better.
fn is_transient(error: &Error) -> bool {
    match error.code() {
        #[cfg(feature = "tls")]
        Code::Unavailable if crate::transport::stays(error) => false,
        Code::Unavailable => true,
        // Ours says that a response is larger than the limit.
        Code::ResourceExhausted => error.is_from_server(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};
    use proptest::prelude::*;

    use super::*;
    use crate::error::Execution;

    const IDEMPOTENCIES: [Idempotency; 3] = [
        Idempotency::Unknown,
        Idempotency::NoSideEffects,
        Idempotency::Idempotent,
    ];

    fn told(code: Code) -> Error {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Error::from_server(code, String::new(), Vec::new(), status)
    }

    fn failure(error: &Error, idempotency: Idempotency) -> Failure<'_> {
        Failure {
            error,
            idempotency,
            attempt: 1,
            can_repeat: true,
            can_refresh: false,
            left: Some(Duration::from_secs(30)),
            now: SystemTime::UNIX_EPOCH,
            jitter: 0.5,
        }
    }

    fn retries(error: &Error, idempotency: Idempotency) -> bool {
        decide(&RetryPolicy::default(), &failure(error, idempotency)) != Decision::Stop
    }

    #[test]
    fn by_what_the_server_says() {
        for code in Code::ALL {
            let error = told(code);
            let passes = matches!(code, Code::Unavailable | Code::ResourceExhausted);
            assert_eq!(
                retries(&error, Idempotency::NoSideEffects),
                passes,
                "{code}"
            );
            assert_eq!(retries(&error, Idempotency::Idempotent), passes, "{code}");
            let refused = code == Code::ResourceExhausted;
            assert_eq!(retries(&error, Idempotency::Unknown), refused, "{code}");
        }
    }

    #[test]
    fn by_what_is_known_of_the_execution() {
        for (execution, any, idempotent) in [
            (Execution::NotSent, true, true),
            (Execution::Refused, false, true),
            (Execution::Ambiguous, false, true),
            (Execution::Executed, false, true),
        ] {
            let error = Error::new(Code::Unavailable, "").with_execution(execution);
            assert_eq!(retries(&error, Idempotency::Unknown), any, "{execution:?}");
            assert_eq!(
                retries(&error, Idempotency::Idempotent),
                idempotent,
                "{execution:?}"
            );
        }
        // A response over the limit is over it the next time too.
        let large = Error::new(Code::ResourceExhausted, "").with_execution(Execution::Executed);
        assert!(!retries(&large, Idempotency::NoSideEffects));
        // Nothing was sent, because what was to be sent is wrong.
        let wrong = Error::new(Code::InvalidArgument, "");
        assert!(!retries(&wrong, Idempotency::NoSideEffects));
    }

    #[test]
    fn a_refused_credential() {
        let error = told(Code::Unauthenticated);
        let none = RetryPolicy::none();
        for (idempotency, expected) in [
            (Idempotency::Unknown, Decision::Stop),
            (Idempotency::NoSideEffects, Decision::Refresh),
            (Idempotency::Idempotent, Decision::Refresh),
        ] {
            let refused = Failure {
                can_refresh: true,
                ..failure(&error, idempotency)
            };
            assert_eq!(decide(&none, &refused), expected);
        }
    }

    #[test]
    fn as_many_as_the_policy_allows() {
        let error = told(Code::Unavailable);
        let may = |policy: RetryPolicy, attempt| {
            let failure = Failure {
                attempt,
                ..failure(&error, Idempotency::Idempotent)
            };
            decide(&policy, &failure) != Decision::Stop
        };
        assert!(!may(RetryPolicy::none(), 1));
        assert!(!may(RetryPolicy::default().max_attempts(0), 1));
        assert!(may(RetryPolicy::default(), 2));
        assert!(!may(RetryPolicy::default(), 3));
        assert!(may(
            RetryPolicy::default().max_attempts(u32::MAX),
            1_000_000
        ));
    }

    #[test]
    fn backoff_doubles_and_any_share_of_it_is_waited() {
        let policy = RetryPolicy::default().max_attempts(100);
        let longest = |attempt| policy.wait(attempt, 1.0);
        assert_eq!(longest(1), Duration::from_millis(100));
        assert_eq!(longest(2).as_millis(), 200);
        assert_eq!(longest(3).as_millis(), 400);
        assert_eq!(longest(7), Duration::from_secs(5));
        assert_eq!(longest(u32::MAX), Duration::from_secs(5));
        assert_eq!(policy.wait(1, 0.0), Duration::ZERO);
        assert_eq!(policy.wait(1, 0.25), Duration::from_millis(25));
        let short = RetryPolicy::default().backoff(Duration::MAX, Duration::from_millis(1));
        assert_eq!(short.wait(1, 1.0), Duration::from_millis(1));
        let long = RetryPolicy::default().backoff(Duration::MAX, Duration::MAX);
        assert_eq!(long.wait(9, 1.0), Duration::MAX);
    }

    #[test]
    fn what_the_server_asks_for() {
        let ask = |seconds: u64, left: Option<u64>| {
            let value = HeaderValue::from(seconds);
            let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]);
            let error = told(Code::ResourceExhausted).with_metadata(headers);
            let failure = Failure {
                left: left.map(Duration::from_secs),
                ..failure(&error, Idempotency::Unknown)
            };
            decide(&RetryPolicy::default(), &failure)
        };
        assert_eq!(ask(7, None), Decision::Retry(Duration::from_secs(7)));
        assert_eq!(ask(30, None), Decision::Retry(Duration::from_secs(30)));
        assert_eq!(ask(31, None), Decision::Stop);
        assert_eq!(ask(7, Some(8)), Decision::Retry(Duration::from_secs(7)));
        assert_eq!(ask(7, Some(7)), Decision::Stop);
    }

    /// Any error of an attempt, with its details and headers.
    fn errors() -> impl Strategy<Value = Error> {
        let execution = prop_oneof![
            Just(Execution::NotSent),
            Just(Execution::Refused),
            Just(Execution::Ambiguous),
            Just(Execution::Executed),
        ];
        let code = proptest::sample::select(&Code::ALL[..]);
        let ask = proptest::option::of((0_u64..100_000, any::<bool>()));
        (code, proptest::option::of(execution), ask).prop_map(|(code, execution, ask)| {
            let mut error = match execution {
                Some(execution) => Error::new(code, "").with_execution(execution),
                None => told(code),
            };
            if let Some((seconds, is_retry_after)) = ask {
                let name = if is_retry_after {
                    http::header::RETRY_AFTER
                } else {
                    http::HeaderName::from_static("ratelimit-retryafter")
                };
                let value = HeaderValue::from(seconds);
                error = error.with_metadata(HeaderMap::from_iter([(name, value)]));
            }
            error
        })
    }

    fn policies() -> impl Strategy<Value = RetryPolicy> {
        let time = || prop_oneof![Just(Duration::ZERO), Just(Duration::MAX), any::<Duration>()];
        (any::<u32>(), time(), time(), time()).prop_map(|(attempts, initial, max, server)| {
            RetryPolicy::default()
                .max_attempts(attempts)
                .backoff(initial, max)
                .max_server_wait(server)
        })
    }

    proptest! {
        #[test]
        fn what_never_happens(
            error in errors(),
            policy in policies(),
            idempotency in proptest::sample::select(&IDEMPOTENCIES[..]),
            attempt in 1_u32..,
            can_repeat in any::<bool>(),
            can_refresh in any::<bool>(),
            left in proptest::option::of(any::<Duration>()),
            jitter in 0.0..=1.0,
        ) {
            let failure = Failure {
                error: &error,
                idempotency,
                attempt,
                can_repeat,
                can_refresh,
                left,
                now: SystemTime::UNIX_EPOCH,
                jitter,
            };
            let decision = decide(&policy, &failure);
            prop_assert_eq!(decision, decide(&policy, &failure), "it depends on nothing else");
            if decision != Decision::Stop {
                prop_assert!(can_repeat);
                if idempotency == Idempotency::Unknown {
                    prop_assert!(!error.may_have_executed());
                }
            }
            if let Decision::Retry(wait) = decision {
                prop_assert!(attempt < policy.max_attempts);
                prop_assert!(wait <= policy.max_backoff.max(policy.max_server_wait));
                if let Some(left) = left {
                    prop_assert!(wait < left);
                }
                if let Some(asked) = retry_after::asked(&error, SystemTime::UNIX_EPOCH) {
                    prop_assert_eq!(wait, asked);
                }
            }
        }
    }
}
