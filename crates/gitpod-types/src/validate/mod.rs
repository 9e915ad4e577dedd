//! The `buf.validate` rules of the .proto files.
//!
//! What is checked where is generated, as calls of [`Checker`] with the rules as
//! constants; how a rule is checked, and what is said if it is broken, is here. The
//! rules that the .proto files state as regular expressions or in CEL are functions
//! in `patterns` and `cel`, found by their exact text in gitpod-build.

#![allow(
    dead_code,
    reason = "not every choice of features has a rule of each kind"
)]

pub(crate) mod cel;
mod checker;
mod format;
mod path;
pub(crate) mod patterns;
mod rule;
#[cfg(test)]
mod tests;
mod uri;
mod violation;

pub(crate) use checker::{Checker, Need};
pub use format::is_uuid;
pub(crate) use path::At;
pub(crate) use rule::{Enum, Lower, Range, Size, Span, Text, Upper, within};
pub use violation::{Violation, Violations};

/// A message whose fields the .proto files have rules for: every generated message.
///
/// A message is checked with all that is in it. Messages without violations cost no
/// allocation, lists that must be unique and have more than 4,096 items aside.
///
/// ```
/// # #[cfg(feature = "organization")] {
/// use gitpod_types::v1::RegenerateScimTokenRequest;
/// use gitpod_types::{Duration, Validate};
///
/// let request = RegenerateScimTokenRequest {
///     scim_configuration_id: "8a1c0f32".to_owned(),
///     token_expires_in: Some(Duration { seconds: 60, nanos: 0 }),
/// };
/// let violations = request.validate().unwrap_err();
/// let ids: Vec<_> = violations.as_slice().iter().map(|v| (v.field(), v.rule_id())).collect();
/// assert_eq!(
///     ids,
///     [("scim_configuration_id", "string.uuid"), ("token_expires_in", "duration.gte_lte")]
/// );
/// # }
/// ```
pub trait Validate {
    /// Checks all rules, as [protovalidate](https://protovalidate.com) defines them for
    /// the version of its schema that the API is published with.
    ///
    /// # Errors
    ///
    /// Every rule that is broken, with the path of its field.
    fn validate(&self) -> Result<(), Violations> {
        let mut checker = Checker::strict();
        self.check(&mut checker, &At::ROOT);
        checker.finish()
    }

    /// As [`validate`](Self::validate), but an enum number that this build has no name
    /// for is right wherever an enum is: `enum.defined_only`, `enum.in` and
    /// `enum.not_in` don't apply to it. What a newer server has sent can be sent back.
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate).
    fn validate_for_sending(&self) -> Result<(), Violations> {
        let mut checker = Checker::for_sending();
        self.check(&mut checker, &At::ROOT);
        checker.finish()
    }

    /// What is generated.
    #[doc(hidden)]
    fn check(&self, _checker: &mut Checker, _at: &At<'_>) {}
}

/// Messages that neither have rules nor hold a message that has.
macro_rules! without_rules {
    ($($message:path,)*) => {
        $(impl $crate::validate::Validate for $message {})*
    };
}
pub(crate) use without_rules;
