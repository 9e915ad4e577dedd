//! One case for each kind of difference.

use super::{Repository, TOY, file, message, upstream};
use crate::proto::diff;

/// The differences between a tree of `here` and upstream's `there`.
fn differences(there: &str, here: &str) -> Vec<String> {
    let repository = Repository::new([("toy.proto", here)]);
    let mut report = diff::diff(&upstream(there), &repository.layout()).unwrap();
    // No import has brought the schema of the rules into this repository.
    report
        .differences
        .retain(|line| !line.starts_with("~ file buf/validate"));
    report.differences
}

/// Both directions of a change inside a message: `here` becomes `there`.
#[track_caller]
fn assert_change(here: &str, there: &str, expected: &[&str]) {
    assert_eq!(
        differences(&message(there), &message(here)),
        expected,
        "{here} -> {there}"
    );
    assert_eq!(
        differences(&message(here), &message(there)).len(),
        expected.len(),
        "and the other way"
    );
}

#[test]
fn equal_trees_have_none() {
    assert_eq!(differences(TOY, TOY), Vec::<String>::new());
}

#[test]
fn comments_marks_and_order_are_no_differences() {
    assert_change(
        "string a = 1; string b = 2;",
        "// Words.\n string b = 2 [debug_redact = true]; string a = 1;",
        &[],
    );
}

#[test]
fn fields() {
    let field = "~ field gitpod.v1.Toy.a: ";
    assert_change(
        "string a = 1;",
        "string b = 1;",
        &[
            "- field gitpod.v1.Toy.a: json name a, number 1, type string",
            "+ field gitpod.v1.Toy.b: json name b, number 1, type string",
        ],
    );
    let one = |change: &str| vec![format!("{field}{change}")];
    for (here, there, expected) in [
        (
            "string a = 1;",
            "string a = 2;",
            "number: upstream 2, here 1",
        ),
        (
            "string a = 1;",
            "bytes a = 1;",
            "type: upstream bytes, here string",
        ),
        (
            "string a = 1;",
            "optional string a = 1;",
            "label: upstream optional, here nothing",
        ),
        (
            "string a = 1;",
            "repeated string a = 1;",
            "label: upstream repeated, here nothing",
        ),
        (
            "string a = 1;",
            "oneof c { string a = 1; }",
            "oneof: upstream c, here nothing",
        ),
        (
            "string a = 1;",
            "string a = 1 [json_name = \"A\"];",
            "json name: upstream A, here a",
        ),
        (
            "map<string, string> a = 1;",
            "map<string, int32> a = 1;",
            "type: upstream map<string, int32>, here map<string, string>",
        ),
        (
            "string a = 1;",
            "string a = 1 [deprecated = true];",
            "option deprecated: upstream true, here nothing",
        ),
        (
            "repeated int32 a = 1 [packed = true];",
            "repeated int32 a = 1 [packed = false];",
            "option packed: upstream false, here true",
        ),
    ] {
        let found = differences(&message(there), &message(here));
        let found: Vec<_> = found
            .into_iter()
            .filter(|line| !line.contains(" oneof "))
            .collect();
        assert_eq!(found, one(expected), "{here} -> {there}");
    }
}

#[test]
fn rules_of_fields() {
    let rule = |rule: &str| format!("string a = 1 [(buf.validate.field){rule}];");
    for (here, there, expected) in [
        (
            ".required = true",
            ".required = false",
            "required: upstream false, here true",
        ),
        (
            ".string.max_len = 3",
            ".string.max_len = 4",
            "string.max_len: upstream 4, here 3",
        ),
        (
            ".string.in = \"a\"",
            ".string = {in: [\"a\", \"b\"]}",
            "string.in: upstream \"a\", \"b\", here \"a\"",
        ),
        (
            ".string.uuid = true",
            ".string = {}",
            "string: upstream {}, here nothing",
        ),
    ] {
        let found = differences(&message(&rule(there)), &message(&rule(here)));
        let expected = format!("~ field gitpod.v1.Toy.a: option (buf.validate.field).{expected}");
        assert!(found.contains(&expected), "{expected} is not in {found:?}");
    }
    // The same rules written differently are the same rules.
    assert_eq!(
        differences(
            &message(&rule(" = {string: {min_len: 1, max_len: 2}}")),
            &message(
                "string a = 1 [(buf.validate.field).string.max_len = 2, (buf.validate.field).string.min_len = 1];"
            ),
        ),
        Vec::<String>::new()
    );
}

