//! Descriptor sets and wheels, whole and broken.

use std::{
    fmt::Write as _,
    fs,
    io::{Cursor, Write as _},
};

use prost_reflect::{
    prost::Message as _,
    prost_types::{FileDescriptorProto, FileDescriptorSet},
};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{Repository, TOY, message, set};
use crate::proto::{
    diff, import,
    input::{Input, Kind},
    set as bytes_of_set,
};

/// A bytes literal as protoc's C escaping writes it: names where there are any, octal elsewhere,
/// and both quotes escaped.
fn literal(bytes: &[u8]) -> String {
    let mut literal = String::from("b'");
    for byte in bytes {
        match byte {
            b'\n' => literal.push_str("\\n"),
            b'\r' => literal.push_str("\\r"),
            b'\t' => literal.push_str("\\t"),
            b'\'' => literal.push_str("\\'"),
            b'"' => literal.push_str("\\\""),
            b'\\' => literal.push_str("\\\\"),
            b' '..=b'~' => literal.push(char::from(*byte)),
            // Python's protoc writes hexadecimal, others octal: both occur here.
            byte if byte % 2 == 0 => write!(literal, "\\x{byte:02x}").unwrap(),
            byte => write!(literal, "\\{byte:03o}").unwrap(),
        }
    }
    literal + "'"
}

fn module(literal: &str) -> String {
    format!(
        "# Generated\nDESCRIPTOR = _descriptor_pool.Default().AddSerializedFile({literal})\n\n_globals = globals()\n"
    )
}

fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const METADATA: (&str, &str) = (
    "gitpod_sdk-9.8.7.dist-info/METADATA",
    "Metadata-Version: 2.4\nName: gitpod-sdk\nVersion: 9.8.7\n\nVersion: not this\n",
);

/// The modules of a wheel for the descriptors of a set, but for protobuf's own.
fn modules(set: &[u8]) -> Vec<(String, String)> {
    bytes_of_set::split(set)
        .unwrap()
        .into_iter()
        .map(|bytes| {
            let name = FileDescriptorProto::decode(bytes.as_slice())
                .unwrap()
                .name()
                .to_owned();
            (name.replace(".proto", "_pb2.py"), module(&literal(&bytes)))
        })
        .filter(|(name, _)| !name.starts_with("google/"))
        .collect()
}

fn wheel(set: &[u8], without: &str) -> Vec<u8> {
    let modules = modules(set);
    let mut entries: Vec<(&str, &str)> = modules
        .iter()
        .filter(|(name, _)| name != without)
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    // What else a wheel has is passed over.
    let unrelated = module(&literal(
        &FileDescriptorProto {
            name: Some("other/v1/other.proto".into()),
            package: Some("other.v1".into()),
            ..Default::default()
        }
        .encode_to_vec(),
    ));
    entries.extend([METADATA, ("gitpod/client.py", "import httpx\n")]);
    entries.push(("other/v1/other_pb2.py", &unrelated));
    zip(&entries)
}

#[test]
fn a_wheel_is_read_as_its_descriptor_set_is() {
    let set = set([("toy.proto", TOY)]);
    let input = Input::decode(&wheel(&set, "")).unwrap();
    assert_eq!(
        input.kind,
        Kind::Wheel {
            name: "gitpod-sdk".into(),
            version: "9.8.7".into()
        }
    );

    let repository = Repository::new([("toy.proto", TOY)]);
    let layout = repository.layout();
    let report = import::import(&input, None, &layout).unwrap();
    assert_eq!(report.lost, Vec::<String>::new());
    assert_eq!(repository.text("toy.proto"), TOY);
    let differences = diff::diff(&input, &layout).unwrap().differences;
    assert_eq!(differences, Vec::<String>::new());
    let text = fs::read_to_string(&layout.upstream).unwrap();
    assert!(text.contains("version = \"9.8.7\"\n"), "{text}");
    assert!(
        text.contains(&format!("wheel-sha256 = \"{}\"\n", input.sha256)),
        "{text}"
    );

    // The set of the same version adds its own hash, one of another version starts anew.
    let input = Input::decode(&set).unwrap();
    import::import(&input, Some("9.8.7".into()), &layout).unwrap();
    let text = fs::read_to_string(&layout.upstream).unwrap();
    assert!(
        text.contains("wheel-sha256") && text.contains("descriptor-set-sha256"),
        "{text}"
    );
    import::import(&input, Some("9.8.8".into()), &layout).unwrap();
    let text = fs::read_to_string(&layout.upstream).unwrap();
    assert!(
        !text.contains("wheel-sha256") && text.contains("descriptor-set-sha256"),
        "{text}"
    );
}

