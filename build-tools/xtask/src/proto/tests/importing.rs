//! What an import writes, and what it refuses.

use std::fs;

use super::{Repository, TOY, compile, file, message, set, upstream};
use crate::proto::{Layout, diff, format, import, input::Input, root};

#[test]
fn text_in_canonical_form_stays_as_it_is() {
    let repository = Repository::new([("toy.proto", TOY)]);
    let report = repository.import(&upstream(TOY));
    let text = repository.text("toy.proto");
    for (number, (now, then)) in text.lines().zip(TOY.lines()).enumerate() {
        assert_eq!(now, then, "line {}", number + 1);
    }
    assert_eq!(text, TOY);
    assert_eq!(report.lost, Vec::<String>::new());
}

#[test]
fn the_structure_alone_makes_the_same_structure() {
    let repository = Repository::new([]);
    let input = upstream(TOY);
    repository.import(&input);
    let report = diff::diff(&input, &repository.layout()).unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    assert!(!repository.text("toy.proto").contains("Detached"));
}

#[test]
fn the_tree_itself_comes_through_byte_by_byte() {
    let standing = Layout::new(&root());
    let names: Vec<_> = fs::read_dir(standing.proto.join("gitpod/v1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 34);
    let read = |name: &String| {
        let path = standing.proto.join("gitpod/v1").join(name);
        (name.clone(), fs::read_to_string(path).unwrap())
    };
    let files: Vec<_> = names.iter().map(read).collect();
    let files = || {
        files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    };

    let input = Input::decode(&compile(&standing.proto)).unwrap();
    let repository = Repository::new(files());
    let report = repository.import(&input);
    assert_eq!(report.lost, Vec::<String>::new());
    for (name, text) in files() {
        assert!(
            repository.text(name) == text,
            "{name} is not in the form of an import: run `cargo xtask proto format`"
        );
    }

    // And with nothing standing, the structure is the same.
    let empty = Repository::new([]);
    empty.import(&input);
    let report = diff::diff(&input, &empty.layout()).unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
}

#[test]
fn a_second_import_changes_nothing() {
    let repository = Repository::new([(
        "toy.proto",
        &message("// Odd.\n string a=1; /* b */") as &str,
    )]);
    let input = upstream(TOY);
    let first = repository.import(&input);
    assert!(
        first.summary.contains(" 3 files changed"),
        "{}",
        first.summary
    );
    let second = repository.import(&input);
    assert_eq!(second.summary, "1 files of the API, 0 files changed");
}

#[test]
fn a_file_that_upstream_dropped_goes() {
    let gone = file("message Gone {}");
    let repository = Repository::new([("toy.proto", TOY), ("gone.proto", &gone)]);
    repository.import(&upstream(TOY));
    assert!(!repository.path("gone.proto").exists());
}

#[test]
fn what_the_printer_cannot_write_is_refused_before_anything_is_written() {
    let proto2 = "syntax = \"proto2\"; package gitpod.v1; message A { required string a = 1; }";
    let extension = "syntax = \"proto3\"; package gitpod.v1; \
        import \"google/protobuf/descriptor.proto\"; \
        extend google.protobuf.FieldOptions { string mine = 50000; }";
    for (text, reason) in [
        (proto2, "not plain proto3"),
        (extension, "not plain proto3"),
    ] {
        let repository = Repository::new([]);
        let input = upstream(text);
        let error = import::import(&input, Some("1".into()), &repository.layout()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(fs::read_dir(repository.path("")).unwrap().count(), 0);
    }
}

#[test]
fn a_name_that_leads_out_of_the_folder_is_refused() {
    let bytes = set([("toy.proto", TOY)]);
    let needle = b"gitpod/v1/toy.proto";
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    for name in [
        b"gitpod/v1/../y.prot",
        b"gitpod/v2/toy.proto",
        b"/itpod/v1/toy.proto",
    ] {
        let mut bytes = bytes.clone();
        bytes[at..at + name.len()].copy_from_slice(name);
        let input = Input::decode(&bytes).unwrap();
        let repository = Repository::new([]);
        let error = import::import(&input, Some("1".into()), &repository.layout()).unwrap_err();
        assert!(
            error.to_string().contains("is not a file of gitpod/v1/"),
            "{error}"
        );
    }
}

#[test]
fn a_standing_tree_that_does_not_compile_stays() {
    let broken = message("string a = ");
    let repository = Repository::new([("toy.proto", &broken as &str)]);
    let error = import::import(&upstream(TOY), Some("1".into()), &repository.layout()).unwrap_err();
    assert!(
        error.to_string().contains("the tree doesn't compile"),
        "{error}"
    );
    assert!(error.to_string().contains("toy.proto"), "{error}");
    assert_eq!(repository.text("toy.proto"), broken);
}

#[test]
fn the_version_is_asked_for_where_it_is_not_known() {
    let input = upstream(TOY);
    let repository = Repository::new([("toy.proto", TOY)]);
    let layout = repository.layout();
    let error = import::import(&input, None, &layout).unwrap_err();
    assert!(error.to_string().contains("give --version"), "{error}");

    import::import(&input, Some("1.2.3".into()), &layout).unwrap();
    let text = fs::read_to_string(&layout.upstream).unwrap();
    assert!(text.contains("version = \"1.2.3\"\n"), "{text}");
    assert!(
        text.contains(&format!("descriptor-set-sha256 = \"{}\"\n", input.sha256)),
        "{text}"
    );

    // The same bytes are the same version; other bytes have to say.
    import::import(&input, None, &layout).unwrap();
    assert_eq!(fs::read_to_string(&layout.upstream).unwrap(), text);
    let other = upstream(&message(""));
    let error = import::import(&other, None, &layout).unwrap_err();
    assert!(error.to_string().contains("give --version"), "{error}");
}

#[test]
fn format_does_what_an_import_of_the_same_structure_does() {
    let odd = file("// Words.\nmessage Toy{string a=1;}\n");
    let repository = Repository::new([("toy.proto", &odd as &str)]);
    let layout = repository.layout();
    let changed = format::format(&layout, true).unwrap();
    assert_eq!(changed, ["gitpod/v1/toy.proto"]);
    assert_eq!(repository.text("toy.proto"), odd, "a check writes nothing");

    assert_eq!(format::format(&layout, false).unwrap(), changed);
    let formatted = repository.text("toy.proto");
    assert!(
        formatted.contains("// Words.\nmessage Toy {\n  string a = 1;\n}\n"),
        "{formatted}"
    );
    assert_eq!(format::format(&layout, true).unwrap(), Vec::<String>::new());
    repository.import(&upstream(&odd));
    assert_eq!(repository.text("toy.proto"), formatted);
}

#[test]
fn format_loses_no_comment() {
    let odd = message("string a = 1 [\n// In brackets.\n deprecated = true];");
    let repository = Repository::new([("toy.proto", &odd as &str)]);
    let error = format::format(&repository.layout(), false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("In brackets."), "{error}");
    assert_eq!(repository.text("toy.proto"), odd);
}