#[test]
fn rules_of_items_keys_and_durations() {
    for (here, there) in [
        (
            "repeated.items.string.uuid = true",
            "repeated.items.string.email = true",
        ),
        (
            "repeated.items.cel = {id: \"a\"}",
            "repeated.items.cel = {id: \"b\"}",
        ),
        ("repeated.max_items = 1", "repeated.max_items = 2"),
    ] {
        let field = |rule: &str| {
            message(&format!(
                "repeated string a = 1 [(buf.validate.field).{rule}];"
            ))
        };
        assert!(
            !differences(&field(there), &field(here)).is_empty(),
            "{here} -> {there}"
        );
    }
    for (here, there) in [
        ("keys.string.min_len = 1", "keys.string.min_len = 2"),
        ("values.string.min_len = 1", "values.string.min_len = 2"),
    ] {
        let field = |rule: &str| {
            message(&format!(
                "map<string, string> a = 1 [(buf.validate.field).map.{rule}];"
            ))
        };
        assert!(
            !differences(&field(there), &field(here)).is_empty(),
            "{here} -> {there}"
        );
    }
    let duration = |seconds: u32| {
        "syntax = \"proto3\"; package gitpod.v1; import \"buf/validate/validate.proto\"; \
         import \"google/protobuf/duration.proto\"; message Toy { google.protobuf.Duration a = 1 \
         [(buf.validate.field).duration.gte = {seconds: "
            .to_owned()
            + &format!("{seconds}}}]; }}")
    };
    assert_eq!(
        differences(&duration(60), &duration(59)),
        [
            "~ field gitpod.v1.Toy.a: option (buf.validate.field).duration.gte: upstream {seconds: 60}, here {seconds: 59}"
        ]
    );
}

#[test]
fn rules_of_oneofs_and_messages() {
    assert_change(
        "oneof c { string a = 1; }",
        "oneof c { option (buf.validate.oneof).required = true; string a = 1; }",
        &[
            "~ oneof gitpod.v1.Toy.c: option (buf.validate.oneof).required: upstream true, here nothing",
        ],
    );
    assert_change(
        "option (buf.validate.message).disabled = true;",
        "",
        &[
            "~ message gitpod.v1.Toy: option (buf.validate.message).disabled: upstream nothing, here true",
        ],
    );
    let cel = |text: &str| {
        format!("option (buf.validate.message).cel = {{id: \"a\", expression: \"{text}\"}};")
    };
    assert_change(
        &cel("true"),
        &cel("false"),
        &[
            "~ message gitpod.v1.Toy: option (buf.validate.message).cel: \
         upstream { id: \"a\" expression: \"false\" }, here { id: \"a\" expression: \"true\" }",
        ],
    );
}

#[test]
fn a_rule_that_nothing_checks_is_named() {
    let notes = |rule: &str| {
        let there = message(&format!("int32 a = 1 [(buf.validate.field).{rule}];"));
        let repository = Repository::new([("toy.proto", &message("int32 a = 1;") as &str)]);
        diff::diff(&upstream(&there), &repository.layout())
            .unwrap()
            .notes
    };
    let cel = |text: &str| notes(&format!("cel = {{id: \"a\", expression: \"{text}\"}}"));
    assert_eq!(
        cel("this != 1"),
        ["note: gitpod.v1.Toy.a: the CEL rule a (this != 1) isn't checked"]
    );
    assert_eq!(cel("this >= 1 && this <= 25"), Vec::<String>::new());
    let unknown = notes("int32.in = 1");
    assert!(
        unknown[0].starts_with("note: gitpod.v1.Toy.a: Int32Rules.in is no validation rule"),
        "{unknown:?}"
    );
}

#[test]
fn rpcs() {
    let rpc = |rpc: &str| {
        file(&format!(
            "message A {{}} message B {{}} service S {{ {rpc} }}"
        ))
    };
    let here = rpc("rpc Do(A) returns (A);");
    let with = |option: &str| rpc(&format!("rpc Do(A) returns (A) {{ option {option}; }}"));
    for (there, expected) in [
        (
            rpc("rpc Do(B) returns (A);"),
            "request: upstream gitpod.v1.B, here gitpod.v1.A",
        ),
        (
            rpc("rpc Do(A) returns (B);"),
            "response: upstream gitpod.v1.B, here gitpod.v1.A",
        ),
        (
            rpc("rpc Do(stream A) returns (A);"),
            "request: upstream stream gitpod.v1.A, here gitpod.v1.A",
        ),
        (
            rpc("rpc Do(A) returns (stream A);"),
            "response: upstream stream gitpod.v1.A, here gitpod.v1.A",
        ),
        (
            with("deprecated = true"),
            "option deprecated: upstream true, here nothing",
        ),
        (
            with("idempotency_level = NO_SIDE_EFFECTS"),
            "option idempotency_level: upstream NO_SIDE_EFFECTS, here nothing",
        ),
    ] {
        assert_eq!(
            differences(&there, &here),
            [format!("~ rpc gitpod.v1.S.Do: {expected}")]
        );
    }
    assert_eq!(
        differences(&here, &rpc("")),
        ["+ rpc gitpod.v1.S.Do: request gitpod.v1.A, response gitpod.v1.A"]
    );
    assert_eq!(
        differences(&rpc(""), &file("message A {} message B {}")),
        ["+ service gitpod.v1.S: file gitpod/v1/toy.proto"]
    );
}

