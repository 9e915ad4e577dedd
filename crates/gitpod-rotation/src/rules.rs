//! The protocol's rules that the model checker takes out one by one.
//!
//! They can be taken out in this crate's own tests and nowhere else: outside of them there is no
//! switch, and asking is a constant.

/// A rule, as `machine` asks for it where the rule has its home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// Rule 5: the escrow is durable before anything is done with the token. The checker's disk
    /// keeps it, as the action promises.
    #[cfg(test)]
    EscrowSynced,
    /// Rule 3: `asked` is durable before the request leaves. Likewise.
    #[cfg(test)]
    AskedSynced,
    /// After an ambiguous answer: an unchanged expiry says nothing before the wait is over.
    Wait,
    /// Rule 7: what was pushed is verified, and the configuration read once more.
    Verify,
    /// Rule 4: every ask has a life of its own.
    OwnLife,
    /// Rule 6: the expiry is read before the first push of a process, and before one that comes
    /// more than 30 s after the last check.
    CheckBeforePush,
    /// Rule 1: the service is compared with the journal, and the sinks are asked.
    Drift,
    /// Rule 3: the request leaves soon after D, by the service's clock.
    FreshDate,
    /// A lost token is asked for again only if no sink says that what it holds works.
    AskSinksFirst,
    /// Rule 5: signals wait while the token is in memory alone.
    SignalsWait,
    /// Without `Date`, or with lives that aren't kept, nothing is ever ours.
    OursNeedsProof,
    /// Rule 8: `verified` lasts before the escrow goes.
    VerifiedFirst,
    /// After an ambiguous answer, *superseded* is said only when the wait is over: a new rotation
    /// could be overtaken by this one's request.
    SupersededWaits,
    /// A token of an earlier ask of ours that came late says nothing of the last ask, which may
    /// still be on its way.
    EarlierLostWaits,
    /// A token in hand isn't given up for a single read.
    SecondLook,
    /// An unchanged expiry means nothing while the old token is found dead.
    OldTokenTried,
    /// A rotation that wasn't executed doesn't make up for the outcome before.
    OldOutcomeStays,
}

/// Which rules hold. All of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Rules {
    #[cfg(test)]
    pub(crate) without: Option<Rule>,
}

impl Rules {
    #[cfg(not(test))]
    pub(crate) const fn hold(self, _: Rule) -> bool {
        true
    }

    #[cfg(test)]
    pub(crate) fn hold(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}
