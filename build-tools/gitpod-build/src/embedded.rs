//! Descriptors for programs to carry along: with all options, and with comments as they are read.

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};

use crate::api::Api;
use crate::{Error, docs};

impl Api {
    /// A serialized `google.protobuf.FileDescriptorSet` of the API and its imports, extensions among
    /// the options. Of the source information it has the comment of each element that has one, in
    /// `leading_comments`, wherever it was written.
    ///
    /// # Errors
    ///
    /// When the descriptors have a form that isn't known here.
    pub fn descriptors(&self) -> Result<Vec<u8>, Error> {
        let unknown = || Error::new("the descriptors lack google.protobuf.FileDescriptorSet");
        // What this pool doesn't know, the extensions among it, is kept as it is.
        let set = DescriptorPool::global()
            .get_message_by_name("google.protobuf.FileDescriptorSet")
            .ok_or_else(unknown)?;
        let mut set = DynamicMessage::decode(set, &*self.pool.encode_to_vec())
            .map_err(|error| Error::new(format!("can't read the descriptors again: {error}")))?;
        let files = set
            .get_field_by_name_mut("file")
            .and_then(Value::as_list_mut)
            .ok_or_else(unknown)?;
        for file in files.iter_mut().filter_map(Value::as_message_mut) {
            let locations = file
                .get_field_by_name_mut("source_code_info")
                .and_then(Value::as_message_mut)
                .and_then(|info| info.get_field_by_name_mut("location"))
                .and_then(Value::as_list_mut)
                .ok_or_else(unknown)?;
            locations.retain_mut(|location| {
                location
                    .as_message_mut()
                    .is_some_and(|location| reduce(location).is_some())
            });
        }
        Ok(set.encode_to_vec())
    }
}

/// Leaves path and comment; none if there is no comment.
fn reduce(location: &mut DynamicMessage) -> Option<()> {
    let text = |name| {
        let value = location.get_field_by_name(name)?;
        value.as_str().map(str::to_owned)
    };
    let comment = docs::joined(&text("leading_comments")?, &text("trailing_comments")?);
    if comment.is_empty() {
        return None;
    }
    for name in ["span", "trailing_comments", "leading_detached_comments"] {
        location.clear_field_by_name(name);
    }
    location.set_field_by_name("leading_comments", Value::String(comment));
    Some(())
}
