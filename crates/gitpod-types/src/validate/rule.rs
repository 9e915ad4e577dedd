//! The rules that protovalidate defines, with the ids and the words that it has for them.

use std::borrow::Cow;
use std::fmt;

use super::{format, uri};

/// What a rule says of itself when it is broken.
pub(crate) type Broken = (&'static str, Cow<'static, str>);

/// A rule of a string. Lengths are in code points.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Text {
    Len(usize),
    MinLen(usize),
    MaxLen(usize),
    In(&'static [&'static str]),
    Pattern(&'static str, fn(&str) -> bool),
    Email,
    Uri,
    Uuid,
}

impl Text {
    /// None if the text keeps the rule.
    #[inline]
    pub(crate) fn broken(&self, text: &str) -> Option<Broken> {
        let is_kept = match *self {
            Self::Len(length) => text.chars().count() == length,
            Self::MinLen(least) => {
                text.chars().nth(least.saturating_sub(1)).is_some() || least == 0
            }
            // No code point has less than a byte.
            Self::MaxLen(most) => text.len() <= most || text.chars().nth(most).is_none(),
            Self::In(texts) => texts.contains(&text),
            Self::Pattern(_, matches) => matches(text),
            Self::Email => format::is_email(text),
            Self::Uri => uri::is_uri(text),
            Self::Uuid => format::is_uuid(text),
        };
        if is_kept {
            None
        } else {
            Some(self.say(text.is_empty()))
        }
    }

    #[cold]
    fn say(&self, is_empty: bool) -> Broken {
        match *self {
            Self::Len(n) => say("string.len", format!("value length must be {n} characters")),
            Self::MinLen(n) => say(
                "string.min_len",
                format!("value length must be at least {n} characters"),
            ),
            Self::MaxLen(n) => say(
                "string.max_len",
                format!("value length must be at most {n} characters"),
            ),
            Self::In(texts) => say("string.in", format!("value must be in list {texts:?}")),
            Self::Pattern(pattern, _) => say(
                "string.pattern",
                format!("value does not match regex pattern `{pattern}`"),
            ),
            Self::Email if is_empty => known(
                "string.email_empty",
                "value is empty, which is not a valid email address",
            ),
            Self::Email => known("string.email", "value must be a valid email address"),
            Self::Uri if is_empty => known(
                "string.uri_empty",
                "value is empty, which is not a valid URI",
            ),
            Self::Uri => known("string.uri", "value must be a valid URI"),
            Self::Uuid if is_empty => known(
                "string.uuid_empty",
                "value is empty, which is not a valid UUID",
            ),
            Self::Uuid => known("string.uuid", "value must be a valid UUID"),
        }
    }
}

/// A rule of how much there is: items of a list, pairs of a map, bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Size {
    MinItems(usize),
    MaxItems(usize),
    MinPairs(usize),
    MaxPairs(usize),
    Len(usize),
    MinLen(usize),
    MaxLen(usize),
}

impl Size {
    #[inline]
    pub(crate) fn broken(&self, size: usize) -> Option<Broken> {
        let is_kept = match *self {
            Self::MinItems(n) | Self::MinPairs(n) | Self::MinLen(n) => size >= n,
            Self::MaxItems(n) | Self::MaxPairs(n) | Self::MaxLen(n) => size <= n,
            Self::Len(n) => size == n,
        };
        if is_kept { None } else { Some(self.say()) }
    }

    #[cold]
    fn say(&self) -> Broken {
        match *self {
            Self::MinItems(n) => say(
                "repeated.min_items",
                format!("value must contain at least {n} item(s)"),
            ),
            Self::MaxItems(n) => say(
                "repeated.max_items",
                format!("value must contain no more than {n} item(s)"),
            ),
            Self::MinPairs(n) => say("map.min_pairs", format!("map must be at least {n} entries")),
            Self::MaxPairs(n) => say("map.max_pairs", format!("map must be at most {n} entries")),
            Self::Len(n) => say("bytes.len", format!("value length must be {n} bytes")),
            Self::MinLen(n) => say(
                "bytes.min_len",
                format!("value length must be at least {n} bytes"),
            ),
            Self::MaxLen(n) => say("bytes.max_len", format!("value must be at most {n} bytes")),
        }
    }
}

