//! Comments and marks: kept where the element stands, reported where it is gone.

use super::{Repository, TOY, file, message, set, upstream};
use crate::proto::input::Input;

#[test]
fn comments_in_any_form_survive() {
    let odd = r#"syntax = "proto3";
// detached from the package

package gitpod.v1; // behind the package
/* a block */
message Toy { // behind the brace
  /**
   * A star
   * on each line.
   */
  string a = 1;
  // behind a

  reserved 2; // first reserved
  reserved 3; // second reserved
  //no space
  string b = 4; /* behind b */
  // last in the block
}
enum Kind { ZERO = 0; // behind zero
}
"#;
    let repository = Repository::new([("toy.proto", odd)]);
    let report = repository.import(&upstream(odd));
    let text = repository.text("toy.proto");
    let mut missing = Vec::new();
    for words in [
        "detached from the package",
        "behind the package",
        "a block",
        "behind the brace",
        "A star",
        "on each line.",
        "behind a",
        "first reserved",
        "second reserved",
        "no space",
        "behind b",
        "last in the block",
        "behind zero",
    ] {
        let reported = report.lost.iter().any(|line| line.contains(words));
        if !text.contains(words) && !reported {
            missing.push(words);
        }
    }
    assert_eq!(missing, Vec::<&str>::new(), "lost in silence\n{text}");
    assert!(
        text.contains("  // A star\n  // on each line.\n  string a = 1;"),
        "{text}"
    );
    assert!(text.contains("  // no space\n  string b = 4;"), "{text}");

    // What was kept once is kept from then on.
    let again = Repository::new([("toy.proto", &text as &str)]);
    let report = again.import(&upstream(odd));
    assert_eq!(report.lost, Vec::<String>::new());
    assert_eq!(again.text("toy.proto"), text);
}

#[test]
fn a_comment_stays_with_its_element_when_other_things_change() {
    let standing = message("// The one.\n string a = 1; string b = 2;");
    let repository = Repository::new([("toy.proto", &standing as &str)]);
    let report = repository.import(&upstream(&message("int32 b = 7; bytes a = 9; bool c = 1;")));
    assert!(
        repository
            .text("toy.proto")
            .contains("  // The one.\n  bytes a = 9;\n")
    );
    assert_eq!(report.lost, Vec::<String>::new());
}

#[test]
fn a_comment_follows_a_message_into_another_file() {
    let standing = file("// Travels.\nmessage Toy { string token = 1 [debug_redact = true]; }");
    let repository = Repository::new([("a.proto", &standing as &str)]);
    let there = file("message Toy { string token = 1; }");
    let input = Input::decode(&set([("b.proto", &there as &str)])).unwrap();
    let report = repository.import(&input);
    let text = repository.text("b.proto");
    assert!(text.contains("// Travels.\nmessage Toy {\n"), "{text}");
    assert!(
        text.contains("string token = 1 [debug_redact = true];"),
        "{text}"
    );
    assert_eq!(report.lost, Vec::<String>::new());
}

#[test]
fn marks_survive_whatever_else_the_field_carries() {
    let standing = message(
        "string a = 1 [debug_redact = true]; map<string, string> b = 2 [debug_redact = true];",
    );
    let repository = Repository::new([("toy.proto", &standing as &str)]);
    let report = repository.import(&upstream(&message(
        "optional string a = 3 [deprecated = true]; map<string, string> b = 2;",
    )));
    let text = repository.text("toy.proto");
    assert!(
        text.contains(
            "optional string a = 3 [\n    deprecated = true,\n    debug_redact = true\n  ];"
        ),
        "{text}"
    );
    assert!(
        text.contains("map<string, string> b = 2 [debug_redact = true];"),
        "{text}"
    );
    assert_eq!(report.lost, Vec::<String>::new());
}

#[test]
fn upstreams_own_marks_are_taken_over() {
    let repository = Repository::new([]);
    repository.import(&upstream(&message("string a = 1 [debug_redact = true];")));
    assert!(
        repository
            .text("toy.proto")
            .contains("string a = 1 [debug_redact = true];")
    );
}

#[test]
fn what_vanished_is_reported_with_its_words() {
    let standing = message(
        "// About\n// the field.\n string a = 1 [debug_redact = true]; string b = 2; // Behind.\n",
    ) + "// Gone whole.\nmessage Gone {} enum Kind { ZERO = 0; // nought\n }";
    let repository = Repository::new([("toy.proto", &standing as &str)]);
    let report = repository.import(&upstream(&message("string b = 2;")));
    let lost = report.lost.join("\n");
    for words in [
        "lost: the comment on gitpod.v1.Toy.a (gitpod/v1/toy.proto), which upstream doesn't have:\n  // About\n  // the field.",
        "lost: the debug_redact mark on gitpod.v1.Toy.a, which upstream doesn't have",
        "lost: the comment on gitpod.v1.Gone",
        "  // Gone whole.",
        "lost: the comment on gitpod.v1.Kind.ZERO",
        "nought",
    ] {
        assert!(lost.contains(words), "{words} is not in\n{lost}");
    }
    assert!(!lost.contains("Behind."), "{lost}");
    assert!(
        repository
            .text("toy.proto")
            .contains("string b = 2;  // Behind.\n")
    );
}

#[test]
fn a_comment_that_belongs_to_nothing_is_reported_with_its_line() {
    let standing =
        message("string a = 1 [\n// In brackets.\n deprecated = true];") + "\n// At the end.\n";
    let repository = Repository::new([("toy.proto", &standing as &str)]);
    let report = repository.import(&upstream(&message("string a = 1 [deprecated = true];")));
    let lost = report.lost.join("\n");
    assert!(
        lost.contains("gitpod/v1/toy.proto:4, which belongs to no element: In brackets."),
        "{lost}"
    );
    assert!(
        lost.contains("gitpod/v1/toy.proto:8, which belongs to no element: At the end."),
        "{lost}"
    );
}

#[test]
fn a_comment_on_a_rule_goes_with_the_rule() {
    let repository = Repository::new([("toy.proto", TOY)]);
    let without = TOY.replace("  option (buf.validate.oneof).required = true;\n", "");
    let with = TOY.replace(
        "    option (buf.validate.oneof)",
        "    // Says why.\n    option (buf.validate.oneof)",
    );
    std::fs::write(repository.path("toy.proto"), &with).unwrap();
    let kept = repository.import(&upstream(TOY));
    assert_eq!(kept.lost, Vec::<String>::new());
    assert_eq!(repository.text("toy.proto"), with);
    let lost = repository.import(&upstream(&without)).lost.join("\n");
    assert!(lost.contains("of gitpod.v1.Toy.choice"), "{lost}");
    assert!(lost.contains("// Says why."), "{lost}");
}
