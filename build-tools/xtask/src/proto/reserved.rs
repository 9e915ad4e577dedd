//! Reserved numbers, as a `.proto` writes them: both ends belong to a range.

use prost_reflect::prost_types::{DescriptorProto, EnumDescriptorProto};

/// The largest field number that protobuf allows.
const LAST_FIELD: i32 = (1 << 29) - 1;

pub(super) fn of_message(message: &DescriptorProto) -> Vec<String> {
    let ranges = message.reserved_range.iter();
    // A message's range excludes its end in the descriptor, an enum's doesn't.
    ranges
        .map(|range| text(range.start(), range.end().saturating_sub(1), LAST_FIELD))
        .collect()
}

pub(super) fn of_enum(kind: &EnumDescriptorProto) -> Vec<String> {
    let ranges = kind.reserved_range.iter();
    ranges
        .map(|range| text(range.start(), range.end(), i32::MAX))
        .collect()
}

fn text(first: i32, last: i32, maximum: i32) -> String {
    if first == last {
        first.to_string()
    } else if last == maximum {
        format!("{first} to max")
    } else {
        format!("{first} to {last}")
    }
}
