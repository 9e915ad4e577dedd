//! What generated code checks fields with.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};

use super::path::At;
use super::rule::{Broken, Enum, Range, Size, Span, Text};
use super::violation::{Violation, Violations};
use crate::Duration;

/// Checks fields, and collects what is wrong.
#[derive(Debug)]
pub struct Checker {
    /// Whether rules of enums don't apply to numbers without a name.
    allows_unknown: bool,
    found: Vec<Violation>,
}

/// When a value is checked, and whether it may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Checked if it is there.
    Optional,
    /// Checked if it is there and not its type's zero.
    SkipZero,
    /// It has to be there.
    Present,
    /// Its type's zero stands for one that is missing, and it mustn't be missing.
    NonZero,
}

impl Checker {
    #[inline]
    pub(super) const fn strict() -> Self {
        Self {
            allows_unknown: false,
            found: Vec::new(),
        }
    }

    #[inline]
    pub(super) const fn for_sending() -> Self {
        Self {
            allows_unknown: true,
            found: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn finish(self) -> Result<(), Violations> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(Violations(self.found))
        }
    }

    /// A string.
    pub(crate) fn text<'a>(
        &mut self,
        at: At<'_>,
        text: Option<&'a str>,
        need: Need,
        rules: &'static [Text],
    ) -> Option<&'a str> {
        let text = self.needed(&at, text, need, |text| text.is_empty())?;
        for rule in rules {
            if let Some(broken) = rule.broken(text) {
                self.report(&at, broken);
            }
        }
        Some(text)
    }

    /// A string of bytes.
    pub(crate) fn bytes(
        &mut self,
        at: At<'_>,
        bytes: Option<&[u8]>,
        need: Need,
        rules: &'static [Size],
    ) {
        self.size(at, bytes.map(<[u8]>::len), need, rules);
    }

    /// A list.
    #[inline]
    pub(crate) fn list<'a, T>(
        &mut self,
        at: At<'_>,
        list: &'a [T],
        need: Need,
        rules: &'static [Size],
    ) -> Option<&'a [T]> {
        self.size(at, Some(list.len()), need, rules).then_some(list)
    }

    /// A number of items, pairs or bytes. Whether they are there to be checked.
    pub(crate) fn size(
        &mut self,
        at: At<'_>,
        size: Option<usize>,
        need: Need,
        rules: &'static [Size],
    ) -> bool {
        let Some(size) = self.needed(&at, size, need, |size| *size == 0) else {
            return false;
        };
        for rule in rules {
            if let Some(broken) = rule.broken(size) {
                self.report(&at, broken);
            }
        }
        true
    }

    /// A list that no item is in twice.
    pub(crate) fn unique<T: Eq + Hash>(&mut self, at: At<'_>, list: &[T]) {
        if !are_unique(list) {
            let message = "repeated value must contain unique items";
            self.report(&at, ("repeated.unique", Cow::Borrowed(message)));
        }
    }

    /// An integer of 32 or 64 bits, signed.
    pub(crate) fn integer(
        &mut self,
        at: At<'_>,
        number: Option<i64>,
        need: Need,
        rules: &'static [Range<i64>],
    ) -> Option<i64> {
        let number = self.needed(&at, number, need, |number| *number == 0)?;
        self.ranges(&at, number, rules);
        Some(number)
    }

    /// A floating-point number.
    pub(crate) fn double(
        &mut self,
        at: At<'_>,
        number: Option<f64>,
        need: Need,
        rules: &'static [Range<f64>],
    ) -> Option<f64> {
        // Zero is what the wire leaves out, and that has its sign set isn't left out.
        let is_zero = |number: &f64| number.to_bits() == 0;
        let number = self.needed(&at, number, need, is_zero)?;
        self.ranges(&at, number, rules);
        Some(number)
    }

    /// A length of time.
    pub(crate) fn duration<'a>(
        &mut self,
        at: At<'_>,
        duration: Option<&'a Duration>,
        need: Need,
        rules: &'static [Range<Span>],
    ) -> Option<&'a Duration> {
        let is_zero = |duration: &&Duration| duration.seconds == 0 && duration.nanos == 0;
        let duration = self.needed(&at, duration, need, is_zero)?;
        self.ranges(&at, Span::of(duration), rules);
        Some(duration)
    }

    #[inline]
    fn ranges<T: Copy + PartialOrd + fmt::Display>(
        &mut self,
        at: &At<'_>,
        value: T,
        rules: &'static [Range<T>],
    ) {
        for rule in rules {
            if let Some(broken) = rule.broken(value) {
                self.report(at, broken);
            }
        }
    }

    /// An enum, and what says whether a number has a name.
    pub(crate) fn enumeration(
        &mut self,
        at: At<'_>,
        number: Option<i32>,
        is_defined: fn(i32) -> bool,
        need: Need,
        rules: &'static [Enum],
    ) {
        let Some(number) = self.needed(&at, number, need, |number| *number == 0) else {
            return;
        };
        let is_defined = is_defined(number);
        if !is_defined && self.allows_unknown {
            return;
        }
        for rule in rules {
            if let Some(broken) = rule.broken(number, is_defined) {
                self.report(&at, broken);
            }
        }
    }

    /// Something that has to be there, and has no other rule.
    #[inline]
    pub(crate) fn required(&mut self, at: At<'_>, is_there: bool) {
        if !is_there {
            self.missing(&at);
        }
    }

    /// A oneof, one field of which has to be set.
    #[inline]
    pub(crate) fn oneof(&mut self, at: At<'_>, is_set: bool) {
        if !is_set {
            let message = "exactly one field is required in oneof";
            self.report(&at, ("required", Cow::Borrowed(message)));
        }
    }

    /// A rule that the .proto files state in CEL.
    #[inline]
    pub(crate) fn cel(
        &mut self,
        at: At<'_>,
        is_kept: bool,
        id: &'static str,
        message: &'static str,
    ) {
        if !is_kept {
            self.report(&at, (id, Cow::Borrowed(message)));
        }
    }

    /// The value, if it is there and to be checked.
    #[inline(always)]
    fn needed<T>(
        &mut self,
        at: &At<'_>,
        value: Option<T>,
        need: Need,
        is_zero: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let Some(value) = value else {
            if matches!(need, Need::Present | Need::NonZero) {
                self.missing(at);
            }
            return None;
        };
        match need {
            Need::SkipZero if is_zero(&value) => None,
            Need::NonZero if is_zero(&value) => {
                self.missing(at);
                None
            }
            _ => Some(value),
        }
    }

    #[cold]
    fn missing(&mut self, at: &At<'_>) {
        self.report(at, ("required", Cow::Borrowed("value is required")));
    }

    #[cold]
    fn report(&mut self, at: &At<'_>, (rule_id, message): Broken) {
        self.found.push(Violation {
            field: at.path(),
            rule_id,
            message,
            is_for_key: at.is_key(),
        });
    }
}

fn are_unique<T: Eq + Hash>(list: &[T]) -> bool {
    // Beyond this, a set is worth its allocation.
    const MANY: usize = 4096;
    const WORDS: usize = 512;
    if list.len() > MANY {
        let mut seen = HashSet::with_capacity(list.len());
        return list.iter().all(|item| seen.insert(item));
    }
    // On the stack: an item whose bit is new is new, and the few others are looked for.
    let hashes = RandomState::new();
    let mut seen = [0_u64; WORDS];
    list.iter().enumerate().all(|(index, item)| {
        let hash = hashes.hash_one(item) as usize;
        let (word, bit) = (&mut seen[hash / 64 % WORDS], 1 << (hash % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new || !list[..index].contains(item)
    })
}
