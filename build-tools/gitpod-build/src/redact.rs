//! Fields that are marked as secrets.

use prost_reflect::FieldDescriptor;

use crate::descriptors::flag;

/// Whether the field is marked as a secret in the .proto file.
pub(crate) fn is_redacted(field: &FieldDescriptor) -> bool {
    flag(&field.options(), "debug_redact")
}
