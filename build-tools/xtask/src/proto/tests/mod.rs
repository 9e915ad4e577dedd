//! The commands over small trees in temporary folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Layout, import, input::Input};

mod diffing;
mod documented;
mod importing;
mod inputs;
mod keeping;
mod secrets;

/// One file in canonical form, with every kind of element, option and comment.
const TOY: &str = include_str!("toy.proto");

/// A repository in a temporary folder.
struct Repository {
    root: tempfile::TempDir,
}

impl Repository {
    /// With these files in `proto/gitpod/v1/`.
    fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let repository = Self { root };
        fs::create_dir_all(repository.path("")).unwrap();
        for (name, text) in files {
            fs::write(repository.path(name), text).unwrap();
        }
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("proto/gitpod/v1").join(name)
    }

    fn layout(&self) -> Layout {
        Layout::new(self.root.path())
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn import(&self, input: &Input) -> import::Report {
        import::import(input, Some("1.0.0".into()), &self.layout()).unwrap()
    }
}

/// A serialized descriptor set of the files below `proto`, as upstream would publish it.
fn compile(proto: &Path) -> Vec<u8> {
    gitpod_build::descriptors::compile(proto).unwrap()
}

/// A serialized descriptor set of these files.
fn set<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    compile(&Repository::new(files).layout().proto)
}

/// Upstream's descriptors of one file.
fn upstream(text: &str) -> Input {
    Input::decode(&set([("toy.proto", text)])).unwrap()
}

/// A small file around the body of a message.
fn message(body: &str) -> String {
    file(&format!("message Toy {{\n{body}\n}}\n"))
}

/// A small file.
fn file(body: &str) -> String {
    format!(
        "syntax = \"proto3\"; package gitpod.v1; import \"buf/validate/validate.proto\";\n{body}"
    )
}
