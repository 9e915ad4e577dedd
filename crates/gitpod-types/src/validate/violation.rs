//! Rules that are broken.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// A rule that is broken. It never holds the value that breaks it: that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub(super) field: String,
    pub(super) rule_id: &'static str,
    pub(super) message: Cow<'static, str>,
    pub(super) is_for_key: bool,
}

impl Violation {
    /// The path of the field, in the names of the .proto files: `filter.ids[3]`,
    /// `parameters["name"]`, or a oneof's name. Empty if the rule is the message's.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The rule by its id: `string.uuid`, `required`, or what the .proto files call a rule
    /// of their own.
    #[must_use]
    pub fn rule_id(&self) -> &'static str {
        self.rule_id
    }

    /// What was expected, for a person.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether it is a map's key that breaks the rule, rather than the value.
    #[must_use]
    pub fn is_for_key(&self) -> bool {
        self.is_for_key
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A map's key can be long.
        const LONGEST: usize = 200;
        if let Some((end, _)) = self.field.char_indices().nth(LONGEST) {
            write!(f, "{}…: ", &self.field[..end])?;
        } else if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{} [{}]", self.message, self.rule_id)
    }
}

/// All rules that a message breaks: one at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(pub(super) Vec<Violation>);

impl Violations {
    /// The violations, in the order of the fields.
    #[must_use]
    pub fn as_slice(&self) -> &[Violation] {
        &self.0
    }

    /// The violations that an error came from, if it came from any: those for which a
    /// client didn't send a request.
    #[must_use]
    pub fn of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut error = Some(error);
        while let Some(cause) = error {
            if let Some(violations) = cause.downcast_ref() {
                return Some(violations);
            }
            error = cause.source();
        }
        None
    }
}

impl IntoIterator for Violations {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Violations {
    /// The first ten, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 10;
        for (index, violation) in self.0.iter().take(MOST).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl Error for Violations {}
