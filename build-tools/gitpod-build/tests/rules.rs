//! The validation rules of the API: all of them are in the code, and what can't be is said.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gitpod_build::Api;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, Value};

/// The API's .proto files.
fn proto() -> std::path::PathBuf {
    gitpod_build::proto_root(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/gitpod-types"),
    )
    .unwrap()
}

/// How often each rule stands in the descriptors: `string.uuid`, an item's as one of its own type.
fn in_descriptors(pool: &DescriptorPool) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in pool.all_messages() {
        if message.package_name() != "gitpod.v1" {
            continue;
        }
        let own = rules_of(&message.options());
        let is_disabled = own.as_ref().is_some_and(|rules| {
            rules
                .get_field_by_name("disabled")
                .and_then(|disabled| disabled.as_bool())
                == Some(true)
        });
        let fields = message.fields().map(|field| rules_of(&field.options()));
        let oneofs = message.oneofs().map(|oneof| rules_of(&oneof.options()));
        let below = fields.chain(oneofs).filter(|_| !is_disabled);
        for rules in [own].into_iter().chain(below).flatten() {
            count(&rules, "", &mut counts);
        }
    }
    counts
}

fn rules_of(options: &DynamicMessage) -> Option<DynamicMessage> {
    let mut rules = options
        .extensions()
        .filter(|(extension, _)| extension.full_name().starts_with("buf.validate."));
    rules
        .next()
        .and_then(|(_, rules)| rules.as_message().cloned())
}

fn count(rules: &DynamicMessage, of: &str, counts: &mut BTreeMap<String, usize>) {
    for (rule, value) in rules.fields() {
        match value {
            Value::Message(rules) if matches!(rule.name(), "items" | "keys" | "values") => {
                count(rules, "", counts);
            }
            Value::Message(rules)
                if rules.descriptor().full_name().starts_with("buf.validate.") =>
            {
                count(rules, &format!("{}.", rule.name()), counts);
            }
            _ => {
                let times = match (rule.name(), value) {
                    ("cel", Value::List(rules)) => rules.len(),
                    _ => 1,
                };
                *counts.entry(format!("{of}{}", rule.name())).or_default() += times;
            }
        }
    }
}

#[test]
fn every_rule_of_the_descriptors_is_in_the_code() {
    let pool = gitpod_build::descriptors::pool(&proto()).unwrap();
    let mut expected = in_descriptors(&pool);
    let code = Api::load(&proto()).unwrap().rules(|_| true).unwrap();
    let found = |text: &str| code.matches(text).count();

    assert!(expected.len() > 20, "{expected:?}");
    for (rule, code) in [
        ("string.uuid", "&[Text::Uuid]"),
        ("string.uri", "Text::Uri"),
        ("string.email", "Text::Email"),
        ("string.len", "Text::Len("),
        ("string.min_len", "Text::MinLen("),
        ("string.max_len", "Text::MaxLen("),
        ("string.in", "Text::In("),
        ("string.pattern", "Text::Pattern("),
        ("bytes.len", "Size::Len("),
        ("bytes.min_len", "Size::MinLen("),
        ("bytes.max_len", "Size::MaxLen("),
        ("repeated.min_items", "Size::MinItems("),
        ("repeated.max_items", "Size::MaxItems("),
        ("repeated.unique", "c.unique("),
        ("map.max_pairs", "Size::MaxPairs("),
        ("enum.defined_only", "Enum::DefinedOnly"),
        ("enum.in", "Enum::In("),
        ("enum.not_in", "Enum::NotIn("),
        ("cel", "c.cel("),
    ] {
        assert_eq!(expected.remove(rule).unwrap(), found(code), "{rule}");
    }
    let required =
        found("c.required(") + found("c.oneof(") + found("Need::Present") + found("Need::NonZero");
    assert_eq!(expected.remove("required").unwrap(), required);
    for of in ["int32", "int64", "double", "duration"] {
        let ranges: Vec<_> = code
            .lines()
            .filter(|line| line.contains(&format!("id: \"{of}.")))
            .collect();
        for (bound, code) in [
            ("gt", "Lower::Gt("),
            ("gte", "Lower::Gte("),
            ("lt", "Upper::Lt("),
            ("lte", "Upper::Lte("),
        ] {
            let found = ranges.iter().filter(|line| line.contains(code)).count();
            let expected = expected
                .remove(&format!("{of}.{bound}"))
                .unwrap_or_default();
            assert_eq!(found, expected, "{of}.{bound}");
        }
    }
    // What changes when a rule applies, and what says that none does.
    let ignore = expected.remove("ignore").unwrap();
    assert!(found("Need::SkipZero") > 0 && found("Need::SkipZero") <= ignore);
    assert_eq!(expected.remove("disabled"), Some(1));
    assert_eq!(expected, BTreeMap::new());
}

/// The numbers that the API is known to have.
#[test]
fn the_counts_are_known() {
    let pool = gitpod_build::descriptors::pool(&proto()).unwrap();
    let counts = in_descriptors(&pool);
    assert_eq!(counts["cel"], 39);
    let expressions = gitpod_build::unchecked_rules(&pool, "gitpod.v1");
    assert!(expressions.is_empty(), "{expressions:?}");
}

