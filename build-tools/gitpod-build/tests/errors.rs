//! What is wrong with the .proto files is said so that it can be mended.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use gitpod_build::Api;

/// Compiles these files, and says why it can't.
fn error(files: &[(&str, &str)]) -> String {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Api::load(root.path()).unwrap_err().to_string()
}

#[test]
fn a_mistake_has_file_line_and_column() {
    let text = "syntax = \"proto3\";\npackage a.v1;\nmessage A { strin a = 1; }\n";
    assert_eq!(
        error(&[("a/v1/a.proto", text)]),
        "a/v1/a.proto:3:13: name 'strin' is not defined"
    );
}

#[test]
fn a_missing_import_is_named() {
    let text = "syntax = \"proto3\";\npackage a.v1;\nimport \"a/v1/b.proto\";\n";
    let error = error(&[("a/v1/a.proto", text)]);
    assert!(error.contains("a/v1/b.proto"), "{error}");
}

#[test]
fn an_empty_folder_is_an_error() {
    assert!(error(&[]).starts_with("there is no .proto file below "));
}

#[test]
fn files_of_two_packages_are_refused() {
    let error = error(&[
        ("a.proto", "syntax = \"proto3\"; package a.v1;"),
        ("b.proto", "syntax = \"proto3\"; package b.v1;"),
    ]);
    assert!(error.contains("\"a.v1\" and \"b.v1\""), "{error}");
}

#[test]
fn a_mark_that_redacts_nothing_is_an_error() {
    // An enum's values can be marked too, which redacts no field.
    let text = "syntax = \"proto3\"; package a.v1;
        message A { string secret = 1 [debug_redact = true]; }
        enum E { ZERO = 0 [debug_redact = true]; }";
    let error = error(&[("a.proto", text)]);
    assert!(
        error.starts_with("2 fields are marked debug_redact"),
        "{error}"
    );
    assert!(error.contains("but 1 in their"), "{error}");
}

#[test]
fn a_crate_without_proto_files_is_told_where_they_were_looked_for() {
    let root = tempfile::tempdir().unwrap();
    let error = gitpod_build::proto_root(root.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no folder gitpod/v1"), "{error}");
}

#[test]
fn a_checkout_without_links_finds_the_workspace_s_files() {
    let root = tempfile::tempdir().unwrap();
    let package = root.path().join("crates/some");
    fs::create_dir_all(&package).unwrap();
    fs::create_dir_all(root.path().join("proto/gitpod/v1")).unwrap();
    // What git makes of a link where there are none: a file.
    fs::write(package.join("proto"), "../../proto").unwrap();
    let expected = root.path().join("proto").canonicalize().unwrap();
    assert_eq!(
        gitpod_build::proto_root(Path::new(&package)).unwrap(),
        expected
    );
}
