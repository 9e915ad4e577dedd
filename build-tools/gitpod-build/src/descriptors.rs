//! From a tree of .proto files to descriptors, without `protoc`.

use std::fs;
use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, DynamicMessage};
use protox::Compiler;
use protox::file::{
    ChainFileResolver, DescriptorSetFileResolver, GoogleFileResolver, IncludeFileResolver,
};

use crate::Error;

/// The schema of the validation rules, in exactly the version that the API was
/// published with: names that the API uses were removed from later ones.
const VALIDATE: &[u8] = include_bytes!("../imports/buf-validate.fds");

/// Compiles every .proto file below `root` and returns a serialized
/// `google.protobuf.FileDescriptorSet` with imports and source information.
///
/// The bytes keep all options, extensions included. Read them with
/// `prost-reflect`: the types of `prost-types` drop what they don't know.
///
/// # Errors
///
/// When a folder can't be read, when there is no .proto file in it, and when
/// one of them doesn't compile; the message names file, line and column.
pub fn compile(root: &Path) -> Result<Vec<u8>, Error> {
    Ok(compiler(root)?.encode_file_descriptor_set())
}

/// As [`compile`], but as a pool of descriptors to look things up in.
///
/// # Errors
///
/// The same as those of [`compile`].
pub fn pool(root: &Path) -> Result<DescriptorPool, Error> {
    Ok(compiler(root)?.descriptor_pool())
}

/// Every .proto file below `root`, sorted.
///
/// # Errors
///
/// When a folder can't be read, and when there is no .proto file in any.
pub fn proto_files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    collect(root, &mut files)?;
    if files.is_empty() {
        return Err(Error::new(format!(
            "there is no .proto file below {}",
            root.display()
        )));
    }
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let unreadable = |error| Error::new(format!("can't read {}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(path);
        }
    }
    Ok(())
}

fn compiler(root: &Path) -> Result<Compiler, Error> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(IncludeFileResolver::new(root.to_path_buf()));
    resolver.add(
        DescriptorSetFileResolver::decode(VALIDATE)
            .map_err(|error| Error::new(format!("imports/buf-validate.fds: {error}")))?,
    );
    resolver.add(GoogleFileResolver::new());

    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_source_info(true).include_imports(true);
    for file in proto_files(root)? {
        // The debug form of protox's error has file, line and column.
        compiler
            .open_file(&file)
            .map_err(|error| Error::new(format!("{error:?}")))?;
    }
    Ok(compiler)
}

/// Whether the standard option `name` is set to true in these options.
pub(crate) fn flag(options: &DynamicMessage, name: &str) -> bool {
    options
        .get_field_by_name(name)
        .and_then(|value| value.as_bool())
        .unwrap_or_default()
}

/// Whether the `buf.validate` rules of a field say that it is required.
pub(crate) fn is_required(options: &DynamicMessage) -> bool {
    options
        .extensions()
        .find(|(extension, _)| extension.full_name() == "buf.validate.field")
        .and_then(|(_, rules)| rules.as_message().map(|rules| flag(rules, "required")))
        .unwrap_or_default()
}
