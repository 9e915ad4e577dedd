//! When a value is checked: whether it can be absent, and what its zero counts as.

use prost_reflect::{FieldDescriptor, Kind};

use super::read::{FieldRules, Ignore};
use crate::Error;

/// How a value stands in what holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A field that is always there, and zero if nobody has set it.
    Implicit,
    /// An `Option`.
    Optional,
    /// A reference to what is there.
    Bound,
}

/// When a value is checked.
pub(super) fn need(
    field: &FieldDescriptor,
    kind: &Kind,
    rules: &FieldRules,
    form: Form,
) -> Result<&'static str, Error> {
    let may_be_zero = match rules.ignore {
        Ignore::Absent => true,
        Ignore::Unpopulated => form == Form::Optional,
        Ignore::Default | Ignore::Always => false,
    };
    Ok(match (rules.is_required, form, may_be_zero) {
        (true, Form::Implicit, _) => "Need::NonZero",
        (true, Form::Optional, true) => "Need::Present",
        (true, ..) => {
            return Err(unsupported(
                field,
                "`required` in a oneof, or with `ignore`",
            ));
        }
        (false, _, true) => "Need::Optional",
        (false, _, false) if matches!(kind, Kind::Message(m) if m.full_name() != "google.protobuf.Duration") =>
        {
            return Err(unsupported(field, "`ignore` of a message"));
        }
        (false, _, false) => "Need::SkipZero",
    })
}

/// When a list or a map is checked as a whole.
pub(super) fn whole_need(rules: &FieldRules) -> &'static str {
    match (rules.is_required, rules.ignore) {
        (true, _) => "Need::NonZero",
        (false, Ignore::Absent) => "Need::Optional",
        (false, _) => "Need::SkipZero",
    }
}

pub(super) fn unsupported(field: &FieldDescriptor, what: &str) -> Error {
    Error::new(format!(
        "{}: {what} isn't supported by gitpod-build's src/validate",
        field.full_name()
    ))
}
