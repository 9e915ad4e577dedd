//! Messages and enums: prost's structs, their JSON and their `Debug`.

use std::collections::BTreeMap;

use prost_build::Module;
use prost_reflect::{EnumDescriptor, MessageDescriptor};
use prost_types::FileDescriptorProto;

use crate::api::Api;
use crate::json::Unknown;
use crate::prune::prune;
use crate::selection::Selection;
use crate::{Error, debug, json};

/// What is generated elsewhere, and where.
pub(crate) const EXTERN: (&str, &str) = (".google.protobuf", "::pbjson_types");

/// The selected part of the API, in the forms that the generators take.
pub(crate) struct Part {
    pub(crate) package: String,
    /// The files of the API, pruned, and those of [`EXTERN`] that they import,
    /// which the generators look types up in and generate nothing for.
    pub(crate) files: Vec<FileDescriptorProto>,
    /// Every message, nested ones too, map entries not.
    pub(crate) messages: Vec<MessageDescriptor>,
    /// Every enum, nested ones too.
    pub(crate) enums: Vec<EnumDescriptor>,
}

impl Part {
    pub(crate) fn new(api: &Api, selection: &Selection) -> Self {
        let mut messages: Vec<_> = api
            .pool
            .all_messages()
            .filter(|message| {
                message.package_name() == api.package
                    && !message.is_map_entry()
                    && selection.has(message.full_name())
            })
            .collect();
        messages.sort_by(|a, b| a.full_name().cmp(b.full_name()));
        let mut enums: Vec<_> = api
            .pool
            .all_enums()
            .filter(|enumeration| {
                enumeration.package_name() == api.package && selection.has(enumeration.full_name())
            })
            .collect();
        enums.sort_by(|a, b| a.full_name().cmp(b.full_name()));

        let imported: BTreeMap<_, _> = api
            .files()
            .flat_map(|file| file.dependencies().collect::<Vec<_>>())
            .filter(|file| file.package_name() == &EXTERN.0[1..])
            .map(|file| (file.name().to_owned(), file.file_descriptor_proto().clone()))
            .collect();
        let mut files: Vec<_> = imported.into_values().collect();
        let mut own: Vec<_> = api
            .files()
            .map(|file| prune(file.file_descriptor_proto().clone(), selection))
            .collect();
        own.sort_by(|a, b| a.name().cmp(b.name()));
        files.append(&mut own);

        Self {
            package: api.package.clone(),
            files,
            messages,
            enums,
        }
    }
}

/// The whole of `types.rs`.
pub(crate) fn generate(
    api: &Api,
    selection: &Selection,
    unknown: Unknown,
) -> Result<String, Error> {
    let part = Part::new(api, selection);

    let mut config = prost_build::Config::new();
    config.compile_well_known_types();
    // Nobody reads it but the compiler, and it costs more than all else here.
    config.format(false);
    // An error's detail is found by its type's name.
    config.enable_type_names();
    config.type_name_domain(["."], "type.googleapis.com");
    // In the order of their keys: what is written twice is written alike.
    config.btree_map(["."]);
    config.extern_path(EXTERN.0, EXTERN.1);
    // Ours, but for enums.
    config.skip_debug(["."]);
    for enumeration in &part.enums {
        let name = format!(".{}", enumeration.full_name());
        config.enum_attribute(name, "#[derive(Debug)]");
    }

    let requests = part
        .files
        .iter()
        .map(|file| {
            (
                Module::from_protobuf_package_name(file.package()),
                file.clone(),
            )
        })
        .collect();
    let mut code = config
        .generate(requests)
        .map_err(|error| Error::new(format!("prost-build: {error}")))?
        .remove(&Module::from_protobuf_package_name(&part.package))
        .unwrap_or_default();

    code.push_str(&debug::generate(&part));
    code.push_str(&json::generate(&part, unknown)?);
    Ok(code)
}
