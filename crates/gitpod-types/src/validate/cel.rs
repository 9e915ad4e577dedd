//! The rules that the .proto files state in CEL, by hand. gitpod-build knows which call stands for
//! which text.

use super::Span;
use super::format::is_label;
use crate::Duration;

/// What CEL's `size()` counts.
pub(crate) trait HasSize {
    /// Code points, or items; no further than `limit`.
    fn size(&self, limit: usize) -> usize;
}

impl HasSize for str {
    fn size(&self, limit: usize) -> usize {
        self.chars().take(limit).count()
    }
}

impl<T> HasSize for [T] {
    fn size(&self, _limit: usize) -> usize {
        self.len()
    }
}

/// `size(this) >= least && size(this) <= most`
pub(crate) fn size_between<T: HasSize + ?Sized>(this: &T, least: usize, most: usize) -> bool {
    (least..=most).contains(&this.size(most.saturating_add(1)))
}

/// `this >= least && this <= most`
pub(crate) fn between(this: i64, least: i64, most: i64) -> bool {
    (least..=most).contains(&this)
}

/// `one <= other`
pub(crate) fn at_most(one: i32, other: i32) -> bool {
    one <= other
}

/// `this == duration('0s') || this >= duration('…s')`
pub(crate) fn zero_or_at_least(this: &Duration, seconds: i64) -> bool {
    let span = Span::of(this);
    span == Span::new(0, 0) || span >= Span::new(seconds, 0)
}

/// `int(this) % int(duration('…s')) == 0`, where `int()` is in nanoseconds.
pub(crate) fn multiple_of(this: &Duration, seconds: i64) -> bool {
    Span::of(this).is_multiple_of(Span::new(seconds, 0))
}

/// `this.matches('^$|^[^/].*')`
pub(crate) fn relative_path(this: &str) -> bool {
    !this.starts_with('/')
}

/// `this.matches('^/[^/].*$')`, where a dot isn't the end of a line.
pub(crate) fn absolute_path(this: &str) -> bool {
    let mut characters = this.chars();
    characters.next() == Some('/')
        && characters.next().is_some_and(|second| second != '/')
        && !characters.as_str().contains('\n')
}

/// `this.matches('^[a-z]+(_[a-z]+)*$')`
pub(crate) fn snake_case(this: &str) -> bool {
    this.split('_')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// A host's name or an IPv4 address, and a port from 1 to 65535 behind a colon or none.
pub(crate) fn host_or_host_port(this: &str) -> bool {
    let (host, port) = match this.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (this, None),
    };
    host.split('.').all(is_label)
        && port.is_none_or(|port| {
            !port.starts_with('0')
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok()
        })
}