#[test]
fn enums_and_their_values() {
    let kind = |body: &str| file(&format!("enum Kind {{ ZERO = 0; {body} }}"));
    let here = kind("ONE = 1;");
    for (there, expected) in [
        (
            kind("ONE = 2;"),
            vec!["~ value gitpod.v1.Kind.ONE: number: upstream 2, here 1"],
        ),
        (
            kind("ONE = 1 [deprecated = true];"),
            vec!["~ value gitpod.v1.Kind.ONE: option deprecated: upstream true, here nothing"],
        ),
        (
            kind("ONE = 1; TWO = 2;"),
            vec!["+ value gitpod.v1.Kind.TWO: number 2"],
        ),
        (kind(""), vec!["- value gitpod.v1.Kind.ONE: number 1"]),
        (
            kind("ONE = 1; reserved 5 to 9; reserved \"OLD\";"),
            vec![
                "~ enum gitpod.v1.Kind: reserved names: upstream OLD, here nothing",
                "~ enum gitpod.v1.Kind: reserved numbers: upstream 5 to 9, here nothing",
            ],
        ),
        (
            kind("option allow_alias = true; ONE = 1; ONLY = 1;"),
            vec![
                "~ enum gitpod.v1.Kind: option allow_alias: upstream true, here nothing",
                "+ value gitpod.v1.Kind.ONLY: number 1",
            ],
        ),
    ] {
        assert_eq!(differences(&there, &here), expected);
    }
}

#[test]
fn messages_oneofs_and_reservations() {
    assert_change(
        "reserved 4, 6 to 8;",
        "reserved 4; reserved \"x\";",
        &[
            "~ message gitpod.v1.Toy: reserved names: upstream x, here nothing",
            "~ message gitpod.v1.Toy: reserved numbers: upstream 4, here 4, 6 to 8",
        ],
    );
    assert_change(
        "oneof a { string x = 1; }",
        "oneof b { string x = 1; }",
        &[
            "- oneof gitpod.v1.Toy.a",
            "+ oneof gitpod.v1.Toy.b",
            "~ field gitpod.v1.Toy.x: oneof: upstream b, here a",
        ],
    );
    assert_change(
        "message In {}",
        "enum In { ZERO = 0; }",
        &[
            "+ enum gitpod.v1.Toy.In: file gitpod/v1/toy.proto",
            "- message gitpod.v1.Toy.In: file gitpod/v1/toy.proto",
            "+ value gitpod.v1.Toy.In.ZERO: number 0",
        ],
    );
}

#[test]
fn files() {
    let package = "syntax = \"proto3\"; package gitpod.v1; ";
    let import = format!("{package}import \"google/protobuf/duration.proto\";");
    let option = format!("{package}option go_package = \"a\";");
    let file = "~ file gitpod/v1/toy.proto: ";
    assert_eq!(
        differences(&import, package),
        [format!(
            "{file}imports: upstream google/protobuf/duration.proto, here nothing"
        )]
    );
    assert_eq!(
        differences(&option, package),
        [format!(
            "{file}option go_package: upstream \"a\", here nothing"
        )]
    );
}

#[test]
fn another_schema_of_the_rules_is_a_difference() {
    let repository = Repository::new([("toy.proto", TOY)]);
    let input = upstream(TOY);
    let first = diff::diff(&input, &repository.layout())
        .unwrap()
        .differences;
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(
        first[0].starts_with("~ file buf/validate/validate.proto: "),
        "{first:?}"
    );
    repository.import(&input);
    let then = diff::diff(&input, &repository.layout())
        .unwrap()
        .differences;
    assert_eq!(then, Vec::<String>::new());
}

#[test]
fn no_tree_is_no_comparison() {
    let repository = Repository::new([]);
    let error = diff::diff(&upstream(TOY), &repository.layout()).unwrap_err();
    assert!(error.to_string().contains("there is no "), "{error}");
}