#[test]
fn a_wheel_without_an_import_names_it() {
    let wheel = wheel(&set([("toy.proto", TOY)]), "buf/validate/validate_pb2.py");
    let error = Input::decode(&wheel).unwrap_err().to_string();
    assert!(
        error.contains(
            "gitpod/v1/toy.proto imports buf/validate/validate.proto, which is not among"
        ),
        "{error}"
    );
}

#[test]
fn wheels_that_are_none_say_what_is_wrong() {
    let good = wheel(&set([("toy.proto", TOY)]), "");
    let good_module = module(&literal(b"\x0a\x01a"));
    for (bytes, reason) in [
        (good[..good.len() / 2].to_vec(), "not a readable wheel"),
        (zip(&[METADATA]), "no *_pb2.py"),
        (
            zip(&[("a_pb2.py", "pass\n"), METADATA]),
            "a_pb2.py in the wheel registers no descriptor",
        ),
        (
            zip(&[("a_pb2.py", &module("x")), METADATA]),
            "no bytes literal",
        ),
        (
            zip(&[("a_pb2.py", &module("b'\\x0")), METADATA]),
            "a_pb2.py in the wheel: \\x wants two",
        ),
        (
            zip(&[("a_pb2.py", &module("b'\\x0a\\x09a'")), METADATA]),
            "not a serialized FileDescriptorProto",
        ),
        (zip(&[("a_pb2.py", &good_module)]), "no METADATA"),
        (
            zip(&[
                ("a_pb2.py", &good_module),
                ("a.dist-info/METADATA", "Name: x\n"),
            ]),
            "METADATA has no Version",
        ),
        (
            zip(&[("a_pb2.py", &good_module), METADATA]),
            "no file of package gitpod.v1",
        ),
    ] {
        let error = Input::decode(&bytes).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason} is not in {error}");
    }
}

#[test]
fn a_wheel_of_something_else_is_not_imported() {
    let modules = modules(&set([("toy.proto", TOY)]));
    let mut entries: Vec<_> = modules
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    entries.push(("a.dist-info/METADATA", "Name: other\nVersion: 1\n"));
    let input = Input::decode(&zip(&entries)).unwrap();
    let repository = Repository::new([]);
    let error = import::import(&input, None, &repository.layout()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the wheel is of other, not of gitpod-sdk"),
        "{error}"
    );

    let input = Input::decode(&wheel(&set([("toy.proto", TOY)]), "")).unwrap();
    let error = import::import(&input, Some("1".into()), &repository.layout()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the wheel says that it is 9.8.7, not 1"),
        "{error}"
    );
    assert_eq!(fs::read_dir(repository.path("")).unwrap().count(), 0);
}

#[test]
fn sets_that_are_none_say_what_is_wrong() {
    let whole = set([("toy.proto", TOY)]);
    let other = FileDescriptorSet {
        file: vec![FileDescriptorProto {
            name: Some("a.proto".into()),
            package: Some("gitpod.v2".into()),
            ..Default::default()
        }],
    };
    let unknown_type = FileDescriptorSet {
        file: vec![FileDescriptorProto {
            name: Some("gitpod/v1/a.proto".into()),
            package: Some("gitpod.v1".into()),
            dependency: vec!["missing.proto".into()],
            ..Default::default()
        }],
    };
    for (bytes, reason) in [
        (Vec::new(), "it holds no file"),
        (
            b"hello, world".to_vec(),
            "not a serialized FileDescriptorSet or a wheel",
        ),
        (
            whole[..whole.len() - 3].to_vec(),
            "it ends in the middle of a file",
        ),
        (other.encode_to_vec(), "no file of package gitpod.v1"),
        (
            unknown_type.encode_to_vec(),
            "imports missing.proto, which is not among",
        ),
    ] {
        let error = Input::decode(&bytes).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason} is not in {error}");
    }
}

#[test]
fn an_option_that_no_schema_declares_is_refused() {
    let text = message("string a = 1 [deprecated = true];");
    let bytes = set([("toy.proto", &text as &str)]);
    // `deprecated = true` in the field's options becomes field 14 = 1, which nothing declares.
    let needle = [0x42, 0x02, 0x18, 0x01];
    let at = bytes
        .windows(needle.len())
        .rposition(|window| window == needle)
        .unwrap();
    let mut bytes = bytes;
    bytes[at + 2] = 14 << 3;
    let needle = [0x42, 0x02, 14 << 3, 0x01];
    assert!(bytes.windows(needle.len()).any(|window| window == needle));
    let input = Input::decode(&bytes).unwrap();
    let repository = Repository::new([("toy.proto", &text as &str)]);
    let error = diff::diff(&input, &repository.layout())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("gitpod.v1.Toy.a has an option that google.protobuf.FieldOptions"),
        "{error}"
    );
}
