//! The texts that rules may be stated in, and what stands for each: functions of gitpod-types'
//! `validate::patterns` and `validate::cel`.

/// What stands for a regular expression.
pub(super) fn pattern(text: &str) -> Option<&'static str> {
    find(&PATTERNS, text)
}

/// What stands for an expression of CEL, in terms of `this`.
pub(super) fn cel(text: &str) -> Option<&'static str> {
    find(&CEL, text)
}

fn find(table: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(known, _)| *known == text)
        .map(|(_, code)| *code)
}

pub(super) const PATTERNS: [(&str, &str); 6] = [
    (
        r"^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}$",
        "patterns::domain",
    ),
    (r"^[a-zA-Z0-9_-]*$", "patterns::slug"),
    (r"^[a-zA-Z0-9_-]{1,128}$", "patterns::reference"),
    (r"^[A-Z]{2}$", "patterns::two_capitals"),
    (r"^[0-9a-zA-Z_]{3,}$", "patterns::three_word_characters"),
    (r"^[a-zA-Z_][a-zA-Z0-9_]*$", "patterns::identifier"),
];

pub(super) const CEL: [(&str, &str); 21] = [
    ("this >= 1 && this <= 25", "cel::between(this, 1, 25)"),
    ("this >= 1 && this <= 100", "cel::between(this, 1, 100)"),
    (
        "this.max_parallel <= this.max_total",
        "cel::at_most(this.max_parallel, this.max_total)",
    ),
    ("size(this) >= 1", "cel::size_between(this, 1, usize::MAX)"),
    ("size(this) <= 10", "cel::size_between(this, 0, 10)"),
    ("size(this) <= 500", "cel::size_between(this, 0, 500)"),
    ("size(this) <= 20000", "cel::size_between(this, 0, 20_000)"),
    (
        "size(this) >= 1 && size(this) <= 10",
        "cel::size_between(this, 1, 10)",
    ),
    (
        "size(this) >= 1 && size(this) <= 50",
        "cel::size_between(this, 1, 50)",
    ),
    (
        "size(this) >= 1 && size(this) <= 80",
        "cel::size_between(this, 1, 80)",
    ),
    (
        "size(this) >= 1 && size(this) <= 100",
        "cel::size_between(this, 1, 100)",
    ),
    (
        "size(this) >= 1 && size(this) <= 200",
        "cel::size_between(this, 1, 200)",
    ),
    (
        "size(this) >= 1 && size(this) <= 255",
        "cel::size_between(this, 1, 255)",
    ),
    (
        "size(this) >= 1 && size(this) <= 500",
        "cel::size_between(this, 1, 500)",
    ),
    (
        "size(this) >= 1 && size(this) <= 20000",
        "cel::size_between(this, 1, 20_000)",
    ),
    (
        "this == duration('0s') || this >= duration('1800s')",
        "cel::zero_or_at_least(this, 1800)",
    ),
    (
        "int(this) % int(duration('86400s')) == 0",
        "cel::multiple_of(this, 86_400)",
    ),
    ("this.matches('^$|^[^/].*')", "cel::relative_path(this)"),
    ("this.matches('^/[^/].*$')", "cel::absolute_path(this)"),
    (
        "this.matches('^[a-z]+(_[a-z]+)*$')",
        "cel::snake_case(this)",
    ),
    (
        r#"this.matches("^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?$")"#,
        "cel::host_or_host_port(this)",
    ),
];
