//! Takes out of a file's descriptor what isn't selected, comments included.

use prost_types::FileDescriptorProto;
use prost_types::source_code_info::Location;

use crate::docs;
use crate::selection::Selection;

const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;

/// The file with the selected messages and enums alone, without services, and
/// with comments that rustdoc takes as they are meant.
pub(crate) fn prune(mut file: FileDescriptorProto, selection: &Selection) -> FileDescriptorProto {
    let package = file.package().to_owned();
    let is_selected = |name: &str| selection.has(&format!("{package}.{name}"));

    let mut messages = Kept::default();
    file.message_type
        .retain(|message| messages.decide(is_selected(message.name())));
    let mut enums = Kept::default();
    file.enum_type
        .retain(|enumeration| enums.decide(is_selected(enumeration.name())));
    file.service.clear();

    if let Some(info) = &mut file.source_code_info {
        info.location.retain_mut(|location| {
            let (kind, index) = match location.path.as_slice() {
                [kind, index, ..] => (*kind, *index),
                _ => return false,
            };
            let moved = match kind {
                MESSAGES => messages.moved_to(index),
                ENUMS => enums.moved_to(index),
                _ => None,
            };
            match moved {
                Some(index) => {
                    location.path[1] = index;
                    clean(location);
                    true
                }
                None => false,
            }
        });
    }
    file
}

/// prost-build expects a location for every element, with a comment or without
/// one, so all are kept; their comments are made fit for rustdoc.
fn clean(location: &mut Location) {
    location.leading_detached_comments.clear();
    for comment in [
        &mut location.leading_comments,
        &mut location.trailing_comments,
    ]
    .into_iter()
    .flatten()
    {
        *comment = docs::for_prost(comment);
    }
}

/// Where the elements of a list went that some were taken out of.
#[derive(Default)]
struct Kept {
    moved: Vec<Option<i32>>,
    count: i32,
}

impl Kept {
    fn decide(&mut self, keep: bool) -> bool {
        self.moved.push(keep.then_some(self.count));
        self.count += i32::from(keep);
        keep
    }

    fn moved_to(&self, index: i32) -> Option<i32> {
        let index = usize::try_from(index).ok()?;
        self.moved.get(index).copied().flatten()
    }
}