/// What a tree with this one message comes to.
fn rules(message: &str) -> Result<(String, Vec<String>), String> {
    let root = tempfile::tempdir().unwrap();
    let text = format!(
        "syntax = \"proto3\"; package a.v1;\nimport \"buf/validate/validate.proto\";\n\
         import \"google/protobuf/duration.proto\";\n{message}"
    );
    fs::write(root.path().join("a.proto"), text).unwrap();
    let api = Api::load(root.path()).unwrap();
    api.rules(|_| true)
        .map(|code| (code, api.unchecked_rules()))
        .map_err(|error| error.to_string())
}

#[test]
fn a_kind_that_is_not_known_is_an_error_that_names_it() {
    for (field, rule) in [
        (
            "string f = 1 [(buf.validate.field).string.prefix = \"a\"]",
            "StringRules.prefix",
        ),
        (
            "uint32 f = 1 [(buf.validate.field).uint32.lt = 1]",
            "uint32",
        ),
        (
            "int32 f = 1 [(buf.validate.field).int32.in = 1]",
            "Int32Rules.in",
        ),
        (
            "repeated double f = 1 [(buf.validate.field).repeated.unique = true]",
            "RepeatedRules.unique",
        ),
        (
            "repeated string f = 1 [(buf.validate.field).repeated.items.required = true]",
            "required",
        ),
        (
            "repeated string f = 1 [(buf.validate.field).repeated.items.string.ip = true]",
            "StringRules.ip",
        ),
        (
            "bytes f = 1 [(buf.validate.field).string.min_len = 1]",
            "string",
        ),
        (
            "oneof o { string f = 1 [(buf.validate.field).required = true]; }",
            "`required` in a oneof",
        ),
        (
            "map<int32, string> f = 1 [(buf.validate.field).map.values.string.min_len = 1]",
            "aren't strings",
        ),
    ] {
        let error = rules(&format!("message A {{ {field}; }}")).unwrap_err();
        assert!(
            error.starts_with("a.v1.A.f: ") && error.contains(rule),
            "{field}: {error}"
        );
    }
}

#[test]
fn a_text_that_is_not_known_is_left_out_and_said() {
    let (code, unchecked) = rules(
        "message A {
            string f = 1 [
                (buf.validate.field).cel = {id: \"a\", expression: \"this == 'a'\"},
                (buf.validate.field).string.pattern = \"^new$\",
                (buf.validate.field).string.max_len = 3
            ];
        }",
    )
    .unwrap();
    assert!(code.contains("&[Text::MaxLen(3)]"), "{code}");
    assert_eq!(
        unchecked,
        [
            "a.v1.A.f: the CEL rule a (this == 'a') isn't checked",
            "a.v1.A.f: the pattern ^new$ isn't checked"
        ]
    );
}

#[test]
fn a_message_whose_rules_are_disabled_is_not_checked() {
    let (code, _) = rules(
        "message A { option (buf.validate.message).disabled = true;
            string f = 1 [(buf.validate.field).required = true]; B b = 2; }
         message B { string f = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS,
            (buf.validate.field).required = true]; }
         message C { A a = 1; repeated B b = 2; }",
    )
    .unwrap();
    assert!(!code.contains("impl Validate for v1::A"), "{code}");
    assert!(!code.contains("required("), "{code}");
}

#[test]
fn what_keeps_its_rules_is_found_so_quickly() {
    let (code, _) = rules(
        "message A {
            optional google.protobuf.Duration a = 1 [(buf.validate.field).duration = {gte: {seconds: 2}, lte: {seconds: 9, nanos: 1}}];
            optional google.protobuf.Duration b = 2 [(buf.validate.field).duration = {gt: {seconds: 2, nanos: 1}, lt: {seconds: 9}}];
            optional google.protobuf.Duration c = 3 [(buf.validate.field).duration = {gte: {seconds: 2}}];
            optional string d = 4 [(buf.validate.field).string.uuid = true];
            optional string e = 5 [(buf.validate.field).string.uuid = true, (buf.validate.field).required = true];
            string f = 6 [(buf.validate.field).string = {uuid: true, max_len: 3}];
        }",
    )
    .unwrap();
    let has = |text: &str| assert!(code.contains(text), "no {text} in {code}");
    has("if let Some(value) = &self.a && !within(value, 2, 9) {");
    has("if let Some(value) = &self.b && !within(value, 4, 9) {");
    has("if self.c.is_some() {");
    has("if let Some(value) = &self.d && !is_uuid(value) {");
    // What is required is missed if it isn't there, and a UUID can be too long.
    assert_eq!(code.matches("is_uuid(").count(), 1, "{code}");
}

#[test]
fn bounds_that_are_the_wrong_way_round_exclude() {
    let (code, _) = rules(
        "message A { int32 f = 1 [(buf.validate.field).int32 = {gte: 5, lt: 1}];
            optional google.protobuf.Duration g = 2 [(buf.validate.field).duration = {gt: {seconds: 2}, lte: {nanos: 5}}]; }",
    )
    .unwrap();
    assert!(
        code.contains("id: \"int32.gte_lt_exclusive\", lower: Lower::Gte(5), upper: Upper::Lt(1)"),
        "{code}"
    );
    assert!(code.contains("id: \"duration.gt_lte_exclusive\", lower: Lower::Gt(Span(2000000000)), upper: Upper::Lte(Span(5))"), "{code}");
}