/// A rule of an enum.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Enum {
    DefinedOnly,
    In(&'static [i32]),
    NotIn(&'static [i32]),
}

impl Enum {
    #[inline]
    pub(crate) fn broken(&self, number: i32, is_defined: bool) -> Option<Broken> {
        let is_kept = match *self {
            Self::DefinedOnly => is_defined,
            Self::In(numbers) => numbers.contains(&number),
            Self::NotIn(numbers) => !numbers.contains(&number),
        };
        if is_kept { None } else { Some(self.say()) }
    }

    #[cold]
    fn say(&self) -> Broken {
        match *self {
            Self::DefinedOnly => known(
                "enum.defined_only",
                "value must be one of the defined enum values",
            ),
            Self::In(numbers) => say("enum.in", format!("value must be in list {numbers:?}")),
            Self::NotIn(numbers) => say(
                "enum.not_in",
                format!("value must not be in list {numbers:?}"),
            ),
        }
    }
}

/// The bounds of a number. If the upper one is below the lower one, what is between them is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range<T> {
    /// `int32.gte_lte`, for instance.
    pub(crate) id: &'static str,
    pub(crate) lower: Lower<T>,
    pub(crate) upper: Upper<T>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Lower<T> {
    None,
    Gt(T),
    Gte(T),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Upper<T> {
    None,
    Lt(T),
    Lte(T),
}

impl<T: Copy + PartialOrd + fmt::Display> Range<T> {
    #[inline]
    pub(crate) fn broken(&self, value: T) -> Option<Broken> {
        // Not a number is within no bounds, and isn't equal to itself.
        #[allow(clippy::eq_op)]
        let is_number = value == value;
        let is_above = match self.lower {
            Lower::None => is_number,
            Lower::Gt(bound) => value > bound,
            Lower::Gte(bound) => value >= bound,
        };
        let is_below = match self.upper {
            Upper::None => is_number,
            Upper::Lt(bound) => value < bound,
            Upper::Lte(bound) => value <= bound,
        };
        if (is_above && is_below) || ((is_above || is_below) && self.is_outside()) {
            None
        } else {
            Some(self.say())
        }
    }

    /// Whether it is what lies outside of the bounds that is right.
    fn is_outside(&self) -> bool {
        match (self.lower, self.upper) {
            (Lower::Gt(lower) | Lower::Gte(lower), Upper::Lt(upper) | Upper::Lte(upper)) => {
                upper < lower
            }
            _ => false,
        }
    }

    #[cold]
    fn say(&self) -> Broken {
        let lower = match self.lower {
            Lower::None => None,
            Lower::Gt(bound) => Some(format!("greater than {bound}")),
            Lower::Gte(bound) => Some(format!("greater than or equal to {bound}")),
        };
        let upper = match self.upper {
            Upper::None => None,
            Upper::Lt(bound) => Some(format!("less than {bound}")),
            Upper::Lte(bound) => Some(format!("less than or equal to {bound}")),
        };
        let word = if self.is_outside() { "or" } else { "and" };
        let bounds = match (lower, upper) {
            (Some(lower), Some(upper)) => format!("{lower} {word} {upper}"),
            (lower, upper) => lower.or(upper).unwrap_or_default(),
        };
        say(self.id, format!("value must be {bounds}"))
    }
}

/// A length of time, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Span(pub(crate) i128);

impl Span {
    #[inline]
    pub(crate) const fn new(seconds: i64, nanos: i32) -> Self {
        Self(seconds as i128 * 1_000_000_000 + nanos as i128)
    }

    #[inline]
    pub(crate) fn of(duration: &crate::Duration) -> Self {
        Self::new(duration.seconds, duration.nanos)
    }

    /// Whether it is a multiple of `other`.
    pub(crate) fn is_multiple_of(self, other: Self) -> bool {
        self.0 % other.0 == 0
    }
}

/// Whether a length of time is at least so many seconds and less than so many, and in the form that
/// it should have.
#[inline]
pub(crate) fn within(duration: &crate::Duration, least: i64, most: i64) -> bool {
    (least..most).contains(&duration.seconds) && (0..1_000_000_000).contains(&duration.nanos)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NANOS: i128 = 1_000_000_000;
        let (seconds, nanos) = (self.0.abs() / NANOS, self.0.abs() % NANOS);
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write!(f, "{seconds}")?;
        if nanos != 0 {
            write!(f, ".{}", format!("{nanos:09}").trim_end_matches('0'))?;
        }
        f.write_str("s")
    }
}

fn say(id: &'static str, message: String) -> Broken {
    (id, Cow::Owned(message))
}

fn known(id: &'static str, message: &'static str) -> Broken {
    (id, Cow::Borrowed(message))
}
